"""Wrong answers to 13_gradient_surgery; "seen" marks those that stand in public code."""

import copy

import torch

from mtlkit import gradients
from mtlkit.course.checks.surgery import (
    WRONG_ORDERS,
    alike,
    all_alike,
    by_number,
    coefficients_of,
    from_gram,
    loops,
    rows_of,
    shown_by,
)

# --- 13.1 -------------------------------------------------------------------------------------------------


def projection(below=lambda g, h: h @ h, sign=1, when=lambda dot: dot < 0):
    """A projection with a switch for each way to go wrong."""
    return lambda g, h: g - sign * (g @ h) / below(g, h) * h if when(g @ h) else g


def in_place(g, h):
    dot = g @ h
    if dot < 0:
        g -= dot / (h @ h) * h
    return g


def as_long_as_before(g, h):
    found = gradients.project(g, h)
    return found / found.norm().clamp(min=1e-30) * g.norm()


# --- 13.2 -------------------------------------------------------------------------------------------------


def rows_in_place(g, orders):
    """A much copied loop: `list` copies the list, and `-=` writes into the rows."""
    pc = list(g)
    for i, order in enumerate(orders):
        for j in order:
            if pc[i] @ g[j] < 0:
                pc[i] -= pc[i] @ g[j] / (g[j] @ g[j]) * g[j]
    return torch.stack(pc)


def sum_projected(g, orders):
    total = g.sum(0)
    for row in g:
        total = gradients.project(total, row)
    return total


def orders_used_up(g, orders):
    pc = []
    for mine, order in zip(g, orders, strict=True):
        while order:
            mine = gradients.project(mine, g[order.pop(0)])
        pc.append(mine)
    return torch.stack(pc)


# --- 13.3 -------------------------------------------------------------------------------------------------


def gram_in_place(gram, orders):
    """Keeps the products up to date, in the matrix that it was given."""
    C = torch.eye(len(gram), dtype=gram.dtype)
    for i, order in enumerate(orders):
        for j in order:
            if gram[i, j] < 0 < gram[j, j]:
                share = gram[i, j] / gram[j, j]
                C[i, j] -= share
                gram[i] -= share * gram[j]
    return C


def clamped(gram, orders):
    C = torch.eye(len(gram), dtype=gram.dtype)
    for i, order in enumerate(orders):
        for j in order:
            C[i, j] -= (C[i] @ gram[:, j]).clamp(max=0) / gram[j, j]
    return C


def surgery_done(gram, orders):
    C = coefficients_of(gram, orders)
    return C @ gram @ C.T


# --- 13.4 -------------------------------------------------------------------------------------------------


def comparing(same, copies=True):
    """A comparison with `same(got, want)` in the place of the right one."""

    def answer(suspect, right, inputs):
        found = []
        for name, given in inputs.items():
            got, want = (f(*(copy.deepcopy(given) if copies else given)) for f in (suspect, right))
            if not same(got, want):
                found.append(name)
        return found

    return answer


def everything(same):
    """`same(a, b)` of each parameter that either has."""
    return lambda got, want: all(same(got.get(p), want.get(p)) for p in got.keys() | want.keys())


def with_none(same):
    return everything(lambda a, b: a is b if a is None or b is None else same(a, b))


def filled(x):
    return torch.zeros(2).double() if x is None else x


def joined(found):
    return torch.cat([filled(found[p]) for p in sorted(found)])


def same_direction(got, want):
    got, want = joined(got), joined(want)
    return got.shape == want.shape and bool(got @ want / got.norm() / want.norm() > 1 - 1e-9)


def in_the_encoder(got, want):
    return all(alike(got[p], want[p]) for p in want if p.startswith("encoder."))


def one_copy(suspect, right, inputs):
    found = []
    for name, given in copy.deepcopy(inputs).items():
        got, want = suspect(*given), right(*given)
        if got.keys() != want.keys() or not all(alike(got[p], want[p]) for p in want):
            found.append(name)
    return found


def shallow_copies(suspect, right, inputs):
    found = []
    for name, (grads, orders) in inputs.items():
        got, want = (f([dict(grad) for grad in grads], orders) for f in (suspect, right))
        if got.keys() != want.keys() or not all(alike(got[p], want[p]) for p in want):
            found.append(name)
    return found


right_one = with_none(lambda a, b: (a - b).norm() <= 1e-5 * b.norm())


