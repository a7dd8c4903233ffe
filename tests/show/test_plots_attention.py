"""The pictures of notebook 04 show all they are given, and nothing falls off their edge or on a neighbour."""

import math

import pandas as pd
import pytest
import torch

from mtlkit.show import plots


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts if text.get_text()]


def boxes(fig):
    fig.canvas.draw()
    found = [text.get_window_extent() for ax in fig.axes for text in ax.texts if text.get_text()]
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= fig.bbox.x1 and b.y1 <= fig.bbox.y1 for b in found)
    return found


def touching(found):
    return [(i, j) for i, a in enumerate(found) for j, b in enumerate(found[:i]) if a.overlaps(b)]


@pytest.mark.parametrize("length", [1, 3, 5])
def test_masked_weights_show_every_number_and_each_rows_entropy(length):
    tokens = ["the", "film", "was", "long", "and"]
    hidden = torch.arange(5) >= length
    weights = torch.zeros(5, 5).masked_fill(hidden, -1e30).softmax(-1)
    fig = plots.masked_weights(weights, tokens, length, "a title")
    shown = texts(fig)
    assert shown.count(f"{1 / length:.2f}") >= length * length
    assert shown.count(f"{math.log(length):.2f}") >= length, "the entropy of equal weights is ln T"
    assert ("padding" in shown) == (length < 5)
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == [*tokens[:length], *(f"({token})" for token in tokens[length:])]
    assert not touching(boxes(fig))


def test_masked_weights_of_long_words_fit():
    tokens = ["unbelievably"] * 8
    fig = plots.masked_weights(torch.eye(8), tokens, 8)
    assert "-0.00" not in texts(fig)
    boxes(fig)


def test_entropies_have_a_line_and_a_band_a_scale():
    entropies = {name: torch.full((3, 4), height) for name, height in (("none", 0.2), ("root", 2.0))}
    fig = plots.entropy_by_width(entropies, [2, 8, 32], math.log(16))
    ax = fig.axes[0]
    assert {"none", "root", "all weights equal: 2.77"} <= set(texts(fig))
    assert len(ax.collections) == 2
    assert list(ax.lines[1].get_ydata()) == [2.0] * 3
    assert not touching(boxes(fig))


def test_similarities_have_labels_that_do_not_touch_in_the_order_of_their_ends():
    ends = {"right": 1.0, "a": 0.98, "b": 0.97, "c": 0.1}
    similar = {name: torch.linspace(1, end, 3)[:, None].repeat(1, 5) for name, end in ends.items()}
    fig = plots.similarity_by_padding(similar, [0, 4, 16])
    assert texts(fig) == list(ends)
    found = boxes(fig)
    assert not touching(found)
    assert [box.y0 for box in found] == sorted((box.y0 for box in found), reverse=True)


def test_the_grid_says_which_test_sees_which_mistake():
    seen = pd.DataFrame({"rows": {"first": True, "second": False}, "batch": {"first": True, "second": False}})
    fig = plots.seen_by_test(seen, pd.Series({"second": 0.25, "first": 1.5}))
    grid, bars = fig.axes
    assert [text.get_text() for text in grid.texts] == ["seen", "seen", "-", "-"]
    assert [text.get_text() for text in bars.texts] == ["1.50", "0.25"], "in the order of the grid's rows"
    assert [bar.get_width() for bar in bars.patches] == [1.5, 0.25]
    assert not touching(boxes(fig))
