"""The exercises of 02_metrics_and_floors."""

import math

import numpy as np
from scipy import stats

from mtlkit import evaluation
from mtlkit.evaluation import mean3, norm3

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------

SLACK = 0.001  # three scores and their average, each rounded to three places


def interval_by_resampling(metric, predictions, labels, draws, generator):
    """The 2.5% and 97.5% points of metric(predictions, labels) over `draws` resamples of the examples."""
    n, scores = len(labels), []
    for _ in range(draws):
        rows = generator.integers(n, size=n)
        scores.append(metric(predictions[rows], labels[rows]))
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def which_average(sst, para, sts, overall):
    """ "mean3", "norm3", "neither", or "impossible" where `overall` lies outside all that it could be averaged from."""
    if abs(overall - mean3(sst, para, sts)) <= SLACK:
        return "mean3"
    if abs(overall - norm3(sst, para, sts)) <= SLACK:
        return "norm3"
    low, high = min(sst, para, sts), max(sst, para, (sts + 1) / 2)
    return "neither" if low - SLACK <= overall <= high + SLACK else "impossible"


def best_of_equals(k, share, n):
    """The expected best accuracy of k independent runs that are each right with probability `share`, on n examples."""
    return evaluation.best_of(k, share, n)[0]


# --- the checks -------------------------------------------------------------------------------------------


@check(
    "2.1",
    reference=evaluation.pearson,
    hints=(
        "Take each side's mean off first. What is left is compared by direction only, so both lengths divide.",
        "x and y are (n,), their means and lengths are numbers, and so is r. A side is constant if its length is 0.",
        "x, y = x - x.mean(), y - y.mean(); lengths = sqrt((x**2).sum() * (y**2).sum()); "
        "return float((x * y).sum() / lengths) if lengths > 0 else 0.0",
    ),
)
def pearson(answer):
    generator = np.random.default_rng(0)
    labels = generator.uniform(0, 5, size=12)
    close = labels + generator.normal(size=12)
    cases = {
        "for predictions near the labels": (close, labels),
        "for predictions that run against the labels": (-2 * close, labels),
        "for predictions from 0.8 to 0.9": (0.8 + 0.02 * close, labels),
        "for predictions in the thousands": (5000 + 300 * close, labels),
        "for predictions that have nothing to do with the labels": (generator.normal(size=12), labels),
    }
    for case, (x, y) in cases.items():
        got = number(call_on_arrays(answer, x, y), case)
        want = evaluation.pearson(x, y)
        if abs(got - want) > 1e-6:
            raise NotYet(f"{case} {wrong_correlation(got, want, x, y)}")
    for flat, case in ((0, "predictions"), (1, "labels")):
        pair = [labels.copy(), labels.copy()]
        pair[flat] = np.full(12, 2.5)
        with np.errstate(all="ignore"):
            got = number(call(answer, *pair), f"for constant {case}")
        if math.isnan(got):
            raise NotYet(f"for constant {case} it gives NaN: nothing divided by nothing")
        compare(got, 0.0, f"for constant {case} the correlation", atol=1e-9, rtol=0)


def call_on_arrays(answer, x, y):
    """As `call`, in the words of arrays."""
    before = x.copy(), y.copy()
    got = call(lambda: answer(x, y))
    if not all(map(np.array_equal, before, (x, y))):
        raise NotYet("it changes its inputs: write x = x - ..., which makes a new array, and not x -= ...")
    return got


def wrong_correlation(got, want, x, y):
    """What `got` is instead of the correlation of x and y, in words."""
    n, cosine = len(x), float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    covariance = float(np.cov(x, y, bias=True)[0, 1])
    root = np.sqrt(n * x.var() * n * y.var())
    for value, words in (
        (want / root, "it divides by the product of both sums of squares: their root is missing"),
        (cosine, "it is the cosine of the two as they are: take off each side's mean first"),
        (covariance, "it is a covariance, which grows with the scale of each side: divide by both spreads"),
        (covariance * n / (n - 1), "it is a covariance, which grows with the scale of each side"),
        (want**2, "it is r squared: the sign is lost"),
        (abs(want), "the sign is lost: predictions that run against the labels have r below 0"),
        (evaluation.spearman(x, y), "it compares ranks: that is Spearman's correlation"),
        (want * (n - 1) / n, "one sum is divided by n and another by n - 1"),
        (want * n / (n - 1), "one sum is divided by n and another by n - 1"),
    ):
        if abs(got - value) < 1e-9:
            return words
    if abs(got) > 1 + 1e-9:
        return f"it gives {got:.3g}; a correlation lies between -1 and 1"
    return f"r is too {'large' if got > want else 'small'}"


