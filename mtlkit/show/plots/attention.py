"""The plots of 04_attention."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from ..figures import COLORS, LINES, MARKERS, fmt, style
from .common import darker


def masked_weights(weights, tokens: list[str], length: int, title: str = "") -> Figure:
    """Attention weights (T, T) as shades and numbers, and each row's entropy; from `length` on, tokens are padding.

    A row is a token that looks, a column one that is looked at. Rows of padding are left out: nobody reads them.
    """
    weights, T = np.asarray(weights, dtype=float), len(tokens)
    entropies = -(weights * np.log(np.where(weights > 0, weights, 1))).sum(-1)
    with style():
        fig, ax = plt.subplots(figsize=(0.72 * T + 2.2, 0.42 * T + 1.5))
    ax.imshow(
        np.where(np.arange(T)[:, None] < length, weights, np.nan), cmap="Blues", vmin=0, vmax=1, aspect="auto"
    )
    for i in range(length):
        for j in range(T):
            ink = "white" if weights[i, j] > 0.55 else "black"
            ax.text(j, i, fmt(weights[i, j], 2), ha="center", va="center", fontsize=9.5, color=ink)
        ax.text(T - 0.3, i, fmt(entropies[i], 2), va="center", fontsize=9.5)
    names = [token if place < length else f"({token})" for place, token in enumerate(tokens)]
    ax.text(T - 0.3, -0.62, "entropy", va="bottom", fontsize=9.5)
    if length < T:
        ax.axvline(length - 0.5, color=COLORS[1], linestyle="--", linewidth=2)
        ax.axhline(length - 0.5, color=COLORS[1], linestyle="--", linewidth=2)
        ax.text(
            (T - 1) / 2, (length + T - 1) / 2, "padding", color=darker(COLORS[1]), ha="center", va="center"
        )
    ax.set_xticks(range(T), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(T), names)
    ax.set(xlabel="is looked at", ylabel="looks", xlim=(-0.5, T + 0.4), ylim=(T - 0.5, -0.5))
    ax.set_title(title, pad=18, loc="left")
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return fig


def entropy_by_width(entropies: dict[str, Tensor], widths: list[int], most: float) -> Figure:
    """Mean entropy of attention weights over the width of q and k: a line a scale, and its smallest to largest draw.

    entropies: scale -> (widths, draws). most: the entropy if all weights are equal.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.4, 3.9))
    for number, (name, values) in enumerate(entropies.items()):
        values = np.asarray(values)
        color, mean = COLORS[number], values.mean(1)
        ax.fill_between(widths, values.min(1), values.max(1), color=color, alpha=0.18, linewidth=0)
        ax.plot(widths, mean, color=color, linestyle=LINES[number], marker=MARKERS[number])
        ax.text(widths[-1] * 1.2, mean[-1], name, color=darker(color), va="center", fontsize=9.5)
    ax.plot([widths[0], widths[-1]], [most, most], color="black", linestyle=":", linewidth=1.2)
    ax.text(widths[0], most + 0.06, f"all weights equal: {most:.2f}", fontsize=9.5, va="bottom")
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, map(str, widths))
    ax.minorticks_off()
    ax.set(xlim=(widths[0] / 1.2, widths[-1] * 11), ylim=(0, most * 1.15))
    ax.set(xlabel="width of q and k", ylabel="entropy")
    return fig


def similarity_by_padding(similarities: dict[str, Tensor], padding: list[int]) -> Figure:
    """How alike a sentence's vector stays to itself alone as padding is added, a line a mask, with its range.

    similarities: mask -> (amounts of padding, sentences), cosines. padding: the amounts.
    """
    places = range(len(padding))
    with style():
        fig, ax = plt.subplots(figsize=(7.8, 4.1))
    ends = _apart([float(np.asarray(values)[-1].mean()) for values in similarities.values()], 0.085)
    for number, ((name, values), end) in enumerate(zip(similarities.items(), ends, strict=True)):
        values = np.asarray(values)
        color = "black" if number == 0 else COLORS[number - 1]
        ax.fill_between(places, values.min(1), values.max(1), color=color, alpha=0.15, linewidth=0)
        ax.plot(places, values.mean(1), color=color, linestyle=LINES[number], marker=MARKERS[number])
        ink = color if color == "black" else darker(color)
        ax.text(len(padding) - 0.85, end, name, color=ink, va="center", fontsize=9.5)
    ax.set_xticks(places, map(str, padding))
    ax.set(xlim=(-0.2, len(padding) + 0.75), xlabel="padding beside the sentence, in tokens")
    ax.set(ylabel="cosine with the sentence alone", ylim=(min(-0.15, min(ends) - 0.1), 1.1))
    return fig


def _apart(heights: list[float], gap: float) -> list[float]:
    """The heights, moved down where needed so that no two are closer than `gap`; their order stays."""
    placed: dict[int, float] = {}
    last = np.inf
    for index in sorted(range(len(heights)), key=heights.__getitem__, reverse=True):
        last = placed[index] = min(heights[index], last - gap)
    return [placed[index] for index in range(len(heights))]


def seen_by_test(seen: pd.DataFrame, change: pd.Series) -> Figure:
    """Left: which test sees which mistake. Right: by how much the mistake changes the model's output.

    seen: a row a mistake, a column a test, True where the test fails on the mistake. change: mistake -> its size,
    relative to the output.
    """
    mistakes, tests = list(seen.index), list(seen.columns)
    places = range(len(mistakes))
    with style():
        fig, (grid, bars) = plt.subplots(
            1, 2, figsize=(9.2, 0.4 * len(mistakes) + 1.3), sharey=True, width_ratios=(3, 2)
        )
    grid.imshow(seen.to_numpy(dtype=float), cmap="Oranges", vmin=0, vmax=2.5, aspect="auto")
    for i, mistake in enumerate(mistakes):
        for j, test in enumerate(tests):
            found = bool(seen.loc[mistake, test])
            weight = "bold" if found else "normal"
            grid.text(
                j, i, "seen" if found else "-", ha="center", va="center", fontsize=9.5, fontweight=weight
            )
        bars.text(
            change[mistake] + 0.02 * change.max(), i, f"{change[mistake]:.2f}", va="center", fontsize=9.5
        )
    bars.barh(places, change[mistakes], color=COLORS[0], height=0.6)
    grid.set_xticks(range(len(tests)), tests)
    grid.set_yticks(places, mistakes)
    grid.xaxis.tick_top()
    grid.tick_params(length=0)
    grid.grid(visible=False)
    grid.spines[["left", "bottom"]].set_visible(False)
    bars.set(xlim=(0, change.max() * 1.2), xlabel="relative change of the model's output")
    bars.tick_params(axis="y", length=0)
    bars.grid(axis="y", visible=False)
    return fig
