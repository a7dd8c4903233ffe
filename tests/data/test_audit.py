"""What an audit counts: by hand on a few rows, and as known on the real files."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlkit.data import FORMATS, Example, audit, encode, load
from mtlkit.data.audit import repetitions, shared, unordered

PARA = {
    "train": [
        ("aa", "Why?", "How?", "1.0"),
        ("bb", "Why?", "How?", "1.0"),  # as it stands
        ("cc", "How?", "Why?", "0.0"),  # exchanged, and with another label
        ("dd", "Who?", "Who?", "1.0"),  # one sentence twice is no exchange
        ("ee", "Who?", "Who?", "0.0"),  # the same with another label
        ("ff", "When?", "", "0.0"),
        ("gg", "When?", "Where?", ""),
        ("hh", "When?", "Where?", ""),
        ("ii", "When?", "Where?", "0.0"),
    ],
    "dev": [("jj", "How?", "Why?", "1.0"), ("kk", "Where?", "When?", "1.0"), ("ll", "Who?", "What?", "0.0")],
    "test-student": [("mm", "Where?", "When?"), ("nn", "Whose?", "Whom?")],
}


def write(folder, task, splits):
    format = FORMATS[task]
    for split, rows in splits.items():
        names = ["id", *format.sentences] + [format.label] * (split != "test-student")
        lines = ["\t".join(["", *names]), *("\t".join([str(i), *row]) for i, row in enumerate(rows))]
        (folder / f"{format.stem}-{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def para(tmp_path):
    return audit("para", write(tmp_path, "para", PARA))


def test_rows_are_those_of_the_file_read_or_dropped(para):
    assert para.frame[["rows", "read", "dropped"]].T.to_dict("list") == {
        "train": [9, 6, 3],
        "dev": [3, 3, 0],
        "test-student": [2, 2, 0],
    }
    assert para.reasons["train"] == {"is_duplicate is empty": 2, "sentence2 is empty": 1}
    assert next(iter(para.reasons["train"])) == "is_duplicate is empty", "the commonest comes first"
    assert para.reasons["dev"] == para.reasons["test-student"] == {}


def test_repeated_rows_are_counted_once_by_how_they_repeat(para):
    assert para.frame[["duplicates", "swapped", "conflicts"]].T.to_dict("list") == {
        "train": [2, 1, 2],
        "dev": [0, 0, 0],
        "test-student": [0, 0, 0],
    }


def test_shares_of_classes_and_none_where_there_are_no_labels(para):
    assert para.frame.loc["train", ["label_0", "label_1"]].tolist() == [0.5, 0.5]
    assert para.frame.loc["dev", ["label_0", "label_1"]].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert para.frame.loc["test-student", ["label_0", "label_1"]].isna().all()


def test_what_splits_share(para):
    assert list(para.overlap.index) == ["train/dev", "train/test-student", "dev/test-student"]
    assert para.overlap.T.to_dict("list") == {
        "train/dev": [2, 2, 5, 3],
        "train/test-student": [1, 0, 2, 1],
        "dev/test-student": [1, 0, 2, 1],
    }


def test_a_label_that_train_gives_in_two_ways_differs_from_one(tmp_path):
    """("Why?", "How?") is 1 and 0 in train, 1 in dev: whoever learns it by heart cannot be right for sure."""
    pairs = {"train": PARA["train"][:3], "dev": PARA["dev"][:1]}
    assert audit("para", write(tmp_path, "para", pairs)).overlap.conflicts.tolist() == [1]


def test_it_says_so_in_a_sentence_a_split(para):
    train, dev, test, *overlaps = str(para).splitlines()
    assert train == (
        "train: 9 rows, 3 of them dropped (2 because is_duplicate is empty, 1 because sentence2 is empty); labels "
        "0 (50.0%), 1 (50.0%); rows that repeat an earlier one: 3 (sentences exchanged: 1, another label: 2)."
    )
    assert dev == "dev: 3 rows; labels 0 (33.3%), 1 (66.7%); no row repeats another."
    assert test == "test-student: 2 rows; no labels; no row repeats another."
    assert overlaps[0] == (
        "train and dev have in common: examples: 2 (labels differ: 2), sentences: 5; "
        "rows of dev with such a sentence: 3."
    )


def test_many_reasons_are_cut_short(tmp_path):
    rows = [("aa", "Why?", "How?", "0.0"), *((f"b{i}", "Why?", "How?", str(i)) for i in range(2, 8))]
    found = audit("para", write(tmp_path, "para", {"train": rows}))
    assert len(found.reasons["train"]) == 6
    assert str(found).count("because") == 3
    assert "3 other reasons" in str(found)


def test_scores_have_quantiles_and_a_share_of_whole_numbers(tmp_path):
    rows = [
        (f"a{i}", f"one {i}", f"two {i}", label)
        for i, label in enumerate(["0.0", "1.0", "2.5", "4.0", "4.8"])
    ]
    found = audit("sts", write(tmp_path, "sts", {"train": rows}))
    names = ["label_min", "label_25", "label_median", "label_75", "label_max", "whole"]
    assert found.frame.loc["train", names].tolist() == [0, 1, 2.5, 4, 4.8, 0.6]
    assert "scores from 0 to 4.8, half of them from 1 to 4, 60% whole numbers" in str(found)


def test_histograms_count_every_value(para, minilm_tokenizer):
    labels = para.histograms
    assert set(labels.quantity) == {"label"}
    assert labels.groupby("split")["count"].sum().to_dict() == {"train": 6, "dev": 3}
    found = audit("sts", "mini", minilm_tokenizer).histograms
    counted = found[(found.split == "dev") & (found.quantity == "label")].set_index("value")["count"]
    expected = pd.Series([example.label for example in load("sts", "dev")]).value_counts().sort_index()
    assert counted.to_dict() == expected.to_dict()
    sentences = found[found.quantity == "length"].groupby("split")["count"].sum()
    assert sentences["dev"] == 2 * len(load("sts", "dev"))


@pytest.mark.parametrize("task", FORMATS)
def test_lengths_are_those_of_encode(task, minilm_tokenizer):
    found = audit(task, "mini", minilm_tokenizer)
    for split, row in found.frame.iterrows():
        encoded = encode(load(task, split), minilm_tokenizer, pairing="two")
        lengths = [len(ids) for side in encoded.rows for ids in side]
        expected = [np.median(lengths), np.quantile(lengths, 0.95), max(lengths)]
        assert row[["length_median", "length_95", "length_max"]].tolist() == expected
    assert "word pieces (median)" in str(found)


def test_the_callers_tokenizer_keeps_its_settings(minilm_tokenizer):
    cut = type(minilm_tokenizer).from_str(minilm_tokenizer.to_str())
    cut.enable_truncation(4)
    found, expected = audit("sst", "mini", cut), audit("sst", "mini", minilm_tokenizer)
    assert found.frame.equals(expected.frame)
    assert cut.truncation["max_length"] == 4


@pytest.mark.parametrize("task", FORMATS)
def test_the_mini_files_repeat_and_share_nothing(task):
    found = audit(task)
    assert list(found.frame.index) == ["train", "dev", "test-student"]
    assert not found.frame[["dropped", "duplicates", "swapped", "conflicts"]].any(axis=None)
    assert not found.overlap.any(axis=None)
    assert str(found).count("have no sentence in common.") == 3


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        audit("para", tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        audit("para", tmp_path / "nowhere")
    assert list(audit("para", write(tmp_path, "para", {"dev": PARA["dev"]})).frame.index) == ["dev"]
    with pytest.raises(ValueError, match="no task 'nli'"):
        audit("nli")


def test_a_file_without_a_good_row_is_counted_too(tmp_path, minilm_tokenizer):
    found = audit("para", write(tmp_path, "para", {"train": [("aa", "", "", "1.0")]}), minilm_tokenizer)
    assert found.frame.loc["train", ["rows", "read", "dropped"]].tolist() == [1, 0, 1]
    assert "no labels" in str(found)


rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from([0, 1, None])), max_size=12
)


def as_examples(found):
    return [Example(str(i), (a, b), label) for i, (a, b, label) in enumerate(found)]


@given(rows)
def test_what_does_not_repeat_is_a_set(found):
    found = as_examples(found)
    counts = repetitions(found)
    assert counts["duplicates"] == len(found) - len({e.sentences for e in found})
    assert counts["duplicates"] + counts["swapped"] == len(found) - len({unordered(e) for e in found})
    assert counts["conflicts"] <= counts["duplicates"] + counts["swapped"]


@given(rows, rows)
def test_sharing_is_mutual(first, second):
    first, second = as_examples(first), as_examples(second)
    one, other = shared(first, second), shared(second, first)
    assert all(one[name] == other[name] for name in ("examples", "conflicts", "sentences"))
    assert one["conflicts"] <= one["examples"]
    assert (one["sentences"] > 0) == (one["rows"] > 0) == (other["rows"] > 0)
    assert shared(first, first)["rows"] == len(first)


# The real files


def test_the_real_sts_repeats_itself(cs224n):
    found = audit("sts", cs224n)
    assert found.frame["rows"].to_dict() == {"train": 6040, "dev": 863, "test-student": 1725}
    assert found.frame.loc["train", ["duplicates", "swapped", "conflicts"]].tolist() == [30, 13, 17]
    assert found.frame.whole["dev"] == pytest.approx(0.337, abs=5e-4)
    assert found.overlap.loc["train/dev"].tolist() == [15, 6, 221, 194]


def test_the_real_sst_has_its_published_classes(cs224n):
    counts = audit("sst", cs224n).histograms.set_index(["split", "value"])["count"]
    assert counts["train"].tolist() == [1092, 2218, 1624, 2322, 1288]
    assert counts["dev"].tolist() == [139, 289, 229, 279, 165]


def test_the_real_quora_has_two_bad_rows(cs224n):
    found = audit("para", cs224n)
    assert found.reasons["dev"] == {"is_duplicate is empty": 1, "sentence2 is empty": 1}
    assert found.frame.label_0["dev"] == pytest.approx(0.6247, abs=5e-4)
