"""Scores of predictions against labels, and the two averages of three scores."""

from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

Score = TypeVar("Score", float, pd.Series)  # of one model, or of many


def accuracy(predictions: ArrayLike, labels: ArrayLike) -> float:
    """The share of predictions that equal their label, in [0, 1].

    predictions, labels: of the same shape. Raises ValueError on unequal shapes, no examples, NaN or infinite values.
    """
    predictions, labels = paired(predictions, labels, "accuracy")
    return float(np.mean(predictions == labels))


def confusion(predictions: ArrayLike, labels: ArrayLike, classes: int) -> np.ndarray:
    """Counts, (classes, classes): row = label, column = prediction."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (np.asarray(labels), np.asarray(predictions)), 1)
    return counts


def macro_f1(predictions: ArrayLike, labels: ArrayLike, classes: int | None = None) -> float:
    """The mean over classes of F1 = 2 TP / (2 TP + FP + FN), in [0, 1]: every class counts the same.

    predictions, labels: (n,). classes: how many there are, 0 to classes - 1; None: those that occur in either.
    A class that is never predicted, or never the label, has F1 0 (scikit-learn's zero_division=0), so with `classes`
    given an absent one lowers the mean. Raises ValueError as `accuracy` does, and for a class outside the range.
    """
    predictions, labels = paired(predictions, labels, "macro-F1")
    present = np.union1d(predictions, labels)
    if classes is not None and (strange := np.setdiff1d(present, np.arange(classes))).size:
        raise ValueError(f"{strange.tolist()} among {classes} classes, which are 0 to {classes - 1}")
    right = predictions[predictions == labels]
    hits, predicted, there = (
        (side[:, None] == present).sum(axis=0) for side in (right, predictions.ravel(), labels.ravel())
    )
    f1 = 2 * hits / (predicted + there)  # a present class has one at least
    return float(f1.sum() / (classes or len(present)))


def pearson(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Pearson's correlation of predictions and labels, (n,) each, in [-1, 1].

    0.0 where either side is constant (so for a single pair too): the correlation is not defined there, and a NaN
    would be lost silently, since `nan > best` is False. Raises ValueError as `accuracy` does.
    """
    predictions, labels = paired(predictions, labels, "correlation")
    return float(correlation(predictions.ravel(), labels.ravel()))


def spearman(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Spearman's rank correlation, (n,) each, in [-1, 1]: Pearson's of the ranks, ties sharing their mean rank.

    0.0 where either side is constant. Raises ValueError as `accuracy` does.
    """
    predictions, labels = paired(predictions, labels, "correlation")
    return pearson(stats.rankdata(predictions), stats.rankdata(labels))


def mean3(sst: Score, para: Score, sts: Score) -> Score:
    """The plain mean of two accuracies, in [0, 1], and a correlation, in [-1, 1]: what four reports call overall.

    Numbers, or a Series of each. NaN, a score that was left out, gives NaN. Raises ValueError for a score outside
    its range (one in percent, say).
    """
    in_range(sst, para, sts)
    return (sst + para + sts) / 3


def norm3(sst: Score, para: Score, sts: Score) -> Score:
    """The mean after (STS + 1) / 2 has moved the correlation from [-1, 1] to [0, 1]: the leaderboard of 2024.

    Arguments and errors are those of `mean3`.
    """
    in_range(sst, para, sts)
    return (sst + para + (sts + 1) / 2) / 3


def paired(predictions: ArrayLike, labels: ArrayLike, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays. Raises ValueError on unequal shapes, no examples, NaN or infinite values, saying how many."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape:
        raise ValueError(f"{predictions.shape} predictions for {labels.shape} labels")
    if not labels.size:
        raise ValueError(f"{what} of no examples is not defined")
    for name, values in (("predictions", predictions), ("labels", labels)):
        if values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
            raise ValueError(f"{bad} of {values.size} {name} are NaN or infinite")
    return predictions, labels


def correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation along the last axis, (..., n) each -> (...); 0 where a side is constant."""
    return np.asarray(np.clip((unit(x) * unit(y)).sum(axis=-1), -1, 1))  # rounding may pass the ends


def unit(values: np.ndarray) -> np.ndarray:
    """Rows (..., n) moved to mean 0 and scaled to length 1; a constant row gives zeros."""
    values = np.asarray(values, dtype=float)
    largest = np.abs(values).max(axis=-1, keepdims=True)
    values = values / np.where(largest == 0, 1.0, largest)  # so that no square overflows or vanishes
    # Asked before the mean is taken off: its rounding would leave a little noise in place of zeros.
    constant = values.max(axis=-1, keepdims=True) == values.min(axis=-1, keepdims=True)
    values = np.where(constant, 0.0, values - values.mean(axis=-1, keepdims=True))
    return values / np.where(constant, 1.0, np.sqrt((values**2).sum(axis=-1, keepdims=True)))


def in_range(sst: float | pd.Series, para: float | pd.Series, sts: float | pd.Series) -> None:
    """Raises ValueError unless the accuracies are in [0, 1] and the correlation is in [-1, 1]; NaN passes."""
    for name, score, low in (("SST", sst, 0), ("PARA", para, 0), ("STS", sts, -1)):
        values = np.atleast_1d(np.asarray(score, dtype=float))
        if (outside := values[(values < low) | (values > 1)]).size:
            raise ValueError(f"{name} is {outside[0]:g}; it runs from {low} to 1")
