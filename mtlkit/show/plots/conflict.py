"""The plots of 12_gradient_conflict."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from ..figures import COLORS, LINES, MARKERS, style
from .common import apart, darker, spread

Numbers = Sequence[float] | np.ndarray

HATCHES = ("", "//", "..")
SIGNS = "PuOr_r"  # orange above 0, violet below; a minus stands in each negative cell as well
CELLS = 24  # columns of a heat map at most: more steps are averaged


def _write_matrix(ax, cosines: np.ndarray, tasks: Sequence[str], below: Sequence[str] | None = None) -> None:
    """A K x K matrix of cosines on `ax`, its numbers written in; `below`: a second line for each task's name."""
    ax.imshow(cosines, cmap=SIGNS, vmin=-1, vmax=1)
    for i, j in np.ndindex(cosines.shape):
        value = cosines[i, j]
        text = "none" if np.isnan(value) else "1" if i == j else f"{value:+.2f}".replace("+0.00", "0.00")
        text = text.replace("-0.00", "0.00")
        light = abs(np.nan_to_num(value)) > 0.75
        ax.text(j, i, text, ha="center", va="center", color="white" if light else "black", fontsize=9)
    names = [f"{a}\n{b}" for a, b in zip(tasks, below, strict=True)] if below else list(tasks)
    ax.set_xticks(range(len(tasks)), names)
    ax.set_yticks(range(len(tasks)), list(tasks))
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)


def cosine_matrix(cosines: np.ndarray, tasks: Sequence[str], norms: Numbers) -> Figure:
    """The cosines of K gradients, (K, K), NaN for none; left of it the gradients' lengths, (K,), as bars."""
    with style():
        fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.5), width_ratios=(1.5, 1))
    for number, norm in enumerate(norms):
        color = COLORS[number % len(COLORS)]
        left.barh(number, norm, 0.6, color=color, alpha=0.45, hatch=HATCHES[number % 3], edgecolor=color)
        left.text(norm, number, f" {norm:.2f}", va="center", color=darker(color))
    left.set_yticks(range(len(tasks)), list(tasks))
    left.invert_yaxis()
    left.set(xlim=(0, 1.25 * max(*norms, 1e-12)), title="length of the gradient")
    left.grid(axis="y", visible=False)
    _write_matrix(right, np.asarray(cosines, float), tasks)
    right.set_title("cosine")
    return fig


def cosines_by_part(
    own: Mapping[str, Numbers], shares: Mapping[str, Numbers], parts: Sequence[str]
) -> Figure:
    """Left: the cosine of two tasks within each part, and the encoder's. Right: what each part adds to the encoder's.

    own, shares: pair of tasks -> N numbers, one a part (NaN: no gradient there). The shares of a pair sum to the
    encoder's cosine, which stands at the right end of both panels.
    """
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.4))
    at = np.arange(len(parts))
    for number, pair in enumerate(own):
        color, marker = COLORS[number], MARKERS[number]
        whole = float(np.nansum(shares[pair]))
        for ax, values in zip(axes, (own[pair], shares[pair]), strict=True):
            ax.plot(
                at,
                np.asarray(values, float),
                marker=marker,
                markersize=5,
                color=color,
                linestyle=LINES[number],
            )
            ax.plot(len(parts) + 0.4, whole, marker, color=color, markersize=8, markeredgecolor="black")
    bottom, top = (np.array([ax.get_ylim() for ax in axes]).T[k] for k in (0, 1))
    for ax, low, high in zip(axes, bottom, top, strict=True):
        reach = 1.12 * max(abs(low), abs(high))
        ax.set_ylim(-reach, reach)
        ax.axhline(0, color="black", linewidth=1)
        ax.axvline(len(parts) - 0.3, color="#999999", linewidth=0.8)
        ax.set_xticks([*at, len(parts) + 0.4], [*(p.replace("layers.", "layer ") for p in parts), "encoder"])
        ax.tick_params(axis="x", length=0)
        plt.setp(ax.get_xticklabels(), rotation=50, ha="right", rotation_mode="anchor")
        ax.grid(axis="x", visible=False)
    axes[0].set_title("cosine within each part")
    axes[1].set_title("what each part adds to the encoder's")
    looks: list[dict[str, Any]] = [
        dict(color=COLORS[n], marker=MARKERS[n], linestyle=LINES[n]) for n in range(len(own))
    ]
    handles = [plt.Line2D([], [], label=pair, **look) for pair, look in zip(own, looks, strict=True)]
    fig.legend(handles=handles, loc="outside upper center", ncols=len(own))
    return fig


