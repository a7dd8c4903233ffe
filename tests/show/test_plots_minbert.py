"""The pictures of notebook 05 show all they are given, and nothing falls off their edge."""

import pytest
import torch

from mtlkit.show import plots
from mtlkit.show.plots import common


def texts(fig):
    return [" ".join(text.get_text().split()) for ax in fig.axes for text in ax.texts]


def boxes(fig):
    fig.canvas.draw()
    found = [text.get_window_extent() for ax in fig.axes for text in ax.texts if text.get_text()]
    for box in found:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= fig.bbox.x1
        assert box.y1 <= fig.bbox.y1
    return found


def test_a_layer_has_three_dropouts_two_residuals_and_its_parts_by_name():
    fig = plots.bert_layer()
    shown = texts(fig)
    assert sum("dropout" in text for text in shown) == 3
    assert sum("residual" in text for text in shown) == 2
    assert shown.count("AddNorm") == 2
    assert {"SelfAttention", "FeedForward", "GELU"} <= set(shown)
    boxes(fig)


def test_an_attention_map_names_its_tokens_on_both_sides():
    tokens = ["[CLS]", "a", "longer-word", "[SEP]"]
    fig = plots.attention_map(torch.eye(4), tokens, "layer 1")
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == tokens
    assert [label.get_text() for label in ax.get_yticklabels()] == tokens
    assert ax.images[0].get_clim() == (0, 1)


def test_gelu_shows_the_curves_and_their_difference_in_thousandths():
    x = torch.linspace(-1, 1, 5)
    fig = plots.gelu_difference(x, x, x + 0.001)
    assert fig.axes[1].lines[0].get_ydata() == pytest.approx([1] * 5, abs=1e-3)


@pytest.mark.parametrize("zero", ["", "three mistakes"])
def test_errors_have_a_line_each_and_labels_that_do_not_touch(zero):
    errors = {f"mistake {n}": [0, 0.1, 1.0 + n / 1000] for n in range(5)} | {"small": [0, 1e-4, 2e-4]}
    fig = plots.error_by_layer(errors, zero)
    names = [text for text in texts(fig) if text]
    assert names == [*errors, *([zero] if zero else [])]
    found = boxes(fig)[: len(errors)]
    assert not any(a.overlaps(b) for i, a in enumerate(found) for b in found[:i])
    for line, values in zip(fig.axes[0].lines, errors.values(), strict=False):
        assert list(line.get_ydata())[1:] == pytest.approx(values[1:])
        assert line.get_ydata()[0] > 0, "a logarithm of 0 would leave the point out"


def test_labels_are_moved_apart_upwards_and_keep_their_order():
    assert common.spread([1.0, 8.0, 1.0], 2) == [1.0, 8.0, 2.0]
