"""The checks of 13_gradient_surgery."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mtlkit import gradients

from .. import gallery
from ..answers import same, snapshot
from . import NotYet, call, check, compare

Orders = Sequence[Sequence[int]]


# --- 13.1 -------------------------------------------------------------------------------------------------


def some_pairs() -> dict[str, tuple[Tensor, Tensor]]:
    """Two gradients each, by what is special about them."""
    pairs: dict[str, tuple[list[float], list[float]]] = {
        "two gradients in conflict": ([2, 1, 0], [-2, 1, 2]),
        "a conflict with a long gradient": ([0.3, -0.2, 0.1], [-40, 10, 5]),
        "opposite gradients": ([1, 2, 0.5], [-2, -4, -1]),
        "gradients without conflict": ([1, 2, -0.5], [2, 0.5, 1]),
        "gradients at right angles": ([1, 0, 2], [0, 3, 0]),
        "a gradient and one of zero": ([1, 2, 3], [0, 0, 0]),
        "a gradient of zero and another": ([0, 0, 0], [1, 2, 3]),
        "two very short gradients in conflict": ([2e-7, 1e-7, 0], [-2e-7, 1e-7, 2e-7]),
    }
    return {what: (double(g), double(h)) for what, (g, h) in pairs.items()}


@check(
    "13.1",
    reference=gradients.project,
    hints=(
        "If the two agree, there is nothing to do. If not, g loses its shadow on h; what is left stands at a right "
        "angle to h. How many h is that shadow long?",
        "g and h are (P,), and so is the result. g @ h and h @ h are single numbers, of shape ().",
        "dot = g @ h; if dot < 0: return g - dot / (h @ h) * h; else return g",
    ),
)
def project(answer):
    for what, (g, h) in some_pairs().items():
        got, want = call(answer, g.clone(), h.clone()), gradients.project(g, h)
        if not isinstance(got, Tensor) or got.shape != want.shape or got.dtype != want.dtype:
            compare(got, want, f"for {what} the output")
        scale = g.norm() if g.any() else 1.0
        if torch.allclose(got / scale, want / scale, rtol=1e-6, atol=1e-8):
            continue
        if torch.isnan(got).any():
            raise NotYet(f"for {what} it has NaN: 0 is divided by 0, where there is nothing to take away")
        raise NotYet(f"for {what} {why_no_projection(got, want, g, h)}")


def why_no_projection(got: Tensor, want: Tensor, g: Tensor, h: Tensor) -> str:
    dot, square = g @ h, h @ h
    if dot >= 0:
        guess = {"it projects, though there is no conflict": g - dot / square * h}
        return said(got, guess) or "g should stay as it is"
    if g.norm() < 1e-6 and got @ h < 0:
        return "too little is taken away, though not for longer ones: is something added below the line?"
    guesses = {
        "nothing happens": g,
        "the sign is wrong: it adds what works against h": g + dot / square * h,
        "the dot product is divided by |h|, where its square belongs": g - dot / square.sqrt() * h,
        "the dot product is divided by |g| |h|: that is a cosine": g - dot / (square * (g @ g)).sqrt() * h,
        "the dot product is divided by nothing; the shadow is to be counted in units of h": g - dot * h,
        "the dot product is divided by g.g; what is taken away lies along h": g - dot / (g @ g) * h,
        "g is made shorter in its own direction": g - dot / (g @ g) * g,
        "this is the part to be taken away": dot / square * h,
        "it is h that was projected; g is asked for": h - dot / (g @ g) * g,
        "all of g is dropped; only a part of it works against h": 0 * g,
        "each number is judged by itself; a conflict is one of whole gradients": torch.where(g * h < 0, 0 * g, g),
        "the result was made as long as before": want / want.norm() * g.norm(),
        "the result was made of length 1": want / want.norm(),
    }  # fmt: skip
    if found := said(got, guesses):
        return found
    return (
        "the result still works against h" if got @ h < -1e-9 * g.norm() * h.norm() else "the result is off"
    )


# --- 13.2 -------------------------------------------------------------------------------------------------


def rows_of(g: Tensor, orders: Orders) -> Tensor:
    """Algorithm 1 on rows: every g_i^PC, (K, P). orders: for each task the others, as it meets them."""
    changed = []
    for mine, order in zip(g, orders, strict=True):
        for j in order:
            mine = gradients.project(mine, g[j])
        changed.append(mine)
    return torch.stack(changed)


def some_tasks() -> dict[str, tuple[Tensor, list[list[int]]]]:
    """Gradients (K, P) with orders; each of the usual mistakes shows on one of them at least."""
    five = torch.randn(5, 6, generator=torch.Generator().manual_seed(13), dtype=torch.float64)
    three = double([[2, 0, 1], [-1, 2, 0], [-1, -1, 1]])
    return {
        "three tasks": (three, [[2, 1], [0, 2], [1, 0]]),
        "three tasks in another order": (three, [[1, 2], [2, 0], [0, 1]]),
        "three tasks, one of which turns far": (
            double([[4, 0], [-4, 1], [-4, -1]]), [[1, 2], [0, 2], [0, 1]],
        ),
        "four tasks, one with a gradient of zero": (
            torch.cat([three, torch.zeros_like(three[:1])]), [[3, 2, 1], [0, 3, 2], [1, 0, 3], [0, 1, 2]],
        ),
        "two tasks without conflict": (double([[1, 0, 2], [1, 1, 0]]), [[1], [0]]),
        "two tasks in conflict": (double([[1, 0, 2], [-1, 1, 0]]), [[1], [0]]),
        "five tasks": (five, [[(i + k) % 5 for k in (3, 1, 4, 2)] for i in range(5)]),
        "one task": (double([[1, 2, 3]]), [[]]),
    }  # fmt: skip


def loops(g: Tensor, orders: Orders, wrong: str = "") -> Tensor:
    """Algorithm 1 on rows, with one thing wrong."""
    pc = [row.clone() for row in g]
    for i, order in enumerate(orders):
        for j in [*order, i] if wrong == "itself" else order:
            other = pc[j] if wrong == "live" else g[j]
            dot = (g[i] if wrong == "from the original" else pc[i]) @ other
            if (dot < 0 or wrong == "always") and other.any():
                pc[i] = pc[i] - dot / (other @ other) * other
                if wrong == "both":
                    pc[j] = pc[j] - dot / (g[i] @ g[i]) * g[i]
                if wrong == "first":
                    break
    return torch.stack(pc)


def by_number(orders: Orders) -> list[list[int]]:
    return [sorted(order) for order in orders]


def all_alike(orders: Orders) -> list[list[int]]:
    """The first task's order for everybody, each leaving out itself."""
    return [[j for j in (0, *orders[0]) if j != i] for i in range(len(orders))]


