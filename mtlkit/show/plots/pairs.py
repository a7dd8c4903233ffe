"""The plots of 08_sentence_pairs."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import integrate

from mtlkit.evaluation import pearson

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # so that no line runs through letters
PARTS = ("offset", "spread", "disagreement")


def roc_points(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates, (m + 1,) each, of the rules "1 above t", from none to all, a tie being one step.

    scores, labels: (n,), labels 0 or 1, both of them there.
    """
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    cuts = np.append(-np.inf, np.unique(scores))[::-1]
    said = scores > cuts[:, None]
    return tuple((said & (labels == c)).sum(1) / (labels == c).sum() for c in (0, 1))  # type: ignore[return-value]


def area_under_roc(scores, labels) -> float:
    """The chance that a 1 has a higher score than a 0, ties counting half; scores, labels: (n,), labels 0 or 1."""
    return float(integrate.trapezoid(*roc_points(scores, labels)[::-1]))


def threshold_roc(scores, labels, threshold: float, marks: dict[str, float]) -> Figure:
    """Left: accuracy of "1 above t" over t, with the scores of both classes as ticks. Right: the ROC curve.

    A dot in both panels is the rule at `threshold`; scores, labels: (n,), labels 0 or 1. marks: name -> threshold.
    """
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    low, high = min(scores.min(), *marks.values(), threshold), max(scores.max(), threshold)
    grid = np.linspace(low - 0.03, high + 0.03, 400)
    accuracy = ((scores > grid[:, None]) == labels).mean(1)
    with style():
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), width_ratios=(1.35, 1))
    left.plot(grid, accuracy, color=COLORS[0])
    top = max(accuracy.max(), 0.5) + 0.07
    for label, height in ((1, -0.03), (0, -0.085)):
        ticks = scores[labels == label]
        left.plot(ticks, np.full(len(ticks), height), "|", color=COLORS[2 - label], markersize=9, alpha=0.5)
        left.annotate(
            f"label {label}", (1, height), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=9, color=darker(COLORS[2 - label]),
        )  # fmt: skip
    for number, (name, cut) in enumerate(marks.items()):
        left.axvline(cut, color="black", linestyle=LINES[1 + number], linewidth=1.2)
        far = (cut - grid[0]) / (grid[-1] - grid[0])
        left.annotate(
            textwrap.fill(name, 18), (cut, 0.32 - 0.17 * number), (-5 if far > 0.5 else 5, 0),
            textcoords="offset points", ha="right" if far > 0.5 else "left", va="top", fontsize=9,
        )  # fmt: skip
    false, true = roc_points(scores, labels)
    area = area_under_roc(scores, labels)
    right.plot(false, true, color=COLORS[0])
    right.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=1.2)
    said = scores > threshold
    here = [said[labels == c].mean() for c in (0, 1)]
    reached = (said == labels).mean()
    left.plot(threshold, reached, "D", color=COLORS[3], markersize=9, zorder=5)
    right.plot(*here, "D", color=COLORS[3], markersize=9, zorder=5, clip_on=False)
    right.text(0.97, 0.05, f"AUC {area:.3f}", ha="right", color=darker(COLORS[0]))
    for number, cut in enumerate(marks.values()):
        rates = [(scores[labels == c] > cut).mean() for c in (0, 1)]
        right.plot(*rates, MARKERS[number + 1], color="black", markersize=5, clip_on=False)
    left.set(
        title=f"threshold {threshold:.3f}: accuracy {reached:.3f}", xlabel="threshold", ylabel="accuracy",
        ylim=(-0.125, top), xlim=(grid[0], grid[-1]),
    )  # fmt: skip
    left.set_yticks(np.arange(0, top, 0.2))
    right.set(
        title=f"finds {here[1]:.0%} of 1s, and {here[0]:.0%} of 0s",
        xlabel="0s called 1",
        ylabel="1s called 1",
    )
    right.set(xlim=(0, 1), ylim=(0, 1))
    return fig


def cosine_scales(
    scales: dict[str, tuple[np.ndarray, np.ndarray]],
    grid: np.ndarray,
    cosines,
    places: dict[str, tuple[float, float]],
) -> Figure:
    """Left: scores over the cosine. Right: their slopes. Below the lines, ticks where real pairs' cosines lie.

    scales: name -> (scores, slopes), each (n,) over `grid` (n,). cosines: (m,). places: name -> the cosines at which
    the name is written, left and right.
    """
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.7))
    for panel, (ax, title) in enumerate(
        zip(axes, ("score", "slope: what the gradient is multiplied by"), strict=True)
    ):
        for number, lines in enumerate(scales.values()):
            ax.plot(grid, lines[panel], color=COLORS[number], linestyle=LINES[number])
        low, high = ax.get_ylim()
        depth = 0.1 * (high - low)
        ax.set(
            ylim=(low - depth, high + depth), xlim=(-1.03, 1.03), title=title, xlabel="cosine (ticks: pairs)"
        )
        for number, (name, lines) in enumerate(scales.items()):
            x = places[name][panel]
            y = lines[panel][int(np.abs(grid - x).argmin())]
            ax.annotate(
                name, (x, y), (0, 0), textcoords="offset points", va="center", fontsize=9.5,
                color=darker(COLORS[number]), bbox=LABEL,
            )  # fmt: skip
        ax.plot(cosines, np.full(len(cosines), low - depth / 2), "|", color="black", markersize=8, alpha=0.35)
    return fig


