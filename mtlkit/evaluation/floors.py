"""What a score must beat: models that learn nothing, or only count words.

Each floor is a function of examples, as `mtlkit.data.load` gives them, and returns what it predicts. A word is a run of
letters, digits and underscores (`\\w+`), in lower case. scikit-learn does the counting; it is imported where it is
used, because that takes over a second.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..data.read import FORMATS, Example, Format
from .intervals import binomial, bootstrap
from .metrics import accuracy, pearson

WORD = r"\w+"


def floors(task: str | Format, train: Sequence[Example], dev: Sequence[Example]) -> pd.DataFrame:
    """The floors of a task: one row each, with columns floor, score, low, high.

    task: "sst", "para", "sts" or a `Format`. train, dev: its labelled examples; nothing is fitted on dev.
    Classes (SST, PARA) are scored by accuracy with Wilson's 95% interval, scores (STS) by Pearson's correlation with
    a bootstrapped one. Single sentences: majority and naive Bayes. Pairs: the similarities too; where labels are 0
    and 1 each becomes a decision by the threshold and direction that are best on train. The mean of all scores is a
    constant, whose correlation is 0.0.
    Raises ValueError for an unknown task, no examples, examples without labels, or without the task's one or two
    sentences.
    """
    if isinstance(task, str) and task not in FORMATS:
        raise ValueError(f"no task {task!r}; there are {', '.join(FORMATS)}, or give a Format")
    format = FORMATS[task] if isinstance(task, str) else task
    for name, examples in (("train", train), ("dev", dev)):
        check(name, examples, format)
    predictions = {"majority" if format.whole else "mean": majority(train, dev)}
    if format.whole:
        predictions["naive Bayes"] = naive_bayes(train, dev)
    labels, wanted = label_array(train), label_array(dev)
    if len(format.sentences) == 2:
        both = [*train, *dev]  # so that the words are counted once
        features = np.stack([jaccard(both), tfidf_cosine(train, both)], axis=1)
        fitted = regression(features[: len(train)], labels, features)
        names = ("Jaccard", "TF-IDF cosine", "least squares")
        for name, similar in zip(names, (*features.T, fitted), strict=True):
            there, here = np.split(similar, [len(train)])
            predictions[name] = decide(there, labels, here) if format.whole else here
    score = accuracy_with_interval if format.whole else pearson_with_interval
    rows = [(name, *score(predicted, wanted)) for name, predicted in predictions.items()]
    return pd.DataFrame(rows, columns=["floor", "score", "low", "high"])


def majority(train: Sequence[Example], examples: Sequence[Example]) -> np.ndarray:
    """The commonest label of train (of equally common ones the smallest) for every example, (n,).

    Where labels are scores, not whole numbers: their mean.
    """
    labels = label_array(train)
    if labels.dtype.kind == "f":
        return np.full(len(examples), labels.mean())
    values, counts = np.unique(labels, return_counts=True)
    return np.full(len(examples), values[counts.argmax()])


def naive_bayes(train: Sequence[Example], examples: Sequence[Example]) -> np.ndarray:
    """Multinomial naive Bayes on which words and pairs of neighbouring words occur, smoothed by 0.5; labels, (n,).

    The binary features of Wang and Manning (2012). The two sentences of a pair are read as one text.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    words = CountVectorizer(binary=True, ngram_range=(1, 2), token_pattern=WORD)
    there = words.fit_transform(" ".join(example.sentences) for example in train)
    model = MultinomialNB(alpha=0.5).fit(there, label_array(train))
    return model.predict(words.transform(" ".join(example.sentences) for example in examples))


def jaccard(examples: Sequence[Example]) -> np.ndarray:
    """The words that both sentences share, divided by the words of either: (n,), in [0, 1] (Jaccard 1901).

    0 where neither sentence has a word.
    """
    words = [[set(re.findall(WORD, text.lower())) for text in example.sentences] for example in examples]
    return np.array([len(a & b) / max(len(a | b), 1) for a, b in words])


def tfidf_cosine(train: Sequence[Example], examples: Sequence[Example], pattern: str = WORD) -> np.ndarray:
    """The cosine of the sentences' TF-IDF vectors, (n,), in [0, 1]: shared words count, rare ones more.

    How rare a word is, is learned from all sentences of train; words that train does not have are left out.
    pattern: what a word is. scikit-learn's own, r"(?u)\\b\\w\\w+\\b", drops words of one letter.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text for example in train for text in example.sentences]
    tfidf = TfidfVectorizer(token_pattern=pattern).fit(texts)
    a, b = (tfidf.transform(example.sentences[side] for example in examples) for side in (0, 1))
    return np.clip(np.asarray(a.multiply(b).sum(axis=1)).ravel(), 0, 1)  # the rows have length 1 (or 0)


def least_squares(train: Sequence[Example], examples: Sequence[Example]) -> np.ndarray:
    """Labels predicted from Jaccard and TF-IDF cosine by a linear regression on train, (n,)."""
    there, here = (np.stack([jaccard(part), tfidf_cosine(train, part)], axis=1) for part in (train, examples))
    return regression(there, label_array(train), here)


def regression(features: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A least-squares fit, with an intercept, of labels (n,) on features (n, F), applied to `others` (m, F): (m,)."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(features, labels).predict(others)


def decide(similarities: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """0 or 1 for each of `others`, (m,), by the threshold that is best for `similarities` and their `labels`, (n,).

    Every threshold is tried, "all" and "none" included, in both directions: similar pairs are 1, or 0. Of equally
    good ones the lowest threshold with similar = 1 is taken.
    """
    values, place = np.unique(similarities, return_inverse=True)
    signs = np.bincount(place, weights=2 * np.asarray(labels) - 1.0)  # ones less zeros at each value
    # gain[i]: right answers of "1 from values[i] on" less those of "always 0", for i = 0 (all) to len(values) (none)
    gain = np.append(np.cumsum(signs[::-1])[::-1], 0.0)
    turned = signs.sum() - gain  # the same for "1 below values[i]"
    cuts = np.append((values[:-1] + values[1:]) / 2, np.inf)
    cuts = np.insert(cuts, 0, -np.inf)
    if gain.max() >= turned.max():
        return (others >= cuts[gain.argmax()]).astype(int)
    return (others < cuts[turned.argmax()]).astype(int)


def accuracy_with_interval(predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Accuracy and Wilson's interval."""
    score = accuracy(predictions, labels)
    return score, *binomial(score, len(labels))


def pearson_with_interval(predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Pearson's correlation and its bootstrapped interval: similarities are too far from normal for Fisher's."""
    return bootstrap(pearson, predictions, labels)


def label_array(examples: Sequence[Example]) -> np.ndarray:
    """The labels, (n,): int where they are whole numbers, else float."""
    return np.array([example.label for example in examples])


def check(name: str, examples: Sequence[Example], format: Format) -> None:
    """Raises ValueError unless there are examples, labelled, with as many sentences as the format has."""
    if not examples:
        raise ValueError(f"{name} has no examples")
    if any(example.label is None for example in examples):
        raise ValueError(f"{name} has examples without a label")
    wanted = len(format.sentences)
    if odd := [example for example in examples if len(example.sentences) != wanted]:
        raise ValueError(
            f"{name}, id {odd[0].id}: {len(odd[0].sentences)} sentences where {format.stem} has {wanted}"
        )
