"""The plots of 10_schedules."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from ..figures import COLORS, LINES, MARKERS, style
from .common import apart, darker

HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "oo")


def pale(color: str) -> tuple[float, ...]:
    """The colour for areas that letters stand on."""
    return tuple(0.45 + 0.55 * channel for channel in to_rgb(color))


def plan_boxes(plans: Mapping[str, Sequence[tuple[str, ...]]], letters: Mapping[str, str]) -> Figure:
    """A row for each plan, a box for each step from left to right, in it the letter of each task that it trains.

    plans: name -> steps, each a tuple of tasks. letters: task -> what stands in its boxes.
    """
    colors = dict(zip(letters, COLORS, strict=False))
    longest = max(map(len, plans.values()))
    rows = [max((len(step) for step in plan), default=1) for plan in plans.values()]
    with style():
        fig, ax = plt.subplots(figsize=(8.0, 0.34 * (sum(rows) + 0.75 * len(rows)) + 0.6))
    top, places = 0.0, []
    for plan, high in zip(plans.values(), rows, strict=True):
        for x, step in enumerate(plan):
            for down, task in enumerate(step):
                y = top - down - 1
                ax.add_patch(
                    Rectangle((x + 0.04, y + 0.04), 0.92, 0.92, color=pale(colors[task]), linewidth=0)
                )
                ax.text(x + 0.5, y + 0.47, letters[task], ha="center", va="center", fontsize=9)
        places.append(top - high / 2)
        top -= high + 0.75
    ax.set(xlim=(0, longest), ylim=(top + 0.7, 0.1), xlabel="step")
    ax.set_yticks(places, list(plans))
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False)
    return fig


def passes_by_schedule(passes: pd.DataFrame) -> Figure:
    """How often each schedule goes through each task's data: a row a schedule, a mark with its number for each task.

    passes: index = schedule, columns = tasks, values above 0; the axis is logarithmic.
    """
    low, high = passes.to_numpy().min(), passes.to_numpy().max()
    with style():
        fig, ax = plt.subplots(figsize=(8.0, 0.52 * len(passes) + 1.1))
    for place, (_, row) in enumerate(passes.iterrows()):
        ax.plot([row.min(), row.max()], [place, place], "-", color="#BBBBBB", linewidth=1.2, zorder=1)
        close = 0.0
        for number, task in sorted(enumerate(passes.columns), key=lambda pair: row[pair[1]]):
            color, value = COLORS[number], row[task]
            ax.plot(value, place, MARKERS[number], color=color, markersize=7, zorder=2)
            if close and value < 1.02 * close:  # one number for both
                continue
            up = bool(close) and value < 1.9 * close
            close = 0.0 if up else value
            ax.annotate(
                f"{value:.3g}", (value, place), (0, -7 if up else 6), textcoords="offset points", ha="center",
                va="top" if up else "bottom", fontsize=8, color=darker(color),
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(low / 1.6, high * 1.8)
    ax.set_yticks(range(len(passes)), list(passes.index))
    ax.set_ylim(len(passes) - 0.35, -0.95)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("passes over the task's training data")
    for number, task in enumerate(passes.columns):
        ax.plot([], [], MARKERS[number], color=COLORS[number], label=task)
    ax.legend(loc="upper left", ncols=len(passes.columns), frameon=False, borderaxespad=0)
    return fig


def shares_by_alpha(alphas: np.ndarray, shares: pd.DataFrame, marks: Mapping[float, str]) -> Figure:
    """Each task's probability over the exponent alpha, and names for some exponents.

    alphas: (n,), ascending. shares: n rows, a column a task. marks: alpha -> what it is called.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.2, 3.4))
    for number, task in enumerate(shares.columns):
        values = shares[task].to_numpy()
        ax.plot(alphas, values, color=COLORS[number], linestyle=LINES[number])
    ends = shares.iloc[-1]
    for place, task in zip(apart(ends.to_list(), 0.06), shares.columns, strict=True):
        number = list(shares.columns).index(task)
        ax.annotate(
            f"{task} {ends[task]:.3f}", (1.01, place), xycoords=("axes fraction", "data"), va="center",
            color=darker(COLORS[number]),
        )  # fmt: skip
    for alpha, name in marks.items():
        ax.axvline(alpha, color="black", linestyle=":", linewidth=1.0)
        ax.annotate(
            name, (alpha, 1.0), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center" if alphas[0] < alpha < alphas[-1] else "left" if alpha == alphas[0] else "right",
            fontsize=8.5,
        )  # fmt: skip
    ax.set(
        xlim=(alphas[0], alphas[-1]),
        ylim=(0, 1),
        xlabel="exponent $\\alpha$",
        ylabel="probability of a batch",
    )
    return fig


