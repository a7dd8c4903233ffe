"""Scores, against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

from mtlkit.evaluation import accuracy, confusion


@pytest.fixture(params=[1, 7, 500])
def case(request):
    random = np.random.default_rng(request.param)
    return random.integers(0, 5, request.param), random.integers(0, 5, request.param)


def test_accuracy_is_scikit_learns(case):
    predictions, labels = case
    assert accuracy(predictions, labels) == accuracy_score(labels, predictions)


def test_confusion_is_scikit_learns(case):
    predictions, labels = case
    expected = confusion_matrix(labels, predictions, labels=range(5))
    assert np.array_equal(confusion(predictions, labels, 5), expected)


def test_rows_are_labels_and_columns_predictions():
    counts = confusion([1, 1, 2], [0, 0, 2], classes=3)
    assert counts[0, 1] == 2
    assert counts[2, 2] == 1
    assert counts.sum() == 3


def test_accuracy_is_the_diagonals_share(case):
    counts = confusion(*case, 5)
    assert accuracy(*case) == pytest.approx(np.trace(counts) / counts.sum())


def test_lists_and_tensors_do_as_well():
    assert accuracy([1, 2], [1, 3]) == accuracy(torch.tensor([1, 2]), torch.tensor([1, 3])) == 0.5
    assert isinstance(accuracy([1], [1]), float)


def test_unequal_and_empty_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) predictions for \(3,\) labels"):
        accuracy([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no examples"):
        accuracy([], [])


def test_a_class_beyond_the_last_is_refused():
    with pytest.raises(IndexError):
        confusion([5], [0], classes=5)
