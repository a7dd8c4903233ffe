"""The widget of notebook 06 follows its five sliders, and computes with the library's own update."""

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from mtlkit.show import widgets
from mtlkit.show.widgets.adamw import CURVATURE, DEFAULTS, MINIMUM, START, STEPS
from mtlkit.training import AdamW

CHANGES = dict(lr=0.3, beta1=0.5, beta2=0.5, eps=10.0, weight_decay=0.5)
ENDS = dict(
    lr=(1e-3, 1.0), beta1=(0.0, 0.99), beta2=(0.0, 0.999), eps=(1e-10, 100.0), weight_decay=(0.0, 1.0)
)


def alt(box):
    return re.search(r'alt="([^"]*)"', box.picture.value)[1]


@pytest.mark.parametrize("settings", [{}, CHANGES], ids=["defaults", "changed"])
def test_the_path_is_that_of_the_librarys_optimizer(settings):
    settings = DEFAULTS | settings
    path, sizes = widgets.adamw_on_bowl(**settings)
    assert path.shape == (STEPS + 1, 2)
    assert sizes.shape == (STEPS, 2)
    p = nn.Parameter(torch.tensor(START, dtype=torch.float64))
    betas = settings["beta1"], settings["beta2"]
    optimizer = AdamW([p], settings["lr"], betas, settings["eps"], settings["weight_decay"])
    for point in path[1:]:
        p.grad = torch.tensor(CURVATURE).double() * (p.detach() - torch.tensor(MINIMUM).double())
        optimizer.step()
        assert p.detach().numpy() == pytest.approx(point, abs=1e-12)


def test_decay_makes_a_step_longer_than_lr():
    _, sizes = widgets.adamw_on_bowl(**DEFAULTS)
    assert sizes[0] == pytest.approx([0.1, 0.1])
    path, sizes = widgets.adamw_on_bowl(**DEFAULTS | {"weight_decay": 0.5})
    assert sizes == pytest.approx(np.abs(path[1:] - path[:-1]), abs=1e-12)
    assert sizes[0] == pytest.approx([0.15, 0.2])  # a tenth of 1, and of 0.5 times -1 and 2


@pytest.mark.parametrize("name", CHANGES)
def test_each_slider_changes_picture_and_words(name):
    box = widgets.adamw_bowl()
    before = box.picture.value, box.answer
    getattr(box, name).value = CHANGES[name]
    assert box.picture.value != before[0]
    assert box.answer != before[1]
    assert alt(box) == box.answer
    assert getattr(box, name).value == pytest.approx(CHANGES[name])
    getattr(box, name).value = DEFAULTS[name]
    assert (box.picture.value, box.answer) == before
    assert not plt.get_fignums(), "figures are closed"


@pytest.mark.parametrize("corner", list(itertools.product((0, 1), repeat=5)), ids=str)
def test_the_corners_of_all_sliders_stay_finite(corner):
    settings = {name: ENDS[name][side] for name, side in zip(ENDS, corner, strict=True)}
    path, sizes = widgets.adamw_on_bowl(**settings)
    assert np.isfinite(path).all()
    assert np.isfinite(sizes).all()
    assert len(widgets.describe_bowl(path, sizes, settings)) < 250


def test_sliders_reach_their_ends_and_wait_until_they_are_released():
    box = widgets.adamw_bowl(lr=0.2)
    assert box.lr.value == pytest.approx(0.2)
    for name, (low, high) in ENDS.items():
        control = getattr(box, name)
        assert control.continuous_update is False
        log = hasattr(control, "base")
        assert (10**control.min if log else control.min) == pytest.approx(low)
        assert (10**control.max if log else control.max) == pytest.approx(high)
    assert set(box.settings) == set(DEFAULTS)
