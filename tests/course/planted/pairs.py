"""Wrong answers to 08_sentence_pairs, most of them from public forks, the course's starter code and the reports."""

import numpy as np
import torch

from mtlkit.course.checks.pairs import error_parts

# --- 8.1 ----------------------------------------------------------------------------------------------------


def alone(score, pairs):
    return torch.cat([score([pair]) for pair in pairs])


def first_pair_only(score, pairs):
    moved = torch.zeros(len(pairs))
    moved[0] = (score(pairs)[:1] - score(pairs[:1])).abs()
    return moved


def beside_itself(score, pairs):
    """A batch of the pair and the pair again has two rows, and still no padding."""
    return (torch.stack([score([pair, pair])[0] for pair in pairs]) - alone(score, pairs)).abs()


def in_another_order(score, pairs):
    """Exchanging rows leaves the longest row where it was: in the batch."""
    return (score(pairs) - score(pairs[::-1]).flip(0)).abs()


def neighbours(score, pairs):
    two = torch.cat([score(pairs[i : i + 2]) for i in range(0, len(pairs), 2)])
    return (two - alone(score, pairs)).abs()


# --- 8.2 ----------------------------------------------------------------------------------------------------


def two_masks(pooled, drop):
    """Each feature drops the sides anew (a bug that an excellent public fork had, and mended)."""
    u, v = drop(pooled).chunk(2)
    a, b = drop(pooled).chunk(2)
    return torch.cat([(u - v).abs(), a * b], -1)


def features(u, v):
    return torch.cat([(u - v).abs(), u * v], -1)


def halves(change):
    return lambda pooled, drop: change(*drop(pooled).chunk(2))


def own_dropout(pooled, drop):
    return features(*torch.nn.functional.dropout(pooled, 0.5).chunk(2))


# --- 8.3 ----------------------------------------------------------------------------------------------------


def observed(scores, labels):
    """A score of the data itself, right with >= and one row off with >."""
    return float(max(np.unique(scores), key=lambda cut: np.mean((scores >= cut) == labels)))


def among(cuts):
    return lambda scores, labels: float(max(cuts, key=lambda cut: np.mean((scores > cut) == labels)))


def turned(scores, labels):
    values = np.unique(scores)
    cuts = [values[0] - 1, *(values[:-1] + values[1:]) / 2, values[-1] + 1]
    return float(max(cuts, key=lambda cut: np.mean((scores < cut) == labels)))


def between_means(scores, labels):
    return float((scores[labels == 1].mean() + scores[labels == 0].mean()) / 2)


def best_f1(scores, labels):
    values = np.unique(scores)
    cuts = [values[0] - 1, *(values[:-1] + values[1:]) / 2]
    return float(
        max(cuts, key=lambda cut: 2 * (labels[scores > cut]).sum() / (labels.sum() + (scores > cut).sum()))
    )


def between_sorted_rows(scores, labels):
    """Cuts between rows in their order: a tie gives a cut that is a score."""
    rows = np.sort(scores)[::-1]
    right = [
        labels[np.argsort(-scores)][:k].sum() - labels[np.argsort(-scores)][k:].sum()
        for k in range(len(rows))
    ]
    k = max(1, int(np.argmax(right)))
    return float((rows[k - 1] + rows[k]) / 2)


def inside_only(scores, labels):
    values = np.unique(scores)
    return float(max((values[:-1] + values[1:]) / 2, key=lambda cut: np.mean((scores > cut) == labels)))


# --- 8.4 ----------------------------------------------------------------------------------------------------


def parts(x, y, correction=0, r_of=None, offset=2, factor=2, root=False):
    s_x, s_y = x.std(correction=correction), y.std(correction=correction)
    r = torch.corrcoef(torch.stack([x, y]))[0, 1] if r_of is None else r_of(x, y)
    spread = (s_x - s_y) ** 2 if not root else (s_x**2 - s_y**2).abs()
    return (
        ((x.mean() - y.mean()).abs() ** offset).item(), spread.item(), (factor * s_x * s_y * (1 - r)).item()
    )  # fmt: skip


def safe_r(x, y):
    x, y = x - x.mean(), y - y.mean()
    lengths = (x @ x).sqrt() * (y @ y).sqrt()
    return x @ y / lengths if lengths > 0 else torch.tensor(0.0)


def cov_of_torch(x, y):
    covariance = torch.cov(torch.stack([x, y]))[0, 1]
    return *error_parts(x, y)[:2], (2 * (x.std(correction=0) * y.std(correction=0) - covariance)).item()


def rest_in_the_last(x, y):
    """Adds up, whatever the second part is."""
    first, second = (
        ((x.mean() - y.mean()) ** 2).item(),
        (x.var(correction=0) - y.var(correction=0)).abs().item(),
    )
    return first, second, ((x - y) ** 2).mean().item() - first - second


