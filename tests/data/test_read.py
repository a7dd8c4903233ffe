"""Reading: every malformed row is known by file, line and value; every good one is read whatever its line ends."""

import pytest

from mtlkit.data import FORMATS, DataError, Example, load, load_labelled_test, read
from mtlkit.data.sources import folder

SST, PARA, STS = FORMATS["sst"], FORMATS["para"], FORMATS["sts"]
HEADER = "\tid\tsentence\tsentiment\n"
GOOD = "0\taa\tA good one .\t3\n"
PAIR = "\tid\tsentence1\tsentence2\tis_duplicate\n"
SCORED = "\tid\tsentence1\tsentence2\tsimilarity\n"


@pytest.fixture
def file(tmp_path):
    """Writes bytes or text as a file of ours; returns its path."""

    def write(content):
        path = tmp_path / "rows.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# Malformed rows: (format, header and good row, the bad row, what its message says)
BAD = {
    "too few fields": (SST, HEADER + GOOD, "1\tbb\tno label", ["3 fields", "4"]),
    "too many fields": (SST, HEADER + GOOD, "1\tbb\ta\ttab\t2", ["5 fields", "4"]),
    "nothing": (SST, HEADER + GOOD, "", ["0 fields", "4"]),
    "empty sentence": (SST, HEADER + GOOD, "1\tbb\t\t2", ["sentence is empty"]),
    "sentence of spaces": (SST, HEADER + GOOD, "1\tbb\t   \t2", ["sentence is empty"]),
    "empty second sentence": (PARA, PAIR + "0\taa\tWhy?\tHow?\t1.0\n", "1\tbb\tWhy?\t\t1.0", ["sentence2 is empty"]),
    "empty label": (SST, HEADER + GOOD, "1\tbb\tfine\t", ["sentiment is empty"]),
    "label is a word": (SST, HEADER + GOOD, "1\tbb\tfine\tgood", ["sentiment is 'good'", "not a number"]),
    "label too high": (SST, HEADER + GOOD, "1\tbb\tfine\t5", ["sentiment is '5'", "from 0 to 4"]),
    "label below 0": (SST, HEADER + GOOD, "1\tbb\tfine\t-1", ["sentiment is '-1'", "from 0 to 4"]),
    "label is a fraction": (SST, HEADER + GOOD, "1\tbb\tfine\t2.5", ["sentiment is '2.5'", "whole"]),
    "label is nan": (SST, HEADER + GOOD, "1\tbb\tfine\tnan", ["sentiment is 'nan'", "from 0 to 4"]),
    "label is infinite": (STS, SCORED + "0\taa\ta\tb\t5\n", "1\tbb\ta\tb\tinf", ["similarity is 'inf'", "from 0 to 5"]),
    "score too high": (STS, SCORED + "0\taa\ta\tb\t5\n", "1\tbb\ta\tb\t5.01", ["similarity is '5.01'", "from 0 to 5"]),
    "duplicate is neither": (PARA, PAIR + "0\taa\ta\tb\t0.0\n", "1\tbb\ta\tb\t0.5", ["is_duplicate is '0.5'", "whole"]),
    "id seen before": (SST, HEADER + GOOD, "1\taa\tfine\t2", ["id 'aa'", "line 2"]),
    "quote never closes": (SST, HEADER + GOOD, '1\tbb\t"fine\t2', ["unbalanced quote"]),
    "text after a quote": (SST, HEADER + GOOD, '1\tbb\t"fine" film\t2', ["unbalanced quote"]),
    "test row without an id": (SST, "0\t\tid\tsentence\n1\t0.0\taa\tgood\n", "2\t1.0\t\tfine", ["id is empty"]),
}  # fmt: skip
TABLE = pytest.mark.parametrize(("format", "before", "row", "words"), BAD.values(), ids=BAD)


@TABLE
def test_a_malformed_row_stops_reading_and_is_named_by_file_line_and_value(file, format, before, row, words):
    path = file(f"{before}{row}\n")
    with pytest.raises(DataError) as caught:
        read(path, format)
    for part in (f"{path}, line 3: ", *words, 'on_bad="report"'):
        assert part in str(caught.value)


