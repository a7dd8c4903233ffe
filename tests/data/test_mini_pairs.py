"""The project's own sentence pairs: their format to the byte, their balance, and that no shortcut gives labels away."""

import re
from collections import Counter
from itertools import pairwise
from statistics import mean, median

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from mtlkit.data import FORMATS, load, load_labelled_test, read
from mtlkit.data.sources import DATA

MINI = DATA / "mini"
SIZES = {
    "para": {"train": 510, "dev": 306, "test-student": 155},
    "sts": {"train": 513, "dev": 308, "test-student": 156},
}
LABELLED = [
    (task, MINI / path.format(FORMATS[task].stem))
    for task in SIZES
    for path in ("{}-train.csv", "{}-dev.csv", "labels/{}-test.csv")
]
FILES = pytest.mark.parametrize(("task", "path"), LABELLED, ids=[path.stem for _, path in LABELLED])
TASKS = pytest.mark.parametrize("task", SIZES)


def sentences(task, split) -> set[str]:
    return {sentence for example in load(task, split) for sentence in example.sentences}


@TASKS
def test_counts_are_those_of_the_data_card(task):
    card = (DATA / "README.md").read_text(encoding="utf-8")
    sizes = SIZES[task]
    assert {split: len(load(task, split)) for split in sizes} == sizes
    assert f"{sizes['train']} train, {sizes['dev']} dev, {sizes['test-student']} test" in card


@TASKS
def test_test_labels_belong_to_the_test_pairs_in_order(task):
    plain, labelled = load(task, "test-student"), load_labelled_test(task)
    assert [(e.id, e.sentences) for e in plain] == [(e.id, e.sentences) for e in labelled]
    assert all(example.label is None for example in plain)


@TASKS
def test_no_two_rows_share_an_id(task):
    ids = [example.id for split in SIZES[task] for example in load(task, split)]
    assert len(set(ids)) == len(ids)


# Format


@FILES
def test_labelled_files_have_the_format_of_cs224n_to_the_byte(task, path, tmp_path):
    content = path.read_bytes()
    assert content.startswith(f"\tid\tsentence1\tsentence2\t{FORMATS[task].label}\n".encode())
    label = r"[01]\.0" if task == "para" else r"[0-5]\.\d"
    for number, line in enumerate(content.decode("ascii").splitlines()[1:]):
        assert re.fullmatch(rf'{number}\t[0-9a-f]{{25}}\t[^\t"]+\t[^\t"]+\t{label}', line), line
    table = pd.read_csv(path, sep="\t", index_col=0)
    table.to_csv(tmp_path / "again.csv", sep="\t", lineterminator="\n")
    assert (tmp_path / "again.csv").read_bytes() == content


@TASKS
@pytest.mark.parametrize("split", ["train", "dev", "test-student"])
def test_headers_are_those_of_the_real_files(task, split, cs224n):
    name = f"{FORMATS[task].stem}-{split}.csv"
    with (MINI / name).open("rb") as ours, (cs224n / name).open("rb") as theirs:
        assert ours.readline() == theirs.readline()


# Labels


@FILES
def test_labels_are_balanced_enough_and_shuffled(task, path):
    labels = np.array([example.label for example in read(path, FORMATS[task])])
    if task == "para":
        assert 0.38 < labels.mean() < 0.5
        assert 0.4 < mean(float(a == b) for a, b in pairwise(labels)) < 0.62
    else:
        counts = np.histogram(labels, bins=[0, 1, 2, 3, 4, 5.01])[0]
        assert counts.min() >= 0.07 * counts.sum()
        assert abs(np.corrcoef(labels[1:], labels[:-1])[0, 1]) < 0.2


def test_about_a_third_of_the_similarities_are_whole_numbers_as_in_the_benchmark():
    labels = [example.label for split in ("train", "dev") for example in load("sts", split)]
    assert 0.25 < mean(label == int(label) for label in labels) < 0.45


# Shortcuts


@TASKS
@pytest.mark.parametrize("side", [0, 1])
def test_one_sentence_alone_hardly_tells_the_label(task, side):
    """Words and word pairs of one side, on the development set: near chance."""
    train, dev = load(task, "train"), load(task, "dev")
    words = CountVectorizer(binary=True, ngram_range=(1, 2), token_pattern=r"\w+")
    x = words.fit_transform([example.sentences[side] for example in train])
    there = words.transform([example.sentences[side] for example in dev])
    labels, want = ([example.label for example in part] for part in (train, dev))
    if task == "para":
        chance = max(mean(want), 1 - mean(want))
        assert LogisticRegression(C=0.1).fit(x, labels).score(there, want) < chance + 0.06
    else:
        assert abs(np.corrcoef(Ridge(10).fit(x, labels).predict(there), want)[0, 1]) < 0.2


@TASKS
def test_length_hardly_tells_the_label(task):
    lengths = [
        [len(" ".join(e.sentences).split()) for e in load(task, "train") if low <= e.label / top <= high]
        for top in (FORMATS[task].high,)
        for low, high in ((0, 0.4), (0.6, 1))
    ]
    assert abs(median(lengths[0]) - median(lengths[1])) <= 2


def test_reorderings_are_at_most_a_quarter_of_the_hard_negatives():
    negatives = [e for split in ("train", "dev") for e in load("para", split) if e.label == 0]
    words = [tuple(sorted(re.findall(r"\w+", s.lower())) for s in e.sentences) for e in negatives]
    shared = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in words]
    assert sum(a == b for a, b in words) >= 10
    assert sum(a == b for a, b in words) <= 0.25 * sum(share >= 0.4 for share in shared)


# Texts


@TASKS
def test_lengths_are_natural(task):
    words = [len(s.split()) for split in SIZES[task] for s in sentences(task, split)]
    assert 7 <= median(words) <= 15
    assert max(words) >= 18
    assert len(set(words)) >= 12


@TASKS
def test_no_sentence_stands_in_two_splits_nor_does_a_near_duplicate(task):
    """Fewer than 55% of the letter triples of any two sentences of different splits are shared."""
    rows = [(split, s) for split in SIZES[task] for s in sentences(task, split)]
    counts = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True).fit_transform(
        [re.sub(r"[^a-z0-9 ]", "", s.lower()) for _, s in rows]
    )
    both = (counts @ counts.T).toarray().astype(float)
    size = both.diagonal()
    share = both / (size[:, None] + size - both)
    close = [
        (rows[i], rows[j])
        for i, j in zip(*np.where(np.triu(share, 1) >= 0.55), strict=True)
        if rows[i][0] != rows[j][0]
    ]
    assert close == []


@TASKS
def test_no_opening_is_repeated_too_often(task):
    openings = Counter(tuple(s.lower().split()[:3]) for split in SIZES[task] for s in sentences(task, split))
    assert max(openings.values()) < 0.1 * openings.total()


@TASKS
def test_no_sentence_comes_from_the_real_files(task, cs224n):
    def plain(text):
        return re.sub(r"[^a-z0-9 ]", "", text.lower())

    real = {
        plain(s)
        for split in SIZES[task]
        for e in load(task, split, source=cs224n, on_bad="report")
        for s in e.sentences
    }
    ours = {s for split in SIZES[task] for s in sentences(task, split)}
    assert [s for s in ours if plain(s) in real] == []
