"""Intervals, against scipy's own and against what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mtlkit.evaluation import (
    accuracy,
    best_of,
    best_of_seeds,
    binomial,
    bootstrap,
    fisher,
    macro_f1,
    over_seeds,
    paired_bootstrap,
    pearson,
    spearman,
)
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


# Resampling


@pytest.fixture(scope="module")
def answers():
    """Labels of 400 examples in five classes, and two models' predictions: right on about 60% and 55% of them."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 400)
    first = np.where(random.random(400) < 0.5, labels, random.integers(0, 5, 400))
    second = np.where(random.random(400) < 0.1, random.integers(0, 5, 400), first)
    return first, second, labels


@pytest.mark.parametrize("metric", [accuracy, macro_f1, pearson, spearman])
def test_bootstrap_is_scipys_percentile_interval(metric, answers):
    predictions, _, labels = answers
    value, low, high = bootstrap(metric, predictions, labels)
    expected = stats.bootstrap(
        (predictions, labels),
        metric,
        n_resamples=2000,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=1,
    ).confidence_interval
    assert value == metric(predictions, labels)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.006)


@pytest.mark.parametrize("metric", [accuracy, pearson])
def test_the_fast_path_gives_what_the_loop_gives(metric, answers):
    first, second, labels = answers
    slow = lambda predictions, labels: metric(predictions, labels)  # noqa: E731  another function, so the loop
    assert bootstrap(metric, first, labels) == pytest.approx(bootstrap(slow, first, labels))
    fast = paired_bootstrap(metric, first, second, labels)
    assert fast == pytest.approx(paired_bootstrap(slow, first, second, labels))


def test_bootstrap_of_an_accuracy_is_near_wilsons(answers):
    first, _, labels = answers
    value, low, high = bootstrap(accuracy, first, labels)
    assert (low, high) == pytest.approx(binomial(value, len(labels)), abs=0.01)


def test_bootstrap_of_a_normal_correlation_is_near_fishers():
    random = np.random.default_rng(0)
    x = random.standard_normal(863)
    r, low, high = bootstrap(pearson, x + random.standard_normal(863), x)
    assert (low, high) == pytest.approx(fisher(r, 863), abs=0.01)


def test_a_seed_fixes_the_draws_and_a_level_the_width(answers):
    first, _, labels = answers
    assert bootstrap(accuracy, first, labels) == bootstrap(accuracy, first, labels, seed=0)
    assert bootstrap(accuracy, first, labels) != bootstrap(accuracy, first, labels, seed=1)
    _, low, high = bootstrap(accuracy, first, labels, level=0.8)
    _, lower, higher = bootstrap(accuracy, first, labels, level=0.99)
    assert lower < low < high < higher


def test_large_data_is_drawn_in_parts_and_every_part_counts():
    right = np.arange(600_000) % 2
    _, low, high = bootstrap(accuracy, right, np.ones_like(right), draws=20)
    assert 0.49 < low < 0.5 < high < 0.51


def test_pairing_sees_what_two_intervals_do_not(answers):
    first, second, labels = answers
    value, low, high = paired_bootstrap(accuracy, first, second, labels)
    a, b = accuracy(first, labels), accuracy(second, labels)
    assert value == a - b
    assert 0 < low < high
    apart_low, apart_high = difference(a, binomial(a, 400), b, binomial(b, 400))
    assert apart_low < 0
    assert high - low < (apart_high - apart_low) / 2


def test_paired_differences_turn_with_their_order_and_vanish_for_one_model(answers):
    first, second, labels = answers
    value, low, high = paired_bootstrap(pearson, first, second, labels)
    assert paired_bootstrap(pearson, second, first, labels) == pytest.approx((-value, -high, -low))
    assert paired_bootstrap(macro_f1, first, first, labels, draws=50) == (0, 0, 0)


def test_paired_differences_are_scipys(answers):
    first, second, labels = answers
    _, low, high = paired_bootstrap(pearson, first, second, labels)
    expected = stats.bootstrap(
        answers, lambda a, b, y: pearson(a, y) - pearson(b, y), n_resamples=2000, paired=True, vectorized=False,
        method="percentile", rng=1,
    ).confidence_interval  # fmt: skip
    assert (low, high) == pytest.approx(tuple(expected), abs=0.006)