WRONG_LOOPS = {
    "live": "the g_j that it meets was itself projected before; each meets the original g_j",
    "from the original": "dot products are taken with the original g_i; after a projection it is another one",
    "first": "only the first conflict of each task is removed",
    "itself": "a task is projected against itself",
    "always": "it projects without asking for a conflict",
    "both": "a conflict changes both tasks at once; g_j has its own turn",
}
WRONG_ORDERS = {
    "all tasks use the order of the first": all_alike,
    "the orders are not used: each task meets the others by number": by_number,
    "the orders are gone through backwards": lambda orders: [list(order)[::-1] for order in orders],
}


@check(
    "13.2",
    reference=rows_of,
    hints=(
        "Two loops: over the tasks, and for each over the others in its order. What changes is one task's gradient; "
        "what it meets never changes.",
        "g[i] is (P,), orders[i] has the K - 1 other tasks' numbers. The result is (K, P), row i being g_i^PC; nothing "
        "is summed yet.",
        "changed = []; for mine, order in zip(g, orders): for j in order: mine = project(mine, g[j]); after the inner "
        "loop changed.append(mine). Return torch.stack(changed).",
    ),
)
def pcgrad_rows(answer):
    for what, (g, orders) in some_tasks().items():
        got, want = with_orders(answer, g.clone(), orders), rows_of(g, orders)
        if isinstance(got, Tensor) and got.shape == want[0].shape != want.shape:
            raise NotYet(f"for {what} it returns one vector: the rows are summed too early")
        if isinstance(got, (list, tuple)):
            raise NotYet(f"it returns a {type(got).__name__}; one tensor (K, P) is expected")
        if not isinstance(got, Tensor) or got.shape != want.shape or got.dtype != want.dtype:
            compare(got, want, f"for {what} the output")
        if close(got, want):
            continue
        guesses = {words: loops(g, orders, wrong) for wrong, words in WRONG_LOOPS.items()}
        guesses |= {words: rows_of(g, change(orders)) for words, change in WRONG_ORDERS.items()}
        guesses |= {"nothing happens": g, "the rows are divided by K": want / len(g)}
        raise NotYet(f"for {what} {said(got, guesses, want) or which_rows(got, want)}")


