"""How sure a score is: 95% intervals for what was measured on n examples, or over a few seeds."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


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
