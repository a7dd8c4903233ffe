"""The browser of notebook 01 shows the example that its controls name."""

import html
import re

import matplotlib.pyplot as plt
import pytest

from mtlkit.data import Example
from mtlkit.show import widgets

EXAMPLES = {
    "sst": [Example(f"s{label}", (f"Review {label}.",), label) for label in range(5)],
    "para": [Example("q0", ("Why?", "How?"), 0), Example("q1", ("Is <b> bold & $5$?", "Bold, is 'b'?"), 1)],
    "sts": [Example(f"t{i}", (f"One {i}.", f"Two {i}."), i / 10) for i in range(50, -1, -1)],
}


@pytest.fixture
def box():
    return widgets.example_browser(EXAMPLES, "sts", (2.0, 3.0), 4)


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


def test_it_opens_where_it_is_told_to(box):
    assert (box.task.value, box.labels.value, box.place.value) == ("sts", (2.0, 3.0), 4)
    assert len(box.found) == 11
    assert alt(box) == box.answer
    assert box.answer == "Example 4 of 11 with labels from 2.0 to 3.0, label 2.3: 'One 23.' / 'Two 23.'"
    assert not plt.get_fignums(), "figures are closed"


def test_the_slider_goes_through_the_range_in_the_order_of_labels(box):
    seen = []
    for place in range(1, box.place.max + 1):
        box.place.value = place
        seen.append(float(re.search(r"label ([\d.]+):", box.answer)[1]))
    assert seen == pytest.approx([i / 10 for i in range(20, 31)])


def test_a_narrower_range_starts_again_at_its_first_example(box):
    box.labels.value = (2.5, 2.6)
    assert (box.place.value, box.place.max) == (1, 2)
    assert "Example 1 of 2" in alt(box)


@pytest.mark.parametrize("order", [("sst", "para", "sts"), ("para", "sst", "para"), ("para", "sts", "sst")])
def test_another_task_brings_its_own_scale(box, order):
    for task in order:
        box.task.value = task
        high = {"sst": 4.0, "para": 1.0, "sts": 5.0}[task]
        assert (box.labels.min, box.labels.max, box.labels.value) == (0.0, high, (0.0, high))
        assert len(box.found) == len(EXAMPLES[task])
        assert EXAMPLES[task][0].sentences[0] in alt(box) or task == "sts"


def test_markup_in_a_text_is_shown_and_not_obeyed(box):
    box.task.value = "para"
    box.place.value = 2
    assert "<b> bold & $5$?" in alt(box)
    assert "<b>" not in box.picture.value


def test_an_empty_range_says_so_and_can_be_left_again(box):
    box.task.value = "sst"
    box.labels.value = (1.2, 1.8)
    assert "widen the range" in box.picture.value
    assert box.found == []
    box.labels.value = (0.0, 4.0)
    assert "<img" in box.picture.value


def test_dragging_draws_only_at_the_end(box):
    assert not box.labels.continuous_update
    assert not box.place.continuous_update