PLANTED = {
    "project": {
        "without asking (seen)": projection(when=lambda dot: True),
        "where they agree": projection(when=lambda dot: dot > 0),
        "<= 0, so that zero is divided by zero": projection(when=lambda dot: dot <= 0),
        "the norm is not squared": projection(below=lambda g, h: h.norm()),
        "a cosine": projection(below=lambda g, h: g.norm() * h.norm()),
        "nothing below the line": projection(below=lambda g, h: 1.0),
        "g.g below the line": projection(below=lambda g, h: g @ g),
        "something added below the line (seen)": projection(below=lambda g, h: h @ h + 1e-8),
        "the sign": projection(sign=-1),
        "shorter in its own direction": lambda g, h: g - (g @ h) / (g @ g) * g if g @ h < 0 else g,
        "what is taken away": lambda g, h: (g @ h) / (h @ h) * h if g @ h < 0 else g,
        "the other one": lambda g, h: h - (g @ h) / (g @ g) * g if g @ h < 0 else g,
        "dropped": lambda g, h: 0 * g if g @ h < 0 else g,
        "number by number": lambda g, h: torch.where(g * h < 0, 0 * g, g),
        "as long as before": as_long_as_before,
        "in place (seen)": in_place,
        "nothing happens": lambda g, h: g,
        "both": lambda g, h: (gradients.project(g, h), gradients.project(h, g)),
        "a number": lambda g, h: (g @ h).item(),
    },
    "pcgrad_rows": {
        "live g_j (seen)": lambda g, orders: loops(g, orders, "live"),
        "meets itself (seen, in the authors' code)": lambda g, orders: loops(g, orders, "itself"),
        "one order for all (seen)": lambda g, orders: rows_of(g, all_alike(orders)),
        "by number (seen)": lambda g, orders: rows_of(g, by_number(orders)),
        "backwards": lambda g, orders: rows_of(g, [order[::-1] for order in orders]),
        "from the original dot products": lambda g, orders: loops(g, orders, "from the original"),
        "the first conflict only": lambda g, orders: loops(g, orders, "first"),
        "both change": lambda g, orders: loops(g, orders, "both"),
        "without asking": lambda g, orders: loops(g, orders, "always"),
        "in place (seen)": rows_in_place,
        "orders used up": orders_used_up,
        "summed": lambda g, orders: rows_of(g, orders).sum(0),
        "the sum projected (seen)": sum_projected,
        "mean (seen)": lambda g, orders: rows_of(g, orders) / len(g),
        "a list": lambda g, orders: list(rows_of(g, orders)),
        "columns": lambda g, orders: rows_of(g, orders).T,
        "nothing happens": lambda g, orders: g.clone(),
    },
    "pcgrad_gram": {
        "original dot products": lambda gram, orders: from_gram(gram, orders, "original"),
        "live g_j": lambda gram, orders: from_gram(gram, orders, "live"),
        "G_ii below the line": lambda gram, orders: from_gram(gram, orders, "mine"),
        "the norm is not squared": lambda gram, orders: from_gram(gram, orders, "root"),
        "the sign": lambda gram, orders: from_gram(gram, orders, "sign"),
        "without asking": lambda gram, orders: from_gram(gram, orders, "always"),
        "one order for all": lambda gram, orders: coefficients_of(gram, all_alike(orders)),
        "backwards": lambda gram, orders: coefficients_of(
            gram, WRONG_ORDERS["the orders are gone through backwards"](orders)
        ),
        "columns": lambda gram, orders: coefficients_of(gram, orders).T.clone(),
        "weights": lambda gram, orders: coefficients_of(gram, orders).sum(0),
        "mean": lambda gram, orders: coefficients_of(gram, orders) / len(gram),
        "the Gram matrix after surgery": surgery_done,
        "dot products after surgery": lambda gram, orders: coefficients_of(gram, orders) @ gram,
        "begins with zeros": lambda gram, orders: (
            coefficients_of(gram, orders) - torch.eye(len(gram)).to(gram)
        ),
        "in place": gram_in_place,
        "zero divided by zero": clamped,
        "always float64": gradients.pcgrad,
        "always float32": lambda gram, orders: gradients.pcgrad(gram, orders).float(),
        "nothing happens": lambda gram, orders: torch.eye(len(gram)).to(gram),
    },
    "shown_on": {
        "directions": comparing(same_direction),
        "lengths": comparing(with_none(lambda a, b: abs(a.norm() - b.norm()) <= 1e-5 * b.norm())),
        "sums of entries": comparing(with_none(lambda a, b: abs(a.sum() - b.sum()) <= 1e-5 * abs(b.sum()))),
        "the encoder only": comparing(in_the_encoder),
        "None is 0": comparing(everything(lambda a, b: alike(filled(a), filled(b)))),
        "where both have one": comparing(everything(lambda a, b: a is None or b is None or alike(a, b))),
        "bit for bit": comparing(with_none(torch.equal)),
        "allclose as it comes": comparing(with_none(torch.allclose)),
        "NaN slips through": comparing(with_none(lambda a, b: not (a - b).norm() > 1e-5 * b.norm())),
        "parameters of the suspect only": comparing(
            lambda got, want: all(alike(got[p], want[p]) for p in got)
        ),
        "no copies": comparing(right_one, copies=False),
        "one copy for both": one_copy,
        "copies of the dictionaries only": shallow_copies,
        "the first only": lambda s, r, inputs: shown_by(s, r, inputs)[:1],
        "where they agree": lambda s, r, inputs: [n for n in inputs if n not in shown_by(s, r, inputs)],
        "yes or no": lambda s, r, inputs: bool(shown_by(s, r, inputs)),
        "numbers": lambda s, r, inputs: list(range(len(shown_by(s, r, inputs)))),
    },
}


