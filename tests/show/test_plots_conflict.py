"""The pictures of notebook 12 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.show import plots
from mtlkit.show.plots.common import apart
from mtlkit.show.plots.conflict import CELLS
from tests.show.inside import stays_inside

TASKS = ("SST", "PARA", "STS")
NAMES = ("SST-PARA", "SST-STS", "PARA-STS")
PARTS = ["encoder", "embeddings", "layers.0", "layers.1", "pooler"]


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def numbers(shape, seed=0, scale=0.1):
    return np.random.default_rng(seed).normal(size=shape) * scale


@pytest.mark.parametrize("cosine", [-1.0, -0.001, 0.4, np.nan])
def test_a_matrix_has_its_numbers_written_in(cosine):
    cosines = np.array([[1.0, cosine, 0.2], [cosine, 1.0, -0.3], [0.2, -0.3, 1.0]])
    fig = plots.cosine_matrix(cosines, TASKS, [1.0, 0.0, 30.0])
    left, right = fig.axes
    assert [bar.get_width() for bar in left.patches] == [1.0, 0.0, 30.0]
    written = {-1.0: "-1.00", -0.001: "0.00", 0.4: "+0.40"}.get(cosine, "none")
    assert texts(right) == ["1", written, "+0.20", written, "1", "-0.30", "+0.20", "-0.30", "1"]
    stays_inside(fig)


@pytest.mark.parametrize("scale", [0.01, 0.5])
def test_parts_and_what_they_add_up_to(scale):
    own = dict(zip(NAMES, numbers((3, 4), scale=scale), strict=True))
    own["SST-STS"][3] = np.nan
    shares = dict(zip(NAMES, numbers((3, 4), 1, scale), strict=True))
    fig = plots.cosines_by_part(own, shares, PARTS[1:])
    for ax, values in zip(fig.axes, (own, shares), strict=True):
        for line, whole, pair in zip(ax.lines[:6:2], ax.lines[1:6:2], NAMES, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), values[pair])
            assert whole.get_ydata() == pytest.approx([shares[pair].sum()])
        low, high = ax.get_ylim()
        assert low == -high, "0 in the middle, so that a sign is seen at once"
    assert [text.get_text() for text in fig.legends[0].get_texts()] == list(NAMES)
    stays_inside(fig)


@pytest.mark.parametrize("size", [3, 36])
def test_each_pair_of_batches_is_a_dot_and_the_negative_ones_are_counted(size):
    cosines = {"SST, two batches": numbers(size) + 0.05, "SST-PARA": numbers(size, 1)}
    fig = plots.cosine_rows(cosines, ["SST, two batches"])
    (ax,) = fig.axes
    for dots, values, said in zip(ax.lines[::2], cosines.values(), texts(ax), strict=False):
        np.testing.assert_array_equal(dots.get_xdata(), values)
        assert said == f"{(values < 0).sum()} of {size} below 0"
    markers = [line.get_marker() for line in ax.lines[:4:2]]
    assert len(set(markers)) == 2, "one task and two tasks are told apart without colour"
    stays_inside(fig)


@pytest.mark.parametrize("S", [1, 16, CELLS + 1, 130])
def test_a_heat_map_keeps_every_step_and_marks_what_is_negative(S):
    cosines = {pair: numbers((5, S), n) for n, pair in enumerate(NAMES)}
    cosines["SST-STS"][4] = np.nan
    fig = plots.cosine_heat(cosines, PARTS)
    width = -(-S // CELLS)
    for ax, values in zip(fig.axes, cosines.values(), strict=False):
        drawn = ax.images[0].get_array()
        assert drawn.shape[1] == -(-S // width) <= CELLS
        np.testing.assert_allclose(drawn[0, 0], values[0, :width].mean())
        assert len(texts(ax)) == (np.ma.filled(drawn, 1.0) < 0).sum()
    low, high = fig.axes[0].images[0].get_clim()
    assert low == -high
    stays_inside(fig)


def test_a_column_of_the_heat_map_leaves_out_what_is_not_there():
    values = np.full((1, CELLS + 2), 0.5)
    values[0, 0], values[0, -2:] = np.nan, np.nan
    drawn = plots.cosine_heat({"SST-PARA": values}, ["encoder"]).axes[0].images[0].get_array()
    assert drawn[0, 0] == 0.5
    assert np.ma.getmaskarray(drawn)[0, -1] or np.isnan(drawn[0, -1])


@pytest.mark.parametrize("floor", [None, (0.3, 0.1, 0.6)])
@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_a_conflict_rate_stands_with_its_interval(rate, floor):
    rows = [(1, 10, rate, max(0, rate - 0.2), min(1, rate + 0.2)), (11, 20, rate, rate, rate)]
    fig = plots.conflict_rate(dict.fromkeys(NAMES, rows), floor)
    (ax,) = fig.axes
    for container in ax.containers:
        line, _, (bars,) = container.lines
        assert list(line.get_ydata()) == [rate, rate]
        assert bars.get_segments()[0][:, 1] == pytest.approx([rows[0][3], rows[0][4]])
    assert set(NAMES) <= set(texts(ax))
    assert ("two batches\nof one task" in texts(ax)) == (floor is not None)
    stays_inside(fig)


@pytest.mark.parametrize("S", [3, 16, 130])
def test_lengths_and_what_the_sum_does_to_each_task(S):
    norms = {task: np.exp(numbers(S, n)) * 10.0**n for n, task in enumerate(TASKS)}
    served = {task: 1 + numbers(S, n, 0.6) for n, task in enumerate(TASKS)}
    served["PARA"][-1] = np.nan  # it sat out the last step
    fig = plots.norm_imbalance(norms, served)
    left, right = fig.axes
    assert left.get_yscale() == "log"
    for line, task in zip(right.lines, TASKS, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), served[task])
    assert texts(right) == [*TASKS, "harmed"]
    assert right.get_ylim()[0] < 0
    stays_inside(fig)


@pytest.mark.parametrize("published", [None, {"PARA-STS": 0.7}])
def test_a_dot_for_each_seed_in_its_row_and_panel(published):
    rows = [
        (how, pair, seed, 0.05 * seed) for how in ("ours", "theirs") for pair in NAMES for seed in range(3)
    ]
    fig = plots.cosines_by_design(pd.DataFrame(rows, columns=["design", "pair", "seed", "cosine"]), published)
    for ax in fig.axes:
        for place in (0, 1):
            assert list(ax.lines[place].get_xdata()) == pytest.approx([0, 0.05, 0.1])
            assert set(ax.lines[place].get_ydata()) == {place}
    assert ("published " in texts(fig.axes[2])) == (published is not None)
    stays_inside(fig)


@pytest.mark.parametrize("cosine", [-0.99, 0.0, 0.3, 0.999])
def test_angles_in_the_plane_of_two_gradients_are_true(cosine):
    gram = np.diag([1.0, 4.0, 10_000.0])
    gram[0, 1] = gram[1, 0] = cosine * 2
    draws = [numbers((3, 2), n) for n in range(2)] + [np.array([[1.0, 0], [0, 0], [0, 1e-9]])]
    fig = plots.gradient_planes(gram, TASKS, draws, ["one", "two", "three"])
    first, *_ = fig.axes
    (x0, y0), (x1, y1) = (note.xy for note in first.texts if hasattr(note, "xy"))
    assert (x0, y0) == (1, 0)
    assert x1 == pytest.approx(cosine)
    assert np.hypot(x1, y1) == pytest.approx(1)
    assert f"{np.degrees(np.arccos(cosine)):.0f}°" in texts(first)
    assert "too short to see: PARA, STS" in texts(fig.axes[5])
    stays_inside(fig)


@pytest.mark.parametrize("truth", [-0.9, 0.0, 0.9])
def test_random_planes_stand_beside_the_truth(truth):
    seen = np.cos(np.linspace(0, np.pi, 200))
    fig = plots.random_planes(dict.fromkeys(NAMES, (truth, seen)))
    for ax in fig.axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
        assert list(ax.lines[0].get_xdata()) == [truth, truth]
    stays_inside(fig)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("value", [-3.0, 0.0, 0.97, np.nan, 40.0])
def test_the_theatre_writes_each_number_and_keeps_to_its_axis(value, K):
    bars = dict.fromkeys(("sum", "PCGrad", "GradVac", "MGDA", "CAGrad"), [value] + [0.2] * (K - 1))
    losses = 1 + numbers((20, K))
    losses[3, 0] = np.nan
    fig = plots.theatre_step(
        np.eye(K),
        losses,
        4,
        bars,
        dict.fromkeys(bars, 12.3),
        TASKS[:K],
        "how fast each loss falls",
        (-0.5, 1.0),
    )
    right = fig.axes[2]
    low, high = right.get_xlim()
    assert all(-0.5 <= bar.get_width() <= 1.0 for bar in right.patches)
    assert low < -0.5 < 1.0 < high
    shown = [text.strip() for text in texts(right)]
    assert shown.count("12.3") == 5
    if value in (-3.0, 40.0):
        assert shown.count(f"{value:+.2f}") == 5, "a bar that is cut has its number all the same"
    stays_inside(fig)


def test_heights_are_moved_apart_and_keep_their_order():
    heights = apart([0.3, 0.31, 0.1], 0.1)
    assert heights == pytest.approx([0.3, 0.4, 0.1])
