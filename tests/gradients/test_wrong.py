"""A gallery of wrong PCGrads, each seen in real code, and one test that catches every one of them.

The losses are linear, so that each task's gradient is a row of numbers; all parameters are 0 or 1. Three tasks share
`w` and `v`; `unused` is shared too, but no loss depends on it; each task has a head.
"""

import pytest
import torch
from torch import nn

from mtlkit.gradients import PCGrad, Surgery

TASKS = ["a", "b", "c"]
ROWS = {  # the gradients of w (2 numbers) and v (2 numbers)
    "a": [1, -1, 2, -1],
    "b": [-1, 2, -1, 2],
    "c": [2, -4, -2, -4],
}
HEADS = {"a": [5, 1], "b": [-4, 2], "c": [1, 3]}
ORDERS = [[1, 2, 0], [0, 2, 1], [0, 1, 2]]  # for each task; oneself is to be left out


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.ParameterDict({name: torch.zeros(2, dtype=torch.float64) for name in ("w", "v")})
        self.shared["unused"] = nn.Parameter(torch.ones(2, dtype=torch.float64))
        self.heads = nn.ParameterDict({name: torch.zeros(2, dtype=torch.float64) for name in TASKS})

    def losses(self):
        both = torch.cat([self.shared["w"], self.shared["v"]])
        rows, heads = (
            {name: torch.tensor(row, dtype=torch.float64) for name, row in table.items()}
            for table in (ROWS, HEADS)
        )
        return {name: rows[name] @ both + heads[name] @ self.heads[name] for name in TASKS}


# What the wrong ones are made of: the same loop, with one thing changed each


def task_rows(losses, parameters):
    """Each task's gradient as one row, with zeros where it has none."""
    found = []
    for loss in losses.values():
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, parts, strict=True)]
        found.append(torch.cat(parts))
    return torch.stack(found)


def surgery_loop(g, orders, live=False, itself=False):
    pc = [row.clone() for row in g]
    for i, order in enumerate(orders):
        for j in order:
            against = pc[j] if live else g[j]
            if (i != j or itself) and pc[i] @ against < 0:
                pc[i] -= pc[i] @ against / (against @ against) * against
    return torch.stack(pc)


def hand_over(row, parameters):
    for p, part in zip(parameters, row.split([p.numel() for p in parameters]), strict=True):
        p.grad = part.clone()


def plain(model, losses, orders, divide=1, **how):
    """Algorithm 1 on w and v; the heads get their own."""
    shared = [model.shared["w"], model.shared["v"]]
    hand_over(surgery_loop(task_rows(losses, shared), orders, **how).sum(0) / divide, shared)
    heads = [model.heads[name] for name in TASKS]
    hand_over(task_rows(losses, heads).sum(0), heads)


def ours(model, losses, orders):
    Surgery(model.shared, PCGrad(order=orders)).backward(losses)


def live_gradients(model, losses, orders):
    """Projects against gradients that were projected before."""
    plain(model, losses, orders, live=True)


def one_shuffle(model, losses, orders):
    """Shuffles once, for all tasks."""
    plain(model, losses, [orders[0]] * 3)


def against_itself(model, losses, orders):
    """Forgets j != i: after other projections g_i' may well conflict with its own g_i."""
    plain(model, losses, orders, itself=True)


def heads_leak(model, losses, orders):
    """Takes all parameters for shared: heads lengthen the gradients, and move for other tasks."""
    everything = [model.shared["w"], model.shared["v"], *(model.heads[name] for name in TASKS)]
    hand_over(surgery_loop(task_rows(losses, everything), orders).sum(0), everything)


def mean_for_sum(model, losses, orders):
    """Divides by the number of tasks: another learning rate than the summed loss has."""
    plain(model, losses, orders, divide=3)


def zeroed_none(model, losses, orders):
    """Hands over zeros where no task has a gradient: AdamW then decays the weight."""
    plain(model, losses, orders)
    model.shared["unused"].grad = torch.zeros_like(model.shared["unused"])


def each_parameter_alone(model, losses, orders):
    """Decides on conflict for each tensor, not for the gradient."""
    plain(model, losses, orders)
    for p in (model.shared["w"], model.shared["v"]):
        hand_over(surgery_loop(task_rows(losses, [p]), orders).sum(0), [p])


WRONG = {
    live_gradients: {"w", "v"},
    one_shuffle: {"w", "v"},
    against_itself: {"w", "v"},
    heads_leak: {"w", "v", "a", "b", "c"},
    mean_for_sum: {"w", "v"},
    zeroed_none: {"unused"},
    each_parameter_alone: {"w", "v"},
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
            if j != i and own @ g[j] < 0:
                own = own - own @ g[j] / g[j].norm() ** 2 * g[j]
        result += own
    want = {"w": -result[:2], "v": -result[2:], "unused": torch.ones(2, dtype=torch.float64)}
    want |= {name: -torch.tensor(HEADS[name], dtype=torch.float64) for name in TASKS}
    found = {**model.shared, **model.heads}
    return {name for name, p in found.items() if (p - want[name]).abs().max() > 0.01}


@pytest.mark.parametrize("surgery", [plain, ours, *WRONG], ids=lambda surgery: surgery.__name__)
def test_the_right_one_passes_and_each_wrong_one_is_caught(surgery):
    assert faults(surgery) == WRONG.get(surgery, set())
