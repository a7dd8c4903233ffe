"""The checks of 12_gradient_conflict."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlkit.evaluation import binomial

from . import NotYet, call, check, compare

EXACT = dict(atol=1e-9, rtol=1e-9)


# --- a small problem, in float64 --------------------------------------------------------------------------


class Tasks(nn.Module):
    """Three squared errors on two shared parameters, each with a head of its own.

    `losses()` gives them by name, on one graph; `shared` is the list [bias, weight], of which task "b" reaches the
    weight alone, "c" nothing at all.
    """

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(12)

        def draw(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.inputs = draw(12, 4)
        self.bias, self.weight = nn.Parameter(0.3 * draw(5)), nn.Parameter(0.3 * draw(4, 5))
        self.heads = nn.ParameterDict({"a": draw(5), "b": draw(5), "c": draw(4)})
        self.labels = {task: draw(12) for task in "abc"}

    @property
    def shared(self) -> list[nn.Parameter]:
        return [self.bias, self.weight]

    def losses(self) -> dict[str, Tensor]:
        z = self.inputs @ self.weight
        reads = {"a": torch.tanh(z + self.bias), "b": torch.tanh(z), "c": self.inputs}
        return {task: (reads[task] @ self.heads[task] - self.labels[task]).square().mean() for task in "abc"}


# --- 12.1 -------------------------------------------------------------------------------------------------


def rows_of(losses: Mapping[str, Tensor], shared: Sequence[Tensor]) -> Tensor:
    """One row a task: its loss's gradient in all shared parameters, flattened and joined, (K, P)."""
    found = []
    for loss in losses.values():
        gradients = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
        each = [torch.zeros_like(p) if g is None else g for p, g in zip(shared, gradients, strict=True)]
        found.append(torch.cat([g.flatten() for g in each]))
    return torch.stack(found)


@check(
    "12.1",
    reference=rows_of,
    hints=(
        "Ask for the gradient of one loss at a time, in the shared parameters and nothing else. A parameter that the "
        "loss does not reach has a gradient all the same: what is it?",
        "torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True) gives a tuple with a tensor of each "
        "parameter's shape, or None. Flattened and joined they are (P,), and K of these are (K, P).",
        "for each loss: found = autograd.grad(...); put torch.zeros_like(p) in the place of each None; "
        "row = cat of all flattened. Return torch.stack(rows).",
    ),
)
def task_rows(answer):
    for tasks in ("a", "ab", "ba", "abc"):
        model = Tasks()
        every = model.losses()  # one graph for all
        losses = {task: every[task] for task in tasks}
        want = rows_of(losses, model.shared)  # before the answer, which may free the graph
        got = watched(answer, model, losses, model.shared)
        if isinstance(got, Tensor) and got.shape == want.shape and not close(got, want):
            raise NotYet(why_wrong(got.detach(), want, losses, model))
        if isinstance(got, Tensor) and got.ndim == 2 and got.shape[1] > want.shape[1]:
            raise NotYet(
                f"a row has {got.shape[1]} numbers, and P = {want.shape[1]}: the heads' parameters are in it, "
                "which no other task has"
            )
        if isinstance(got, Tensor) and got.shape == want.T.shape != want.shape:
            raise NotYet("it has a column for each task; a row is expected, shape (K, P)")
        compare(got, want, f"for {len(tasks)} tasks the matrix", **EXACT)


def watched(answer, model: Tasks, *inputs: Any) -> Any:
    """`call`, with an eye on the graph and on `.grad`: measuring must leave both as they are."""
    try:
        output = call(answer, *inputs)
    except RuntimeError as error:
        if "allow_unused" in str(error):
            raise NotYet(
                "one task here does not reach one of the shared parameters: allow_unused=True gives None for it"
            ) from None
        if "second time" in str(error):
            raise NotYet(
                "the first gradient freed the graph that the next task needs: retain_graph=True"
            ) from None
        if "equal size" in str(error) or "non-empty" in str(error):
            raise NotYet(
                "a task that does not reach a parameter gets a shorter row: its gradient there is 0, and 0 must stand "
                "in its place"
            ) from None
        raise
    if any(p.grad is not None for p in model.parameters()):
        raise NotYet(
            "it leaves gradients in .grad, where the next backward pass would add to them: torch.autograd.grad"
        )
    return output


