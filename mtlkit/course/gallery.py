"""Nine functions that claim to be PCGrad, of which one is, and small inputs that tell them apart.

A toy model: each parameter holds two numbers; those whose names begin with `encoder.` are shared, each task has a head.
A function takes `grads`, for each task what its own backward pass leaves (parameter -> tensor, or None where it has no
gradient), and `orders`, for each task the others in the order in which it meets them. It returns what the optimizer
gets (parameter -> tensor or None). `by_the_book` says what is right.

The mistakes stand in public code; MISTAKES says what each is. Notebook 13 prints the functions, and asks.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Grads = Sequence[dict[str, Tensor | None]]
Orders = Sequence[Sequence[int]]


def flatten(grads, start="encoder."):
    """The parameters that some task has a gradient for, and a row a task, with zeros where it has none: (K, P)."""
    names = [n for n in grads[0] if n.startswith(start) and any(grad[n] is not None for grad in grads)]
    zeros = torch.zeros(2, dtype=torch.float64)
    rows = [torch.cat([zeros if grad[n] is None else grad[n] for n in names]) for grad in grads]
    return names, torch.stack(rows)


def hand_over(names, row, grads):
    """parameter -> gradient: out of `row` for `names`, and for others, as heads are, what the tasks have in sum."""
    result = dict(zip(names, row.view(-1, 2), strict=True))
    for n in grads[0]:
        if n not in result:
            own = [grad[n] for grad in grads if grad[n] is not None]
            result[n] = sum(own) if own else None
    return result


def by_the_book(grads, orders):
    names, g = flatten(grads)
    pc = g.clone()
    for i, order in enumerate(orders):
        for j in order:
            if pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, pc.sum(0), grads)


# --- the nine ---------------------------------------------------------------------------------------------


def suspect_A(grads, orders):
    names, g = flatten(grads)
    for i, order in enumerate(orders):
        for j in order:
            if g[i] @ g[j] < 0:
                g[i] -= g[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, g.sum(0), grads)


def suspect_B(grads, orders):
    names, g = flatten(grads)
    pc, order = g.clone(), [0, *orders[0]]
    for i in range(len(g)):
        for j in order:
            if i != j and pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, pc.sum(0), grads)


def suspect_C(grads, orders):
    names, g = flatten(grads)
    pc = g.clone()
    for i, order in enumerate(orders):
        for j in [*order, i]:
            if pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, pc.sum(0), grads)


def suspect_D(grads, orders):
    names, g = flatten(grads, start="")
    pc = g.clone()
    for i, order in enumerate(orders):
        for j in order:
            if pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, pc.sum(0), grads)


def suspect_E(grads, orders):
    names, g = flatten(grads)
    pc = g.clone()
    for i, order in enumerate(orders):
        for j in order:
            if pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return hand_over(names, pc.mean(0), grads)


def suspect_F(grads, orders):
    for grad in grads:
        for n in grad:
            if grad[n] is None:
                grad[n] = torch.zeros(2, dtype=torch.float64)
    return by_the_book(grads, orders)


def suspect_G(grads, orders):
    names, _ = flatten(grads)
    result = by_the_book(grads, orders)
    for n in names:
        result |= by_the_book([{n: grad[n]} for grad in grads], orders)
    return result


def suspect_H(grads, orders):
    names, g = flatten(grads)
    total = g.sum(0)
    for row in g:
        if total @ row < 0:
            total -= total @ row / (row @ row) * row
    return hand_over(names, total, grads)


def suspect_I(grads, orders):
    names, g = flatten(grads)
    gram, w = g @ g.T, torch.ones(len(g), dtype=g.dtype)
    for i, order in enumerate(orders):
        mine = gram[i].clone()
        for j in order:
            if mine[j] < 0:
                share = mine[j] / gram[j, j]
                w[j] -= share
                mine -= share * gram[j]
    return hand_over(names, w @ g, grads)


SUSPECTS: dict[str, Callable] = {letter: globals()[f"suspect_{letter}"] for letter in "ABCDEFGHI"}
MISTAKES = {
    "A": "projects against gradients that are projected already",
    "B": "one order for all tasks",
    "C": "meets itself too",
    "D": "projects the heads with the encoder",
    "E": "the mean in the place of the sum",
    "F": "zeros in the place of None",
    "G": "each parameter alone",
    "H": "projects the sum",
}


# --- inputs -----------------------------------------------------------------------------------------------


def task_gradients(names: Sequence[str], *rows: Sequence[Sequence[float] | None]) -> Grads:
    """For each task (a row: two numbers or None a parameter) the gradients by name."""
    tensors = [
        [None if pair is None else torch.tensor(pair, dtype=torch.float64) for pair in row] for row in rows
    ]
    return [dict(zip(names, row, strict=True)) for row in tensors]


def gallery_inputs() -> dict[str, tuple[Grads, Orders]]:
    """Small inputs on which the wrong ones show, each on some of them: name -> (grads, orders)."""
    one, two = ["encoder.weight"], ["encoder.weight", "encoder.bias"]
    turns = [[1], [0]]  # two tasks meet each other
    like, own = [[1, 2], [0, 2], [0, 1]], [[2, 1], [0, 2], [1, 0]]
    heads = [*one, "heads.0", "heads.1"]
    return {
        "two, no conflict": (task_gradients(one, [(1, 0)], [(1, 1)]), turns),
        "two in conflict": (task_gradients(one, [(2, 1)], [(-2, 1)]), turns),
        "two, one parameter in conflict": (task_gradients(two, [(2, 1), (1, 0)], [(2, 0), (-1, 1)]), turns),
        "two in conflict, with heads": (
            task_gradients(heads, [(2, 1), (3, 0), None], [(-2, 1), None, (0, 1)]), turns,
        ),
        "two, one parameter unused": (
            task_gradients([*one, "encoder.pooler"], [(1, 0), None], [(1, 1), None]), turns,
        ),
        "three, one order for all": (task_gradients(one, [(3, 1)], [(-1, 2)], [(-1, -1)]), like),
        "three, each its own order": (task_gradients(one, [(3, 1)], [(-1, 2)], [(-1, -1)]), own),
        "three, past a right angle": (task_gradients(one, [(0, 1)], [(-1, -2)], [(2, 1)]), like),
    }  # fmt: skip
