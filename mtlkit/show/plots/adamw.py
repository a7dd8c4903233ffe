"""The plots of 06_adamw."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

GREY = "#666666"


def bowl_contours(ax: Axes, curvature, minimum, corners: np.ndarray) -> None:
    """Lines of equal loss of 1/2 sum a_i (theta_i - minimum_i)^2, around the points `corners` (n, 2)."""
    low, high = corners.min(0), corners.max(0)
    margin = 0.12 * np.maximum(high - low, 0.5)
    x, y = (np.linspace(a, b, 60) for a, b in zip(low - margin, high + margin, strict=True))
    loss = (curvature[0] * (x - minimum[0]) ** 2 + curvature[1] * (y[:, None] - minimum[1]) ** 2) / 2
    ax.contour(
        x, y, loss, levels=loss.max() * np.geomspace(1e-3, 0.9, 9), colors="#BBBBBB", linewidths=0.8, zorder=0
    )
    ax.plot(*minimum, "*", color="black", markersize=10, zorder=4)
    ax.grid(visible=False)


def bowl_paths(paths: dict[str, np.ndarray], curvature, minimum) -> Figure:
    """One panel for each optimizer: its way over the bowl, a dot a step, and where it ends.

    paths: name -> (steps + 1, 2). curvature, minimum: two numbers each; the star is the minimum.
    """
    everywhere = np.concatenate([np.asarray(minimum, float)[None], *paths.values()])
    with style():
        fig, axes = plt.subplots(
            1, len(paths), figsize=(2.5 * len(paths), 2.9), sharex=True, sharey=True, squeeze=False
        )
    for number, (ax, (name, path)) in enumerate(zip(axes[0], paths.items(), strict=True)):
        bowl_contours(ax, curvature, minimum, everywhere)
        color = COLORS[number]
        ax.plot(*path.T, color=color, linestyle=LINES[number], linewidth=1.3)
        ax.plot(*path.T, MARKERS[number], color=color, markersize=2.5, linestyle="none")
        ax.plot(*path[-1], MARKERS[number], color=darker(color), markersize=7)
        ax.set_title(name, color=darker(color))
        ax.set_xlabel("flat $\\theta_1$")
    axes[0, 0].set_ylabel("steep $\\theta_2$")
    return fig


def bowl_and_steps(path: np.ndarray, steps: np.ndarray, curvature, minimum, lr: float) -> Figure:
    """Left: the way over the bowl. Right: how far each coordinate moves at each step, beside the learning rate.

    path: (steps + 1, 2). steps: (steps, 2), the sizes of the moves, decay included.
    The axes depend on the start, the minimum and lr alone, so that pictures for other settings can be compared.
    """
    with style(), plt.rc_context({"figure.constrained_layout.use": False}):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.1))
    fig.subplots_adjust(0.075, 0.155, 0.925, 0.9, wspace=0.24)
    ends = np.array([path[0], minimum])
    bowl_contours(left, curvature, minimum, np.concatenate([ends, ends[1:] - 0.5 * (ends[:1] - ends[1:])]))
    left.autoscale(False)
    far = np.abs(ends).max() * 10  # a path that leaves the picture is cut there
    shown = np.clip(np.nan_to_num(path, nan=far), -far, far)
    left.plot(*shown.T, color=COLORS[0], linewidth=1.3, marker="o", markersize=2.5)
    left.plot(*shown[0], "D", color=GREY, markersize=6)
    left.plot(*shown[-1], "s", color=COLORS[1], markersize=7)
    left.set(xlabel="flat $\\theta_1$", ylabel="steep $\\theta_2$")
    left.xaxis.set_major_locator(MaxNLocator(5))
    left.yaxis.set_major_locator(MaxNLocator(5))
    low, high = lr / 1000, lr * 20
    sizes = np.clip(np.nan_to_num(np.abs(steps), nan=high), low, high)
    times = np.arange(1, len(sizes) + 1)
    for i in range(2):
        right.semilogy(times, sizes[:, i], color=COLORS[i + 1], linestyle=LINES[i])
    right.axhline(lr, color="black", linestyle=":", linewidth=1.2)
    right.set(xlabel="step", xlim=(0, len(sizes)), ylim=(low, high))
    right.yaxis.set_minor_locator(NullLocator())
    for ax, title in ((left, "the way over the bowl"), (right, "step of each coordinate")):
        ax.set_title(title, y=1.02)  # a place of its own: looking for one takes a third of the drawing
    labels = {"flat": (sizes[-1, 0], COLORS[1]), "steep": (sizes[-1, 1], COLORS[2]), "lr": (lr, "#000000")}
    places = _apart([np.log(height / low) / np.log(high / low) for height, _ in labels.values()], 0.08)
    for (name, (_, color)), place in zip(labels.items(), places, strict=True):
        right.text(1.02, place, name, transform=right.transAxes, va="center", color=darker(color))
    return fig


def _apart(heights: list[float], gap: float) -> list[float]:
    """Heights in [0, 1], moved apart to at least `gap`, and all within [0, 1]."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [min(max(height, 0.0), 1.0) for height in heights]
    for before, index in pairwise(order):
        placed[index] = max(placed[index], placed[before] + gap)
    top = 1.0
    for index in reversed(order):
        top = placed[index] = min(placed[index], top)
        top -= gap
    return placed