PLANTED = {
    "batch_mates": {
        "all beside all": lambda score, pairs: (score(pairs) - score(pairs)).abs(),
        "alone beside alone": lambda score, pairs: (alone(score, pairs) - alone(score, pairs)).abs(),
        "the first pair only": first_pair_only,
        "each pair beside itself: no padding": beside_itself,
        "the same batch in another order": in_another_order,
        "batches of two": neighbours,
        "signed": lambda score, pairs: score(pairs) - alone(score, pairs),
        "squared": lambda score, pairs: (score(pairs) - alone(score, pairs)) ** 2,
        "the mean distance": lambda score, pairs: (score(pairs) - alone(score, pairs)).abs().mean(),
        "a yes or no": lambda score, pairs: not torch.allclose(score(pairs), alone(score, pairs)),
        "a yes or no for each": lambda score, pairs: score(pairs) != alone(score, pairs),
        "the pair in the place of a list": lambda score, pairs: torch.cat([score(pair) for pair in pairs]),
        "a list": lambda score, pairs: (score(pairs) - alone(score, pairs)).abs().tolist(),
        "distances of the rounded scores": lambda s, p: (s(p).round() - alone(s, p).round()).abs(),
        "returns nothing": lambda score, pairs: None,
    },
    "features": {
        "a new mask for each feature (seen in public forks)": two_masks,
        "each side dropped on its own": lambda x, drop: features(*map(drop, x.chunk(2))),
        "only one side dropped": lambda x, drop: features(drop(x[: len(x) // 2]), x[len(x) // 2 :]),
        "dropout after the fusion": lambda x, drop: drop(features(*x.chunk(2))),
        "no dropout": lambda x, drop: features(*x.chunk(2)),
        "a dropout of its own": own_dropout,
        "neighbouring rows": lambda x, drop: features(drop(x)[0::2], drop(x)[1::2]),
        "columns in the place of rows": lambda x, drop: features(*drop(x).chunk(2, dim=-1)),
        "signed difference": halves(lambda u, v: torch.cat([u - v, u * v], -1)),
        "squared difference": halves(lambda u, v: torch.cat([(u - v) ** 2, u * v], -1)),
        "concatenation (report S4, eq. 5)": halves(lambda u, v: torch.cat([u, v], -1)),
        "the other order": halves(lambda u, v: torch.cat([u * v, (u - v).abs()], -1)),
        "a dot product": halves(lambda u, v: torch.cat([(u - v).abs(), (u * v).sum(-1, keepdim=True)], -1)),
        "difference only": halves(lambda u, v: (u - v).abs()),
        "below each other": halves(lambda u, v: torch.cat([(u - v).abs(), u * v], 0)),
        "returns nothing": lambda x, drop: None,
    },
    "threshold": {
        "sigmoid().round() (the starter code)": lambda scores, labels: 0.0,
        "0.5": lambda scores, labels: 0.5,
        "0 or 1": among([0, 1]),
        "a grid from -1 to 1": among(np.linspace(-1, 1, 9) + 0.003),
        "one of the scores": observed,
        "the other direction": turned,
        "halfway between the classes' means": between_means,
        "best F1": best_f1,
        "the median": lambda scores, labels: float(np.median(scores) + 1e-6),
        "the share of ones as a quantile": lambda s, y: float(np.quantile(s, 1 - y.mean()) + 1e-6),
        "never all or none": inside_only,
        "cuts between tied rows": between_sorted_rows,
        "the accuracy": lambda scores, labels: 0.803,
        "all decisions": lambda scores, labels: (scores > scores.mean()).astype(int),
        "returns nothing": lambda scores, labels: None,
    },
    "parts_of_error": {
        "torch's std, which divides by n - 1": lambda x, y: parts(x, y, correction=1, r_of=safe_r),
        "torch's cov, which divides by n - 1": cov_of_torch,
        "NaN for constant predictions": lambda x, y: parts(x, y),
        "offset not squared": lambda x, y: parts(x, y, offset=1, r_of=safe_r),
        "the factor 2 forgotten": lambda x, y: parts(x, y, factor=1, r_of=safe_r),
        "variances in the place of spreads": lambda x, y: parts(x, y, root=True, r_of=safe_r),
        "what is left over in the last part": rest_in_the_last,
        "without the covariance: r taken as 0": lambda x, y: parts(x, y, r_of=lambda x, y: torch.tensor(0.0)),
        "r squared": lambda x, y: parts(x, y, r_of=lambda x, y: safe_r(x, y) ** 2),
        "another order": lambda x, y: error_parts(x, y)[::-1],
        "the whole error": lambda x, y: ((x - y) ** 2).mean().item(),
        "shares": lambda x, y: tuple(p / max(sum(error_parts(x, y)), 1e-9) for p in error_parts(x, y)),
        "returns nothing": lambda x, y: None,
    },
}  # fmt: skip

TOLD = {  # words that the verdict must have
    "batch_mates": {
        "each pair beside itself: no padding": "never asked of all pairs",
        "the same batch in another order": "is each pair alone in its batch?",
        "a yes or no": "one distance a pair",
        "signed": "negative distances",
        "the pair in the place of a list": "no list of the pairs",
    },
    "features": {
        "a new mask for each feature (seen in public forks)": "called 2 times",
        "dropout after the fusion": "the pooled vectors",
        "no dropout": "never called",
        "a dropout of its own": "never called",
        "neighbouring rows": "neighbouring rows are compared",
        "signed difference": "exchanging the two sentences",
        "concatenation (report S4, eq. 5)": "nothing has been compared yet",
    },
    "threshold": {
        "sigmoid().round() (the starter code)": "a better one exists",
        "one of the scores": "go halfway",
        "all decisions": "not an array",
    },
    "parts_of_error": {
        "torch's std, which divides by n - 1": "does one of your spreads divide by n - 1",
        "torch's cov, which divides by n - 1": "does your covariance divide by n - 1",
        "NaN for constant predictions": "which needs no r",
        "another order": "in another order",
    },
}
