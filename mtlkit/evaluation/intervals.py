"""How sure a score is: intervals for what was measured on n examples, over a few seeds, or as the best of many runs."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, stats

from .metrics import accuracy, correlation, paired, pearson

Metric = Callable[[np.ndarray, np.ndarray], float]


def binomial(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for an accuracy `share` in [0, 1] measured on n examples (Wilson 1927).

    Returns (low, high). Raises ValueError for a share outside [0, 1], n < 1 or a level outside (0, 1).
    """
    if not (0 <= share <= 1 and n >= 1 and 0 < level < 1):
        raise ValueError(
            f"a share in [0, 1] of n >= 1 examples at a level in (0, 1), not {share}, {n}, {level}"
        )
    z = stats.norm.ppf(0.5 + level / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    return float(min(low, share)), float(max(high, share))  # at 0 and 1 rounding may leave the share outside


def fisher(r: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Fisher's interval for a Pearson correlation r of n pairs: arctanh(r) is near normal, with sd 1/sqrt(n - 3).

    Returns (low, high). Raises ValueError for r outside [-1, 1], n < 4 or a level outside (0, 1).
    """
    if not (-1 <= r <= 1 and n >= 4 and 0 < level < 1):
        raise ValueError(f"r in [-1, 1] of n >= 4 pairs at a level in (0, 1), not {r}, {n}, {level}")
    if abs(r) == 1:
        return float(r), float(r)
    half = stats.norm.ppf(0.5 + level / 2) / np.sqrt(n - 3)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def difference(
    a: float, around_a: tuple[float, float], b: float, around_b: tuple[float, float]
) -> tuple[float, float]:
    """An interval for a - b from the interval of each (Newcombe 1998, method 10; Zou and Donner 2008).

    For scores on different examples. For two models on the same examples it is too wide: a paired comparison,
    which needs their predictions, sees smaller differences. Returns (low, high).
    """
    low = np.hypot(a - around_a[0], around_b[1] - b)
    high = np.hypot(around_a[1] - a, b - around_b[0])
    return float(a - b - low), float(a - b + high)


def over_seeds(scores: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high): Student's t interval for the mean over seeds. Raises ValueError for fewer than 2 scores."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or len(scores) < 2:
        raise ValueError("the spread over seeds needs at least 2 scores")
    mean = scores.mean()
    half = stats.t.ppf(0.5 + level / 2, len(scores) - 1) * scores.std(ddof=1) / np.sqrt(len(scores))
    return float(mean), float(mean - half), float(mean + half)


def bootstrap(
    metric: Metric,
    predictions: ArrayLike,
    labels: ArrayLike,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(value, low, high): a metric and its percentile interval over resampled examples (Efron 1979).

    metric(predictions, labels) -> float. predictions, labels: (n,), n >= 2. Each draw scores n examples taken with
    replacement. A class that a draw misses is missing for the metric too: give `macro_f1` its number of classes.
    The examples vary here, the model does not: how much a score varies with the training seed is `over_seeds`.
    Raises ValueError for fewer than 2 examples or 1 draw, a level outside (0, 1), shapes other than (n,), NaN or
    infinite values, and whatever the metric refuses.
    """
    predictions, labels = one_each(predictions, labels)
    value = metric(predictions, labels)
    scores = np.concatenate(
        [resampled(metric, predictions, labels, rows) for rows in samples(len(labels), draws, level, seed)]
    )
    return float(value), *percentiles(scores, level)


def paired_bootstrap(
    metric: Metric,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    labels: ArrayLike,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(difference, low, high): the score of a minus that of b, on the same examples in every draw.

    What is hard for both models cancels, so it sees smaller differences than two intervals side by side
    (Berg-Kirkpatrick et al. 2012). Arguments and errors are those of `bootstrap`.
    """
    a, labels = one_each(predictions_a, labels)
    b, _ = one_each(predictions_b, labels)
    value = metric(a, labels) - metric(b, labels)
    scores = np.concatenate(
        [
            resampled(metric, a, labels, rows) - resampled(metric, b, labels, rows)
            for rows in samples(len(labels), draws, level, seed)
        ]
    )
    return float(value), *percentiles(scores, level)


def one_each(predictions: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays with one entry an example. Raises ValueError as `paired` does, and for more than one axis."""
    predictions, labels = paired(predictions, labels, "a resampled score")
    if labels.ndim != 1:
        raise ValueError(f"one prediction an example, so shape (n,), not {labels.shape}")
    return predictions, labels


def samples(n: int, draws: int, level: float, seed: int) -> Iterator[np.ndarray]:
    """`draws` resamples of n examples, as (some, n) row numbers: about a million at a time, to keep memory small.

    Raises ValueError as `bootstrap` says.
    """
    if not (n >= 2 and draws >= 1 and 0 < level < 1):
        raise ValueError(
            f"n >= 2 examples, at least 1 draw and a level in (0, 1), not {n}, {draws} and {level}"
        )
    random = np.random.default_rng(seed)
    some = max(1, 1_000_000 // n)
    for start in range(0, draws, some):
        yield random.integers(n, size=(min(some, draws - start), n), dtype=np.int32)


def resampled(metric: Metric, predictions: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The metric of each draw, (draws,): at once where it is accuracy or Pearson's correlation, else one by one."""
    if metric is accuracy:
        return (predictions == labels)[rows].mean(axis=-1)
    if metric is pearson:
        return correlation(predictions[rows], labels[rows])
    return np.array([metric(predictions[row], labels[row]) for row in rows])


def percentiles(scores: np.ndarray, level: float) -> tuple[float, float]:
    """The ends of the middle `level` of the scores."""
    low, high = np.quantile(scores, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def best_of(k: int, share: float, n: int, level: float = 0.95) -> tuple[float, float, float]:
    """(expected, low, high): the best accuracy of k equally good runs on one development set of n examples.

    share: the accuracy in [0, 1] that each run has in truth. The best of k draws X of Binomial(n, share) has
    P(best <= x) = P(X <= x)^k; its mean and the interval that holds `level` of such bests are exact.
    This takes the errors of the runs as independent, and each example as equally hard. Real runs fail on the same hard
    examples, so their scores spread less (Hoeffding 1956) and the best of them gains less: it is an upper bound.
    `best_of_seeds` starts from the spread that was seen. Raises ValueError for k < 1, n < 1, a share outside [0, 1]
    or a level outside (0, 1).
    """
    if not (k >= 1 and 0 <= share <= 1 and n >= 1 and 0 < level < 1):
        raise ValueError(
            f"k >= 1 runs, a share in [0, 1], n >= 1 examples, a level in (0, 1), not {k}, {share}, {n}, {level}"
        )
    at_most = stats.binom.cdf(np.arange(n), n, share) ** k
    ends = stats.binom.ppf(np.array([0.5 - level / 2, 0.5 + level / 2]) ** (1 / k), n, share)
    return float((1 - at_most).sum() / n), float(ends[0] / n), float(ends[1] / n)


def best_of_seeds(k: int, mean: float, sd: float, level: float = 0.95) -> tuple[float, float, float]:
    """(expected, low, high): the best score of k runs that differ by chance alone, with the spread seen over seeds.

    mean, sd: of the scores of runs with different seeds, taken as normal. The best of k has
    P(best <= x) = Phi((x - mean) / sd)^k. Raises ValueError for k < 1, sd < 0 or a level outside (0, 1).
    """
    if not (k >= 1 and sd >= 0 and np.isfinite(mean) and 0 < level < 1):
        raise ValueError(f"k >= 1 runs, a mean, sd >= 0, a level in (0, 1), not {k}, {mean}, {sd}, {level}")
    z = np.linspace(-12, 12, 24_001)
    gain = 12 - integrate.trapezoid(stats.norm.cdf(z) ** k, z)  # E[max], by parts
    low, high = stats.norm.ppf(np.array([0.5 - level / 2, 0.5 + level / 2]) ** (1 / k))
    return float(mean + sd * gain), float(mean + sd * low), float(mean + sd * high)
