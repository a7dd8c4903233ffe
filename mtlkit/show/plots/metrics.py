"""The plots of 02_metrics_and_floors."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mtlkit.evaluation import mean3, norm3, pearson, reports

from ..figures import COLORS, LINES, MARKERS, style
from .common import apart, darker


def same_correlation(labels, models: dict[str, np.ndarray]) -> Figure:
    """A panel a model: its predictions (n,) over the labels (n,), with r, and their mean squared error."""
    labels = np.asarray(labels, dtype=float)
    with style():
        fig, axes = plt.subplots(1, len(models), figsize=(3.1 * len(models), 3.3), sharey=True, squeeze=False)
    ends = [labels.min(), labels.max()]
    for number, (ax, (name, predictions)) in enumerate(zip(axes[0], models.items(), strict=True)):
        error = np.mean((np.asarray(predictions) - labels) ** 2)
        ax.plot(ends, ends, color="black", linestyle=":", linewidth=1.2, zorder=3)
        ax.plot(
            labels,
            predictions,
            MARKERS[number],
            color=COLORS[number],
            markersize=3.5,
            alpha=0.6,
            linestyle="none",
        )
        ax.set_title(
            f"{name}\nr = {pearson(predictions, labels):.3f}, squared error {error:.2f}",
            color=darker(COLORS[number]),
        )
        ax.set(xlabel="label")
    axes[0][0].set(ylabel="prediction (dotted: = label)")
    return fig


def resampled_scores(
    draws: dict[str, np.ndarray],
    intervals: dict[str, dict[str, tuple[float, float]]],
    xlabel: str,
    mark: tuple[float, str] | None = None,
) -> Figure:
    """A panel a way of drawing: the histogram of its resampled scores, and below it intervals as bars with names.

    draws: name -> (draws,). intervals: the same names -> {what it is: (low, high)}. mark: a value and its name.
    """
    values = np.concatenate(list(draws.values()))
    bins = edges(values)
    with style():
        fig, axes = plt.subplots(
            len(draws), 1, figsize=(7.4, 2.1 * len(draws) + 0.9), sharex=True, squeeze=False
        )
    for number, (ax, (name, scores)) in enumerate(zip(axes[:, 0], draws.items(), strict=True)):
        color = COLORS[number]
        counts, _, _ = ax.hist(scores, bins, color=color, alpha=0.45)
        step = 0.2 * counts.max()
        for place, (what, (low, high)) in enumerate(intervals[name].items(), 1):
            ax.errorbar(
                (low + high) / 2, -place * step, xerr=(high - low) / 2, capsize=5, color=darker(color),
                linestyle=LINES[place - 1],
            )  # fmt: skip
            ax.annotate(
                f"{what}: {low:.3f} to {high:.3f}", (high, -place * step), (8, 0), textcoords="offset points",
                va="center", fontsize=8.5, color=darker(color),
            )  # fmt: skip
        if mark:
            ax.axvline(mark[0], color="black", linestyle=":", linewidth=1.4)
            if number == 0:
                ax.annotate(
                    mark[1],
                    (mark[0], counts.max()),
                    (-5, 0),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                    fontsize=9,
                )
        ax.set_title(name, color=darker(color))
        ax.set_ylim(-(len(intervals[name]) + 0.8) * step, counts.max() * 1.08)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.grid(visible=False)
    axes[-1, 0].set(xlabel=xlabel)
    right = max(high for group in intervals.values() for _, high in group.values())
    left, end = axes[0, 0].get_xlim()
    axes[0, 0].set_xlim(left, max(end, right + 0.34 * (right - left)))
    return fig


def edges(values: np.ndarray) -> np.ndarray:
    """Edges of at most 40 equal bins; where values come in steps (counts / n), each bin holds as many of them."""
    distinct = np.unique(values.round(9))
    step = np.diff(distinct).min(initial=np.inf)
    if not np.isfinite(step) or np.ptp(values) / step > 400:
        return np.histogram_bin_edges(values, 40)
    width = step * np.ceil((np.ptp(values) / step + 1) / 40)
    return np.arange(values.min() - step / 2, values.max() + width, width)


def best_of_runs(k, lines: dict[str, list[float]], truth: float, score: str = "dev accuracy") -> Figure:
    """The expected best score of k runs over k: a line for each way in which runs differ, and their true score."""
    with style():
        fig, ax = plt.subplots(figsize=(7.6, 3.6))
    for number, (name, values) in enumerate(lines.items()):
        color = COLORS[number]
        ax.plot(k, values, color=color, linestyle=LINES[number], marker=MARKERS[number], markersize=4.5)
        ax.annotate(
            f"{textwrap.fill(name, 26)}\n{values[-1]:.3f} for k = {k[-1]}",
            (k[-1], values[-1]),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=darker(color),
        )
    ax.axhline(truth, color="black", linestyle=":", linewidth=1.4)
    ax.annotate(
        f"each run is worth {truth:.3f}", (k[-1], truth), (0, -4), textcoords="offset points", ha="right",
        va="top", fontsize=9,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(k, [str(value) for value in k])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    spread = max(max(values) for values in lines.values()) - truth
    ax.set(
        xlim=(k[0] * 0.9, k[-1] * (k[-1] / k[0]) ** 0.42),
        ylim=(truth - 0.2 * spread, truth + 1.15 * spread),
        xlabel="k, number of runs of which the best is reported",
        ylabel=score,
    )
    return fig


def two_overalls(scores: pd.DataFrame) -> Figure:
    """Models as lines from their mean3 to their norm3: where two lines cross, two models change places.

    Each side is drawn around its own mean, because norm3 is higher for all.
    scores: index = names, columns SST, PARA and STS.
    """
    sides = [average(scores.SST, scores.PARA, scores.STS) for average in (mean3, norm3)]
    centred = [side - side.mean() for side in sides]  # norm3 is higher for all: what counts is the order
    gap = max(0.1 * max(np.ptp(side) for side in centred), 0.004)
    with style():
        fig, ax = plt.subplots(figsize=(8.2, 3.8))
    heights = [apart(list(side), gap) for side in centred]
    for number, name in enumerate(scores.index):
        color = COLORS[number]
        ax.plot(
            [0, 1], [side[name] for side in centred], color=color, linestyle=LINES[number], marker=MARKERS[number]
        )  # fmt: skip
        for x, side in enumerate(sides):
            rank = f"{int(side.rank(ascending=False, method='min')[name])}."
            label = name.split(":")[0] if x else textwrap.fill(name, 34)
            words = f"{side[name]:.3f}  {rank}   {label}" if x else f"{label}   {rank}  {side[name]:.3f}"
            ax.annotate(
                words, (x, centred[x][name]), (x + (0.05 if x else -0.05), heights[x][number]), va="center",
                ha="left" if x else "right", fontsize=9, color=darker(color),
                arrowprops={
                    "arrowstyle": "-", "color": color, "linewidth": 0.8, "relpos": (0 if x else 1, 0.5),
                    "shrinkA": 1, "shrinkB": 4,
                },
            )  # fmt: skip
    ax.set_xticks([0, 1], ["mean3\n(SST + PARA + STS) / 3", "norm3\n(SST + PARA + (STS + 1) / 2) / 3"])
    ends = [*heights[0], *heights[1], *centred[0], *centred[1]]
    ax.set(xlim=(-1.12, 1.54), ylim=(min(ends) - gap, max(ends) + gap))
    ax.grid(axis="y", visible=False)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    return fig


def forest(dev: pd.DataFrame, train: pd.DataFrame, floors: dict[str, dict[str, float]]) -> Figure:
    """Scores of several models, a panel a task: dev scores with 95% intervals, train scores hollow, floors as lines.

    An STS score of exactly 0 has no interval: it is a constant's, or filled in.
    dev, train: index = the same names, columns SST, PARA, STS. floors: task -> {name: score}.
    """
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(9.6, 0.62 * len(dev) + 1.7), sharey=True)
    places = list(range(len(dev)))[::-1]
    for ax, task in zip(axes, reports.TASKS, strict=True):
        for place, name in zip(places, dev.index, strict=True):
            value = dev.loc[name, task]
            low, high = reports.interval(task, value)
            around = [[value - low], [high - value]]
            constant = task == "STS" and value == 0
            ax.errorbar(
                value, place, xerr=None if constant else around, fmt="o", markersize=4.5, color=COLORS[0], capsize=4,
                linewidth=2,
            )  # fmt: skip
            ax.text(
                value, place + 0.17, f"{value:.3f}", ha="center", va="bottom", fontsize=8.5, color=darker(COLORS[0]),
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
            ax.plot(
                train.loc[name, task], place, "D", markersize=5, markerfacecolor="white", color=COLORS[1],
                linestyle="none",
            )  # fmt: skip
        for number, (name, floor) in enumerate(floors[task].items()):
            ax.axvline(floor, color="black", linestyle=LINES[1 + number], linewidth=1.2)
            right = number == len(floors[task]) - 1
            ax.text(
                floor, len(dev) - 0.42, f"{name}\n{floor:.3f}", fontsize=8, va="bottom",
                ha="left" if right else "right",
            )  # fmt: skip
        ax.set_title(f"{task}, {'Pearson' if task == 'STS' else 'accuracy'}", pad=34)
        ax.set(ylim=(-0.5, len(dev) - 0.4), xlim=(-0.12, 1.02))
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(places, [textwrap.fill(name, 20) for name in dev.index], fontsize=9)
    axes[1].set(xlabel="filled: dev, with 95% interval        hollow: train")
    return fig
