"""The pictures of notebook 06 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.show import plots
from mtlkit.show.plots.adamw import _apart
from tests.show.inside import stays_inside

BOWL = ((1.0, 30.0), (1.0, 1.0))


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def apart(ax, names):
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text() in names]
    assert len(boxes) == len(names)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def path(seed, steps=20):
    return np.array([-1.0, 2.0]) + np.random.default_rng(seed).normal(size=(steps + 1, 2)).cumsum(0) / 5


def test_each_optimizer_has_its_panel_with_its_path():
    paths = {name: path(seed) for seed, name in enumerate(("SGD", "momentum", "Adam", "AdamW, decay 0.5"))}
    fig = plots.bowl_paths(paths, *BOWL)
    assert [ax.get_title() for ax in fig.axes] == list(paths)
    for ax, expected in zip(fig.axes, paths.values(), strict=True):
        assert any(np.array_equal(line.get_xydata(), expected) for line in ax.lines)
    styles = {ax.lines[1].get_linestyle() for ax in fig.axes}
    assert len(styles) == len(paths)
    stays_inside(fig)


@pytest.mark.parametrize("lr", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("size", [0.0, 1e-9, 0.1, 1e12, np.inf, np.nan])
def test_path_and_steps_for_every_size_of_step(lr, size):
    steps = np.full((20, 2), size)
    fig = plots.bowl_and_steps(np.vstack([[-1, 2], np.full((20, 2), 1 + size)]), steps, *BOWL, lr)
    left, right = fig.axes
    assert len(left.lines[1].get_xdata()) == 21
    for line in right.lines[:2]:
        heights = line.get_ydata()
        assert np.isfinite(heights).all()
        assert right.get_ylim()[0] <= heights.min() <= heights.max() <= right.get_ylim()[1]
    apart(right, {"flat", "steep", "lr"})
    stays_inside(fig)


def test_axes_do_not_move_with_the_path():
    """Two settings can be compared by eye only if their axes are the same."""
    paths = [np.vstack([[-1, 2], path(seed)[1:]]) for seed in (0, 1)]
    views = [plots.bowl_and_steps(p, np.ones((20, 2)), *BOWL, 0.1).axes[0].viewLim.bounds for p in paths]
    assert views[0] == views[1]


def test_curves_stand_in_their_panels_and_their_names_apart():
    panels = {
        "left": {"one": np.linspace(0, 1, 9), "two": np.linspace(0, 1, 9)},
        "right": {"one": np.zeros(9), "two": np.ones(9), "a longer name": np.full(9, 0.99)},
    }
    fig = plots.curves_by_step(panels, ylabel="height", at=1)
    for ax, (title, curves) in zip(fig.axes, panels.items(), strict=True):
        assert ax.get_title() == title
        for line, values in zip(ax.lines, curves.values(), strict=False):
            assert list(line.get_ydata()) == list(values)
        apart(ax, set(curves))
    stays_inside(fig)


def test_rates_by_layer_have_a_line_for_each_setting():
    parts = ["embeddings", *(f"layer {i}" for i in range(6)), "pooler", "head"]
    rates = {f"d = {d}": {part: 2e-5 * d ** (9 - i) for i, part in enumerate(parts)} for d in (1.0, 0.8, 0.5)}
    fig = plots.layer_rates(rates)
    (ax,) = fig.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == parts
    for line, values in zip(ax.lines, rates.values(), strict=True):
        assert list(line.get_ydata()) == list(values.values())
    apart(ax, set(rates))
    stays_inside(fig)


def test_schedules_are_named_at_their_peaks():
    schedules = {
        f"warm-up {w}": [min((s + 1) / (w + 1), (100 - s) / (100 - w)) for s in range(100)]
        for w in (0, 20, 50)
    }
    fig = plots.rate_schedules(schedules)
    (ax,) = fig.axes
    assert [text.xy[0] for text in ax.texts] == [0, 20, 50]
    apart(ax, set(schedules))
    stays_inside(fig)


def test_shares_of_passes_say_which_optimizers_are_right():
    shares = pd.Series({"torch's": 0.76, "decay twice, once times the corrected step": 0.25, "none": 0.0})
    fig = plots.pass_shares(shares, 200, ("torch's",))
    (ax,) = fig.axes
    assert texts(ax) == ["76%", "25%", "0%"]
    assert [bar.get_width() for bar in ax.patches] == list(shares)
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [True, False, False]
    assert ax.get_yticklabels()[0].get_text() == "torch's (right)"
    stays_inside(fig)


def test_margins_show_each_test_on_its_own_side_of_one():
    ratios = pd.DataFrame({"weak": [0.8, 0.5, 2000], "strong": [0.0, 1e11, 1e12]}, index=["right", "a", "b"])
    fig = plots.tolerance_margins(ratios, ("right",))
    (ax,) = fig.axes
    weak, strong = ax.lines[:2]
    assert list(weak.get_xdata()) == [0.8, 0.5, 2000]
    assert list(strong.get_xdata())[1:] == [1e11, 1e12]
    assert strong.get_xdata()[0] > 0, "a logarithm of 0 would leave the point out"
    assert {"weak", "strong", "passes", "fails"} == set(texts(ax))
    assert [label.get_fontweight() for label in ax.get_yticklabels()] == ["bold", "normal", "normal"]
    stays_inside(fig)


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [1.0, 1.0, 1.0], [0.0, 0.0, 2.0], [-1.0, 0.99, 1.0]])
def test_labels_keep_their_order_and_their_place(heights):
    placed = _apart(heights, 0.1)
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9
    assert np.diff(sorted(placed)).min() >= 0.1 - 1e-9
    assert np.argsort(placed, kind="stable").tolist() == np.argsort(heights, kind="stable").tolist()