def why_wrong(got: Tensor, want: Tensor, losses: Mapping[str, Tensor], model: Tasks) -> str:
    """What the rows are, if it is one of the usual things."""
    turned = rows_of(losses, model.shared[::-1])
    first = model.shared[0].numel()
    packed = want.clone()
    for row, task in zip(packed, losses, strict=True):
        if task != "a":
            row[:] = torch.cat([row[first:], row[:first]])  # zeros at the end, not in their place
    guesses = {
        "a row holds its own task's gradient and those of the tasks before it: .grad adds up": want.cumsum(0),
        "each row is the gradient of the summed loss: one backward pass mixes the tasks": want.sum(
            0
        ).expand_as(want),
        "the rows were made equally long; how long a gradient is, is half of the story": F.normalize(want),
        "the zeros of an unused parameter stand at the row's end, not in that parameter's place": packed,
        "the parameters are not in the order of `shared`": turned,
        "the rows have the wrong sign: that is the way down, and the gradient is asked for": -want,
        "the rows are divided by K; they belong to one task each": want / len(want),
    }
    return next(
        (words for words, wrong in guesses.items() if close(got, wrong)),
        f"a row differs from its task's gradient by up to {(got - want).abs().max().item():.1g}",
    )


# --- 12.2 -------------------------------------------------------------------------------------------------


def cosines_of(gram: Tensor) -> Tensor:
    """G_ij / (|g_i| |g_j|) with |g_i| = sqrt(G_ii), (..., K, K); NaN with a gradient of length 0."""
    norms = gram.diagonal(dim1=-2, dim2=-1).sqrt()
    return gram / (norms[..., :, None] * norms[..., None, :])


def some_grams() -> Tensor:
    """(4, 3, 3): of gradients whose lengths differ a hundredfold; in the last, one is 0."""
    generator = torch.Generator().manual_seed(5)
    g = torch.randn(4, 3, 6, generator=generator, dtype=torch.float64) * torch.tensor([[1.0], [30.0], [0.3]])
    g[3, 1] = 0
    return g @ g.mT


@check(
    "12.2",
    reference=cosines_of,
    hints=(
        "The diagonal holds each gradient's squared length. What is the angle of two vectors made of, besides their "
        "dot product?",
        "gram is (..., K, K); its diagonal, taken over the last two axes, is (..., K). A column (..., K, 1) times a "
        "row (..., 1, K) gives all K x K products of two lengths.",
        "norms = sqrt of gram.diagonal(dim1=-2, dim2=-1); return gram / (norms[..., :, None] * norms[..., None, :]). "
        "0 / 0 is NaN, and here that is the answer.",
    ),
)
def cosine_matrix(answer):
    grams = some_grams()
    for what, given in (
        ("for one Gram matrix", grams[0]),
        ("for a gradient of length 0", grams[3]),
        ("for a stack of Gram matrices", grams),
    ):
        got, want = call(answer, given.clone()), cosines_of(given)
        if not isinstance(got, Tensor) or got.shape != want.shape:
            compare(got, want, f"{what} the output", **EXACT)
        got = got.detach()
        if close(got, want):
            continue
        apart = torch.isnan(want) & ~torch.isnan(got)
        if apart.any() and close(got[~apart], want[~apart]):
            said = "1" if (got[apart] == 1).any() else "0" if (got[apart] == 0).all() else "a number"
            raise NotYet(
                f"{what} it has {said} where there is no angle: a gradient of length 0 has no direction, which NaN "
                "says and a number hides"
            )
        raise NotYet(f"{what} {why_no_cosine(got, given, want)}")


def why_no_cosine(got: Tensor, gram: Tensor, want: Tensor) -> str:
    squares = gram.diagonal(dim1=-2, dim2=-1)
    n = squares.sqrt()
    vectors = F.normalize(gram, dim=-1)
    guesses = {
        "it has 1 - cosine: the cosine *distance*, which is 0 for two gradients that agree": 1 - want,
        "the roots are missing: the diagonal holds squared lengths": gram
        / (squares[..., :, None] * squares[..., None, :]),
        "the dot products are divided by one length only": gram / n[..., :, None],
        "the dot products are divided by one length only ": gram / n[..., None, :],
        "each dot product is divided by one squared length: that is a projection's coefficient": gram
        / squares[..., :, None],
        "each dot product is divided by one squared length: that is a projection's coefficient ": gram
        / squares[..., None, :],
        "it takes rows of G for the gradients; G already holds their dot products": vectors @ vectors.mT,
        "the signs are gone, and the sign is what a conflict is": want.abs(),
        "these are angles; their cosines are asked for": torch.arccos(want.clamp(-1, 1)),
        "this is the Gram matrix itself": gram,
        "everything is divided by one number, the largest of G": gram / gram.amax(),
    }
    found = next((words for words, wrong in guesses.items() if close(got, wrong)), None)
    if found:
        return found.strip()
    off = torch.nan_to_num(got - want, nan=2.0).abs().max().item()
    return f"the cosines are off by up to {off:.1g}"


# --- 12.3 -------------------------------------------------------------------------------------------------


def contributions_of(grams: Tensor) -> Tensor:
    """What each part adds to the encoder's cosines, (N, K, K): the part's dot products over the whole lengths."""
    norms = grams.sum(0).diagonal().sqrt()
    return grams / (norms[:, None] * norms[None, :])


