"""The plots of 13_gradient_surgery."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Wedge
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

REACH = 3.0  # the plane is shown from -REACH to REACH
GREY, BLACK = "#666666", "#000000"
DASHES = {"-": "", "--": "7 4", ":": "2 4"}  # of a line, in SVG
LIT = "#FFDF7E"  # behind what a step works on
HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "oo")
ROUND = np.radians([0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180])
FAR = np.array([0.26, 0.4, 0.6, 0.8, 1.0])
METHODS = ("sum", "PCGrad", "CAGrad")  # a method keeps its colour, line and mark in every valley


def gradient_plane(scene: Mapping[str, Any]) -> Figure:
    """Gradients as arrows in a plane; dashed what surgery has made of them; both sums; dotted where nobody is harmed.

    scene: what `widgets.gradient_scene` gives. The projection lab draws the same `plane_parts`.
    """
    parts = plane_parts(scene)
    with style():
        fig, ax = plt.subplots(figsize=(5.2, 5.2))
    for low, high in parts["sectors"]:
        if high - low > 1e-6:
            look: dict[str, Any] = dict(facecolor="#F1F1F1", edgecolor="#C4C4C4", hatch="...", zorder=0)
            ax.add_patch(Wedge((0, 0), 2 * REACH, low, high, **look))
        else:  # a single direction
            far = 2 * REACH * np.array([np.cos(np.radians(low)), np.sin(np.radians(low))])
            ax.plot([0, far[0]], [0, far[1]], color="#999999", linestyle=":", linewidth=3, zorder=0)
    for way in parts["ways"]:
        ax.plot(
            *np.array(way["points"]).T, color=way["color"], linestyle=(0, (1, 2)), linewidth=1.1, zorder=1
        )
    for arrow in parts["arrows"]:
        _arrow(ax, np.array(arrow["tip"]), arrow)
    for word in parts["words"]:
        x, y = word["at"]
        ax.text(
            x, y, word["text"], ha="center", va="center", color=word["color"], fontsize=9, zorder=4,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )  # fmt: skip
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    ax.axhline(0, color="#BBBBBB", linewidth=0.8, zorder=0)
    ax.axvline(0, color="#BBBBBB", linewidth=0.8, zorder=0)
    ax.grid(visible=False)
    return fig


def plane_parts(scene: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What there is to draw of a scene, and where the words go: plain numbers, in the plane's own units.

    Keys: sectors (of harmless directions), arrows (kind, tip, text, color, line, dash, width, lit), ways (kind, color,
    points: where the tip of a gradient has been), words (text, at, color). What is longer than the plane ends at its
    edge, and its word says so.
    """
    names, pair = scene["names"], scene["pair"] or [None, None]
    arrows = [
        _part(f"own{i}", g, names[i], COLORS[i], "-", lit=i == pair[1]) for i, g in enumerate(scene["g"])
    ]
    for i, path in enumerate(scene["path"]):
        if len(path) > 1 or i == pair[0]:
            arrows.append(_part(f"now{i}", path[-1], f"{names[i]}′", COLORS[i], "--", lit=i == pair[0]))
    arrows.append(_part("before", scene["before"], "sum before", GREY, ":"))
    if not np.allclose(scene["before"], scene["after"], rtol=0, atol=1e-6):
        said = "sum after" if scene["step"] == scene["steps"] else "sum so far"
        arrows.append(_part("after", scene["after"], said, BLACK, "-"))

    taken = _boxes_along([arrow["tip"] for arrow in arrows])
    words = []
    if scene["note"]:
        words.append(_placed(np.array([[0.0, 0.12 - REACH]]), scene["note"], GREY, taken))
    for arrow in arrows:
        words.append(_placed(_places_at(arrow["tip"]), arrow["text"], arrow["color"], taken))
    if scene["harmless"]:
        words.append(_placed(_places_within(scene["harmless"]), "harms nobody", GREY, taken))
    ways = [
        {"kind": f"way{i}", "color": COLORS[i], "points": path}
        for i, path in enumerate(scene["path"])
        if len(path) > 1
    ]
    return {"sectors": scene["harmless"], "arrows": arrows, "ways": ways, "words": words}


def _part(
    kind: str, tip: Sequence[float], text: str, color: str, line: str, lit: bool = False
) -> dict[str, Any]:
    """An arrow from (0, 0), cut at the edge of the plane."""
    far = max(map(abs, tip)) / (REACH - 0.05)
    end = " (goes on)" if far > 1 else " = 0" if far < 1e-9 else ""
    shown = [float(x) / max(1.0, far) for x in tip]
    look = {"color": color, "line": line, "dash": DASHES[line], "width": 2.4 if line == "-" else 2.0}
    return {"kind": kind, "tip": shown, "text": text + end, "lit": lit, **look}