def cosine_rows(cosines: Mapping[str, Numbers], same: Sequence[str] = ()) -> Figure:
    """A row of dots for each kind of pair, with how many are below 0. cosines: name -> values; same: names drawn apart,
    of pairs from one task."""
    with style():
        fig, ax = plt.subplots(figsize=(7.8, 0.42 * len(cosines) + 0.9))
    reach = 1.1 * max(float(np.nanmax(np.abs(values))) for values in cosines.values())
    random = np.random.default_rng(0)
    for place, (name, values) in enumerate(cosines.items()):
        number = 0 if name in same else 1
        color, found = COLORS[number], np.asarray(values, float)
        height = place + random.uniform(-0.22, 0.22, len(found))
        ax.plot(found, height, MARKERS[number], color=color, markersize=4.5, alpha=0.65)
        ax.plot([found.mean()] * 2, [place - 0.36, place + 0.36], "-", color="black", linewidth=2)
        ax.text(
            1.04 * reach,
            place,
            f"{(found < 0).sum()} of {len(found)} below 0",
            va="center",
            color=darker(color),
        )
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(range(len(cosines)), list(cosines))
    ax.set(
        xlim=(-reach, reach),
        ylim=(len(cosines) - 0.4, -0.6),
        xlabel="cosine of two gradients (bar: their mean)",
    )
    ax.grid(axis="y", visible=False)
    return fig


