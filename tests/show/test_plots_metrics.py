"""The pictures of notebook 02 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.evaluation import mean3, norm3, reports
from mtlkit.show import plots
from mtlkit.show.plots.common import apart
from mtlkit.show.plots.metrics import edges
from tests.show.inside import stays_inside

NAMES = ["random guess", "classic", "a model with rather a long name"]


def texts(fig):
    return " | ".join(" ".join(text.get_text().split()) for ax in fig.axes for text in (*ax.texts, ax.title))


def scores(*rows):
    return pd.DataFrame(rows, columns=reports.TASKS, index=NAMES[: len(rows)])


def test_correlation_and_error_stand_above_each_model():
    labels = np.arange(5.0)
    fig = plots.same_correlation(labels, {"shifted": labels + 2, "turned": -labels})
    assert "shifted r = 1.000, squared error 4.00" in texts(fig)
    assert "turned r = -1.000, squared error 24.00" in texts(fig)
    stays_inside(fig)


@pytest.mark.parametrize("mark", [None, (0.0, "no difference")])
def test_resampled_scores_stand_with_their_intervals(mark):
    draws = {
        name: np.random.default_rng(0).binomial(320, 0.4, 500) / 320 - 0.35 for name in ("apart", "paired")
    }
    intervals = {"apart": {"bootstrap": (-0.01, 0.1), "Wilson": (0.0, 0.11)}, "paired": {"95%": (0.02, 0.08)}}
    fig = plots.resampled_scores(draws, intervals, "difference", mark)
    for part in ("bootstrap: -0.010 to 0.100", "Wilson: 0.000 to 0.110", "95%: 0.020 to 0.080"):
        assert part in texts(fig)
    assert ("no difference" in texts(fig)) == bool(mark)
    stays_inside(fig)


@pytest.mark.parametrize(
    "values", [np.full(9, 0.5), np.arange(300) / 320, np.random.default_rng(0).normal(size=500)]
)
def test_bins_hold_all_values_and_are_few(values):
    found = edges(values)
    assert found[0] <= values.min() <= values.max() <= found[-1]
    assert 2 <= len(found) <= 43


def test_counts_fall_evenly_into_bins():
    heights = np.histogram(np.arange(100) / 320, edges(np.arange(100) / 320))[0]
    assert np.ptp(heights[:-1]) == 0, "no comb"


def test_the_best_of_k_is_a_line_a_way_and_the_truth():
    fig = plots.best_of_runs(
        (1, 10, 300), {"independent": [0.5, 0.52, 0.543], "alike": [0.5, 0.51, 0.518]}, 0.5
    )
    assert "independent 0.543 for k = 300" in texts(fig)
    assert "each run is worth 0.500" in texts(fig)
    stays_inside(fig)


@pytest.mark.parametrize("sts", [-1.0, -0.3, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("sst", [0.0, 0.55, 1.0])
def test_overalls_are_named_and_ranked_and_lines_cross_where_ranks_change(sst, sts):
    frame = scores((sst, 0.7, sts), (0.5, 0.7, 0.5), (0.5, 0.7, 0.5))
    fig = plots.two_overalls(frame)
    for average in (mean3, norm3):
        assert f"{average(sst, 0.7, sts):.3f}" in texts(fig)
    yours, other, *_ = (line.get_ydata() for line in fig.axes[0].lines)
    for place, average in enumerate((mean3, norm3)):
        gap = average(sst, 0.7, sts) - average(0.5, 0.7, 0.5)
        assert yours[place] - other[place] == pytest.approx(gap)
    stays_inside(fig)


def test_labels_are_moved_apart():
    placed = apart([0.3, 0.1, 0.1, 0.11], 0.05)
    assert placed == pytest.approx([0.3, 0.1, 0.15, 0.2])


def test_a_forest_has_intervals_train_scores_and_floors():
    dev, train = (
        scores((0.2, 0.5, 0.0), (0.54, 0.73, 0.61), (0.5, 0.75, 0.6)),
        scores(*[(0.9, 0.95, 0.88)] * 3),
    )
    floors = {
        "SST": {"majority": 0.25, "naive Bayes": 0.41},
        "PARA": {"majority": 0.62},
        "STS": {"Jaccard": 0.6},
    }
    fig = plots.forest(dev, train, floors)
    for ax, task in zip(fig.axes, reports.TASKS, strict=True):
        spans = [bars.get_segments()[0][:, 0] for container in ax.containers for bars in container[2]]
        measured = [value for value in dev[task] if value]  # an r of 0 has no interval
        for span, value in zip(spans, measured, strict=True):
            assert tuple(span) == pytest.approx(reports.interval(task, value))
    assert "naive Bayes 0.410" in texts(fig)
    stays_inside(fig)
