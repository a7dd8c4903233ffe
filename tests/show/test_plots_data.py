"""The pictures of notebook 01 show what they are given, and nothing falls off their edge."""

import re

import numpy as np
import pytest

from mtlkit.show import plots
from tests.show.inside import stays_inside


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_bars_are_shares_of_their_source():
    panels = {
        "sentiment": {"real": (range(5), [1, 2, 3, 3, 1]), "mini": (range(5), [2] * 5)},
        "paraphrase": {"real": ([0, 1], [62, 38]), "mini": ([0, 1], [6, 4])},
    }
    fig = plots.label_shares(panels)
    for ax, sources in zip(fig.axes, panels.values(), strict=True):
        for bars, (_, counts) in zip(ax.containers, sources.values(), strict=True):
            assert [bar.get_height() for bar in bars] == pytest.approx(np.array(counts) / sum(counts))
    assert [texts(ax) for ax in fig.axes] == [["0.30"], ["0.62"]]
    stays_inside(fig)


def test_whole_numbers_stand_out_and_their_share_is_the_title():
    fig = plots.score_histogram({"real": ([0, 0.5, 1, 4.8], [1, 1, 1, 1]), "mini": ([0, 5], [3, 1])})
    first, second = fig.axes
    assert first.get_title(loc="left") + first.get_title() == "real: 50% of the scores are whole numbers"
    assert "100%" in second.get_title(loc="left") + second.get_title()
    assert list(first.lines[0].get_xdata()) == [0, 1]
    stays_inside(fig)


@pytest.mark.parametrize("longest", [64, 512])
def test_length_curves_end_at_one_and_name_the_length_that_99_percent_do_not_exceed(longest):
    values = np.arange(1, 101)
    lengths = {
        "SST": (values[::-1] // 2 + 1, np.ones(100, int)),
        "Quora": (values[:50], np.ones(50, int)),
        "STS": ([9], [3]),
    }
    fig = plots.length_curves(lengths, longest)
    shown = texts(fig.axes[0])
    assert [t for t in shown if "99%" in t] == [
        "SST: 99% have at most 50",
        "Quora: 99% have at most 50",
        "STS: 99% have at most 9",
    ]
    assert f"T = {longest}" in shown
    steps = [line for line in fig.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert len(steps) == 3
    assert all(line.get_ydata()[-1] == 1 for line in steps)
    stays_inside(fig)


def test_a_leak_has_a_line_for_each_model_and_points_at_the_real_share():
    shares = [0.0, 0.1, 0.2]
    gains = {
        "weak": np.outer([0, 1, 2], [0.09, 0.1, 0.11]),
        "strong": np.outer([0, 1, 2], [0.01, 0.01, 0.01]),
    }
    fig = plots.leak_curve(shares, gains, 0.021)
    (ax,) = fig.axes
    for line, draws in zip(ax.lines, gains.values(), strict=False):
        assert list(line.get_xdata()) == pytest.approx([0, 10, 20])
        assert list(line.get_ydata()) == pytest.approx(draws.mean(1))
    assert texts(ax) == ["weak", "strong", "2.1%, as in the real files"]
    stays_inside(fig)


@pytest.mark.parametrize("label", [0, 0.1, 2.5, 4.9, 5])
@pytest.mark.parametrize(
    "sentences", [("Fine.",), ("costs $5 or $6 {x}", "<b>&"), ("word " * 200, "word " * 200), ("n" * 300,)]
)
def test_an_example_card_sweep(sentences, label):
    fig = plots.example_card(sentences, label, (0, 5), [0, 1, 1, 2.5, 5], (label, label))
    words, ax = fig.axes
    shown = re.sub(r"\s+", " ", texts(words)[0])
    assert all(shown.count(sentence[:20].strip()) for sentence in sentences)
    assert texts(ax) == [f"label {label:g}"]
    stays_inside(fig)
