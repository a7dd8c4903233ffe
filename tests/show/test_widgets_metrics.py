"""The widget of notebook 02 draws what its sliders say, at once and at every change."""

import html
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mtlkit.evaluation import mean3, norm3, reports
from mtlkit.show import widgets

ROWS = pd.DataFrame(
    [(0.542, 0.78, 0.372), (0.501, 0.707, 0.542)],
    columns=reports.TASKS,
    index=["S0: Robin", "S1: Dropout Rate, 0.2"],
)


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


@pytest.mark.parametrize(
    ("sst", "para", "sts"), [(0.0, 0.0, -1.0), (0.515, 0.75, 0.0), (1.0, 1.0, 1.0), (0.3, 0.6, 0.9)]
)
def test_the_picture_follows_the_sliders(sst, para, sts):
    box = widgets.two_overalls(ROWS)
    before = box.picture.value
    box.sst.value, box.para.value, box.sts.value = sst, para, sts
    assert box.picture.value != before
    assert alt(box) == box.answer
    assert f"your model {mean3(sst, para, sts):.3f}" in box.answer
    assert f"your model {norm3(sst, para, sts):.3f}" in box.answer
    assert not plt.get_fignums(), "figures are closed"


def test_the_orders_are_those_of_the_two_averages():
    box = widgets.two_overalls(ROWS, 0.2, 0.7, 0.5)
    assert box.orders["mean3"] == ["S1: Dropout Rate, 0.2", "S0: Robin", "your model"]
    assert box.orders["norm3"] == ["S0: Robin", "S1: Dropout Rate, 0.2", "your model"]
    assert "The order changes." in box.answer
    box.sst.value = box.para.value = box.sts.value = 1
    assert box.orders["mean3"][0] == box.orders["norm3"][0] == "your model"


def test_one_order_is_said_to_be_one():
    box = widgets.two_overalls(ROWS.iloc[:1], 0.1, 0.1, 0.1)
    assert "Both give the same order." in box.answer


def test_published_rows_stay_as_they_are():
    before = ROWS.copy()
    scores = widgets.with_your_model(ROWS, 0.5, 0.6, 0.7)
    assert list(scores.iloc[0]) == [0.5, 0.6, 0.7]
    pd.testing.assert_frame_equal(scores.iloc[1:], before)
    assert widgets.describe_overalls(scores).startswith("By mean3: your model 0.600")


def test_sliders_wait_until_they_are_let_go():
    box = widgets.two_overalls(ROWS)
    assert not any(slider.continuous_update for slider in (box.sst, box.para, box.sts))