def with_orders(answer, given: Tensor, orders: list[list[int]]):
    """`call`, with an eye on the orders."""
    used = copy.deepcopy(orders)
    got = call(answer, given, used)
    if used != orders:
        raise NotYet("it changes the orders that it is given; others may want to use them")
    return got


def which_rows(got: Tensor, want: Tensor) -> str:
    wrong = [str(i) for i in range(len(want)) if not close(got[i], want[i])]
    return f"row {' and '.join(wrong)} (counted from 0) is not right"


# --- 13.3 -------------------------------------------------------------------------------------------------


def coefficients_of(gram: Tensor, orders: Orders) -> Tensor:
    """Algorithm 1 on dot products: C of g_i^PC = sum_j C_ij g_j, (K, K), in the type of `gram`."""
    return gradients.pcgrad(gram, orders).to(gram)


def from_gram(gram: Tensor, orders: Orders, wrong: str) -> Tensor:
    """C of Algorithm 1, with one thing wrong."""
    unit = torch.eye(len(gram), dtype=gram.dtype)
    C = unit.clone()
    for i, order in enumerate(orders):
        for j in order:
            along = C[j].clone() if wrong == "live" else unit[j]
            dot = gram[i, j] if wrong == "original" else C[i] @ gram @ along
            below = {"mine": gram[i, i], "root": gram[j, j].sqrt()}.get(wrong, gram[j, j])
            if (dot < 0 or wrong == "always") and gram[j, j] > 0:
                C[i] += dot / below * along * (1 if wrong == "sign" else -1)
    return C


WRONG_GRAMS = {
    "original": "each dot product is G_ij, of the original gradients; after a projection g_i^PC is another one",
    "live": "the g_j that it meets was itself projected before; each meets the original g_j",
    "mine": "the dot product is divided by G_ii; what is taken away lies along g_j",
    "root": "the dot product is divided by |g_j|, where its square belongs",
    "sign": "the sign is wrong: it adds what works against g_j",
    "always": "it projects without asking for a conflict",
}


@check(
    "13.3",
    reference=coefficients_of,
    hints=(
        "Which combination is g_i before anything has happened to it? A projection against g_j changes one number of "
        "that combination.",
        "C and gram are (K, K). Row C[i] has the coefficients of g_i^PC, so g_i^PC . g_j = C[i] @ gram[:, j], one "
        "number; |g_j|^2 is gram[j, j].",
        "C = torch.eye(K, dtype=gram.dtype); for each i, for each j in orders[i]: dot = C[i] @ gram[:, j]; "
        "if dot < 0 and gram[j, j] > 0: C[i, j] -= dot / gram[j, j]. Return C.",
    ),
)
def pcgrad_gram(answer):
    for what, (g, orders) in some_tasks().items():
        gram = g @ g.T
        got, want = with_orders(answer, gram.clone(), orders), coefficients_of(gram, orders)
        if isinstance(got, Tensor) and got.shape == want[0].shape != want.shape:
            raise NotYet(
                f"for {what} it returns one number a task; of each task all K coefficients are asked for"
            )
        if not isinstance(got, Tensor) or got.shape != want.shape or got.dtype != want.dtype:
            compare(got, want, f"for {what} the output")
        if torch.isnan(got).any():
            raise NotYet(f"for {what} it has NaN: 0 is divided by 0")
        if not close(got, want):
            guesses = {words: from_gram(gram, orders, wrong) for wrong, words in WRONG_GRAMS.items()}
            guesses |= {
                words: coefficients_of(gram, change(orders)) for words, change in WRONG_ORDERS.items()
            }
            guesses |= other_matrices(gram, want)
            raise NotYet(f"for {what} {said(got, guesses, want) or which_rows(got, want)}")
    got = call(answer, torch.eye(2), [[1], [0]])
    if got.dtype != torch.float32:
        raise NotYet(f"of a gram in float32 it makes {str(got.dtype).removeprefix('torch.')}: keep its type")


