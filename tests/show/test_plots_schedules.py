"""The pictures of notebook 10 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.data import RoundRobin, Sampled, Sequential, Summed, annealed, exposure
from mtlkit.show import plots
from mtlkit.show.widgets import annealed_run
from tests.show.inside import stays_inside

SIZES = {"sst": 8_544, "para": 141_506, "sts": 6_040}
LETTERS = {"sst": "s", "para": "p", "sts": "t"}
NAMES = {
    "sst": "SST, accuracy",
    "para": "PARA, accuracy",
    "sts": "STS, Pearson",
    "mean3": "mean of the three",
}
RUNS = ["alone", "sequential", "round robin", "summed", "proportional", "square root", "annealed"]


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_a_plan_has_a_box_for_each_batch_in_the_order_of_its_steps():
    plans = {
        "in turn,\nto the end": [("sst",), ("para",), ("sts",), ("para",)],
        "together": [("sst", "para"), ("para",)],
    }
    fig = plots.plan_boxes(plans, LETTERS)
    (ax,) = fig.axes
    assert "".join(texts(ax)) == "sptp" + "sp" + "p"
    assert len(ax.patches) == 7
    first, second, third = ax.patches[4:]
    assert first.get_x() == second.get_x() < third.get_x()
    assert [label.get_text() for label in ax.get_yticklabels()] == list(plans)
    stays_inside(fig)


@pytest.mark.parametrize("epochs", [1, 10])
def test_each_schedule_has_a_mark_and_a_number_for_each_task(epochs):
    schedules = {
        "sequential": Sequential(SIZES, 32, epochs),
        "a round robin, 64/8/8, to the largest": RoundRobin(SIZES, 16, epochs),
        "summed, 6,041 of each": Summed(SIZES, 32, epochs, until=6_041),
    }
    last = {name: exposure(s).query(f"epoch == {epochs}").set_index("task") for name, s in schedules.items()}
    table = pd.DataFrame({name: rows.total_passes for name, rows in last.items()}).T[list(SIZES)]
    fig = plots.passes_by_schedule(table)
    (ax,) = fig.axes
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert sorted(marks) == sorted((v, y) for y, row in enumerate(table.to_numpy()) for v in row)
    assert {f"{value:.3g}" for value in table.to_numpy().ravel()} <= set(texts(ax))
    stays_inside(fig)


def test_probabilities_over_alpha_end_at_their_names():
    alphas = np.linspace(0, 1, 11)
    shares = pd.DataFrame([Sampled(SIZES, 1, 1, alpha).shares(1) for alpha in alphas])
    fig = plots.shares_by_alpha(alphas, shares, {0.0: "uniform", 0.5: "square root", 1.0: "proportional"})
    (ax,) = fig.axes
    for line, task in zip(ax.lines, shares, strict=False):
        assert line.get_ydata() == pytest.approx(shares[task].to_numpy())
    assert texts(ax) == ["sst 0.055", "para 0.907", "sts 0.039", "uniform", "square root", "proportional"]
    fig.canvas.draw()
    ends = [text.get_window_extent() for text in ax.texts[:3]]
    assert not any(a.overlaps(b) for i, a in enumerate(ends) for b in ends[:i])
    stays_inside(fig)


@pytest.mark.parametrize(
    ("first", "last", "epochs"), [(1.0, 0.2, 1), (0.0, 1.0, 2), (0.0, 0.0, 3), (1.0, 0.2, 25)]
)
def test_annealing_sweep(first, last, epochs):
    shares, passes, alphas = annealed_run(SIZES, first, last, epochs, "straight line")
    fig = plots.annealing(shares, passes, alphas)
    left, right = fig.axes
    assert len(left.patches) == len(right.patches) == 3
    tops = [patch.get_data() for patch in left.patches]
    assert tops[-1].values == pytest.approx(np.ones(epochs))
    for part, task in zip(tops, shares, strict=True):
        assert part.values - part.baseline == pytest.approx(shares[task].to_numpy())
    assert [patch.get_width() for patch in right.patches] == pytest.approx(list(passes.values()))
    assert texts(right) == [f"{value:.3g}" for value in passes.values()]
    stays_inside(fig)


def comparison(floor=True):
    random = np.random.default_rng(0)
    rows = []
    for run in RUNS:
        for task in NAMES:
            if run == "alone" and task == "mean3":
                continue
            score = 0.5 + random.normal() / 50
            rows.append((run, task, score, score - 0.03, score + 0.02, 0.41 if task == "sst" else np.nan))
    columns = ["run", "task", "score", "low", "high", "floor"]
    return pd.DataFrame(rows, columns=columns)[columns if floor else columns[:-1]]


@pytest.mark.parametrize("floor", [True, False])
def test_compared_runs_stand_in_a_row_each_with_their_intervals(floor):
    rows = comparison(floor)
    fig = plots.compared_runs(rows, NAMES)
    assert [ax.get_title() for ax in fig.axes] == list(NAMES.values())
    for ax, task in zip(fig.axes, NAMES, strict=True):
        here = rows[rows.task == task]
        spans = [
            line.get_xdata()
            for line in ax.lines
            if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"
        ]
        assert np.array(spans) == pytest.approx(here[["low", "high"]].to_numpy())
        assert texts(ax)[: len(here)] == [f"{score:.3f}" for score in here.score]
        assert any("floor 0.410" in text for text in texts(ax)) == (floor and task == "sst")
    stays_inside(fig)


def test_annealed_is_what_the_picture_of_the_notebook_shows():
    shares, *_ = annealed_run(SIZES, 1.0, 0.2, 10, "straight line")
    schedule = Sampled(SIZES, 32, 10, alpha=annealed)
    for epoch in range(1, 11):
        assert shares.loc[epoch].to_dict() == pytest.approx(schedule.shares(epoch))