def error_in_parts(x, y) -> dict[str, float]:
    """The mean squared error of x and y, (n,), as (mean x - mean y)^2 + (s_x - s_y)^2 + 2 (s_x s_y - covariance)."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    parts = (x.mean() - y.mean()) ** 2, (x.std() - y.std()) ** 2, 2 * (x.std() * y.std() - covariance)
    return dict(zip(PARTS, map(float, parts), strict=True))


def mse_and_pearson(predictions, labels, most: float = 10.0) -> Figure:
    """Left: predictions over labels, 0 to 5. Right: the mean squared error as a bar of its three parts.

    most: the end of the bar's axis; a longer bar is cut.
    """
    x, y = np.asarray(predictions, dtype=float), np.asarray(labels, dtype=float)
    parts = error_in_parts(x, y)
    with style(), plt.rc_context({"figure.constrained_layout.use": False}):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), width_ratios=(1, 1.25))
    fig.subplots_adjust(0.07, 0.16, 0.985, 0.88, wspace=0.17)
    left.plot([0, 5], [0, 5], color="black", linestyle=":", linewidth=1.2)
    if np.ptp(x):
        slope, start = np.polyfit(y, x, 1)
        ends = np.array([y.min(), y.max()])
        left.plot(ends, start + slope * ends, color=COLORS[1], linestyle="--")
    left.plot(y, x, "o", color=COLORS[0], markersize=8, linestyle="none")
    left.set(xlim=(-0.3, 5.3), ylim=(-0.3, 5.3), xlabel="label", ylabel="prediction")
    left.set_title(f"Pearson {pearson(x, y):.3f}")
    start = 0.0
    for number, (name, part) in enumerate(parts.items()):
        hatch = ("", "//", "..")[number]
        right.barh(0, part, left=start, color=COLORS[number], hatch=hatch, height=0.5)
        right.text(
            0.02 * most, 0.95 - 0.25 * number, f"{name} {part:.2f}", color=darker(COLORS[number]), va="center"
        )
        right.plot(0, 0.95 - 0.25 * number, "s", color=COLORS[number], markersize=7, clip_on=False)
        start += part
    right.set(xlim=(0, most), ylim=(-0.45, 1.2), yticks=[], xlabel="mean squared error")
    right.set_title(f"squared error {start:.2f}, in three parts")
    right.spines["left"].set_visible(False)
    return fig


def scores_by_way(
    scores: pd.DataFrame, floors: dict[str, dict[str, float]], published: dict | None = None
) -> Figure:
    """A panel a task, a row a way: its score with its 95% interval, floors as lines, published scores as squares.

    scores: columns way, task, score, low, high. floors: task -> {name: score}. published: (task, way) -> score.
    """
    tasks = list(dict.fromkeys(scores.task))
    ways = list(dict.fromkeys(scores.way))
    printed = published or {}
    with style():
        fig, axes = plt.subplots(
            1, len(tasks), figsize=(8.8, 0.5 * len(ways) + 1.5), sharey=True, squeeze=False
        )
    for number, (ax, task) in enumerate(zip(axes[0], tasks, strict=True)):
        for row in scores[scores.task == task].itertuples():
            place = len(ways) - 1 - ways.index(row.way)
            around = [[row.score - row.low], [row.high - row.score]]
            color = COLORS[number]
            ax.errorbar(
                row.score, place, xerr=around, fmt=MARKERS[number], markersize=5, color=color, capsize=4
            )
            ax.text(
                row.score, place + 0.19, f"{row.score:.3f}", ha="center", va="bottom", fontsize=8.5,
                color=darker(color), bbox=LABEL,
            )  # fmt: skip
        for (about, way), value in printed.items():
            if about == task and way in ways:
                place = len(ways) - 1 - ways.index(way)
                ax.plot(value, place, "s", markersize=7, markerfacecolor="white", color="black", zorder=4)
        for place, (name, floor) in enumerate(floors.get(task, {}).items()):
            ax.axvline(floor, color="black", linestyle=LINES[1 + place], linewidth=1.2)
            right = place == len(floors[task]) - 1
            ax.text(
                floor,
                len(ways) - 0.35,
                f"{name}\n{floor:.3f}",
                fontsize=8,
                va="bottom",
                ha="left" if right else "right",
            )
        ax.set_title(f"{task.upper()}, {'Pearson' if task == 'sts' else 'accuracy'}", pad=32)
        ax.set(ylim=(-0.5, len(ways) - 0.4))
        ax.margins(x=0.1)
        ax.grid(axis="y", visible=False)
    if printed:
        axes[0][0].set_xlabel("open squares: as published, on other models")
    axes[0][0].set_yticks(range(len(ways))[::-1], [textwrap.fill(way, 24) for way in ways], fontsize=9)
    return fig
