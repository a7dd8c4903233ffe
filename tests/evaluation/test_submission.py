"""CS224N's prediction files: the starter's bytes, the round trip, and every way in which a file can be wrong."""

import numpy as np
import pytest
import torch

from mtlkit.data import FORMATS, DataError, Example, files, load, load_labelled_test
from mtlkit.evaluation import (
    accuracy,
    pearson,
    read_predictions,
    score,
    validate,
    write_predictions,
)

GOOD = {"sst": [0, 4, 2], "para": [1, 0, 1], "sts": [0.0, 5.0, 2.125]}
IDS = ["aa", "bb", "cc"]
EVERY = pytest.mark.parametrize("task", ["sst", "para", "sts"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions" / "dev-output.csv"


def examples(task, ids=IDS):
    return [Example(id, ("a",), label) for id, label in zip(ids, GOOD[task], strict=True)]


# Bytes and the round trip

# As the starter's `f.write(f"{p} , {s} \n")` leaves them: argmax is an int, sigmoid().round() a float.
BYTES = {
    "sst": b"id \t Predicted_Sentiment \naa , 0 \nbb , 4 \ncc , 2 \n",
    "para": b"id \t Predicted_Is_Paraphrase \naa , 1.0 \nbb , 0.0 \ncc , 1.0 \n",
    "sts": b"id \t Predicted_Similiary \naa , 0.0 \nbb , 5.0 \ncc , 2.125 \n",
}


@EVERY
def test_a_file_holds_the_starters_bytes(task, path):
    write_predictions(path, task, IDS, GOOD[task])
    assert path.read_bytes() == BYTES[task]


@EVERY
def test_what_is_written_is_read(task, path):
    write_predictions(path, task, IDS, GOOD[task])
    assert read_predictions(path, task) == list(zip(IDS, GOOD[task], strict=True))


def test_scores_make_the_round_trip_to_the_last_digit(path):
    values = np.random.default_rng(0).uniform(0, 5, 200)
    write_predictions(path, "sts", [str(i) for i in range(200)], values)
    assert [row.value for row in read_predictions(path, "sts")] == values.tolist()


def test_tensors_and_a_format_do_as_well(path):
    write_predictions(path, FORMATS["sst"], IDS, torch.tensor(GOOD["sst"]))
    assert path.read_bytes() == BYTES["sst"]
    write_predictions(path, FORMATS["sts"], IDS, torch.tensor(GOOD["sts"], dtype=torch.float32))
    assert read_predictions(path, FORMATS["sts"])[2] == ("cc", 2.125)


def test_spaces_line_ends_and_a_mark_at_the_start_do_not_matter(path):
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbfid\tPredicted_Sentiment\r\naa,3\r\n b,b , 1 \r\ncc , 2.0")
    assert read_predictions(path, "sst") == [("aa", 3), ("b,b", 1), ("cc", 2)]


@pytest.mark.parametrize("function", [read_predictions, lambda path, task: validate([], [], task)])
def test_a_task_without_a_submission_format_is_an_error(function, path):
    with pytest.raises(ValueError, match="no submission format for 'mrpc'; it has one for sst, para, sts"):
        function(path, "mrpc")


# Writing: whole or not at all

UNWRITABLE = {
    "fewer predictions": ("sst", IDS, [1, 2], r"shape \(2,\) for 3 ids"),
    "more predictions": ("sst", IDS, [1, 2, 3, 4], r"shape \(4,\) for 3 ids"),
    "logits": ("sst", IDS, np.zeros((3, 5)), r"shape \(3, 5\) for 3 ids; .* decoded"),
    "id twice": ("sst", ["aa", "bb", "aa"], [1, 2, 3], "more than one prediction for aa"),
    "empty id": ("sst", ["aa", "", "cc"], [1, 2, 3], "the id '' is not one line"),
    "id of two lines": ("sst", ["aa", "b\nb", "cc"], [1, 2, 3], "is not one line"),
    "id with spaces": ("sst", ["aa", " bb", "cc"], [1, 2, 3], "without spaces around it"),
    "NaN": ("sts", IDS, [1, np.nan, 3], "NaN or infinite: nan for bb"),
    "infinite": ("sts", IDS, [1, np.inf, 3], "NaN or infinite: inf for bb"),
    "class too high": ("sst", IDS, [1, 5, 3], "outside 0 to 4; .*: 5.0 for bb"),
    "raw logit": ("para", IDS, [0, 1, -2.5], "outside 0 to 1; .*: -2.5 for cc"),
    "score too high": ("sts", IDS, [5.01, 1, 2], "outside 0 to 5; .*: 5.01 for aa"),
    "probability": ("para", IDS, [0, 0.7, 1], "fractions, .*: 0.7 for bb"),
}


@pytest.mark.parametrize(("task", "ids", "values", "message"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_cannot_be_submitted_is_not_written(task, ids, values, message, path):
    write_predictions(path, task, IDS, GOOD[task])
    with pytest.raises(DataError, match=message) as caught:
        write_predictions(path, task, ids, values)
    assert str(caught.value).startswith(f"{path}: ")
    assert path.read_bytes() == BYTES[task]
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch):
    write_predictions(path, "sst", IDS, GOOD["sst"])

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_predictions(path, "sst", IDS, [1, 1, 1])
    assert path.read_bytes() == BYTES["sst"]
    assert list(path.parent.iterdir()) == [path]


# Reading

UNREADABLE = {
    "nothing": (b"", "line 1: the header is ''"),
    "another task's": (
        BYTES["para"],
        "line 1: the header is .*Predicted_Is_Paraphrase.* has id, a tab and Pred.*Sent",
    ),
    "no header": (b"aa , 3 \n", "line 1: the header is 'aa , 3 '"),
    "no comma": (BYTES["sst"] + b"dd 3 \n", "line 5: 'dd 3 ' is not an id, a comma and a prediction"),
    "an empty line": (BYTES["sst"] + b"\n", "line 5: '' is not"),
    "no id": (BYTES["sst"] + b" , 3 \n", "line 5: ' , 3 ' is not"),
    "a word": (BYTES["sst"] + b"dd , good \n", "line 5: the prediction is 'good'; not a number"),
    "no prediction": (BYTES["sst"] + b"dd , \n", "line 5: the prediction is ''; not a number"),
    "a tensor": (BYTES["sst"] + b"dd , tensor(3) \n", r"line 5: the prediction is 'tensor\(3\)'"),
    "not UTF-8": (BYTES["sst"] + b"d\xff , 3 \n", "line 5: not UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_malformed_file_is_named_by_file_line_and_value(content, message, path):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(path, "sst")
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(path):
    with pytest.raises(FileNotFoundError):
        read_predictions(path, "sst")


# Validating

INVALID = {
    "missing": ("sst", [("aa", 0), ("cc", 2)], "no prediction for bb$"),
    "all missing": ("sst", [], "no prediction for aa, bb, cc$"),
    "unknown": (
        "sst",
        [*zip(IDS, [0, 4, 2], strict=True), ("zz", 1)],
        "^no example has the id zz; another split's",
    ),
    "twice": ("sst", [*zip(IDS, [0, 4, 2], strict=True), ("aa", 1)], "^more than one prediction for aa$"),
    "NaN": (
        "sts",
        list(zip(IDS, [0, np.nan, 2], strict=True)),
        "^predictions are NaN or infinite: nan for bb$",
    ),
    "too low": (
        "sts",
        list(zip(IDS, [0, -0.1, 2], strict=True)),
        "^predictions lie outside 0 to 5; .*: -0.1 for bb$",
    ),
    "too high": (
        "para",
        list(zip(IDS, [0, 1, 2], strict=True)),
        "^predictions lie outside 0 to 1; .*: 2 for cc$",
    ),
    "fraction": (
        "sst",
        list(zip(IDS, [0, 1.5, 2], strict=True)),
        "^predictions are fractions, .*: 1.5 for bb$",
    ),
}


@pytest.mark.parametrize(("task", "predictions", "message"), INVALID.values(), ids=INVALID)
def test_what_is_wrong_is_refused_and_named(task, predictions, message):
    with pytest.raises(DataError, match=message):
        validate(predictions, examples(task), task)


def test_everything_wrong_is_said_at_once_and_briefly():
    ids = [f"x{i}" for i in range(10)]
    wrong = [("aa", np.nan), ("aa", 9), *((id, 0.5) for id in ids)]
    with pytest.raises(DataError) as caught:
        validate(wrong, examples("sst"), "sst")
    said = str(caught.value)
    for part in (
        "bb, cc",
        "x0, x1, x2 and 7 more",
        "nan for aa",
        "9 for aa",
        "0.5 for x0",
        "more than one",
        "for aa",
    ):
        assert part in said


@EVERY
def test_good_predictions_pass_in_any_order(task):
    validate(reversed(list(zip(IDS, GOOD[task], strict=True))), examples(task), task)


# Scoring


def shifted(labels, format):
    """Predictions that are good but not perfect: every third label is moved by one, towards the middle."""
    middle = (format.low + format.high) / 2
    return [label + (1 if label < middle else -1) * (i % 3 == 0) for i, label in enumerate(labels)]


@EVERY
def test_the_score_is_the_tasks_metric_whatever_the_order_of_rows(task, path):
    dev = load(task, "dev")
    labels = [example.label for example in dev]
    values = shifted(labels, FORMATS[task])
    order = np.random.default_rng(1).permutation(len(dev))
    write_predictions(path, task, [dev[i].id for i in order], [values[i] for i in order])
    metric = pearson if task == "sts" else accuracy
    assert score(path, dev, task) == pytest.approx(metric(values, labels), abs=1e-12)


@EVERY
def test_test_predictions_are_scored_against_the_labelled_test_examples(task, path):
    test = load_labelled_test(task)
    write_predictions(path, task, [e.id for e in load(task, "test-student")], [e.label for e in test])
    assert score(path, test, task) == pytest.approx(1, abs=1e-12)


def test_a_score_needs_labels(path):
    test = load("sst", "test-student")
    write_predictions(path, "sst", [example.id for example in test], [1] * len(test))
    with pytest.raises(ValueError, match="load_labelled_test"):
        score(path, test, "sst")


def test_a_file_that_is_not_of_these_examples_is_named(path):
    write_predictions(path, "sst", IDS, GOOD["sst"])
    with pytest.raises(DataError, match="no prediction for dd") as caught:
        score(path, [*examples("sst"), Example("dd", ("a",), 1)], "sst")
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("task", "value"), [("sst", 3), ("para", 0), ("sts", 2.5)])
def test_constant_predictions_have_a_score_and_a_warning(task, value, path):
    dev = load(task, "dev")
    write_predictions(path, task, [example.id for example in dev], [value] * len(dev))
    with pytest.warns(UserWarning, match="say nothing about these .* constant"):
        found = score(path, dev, task)
    assert found == (0 if task == "sts" else np.mean([example.label == value for example in dev]))


# The starter before a2ca9c9: zip(dev_sst_sent_ids, test_sst_y_pred)


@EVERY
def test_test_predictions_beside_dev_ids_are_refused_where_their_numbers_differ(task, path):
    dev, test = load(task, "dev"), load_labelled_test(task)
    with pytest.raises(DataError, match="are both of the same split"):
        write_predictions(path, task, [e.id for e in dev], [e.label for e in test])
    assert not path.exists()


@EVERY
def test_a_dev_file_with_the_test_split_is_refused(task, path):
    test = load_labelled_test(task)
    write_predictions(path, task, [e.id for e in test], [e.label for e in test])
    with pytest.raises(
        DataError, match=r"no prediction for .*and \d+ more; no example has the id .*another split's"
    ):
        score(path, load(task, "dev"), task)


@EVERY
def test_a_dev_file_written_with_test_predictions_is_caught_where_their_numbers_agree(task, path):
    test = load_labelled_test(task)
    dev = load(task, "dev")[: len(test)]
    write_predictions(path, task, [e.id for e in dev], [e.label for e in test][: len(dev)])
    with pytest.warns(UserWarning, match=r"shuffled up to .* another split's\?"):
        score(path, dev, task)
