"""The plots of 01_data."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import ArrayLike

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

Histogram = tuple[ArrayLike, ArrayLike]  # values and their counts, (n,) each
PALE = "#CFE3F1"


def label_shares(histograms: dict[str, dict[str, Histogram]]) -> Figure:
    """The share of each label: a panel a task, filled bars for its first source, outlined ones for the second.

    histograms: task -> source -> (labels (n,), counts (n,)). The commonest label of the first source carries its share.
    """
    with style():
        fig, axes = plt.subplots(1, len(histograms), figsize=(3.0 * len(histograms), 2.9), squeeze=False)
    for ax, (task, sources) in zip(axes[0], histograms.items(), strict=True):
        for number, (source, (values, counts)) in enumerate(sources.items()):
            places = np.asarray(values, dtype=float) + (0.4 * number - 0.2 * (len(sources) - 1))
            shares = np.asarray(counts) / np.sum(counts)
            face = (COLORS[0], "white", PALE)[number % 3]
            edge, line = COLORS[number], LINES[number]
            ax.bar(
                places, shares, 0.36, color=face, edgecolor=edge, linestyle=line, linewidth=1.4, label=source
            )
            if number == 0:
                most = int(np.argmax(shares))
                ax.text(places[most], shares[most], f"{shares[most]:.2f}", ha="center", va="bottom")
        first = np.asarray(next(iter(sources.values()))[0], dtype=float)
        ax.set_xticks(first, [f"{value:g}" for value in first])
        ax.set_title(task)
        ax.set_xlabel("label")
        ax.margins(y=0.14)
        ax.grid(axis="x", visible=False)
    axes[0][0].set_ylabel("share")
    fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False)
    return fig


def score_histogram(histograms: dict[str, Histogram]) -> Figure:
    """How often each score occurs, one panel a source; whole numbers are dark with a dot, the rest is pale.

    histograms: source -> (scores (n,), counts (n,)).
    """
    with style():
        fig, axes = plt.subplots(
            len(histograms), 1, figsize=(8.0, 2.1 * len(histograms)), sharex=True, squeeze=False
        )
    for ax, (source, (values, counts)) in zip(axes[:, 0], histograms.items(), strict=True):
        values, shares = np.asarray(values, dtype=float), np.asarray(counts) / np.sum(counts)
        whole = values == np.round(values)
        ax.vlines(values[~whole], 0, shares[~whole], color=COLORS[5], linewidth=2.2)
        ax.vlines(values[whole], 0, shares[whole], color=COLORS[0], linewidth=2.6)
        ax.plot(values[whole], shares[whole], "o", color=COLORS[0], markersize=5, linestyle="none")
        ax.set_title(f"{source}: {shares[whole].sum():.0%} of the scores are whole numbers")
        ax.set(ylabel="share", ylim=(0, 1.15 * shares.max()))
        ax.grid(axis="x", visible=False)
    axes[-1, 0].set_xlabel("similarity")
    return fig


def length_curves(lengths: dict[str, Histogram], longest: int = 512) -> Figure:
    """The share of sequences that fit into T word pieces, a line for each data set, and how far padding would go.

    lengths: name -> (lengths in word pieces (n,), counts (n,)). A dot marks the length that 99% do not exceed.
    """
    with style():
        fig, ax = plt.subplots(figsize=(8.0, 3.6))
    for number, (name, (values, counts)) in enumerate(lengths.items()):
        values, counts = (np.asarray(side, dtype=int) for side in (values, counts))
        order = np.argsort(values)
        values, reached = values[order], np.cumsum(counts[order]) / np.sum(counts)
        color, line = COLORS[number % len(COLORS)], LINES[number % len(LINES)]
        ax.step([*values, longest], [*reached, 1.0], where="post", color=color, linestyle=line)
        p99 = values[np.searchsorted(reached, 0.99)]
        ax.plot(p99, 0.99, "o", color=color, markersize=6)
        low = 0.72 - 0.14 * number
        label = f"{name}: 99% have at most {p99}"
        ax.annotate(label, (p99, 0.99), (62, low), color=darker(color), va="center", annotation_clip=False)
        ax.plot([44, 58], [low, low], color=color, linestyle=line)
    ax.axvline(longest, color="black", linestyle=":", linewidth=1.2)
    ax.text(longest * 0.96, 0.03, f"T = {longest}", ha="right")
    ax.set_xscale("log", base=2)
    ticks = [2**power for power in range(2, 10) if 2**power <= longest]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set(
        xlim=(4, longest * 1.05),
        ylim=(0, 1.04),
        xlabel="T, word pieces in a sequence",
        ylabel="share that fits",
    )
    return fig


def leak_curve(shares: Sequence[float], gains: dict[str, ArrayLike], mark: float) -> Figure:
    """How much a score gains by the share of the development set that was seen in training, a line a model.

    shares: (S,) in [0, 1]. gains: model -> (S, draws), whose mean is the line and whose middle 95% is the band.
    mark: a share to point at.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.0, 3.4))
    percent = 100 * np.asarray(shares)
    top = 0.0
    for number, (name, values) in enumerate(gains.items()):
        draws = np.asarray(values)
        low, high = np.quantile(draws, [0.025, 0.975], axis=1)
        means, color = np.mean(draws, axis=1), COLORS[number % len(COLORS)]
        ax.fill_between(percent, low, high, color=color, alpha=0.18, linewidth=0)
        ax.plot(
            percent,
            means,
            color=color,
            linestyle=LINES[number % len(LINES)],
            marker=MARKERS[number],
            markersize=5,
        )
        ax.annotate(
            name,
            (percent[-1], high[-1]),
            (0, 5),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=darker(color),
        )
        top = max(top, float(high.max()))
    ax.axvline(100 * mark, color="black", linestyle=":", linewidth=1.2)
    ax.text(100 * mark + 0.3, 1.1 * top, f"{mark:.1%}, as in the real files", va="top")
    ax.set(
        xlabel="pairs of dev that train holds, in %",
        ylabel="gain in Pearson",
        ylim=(min(0, -0.02 * top), 1.18 * top),
    )
    return fig