def other_matrices(gram: Tensor, C: Tensor) -> dict[str, Tensor]:
    return {
        "nothing happens": torch.eye(len(C)),
        "rows and columns are exchanged: row i belongs to g_i^PC": C.T,
        "this is the Gram matrix after surgery; the coefficients are asked for": C @ gram @ C.T,
        "these are the dot products g_i^PC . g_j; the coefficients are asked for": C @ gram,
        "what is left of g_i itself is missing: C_ii": C - torch.eye(len(C)),
        "the rows are divided by K": C / len(C),
    }


# --- 13.4 -------------------------------------------------------------------------------------------------


def shown_by(suspect: Callable, right: Callable, inputs: Mapping) -> list[str]:
    """The names of the inputs, name -> (grads, orders), on which two functions differ by more than rounding."""
    found = []
    for name, given in inputs.items():
        got, want = suspect(*copy.deepcopy(given)), right(*copy.deepcopy(given))
        if got.keys() != want.keys() or not all(alike(got[p], want[p]) for p in want):
            found.append(name)
    return found


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool((a - b).norm() <= 1e-5 * b.norm())


def plain_sum(grads, orders):
    result = {}
    for name in grads[0]:
        own = [grad[name] for grad in grads if grad[name] is not None]
        result[name] = torch.stack(own).sum(0) if own else None
    return result


def sum_in_place(grads, orders):
    """Right, but it adds into the gradients of the first task."""
    for name in grads[0]:
        for grad in grads[1:]:
            if grads[0][name] is None:
                grads[0][name] = grad[name]
            elif grad[name] is not None:
                grads[0][name] += grad[name]
    return grads[0]


def zeros_in_place(grads, orders):
    """Wrong: it fills the dictionaries that it is given with zeros."""
    for grad in grads:
        grad.update({name: torch.zeros(2).double() for name in grad if grad[name] is None})
    return plain_sum(grads, orders)


def altered(change: Callable) -> Callable:
    """A suspect: the plain sum, with `change(name, gradient)` for each gradient of a parameter."""
    return lambda grads, orders: {
        name: change(name, found) for name, found in plain_sum(grads, orders).items()
    }


def where_there_is_one(change: Callable) -> Callable:
    return altered(lambda name, found: found if found is None else change(found))


def trial_inputs() -> dict:
    """Three inputs: one parameter; heads and one that nobody uses; very short gradients."""
    names = ["encoder.weight", "encoder.pooler", "heads.0", "heads.1"]
    rows = [(1, 2), None, (2, 1), None], [(3, 1), None, None, (0, 4)]
    return {
        "plain": (gallery.task_gradients(names[:1], [(1, 2)], [(3, 1)]), [[1], [0]]),
        "heads": (gallery.task_gradients(names, *rows), [[1], [0]]),
        "short": (gallery.task_gradients(names[:1], [(1e-9, 2e-9)], [(3e-9, 1e-9)]), [[1], [0]]),
    }