def cosine_heat(cosines: Mapping[str, np.ndarray], parts: Sequence[str], first_step: int = 1) -> Figure:
    """A panel for each pair of tasks: parts downwards, steps to the right, the cosine as colour, a minus where below 0.

    cosines: pair -> (N, S), NaN for none. Of many steps, means of neighbours are drawn. The colours' reach is the same
    in all panels, and stands at the bar.
    """
    S = next(iter(cosines.values())).shape[1]
    width = -(-S // CELLS)  # steps a column
    means = {pair: _averaged(np.asarray(values, float), width) for pair, values in cosines.items()}
    reach = max(float(np.nanmax(np.abs(values))) for values in means.values())
    with style():
        fig, axes = plt.subplots(
            1, len(means), figsize=(8.8, 0.27 * len(parts) + 1.2), sharey=True, squeeze=False
        )
    for ax, (pair, values) in zip(axes[0], means.items(), strict=True):
        columns = values.shape[1]
        picture = ax.imshow(
            values, cmap=SIGNS, vmin=-reach, vmax=reach, aspect="auto",
            extent=(first_step - 0.5, first_step - 0.5 + columns * width, len(parts) - 0.5, -0.5),
        )  # fmt: skip
        for part, column in np.argwhere(values < 0):
            x = first_step - 0.5 + (column + 0.5) * width
            ax.text(x, part, "\u2212", ha="center", va="center", fontsize=7)
        ax.set(title=pair, xlabel="step" if width == 1 else f"step (means of {width})")
        ax.grid(visible=False)
    axes[0, 0].set_yticks(range(len(parts)), [part.replace("layers.", "layer ") for part in parts])
    bar = fig.colorbar(picture, ax=axes[0, -1], label="cosine", shrink=0.9, ticks=[-reach, 0, reach])
    bar.ax.set_yticklabels([f"{-reach:.2f}", "0", f"+{reach:.2f}"])
    return fig


def _averaged(values: np.ndarray, width: int) -> np.ndarray:
    """(N, S) -> (N, ceil(S / width)): means of neighbouring columns, NaN where there is none."""
    columns = []
    for start in range(0, values.shape[1], width):
        block = values[:, start : start + width]
        there = ~np.isnan(block)
        columns.append(np.where(there.any(1), np.nansum(block, 1) / np.maximum(1, there.sum(1)), np.nan))
    return np.stack(columns, 1)


def conflict_rate(
    rates: Mapping[str, Sequence[tuple[int, int, float, float, float]]],
    floor: tuple[float, float, float] | None = None,
) -> Figure:
    """The share of steps with a conflict, in stretches of the training, each with its interval; a line a pair of tasks.

    rates: pair -> rows (first step, last step, rate, low, high). floor: (rate, low, high) of what two batches of one
    task do, a grey band.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.6, 3.3))
    last = max(row[1] for rows in rates.values() for row in rows)
    shift = 0.012 * last
    label: dict[str, Any] = dict(va="center", bbox=dict(facecolor="white", edgecolor="none", pad=0.8))
    ends = []
    for number, rows in enumerate(rates.values()):
        color = COLORS[number]
        x = np.array([(row[0] + row[1]) / 2 for row in rows]) + (number - (len(rates) - 1) / 2) * shift
        rate, low, high = (np.array([row[k] for row in rows]) for k in (2, 3, 4))
        ax.errorbar(
            x, rate, (rate - low, high - rate), color=color, linestyle=LINES[number], marker=MARKERS[number],
            markersize=5, capsize=3, elinewidth=1.2, zorder=3,
        )  # fmt: skip
        ends.append(float(rate[-1]))
    if floor:
        ax.axhspan(floor[1], floor[2], color="#999999", alpha=0.25, linewidth=0)
        ax.text(1.36 * last, floor[0], "two batches\nof one task", ha="right", fontsize=9, **label)
    ax.axhline(0.5, color="black", linewidth=1, linestyle=":")
    ax.text(1.36 * last, 0.5, "a coin", ha="right", fontsize=9, **label)
    for number, (pair, height) in enumerate(zip(rates, apart(ends, 0.075), strict=True)):
        ax.text(1.01 * last, height, pair, color=darker(COLORS[number]), **label)
    ax.set(xlim=(0, 1.36 * last), ylim=(-0.02, 1.02), xlabel="step", ylabel="share of steps in conflict")
    ax.set_xticks(_ticks(last))
    return fig


def norm_imbalance(norms: Mapping[str, Numbers], served: Mapping[str, Numbers]) -> Figure:
    """Left: each task's length of gradient by step. Right: how fast the plain sum lets each task's loss fall, as a
    multiple of what a step along the task's own gradient would do; below 0 the loss rises.

    norms, served: task -> S numbers, NaN where the task was not there.
    """
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.1))
    for ax, lines in zip(axes, (norms, served), strict=True):
        last = []
        for number, values in enumerate(lines.values()):
            found = np.asarray(values, float)
            steps = np.arange(1, len(found) + 1)
            many = len(found) > 40
            ax.plot(
                steps, found, color=COLORS[number], linestyle=LINES[number], marker=None if many else MARKERS[number],
                markersize=4, linewidth=1.0 if many else 1.6,
            )  # fmt: skip
            last.append(float(found[~np.isnan(found)][-1]))
        low, high = ax.get_ylim()
        if ax is axes[0]:
            heights = spread(last, 1.35)
        else:
            ax.set_ylim(min(low, -0.12 * high), high)
            heights = apart(last, 0.08 * (high - min(low, 0)))
        for number, (task, height) in enumerate(zip(lines, heights, strict=True)):
            ax.text(
                1.03 * len(steps), height, task, va="center", color=darker(COLORS[number]),
                bbox=dict(facecolor="white", edgecolor="none", pad=0.8),
            )  # fmt: skip
        ax.set(xlim=(0, 1.22 * len(steps)), xlabel="step")
        ax.set_xticks(_ticks(len(steps)))
    axes[0].set_yscale("log")
    axes[0].set_title("length of the gradient")
    axes[1].set_title("fall of the loss, to that along its own")
    axes[1].axhline(1, color="black", linewidth=1, linestyle=":")
    axes[1].axhspan(axes[1].get_ylim()[0], 0, color="#999999", alpha=0.25, linewidth=0)
    axes[1].text(0.02 * len(steps), -0.01, "harmed", va="top", fontsize=9)
    return fig


def _ticks(last: int) -> list[int]:
    """Whole steps to mark, five or so, up to the last one."""
    every = max(1, round(last / 5))
    return list(range(every, last + 1, every))


def cosines_by_design(cosines: pd.DataFrame, marked: Mapping[str, float] | None = None) -> Figure:
    """A panel for each pair of tasks, a row for each design of the heads, a dot a seed.

    cosines: columns design, pair, seed, cosine. marked: pair -> a number that was published for it, a dotted line.
    """
    designs, pairs = list(cosines.design.unique()), list(cosines.pair.unique())
    reach = 1.15 * max(cosines.cosine.abs().max(), *(marked or {"": 0.0}).values())
    with style():
        fig, axes = plt.subplots(
            1, len(pairs), figsize=(8.6, 0.42 * len(designs) + 1.1), sharey=True, squeeze=False
        )
    for ax, pair in zip(axes[0], pairs, strict=True):
        for place, design in enumerate(designs):
            values = cosines[(cosines.pair == pair) & (cosines.design == design)].cosine
            ax.plot(
                values, [place] * len(values), MARKERS[place], color=COLORS[place], markersize=6, alpha=0.6,
                linestyle="none",
            )  # fmt: skip
        ax.axvline(0, color="black", linewidth=1)
        if marked and pair in marked:
            ax.axvline(marked[pair], color="black", linewidth=1.4, linestyle=":")
            ax.text(marked[pair], -0.52, "published ", ha="right", va="center", fontsize=8)
        ax.set(xlim=(-reach, reach), title=pair)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(designs)), designs)
    axes[0, 0].set_ylim(len(designs) - 0.5, -0.75)
    fig.supxlabel("cosine (a dot a seed)", fontsize=10)
    return fig


def gradient_planes(
    gram: np.ndarray, tasks: Sequence[str], random: Sequence[np.ndarray], names: Sequence[str]
) -> Figure:
    """Above: each two of three gradients in the plane that they span, angles true. Below: all, by two parameters.

    gram: (3, 3). random: for each picture below, (3, 2): each gradient's two numbers, in any unit of its own.
    names: what the pictures below are called. Arrows have one length above, since the tasks' differ too much; below,
    those of a picture are drawn to the longest of it.
    """
    gram = np.asarray(gram, float)
    length = np.sqrt(np.diagonal(gram))
    pairs = [(0, 1), (0, 2), (1, 2)]
    with style():
        fig, axes = plt.subplots(2, 3, figsize=(7.8, 5.0))
    for ax, (i, j) in zip(axes[0], pairs, strict=True):
        cosine = float(np.clip(gram[i, j] / (length[i] * length[j]), -1, 1))
        angle = np.arccos(cosine)
        for k, where in ((i, (1.0, 0.0)), (j, (cosine, np.sin(angle)))):
            _arrow(ax, where, k, f"{tasks[k]}")
        ax.add_patch(Arc((0, 0), 0.5, 0.5, theta1=0, theta2=np.degrees(angle), color="#555555"))
        ax.text(0.33 * np.cos(angle / 2), 0.33 * np.sin(angle / 2), f"{np.degrees(angle):.0f}°", fontsize=9)
        ax.set_title(f"{tasks[i]} and {tasks[j]}: cosine {cosine:+.2f}", fontsize=10)
        ax.set(xlim=(-0.75, 1.45), ylim=(-0.35, 1.35))
    for ax, found, name in zip(axes[1], random, names, strict=True):
        found = np.asarray(found, float)
        longest = max(np.linalg.norm(found, axis=1).max(), 1e-300)
        for k in range(3):
            if np.linalg.norm(found[k]) > 0.02 * longest:
                _arrow(ax, found[k] / longest, k, tasks[k])
        gone = [tasks[k] for k in range(3) if np.linalg.norm(found[k]) <= 0.02 * longest]
        if gone:
            ax.text(0, -1.42, f"too short to see: {', '.join(gone)}", ha="center", fontsize=8)
        ax.set_title(name, fontsize=10)
        ax.set(xlim=(-1.75, 1.75), ylim=(-1.5, 1.5))
    for ax in axes.flat:
        ax.axhline(0, color="#CCCCCC", linewidth=0.8, zorder=0)
        ax.axvline(0, color="#CCCCCC", linewidth=0.8, zorder=0)
        ax.set_aspect("equal")
        ax.axis("off")
    return fig


def _arrow(ax, where, number: int, name: str) -> None:
    color, (x, y) = COLORS[number], where
    ax.annotate(
        "", (x, y), (0, 0),
        arrowprops=dict(arrowstyle="-|>", color=color, linewidth=2, linestyle=LINES[number], shrinkA=0, shrinkB=0),
    )  # fmt: skip
    ax.text(
        1.16 * x, 1.16 * y, name, color=darker(color), fontsize=9, va="center",
        ha="center" if abs(x) < 0.5 * abs(y) else "left" if x > 0 else "right",
    )  # fmt: skip


def random_planes(found: Mapping[str, tuple[float, np.ndarray]]) -> Figure:
    """How the cosine of two gradients looks in planes of two random parameters: its distribution, and the true one.

    found: pair of tasks -> (true cosine, the cosines seen in the planes).
    """
    with style():
        fig, axes = plt.subplots(1, len(found), figsize=(8.4, 2.7), sharey=True, squeeze=False)
    edges = np.linspace(-1, 1, 21)
    for number, (ax, (pair, (truth, seen))) in enumerate(zip(axes[0], found.items(), strict=True)):
        color = COLORS[number]
        share = np.histogram(seen, edges)[0] / max(1, len(seen))
        ax.bar(
            (edges[1:] + edges[:-1]) / 2, share, np.diff(edges), color=color, alpha=0.4, edgecolor=color,
            hatch=HATCHES[number],
        )  # fmt: skip
        ax.axvline(truth, color="black", linewidth=2)
        left = truth > 0
        ax.text(
            truth, 1.06 * max(share), f"true {truth:+.2f} " if left else f" true {truth:+.2f}",
            ha="right" if left else "left", va="bottom", fontsize=9,
        )  # fmt: skip
        ax.set(title=pair, xlim=(-1.05, 1.05), xlabel="cosine in the plane")
    axes[0, 0].set(ylabel="share of planes")
    top = max(ax.get_ylim()[1] for ax in axes[0])
    axes[0, 0].set_ylim(0, 1.18 * top)
    return fig


def theatre_step(
    cosines: np.ndarray,
    losses: np.ndarray,
    step: int,
    bars: Mapping[str, Numbers],
    lengths: Mapping[str, float],
    tasks: Sequence[str],
    measure: str,
    limit: tuple[float, float],
) -> Figure:
    """One step of a recorded run: the cosines, the losses so far and later, and what each method would have done.

    cosines: (K, K) at the step. losses: (S, K). step: from 1. bars: method -> one number a task (NaN: not there).
    lengths: method -> length of its step. measure: the title of the bars. limit: their axis.
    """
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(9.4, 3.5), width_ratios=(1, 1.15, 2.1))
    left, middle, right = axes
    _write_matrix(left, cosines, tasks)
    left.set_title("cosines")
    S = len(losses)
    last = []
    for number in range(len(tasks)):
        there = ~np.isnan(losses[:, number])
        steps = np.arange(1, S + 1)[there]
        look = dict(color=COLORS[number], linestyle=LINES[number], linewidth=1.2)
        middle.plot(steps, losses[there, number], **look)
        last.append(float(losses[there, number][-1]) if there.any() else 0.0)
        if there[step - 1]:
            middle.plot(step, losses[step - 1, number], MARKERS[number], color=COLORS[number], markersize=6)
    middle.axvline(step, color="black", linewidth=1)
    low, high = middle.get_ylim()
    middle.set_ylim(min(0.0, low), high)
    for number, (task, height) in enumerate(
        zip(tasks, apart(last, 0.08 * (high - min(0.0, low))), strict=True)
    ):
        middle.text(1.03 * S, height, task, va="center", fontsize=9, color=darker(COLORS[number]))
    middle.set(xlim=(0, 1.32 * S), xlabel="step")
    middle.set_xticks(_ticks(S))
    middle.set_title(f"losses, at step {step}")
    K = len(tasks)
    for row, (method, values) in enumerate(bars.items()):
        for k, value in enumerate(values):
            color = COLORS[k]
            at = row + (k - (K - 1) / 2) * 0.26
            shown = 0.0 if np.isnan(value) else float(np.clip(value, *limit))
            right.barh(at, shown, 0.24, color=color, alpha=0.45, edgecolor=color, hatch=HATCHES[k % 3])
            text = (
                "" if np.isnan(value) else f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00")
            )
            right.text(
                shown, at, f" {text} ", va="center", ha="left" if shown >= 0 else "right", fontsize=7.5,
                color=darker(color),
            )  # fmt: skip
        right.text(limit[1] * 1.36, row, f"{lengths[method]:.3g}", ha="right", va="center", fontsize=9)
    right.text(limit[1] * 1.36, -0.72, "length", ha="right", va="center", fontsize=9)
    right.axvline(0, color="black", linewidth=1)
    right.set_yticks(range(len(bars)), list(bars))
    room = 0.14 * (limit[1] - limit[0])
    right.set(xlim=(limit[0] - room, limit[1] * 1.38), ylim=(len(bars) - 0.5, -0.95))
    right.set_xticks(np.arange(limit[0], limit[1] + 0.01, 0.5 if limit[1] <= 1 else 1))
    right.set_title(measure)
    right.grid(axis="y", visible=False)
    return fig
