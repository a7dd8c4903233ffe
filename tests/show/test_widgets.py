"""A widget draws what its control says, at once and at every change."""

import re

import matplotlib.pyplot as plt
import pytest
import torch

from mtlkit.bert import Bert, BertConfig
from mtlkit.heads import ClassificationHead, MultitaskModel
from mtlkit.show import widgets
from mtlkit.tasks import SST


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    return MultitaskModel(Bert(config), {"sst": ClassificationHead(16, 5)})


def alt(box):
    return re.search(r'alt="([^"]*)"', box.picture.value)[1]


def test_probabilities_are_those_of_the_model_without_dropout(model, minilm_tokenizer):
    model.train()
    first, second = (widgets.class_probabilities(model, minilm_tokenizer, SST, "Not bad.") for _ in range(2))
    assert first == second
    assert sum(first) == pytest.approx(1, abs=1e-5)
    assert model.training


@pytest.mark.parametrize("text", ["Fine.", "  padded  ", "word " * 2000, "costs $5 & <b>more</b>", "日本 🎬"])
def test_the_picture_follows_the_review(model, minilm_tokenizer, text):
    box = widgets.review_probabilities(model, minilm_tokenizer, SST)
    before = box.picture.value
    assert before.startswith("<img")
    box.text.value = text
    assert box.picture.value != before
    assert alt(box) == box.answer
    probabilities = widgets.class_probabilities(model, minilm_tokenizer, SST, text.strip())
    best = max(range(5), key=probabilities.__getitem__)
    assert SST.classes[best] in box.answer
    assert f"{probabilities[best]:.2f}" in box.answer
    assert not plt.get_fignums(), "figures are closed"


def test_an_empty_line_asks_for_a_review(model, minilm_tokenizer):
    box = widgets.review_probabilities(model, minilm_tokenizer, SST, "")
    assert "Type a review" in box.picture.value
    box.text.value = "Good."
    assert "<img" in box.picture.value
    box.text.value = "   "
    assert "<img" not in box.picture.value


def test_typing_does_not_run_the_model_at_every_key(model, minilm_tokenizer):
    assert widgets.review_probabilities(model, minilm_tokenizer, SST).text.continuous_update is False