def parts_of_three(frozen: bool) -> Tensor:
    """(4, 3, 3): Gram matrices of four parts of unlike sizes; a frozen part's is 0."""
    generator = torch.Generator().manual_seed(8)
    g = [
        scale
        * torch.randn(3, 9, generator=generator, dtype=torch.float64)
        * torch.tensor([[1.0], [4.0], [0.5]])
        for scale in (0.2, 1.0, 3.0, 0.0 if frozen else 0.7)
    ]
    return torch.stack([part @ part.T for part in g])


@check(
    "12.3",
    reference=contributions_of,
    hints=(
        "The encoder's dot product is the sum of the parts'. Divide each part's by the same thing that the sum is "
        "divided by.",
        "grams is (N, K, K), one matrix a part; their sum over the parts is (K, K), and its diagonal has the squared "
        "lengths of the whole gradients, (K,). The output is (N, K, K).",
        "norms = sqrt of the diagonal of grams.sum(0); return grams / (norms[:, None] * norms[None, :])",
    ),
)
def cosine_by_part(answer):
    for what, frozen in (("", False), ("with a frozen part ", True)):
        grams = parts_of_three(frozen)
        got, want = call(answer, grams.clone()), contributions_of(grams)
        if not isinstance(got, Tensor) or got.shape != want.shape:
            compare(got, want, f"{what}the output", **EXACT)
        if close(got.detach(), want):
            continue
        raise NotYet(what + why_no_share(got.detach(), grams, want))


def why_no_share(got: Tensor, grams: Tensor, want: Tensor) -> str:
    own = cosines_of(grams)
    n = grams.diagonal(dim1=1, dim2=2).sqrt()  # (N, K), lengths within a part
    products = n[:, :, None] * n[:, None, :]
    total = n.sum(0)
    guesses = {
        "each part is divided by its own lengths, and the sum of such cosines is no cosine": own,
        "the sum of these is the mean of the parts' cosines; a part with short gradients counts in it as much as one "
        "with long ones": own / len(own),
        "the sum of these is a weighted mean of the parts' cosines, which is not the encoder's cosine: the weights "
        "|g_i||g_j| of the parts do not sum to the whole |g_i||g_j|": own * products / products.sum(0),
        "the parts' lengths were added up; of the whole gradient the *squared* length is the sum": grams
        / (total[:, None] * total[None, :]),
        "the entries of each pair were made to sum to 1; they should sum to the cosine": grams / grams.sum(0),
        "the roots are missing: the diagonal holds squared lengths": grams
        / (grams.sum(0).diagonal()[:, None] * grams.sum(0).diagonal()[None, :]),
        "these are running sums over the parts; each part's own share is asked for": want.cumsum(0),
    }
    for words, wrong in guesses.items():
        if close(got, wrong) or close(got, torch.nan_to_num(wrong)):
            return words
    if torch.isnan(got).any():
        return "the output has NaN, though all three gradients have a length: a part that adds nothing adds 0"
    off = (got.sum(0) - cosines_of(grams.sum(0))).abs().max().item()
    if off > 1e-9:
        return f"the parts' entries sum to something that is off the encoder's cosines by up to {off:.1g}"
    return (
        "the parts' entries sum to the encoder's cosines, but are shared out among the parts in another way"
    )


# --- 12.4 -------------------------------------------------------------------------------------------------


def rates_of(cosines: np.ndarray) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Of each pair i < j of tasks that met: (share of negative cosines, low, high), Wilson's 95% interval."""
    found = {}
    K = cosines.shape[-1]
    for i in range(K):
        for j in range(i + 1, K):
            both = cosines[:, i, j][~np.isnan(cosines[:, i, j])]
            if len(both):
                rate = float((both < 0).mean())
                found[i, j] = (rate, *binomial(rate, len(both)))
    return found


