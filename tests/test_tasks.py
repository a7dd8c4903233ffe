"""SST as a value: the loss is the mean cross-entropy, predictions are classes, the score is accuracy."""

import math

import pytest
import torch

from mtlkit.data import FORMATS
from mtlkit.tasks import SST


def test_sst_is_five_classes_from_its_own_files():
    assert (SST.name, SST.outputs, SST.metric_name) == ("sst", 5, "accuracy")
    assert SST.format is FORMATS["sst"]
    assert len(SST.classes) == SST.outputs == SST.format.high - SST.format.low + 1
    assert SST.classes[0] == "very negative"  # label 0
    assert SST.classes[4] == "very positive"


def test_the_loss_is_the_mean_of_minus_log_p():
    logits = torch.tensor([[1.0, 2, 3, 4, 5], [0, 0, 0, 0, 0], [9, 0, 0, 0, 0]])
    labels = [4, 2, 1]
    by_hand = [
        math.log(sum(math.exp(x) for x in row)) - row[y]
        for row, y in zip(logits.tolist(), labels, strict=True)
    ]
    assert SST.loss(logits, torch.tensor(labels)).item() == pytest.approx(sum(by_hand) / 3, rel=1e-6)
    assert SST.loss(torch.zeros(4, 5), torch.tensor([0, 1, 2, 3])).item() == pytest.approx(math.log(5))


def test_decode_and_metric():
    predictions = SST.decode(torch.tensor([[0.0, 3, 1, 2, 0], [5, 4, 3, 2, 1], [-5, -4, -3, -2, -1]]))
    assert predictions.tolist() == [1, 0, 4]
    assert SST.metric(predictions.tolist(), [1, 1, 4]) == pytest.approx(2 / 3)


def test_a_task_is_a_value():
    with pytest.raises(AttributeError):
        SST.name = "other"
