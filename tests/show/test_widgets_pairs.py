"""The widgets of notebook 08 draw what their sliders say, at once and at every change."""

import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mtlkit.evaluation import pearson
from mtlkit.show import widgets

SCORES = np.array([0.3, 0.5, 0.6, 0.8, 0.9, 0.95])
LABELS = np.array([0, 0, 1, 0, 1, 1])
MARKS = {"sigmoid().round()": 0.0, "chosen on train": 0.55}


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


@pytest.mark.parametrize(
    ("threshold", "accuracy"), [(0.0, 3 / 6), (0.55, 5 / 6), (0.85, 5 / 6), (1.0, 3 / 6)]
)
def test_the_picture_follows_the_threshold(threshold, accuracy):
    box = widgets.threshold_roc(SCORES, LABELS, MARKS, threshold=0.7)
    before = box.picture.value
    box.threshold.value = threshold
    assert box.picture.value != before
    assert alt(box) == box.answer
    assert box.accuracy == pytest.approx(accuracy)
    assert f"the accuracy is {accuracy:.3f}" in box.answer
    assert "AUC 0.889" in box.answer
    assert not plt.get_fignums(), "figures are closed"


def test_the_slider_reaches_from_below_all_marks_to_above_all_scores():
    box = widgets.threshold_roc(SCORES, LABELS, MARKS)
    assert box.threshold.min < 0
    assert box.threshold.max >= SCORES.max()
    assert not box.threshold.continuous_update


@pytest.mark.parametrize("predictions", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2.5] * 6])
def test_the_picture_follows_the_predictions(predictions):
    box = widgets.mse_and_pearson()
    before = box.picture.value
    box.set(predictions)
    assert box.picture.value != before
    assert alt(box) == box.answer
    assert box.pearson == pytest.approx(pearson(predictions, np.arange(6)))
    assert box.mse == pytest.approx(np.mean((np.array(predictions) - np.arange(6)) ** 2))
    assert f"Pearson {box.pearson:.3f} and mean squared error {box.mse:.2f}" in box.answer
    assert not plt.get_fignums(), "figures are closed"


SOLUTIONS = ([4.5, 4.6, 4.7, 4.8, 4.9, 5.0], [1.4, 1.4, 2.8, 1.4, 4.0, 3.4], [2.5, 2.5, 2.6, 2.5, 2.5, 2.5])


def test_each_puzzle_can_be_solved_and_the_button_goes_round():
    box = widgets.mse_and_pearson()
    for number, solution in enumerate(SOLUTIONS):
        assert f"Puzzle {number + 1} of 3" in box.task.value
        assert not box.solved
        assert "not yet" in box.task.value
        box.set(solution)
        assert box.solved, (number, box.answer)
        assert "solved" in box.task.value
        box.set([0, 1, 2, 3, 4, 5])
        box.next.click()
    assert box.puzzle == 0