def test_a_constant_model_has_a_correlation_of_0_without_width():
    assert bootstrap(pearson, np.full(50, 0.1), np.arange(50)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1], [1]), "n >= 2"),
        (([], []), "no examples"),
        (([1, 2], [1, 2, 3]), r"\(2,\) predictions for \(3,\)"),
        (([1.0, np.nan], [1, 2]), "1 of 2 predictions"),
        (([[1], [2]], [[1], [2]]), r"not \(2, 1\)"),
        (([1, 2], [1, 2], 0), "at least 1 draw"),
        (([1, 2], [1, 2], 10, 95), "level"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, words):
    predictions, *rest = arguments
    with pytest.raises(ValueError, match=words):
        bootstrap(accuracy, predictions, *rest)
    with pytest.raises(ValueError, match=words):
        paired_bootstrap(accuracy, predictions, predictions, *rest)


# The best of many runs


@pytest.mark.parametrize(
    ("k", "share", "n"), [(1, 0.53, 1101), (3, 0.9, 20), (300, 0.53, 1101), (1000, 0.4, 50)]
)
def test_best_of_is_what_simulated_runs_show(k, share, n):
    best = np.random.default_rng(0).binomial(n, share, size=(4000, k)).max(axis=1) / n
    expected, low, high = best_of(k, share, n)
    assert expected == pytest.approx(best.mean(), abs=5 * best.std() / np.sqrt(4000) + 1e-12)
    assert (low, high) == pytest.approx(tuple(np.quantile(best, [0.025, 0.975])), abs=1.5 / n)


def test_the_best_of_two_coins():
    assert best_of(2, 0.5, 1)[0] == 0.75


@given(st.integers(1, 500), st.floats(0, 1), st.integers(1, 300))
def test_best_of_gains_with_every_run(k, share, n):
    expected, low, high = best_of(k, share, n)
    assert 0 <= low <= high <= 1
    assert share - 1e-9 <= expected <= best_of(k + 1, share, n)[0] + 1e-12 <= 1 + 1e-9
    assert best_of(1, share, n)[0] == pytest.approx(share)


def test_runs_that_share_hard_examples_gain_less():
    """500 examples always right, 450 never, 50 by a coin: accuracy 0.525, as of 1,000 equally hard ones."""
    random = np.random.default_rng(0)
    best = (500 + random.binomial(50, 0.5, size=(2000, 300)).max(axis=1)) / 1000
    assert 0.525 < best.mean() < best_of(300, 0.525, 1000)[0]


@pytest.mark.parametrize(
    ("k", "exact"),
    [(1, 0), (2, 1 / np.sqrt(np.pi)), (3, 1.5 / np.sqrt(np.pi)), (100, 2.507594), (1000, 3.241436)],
)
def test_best_of_seeds_is_the_known_order_statistic(k, exact):
    """Harter (1961), Expected values of normal order statistics."""
    assert best_of_seeds(k, 0, 1)[0] == pytest.approx(exact, abs=1e-5)
    assert best_of_seeds(k, 0.5, 0.01)[0] == pytest.approx(0.5 + 0.01 * exact, abs=1e-7)


def test_best_of_seeds_has_an_interval_and_none_without_spread():
    best = np.random.default_rng(0).standard_normal((5000, 30)).max(axis=1)
    assert best_of_seeds(30, 0, 1)[1:] == pytest.approx(tuple(np.quantile(best, [0.025, 0.975])), abs=0.06)
    assert best_of_seeds(30, 0.5, 0) == (0.5, 0.5, 0.5)
    large = best_of(300, 0.53, 10**6)
    normal = best_of_seeds(300, 0.53, np.sqrt(0.53 * 0.47 / 10**6))
    assert large == pytest.approx(normal, abs=1e-5)


@pytest.mark.parametrize(
    "bad", [(0, 0.5, 10), (3, 1.1, 10), (3, 0.5, 0), (3, float("nan"), 10), (3, 0.5, 10, 95)]
)
def test_best_of_refuses_what_is_no_run(bad):
    with pytest.raises(ValueError, match="k >= 1 runs"):
        best_of(*bad)


@pytest.mark.parametrize("bad", [(0, 0.5, 0.1), (3, 0.5, -0.1), (3, float("nan"), 0.1), (3, 0.5, 0.1, 95)])
def test_best_of_seeds_refuses_what_is_no_spread(bad):
    with pytest.raises(ValueError, match="k >= 1 runs"):
        best_of_seeds(*bad)
