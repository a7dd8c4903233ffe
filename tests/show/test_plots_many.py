"""The pictures of notebook 09 show what they are given, and nothing falls off their edge."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from mtlkit.show import plots, widgets
from mtlkit.show.plots import many
from tests.show.inside import stays_inside

TASKS = ["sst", "para", "sts"]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def curves(order="sst, para, sts", seeds=2, looks=5, level=(0.2, 0.6, 0.8)):
    rows = [
        (order, seed, 100 * (look + 1) + seed, task, low + 0.02 * look + 0.01 * seed)
        for seed in range(seeds)
        for look in range(looks)
        for task, low in zip(TASKS, level, strict=True)
    ]
    return pd.DataFrame(rows, columns=["run", "seed", "examples", "task", "score"])


def matrix(seeds=3, base_seeds=1, effect=0.1):
    rows = [("nothing", task, seed, 0.5) for task in TASKS for seed in range(base_seeds)]
    rows += [
        (trained, probed, seed, 0.5 + (effect if trained == probed else 0.0) + 0.002 * seed * (-1) ** seed)
        for trained in TASKS
        for probed in TASKS
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows, columns=["trained", "probed", "seed", "score"])


def test_the_ledger_counts_what_a_graph_keeps_and_lets_go():
    model = torch.nn.Linear(3, 5)
    ledger = many.Ledger(model)
    with ledger:
        h = model(torch.ones(4, 3))  # keeps its input: 4 * 3 floats; the weights do not count
        loss = (h * h).sum()  # keeps h once: 4 * 5
        assert ledger.curve[-1] == 4 * (12 + 20)
        loss.backward()
    assert ledger.curve[-1] == 0


def test_the_peaks_of_memory_are_named():
    fig = plots.graph_memory({"one sum": [0, 50, 159, 80, 0], "task by task": [0, 59, 0, 40, 0]})
    assert texts(fig.axes[0]) == ["one sum\npeak 159 MB", "task by task\npeak 59 MB"]
    stays_inside(fig)


def test_a_matrix_of_transfer_has_means_gains_and_frames_where_seeds_agree():
    fig = plots.transfer_matrix(matrix())
    ax = fig.axes[0]
    assert texts(ax)[:3] == ["0.500"] * 3, "no gain is written in the base's own row"
    assert texts(ax).count("+0.101") == 3
    assert len(ax.patches) == 3, "only the diagonal is more than seeds explain"
    stays_inside(fig)


@pytest.mark.parametrize("base_seeds", [1, 3])
@pytest.mark.parametrize(("seeds", "effect", "sure"), [(3, 0.1, True), (3, 0.0, False), (1, 0.1, False)])
def test_a_gain_is_sure_where_its_interval_over_seeds_leaves_out_0(seeds, effect, sure, base_seeds):
    mean, found = many.gain(matrix(seeds, base_seeds, effect), "sst", "sst")
    assert mean == pytest.approx(effect, abs=0.01)
    assert found is sure


def test_gains_are_paired_by_seed_where_they_can_be():
    table = pd.DataFrame(
        [("nothing", "sst", s, 0.4 + 0.1 * s) for s in range(3)]
        + [("sst", "sst", s, 0.41 + 0.1 * s + 0.001 * s) for s in range(3)],
        columns=["trained", "probed", "seed", "score"],
    )
    assert many.gain(table, "sst", "sst") == (pytest.approx(0.011), True)


@pytest.mark.parametrize("level", [(0.2, 0.6, 0.8), (0.5, 0.5, 0.5), (0.80, 0.81, 0.802)])
@pytest.mark.parametrize("drops", [None, {"sst": 0.1, "para": 0.0, "sts": -0.0}])
def test_training_in_turn_names_each_task_once_apart_from_the_others(level, drops):
    data = curves(level=level)
    spans = widgets.turns("sst, para, sts", dict.fromkeys(TASKS, 1), float(data.examples.max()))
    fig = plots.training_in_turn(data, spans, drops)
    ax = fig.axes[0]
    assert texts(ax)[:3] == TASKS
    assert [text.split()[0] for text in texts(ax)[3:]] == TASKS
    assert not any("-0.000" in text for text in texts(ax))
    fig.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts[3:]), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes)), "names overlap"
    stays_inside(fig)


def test_the_thick_line_is_the_mean_over_seeds_look_by_look():
    data = curves(seeds=2, looks=4)
    fig = plots.training_in_turn(data, [])
    thick = [line for line in fig.axes[0].lines if line.get_linewidth() == 2]
    assert len(thick) == 3
    assert thick[0].get_ydata() == pytest.approx([0.205, 0.225, 0.245, 0.265])
    assert thick[0].get_xdata() == pytest.approx([100.5, 200.5, 300.5, 400.5])


def test_apart_keeps_order_and_distance():
    placed = many.apart([0.5, 0.5, 0.1], 0.2)
    assert placed[2] < placed[0] < placed[1]
    assert min(np.diff(sorted(placed))) == pytest.approx(0.2)
    assert many.apart([0.1, 0.9, 0.5], 0.2) == pytest.approx([0.1, 0.9, 0.5])


def test_differences_are_hollow_where_they_may_be_noise():
    rows = pd.DataFrame(
        [("S1", "SST", 0.03, 0.01, 0.05), ("S1", "STS", 0.03, -0.01, 0.07), ("S2", "PARA", -0.2, -0.3, -0.1)],
        columns=["group", "label", "difference", "low", "high"],
    )
    fig = plots.differences(rows)
    ax = fig.axes[0]
    assert texts(ax) == ["S1", "+0.030", "+0.030  noise", "S2", "-0.200"]
    faces = [container[0].get_markerfacecolor() for container in ax.containers]
    assert [face == "white" for face in faces] == [False, True, False]
    stays_inside(fig)


@pytest.mark.parametrize("extra", [[], ["a schedule with quite a long name"]])
def test_each_panel_has_the_task_alone_and_every_run_on_several(extra):
    runs = ["sst alone", "para alone", "sts alone", "sequential", "summed", *extra]
    rows = [
        (run, task, 0.5, 0.45, 0.55, 0.4)
        for run in runs
        for task in TASKS
        if not run.endswith("alone") or run.startswith(task)
    ]
    comparison = pd.DataFrame(rows, columns=["run", "task", "score", "low", "high", "floor"])
    fig = plots.alone_and_together(comparison)
    assert len(fig.axes) == 3
    for ax, task in zip(fig.axes, TASKS, strict=True):
        assert ax.get_title() == f"{task} alone 0.500\nfloor 0.400 (dotted)"
        assert len(ax.containers) == len(runs) - 3
    stays_inside(fig)