def _boxes_along(tips: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """Small boxes (x, y, half width, half height) all along the arrows, which no word may cover."""
    boxes: list[tuple[float, ...]] = []
    for x, y in tips:
        for part in np.arange(0.15, np.hypot(x, y), 0.1) / max(np.hypot(x, y), 1e-9):
            boxes.append((part * x, part * y, 0.06, 0.06))
        boxes.append((x, y, 0.14, 0.14))  # the head, and the handle on it
    return boxes


def _places_at(tip: Sequence[float]) -> np.ndarray:
    """Around the tip of an arrow, the best place for its name first: a little beyond. (n, 2)"""
    turned = np.arctan2(tip[1], tip[0]) + ROUND
    ways = np.stack([1.3 * np.cos(turned), np.sin(turned)], 1)
    return (np.array(tip) + FAR[:, None, None] * ways).reshape(-1, 2)


def _places_within(sectors: Sequence[Sequence[float]]) -> np.ndarray:
    """Within the first of these sectors, from the edge of the plane inwards. (n, 2)"""
    low, high = sectors[0]
    turned = np.radians(low + np.array([0.5, 0.35, 0.65, 0.2, 0.8]) * (high - low))
    ways = np.stack([np.cos(turned), np.sin(turned)], 1)
    ways = REACH * ways / abs(ways).max(1, keepdims=True)
    return (np.array([0.88, 0.7, 0.5])[:, None, None] * ways).reshape(-1, 2)


def _placed(places: np.ndarray, text: str, color: str, taken: list[tuple[float, ...]]) -> dict[str, Any]:
    """The word at the place where it covers least, the first of equals; `taken` then holds that place too."""
    wide, high = min(REACH, 0.052 * len(text) + 0.05), 0.11
    inside = np.clip(places, [wide - REACH, high - REACH], [REACH - wide, REACH - high])
    boxes = np.array(taken)
    over = np.array([wide, high]) + boxes[:, 2:] - abs(inside[:, None] - boxes[:, :2])  # (places, boxes, 2)
    x, y = inside[over.clip(0).prod(-1).sum(-1).round(9).argmin()].tolist()
    taken.append((x, y, wide, high))
    red, green, blue = darker(color)
    ink = to_hex((red, green, blue))
    return {"text": text, "at": [x, y], "color": ink}


def _arrow(ax: Axes, tip: np.ndarray, look: Mapping[str, Any]) -> None:
    if look["lit"]:
        ax.plot(
            [0, tip[0]], [0, tip[1]], color=LIT, linewidth=look["width"] + 6, solid_capstyle="round", zorder=1
        )
    if (length := np.hypot(*tip)) < 1e-6:
        ax.plot(0, 0, "o", color=look["color"], markersize=4, zorder=3)
        return
    back = tip * max(0.0, 1 - 0.12 / length)
    ax.plot(
        [0, tip[0]], [0, tip[1]], color=look["color"], linestyle=look["line"], linewidth=look["width"], zorder=2
    )  # fmt: skip
    head = {"arrowstyle": "-|>", "color": look["color"], "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (tip[0], tip[1]), (back[0], back[1]), arrowprops=head, zorder=3)


def lengths_before_after(lengths: pd.DataFrame) -> Figure:
    """A row for each gradient: its length before surgery (a circle) and after (a square), with numbers.

    lengths: index = what, columns before and after, above 0. The axis is logarithmic.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.0, 0.5 * len(lengths) + 1.0))
    for place, (before, after) in enumerate(lengths[["before", "after"]].to_numpy()):
        color = COLORS[place % len(COLORS)]
        ax.plot([before, after], [place, place], "-", color=color, linewidth=1.4)
        ax.plot(before, place, "o", color=color, markersize=10, markerfacecolor="white", markeredgewidth=1.6)
        ax.plot(after, place, "s", color=color, markersize=4.5)
        ax.annotate(
            f"{_short(before)} to {_short(after)}", (max(before, after), place), (10, 0), textcoords="offset points",
            va="center", color=darker(color), fontsize=9,
        )  # fmt: skip
    ax.set_xscale("log")
    low, high = lengths.to_numpy().min(), lengths.to_numpy().max()
    ax.set_xlim(low / 1.3, high * max(2.0, (high / low) ** 0.35))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(lengths)), list(lengths.index))
    ax.set_ylim(len(lengths) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("length: circle before surgery, square after")
    return fig


def cost_ledger(costs: pd.DataFrame) -> Figure:
    """A panel for each column, in it a bar with its number for each approach.

    costs: index = approach, columns = what it costs with its unit, values of 0 or more (NaN: not known).
    """
    columns = list(costs.columns)
    with style():
        fig, axes = plt.subplots(
            1, len(columns), figsize=(3.3 * len(columns) + 1.4, 0.42 * len(costs) + 0.9), sharey=True, squeeze=False
        )  # fmt: skip
    for ax, column in zip(axes[0], columns, strict=True):
        values = costs[column].to_numpy(float)
        longest = np.nanmax(values, initial=0.0) or 1.0
        for place, value in enumerate(values):
            color = COLORS[place % len(COLORS)]
            look: dict[str, Any] = dict(color=color, hatch=HATCHES[place % len(HATCHES)], edgecolor="white")
            ax.barh(place, np.nan_to_num(value), 0.62, **look)
            said = "not known" if np.isnan(value) else _short(value)
            ax.text(np.nan_to_num(value) + 0.02 * longest, place, said, va="center", fontsize=9)
        ax.set_title(column)
        ax.set_xlim(0, 1.25 * longest)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.grid(axis="y", visible=False)
    axes[0][0].set_yticks(range(len(costs)), list(costs.index))
    axes[0][0].set_ylim(len(costs) - 0.5, -0.5)
    return fig


def _short(value: float) -> str:
    """Three digits, and never an exponent for what a reader can take in: 0.0123, 1.25, 87.1, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def valley(
    losses: Callable[[np.ndarray], np.ndarray],
    floors: Mapping[str, np.ndarray],
    runs: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> Figure:
    """Left: ways over the contours of two tasks' summed loss. Right: that loss by step.

    losses: points (..., 2) -> (..., 2), a loss for each task. floors: where a task's loss is least: name -> (n, 2).
    runs: method -> its path (steps + 1, 2) and the losses on it (steps + 1, 2); may be empty.
    The left axes do not depend on the runs, so that pictures for other settings can be compared.
    """
    with style(), plt.rc_context({"figure.constrained_layout.use": False}):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4.0), width_ratios=(1.25, 1))
    fig.subplots_adjust(0.065, 0.13, 0.91, 0.91, wspace=0.2)
    x, y = np.linspace(-7, 4, 80), np.linspace(-4, 5, 70)
    grid = losses(np.stack(np.meshgrid(x, y), -1)).sum(-1)
    left.contour(x, y, grid, levels=12, colors="#CFCFCF", linewidths=0.8, linestyles="solid", zorder=0)
    for (name, line), side in zip(floors.items(), ("right", "left"), strict=True):
        left.plot(*line.T, color="#777777", linewidth=1.1, linestyle=":", zorder=1)
        low = line[np.argmin(line[:, 1])]
        left.text(low[0], -3.72, f" {name} ", ha=side, va="center", fontsize=8.5, color="#444444")
    left.set(xlim=(-7, 4), ylim=(-4, 5), xlabel="$\\theta_1$", ylabel="$\\theta_2$")
    left.set_title("ways to the lowest summed loss")
    left.grid(visible=False)
    right.set(ylim=(grid.min() - 0.5, grid.max() + 0.5), xlabel="step")
    right.set_title("sum of both losses")
    if runs:
        _ways(left, runs)
        _sums(right, runs)
    return fig


def _numbered(runs: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Each method with the number of its colour, line and mark."""
    return [
        (name, METHODS.index(name) if name in METHODS else len(METHODS) + place)
        for place, name in enumerate(runs)
    ]


def _ways(ax: Axes, runs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Each run's path with a mark and its name at the end, and where all start."""
    first = np.zeros(2)
    ends: dict[str, np.ndarray] = {}
    for name, number in _numbered(runs):
        path = np.clip(np.nan_to_num(runs[name][0], nan=99), -99, 99)
        color, first = COLORS[number], path[0]
        ax.plot(*path.T, color=color, linestyle=LINES[number], linewidth=1.6, zorder=2)
        ax.plot(
            *path[-1], MARKERS[number], color=color, markersize=7, markeredgecolor="white", clip_on=True, zorder=4
        )  # fmt: skip
        ends[name] = path[-1]
    last = -np.inf
    for name, number in sorted(_numbered(runs), key=lambda one: ends[one[0]][1]):
        x, y = ends[name]
        if not (-7 <= x <= 4 and -4 <= y <= 5):
            continue
        last = max(y, last + 0.45)
        side = "right" if x > 2.5 else "left"
        ax.text(
            x + (0.3 if side == "left" else -0.3), last, name, ha=side, va="center", fontsize=8.5, zorder=5,
            color=darker(COLORS[number]),
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        )  # fmt: skip
    ax.plot(*first, "X", color="black", markersize=7, zorder=3)
    side = "right" if first[0] > 2.5 else "left"
    ax.text(
        first[0] + (0.3 if side == "left" else -0.3), first[1], "start", ha=side, va="center", fontsize=8.5
    )


def _sums(ax: Axes, runs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Each run's summed loss by step, its name at the end."""
    ends = {}
    for name, number in _numbered(runs):
        total = np.nan_to_num(runs[name][1].sum(1), nan=9, posinf=9)
        ax.plot(range(len(total)), total, color=COLORS[number], linestyle=LINES[number], linewidth=1.6)
        ends[name] = total[-1]
        ax.set_xlim(0, len(total) - 1)
    low, high = ax.get_ylim()
    low, high = min(low, *ends.values()), max(high, *ends.values())
    ax.set_ylim(low, high)
    last = -1.0
    for name, number in sorted(_numbered(runs), key=lambda one: ends[one[0]]):
        last = max((ends[name] - low) / (high - low), last + 0.065)
        ax.text(1.02, last, name, transform=ax.transAxes, va="center", color=darker(COLORS[number]))
