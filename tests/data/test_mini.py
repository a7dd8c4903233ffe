"""The data that comes with the project: its format to the byte, its balance, and that no text stands in for two."""

import re
from collections import Counter
from itertools import pairwise
from statistics import mean, median

import pandas as pd
import pytest

from mtlkit.data import load, load_labelled_test, read
from mtlkit.data.read import SST
from mtlkit.data.sources import DATA

MINI = DATA / "mini"
SIZES = {"train": 560, "dev": 320, "test-student": 160}
LABELLED = {
    "train": MINI / "ids-sst-train.csv",
    "dev": MINI / "ids-sst-dev.csv",
    "test": MINI / "labels" / "ids-sst-test.csv",
}
SPLIT = pytest.mark.parametrize("path", LABELLED.values(), ids=LABELLED)


@pytest.fixture(scope="module")
def texts():
    """Every text of the project's own data: split -> list."""
    return {split: [example.sentences[0] for example in load("sst", split)] for split in SIZES}


@pytest.mark.parametrize(("split", "size"), SIZES.items())
def test_counts_are_those_of_the_data_card(split, size):
    assert len(load("sst", split)) == size
    card = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"{size} {split.partition('-')[0]}" in card


@SPLIT
def test_classes_are_balanced(path):
    counts = Counter(example.label for example in read(path, SST))
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert max(counts.values()) - min(counts.values()) <= 0.1 * mean(counts.values())


@SPLIT
def test_neighbours_share_a_class_no_more_than_chance(path):
    """The rows are shuffled: neither sorted by class nor dealt out in turn."""
    labels = [example.label for example in read(path, SST)]
    same = mean(a == b for a, b in pairwise(labels))
    assert 0.05 < same < 0.35


def test_test_labels_belong_to_the_test_sentences_in_order():
    plain, labelled = load("sst", "test-student"), load_labelled_test("sst")
    assert [(e.id, e.sentences) for e in plain] == [(e.id, e.sentences) for e in labelled]
    assert all(example.label is None for example in plain)


def test_no_two_rows_share_an_id():
    ids = [example.id for split in SIZES for example in load("sst", split)]
    assert len(set(ids)) == len(ids)


# Format


@SPLIT
def test_labelled_files_have_the_format_of_cs224n_to_the_byte(path, tmp_path):
    content = path.read_bytes()
    assert content.startswith(b"\tid\tsentence\tsentiment\n")
    assert content.endswith(b"\n")
    assert not content.endswith(b"\n\n")
    assert b"\r" not in content
    for number, line in enumerate(content.decode("utf-8").splitlines()[1:]):
        assert re.fullmatch(rf"{number}\t[0-9a-f]{{25}}\t[^\t]+\t[0-4]", line), line
    # the course's files were written by pandas: so written, ours come out the same
    table = pd.read_csv(path, sep="\t", index_col=0)
    table.to_csv(tmp_path / "again.csv", sep="\t", lineterminator="\n")
    assert (tmp_path / "again.csv").read_bytes() == content


def test_the_test_file_has_the_format_of_cs224n_to_the_byte():
    content = (MINI / "ids-sst-test-student.csv").read_bytes()
    assert content.startswith(b"0\t\tid\tsentence\n")
    assert content.endswith(b"\n")
    assert b"\r" not in content
    for number, line in enumerate(content.decode("utf-8").splitlines()[1:], start=1):
        assert re.fullmatch(rf"{number}\t{number - 1}\.0\t[0-9a-f]{{25}}\t[^\t]+", line), line


@pytest.mark.parametrize("split", SIZES)
def test_headers_and_columns_are_those_of_the_real_files(cs224n, split):
    name = f"ids-sst-{split}.csv"
    with (MINI / name).open("rb") as ours, (cs224n / name).open("rb") as theirs:
        assert ours.readline() == theirs.readline()
        shape = re.compile(rb"\d+\t(\d+\.0\t)?[0-9a-f]+\t[^\t]+(\t\d)?\n")
        a, b = shape.fullmatch(ours.readline()), shape.fullmatch(theirs.readline())
        assert [bool(part) for part in a.groups()] == [bool(part) for part in b.groups()]


# Texts


def test_lengths_are_natural(texts):
    words = [len(text.split()) for part in texts.values() for text in part]
    assert 10 <= median(words) <= 25
    assert min(words) <= 5
    assert max(words) >= 30
    assert len(set(words)) >= 25


def test_lengths_do_not_give_the_class_away():
    lengths = {label: [] for label in range(5)}
    for example in load("sst", "train"):
        lengths[example.label].append(len(example.sentences[0].split()))
    medians = [median(part) for part in lengths.values()]
    assert max(medians) <= 1.5 * min(medians)


def plain(text):
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).split()


def trigrams(text):
    text = " ".join(plain(text))
    return {text[i : i + 3] for i in range(len(text) - 2)}


def jaccard(a, b):
    return len(a & b) / len(a | b)


def test_near_duplicates_would_be_seen():
    """The measure below, on a text and three disguises of it, and on two texts about one thing."""
    text = "A slow, rainy film about two brothers, and I would not give back a minute of it."
    for other in (
        "A slow and rainy film about two brothers, and I would not give back a minute of it!",
        "A slow, snowy film about two sisters, and I would not give back a minute of it.",
        "I would not give back a minute of it, a slow rainy film about two brothers.",
    ):
        assert jaccard(trigrams(text), trigrams(other)) > 0.5
    assert jaccard(trigrams(text), trigrams("Two brothers, rain, no plot: I wanted my evening back.")) < 0.5


def test_no_text_has_a_near_duplicate(texts):
    """Neither across splits nor within one: fewer than half of the letter triples of any two are shared."""
    rows = [(text, trigrams(text)) for part in texts.values() for text in part]
    close = [
        (a, b) for i, (a, left) in enumerate(rows) for b, right in rows[:i] if jaccard(left, right) >= 0.5
    ]
    assert close == []


def test_no_sentence_frame_is_repeated(texts):
    frames = Counter(tuple(plain(text)[:3]) for part in texts.values() for text in part)
    assert [frame for frame, count in frames.items() if count > 4] == []
    tails = Counter(tuple(plain(text)[-3:]) for part in texts.values() for text in part)
    assert [tail for tail, count in tails.items() if count > 4] == []


@pytest.mark.parametrize("label", range(5))
def test_every_class_has_negation_and_contrast(label):
    texts = [e.sentences[0].lower() for e in load("sst", "train") if e.label == label]
    assert (
        sum(bool(re.search(r"\b(not|no|never|nothing|nobody|hardly|without)\b|n['’]t\b", t)) for t in texts)
        >= 10
    )
    assert sum(bool(re.search(r"\b(but|though|although|yet|still|however)\b", t)) for t in texts) >= 5


def test_no_sentence_comes_from_the_real_files(texts, cs224n):
    real = {
        " ".join(plain(example.sentences[0]))
        for split in SIZES
        for example in load("sst", split, source=cs224n)
    }
    ours = [text for part in texts.values() for text in part]
    assert [text for text in ours if " ".join(plain(text)) in real] == []
