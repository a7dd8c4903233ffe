"""The plots of 11_loss_weighting."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

HATCHES = ("", "//", "..")
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])  # of the triangle of weights


def pull_shares(shares: pd.DataFrame) -> Figure:
    """A bar for each row, cut into the tasks' shares of the pull. shares: rows = settings, columns = tasks; sums 1."""
    with style():
        fig, ax = plt.subplots(figsize=(7.8, 0.5 * len(shares) + 1.0))
    left = np.zeros(len(shares))
    for number, task in enumerate(shares.columns):
        width, color = shares[task].to_numpy(float), COLORS[number]
        ax.barh(
            range(len(shares)),
            width,
            0.7,
            left,
            color=color,
            alpha=0.45,
            hatch=HATCHES[number],
            edgecolor=color,
        )
        for place, (start, share) in enumerate(zip(left, width, strict=True)):
            text = f"{task} {share:.2f}" if share > 0.12 else f"{share:.2f}" if share > 0.055 else ""
            ax.text(
                start + share / 2, place, text, ha="center", va="center", fontsize=9,
                bbox=dict(facecolor="white", edgecolor="none", alpha=0.85, pad=1.5) if text else None,
            )  # fmt: skip
        left = left + width
    ax.set_yticks(range(len(shares)), list(shares.index))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="share of the summed lengths of the tasks' gradients")
    ax.grid(visible=False)
    return fig


def uncertainty_bowls(losses: dict[str, float]) -> Figure:
    """exp(-s)/2 L + s/2 over s for each loss L, its minimum marked at s = log L. losses: name -> L."""
    low, high = (f(np.log(list(losses.values()))) for f in (min, max))
    s = np.linspace(low - 1.6, high + 2.6, 200)
    with style():
        fig, ax = plt.subplots(figsize=(7.4, 3.3))
    for number, (name, loss) in enumerate(losses.items()):
        color = COLORS[number]
        ax.plot(s, np.exp(-s) / 2 * loss + s / 2, color=color, linestyle=LINES[number])
        best = np.log(loss)
        at = (best, (1 + best) / 2)
        ax.plot(*at, MARKERS[number], color=color, markersize=7)
        highest = loss == max(losses.values())  # the others' right branches pass below its minimum
        ax.annotate(
            f"{name}: least at s = {best:.2f}", at, (-8, -5) if highest else (0, -9), textcoords="offset points",
            ha="right" if highest else "center", va="top", color=darker(color),
        )  # fmt: skip
    ax.set(xlabel="s = log of the variance", ylabel="weighted loss + s / 2")
    ax.set_ylim((1 + low) / 2 - 0.75, (1 + high) / 2 + 1.2)
    return fig


def scores_by_weighting(scores: pd.DataFrame, names: dict[str, str]) -> Figure:
    """A panel for each task, a row for each weighting: a dot a seed, and a bar at their mean.

    scores: columns weighting, task, seed, score. names: task -> title of its panel.
    """
    rows = list(scores.weighting.unique())
    with style():
        fig, axes = plt.subplots(
            1, len(names), figsize=(8.6, 0.33 * len(rows) + 1.1), sharey=True, squeeze=False
        )
    for number, (ax, (task, title)) in enumerate(zip(axes[0], names.items(), strict=True)):
        color, marker = COLORS[number], MARKERS[number]
        means = scores[scores.task == task].groupby("weighting").score.mean()
        for place, row in enumerate(rows):
            values = scores[(scores.task == task) & (scores.weighting == row)].score
            ax.plot(
                values, [place] * len(values), marker, color=color, markersize=5, alpha=0.6, linestyle="none"
            )
            ax.plot(means[row], place, "|", color="black", markersize=15)
        middle = scores[scores.task == task].score.mean()
        spread = max(0.04, 1.25 * (scores[scores.task == task].score - middle).abs().max())
        ax.set(xlim=(middle - spread, middle + spread), title=title)
        ax.locator_params(axis="x", nbins=4)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    return fig