def annealing(shares: pd.DataFrame, passes: Mapping[str, float], alphas: Sequence[float]) -> Figure:
    """Left: each epoch's probabilities, stacked to 1. Right: how often the whole run goes through each task's data.

    shares: a row an epoch, a column a task. passes: task -> passes. alphas: each epoch's exponent.
    """
    E, tasks = len(shares), list(shares.columns)
    with style(), plt.rc_context({"figure.constrained_layout.use": False}):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), width_ratios=(1.75, 1))
    fig.subplots_adjust(0.07, 0.14, 0.97, 0.88, wspace=0.22)
    edges = np.arange(E + 1) + 0.5
    bottom = np.zeros(E)
    for number, task in enumerate(tasks):
        values = shares[task].to_numpy()
        left.stairs(
            bottom + values, edges, baseline=bottom, fill=True, facecolor=pale(COLORS[number]),
            hatch=HATCHES[number], edgecolor="white",
        )  # fmt: skip
        for epoch in dict.fromkeys((0, E // 2, E - 1)):
            if values[epoch] > 0.045:
                _write_share(left, epoch + 1, E, bottom[epoch] + values[epoch] / 2, values[epoch], task)
        bottom = bottom + values  # not in place: the drawn part keeps a reference to it
    left.set(xlim=(edges[0], edges[-1]), ylim=(0, 1), xlabel="epoch", ylabel="probability of a batch")
    left.set_title(f"alpha from {alphas[0]:.2f} to {alphas[-1]:.2f}")
    left.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    left.grid(visible=False)
    bars(right, passes)
    right.set_title(f"passes in {E} epoch{'s' if E > 1 else ''}")
    return fig


def _write_share(ax: Axes, epoch: int, E: int, y: float, share: float, task: str) -> None:
    """A share with its task's name, within the picture."""
    side = "center" if E == 1 or 1 < epoch < E else "left" if epoch == 1 else "right"
    x = epoch if side == "center" else 0.5 + 0.015 * E if side == "left" else E + 0.5 - 0.015 * E
    ax.text(
        x, y, f"{task} {share:.3f}", ha=side, va="center", fontsize=8,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip


def bars(ax: Axes, passes: Mapping[str, float]) -> None:
    """One horizontal bar a task, with its number."""
    longest = max(passes.values()) or 1
    for number, value in enumerate(passes.values()):
        ax.barh(
            number, value, color=pale(COLORS[number]), hatch=HATCHES[number], edgecolor="white", height=0.62
        )
        ax.text(value + 0.02 * longest, number, f"{value:.3g}", va="center")
    ax.set_yticks(range(len(passes)), list(passes))
    ax.set(xlim=(0, 1.25 * longest), ylim=(len(passes) - 0.4, -0.6))
    ax.grid(axis="y", visible=False)


def compared_runs(rows: pd.DataFrame, names: Mapping[str, str], floors: bool = True) -> Figure:
    """A panel for each task, in it a row for each run: its score, its 95% interval, and the floor as a dotted line.

    rows: columns run, task, score, low, high and, with `floors`, floor (may be empty). names: task -> panel's title, in
    the panels' order. A run without a task leaves its row there empty.
    """
    runs = list(dict.fromkeys(rows.run))
    with style():
        fig, axes = plt.subplots(
            1,
            len(names),
            figsize=(2.75 * len(names) + 1.2, 0.36 * len(runs) + 1.1),
            sharey=True,
            squeeze=False,
        )
    for ax, (task, title) in zip(axes[0], names.items(), strict=True):
        here = rows[rows.task == task].set_index("run")
        for place, run in enumerate(runs):
            if run not in here.index:
                continue
            row, color = here.loc[run], COLORS[place % len(COLORS)]
            ax.plot([row.low, row.high], [place, place], "-", color=color, linewidth=1.6)
            ax.plot(row.score, place, MARKERS[place % len(MARKERS)], color=color, markersize=6)
            ax.annotate(
                f"{row.score:.3f}", (row.score, place), (0, 5), textcoords="offset points", ha="center",
                fontsize=8, color=darker(color),
            )  # fmt: skip
        values = [floor for floor in here.floor if not pd.isna(floor)] if floors and "floor" in here else []
        if values:
            ax.axvline(values[0], color="black", linestyle=":", linewidth=1.2)
            ax.annotate(
                f"floor {values[0]:.3f}", (values[0], -0.75), (3, 0), textcoords="offset points", fontsize=8,
                va="center",
            )  # fmt: skip
        ax.set_title(title)
        ax.margins(x=0.12)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.grid(axis="y", visible=False)
    axes[0][0].set_yticks(range(len(runs)), runs)
    axes[0][0].set_ylim(len(runs) - 0.5, -1.05)
    return fig
