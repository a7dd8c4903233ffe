"""Floors: by hand on a few sentences, against other ways to compute them, and as known on the real files."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import jaccard_score
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.tree import DecisionTreeClassifier

from mtlkit.data import FORMATS, Example, load
from mtlkit.evaluation import (
    accuracy,
    binomial,
    floors,
    jaccard,
    least_squares,
    majority,
    naive_bayes,
    over_seeds,
    pearson,
    recorded,
    tfidf_cosine,
)
from mtlkit.evaluation.floors import decide

PAIRS = [
    Example("a", ("A dog runs.", "The DOG runs!"), 1),
    Example("b", ("A cat sleeps.", "It rains."), 0),
    Example("c", ("The same words", "the same, words"), 1),
    Example("d", ("?", "..."), 0),
]


def labelled(labels, text="a word"):
    return [Example(str(i), (text,), label) for i, label in enumerate(labels)]


def as_series(frame):
    return frame.set_index("floor").score


# Each by itself


def test_majority_is_the_commonest_label_of_train_whatever_dev_holds():
    assert majority(labelled([1, 3, 3, 0]), labelled([1, 1])).tolist() == [3, 3]


def test_of_equally_common_labels_the_smallest_is_taken():
    assert majority(labelled([3, 1, 1, 3, 0]), labelled([0])).tolist() == [1]


def test_the_majority_of_scores_is_their_mean():
    assert majority(labelled([0.5, 4.0, 4.0]), labelled([0.0, 0.0])).tolist() == pytest.approx([8.5 / 3] * 2)


def test_jaccard_by_hand():
    assert jaccard(PAIRS).tolist() == pytest.approx([2 / 4, 0, 1, 0])


def test_jaccard_is_scikit_learns_on_indicators():
    dev = load("sts", "dev")[:80]
    words = [[re.findall(r"\w+", text.lower()) for text in example.sentences] for example in dev]
    binary = MultiLabelBinarizer().fit([word for pair in words for word in pair])
    expected = [jaccard_score(*binary.transform(pair)) for pair in words]
    assert jaccard(dev).tolist() == pytest.approx(expected)


def test_tfidf_cosine_is_scipys_cosine():
    train, dev = load("sts", "train"), load("sts", "dev")[:50]
    tfidf = TfidfVectorizer(token_pattern=r"\w+").fit([text for e in train for text in e.sentences])
    expected = [1 - cosine(*tfidf.transform(example.sentences).toarray()) for example in dev]
    assert tfidf_cosine(train, dev).tolist() == pytest.approx(expected)


def test_tfidf_learns_from_train_only():
    """A word that train lacks is left out; a pair that has no other word is not similar."""
    new = [Example("x", ("dog unicorn", "dog"), 0), Example("y", ("unicorn", "unicorn"), 0)]
    cosines = tfidf_cosine(PAIRS[:2], new)
    assert cosines.tolist() == pytest.approx([1, 0])


@pytest.mark.parametrize("similarity", [jaccard, lambda pairs: tfidf_cosine(PAIRS, pairs)])
def test_similarities_are_in_range_symmetric_and_1_for_equal_words(similarity):
    turned = [Example(e.id, e.sentences[::-1], e.label) for e in PAIRS]
    values = similarity(PAIRS)
    assert values.tolist() == pytest.approx(similarity(turned).tolist())
    assert ((values >= 0) & (values <= 1)).all()
    assert values[2] == pytest.approx(1)


def test_least_squares_correlates_on_train_at_least_as_well_as_each_of_its_features():
    train = load("sts", "train")
    labels = [example.label for example in train]
    fitted = pearson(least_squares(train, train), labels)
    assert fitted >= max(pearson(jaccard(train), labels), pearson(tfidf_cosine(train, train), labels)) - 1e-9


def test_least_squares_is_numpys():
    train, dev = load("sts", "train"), load("sts", "dev")
    there, here = (np.stack([jaccard(x), tfidf_cosine(train, x), np.ones(len(x))], 1) for x in (train, dev))
    weights = np.linalg.lstsq(there, np.array([example.label for example in train]), rcond=None)[0]
    assert least_squares(train, dev) == pytest.approx(here @ weights)


def test_naive_bayes_by_hand():
    """Binary features of "good film" and "bad film": good, bad, film, good film, bad film."""
    train = [Example("a", ("good film",), 1), Example("b", ("bad film",), 0)]
    dev = [Example("x", ("Good good.",), 0), Example("y", ("bad",), 0), Example("z", ("unseen",), 0)]
    assert naive_bayes(train, dev).tolist() == [1, 0, 0]
    often = [*train, Example("c", ("a third",), 1)]
    assert naive_bayes(often, dev).tolist() == [1, 0, 1], "without a known word the prior decides"


def test_naive_bayes_counts_a_word_once():
    train = [Example("a", ("good",), 1), Example("b", ("bad plain",), 0), Example("c", ("bad plain",), 0)]
    dev = [Example("x", ("good bad",), 0), Example("y", ("good good good good bad",), 0)]
    assert len(set(naive_bayes(train, dev))) == 1


# Thresholds


def test_the_threshold_is_learned_on_train_and_used_on_dev():
    similar, labels = np.array([0.1, 0.2, 0.6, 0.9]), np.array([0, 0, 1, 1])
    assert decide(similar, labels, np.array([0.0, 0.39, 0.41, 2.0])).tolist() == [0, 0, 1, 1]
    assert decide(similar, 1 - labels, np.array([0.0, 0.39, 0.41, 2.0])).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_is_decided_for_all(label):
    decided = decide(np.array([0.1, 0.5]), np.array([label, label]), np.array([-9.0, 0.3, 9.0]))
    assert set(decided) == {label}


@given(
    st.lists(st.tuples(st.integers(0, 6).map(lambda i: i / 6), st.integers(0, 1)), min_size=1, max_size=30)
)
def test_no_threshold_is_better_on_train(rows):
    similar, labels = (np.array(column) for column in zip(*rows, strict=True))
    found = accuracy(decide(similar, labels, similar), labels)
    cuts = np.linspace(-0.1, 1.1, 100)
    best = max(max(np.mean((similar >= cut) == labels), np.mean((similar < cut) == labels)) for cut in cuts)
    assert found == pytest.approx(best)
    stump = DecisionTreeClassifier(max_depth=1).fit(similar[:, None], labels)
    assert found >= stump.score(similar[:, None], labels)


# Tables


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("sst", ["majority", "naive Bayes"]),
        ("para", ["majority", "naive Bayes", "Jaccard", "TF-IDF cosine", "least squares"]),
        ("sts", ["mean", "Jaccard", "TF-IDF cosine", "least squares"]),
    ],
)
def test_the_mini_floors_leave_room(task, names):
    """What a model must learn is not in the words alone."""
    table = floors(task, load(task, "train"), load(task, "dev"))
    assert list(table) == ["floor", "score", "low", "high"]
    assert table.floor.tolist() == names
    assert ((table.low <= table.score) & (table.score <= table.high)).all()
    assert table.score.max() < (0.5 if task == "sst" else 0.7)


def test_scores_are_those_of_the_single_functions():
    train, dev = load("sts", "train"), load("sts", "dev")
    scores, labels = as_series(floors("sts", train, dev)), [example.label for example in dev]
    assert scores["mean"] == 0.0
    assert scores["Jaccard"] == pytest.approx(pearsonr(jaccard(dev), labels).statistic)
    assert scores["TF-IDF cosine"] == pytest.approx(pearsonr(tfidf_cosine(train, dev), labels).statistic)
    assert scores["least squares"] == pytest.approx(pearsonr(least_squares(train, dev), labels).statistic)
    train, dev = load("sst", "train"), load("sst", "dev")
    table, labels = floors("sst", train, dev), [example.label for example in dev]
    scores = as_series(table)
    assert scores["majority"] == accuracy(majority(train, dev), labels)
    assert scores["naive Bayes"] == accuracy(naive_bayes(train, dev), labels)
    assert (table.low[1], table.high[1]) == binomial(scores["naive Bayes"], len(dev))


def test_decisions_of_pairs_are_made_with_what_train_teaches():
    train, dev = load("para", "train"), load("para", "dev")
    there, here = ([example.label for example in part] for part in (train, dev))
    decided = decide(tfidf_cosine(train, train), np.array(there), tfidf_cosine(train, dev))
    assert as_series(floors("para", train, dev))["TF-IDF cosine"] == accuracy(decided, here)


def test_a_format_of_ones_own_does_as_well():
    train, dev = load("para", "train"), load("para", "dev")
    assert floors(FORMATS["para"], train, dev).equals(floors("para", train, dev))


def test_what_has_no_floor_is_refused():
    train, dev = load("sst", "train"), load("sst", "dev")
    with pytest.raises(ValueError, match="no task 'nli'"):
        floors("nli", train, dev)
    with pytest.raises(ValueError, match="dev has no examples"):
        floors("sst", train, [])
    with pytest.raises(ValueError, match="dev has examples without a label"):
        floors("sst", train, load("sst", "test-student"))
    with pytest.raises(ValueError, match=r"train, id .*: 1 sentences where sts has 2"):
        floors("sts", train, dev)


# The real files: what a model must beat there


def real(cs224n, task):
    return [load(task, split, source=cs224n, on_bad="report") for split in ("train", "dev")]


def test_floors_of_the_real_sst(cs224n):
    scores = as_series(floors("sst", *real(cs224n, "sst")))
    assert scores["majority"] == pytest.approx(279 / 1101)  # the commonest of train is not that of dev (289)
    assert scores["naive Bayes"] == pytest.approx(0.409, abs=5e-4)


def test_floors_of_the_real_sts(cs224n):
    train, dev = real(cs224n, "sts")
    scores = as_series(floors("sts", train, dev))
    assert scores["mean"] == 0
    assert scores["Jaccard"] == pytest.approx(0.601, abs=5e-4)
    assert scores["TF-IDF cosine"] == pytest.approx(0.673, abs=5e-4)
    longer = tfidf_cosine(train, dev, pattern=r"(?u)\b\w\w+\b")  # words of two letters and more
    assert pearson(longer, [example.label for example in dev]) == pytest.approx(0.676, abs=5e-4)


def test_floors_of_the_real_para(cs224n):
    """0.6247 on the 16,212 pairs of the sample, as on all 20,212; the others are known for the sample only."""
    train, dev = real(cs224n, "para")
    assert accuracy(majority(train, dev), [example.label for example in dev]) == pytest.approx(
        0.6247, abs=5e-4
    )
    if (len(train), len(dev)) != (23558, 16212):
        pytest.skip("another edition of Quora's files")
    scores = as_series(floors("para", train, dev))
    assert scores["Jaccard"] == pytest.approx(0.662, abs=5e-4)
    assert scores["TF-IDF cosine"] == pytest.approx(0.651, abs=5e-4)
    assert scores["least squares"] == pytest.approx(0.648, abs=5e-4)
    assert scores["naive Bayes"] == pytest.approx(0.736, abs=5e-4)


@pytest.mark.parametrize("source", ["mini", "cs224n"])
@pytest.mark.parametrize("task", FORMATS)
def test_recorded_floors_are_what_the_files_give(task, source, request):
    """If they differ: python tests/bench/record_floors.py."""
    table = recorded("floors").query("data == @source and task == @task")
    folder = source if source == "mini" else request.getfixturevalue("cs224n")
    train, dev = (load(task, split, source=folder, on_bad="report") for split in ("train", "dev"))
    if source == "cs224n" and [len(train), len(dev)] != table[["train_rows", "dev_rows"]].iloc[0].tolist():
        pytest.skip("another edition of these files")
    columns = ["score", "low", "high"]
    found = floors(task, train, dev)
    assert table.floor.tolist() == found.floor.tolist()
    assert table[columns].to_numpy() == pytest.approx(found[columns].to_numpy(), abs=1e-4)


@pytest.mark.parametrize("task", ["sst", "para", "sts"])
def test_the_fine_tuned_encoder_beats_every_floor_of_the_mini_set_over_five_seeds(task):
    """As recorded by tests/bench/record_single.py: the 95% interval of the mean over seeds lies above all floors."""
    runs = recorded("single").query("task == @task and data == 'mini' and method == 'full'")
    assert len(runs) == runs.seed.nunique() >= 5
    highest = recorded("floors").query("task == @task and data == 'mini'").score.max()
    assert highest <= (0.5 if task == "sst" else 0.7)
    assert over_seeds(runs.score)[1] > highest + 0.05