TOLD = {  # words that the verdict must have
    "project": {
        "without asking (seen)": "though there is no conflict",
        "where they agree": "nothing happens",
        "<= 0, so that zero is divided by zero": "NaN",
        "the norm is not squared": "divided by |h|",
        "a cosine": "that is a cosine",
        "nothing below the line": "divided by nothing",
        "g.g below the line": "lies along h",
        "something added below the line (seen)": "is something added below the line",
        "the sign": "the sign is wrong",
        "shorter in its own direction": "in its own direction",
        "what is taken away": "the part to be taken away",
        "the other one": "it is h that was projected",
        "dropped": "all of g is dropped",
        "number by number": "each number is judged by itself",
        "as long as before": "as long as before",
        "in place (seen)": "changes its inputs",
        "nothing happens": "nothing happens",
        "both": "a tensor is expected",
    },
    "pcgrad_rows": {
        "live g_j (seen)": "the original g_j",
        "meets itself (seen, in the authors' code)": "against itself",
        "one order for all (seen)": "the order of the first",
        "by number (seen)": "the orders are not used",
        "backwards": "backwards",
        "from the original dot products": "with the original g_i",
        "the first conflict only": "only the first conflict",
        "both change": "g_j has its own turn",
        "without asking": "without asking for a conflict",
        "in place (seen)": "changes its inputs",
        "orders used up": "changes the orders",
        "summed": "summed too early",
        "mean (seen)": "divided by K",
        "a list": "a list",
        "nothing happens": "nothing happens",
    },
    "pcgrad_gram": {
        "original dot products": "each dot product is G_ij",
        "live g_j": "the original g_j",
        "G_ii below the line": "divided by G_ii",
        "the norm is not squared": "divided by |g_j|",
        "the sign": "the sign is wrong",
        "without asking": "without asking for a conflict",
        "one order for all": "the order of the first",
        "backwards": "backwards",
        "columns": "rows and columns",
        "weights": "one number a task",
        "mean": "divided by K",
        "the Gram matrix after surgery": "the Gram matrix after surgery",
        "dot products after surgery": "these are the dot products",
        "begins with zeros": "what is left of g_i itself is missing",
        "in place": "changes its inputs",
        "zero divided by zero": "NaN",
        "always float64": "keep its type",
        "always float32": "float32",
        "nothing happens": "nothing happens",
    },
    "shown_on": {
        "directions": "lengths count",
        "lengths": "each number counts",
        "sums of entries": "each number counts",
        "the encoder only": "on the input 'heads'",
        "None is 0": "None is none",
        "where both have one": "not noticed on the input 'heads'",
        "bit for bit": "up to rounding is blamed",
        "allclose as it comes": "on the input 'short'",
        "NaN slips through": "returns NaN is not noticed",
        "parameters of the suspect only": "leaves a head out",
        "no copies": "hand out copies",
        "one copy for both": "did the other function see what it left behind",
        "copies of the dictionaries only": "hand out copies",
        "the first only": "not noticed on the input 'heads'",
        "where they agree": "is blamed",
        "yes or no": "a list of names",
        "numbers": "a list of names",
    },
}
