"""The course's real files, all of them: what is in them is known to the row."""

from collections import Counter

import pandas as pd
import pytest

from mtlkit.data import FORMATS, DataError, load, read

# (task, split): lines in the file, usable rows, lines that are not usable
FILES = {
    ("sst", "train"): (8545, 8544, []),
    ("sst", "dev"): (1102, 1101, []),
    ("sst", "test-student"): (2211, 2210, []),
    ("sts", "train"): (6041, 6040, []),
    ("sts", "dev"): (864, 863, []),
    ("sts", "test-student"): (1726, 1725, []),
    ("para", "train"): (23559, 23558, []),
    ("para", "dev"): (16215, 16212, [2577, 14222]),
    ("para", "test-student"): (4001, 4000, []),
}


def file(folder, task, split):
    """The path; skips where this is another edition of Quora's files, whose numbers are not recorded here."""
    path = folder / f"{FORMATS[task].stem}-{split}.csv"
    if path.read_bytes().count(b"\n") != FILES[task, split][0]:
        if task == "para":
            pytest.skip(f"{path} is another edition")
        pytest.fail(f"{path} is not the published file")
    return path


@pytest.mark.parametrize(("task", "split"), FILES, ids=["-".join(key) for key in FILES])
def test_every_row_is_read_or_listed(cs224n, task, split):
    path = file(cs224n, task, split)
    lines, usable, bad = FILES[task, split]
    examples = load(task, split, source=cs224n, on_bad="report")
    assert len(examples) == usable
    assert [row.line for row in examples.bad] == bad
    assert {row.path for row in examples.bad} <= {path}
    assert lines == 1 + usable + len(bad)
    assert len({example.id for example in examples}) == usable
    labelled = split != "test-student"
    assert all((example.label is not None) == labelled for example in examples)


def test_the_first_bad_row_of_quora_stops_reading(cs224n):
    path = file(cs224n, "para", "dev")
    with pytest.raises(
        DataError, match=r"quora-dev\.csv, line 2577: is_duplicate is empty.*on_bad=\"report\""
    ):
        read(path, FORMATS["para"])


def test_both_bad_rows_of_quora_are_described(cs224n):
    bad = read(file(cs224n, "para", "dev"), FORMATS["para"], on_bad="report").bad
    assert [row.reason for row in bad] == ["is_duplicate is empty", "sentence2 is empty"]


@pytest.mark.parametrize(("task", "split"), FILES, ids=["-".join(key) for key in FILES])
def test_pandas_reads_the_same(cs224n, task, split):
    """Quotes too: over 600 of Quora's fields are wrapped in tripled ones."""
    path, format = file(cs224n, task, split), FORMATS[task]
    table = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
    for line in reversed(FILES[task, split][2]):
        table = table.drop(index=line - 2)
    examples = read(path, format, on_bad="report")
    ids = zip((example.id for example in examples), table.id, strict=True)
    assert all(ours == theirs or (theirs == "" and ours.startswith("line ")) for ours, theirs in ids)
    for side, column in enumerate(format.sentences):
        assert [example.sentences[side] for example in examples] == table[column].str.strip().tolist()
    if split != "test-student":
        assert [example.label for example in examples] == table[format.label].astype(float).tolist()


def test_tripled_quotes_are_in_there(cs224n):
    assert b'\t"""' in file(cs224n, "para", "dev").read_bytes()


def test_labels_have_their_classes(cs224n):
    counts = Counter(example.label for example in load("sst", "dev", source=cs224n))
    assert counts == {0: 139, 1: 289, 2: 229, 3: 279, 4: 165}  # the published split of the treebank
    scores = [example.label for example in load("sts", "dev", source=cs224n)]
    assert (min(scores), max(scores)) == (0.0, 5.0)


def test_cs224n_by_name_is_the_folder_of_the_variable(cs224n, monkeypatch):
    monkeypatch.setenv("MTLKIT_DATA", str(cs224n.parent))
    assert load("sst", "dev", "cs224n") == load("sst", "dev", cs224n)