def times_as_fast(ratios: dict[str, list[float]], promised: float) -> Figure:
    """A bar for each change: how many times as fast a task learns with it, a dot a seed; a line at `promised`."""
    with style():
        fig, ax = plt.subplots(figsize=(7.6, 0.48 * len(ratios) + 1.1))
    longest = max(max(values) for values in ratios.values())
    for place, (name, values) in enumerate(ratios.items()):
        mean, number = sum(values) / len(values), 0 if name.startswith("SGD") else 1
        color = COLORS[number]
        ax.barh(place, mean, 0.62, color=color, alpha=0.35, edgecolor=color, hatch=HATCHES[number])
        ax.plot(
            values,
            [place] * len(values),
            MARKERS[number],
            color=darker(color),
            markersize=4,
            linestyle="none",
        )
        ax.text(
            max(values) + 0.02 * longest, place, f"{mean:.1f} times", va="center", color=darker(color), zorder=3,
            bbox=dict(facecolor="white", edgecolor="none", pad=1.5),
        )  # fmt: skip
    ax.axvline(1, color="black", linewidth=1.2)
    ax.axvline(promised, color="black", linestyle=":", linewidth=1.4)
    ax.set_yticks(range(len(ratios)), list(ratios))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.2 * longest), xlabel="times as fast, in rounds")
    ax.grid(axis="y", visible=False)
    return fig


def weights_on_simplex(
    shares,
    point,
    losses,
    most: float,
    minima: np.ndarray,
    lines: list[np.ndarray],
    equal,
    names=("A", "B", "C"),
) -> Figure:
    """Left: the weights as a point of a triangle. Middle: the minimum that they choose. Right: the tasks' losses there.

    shares: three weights, sum 1. point: (2,), the weighted minimum. losses: three numbers; most: the
    largest they can be. minima: (3, 2), each task's own. lines: what the triangle's grid lines become, each (n, 2):
    together the Pareto set. equal: (2,), the minimum at equal weights. The axes depend on `minima` and `most` alone,
    so that two pictures can be compared.
    """
    with style(), plt.rc_context({"figure.constrained_layout.use": False}):
        fig, (left, middle, right) = plt.subplots(1, 3, figsize=(7.6, 2.5), width_ratios=(1, 1.35, 0.9))
    fig.subplots_adjust(0.02, 0.04, 0.985, 0.88, wspace=0.16)
    grid = [
        np.array([a * CORNERS[i] + (1 - a) * CORNERS[j], a * CORNERS[i] + (1 - a) * CORNERS[3 - i - j]])
        for i, j in ((0, 1), (1, 2), (2, 0))
        for a in np.linspace(0, 0.9, 10)
    ]
    for ax, curves in ((left, grid), (middle, lines)):
        ax.add_collection(LineCollection(list(curves), colors="#BBBBBB", linewidths=0.7, zorder=1))
        ax.grid(visible=False)
    for number, name in enumerate(names):
        color, marker = COLORS[number], MARKERS[number]
        for ax, where in ((left, CORNERS), (middle, minima)):
            outwards = where[number] - where.mean(0)
            offset = 11 * outwards / np.linalg.norm(outwards)
            ax.plot(*where[number], marker, color=color, markersize=7, zorder=3)
            ax.annotate(
                name, where[number], offset, textcoords="offset points", ha="center", va="center", color=darker(color)
            )  # fmt: skip
        right.barh(
            number, losses[number], 0.6, color=color, alpha=0.45, hatch=HATCHES[number], edgecolor=color
        )
        right.text(losses[number], number, f" {losses[number]:.2f}", va="center", fontsize=9)
        right.text(-0.04 * most, number, name, ha="right", va="center", color=darker(color))
    for ax, at in ((left, np.full(3, 1 / 3) @ CORNERS), (middle, equal)):
        ax.plot(*at, "o", color="black", fillstyle="none", markersize=7, zorder=4)
    for ax, at in ((left, np.asarray(shares) @ CORNERS), (middle, point)):
        ax.plot(*at, "*", color="black", markersize=13, zorder=5)
    low, high = minima.min(0), minima.max(0)
    margin = 0.2 * (high - low).max()
    left.set(xlim=(-0.14, 1.14), ylim=(-0.14, 1.03))
    left.set_aspect("equal", anchor="N")
    middle.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    right.set(xlim=(-0.14 * most, 1.25 * most), ylim=(2.6, -0.6))
    for ax in (left, middle, right):
        ax.axis(
            "off"
        )  # numbers stand beside the bars, and theta has no unit; ticks take a third of the drawing
    titles = ("weights (ring: equal)", "the minimum they choose", "each task's loss there")
    for ax, title in zip((left, middle, right), titles, strict=True):
        ax.set_title(title, y=1.01, fontsize=10)
    return fig
