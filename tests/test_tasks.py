"""Tasks as values: SST is five classes, PARA one logit, STS one number; loss, decoding and score agree."""

import math

import pytest
import torch

from mtlkit.data import FORMATS
from mtlkit.tasks import PARA, SST, STS


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


def test_para_is_one_logit_with_its_threshold_at_zero():
    logits, labels = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([1, 0, 0])
    assert PARA.decode(logits).tolist() == [1, 0, 1]
    p = torch.sigmoid(logits.squeeze(-1))
    want = -torch.log(torch.stack([p[0], 1 - p[1], 1 - p[2]])).mean()
    torch.testing.assert_close(PARA.loss(logits, labels), want)
    assert PARA.metric(PARA.decode(logits).tolist(), labels.tolist()) == 2 / 3


def test_sts_is_one_number_in_the_labels_own_scale():
    outputs, labels = torch.tensor([[4.0], [1.0], [3.0]]), torch.tensor([5.0, 0.0, 3.5])
    torch.testing.assert_close(STS.loss(outputs, labels), torch.tensor((1 + 1 + 0.25) / 3))
    assert STS.decode(outputs).tolist() == [4.0, 1.0, 3.0]
    assert STS.metric([1.0, 2.0, 3.0], [2.0, 4.0, 6.5]) > 0.99


@pytest.mark.parametrize("task", [PARA, STS])
def test_a_pair_task_learns_from_pairs_in_one_sequence(task):
    """A linear map of the right features reaches a perfect score: loss, decoding and metric pull the same way."""
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    labels = (x[:, 0] > 0).long() if task is PARA else 2.5 + x[:, 0]
    linear = torch.nn.Linear(4, task.outputs)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        task.loss(linear(x), labels).backward()
        optimizer.step()
    assert task.metric(task.decode(linear(x)).tolist(), labels.tolist()) > 0.97