@check(
    "2.2",
    reference=interval_by_resampling,
    hints=(
        "Pretend that the n examples are the world: draw n of them with replacement, score, and do it again.",
        "rows is (n,), whole numbers from 0 to n - 1, drawn once a draw; predictions[rows] and labels[rows] go to "
        "the metric; scores has one number a draw.",
        "for each draw: rows = generator.integers(n, size=n); scores.append(metric(predictions[rows], "
        "labels[rows])); then low, high = np.quantile(scores, [0.025, 0.975])",
    ),
)
def bootstrap_interval(answer):
    n, draws = 40, 500
    predictions = np.sqrt(np.arange(n))
    labels = predictions + 1000.0  # so that each prediction's own label can be told

    def run(seed):
        seen = []

        def metric(some, theirs):
            seen.append((np.array(some), np.array(theirs)))
            return float(np.mean(some))

        got = call(answer, metric, predictions, labels, draws, np.random.default_rng(seed))
        return got, [pair for pair in seen if not np.array_equal(pair[0], predictions)]

    got, seen = run(1)
    watch_draws(seen, n, draws)
    again, other = run(1)[1], run(2)[1]
    if not np.array_equal(seen[0][0], again[0][0]):
        raise NotYet("two generators with the same seed give different draws: draw with `generator` only")
    if np.array_equal(seen[0][0], other[0][0]):
        raise NotYet("two generators with different seeds give the same draws: draw with `generator`")
    if not (isinstance(got, (tuple, list, np.ndarray)) and len(got) == 2):
        raise NotYet("two numbers are expected, low and high: return low, high")
    low, high = (number(end, "low and high:") for end in got)
    if low > high:
        raise NotYet("the first number is above the second: low comes first")
    scores = np.array([np.mean(some) for some, _ in seen])
    for end, share in (("below low", np.mean(scores < low)), ("above high", np.mean(scores > high))):
        if not 0.019 <= share <= 0.031:
            raise NotYet(f"{share:.1%} of the draws' scores lie {end}; it should be one in forty")


def watch_draws(seen, n, draws):
    """Raises NotYet for what the metric was given: how often, how many, which with which, and any twice."""
    if not seen:
        raise NotYet("the metric never saw anything but the whole sample: score resamples of it")
    if len(seen) != draws:
        raise NotYet(f"the metric scored {len(seen)} resamples where {draws} draws are asked for")
    if strange := [len(some) for some, theirs in seen if not len(some) == len(theirs) == n]:
        raise NotYet(f"a draw has {strange[0]} examples; the interval is for samples of all {n}")
    if any(np.abs(theirs - some - 1000).max() > 1e-6 for some, theirs in seen):
        raise NotYet(
            "predictions meet the labels of other examples: draw row numbers once, and use them for both"
        )
    if all(len(set(some)) == n for some, _ in seen):
        raise NotYet("no draw has an example twice, so each holds the same examples: draw with replacement")
    if all(np.array_equal(some, seen[0][0]) for some, _ in seen):
        raise NotYet("all draws are the same one")