def example_card(
    sentences: Sequence[str],
    label: float,
    scale: tuple[float, float],
    among: ArrayLike,
    within: tuple[float, float],
) -> Figure:
    """One example: its one or two texts, and its label on its scale, above all labels as small strokes.

    scale: lowest and highest label. among: all labels of the data set. within: the range that is looked at, shaded.
    """
    texts = [textwrap.fill(text if len(text) <= 240 else f"{text[:236]} ...", 76) for text in sentences]
    lines = sum(text.count("\n") + 1 for text in texts)
    with style():
        fig, (words, ax) = plt.subplots(
            2,
            1,
            figsize=(8.0, 1.5 + 0.22 * lines + 0.12 * len(texts)),
            height_ratios=[0.22 * lines + 0.2, 1.1],
        )
    words.axis("off")
    text: Text = words.text(0, 0.5, "\n\n".join(texts), va="center", fontsize=10.5, linespacing=1.25)
    text.set_parse_math(False)  # a price in dollars is not a formula
    low, high = scale
    values, counts = np.unique(np.asarray(among, dtype=float), return_counts=True)
    ax.axvspan(within[0] - 0.02, within[1] + 0.02, color=PALE, alpha=0.6)
    ax.vlines(values, 0, 0.8 * counts / counts.max(), color="#777777", linewidth=1.6)
    ax.plot(label, 1.0, "v", color=COLORS[1], markersize=11, clip_on=False, zorder=3)
    side = "right" if label > (low + high) / 2 else "left"
    ax.annotate(
        f"label {label:g}", (label, 1.0), (-11 if side == "right" else 11, 0), textcoords="offset points",
        ha=side, va="center", color=darker(COLORS[1]), fontweight="bold",
    )  # fmt: skip
    ax.axvline(label, color=COLORS[1], linestyle="--", linewidth=1.4)
    margin = 0.03 * (high - low)
    ax.set(
        xlim=(low - margin, high + margin), ylim=(0, 1.15), yticks=[], xlabel=f"label, {low:g} to {high:g}"
    )
    ax.set_xticks(np.arange(low, high + 1), [f"{tick:g}" for tick in np.arange(low, high + 1)])
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    return fig