@TABLE
def test_a_malformed_row_is_dropped_and_listed_on_request(file, format, before, row, words):
    after = before.splitlines()[1].replace("aa", "zz")
    path = file(f"{before}{row}\n{after}\n")
    examples = read(path, format, on_bad="report")
    assert [example.id for example in examples] == ["aa", "zz"]
    (bad,) = examples.bad
    assert (bad.path, bad.line) == (path, 3)
    for part in words:
        assert part in bad.reason
    assert str(bad) == f"{path}, line 3: {bad.reason}"


def test_every_malformed_row_is_listed_by_its_own_line(file):
    examples = read(file(HEADER + "x\n" + GOOD + "1\tbb\tfine\t9\n\n2\tcc\tfine\t1\n"), SST, on_bad="report")
    assert [bad.line for bad in examples.bad] == [2, 4, 5]
    assert [example.label for example in examples] == [3, 1]


def test_a_bad_row_does_not_take_its_id(file):
    examples = read(file(HEADER + "0\taa\tfine\t9\n" + GOOD), SST, on_bad="report")
    assert [example.id for example in examples] == ["aa"]


def test_good_rows_are_read_in_order_and_stripped(file):
    examples = read(file(HEADER + "0\taa\t  It 's fine . \t4\n1\tbb\tbad\t0.0\n"), SST)
    assert list(examples) == [Example("aa", ("It 's fine .",), 4), Example("bb", ("bad",), 0)]
    assert [type(example.label) for example in examples] == [int, int]
    assert examples.bad == []


def test_scores_are_floats_and_both_ends_of_the_range_are_in_it(file):
    examples = read(file(SCORED + "0\taa\ta\tb\t0\n1\tbb\ta\tb\t5\n2\tcc\ta\tb\t2.75\n"), STS)
    assert [example.label for example in examples] == [0.0, 5.0, 2.75]
    assert {type(example.label) for example in examples} == {float}


def test_columns_are_found_by_name_in_any_order(file):
    examples = read(file("sentiment\tnote\tsentence\tid\n2\tx\tfine\taa\n"), SST)
    assert list(examples) == [Example("aa", ("fine",), 2)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEADER.encode() + GOOD.encode(),
        (HEADER + GOOD).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + (HEADER + GOOD).replace("\n", "\r\n").encode(),
        (HEADER + GOOD).rstrip("\n").encode(),
        (HEADER + GOOD).replace("\n", "\r\n").rstrip().encode(),
    ],
    ids=["BOM", "CRLF", "BOM and CRLF", "no final newline", "CRLF, no final newline"],
)
def test_the_same_rows_are_read_whatever_the_line_ends(file, content):
    assert list(read(file(content), SST)) == [Example("aa", ("A good one .",), 3)]


def test_a_byte_order_mark_is_no_part_of_the_first_column(file):
    (example,) = read(file(b"\xef\xbb\xbfid\tsentence\tsentiment\naa\tfine\t2\n"), SST)
    assert example.id == "aa"


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c"])
def test_only_newlines_end_a_line(file, end):
    """`str.splitlines` would cut a sentence at each of these."""
    (example,) = read(file(HEADER + f"0\taa\tone{end}two\t3\n"), SST)
    assert example.sentences == (f"one{end}two",)


def test_a_file_of_nothing_but_its_header_has_no_examples(file):
    for content in (HEADER, HEADER.rstrip("\n"), HEADER.replace("\n", "\r\n")):
        assert read(file(content), SST) == []


def test_an_empty_file_is_refused(file):
    with pytest.raises(DataError, match=r"rows\.csv.*empty"):
        read(file(b""), SST)


def test_a_file_of_another_task_is_refused_by_the_column_it_lacks(file):
    with pytest.raises(DataError, match=r"rows\.csv, line 1: no column 'sentence1'.*sentiment.*sts file"):
        read(file(HEADER + GOOD), STS, on_bad="report")


def test_what_is_not_utf8_is_refused_by_line(file):
    content = (HEADER + GOOD).encode() + "1\tbb\tcafé\t2\n".encode("latin-1")
    with pytest.raises(DataError, match=r"rows\.csv, line 3: not UTF-8"):
        read(file(content), SST, on_bad="report")


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.csv", SST)


def test_on_bad_has_two_values(file):
    with pytest.raises(ValueError, match='"raise" or "report", not \'skip\''):
        read(file(HEADER), SST, on_bad="skip")