@check(
    "2.3",
    reference=which_average,
    hints=(
        "Work down the list: first the two formulas, then what any average can be. An average never leaves the "
        "range of what it is taken of.",
        "Four numbers go in, one of four words comes out. Allow 0.001 in each comparison, for the printed digits.",
        "if abs(overall - mean3(...)) <= 0.001: ...; the same with norm3; low = min of the three as printed; "
        "high = max(sst, para, (sts + 1) / 2); inside low - 0.001 to high + 0.001 it is 'neither'",
    ),
)
def name_the_average(answer):
    cases = [
        ((0.6, 0.8, 0.3), 0.5667, "the plain mean, rounded"),
        ((0.6, 0.8, 0.3), 0.6833, "the mean with STS moved, rounded"),
        ((0.523, 0.771, -0.125), 0.3903, "a plain mean that is off by two thirds of a thousandth"),
        ((0.523, 0.771, 0.125), 0.6195, "a moved mean that is off by two thirds of a thousandth"),
        ((0.5, 0.8, 0.6), 0.639, "near the plain mean, but farther off than printed digits explain"),
        ((0.6, 0.8, 0.3), 0.62, "something between the scores"),
        ((0.6, 0.8, 0.3), 0.85, "more than any of the scores"),
        ((0.6, 0.8, 0.3), 0.25, "less than any of the scores"),
        ((0.3, 0.4, 0.1), 0.52, "more than the two accuracies, and less than the moved STS"),
        ((0.5, 0.6, -0.2), -0.1, "less than the two accuracies, and more than STS as printed"),
        ((0.4, 0.7, 0.2), 0.7005, "the largest score, as far as the printed digits tell"),
        ((1.0, 1.0, 1.0), 1.0, "what all averages of these scores are"),
    ]
    words = ("mean3", "norm3", "neither", "impossible")
    for scores, overall, case in cases:
        got, want = call(answer, *scores, overall), which_average(*scores, overall)
        if not (isinstance(got, str) and got in words):
            raise NotYet(f"it gives {got!r}; one of the four words {', '.join(words)} is expected")
        if got != want:
            raise NotYet(f"for {scores} with overall {overall:g}, {case}, it says {got!r}")


@check(
    "2.4",
    reference=best_of_equals,
    hints=(
        "The best of k runs has at most x right answers exactly if each of the k runs has. And the mean of a count "
        "is the sum, over x = 0, 1, 2, ..., of the chance that it is larger than x.",
        "F(x) for x = 0 to n - 1 is an array (n,): stats.binom.cdf(np.arange(n), n, share). The answer is one number.",
        "at_most = stats.binom.cdf(np.arange(n), n, share) ** k; return (1 - at_most).sum() / n",
    ),
)
def expected_best(answer):
    for k, share, n in [
        (1, 0.5, 40),
        (1, 0.9, 1101),
        (2, 0.5, 40),
        (2, 0.5, 1),
        (10, 0.3, 60),
        (300, 0.5, 1101),
    ]:
        case = f"for the best of {k} with share {share:g} on {n} example{'s' * (n > 1)}"
        got, want = number(call(answer, k, share, n), case), best_of_equals(k, share, n)
        if math.isnan(got):
            raise NotYet(f"{case} it gives NaN")
        for words, value in wrong_bests(k, share, n).items():
            if abs(got - value) < 1e-9 and abs(got - want) > 1e-6:
                raise NotYet(f"{case} it gives {got:.4g}: {words}")
        if got > 1 + 1e-9:
            raise NotYet(f"{case} it gives {got:.4g}: a count, not a share?")
        if k == 1 and abs(got - share) > 1e-6:
            raise NotYet(f"{case} it gives {got:.4f}; one run alone is right as often as `share` says")
        if got < share - 1e-9:
            raise NotYet(f"{case} it gives {got:.4f}, less than one run alone")
        if k > 1 and abs(got - share) < 1e-6:
            raise NotYet(f"{case} it gives the same as for one run")
        compare(got, want, f"{case} the expected best", atol=1e-6, rtol=0)


def wrong_bests(k, share, n):
    """What the expected best is taken for, in words -> its value."""
    F = stats.binom.cdf(np.arange(n), n, share)
    return {
        "that is the worst of them": ((1 - F) ** k).sum() / n,
        "the sum stops too early; its last x is n - 1": (1 - F[:-1] ** k).sum() / n,
        "F is taken times k; that all k have at most x is a product of k factors": (1 - k * F).sum() / n,
        "the sum starts too late; its first x is 0": (1 - F[1:] ** k).sum() / n,
    }


def number(value, case):
    """`value` as a float. Raises NotYet if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{case} a number is expected; yours is of type {type(value).__name__}") from None
