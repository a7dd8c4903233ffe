"""The exercises of 08_sentence_pairs."""

import numpy as np
import torch
from torch import Tensor

from mtlkit.heads import fusion

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def moved_by_mates(score, pairs):
    """How far each pair's score alone is from its score among all `pairs`, (n,), 0 or more.

    score: takes a list of pairs and returns a tensor, one score a pair, in the list's order.
    """
    alone = torch.cat([score([pair]) for pair in pairs])
    return (score(pairs) - alone).abs()


def pair_features(pooled, drop):
    """[|u - v|; u * v], (B, 2D), of pooled vectors (2B, D), left sides first; `drop` is applied to all, once."""
    u, v = drop(pooled).chunk(2)
    return fusion.combine(fusion.difference, fusion.product)(u, v)


def best_threshold(scores, labels):
    """The threshold above which to say 1 so that most of `labels` (n,), 0 or 1, are met: a float.

    Halfway between two neighbouring scores, or 1 below the lowest, or 1 above the highest; of equally good ones the
    lowest.
    """
    values = np.unique(scores)
    cuts = [values[0] - 1, *(values[:-1] + values[1:]) / 2, values[-1] + 1]
    return float(max(cuts, key=lambda cut: np.mean((scores > cut) == labels)))


def error_parts(x, y):
    """The mean squared error of x and y, (n,), as three numbers that add up to it: (offset, spread, disagreement).

    (mean x - mean y)^2, (s_x - s_y)^2 and 2 (s_x s_y - covariance), which is 2 s_x s_y (1 - r).
    """
    s_x, s_y = x.std(correction=0), y.std(correction=0)
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    parts = (x.mean() - y.mean()) ** 2, (s_x - s_y) ** 2, 2 * (s_x * s_y - covariance)
    return tuple(part.item() for part in parts)


# --- the checks -------------------------------------------------------------------------------------------

PAIRS = [("a b", "c"), ("d e f g h", "i j"), ("k", "l m n o p q r s"), ("t u", "v")]


def words(pair):
    return len(f"{pair[0]} {pair[1]}".split())


class Reader:
    """A way to score pairs that notes what it is asked. kind: what a pair's score depends on besides the pair."""

    def __init__(self, kind: str):
        self.kind = kind
        self.asked: list[int] = []

    def __call__(self, pairs) -> Tensor:
        if not isinstance(pairs, (list, tuple)) or not all(pair in PAIRS for pair in pairs):
            raise NotYet(
                "the score is asked of something that is no list of the pairs: score([pair]) for one alone"
            )
        self.asked.append(len(pairs))
        own = torch.tensor([0.1 * words(pair) for pair in pairs])
        if self.kind == "padding":
            return own + 0.05 * (max(map(words, pairs)) - 10 * own)
        if self.kind == "the mean of the batch":
            return own - own.mean()
        if self.kind == "one other pair":
            return own + 0.5 * torch.tensor([pair == PAIRS[3] and len(pairs) > 1 for pair in pairs])
        return own


@check(
    "8.1",
    reference=moved_by_mates,
    hints=(
        "Score everything in one batch; score each pair in a batch of its own; compare.",
        "score(pairs) is (n,), score([pair]) is (1,); n of these, joined by torch.cat, are (n,) again. A distance "
        "has no sign.",
        "alone = torch.cat([score([pair]) for pair in pairs]); return (score(pairs) - alone).abs()",
    ),
)
def batch_mates(answer):
    for kind in ("padding", "the mean of the batch", "one other pair", "nothing"):
        reader = Reader(kind)
        got, want = call(answer, reader, list(PAIRS)), moved_by_mates(Reader(kind), PAIRS)
        case = f"where a score depends on {kind}, the output"
        if isinstance(got, Tensor) and got.shape == want.shape and got.dtype == want.dtype:
            if len(PAIRS) not in reader.asked:
                raise NotYet("the score was never asked of all pairs in one batch")
            if kind != "nothing" and not got.any():
                raise NotYet(
                    f"it finds nothing where a score depends on {kind}: is each pair alone in its batch?"
                )
            if (got < 0).any():
                raise NotYet("it has negative distances: take absolute values")
        elif isinstance(got, (bool, float)) or (isinstance(got, Tensor) and got.dtype == torch.bool):
            raise NotYet(
                "one distance a pair is expected, a tensor of floats: what is too far is for the reader to say"
            )
        compare(got, want, case)