# Quotes, as the CSV rule has them and Quora's files use them


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ('"""Why?"""', '"Why?"'),
        ('"""Why?"" he said"', '"Why?" he said'),
        ('"tab\there"', "tab\there"),
        ('5" of rain', '5" of rain'),
        ("it 's `` fine ''", "it 's `` fine ''"),
    ],
)
def test_quotes_are_undone(file, field, sentence):
    examples = read(file(PAIR + f"0\taa\t{field}\tHow?\t1.0\n"), PARA)
    assert examples[0].sentences == (sentence, "How?")


def test_a_quote_that_never_closes_costs_its_own_row_only(file):
    rows = "".join(f"{i}\tid{i}\tgood\t3\n" for i in range(1, 50))
    examples = read(file(HEADER + '0\taa\t"never closed\t3\n' + rows), SST, on_bad="report")
    assert len(examples) == 49
    assert [bad.line for bad in examples.bad] == [2]


def test_a_row_beyond_the_csv_modules_limit_is_read(file):
    (example,) = read(file(HEADER + f"0\taa\t{'good ' * 40_000}\t3\n"), SST)
    assert len(example.sentences[0]) == 199_999


# Files without labels; folders


def test_test_files_have_ids_and_sentences_and_no_labels(file):
    examples = read(file("0\t\tid\tsentence\n1\t0.0\taa\tfine\n"), SST)
    assert list(examples) == [Example("aa", ("fine",), None)]


def test_a_labelled_row_without_an_id_is_called_after_its_line(file):
    examples = read(file(HEADER + "0\t\tfine\t2\n1\t\tfiner\t3\n"), SST)
    assert [example.id for example in examples] == ["line 2", "line 3"]


@pytest.fixture
def ours(tmp_path):
    """A folder of one's own, in the format of the course's."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "ids-sst-train.csv").write_text(HEADER + GOOD)
    (tmp_path / "ids-sst-dev.csv").write_text("\tid\tsentence\n0\taa\tfine\n")
    (tmp_path / "ids-sst-test-student.csv").write_text(
        "0\t\tid\tsentence\n1\t0.0\taa\tfine\n2\t1.0\tbb\tbad\n"
    )
    (tmp_path / "labels" / "ids-sst-test.csv").write_text(HEADER + "0\taa\tfine\t3\n1\tbb\tbad\t1\n")
    return tmp_path


def test_a_folder_of_ones_own_is_a_source(ours):
    assert [example.label for example in load("sst", "train", ours)] == [3]
    assert load(SST, "train", str(ours)) == load("sst", "train", ours)
    assert [example.label for example in load("sst", "test-student", ours)] == [None, None]
    assert [example.label for example in load_labelled_test("sst", ours)] == [3, 1]


def test_train_and_dev_without_labels_are_refused(ours):
    with pytest.raises(DataError, match=r"ids-sst-dev\.csv, line 1: no column 'sentiment'"):
        load("sst", "dev", ours)


def test_test_labels_of_other_ids_are_refused(ours):
    (ours / "labels" / "ids-sst-test.csv").write_text(HEADER + "0\tbb\tbad\t1\n1\taa\tfine\t3\n")
    with pytest.raises(DataError, match=r"labels.*not those of ids-sst-test-student\.csv"):
        load_labelled_test("sst", ours)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("sentiment", "train"), ValueError, "no task 'sentiment'; there are sst, para, sts"),
        (("sst", "test"), ValueError, "no split 'test'; there are train, dev, test-student"),
        (("sst", "train", "/no/such"), FileNotFoundError, "no folder .*; give 'mini', 'cs224n' or a folder"),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(arguments, error, words):
    with pytest.raises(error, match=words):
        load(*arguments)


def test_a_wrong_task_has_no_test_labels_either():
    with pytest.raises(ValueError, match="no task 'sentiment'; there are sst, para, sts"):
        load_labelled_test("sentiment")


def test_a_file_that_a_source_lacks_is_named(ours):
    with pytest.raises(FileNotFoundError, match=r"sts-train\.csv"):
        load("sts", "train", ours)
    with pytest.raises(FileNotFoundError, match=r"labels.sts-test\.csv"):
        load_labelled_test("sts", ours)


def test_cs224n_is_looked_for_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="MTLKIT_DATA"):
        folder("cs224n")
    (tmp_path / "cs224n").mkdir()
    assert folder("cs224n") == tmp_path / "cs224n"