def some_cosines(kind: str) -> np.ndarray:
    """(S, 3, 3): cosines over S steps, rounded to thousandths; NaN where a task had no gradient."""
    random = np.random.default_rng(2)
    cosines = np.empty((40, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            cosines[:, i, j] = cosines[:, j, i] = np.round(random.normal(0.02, 0.1, 40), 3) if i < j else 1.0
    cosines[:, 0, 1] = cosines[:, 1, 0] = np.where(np.arange(40) < 3, -0.04, 0.05)
    if kind == "orthogonal":  # exactly 0 agrees with nobody, and works against nobody
        cosines[5:17, 0, 1] = cosines[5:17, 1, 0] = 0.0
    if kind == "missing":
        cosines[10:25, 2, :] = cosines[10:25, :, 2] = np.nan
    if kind == "never":
        cosines[:, 2, :] = cosines[:, :, 2] = np.nan
    return cosines


@check(
    "12.4",
    reference=rates_of,
    hints=(
        "A rate is a share of steps, so two counts are needed: conflicts, and steps in which both tasks had a "
        "gradient. Which comparison is False for NaN, and what does that do to the other count?",
        "cosines is (S, K, K), so cosines[:, i, j] is a pair's (S,), with NaN in it. The output has a tuple of three "
        "floats for each pair i < j.",
        "for each i < j: c = cosines[:, i, j]; c = c[~isnan(c)]; if any is left: rate = mean of (c < 0); "
        "low, high = binomial(rate, len(c)); store (rate, low, high) under (i, j).",
    ),
)
def conflict_rates(answer):
    for kind, what in (
        ("plain", ""),
        ("orthogonal", "with some cosines of exactly 0 "),
        ("missing", "with a task that sits out some steps "),
        ("never", "with a task that never met the others "),
    ):
        cosines = some_cosines(kind)
        got, want = call(answer, cosines.copy()), rates_of(cosines)
        if not isinstance(got, Mapping):
            raise NotYet("a dictionary is expected, with a pair (i, j) as each key")
        if got.keys() != want.keys():
            raise NotYet(what + why_no_pairs({tuple(pair) for pair in got}, set(want)))
        for pair, (rate, low, high) in want.items():
            mine = got[pair]
            if not (isinstance(mine, (tuple, list)) and len(mine) == 3):
                raise NotYet(f"{what}three numbers are expected for each pair: rate, low, high")
            mine = tuple(number(value, f"{what}an entry of pair {pair}") for value in mine)
            if abs(mine[0] - rate) > 1e-9:
                raise NotYet(what + why_no_rate(mine[0], cosines[:, pair[0], pair[1]]))
            if abs(mine[1] - low) + abs(mine[2] - high) > 1e-9:
                raise NotYet(what + why_no_interval(mine, cosines, pair))


def why_no_pairs(got: set, want: set) -> str:
    if any(i == j for i, j in got):
        return "a task is compared with itself: (i, i) is no pair"
    if {(j, i) for i, j in want} & got:
        return "pairs stand in both orders, or in the wrong one: (i, j) with i < j, once"
    return (
        "a pair that never met has an entry; there is nothing to count in it"
        if got > want
        else "a pair is missing"
    )


def why_no_rate(got: float, c: np.ndarray) -> str:
    there = ~np.isnan(c)
    guesses = {
        "a step without one of the tasks counts as a conflict: is NaN caught by a `not`?": (~(c >= 0)).mean(),
        "a step without one of the tasks counts as a step without conflict; it is no step of this pair": (
            c < 0
        ).mean(),
        "a cosine of exactly 0 counts as a conflict": (c[there] <= 0).mean(),
        "this is how often the two agree": (c[there] > 0).mean(),
        "this is how often the two do not conflict": (c[there] >= 0).mean(),
        "this is the mean cosine; how often it is negative was asked": c[there].mean(),
        "conflicts are counted; their share is asked for": (c < 0).sum(),
        "a threshold stands where 0 should: a small negative cosine is a conflict too": (
            c[there] < -0.05
        ).mean(),
    }
    if np.isnan(got):
        return "a rate is NaN"
    found = (words for words, wrong in guesses.items() if abs(got - wrong) < 1e-9)
    return next(found, f"a pair's rate is too {'high' if got > (c[there] < 0).mean() else 'low'}")


def why_no_interval(mine: tuple[float, ...], cosines: np.ndarray, pair: tuple[int, int]) -> str:
    there = int((~np.isnan(cosines[:, pair[0], pair[1]])).sum())
    every = sum(int((~np.isnan(cosines[:, i, j])).sum()) for i in range(3) for j in range(i + 1, 3))
    rate, low, high = mine
    if not low <= rate <= high:
        return "an interval does not hold its own rate"
    if low < 0 or high > 1:
        return "an interval reaches out of [0, 1]: the normal approximation does that near 0 and 1"
    sizes = {
        "the interval is as narrow as if a pair had the steps of all pairs": every,
        "the interval takes the steps without one of the tasks for steps of this pair": len(cosines),
        "the interval is as narrow as if each step were counted twice, as (i, j) and as (j, i)": 2 * there,
    }
    for words, n in sizes.items():
        if n != there and np.allclose((low, high), binomial(rate, n)):
            return words
    for level in (0.9, 0.99, 0.6827):
        if np.allclose((low, high), binomial(rate, there, level)):
            return "the interval has another level than 95%"
    return "the rates are right, but an interval is not that of `binomial` for this pair's steps"


# --- both -------------------------------------------------------------------------------------------------


def close(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and torch.allclose(
        got.detach().to(want.dtype), want, rtol=1e-9, atol=1e-9, equal_nan=True
    )


def number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{what} is of type {type(value).__name__} where a number is expected") from None