EVERYWHERE = ["plain", "heads", "short"]
TRIALS: dict[str, tuple[Callable, list[str], str]] = {  # what a suspect does: itself, where it shows, why
    "is right": (plain_sum, [], ""),
    "is right up to rounding": (where_there_is_one(lambda x: x * (1 + 1e-12)), [], ""),
    "returns twice the right gradients": (
        where_there_is_one(lambda x: 2 * x), EVERYWHERE, ": lengths count, not directions alone",
    ),
    "returns the right numbers in the wrong places": (
        where_there_is_one(lambda x: x.flip(0)), EVERYWHERE, ": each number counts",
    ),
    "returns NaN": (where_there_is_one(lambda x: x * math.nan), EVERYWHERE, ": no comparison with NaN is true"),
    "changes one head": (altered(lambda name, x: x + 0.01 if name == "heads.1" else x), ["heads"], ""),
    "forgets a head's gradient": (
        altered(lambda name, x: None if name == "heads.0" else x), ["heads"], ": None is not a gradient",
    ),
    "leaves a head out of the dictionary": (
        lambda grads, orders: {p: x for p, x in plain_sum(grads, orders).items() if p != "heads.0"}, ["heads"], "",
    ),
    "returns zeros for None": (
        altered(lambda name, x: torch.zeros(2).double() if x is None else x), ["heads"],
        ": to an optimizer 0 is a gradient, and None is none",
    ),
    "is right, and works in what it is given": (
        sum_in_place, [], ": did the other function see what it left behind?",
    ),
    "fills what it is given with zeros": (
        zeros_in_place, ["heads"], ": did the other function see what it left behind?",
    ),
}  # fmt: skip


@check(
    "13.4",
    reference=shown_by,
    hints=(
        "Run both on the same input and compare what comes out, parameter by parameter. Some functions change what "
        "they are given: who sees it afterwards?",
        "grads is a list of K dictionaries, parameter -> (2,) or None; each function returns one such dictionary. The "
        "answer is a list of some of the names in inputs. copy.deepcopy copies lists, dictionaries and tensors.",
        "for each name, (grads, orders): got = suspect(a copy of grads, orders); want = right(another copy, orders). "
        "They differ if the keys do, if one has None where the other has a tensor, or if |got - want| <= 1e-5 |want| "
        "fails for a parameter. If so, append name.",
    ),
)
def shown_on(answer):
    for what, (suspect, want, why) in TRIALS.items():
        for right in (plain_sum, sum_in_place):
            inputs = trial_inputs()
            before = snapshot(inputs)
            got = names_of(answer(suspect, right, inputs), inputs)
            if not same(before, snapshot(inputs)):
                raise NotYet(
                    f"a suspect that {what} has changed the inputs for those who come next: hand out copies"
                )
            if missed := [name for name in want if name not in got]:
                raise NotYet(f"a suspect that {what} is not noticed on the input {missed[0]!r}{why}")
            if blamed := [name for name in got if name not in want]:
                raise NotYet(f"a suspect that {what} is blamed on the input {blamed[0]!r}{why}")
    inputs = gallery.gallery_inputs()
    for letter, suspect in gallery.SUSPECTS.items():
        if set(answer(suspect, gallery.by_the_book, inputs)) != set(
            shown_by(suspect, gallery.by_the_book, gallery.gallery_inputs())
        ):
            raise NotYet(f"of suspect {letter} in the gallery the inputs are not right")


def names_of(got, inputs: Mapping) -> list[str]:
    if got is None:
        raise NotYet("it returns nothing: is a `return` missing?")
    if not isinstance(got, (list, tuple, set)):
        raise NotYet(f"a list of names of inputs is expected; this is of type {type(got).__name__}")
    if any(name not in inputs for name in got):
        raise NotYet("a list of names of inputs is expected; something else is in it")
    return list(got)


# --- all four ---------------------------------------------------------------------------------------------


def double(numbers: Sequence) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def close(got: Tensor, want: Tensor) -> bool:
    return torch.allclose(got.detach(), want, rtol=1e-6, atol=1e-12)


def said(got: Tensor, guesses: Mapping[str, Tensor], want: Tensor | None = None) -> str | None:
    """The words of the first guess that `got` equals, and that is not right."""
    for words, wrong in guesses.items():
        if close(got, wrong.to(got)) and (want is None or not close(want, wrong.to(want))):
            return words
    return None
