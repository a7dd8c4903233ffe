"""Scores, against scikit-learn's and scipy's; what has no answer gets the one that the docstring names."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from mtlkit.evaluation import accuracy, confusion, macro_f1, mean3, norm3, pearson, spearman

METRICS = pytest.mark.parametrize("metric", [accuracy, macro_f1, pearson, spearman])
CORRELATIONS = pytest.mark.parametrize("metric", [pearson, spearman])
finite = st.floats(allow_nan=False, allow_infinity=False)


def columns(values, most=40):
    """Two lists of equal length."""
    rows = st.lists(st.tuples(values, values), min_size=1, max_size=most)
    return rows.map(lambda pairs: tuple(map(list, zip(*pairs, strict=True))))


@pytest.fixture(params=[1, 7, 500])
def case(request):
    random = np.random.default_rng(request.param)
    return random.integers(0, 5, request.param), random.integers(0, 5, request.param)


# Accuracy and confusion


def test_accuracy_is_scikit_learns(case):
    predictions, labels = case
    assert accuracy(predictions, labels) == accuracy_score(labels, predictions)


def test_confusion_is_scikit_learns(case):
    predictions, labels = case
    expected = confusion_matrix(labels, predictions, labels=range(5))
    assert np.array_equal(confusion(predictions, labels, 5), expected)


def test_rows_are_labels_and_columns_predictions():
    counts = confusion([1, 1, 2], [0, 0, 2], classes=3)
    assert counts[0, 1] == 2
    assert counts[2, 2] == 1
    assert counts.sum() == 3


def test_accuracy_is_the_diagonals_share(case):
    counts = confusion(*case, 5)
    assert accuracy(*case) == pytest.approx(np.trace(counts) / counts.sum())


def test_a_class_beyond_the_last_is_refused():
    with pytest.raises(IndexError):
        confusion([5], [0], classes=5)


# Macro-F1


@given(columns(st.integers(0, 4)))
def test_macro_f1_is_scikit_learns(case):
    predictions, labels = case
    expected = f1_score(labels, predictions, average="macro", zero_division=0)
    assert macro_f1(predictions, labels) == pytest.approx(expected)
    expected = f1_score(labels, predictions, average="macro", zero_division=0, labels=range(5))
    assert macro_f1(predictions, labels, classes=5) == pytest.approx(expected)


def test_always_one_class_has_the_f1_of_that_class_only():
    assert macro_f1([3, 3, 3, 3], [3, 3, 0, 1], classes=5) == pytest.approx(2 * 2 / (4 + 2) / 5)
    assert macro_f1([0, 0], [1, 1]) == 0.0


def test_an_absent_class_lowers_the_mean_only_where_the_classes_are_given():
    assert macro_f1([0, 1], [0, 1]) == 1.0
    assert macro_f1([0, 1], [0, 1], classes=4) == 0.5


@pytest.mark.parametrize("strange", [-1, 5, 0.5])
def test_a_class_outside_the_range_is_named(strange):
    with pytest.raises(ValueError, match=f"{strange}.* among 5 classes"):
        macro_f1([0, strange], [0, 1], classes=5)


# Correlations


@pytest.mark.parametrize("n", [2, 5, 863])
@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_scipys(n, ties):
    random = np.random.default_rng(n)
    x = random.standard_normal(n)
    y = x + random.standard_normal(n)
    if ties and n > 2:
        x, y = x.round(), y.round()
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


@CORRELATIONS
@pytest.mark.parametrize("constant", [0.0, 2.5, 0.1, 1e-300, -1e300])
def test_a_constant_has_no_correlation_and_never_a_nan(metric, constant):
    """0.1 is the trap: the mean of many 0.1 is not 0.1, and the noise that is left correlates with something."""
    varied = np.random.default_rng(0).standard_normal(1000)
    fixed = np.full(1000, constant)
    assert metric(fixed, varied) == metric(varied, fixed) == metric(fixed, fixed) == 0.0
    assert metric([constant], [3.0]) == 0.0


@CORRELATIONS
@given(columns(finite))
def test_correlations_are_in_range_and_symmetric(metric, case):
    x, y = case
    assert -1 <= metric(x, y) <= 1
    assert metric(x, y) == pytest.approx(metric(y, x))
    assert metric(x, x) == (pytest.approx(1) if metric(x, x) else 0)


@given(columns(st.integers(-50, 50)), st.sampled_from([1e-200, 0.01, 3.0, 1e250]), st.integers(-9, 9))
def test_scale_and_origin_do_not_matter_and_the_sign_turns(case, scale, shift):
    x, y = (np.array(side, dtype=float) for side in case)
    assert pearson(scale * (x + shift), y) == pytest.approx(pearson(x, y), abs=1e-9)
    assert pearson(-x, y) == pytest.approx(-pearson(x, y), abs=1e-12)
    assert spearman(x**3, y) == pytest.approx(spearman(x, y))


# Both averages


def test_averages_of_numbers_and_of_columns():
    assert mean3(0.3, 0.6, -0.3) == pytest.approx(0.2)
    assert norm3(0.3, 0.6, -0.3) == pytest.approx((0.3 + 0.6 + 0.35) / 3)
    table = pd.DataFrame({"SST": [0.3, 1.0], "PARA": [0.6, 1.0], "STS": [-0.3, 1.0]})
    for average in (mean3, norm3):
        expected = [average(*row) for row in table.to_numpy()]
        assert average(table.SST, table.PARA, table.STS).tolist() == pytest.approx(expected)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1))
def test_averages_stay_in_range_and_differ_by_what_sts_lacks(sst, para, sts):
    assert -1 / 3 <= mean3(sst, para, sts) <= 1 + 1e-12
    assert 0 <= norm3(sst, para, sts) <= 1 + 1e-12
    assert norm3(sst, para, sts) - mean3(sst, para, sts) == pytest.approx((1 - sts) / 6)


@pytest.mark.parametrize("average", [mean3, norm3])
@pytest.mark.parametrize(
    ("scores", "named"),
    [((53.0, 0.7, 0.6), "SST is 53"), ((0.5, -0.1, 0.6), "PARA is -0.1"), ((0.5, 0.7, -1.1), "STS is -1.1")],
)
def test_a_score_outside_its_range_is_named(average, scores, named):
    with pytest.raises(ValueError, match=named):
        average(*scores)
    with pytest.raises(ValueError, match=named):
        average(*(pd.Series([0.5, score]) for score in scores))


def test_a_score_that_was_left_out_leaves_the_average_out():
    assert np.isnan(mean3(0.5, float("nan"), 0.5))
    assert norm3(*(pd.Series([0.5, value]) for value in (1, np.nan, 0))).isna().tolist() == [False, True]


# All of them


@METRICS
def test_lists_arrays_and_tensors_do_as_well(metric):
    predictions, labels = [1, 2, 2, 0], [1, 3, 2, 1]
    values = {metric(kind(predictions), kind(labels)) for kind in (list, np.array, torch.tensor, pd.Series)}
    assert len(values) == 1
    assert {type(value) for value in values} == {float}


@METRICS
def test_unequal_and_empty_are_refused(metric):
    with pytest.raises(ValueError, match=r"\(2,\) predictions for \(3,\) labels"):
        metric([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no examples"):
        metric([], [])


@METRICS
def test_nan_and_infinity_are_counted_and_refused(metric):
    with pytest.raises(ValueError, match="3 of 4 predictions are NaN or infinite"):
        metric([np.nan, np.inf, 1.0, -np.inf], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="1 of 2 labels"):
        metric([1, 2], [1.0, np.nan])


def test_names_do_as_classes():
    assert accuracy(["a", "b"], ["a", "a"]) == 0.5
    assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx(1 / 3)
