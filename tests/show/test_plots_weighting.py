"""The pictures of notebook 11 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.show import plots
from mtlkit.show.widgets.weighting import MINIMA, losses_at, pareto_lines, simplex_figure
from tests.show.inside import stays_inside


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.mark.parametrize("sts", [0.0, 0.04, 0.8, 1.0])
def test_bars_are_cut_into_shares_that_fill_them(sts):
    shares = pd.DataFrame({"SST": [(1 - sts) / 2, 0.4], "PARA": [(1 - sts) / 2, 0.3], "STS": [sts, 0.3]})
    shares.index = ["sum, labels 0-5", "equal pulls"]
    fig = plots.pull_shares(shares)
    (ax,) = fig.axes
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(3, 2)
    assert widths.sum(0) == pytest.approx([1, 1])
    assert widths[2] == pytest.approx([sts, 0.3])
    assert "SST 0.40" in texts(ax)
    assert ("STS 0.80" in texts(ax)) == (sts == 0.8)
    stays_inside(fig)


@pytest.mark.parametrize("losses", [{"MSE, labels 0-5": 3.2, "MSE, labels 0-1": 0.128}, {"one": 30.0}])
def test_each_bowl_has_its_minimum_at_the_logarithm_of_its_loss(losses):
    fig = plots.uncertainty_bowls(losses)
    (ax,) = fig.axes
    for curve, mark, loss in zip(ax.lines[::2], ax.lines[1::2], losses.values(), strict=True):
        s, height = curve.get_data()
        assert s[height.argmin()] == pytest.approx(np.log(loss), abs=0.06)
        assert mark.get_data()[0] == pytest.approx([np.log(loss)])
        assert mark.get_data()[1] == pytest.approx([height.min()], abs=1e-3)
    assert [text.split(":")[0] for text in texts(ax)] == list(losses)
    stays_inside(fig)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_every_seed_is_a_dot_in_its_row_and_panel(noise):
    random = np.random.default_rng(0)
    rows = [
        (weighting, task, seed, 0.6 + random.normal() * noise)
        for weighting in ("sum", "sum, STS 0-1", "uncertainty, STS 0-1")
        for task in ("sst", "sts")
        for seed in range(3)
    ]
    scores = pd.DataFrame(rows, columns=["weighting", "task", "seed", "score"])
    fig = plots.scores_by_weighting(scores, {"sst": "SST, accuracy", "sts": "STS, Pearson"})
    for ax, task in zip(fig.axes, ("sst", "sts"), strict=True):
        low, high = ax.get_xlim()
        dots = np.concatenate([line.get_xdata() for line in ax.lines[::2]])
        assert sorted(dots) == pytest.approx(sorted(scores[scores.task == task].score))
        assert low < dots.min() <= dots.max() < high
    stays_inside(fig)


@pytest.mark.parametrize("fastest", [1.2, 10.0, 40.0])
def test_speeds_stand_with_their_means(fastest):
    ratios = {"SGD: loss times 10": [fastest, fastest * 1.1], "Adam: loss times 10": [1.2, 1.4]}
    fig = plots.times_as_fast(ratios, 10)
    (ax,) = fig.axes
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1.05 * fastest, 1.3])
    assert texts(ax) == [f"{1.05 * fastest:.1f} times", "1.3 times"]
    stays_inside(fig)


@pytest.mark.parametrize("unit", [1 / 25, 1.0, 25.0])
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 0, 0), (0, 10, 0.5), (0, 0, 3)], ids=str)
def test_the_star_stands_where_the_weights_say(weights, unit):
    fig = simplex_figure(weights, unit)
    left, middle, right = fig.axes
    star, chosen = (
        next(line for line in ax.lines if line.get_marker() == "*").get_xydata()[0] for ax in (left, middle)
    )
    corners = np.array([line.get_xydata()[0] for line in left.lines[:3]])
    assert star == pytest.approx(np.asarray(weights) / sum(weights) @ corners)
    assert [bar.get_width() for bar in right.patches] == pytest.approx(losses_at(chosen))
    assert {"A", "B", "C"} <= set(texts(right))
    stays_inside(fig)


def test_two_pictures_have_the_same_axes_and_hold_the_whole_set():
    views = [
        [ax.viewLim.bounds for ax in simplex_figure(w, u).axes] for w, u in (((1, 1, 1), 1), ((9, 1, 0), 25))
    ]
    assert views[0] == views[1]
    x, y, width, height = views[0][1]
    points = np.concatenate(pareto_lines(25))
    assert (points >= (x, y)).all()
    assert (points <= (x + width, y + height)).all()
    assert MINIMA.shape == (3, 2)
