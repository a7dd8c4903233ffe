"""The course's gallery of wrong PCGrads (mtlkit.course.gallery) in a training step, and one test that catches each.

The losses are linear, so that each task's gradient is a row of numbers; all parameters are 0 or 1. Three tasks share
`weight` and `bias`; `pooler` is shared too, but no loss depends on it; each task has a head.
"""

import pytest
import torch
from torch import nn

from mtlkit.course import gallery
from mtlkit.gradients import PCGrad, Surgery

TASKS = ["a", "b", "c"]
ROWS = {  # the gradients of weight (2 numbers) and bias (2 numbers)
    "a": [1, -1, 2, -1],
    "b": [-1, 2, -1, 2],
    "c": [2, -4, -2, -4],
}
HEADS = {"a": [5, 1], "b": [-4, 2], "c": [1, 3]}
ORDERS = [[1, 2], [2, 0], [0, 1]]  # for each task


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.ParameterDict(
            {name: torch.zeros(2, dtype=torch.float64) for name in ("weight", "bias")}
        )
        self.encoder["pooler"] = nn.Parameter(torch.ones(2, dtype=torch.float64))
        self.heads = nn.ParameterDict({name: torch.zeros(2, dtype=torch.float64) for name in TASKS})

    def losses(self):
        both = torch.cat([self.encoder["weight"], self.encoder["bias"]])
        rows, heads = (
            {name: torch.tensor(row, dtype=torch.float64) for name, row in table.items()}
            for table in (ROWS, HEADS)
        )
        return {name: rows[name] @ both + heads[name] @ self.heads[name] for name in TASKS}


def ours(model, losses, orders):
    Surgery(model.encoder, PCGrad(order=orders)).backward(losses)


def step_of(function):
    """A function of the gallery in the place of `backward`."""

    def step(model, losses, orders):
        names, parameters = zip(*model.named_parameters(), strict=True)
        grads = [
            dict(zip(names, torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True), strict=True))
            for loss in losses.values()
        ]  # fmt: skip
        for name, found in function(grads, orders).items():
            model.get_parameter(name).grad = found

    return step


SHARED = {"encoder.weight", "encoder.bias"}
FAULTS = dict.fromkeys(gallery.MISTAKES, SHARED) | {
    "D": SHARED | {f"heads.{name}" for name in TASKS},
    "F": {"encoder.pooler"},
}


def faults(surgery) -> set[str]:
    """The parameters that a step of AdamW's kind (decay where there is a gradient) leaves elsewhere than it should."""
    model = Model()
    surgery(model, model.losses(), ORDERS)
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p.mul_(0.9).sub_(p.grad)
    g = torch.tensor([ROWS[name] for name in TASKS], dtype=torch.float64)
    result = torch.zeros(4, dtype=torch.float64)
    for i, order in enumerate(ORDERS):  # Algorithm 1
        own = g[i]
        for j in order:
            if own @ g[j] < 0:
                own = own - own @ g[j] / g[j].norm() ** 2 * g[j]
        result += own
    want = {"encoder.weight": -result[:2], "encoder.bias": -result[2:]}
    want["encoder.pooler"] = torch.ones(2, dtype=torch.float64)
    want |= {f"heads.{name}": -torch.tensor(HEADS[name], dtype=torch.float64) for name in TASKS}
    return {name for name, p in model.named_parameters() if (p - want[name]).abs().max() > 0.01}


@pytest.mark.parametrize("surgery", [ours, step_of(gallery.by_the_book)], ids=["ours", "by the book"])
def test_the_right_ones_step_where_they_should(surgery):
    assert faults(surgery) == set()


@pytest.mark.parametrize("letter", gallery.SUSPECTS)
def test_each_wrong_one_steps_elsewhere(letter):
    assert faults(step_of(gallery.SUSPECTS[letter])) == FAULTS.get(letter, set())
