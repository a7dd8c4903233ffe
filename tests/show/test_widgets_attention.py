"""The widget of notebook 04: its sliders change the weights, its picture, and its words."""

import re

import matplotlib.pyplot as plt
import pytest
import torch

from mtlkit.course.checks.attention import attend
from mtlkit.show import widgets

WORDS = ["the", "film", "was", "long"]


@pytest.fixture
def scores():
    return torch.randn(4, 4, generator=torch.Generator().manual_seed(0))


def alt(box):
    return re.search(r'alt="([^"]*)"', box.picture.value)[1]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_weights_are_those_of_attention(length):
    q, k = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(1))
    scores = q @ k.T / 8**0.5
    want = attend(q, k, k, torch.arange(4) < length)[1]
    torch.testing.assert_close(widgets.weights_at(scores, length, 1.0), want)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("length", [1, 3, 4])
def test_every_setting_draws_weights_that_sum_to_1_and_none_on_padding(scores, length, temperature):
    box = widgets.mask_and_temperature(scores, WORDS)
    box.length.value, box.temperature.value = length, temperature
    torch.testing.assert_close(box.weights.sum(-1), torch.ones(4))
    assert box.weights[:, length:].sum() == 0
    assert alt(box) == box.answer
    assert f"With {length} of 4 tokens real and temperature {temperature:.2f}" in box.answer
    assert "padding has weight 0.00" in box.answer
    assert not plt.get_fignums(), "figures are closed"


def test_a_higher_temperature_spreads_the_weights(scores):
    box = widgets.mask_and_temperature(scores, WORDS)
    entropies = []
    for temperature in (0.25, 1.0, 5.0):
        box.temperature.value = temperature
        entropies.append(float(re.search(r"entropy of a row is ([\d.]+)\.$", box.answer)[1]))
    assert entropies == sorted(entropies)
    assert entropies[0] < entropies[-1]


def test_one_token_has_all_the_weight(scores):
    box = widgets.mask_and_temperature(scores, WORDS)
    before = box.picture.value
    box.length.value = 1
    assert box.picture.value != before
    assert box.weights[0].tolist() == [1, 0, 0, 0]
    assert box.answer.endswith("entropy of a row is 0.00.")


def test_the_picture_is_drawn_when_a_slider_is_let_go(scores):
    box = widgets.mask_and_temperature(scores, WORDS)
    assert not box.length.continuous_update
    assert not box.temperature.continuous_update
