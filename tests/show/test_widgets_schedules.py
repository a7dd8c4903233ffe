"""The widget of notebook 10 follows its controls, and computes with the library's own schedule."""

import itertools
import math
import re

import matplotlib.pyplot as plt
import pytest

from mtlkit.data import Sampled, annealed, exposure
from mtlkit.show import widgets
from mtlkit.show.widgets.schedules import DEFAULTS, KINDS

SIZES = {
    "CS224N": {"sst": 8_544, "para": 141_506, "sts": 6_040},
    "mini": {"sst": 160, "para": 510, "sts": 80},
}
CHANGES = dict(first=0.5, last=0.9, epochs=4, kind=KINDS[1], data="mini")


def alt(box):
    return re.search(r'alt="([^"]*)"', box.picture.value)[1]


def test_the_straight_line_is_the_librarys_annealing():
    alpha = widgets.alpha_curve(1.0, 0.2, "straight line")
    for epoch, epochs in ((1, 1), (1, 2), (2, 2), (5, 10), (10, 10)):
        assert alpha(epoch, epochs) == pytest.approx(annealed(epoch, epochs))


def test_shares_and_passes_are_the_librarys():
    shares, passes, alphas = widgets.annealed_run(SIZES["CS224N"], **DEFAULTS)
    schedule = Sampled(SIZES["CS224N"], 32, 10, alpha=annealed)
    assert shares.loc[5].to_dict() == pytest.approx(schedule.shares(5))
    table = exposure(schedule).query("epoch == 10").set_index("task").total_passes
    assert passes == pytest.approx(table.to_dict())
    assert alphas == pytest.approx([annealed(epoch, 10) for epoch in range(1, 11)])


def test_one_jump_is_in_the_middle():
    alpha = widgets.alpha_curve(1.0, 0.2, "one jump")
    assert [alpha(epoch, 4) for epoch in (1, 2, 3, 4)] == [1.0, 1.0, 0.2, 0.2]
    assert [alpha(epoch, 3) for epoch in (1, 2, 3)] == [1.0, 1.0, 0.2]
    assert alpha(1, 1) == 1.0


def test_compounding_raises_last_epochs_probabilities():
    """The bug of a public fork, played step by step: PARA has .589 in epoch 5 of 10, and not .772."""
    shares, *_ = widgets.annealed_run(SIZES["CS224N"], 1.0, 0.2, 10, "compounding (the bug)")
    p = SIZES["CS224N"]
    for epoch in range(1, 11):
        powers = {task: share ** annealed(epoch, 10) for task, share in p.items()}
        p = {task: power / math.fsum(powers.values()) for task, power in powers.items()}
        assert shares.loc[epoch].to_dict() == pytest.approx(p)
    assert shares.loc[5, "para"] == pytest.approx(0.589, abs=5e-4)


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"straight line.*not 'cosine'"):
        widgets.alpha_curve(1.0, 0.2, "cosine")


def test_each_control_changes_picture_and_words():
    box = widgets.annealing_editor(SIZES)
    for name, value in CHANGES.items():
        before = box.picture.value, box.answer
        getattr(box, name).value = value
        assert box.picture.value != before[0], name
        assert box.answer != before[1], name
        assert alt(box) == box.answer
    assert "alpha from 0.50 to 0.90 in 4 epochs" in box.answer
    assert list(box.passes) == list(SIZES["mini"])
    assert not plt.get_fignums(), "figures are closed"


@pytest.mark.parametrize("kind", KINDS)
def test_the_corners_of_all_sliders(kind):
    for sizes, first, last, epochs in itertools.product(SIZES.values(), (0, 1), (0, 1), (1, 25)):
        shares, passes, alphas = widgets.annealed_run(sizes, first, last, epochs, kind)
        assert len(shares) == len(alphas) == epochs
        assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
        assert all(0 < value < math.inf for value in passes.values())
        assert "nan" not in widgets.describe_annealing(shares, passes, alphas)


def test_settings_start_the_widget_and_sliders_wait_until_they_are_released():
    box = widgets.annealing_editor(SIZES, first=0.8, epochs=3)
    assert (box.first.value, box.last.value, box.epochs.value) == (0.8, 0.2, 3)
    assert "alpha from 0.80 to 0.20 in 3 epochs" in box.answer
    assert not any(slider.continuous_update for slider in (box.first, box.last, box.epochs))