class Dropped:
    """A dropout that notes its calls: instead of at random, it silences the same units each time it is called."""

    def __init__(self):
        self.calls: list[tuple[int, ...]] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.calls.append(tuple(x.shape))
        generator = torch.Generator().manual_seed(len(self.calls))
        return 2 * x * (torch.rand(x.shape, generator=generator) > 0.5)


@check(
    "8.2",
    reference=pair_features,
    hints=(
        "First the dropout, on all rows at once; then cut the rows into two halves; then compare the halves.",
        "pooled is (2B, D): rows 0 to B - 1 are left sides, B to 2B - 1 their right sides. u and v are (B, D), the "
        "output is (B, 2D).",
        "u, v = drop(pooled).chunk(2); return torch.cat([(u - v).abs(), u * v], dim=-1)",
    ),
)
def features(answer):
    pooled = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    same = torch.cat([pooled[:3], pooled[:3]])
    u, v = pooled.chunk(2)
    difference, product = (u - v).abs(), u * v
    calls = []

    def nothing_dropped(x):
        calls.append(x)
        return x

    got = call(answer, pooled, nothing_dropped)
    if not calls:
        raise NotYet("`drop` is never called")
    if isinstance(got, Tensor) and got.shape == (3, 8):
        left = got[:, :4]
        if torch.allclose(left, u - v) or torch.allclose(left, v - u):
            raise NotYet(
                "exchanging the two sentences changes the first half: the bars of |u - v| are missing"
            )
        if torch.allclose(left, (u - v) ** 2):
            raise NotYet("the first half is squared; |u - v| is asked for")
        if torch.allclose(got, torch.cat([product, difference], -1)):
            raise NotYet("the two halves have changed places: |u - v| comes first")
        if torch.allclose(got, torch.cat([u, v], -1)):
            raise NotYet("these are u and v side by side: nothing has been compared yet")
        even, odd = pooled[0::2], pooled[1::2]
        if torch.allclose(got, torch.cat([(even - odd).abs(), even * odd], -1)):
            raise NotYet("neighbouring rows are compared: all left sides come first, then all right sides")
        if call(answer, same, lambda x: x)[:, :4].any():
            raise NotYet("for a sentence beside itself |u - v| is not 0")
    compare(got, torch.cat([difference, product], -1), "without dropout, the output")
    drop = Dropped()
    got = call(answer, pooled, drop)
    if len(drop.calls) > 1:
        raise NotYet(
            f"`drop` is called {len(drop.calls)} times: once, on all rows, so that u has one mask for all uses"
        )
    if drop.calls[0] != (6, 4):
        raise NotYet(
            f"`drop` gets a tensor of shape {drop.calls[0]}; what it should silence are the pooled vectors"
        )
    compare(got, pair_features(pooled, Dropped()), "with dropout, the output")


