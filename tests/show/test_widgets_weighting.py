"""The widget of notebook 11 follows its four sliders, and its points are minima."""

import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mtlkit.objectives import Static
from mtlkit.show import widgets
from mtlkit.show.widgets.weighting import CURVATURES, MINIMA, losses_at, pareto_lines, weighted_minimum


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


@pytest.mark.parametrize("unit", [1 / 25, 1.0, 25.0])
@pytest.mark.parametrize("weights", [(1, 1, 1), (0.2, 5, 0), (0, 0, 1)], ids=str)
def test_the_gradient_of_the_weighted_sum_is_zero_at_its_minimum(weights, unit):
    theta = torch.tensor(weighted_minimum(weights, unit), requires_grad=True)
    away = theta - torch.tensor(MINIMA)
    each = torch.einsum("ki,kij,kj->k", away, torch.tensor(CURVATURES), away) / 2
    assert each.tolist() == pytest.approx(losses_at(theta.detach().numpy()))
    Static(dict(zip("ABC", (weights[0], weights[1], weights[2] * unit), strict=True)))(
        dict(zip("ABC", each, strict=True))
    ).backward()
    assert theta.grad.tolist() == pytest.approx([0, 0], abs=1e-12)


def test_a_task_alone_is_at_its_own_minimum():
    for corner, minimum in zip(np.eye(3), MINIMA, strict=True):
        assert weighted_minimum(corner) == pytest.approx(minimum)
        assert min(losses_at(minimum)) == pytest.approx(0)


def test_the_unit_moves_points_and_leaves_the_set():
    assert weighted_minimum((1, 1, 1), 25) == pytest.approx(weighted_minimum((1, 1, 25), 1))
    assert weighted_minimum((1, 1, 1), 25) != pytest.approx(weighted_minimum((1, 1, 1), 1), abs=0.1)
    edges = [np.concatenate(pareto_lines(unit, lines=1, points=400)) for unit in (1, 25)]  # one weight is 0
    nearest = np.linalg.norm(edges[0][:, None] - edges[1], axis=-1).min(1)
    assert nearest.max() < 0.05


@pytest.mark.parametrize("points", [pareto_lines()])
def test_no_point_of_the_set_is_better_for_all(points):
    losses = np.array([losses_at(point) for point in np.concatenate(points)[::7]])
    better = (losses[:, None] < losses - 1e-9).all(-1)
    assert not better.any()


@pytest.mark.parametrize(("name", "value"), [("a", 5), ("b", 0), ("c", 10), ("unit", 25)])
def test_each_slider_changes_picture_and_words(name, value):
    box = widgets.simplex_weights()
    before = box.picture.value, box.answer
    getattr(box, name).value = value
    assert box.picture.value != before[0]
    assert box.answer != before[1]
    assert alt(box) == box.answer
    getattr(box, name).value = 1
    assert (box.picture.value, box.answer) == before
    assert getattr(box, name).continuous_update is False
    assert not plt.get_fignums(), "figures are closed"


def test_without_any_weight_there_is_nothing_to_minimise():
    box = widgets.simplex_weights(a=1, b=0, c=0)
    box.a.value = 0
    assert box.point is None
    assert "nothing is minimised" in box.picture.value
    box.c.value = 2
    assert box.point == pytest.approx(MINIMA[2])
    assert alt(box) == box.answer
