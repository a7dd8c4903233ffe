"""The pictures of notebook 08 show what they are given, and nothing falls off their edge."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from mtlkit.evaluation import pearson
from mtlkit.show import plots
from tests.show.inside import stays_inside

GENERATOR = np.random.default_rng(0)
SCORES = GENERATOR.uniform(0.2, 1.0, 60).round(2)  # with ties
LABELS = (SCORES + GENERATOR.normal(0, 0.2, 60) > 0.7).astype(int)


def texts(fig):
    return " | ".join(" ".join(text.get_text().split()) for ax in fig.axes for text in (*ax.texts, ax.title))


def test_the_roc_curve_and_its_area_are_scikit_learns():
    false, true = plots.roc_points(SCORES, LABELS)
    theirs = roc_curve(LABELS, SCORES, drop_intermediate=False)
    np.testing.assert_allclose(false, theirs[0])
    np.testing.assert_allclose(true, theirs[1])
    assert plots.area_under_roc(SCORES, LABELS) == pytest.approx(roc_auc_score(LABELS, SCORES))


def test_equal_scores_have_an_area_of_a_half():
    assert plots.area_under_roc(np.ones(4), np.array([0, 1, 1, 0])) == pytest.approx(0.5)


@pytest.mark.parametrize("threshold", [-0.2, 0.0, 0.55, 0.8, 1.2])
def test_the_dot_is_at_the_threshold_in_both_panels(threshold):
    fig = plots.threshold_roc(SCORES, LABELS, threshold, {"sigmoid().round()": 0.0, "chosen on train": 0.7})
    said = threshold < SCORES
    left, right = (next(line for line in ax.lines if line.get_markersize() == 9 and line.get_marker() == "D")
                   for ax in fig.axes)  # fmt: skip
    assert left.get_xydata()[0] == pytest.approx([threshold, np.mean(said == LABELS)])
    assert right.get_xydata()[0] == pytest.approx([said[LABELS == 0].mean(), said[LABELS == 1].mean()])
    assert f"accuracy {np.mean(said == LABELS):.3f}" in texts(fig)
    assert "sigmoid().round() | chosen on train" in texts(fig)
    stays_inside(fig)


def test_scales_stand_with_their_slopes_and_their_names():
    grid = np.linspace(-1, 1, 21)
    scales = {"5 cos": (5 * grid, np.full(21, 5.0)), "flat": (np.zeros(21), np.zeros(21))}
    fig = plots.cosine_scales(scales, grid, SCORES, {"5 cos": (-0.4, 0.2), "flat": (0.5, 0.2)})
    for panel, ax in enumerate(fig.axes):
        for line, values in zip(ax.lines, scales.values(), strict=False):
            np.testing.assert_allclose(line.get_ydata(), values[panel])
        assert [text.get_text() for text in ax.texts] == list(scales)
        assert len(ax.lines[-1].get_xdata()) == len(SCORES)
    stays_inside(fig)


@pytest.mark.parametrize(
    "predictions",
    [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2.5] * 6, [5, 5, 5, 5, 5, 0], [4.5, 4.6, 4.7, 4.8, 4.9, 5.0]],
)
def test_the_parts_add_up_to_the_error_and_stand_beside_each_other(predictions):
    x, y = np.array(predictions, dtype=float), np.arange(6.0)
    parts = plots.error_in_parts(x, y)
    error = np.mean((x - y) ** 2)
    assert sum(parts.values()) == pytest.approx(error)
    assert parts["disagreement"] == pytest.approx(2 * x.std() * y.std() * (1 - pearson(x, y)), abs=1e-9)
    fig = plots.mse_and_pearson(x, y)
    ends = [bar.get_x() + bar.get_width() for bar in fig.axes[1].patches]
    assert ends[-1] == pytest.approx(error)
    assert f"Pearson {pearson(x, y):.3f}" in texts(fig)
    assert all(f"{name} {part:.2f}" in texts(fig) for name, part in parts.items())
    stays_inside(fig)


def test_ways_have_their_intervals_floors_and_published_scores():
    rows = [
        ("a cosine", "para", 0.7, 0.65, 0.75), ("a linear layer on a concatenation", "para", 0.5, 0.44, 0.55),
        ("a cosine", "sts", 0.8, 0.76, 0.84), ("only here", "sts", 0.1, 0.0, 0.2),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["way", "task", "score", "low", "high"])
    fig = plots.scores_by_way(
        table, {"para": {"majority": 0.58, "Jaccard": 0.6}}, {("para", "a cosine"): 0.46}
    )
    para, sts = fig.axes
    spans = [bars.get_segments()[0][:, 0] for container in para.containers for bars in container[2]]
    assert [tuple(span) for span in spans] == [pytest.approx(row[3:]) for row in rows[:2]]
    assert [
        line.get_xdata()[0] for line in para.lines if line.get_marker() == "s" and line.get_markersize() == 7
    ] == [0.46]
    assert "majority 0.580 | Jaccard 0.600" in texts(fig)
    assert sts.get_title() == "STS, Pearson"
    stays_inside(fig)
