"""Intervals, against scipy's own and against what they promise."""

import numpy as np
import pytest
from scipy import stats

from mtlkit.evaluation import binomial, fisher, over_seeds
from mtlkit.evaluation.intervals import difference

LEVELS = [0.8, 0.95, 0.99]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("right", "n"), [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (581, 1101), (12627, 20212)]
)
def test_binomial_is_scipys_wilson_interval(right, n, level):
    expected = stats.binomtest(right, n).proportion_ci(level, method="wilson")
    assert binomial(right / n, n, level) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [5, 50, 863])
def test_fisher_is_scipys_interval_of_a_correlation(n, level):
    random = np.random.default_rng(n)
    x = random.standard_normal(n)
    for noise in (0.1, 1, 10):
        result = stats.pearsonr(x, x + noise * random.standard_normal(n))
        expected = result.confidence_interval(level)
        assert fisher(result.statistic, n, level) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scores", [[0.51, 0.53], [0.5, 0.52, 0.49, 0.55, 0.51]])
def test_over_seeds_is_students_interval(scores, level):
    expected = stats.t.interval(level, len(scores) - 1, np.mean(scores), stats.sem(scores))
    assert over_seeds(scores, level) == pytest.approx((np.mean(scores), *expected), abs=1e-12)


def test_over_seeds_ends_where_a_t_test_turns():
    scores = [0.5, 0.52, 0.49, 0.55, 0.51]
    _, low, high = over_seeds(scores, 0.9)
    assert stats.ttest_1samp(scores, low).pvalue == pytest.approx(0.1)
    assert stats.ttest_1samp(scores, high).pvalue == pytest.approx(0.1)


def test_intervals_hold_the_score_stay_in_range_and_shrink_with_n():
    for share in (0.0, 0.001, 0.5, 0.999, 1.0):
        low, high = binomial(share, 30)
        assert 0 <= low <= share <= high <= 1
        assert high > low, "0 of 30 right is no proof of 0"
        inner_low, inner_high = binomial(share, 3000)
        assert inner_high - inner_low < high - low
    for r in (-1.0, -0.99, 0.0, 0.5, 0.9999, 1.0):
        low, high = fisher(r, 30)
        assert -1 <= low <= r <= high <= 1


def test_a_perfect_correlation_has_no_width():
    assert fisher(1.0, 10) == (1.0, 1.0)
    assert fisher(-1.0, 10) == (-1.0, -1.0)


def test_about_95_of_100_binomial_intervals_hold_the_truth():
    random = np.random.default_rng(0)
    right = random.binomial(200, 0.53, size=2000)
    held = [low <= 0.53 <= high for low, high in (binomial(k / 200, 200) for k in right)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_difference_is_newcombes_tenth_method():
    """56 of 70 against 48 of 80: 0.0524 to 0.3339, the first example of Newcombe (1998)."""
    a, b = 56 / 70, 48 / 80
    assert difference(a, binomial(a, 70), b, binomial(b, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_difference_turns_its_sign_with_its_order():
    a, b = (0.6, binomial(0.6, 100)), (0.5, binomial(0.5, 50))
    low, high = difference(*a, *b)
    assert difference(*b, *a) == pytest.approx((-high, -low))


@pytest.mark.parametrize("bad", [(-0.1, 10), (1.1, 10), (0.5, 0), (float("nan"), 10)])
def test_binomial_refuses_what_is_no_share(bad):
    with pytest.raises(ValueError, match="share"):
        binomial(*bad)


@pytest.mark.parametrize("bad", [(-1.1, 10), (1.1, 10), (0.5, 3), (float("nan"), 10)])
def test_fisher_refuses_what_is_no_correlation(bad):
    with pytest.raises(ValueError, match="pairs"):
        fisher(*bad)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(ValueError, match="level"):
        binomial(0.5, 10, level)
    with pytest.raises(ValueError, match="level"):
        fisher(0.5, 10, level)


@pytest.mark.parametrize("scores", [[], [0.5], [[0.5, 0.6]]])
def test_one_run_has_no_spread(scores):
    with pytest.raises(ValueError, match="at least 2"):
        over_seeds(scores)
