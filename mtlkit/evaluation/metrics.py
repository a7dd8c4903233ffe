"""Scores of predictions against labels."""

import numpy as np
from numpy.typing import ArrayLike


def accuracy(predictions: ArrayLike, labels: ArrayLike) -> float:
    """The share of predictions that equal their label, in [0, 1]. Raises ValueError on empty or unequal lengths."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape:
        raise ValueError(f"{predictions.shape} predictions for {labels.shape} labels")
    if not labels.size:
        raise ValueError("accuracy of no examples is not defined")
    return float(np.mean(predictions == labels))


def confusion(predictions: ArrayLike, labels: ArrayLike, classes: int) -> np.ndarray:
    """Counts, (classes, classes): row = label, column = prediction."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (np.asarray(labels), np.asarray(predictions)), 1)
    return counts
