"""The pictures of notebook 13 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Wedge

from mtlkit.show import plots, widgets
from mtlkit.show.plots.surgery import REACH, plane_parts
from mtlkit.show.widgets.surgery import PRESETS
from tests.show.inside import stays_inside

SHAPE = dict(steep=3.0, width=0.05, meet=1.0)


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("step", [0, 1, None])
def test_every_preset_and_step_has_its_arrows_and_names(preset, step):
    scene = widgets.gradient_scene(PRESETS[preset], step=step)
    fig = plots.gradient_plane(scene)
    (ax,) = fig.axes
    tips = np.array([arrow["tip"] for arrow in plane_parts(scene)["arrows"]])
    for tip in [*scene["g"], scene["before"], *(scene["now"] if step is None else []), scene["after"]]:
        assert np.isclose(tips, np.array(tip), atol=1e-9).all(1).any() or max(map(abs, tip)) > REACH - 0.06
    heads = np.array([text.xy for text in ax.texts if hasattr(text, "xy")])
    for tip in tips[abs(tips).max(1) > 1e-6]:
        assert np.isclose(heads, tip).all(1).any(), "an arrow has its head"
    assert {*scene["names"]} <= set(texts(ax))
    assert any(text.startswith("sum before") for text in texts(ax))
    changed = not np.allclose(scene["before"], scene["after"])
    assert any(text.startswith(("sum after", "sum so far")) for text in texts(ax)) == changed
    assert ("harms nobody" in texts(ax)) == bool(scene["harmless"])
    wide = [sector for sector in scene["harmless"] if sector[1] > sector[0]]
    assert len([patch for patch in ax.patches if isinstance(patch, Wedge)]) == len(wide)
    stays_inside(fig)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_name_lies_on_another(preset):
    ax = plots.gradient_plane(widgets.gradient_scene(PRESETS[preset])).axes[0]
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:n])


def test_what_did_not_change_is_drawn_once():
    fig = plots.gradient_plane(widgets.gradient_scene(PRESETS["aligned"]))
    assert sorted(texts(fig.axes[0])) == ["g1", "g2", "harms nobody", "sum before"]


def test_what_a_step_works_on_is_lit_and_the_tips_way_is_shown():
    parts = plane_parts(widgets.gradient_scene(PRESETS["three, still in conflict"], step=2))
    assert [arrow["kind"] for arrow in parts["arrows"] if arrow["lit"]] == ["own2", "now0"]
    ((way),) = parts["ways"]
    assert way["kind"] == "way0"
    assert (
        way["points"] == [pytest.approx(p) for p in ([1.6, 0], [0.8, 0.8], [0.48, 0.16])]
        or len(way["points"]) == 3
    )


def test_what_is_longer_than_the_plane_ends_at_its_edge_and_says_so():
    scene = widgets.gradient_scene([[2, 2], [2, 1.5], [1, 2]])
    (before,) = (arrow for arrow in plane_parts(scene)["arrows"] if arrow["kind"] == "before")
    assert before["text"] == "sum before (goes on)"
    assert max(before["tip"]) == pytest.approx(REACH - 0.05)
    assert before["tip"][1] / before["tip"][0] == pytest.approx(5.5 / 5)
    stays_inside(plots.gradient_plane(scene))


def test_opposite_gradients_end_as_zero_and_leave_two_single_directions():
    scene = widgets.gradient_scene(PRESETS["opposite"])
    assert {"g1′ = 0", "g2′ = 0", "sum after = 0"} <= set(texts(plots.gradient_plane(scene).axes[0]))
    assert [high - low for low, high in scene["harmless"]] == [0, 0]


def test_all_gradients_of_zero_can_be_drawn():
    stays_inside(plots.gradient_plane(widgets.gradient_scene([[0, 0], [0, 0]])))


def test_a_note_stands_at_the_foot():
    note = "this plane shows, of each length: 3% of sst, 100% of para, 100% of sts"
    fig = plots.gradient_plane(widgets.gradient_scene(PRESETS["aligned"], note=note))
    assert note in texts(fig.axes[0])
    stays_inside(fig)


@pytest.mark.parametrize("names", [["sst", "para"], ["a task with a long name", "another of the kind"]])
def test_names_of_tasks_stay_inside(names):
    stays_inside(plots.gradient_plane(widgets.gradient_scene([[2, 0], [-2, 0.1]], names=names)))


def test_lengths_stand_in_a_row_each_before_and_after():
    lengths = pd.DataFrame(
        {"before": [0.0123, 5.6, 1240.0], "after": [0.01, 5.6, 1390.0]},
        index=["sst", "para", "the sum of all tasks"],
    )
    fig = plots.lengths_before_after(lengths)
    (ax,) = fig.axes
    marks = {m: [one.get_xdata()[0] for one in ax.lines if one.get_marker() == m] for m in "os"}
    assert marks == {"o": lengths.before.to_list(), "s": lengths.after.to_list()}
    assert texts(ax) == ["0.0123 to 0.01", "5.6 to 5.6", "1,240 to 1,390"]
    stays_inside(fig)


def test_the_ledger_has_a_bar_with_its_number_for_each_approach_and_cost():
    costs = pd.DataFrame(
        {"seconds": [1.0, 1.25], "memory, MB": [np.nan, 1234.0]}, index=["plain sum", "PCGrad"]
    )
    fig = plots.cost_ledger(costs)
    assert [ax.get_title() for ax in fig.axes] == list(costs)
    assert [bar.get_width() for bar in fig.axes[0].patches] == [1, 1.25]
    assert texts(fig.axes[0]) == ["1", "1.25"]
    assert texts(fig.axes[1]) == ["not known", "1,234"]
    stays_inside(fig)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_ledger_of_nothing_has_an_axis(value):
    fig = plots.cost_ledger(pd.DataFrame({"bytes": [value]}, index=["sum"]))
    low, high = fig.axes[0].get_xlim()
    assert low < high
    stays_inside(fig)


@pytest.mark.parametrize("meet", [0.0, 0.5, 1.2])
@pytest.mark.parametrize("x", [-5.0, 3.5])
def test_the_valley_shows_each_run_and_its_loss(meet, x):
    shape = SHAPE | {"meet": meet}
    runs = {m: widgets.valley_run(m, "Adam", 0.05, x, 1.0, steps=30, **shape) for m in ("sum", "CAGrad")}
    fig = widgets.valley_figure(runs, **shape)
    left, right = fig.axes
    ways = [line for line in left.lines if len(line.get_xdata()) == 31]
    assert [way.get_xydata().tolist() for way in ways] == [path.tolist() for path, _ in runs.values()]
    totals = [line.get_ydata().tolist() for line in right.lines]
    assert totals == [losses.sum(1).tolist() for _, losses in runs.values()]
    assert set(texts(right)) == set(runs)
    assert {*runs, "start"} <= set(texts(left))
    assert len({way.get_linestyle() for way in ways}) == 2
    stays_inside(fig)


def test_a_method_keeps_its_look_when_others_are_left_out():
    runs = {m: widgets.valley_run(m, "Adam", 0.05, 0.5, -3.0, steps=30, **SHAPE) for m in ("sum", "PCGrad")}
    for chosen in (runs, {"PCGrad": runs["PCGrad"]}):
        line = widgets.valley_figure(chosen, **SHAPE).axes[1].lines[-1]
        assert (line.get_color(), line.get_linestyle()) == (plots.surgery.COLORS[1], "--")


def test_a_valley_without_runs_is_its_contours_and_floors():
    left, right = widgets.valley_figure({}, **SHAPE).axes
    assert [text.strip() for text in texts(left)] == ["floor of task 1", "floor of task 2"]
    assert not right.lines


def test_a_run_that_flies_off_does_not_break_the_valley():
    path = np.array([[0.5, -3.0], [1e9, np.nan], [np.inf, -1e9]])
    losses = np.array([[1.0, 1.0], [np.nan, 2.0], [np.inf, 3.0]])
    stays_inside(widgets.valley_figure({"sum": (path, losses)}, **SHAPE))