@check(
    "8.3",
    reference=best_threshold,
    hints=(
        "Only the order of the scores matters, so there is one candidate between each two neighbouring scores, one "
        "below all and one above all. Try them all.",
        "scores and labels are arrays (n,); candidates are at most n + 1 numbers; (scores > cut) == labels is (n,).",
        "values = np.unique(scores); cuts = [values[0] - 1, *(values[:-1] + values[1:]) / 2, values[-1] + 1]; return "
        "the cut whose np.mean((scores > cut) == labels) is largest, as a float",
    ),
)
def threshold(answer):
    generator = np.random.default_rng(3)
    high = generator.uniform(0.6, 1.0, 40)
    noisy = (high + generator.normal(0, 0.08, 40) > 0.85).astype(int)
    ties = np.array([0.2, 0.5, 0.5, 0.5, 0.9, 0.9])
    cases = {
        "for cosines from 0.6 to 1": (high, noisy),
        "for logits on both sides of 0": (40 * high - 30, noisy),
        "for negative scores": (high - 3, noisy),
        "for scores with ties": (ties, np.array([0, 1, 0, 1, 0, 1])),
        "for few ones, all at the top": (np.linspace(0, 1, 20), (np.arange(20) > 17).astype(int)),
        "where no threshold is better than always 0": (
            np.linspace(0, 1, 9),
            np.array([0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ),
        "where no threshold is better than always 1": (
            np.linspace(0, 1, 9),
            np.array([1, 1, 1, 1, 1, 1, 1, 0, 1]),
        ),
    }
    for case, (scores, labels) in cases.items():
        got = as_number(call(answer, scores, labels), case)
        reached = np.mean((scores > got) == labels)
        best = np.mean((scores > best_threshold(scores, labels)) == labels)
        if reached == best and not np.isin(got, scores):
            continue
        if np.isin(got, scores):
            raise NotYet(
                f"{case} it is one of the scores, so that > and >= give different answers: go halfway"
            )
        raise NotYet(f"{case} a threshold of {got:.3g} is right for {reached:.0%}, and a better one exists")


@check(
    "8.4",
    reference=error_parts,
    hints=(
        "Write x - y as the difference of the means, plus the difference of what is left, and multiply out.",
        "x and y are (n,); means, spreads and the three parts are numbers. The spreads divide by n, as the mean does.",
        "s_x, s_y = x.std(correction=0), y.std(correction=0); covariance = ((x - x.mean()) * (y - y.mean())).mean(); "
        "parts: (x.mean() - y.mean()) ** 2, (s_x - s_y) ** 2, 2 * (s_x * s_y - covariance); .item() of each",
    ),
)
def parts_of_error(answer):
    generator = torch.Generator().manual_seed(4)
    y = torch.rand(8, generator=generator) * 5
    near = y + torch.randn(8, generator=generator)
    cases = {
        "for predictions near the labels": near,
        "for predictions that are the labels plus 1": y + 1,
        "for predictions that are half the labels": y / 2,
        "for predictions that run against the labels": 5 - y,
        "for constant predictions": torch.full((8,), 2.5),
    }
    for case, x in cases.items():
        got = call(answer, x, y)
        if not (isinstance(got, (tuple, list)) and len(got) == 3):
            raise NotYet("three numbers are expected: return offset, spread, disagreement")
        got = [as_number(part, f"{case}:") for part in got]
        want, total = error_parts(x, y), ((x - y) ** 2).mean().item()
        if any(part != part for part in got):
            raise NotYet(
                f"{case} a part is NaN: 2 s_x s_y (1 - r) is 2 (s_x s_y - covariance), which needs no r"
            )
        if sorted(round(part, 4) for part in got) == sorted(round(part, 4) for part in want):
            if max(abs(a - b) for a, b in zip(got, want, strict=True)) > 1e-3:
                raise NotYet(f"{case} the three parts are right, in another order")
        elif abs(sum(got) - total) > 1e-3:
            what = unbiased(x, y, got)
            hint = f"; does {what} divide by n - 1?" if what else ""
            raise NotYet(
                f"{case} the three parts add up to {sum(got):.3f}, and the mean squared error does not{hint}"
            )
        for name, mine, theirs in zip(("offset", "spread", "disagreement"), got, want, strict=True):
            compare(mine, theirs, f"{case} the part '{name}'", atol=1e-3, rtol=0)


def unbiased(x: Tensor, y: Tensor, got: list[float]) -> str:
    """What seems to divide by n - 1, as torch's `std` and `cov` do by default; empty where nothing does."""
    _, spread, disagreement = error_parts(x, y)
    if abs(got[1] - ((x.std() - y.std()) ** 2).item()) < 1e-4 < abs(got[1] - spread):
        return "one of your spreads"
    products = x.std(correction=0) * y.std(correction=0) - torch.cov(torch.stack([x, y]))[0, 1]
    if abs(got[2] - 2 * products.item()) < 1e-4 < abs(got[2] - disagreement):
        return "your covariance"
    return ""


def as_number(value, case: str) -> float:
    """`value` as a float; raises NotYet if it is none."""
    if isinstance(value, bool) or getattr(value, "ndim", 0) > 0:
        raise NotYet(
            f"{case} a number is expected, not {'a truth value' if isinstance(value, bool) else 'an array'}"
        )
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{case} a number is expected; yours is of type {type(value).__name__}") from None