def curves_by_step(
    panels: dict[str, dict[str, np.ndarray]], xlabel: str = "step", ylabel: str = "", at: float | None = None,
    share: bool = True,
) -> Figure:  # fmt: skip
    """A panel for each key, in it a line for each name, which stands at the line's right end.

    panels: title -> {name: values at steps 1, 2, ...}. at: height of a dotted line.
    """
    with style():
        fig, axes = plt.subplots(
            1, len(panels), figsize=(3.6 * len(panels) + 0.8, 3.2), sharey=share, squeeze=False
        )
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for number, values in enumerate(curves.values()):
            ax.plot(range(1, len(values) + 1), values, color=COLORS[number], linestyle=LINES[number])
        if at is not None:
            ax.axhline(at, color="black", linestyle=":", linewidth=1.2)
        ax.set(title=title, xlabel=xlabel)
        ax.margins(x=0)
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes[0, 0].set_ylabel(ylabel)
    for ax, curves in zip(axes[0], panels.values(), strict=True):
        low, high = ax.get_ylim()
        ends = [(values[-1] - low) / (high - low) for values in curves.values()]
        for number, (name, place) in enumerate(zip(curves, _apart(ends, 0.08), strict=True)):
            ax.annotate(
                name, (1.02, place), xycoords="axes fraction", va="center", color=darker(COLORS[number])
            )
    return fig


def layer_rates(rates: dict[str, dict[str, float]]) -> Figure:
    """Learning rate of each part of a model, bottom to top, a line for each setting. rates: setting -> {part: rate}."""
    parts = list(next(iter(rates.values())))
    with style():
        fig, ax = plt.subplots(figsize=(7.0, 3.2))
    for number, (name, values) in enumerate(rates.items()):
        heights = [values[part] for part in parts]
        color, line, marker = COLORS[number], LINES[number], MARKERS[number]
        ax.semilogy(range(len(parts)), heights, color=color, linestyle=line, marker=marker, markersize=5)
        ax.annotate(
            name,
            (0, heights[0]),
            (-9, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=darker(color),
        )
    ax.set_xticks(range(len(parts)), parts, fontsize=9)
    ax.set(ylabel="learning rate", xlim=(-1, len(parts) - 0.7))
    ax.margins(y=0.2)
    return fig


def rate_schedules(schedules: dict[str, list[float]]) -> Figure:
    """Factors of the peak learning rate by step, from 0; each line is named at its highest point."""
    with style():
        fig, ax = plt.subplots(figsize=(7.0, 2.9))
    for number, (name, factors) in enumerate(schedules.items()):
        ax.plot(range(len(factors)), factors, color=COLORS[number], linestyle=LINES[number])
        peak = int(np.argmax(factors))
        at = (peak, factors[peak])
        color = darker(COLORS[number])
        ax.annotate(name, at, (0, 4), textcoords="offset points", ha="left", va="bottom", color=color)
    ax.set(xlabel="step", ylabel="factor of the peak rate", ylim=(0, 1.15))
    ax.margins(x=0.01)
    return fig


def pass_shares(shares: pd.Series, n: int, right: tuple[str, ...]) -> Figure:
    """A bar for each optimizer: the share of `n` seeds with which a test lets it pass; those in `right` hatched.

    shares: name -> share, drawn from top to bottom.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.4, 0.27 * len(shares) + 0.9))
    for place, (name, share) in enumerate(shares.items()):
        good = name in right
        ax.barh(
            place,
            share,
            0.7,
            color="#CFE3F1" if good else COLORS[1],
            edgecolor=COLORS[0] if good else COLORS[1],
            hatch="//" if good else None,
        )
        ax.text(share + 0.01, place, f"{share:.0%}", va="center", fontsize=9)
    labels = [f"{name} (right)" if name in right else name for name in shares.index]
    ax.set_yticks(range(len(shares)), labels, fontsize=9)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.08), xlabel=f"share of {n} seeds with which it passes")
    ax.grid(axis="y", visible=False)
    return fig


def tolerance_margins(ratios: pd.DataFrame, right: tuple[str, ...], least: float = 1e-4) -> Figure:
    """How far each optimizer is from what a test expects, in tolerances; left of 1 it passes.

    ratios: one row an optimizer, one column a test. right: rows that should pass. Zeros are drawn at `least`.
    """
    with style():
        fig, ax = plt.subplots(figsize=(8.4, 0.28 * len(ratios) + 1.2))
    ax.axvspan(least / 3, 1, color="#EFEFEF", zorder=0)
    for number, test in enumerate(ratios.columns):
        heights = np.arange(len(ratios)) + (number - (len(ratios.columns) - 1) / 2) * 0.22
        values = np.maximum(ratios[test].to_numpy(float), least)
        marker, color = MARKERS[number], COLORS[number]
        ax.plot(values, heights, marker, color=color, markersize=6, linestyle="none")
        ax.annotate(
            test,
            (values[-1], heights[-1]),
            (9, 0),
            textcoords="offset points",
            va="center",
            color=darker(color),
            fontsize=9,
        )
    ax.axvline(1, color="black", linewidth=1.2)
    ax.text(0.4, -1.0, "passes", ha="right", va="center", fontsize=9)
    ax.text(2.5, -1.0, "fails", ha="left", va="center", fontsize=9)
    labels = [f"{name} (right)" if name in right else name for name in ratios.index]
    ax.set_yticks(range(len(ratios)), labels, fontsize=9)
    for label, name in zip(ax.get_yticklabels(), ratios.index, strict=True):
        label.set_fontweight("bold" if name in right else "normal")
    ax.set_xscale("log")
    ax.set(ylim=(len(ratios) - 0.4, -1.5), xlabel="largest error, in units of the test's tolerance")
    ax.set_xlim(least / 3, 10 ** (np.log10(ratios.to_numpy(float).max()) + 4))
    ax.grid(axis="y", visible=False)
    return fig
