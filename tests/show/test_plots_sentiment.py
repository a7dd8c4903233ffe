"""The pictures of notebook 07 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.evaluation import binomial
from mtlkit.show import plots
from mtlkit.tasks import SST
from tests.show.inside import stays_inside

FLOORS = {"majority": 0.2, "naive Bayes": 0.409}


def texts(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("epochs", [1, 2, 20])
def test_learning_curves_have_a_line_for_each_run(epochs):
    rows = [(f"seed {s}", e + 1, 1.6 / (e + 1), 1.5, 0.3 + s / 50) for s in range(3) for e in range(epochs)]
    curves = pd.DataFrame(rows, columns=["run", "epoch", "train_loss", "dev_loss", "score"])
    fig = plots.learning_curves(curves, FLOORS)
    left, right = fig.axes
    assert sum(len(line.get_xdata()) == epochs for line in left.lines) == 6
    assert {"train", "dev"} == set(texts(left))
    assert texts(right) == ["majority 0.200", "naive Bayes 0.409"]
    stays_inside(fig)


@pytest.mark.parametrize(("score", "side"), [(0.44, "top"), (0.38, "bottom")])
def test_a_floor_is_named_on_the_side_where_no_curve_ends(score, side):
    rows = [("seed 0", e + 1, 1.0, 1.5, score) for e in range(20)]
    curves = pd.DataFrame(rows, columns=["run", "epoch", "train_loss", "dev_loss", "score"])
    right = plots.learning_curves(curves, FLOORS).axes[1]
    assert right.texts[1].get_va() == side
    right.figure.canvas.draw()
    box = right.texts[1].get_window_extent()
    curve = right.transData.transform((20, score))[1]
    assert not box.y0 < curve < box.y1
    stays_inside(right.figure)


@pytest.mark.parametrize("seeds", [1, 3])
def test_scores_stand_with_the_interval_of_their_mean(seeds):
    scores = {"frozen encoder": [0.44] * seeds, "full fine-tuning": [0.5 + i / 100 for i in range(seeds)]}
    fig = plots.scores_over_seeds(scores, FLOORS, 320)
    (ax,) = fig.axes
    spans = [bars.get_segments()[0][:, 0] for container in ax.containers for bars in container[2]]
    for span, values in zip(spans, scores.values(), strict=True):
        assert tuple(span) == pytest.approx(binomial(sum(values) / seeds, 320))
    assert any("naive Bayes" in text for text in texts(ax))
    stays_inside(fig)


def test_a_confusion_matrix_shows_shares_of_each_row():
    counts = np.arange(25).reshape(5, 5)
    counts[3] = 0  # a class that does not occur
    fig = plots.confusion_matrix(counts, SST.classes)
    shown = np.array([float(text) for text in texts(fig.axes[0])]).reshape(5, 5)
    assert shown.sum(1) == pytest.approx([1, 1, 1, 0, 1], abs=0.02)
    assert shown[4, 4] == pytest.approx(24 / counts[4].sum(), abs=0.005)
    stays_inside(fig)


def test_a_loss_and_the_floor_it_cannot_pass():
    fig = plots.loss_floor({"right": [1.6, 0.4, 0.1], "wrong": [1.6, 1.2, 1.0]}, 0.9048)
    assert {"right", "wrong", "log(1 + 4/e) = 0.9048"} == set(texts(fig.axes[0]))
    stays_inside(fig)


@pytest.mark.parametrize("best", range(5))
@pytest.mark.parametrize("text", ["Fine.", "costs $5 or $6 {x}", "word " * 200, "<b>&"])
def test_class_probabilities_sweep(text, best):
    probabilities = [0.0] * 5
    probabilities[best] = 1.0
    fig = plots.class_probabilities(text, probabilities, SST.classes)
    assert texts(fig.axes[0])[best] == "1.00"
    stays_inside(fig)
