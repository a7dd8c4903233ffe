"""The plots of 09_many_tasks."""

import textwrap
import weakref
from collections import Counter
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from mtlkit.evaluation import over_seeds

from ..figures import COLORS, LINES, MARKERS, fmt, style
from .common import darker

LOOKS = dict(
    zip(("sst", "para", "sts"), zip(COLORS, LINES, MARKERS, strict=True), strict=False)
)  # of each task
Spans = Sequence[tuple[str, float, float]]


class Ledger(torch.autograd.graph.saved_tensors_hooks):
    """What graphs keep for the backward pass: inside `with`, `curve` grows by the bytes kept after each change.

    The model's parameters are left out; a storage that is kept twice counts once.
    """

    def __init__(self, model: torch.nn.Module):
        self.curve = [0]
        self.places: Counter[int] = Counter()
        self.parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
        super().__init__(self.keep, lambda kept: kept.tensor)

    def keep(self, tensor: torch.Tensor) -> "Kept":
        kept, storage = Kept(tensor), tensor.untyped_storage()
        place = storage.data_ptr()
        if place not in self.parameters:
            self.change(place, 1, storage.nbytes())
            weakref.finalize(kept, self.change, place, -1, -storage.nbytes())
        return kept

    def change(self, place: int, count: int, amount: int) -> None:
        self.places[place] += count
        if self.places[place] == max(count, 0):  # the first to keep it, or the last to let it go
            self.curve.append(self.curve[-1] + amount)


class Kept:
    """A tensor that a graph keeps; it goes when the graph lets it go."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor.detach()


def graph_memory(curves: dict[str, Sequence[float]], unit: str = "MB") -> Figure:
    """What the graphs of a step hold, from its first operation to its last, a line for each way of going backward.

    curves: name -> amounts, one after each event (something kept, something freed); the highest is marked.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.4, 3.4))
    for number, (name, values) in enumerate(curves.items()):
        color, heights = COLORS[number], np.asarray(values, dtype=float)
        x = np.linspace(0, 1, len(heights))
        ax.plot(x, heights, color=color, linestyle=LINES[number])
        top = int(heights.argmax())
        ax.plot(x[top], heights[top], MARKERS[number], color=color, markersize=6)
        ax.annotate(
            f"{name}\npeak {heights[top]:.0f} {unit}", (x[top], heights[top]), (0, 6), ha="center", va="bottom",
            textcoords="offset points", color=darker(color), fontsize=9.5,
        )  # fmt: skip
    ax.set(xlabel="one step, from the first operation to the last", ylabel=f"kept for backward, {unit}")
    ax.set(ylim=(0, 1.28 * max(map(max, curves.values()))), xlim=(-0.02, 1.02))
    ax.set_xticks([])
    return fig


def transfer_matrix(table: pd.DataFrame, base: str = "nothing") -> Figure:
    """A row for what the encoder was trained on, a column for what was then asked of it: mean score, and the gain.

    table: columns trained, probed, seed, score, as `recorded("transfer")`. The colour is the gain over the row `base`
    (purple: better, orange: worse); a frame marks gains that the seeds alone do not explain (see `gain`). The base may
    have one seed only.
    """
    rows, columns = list(dict.fromkeys(table.trained)), list(dict.fromkeys(table.probed))
    gains = {(i, j): gain(table, i, j, base) for i in rows for j in columns if i != base}
    scale = max([0.02, *(abs(mean) for mean, _ in gains.values())])
    with style():
        fig, ax = plt.subplots(figsize=(1.7 * len(columns) + 2.4, 0.74 * len(rows) + 1.3))
    means = table.groupby(["trained", "probed"]).score.mean()
    shades = np.array([[gains.get((i, j), (0.0, False))[0] for j in columns] for i in rows])
    ax.imshow(shades, cmap="PuOr", vmin=-2.2 * scale, vmax=2.2 * scale, aspect="auto")
    for y, i in enumerate(rows):
        for x, j in enumerate(columns):
            ax.text(x, y - 0.12, f"{means[i, j]:.3f}", ha="center", va="center", fontweight="bold")
            if i == base:
                continue
            mean, sure = gains[i, j]
            ax.text(x, y + 0.22, f"{mean:+.3f}", ha="center", va="center", fontsize=9)
            if sure:
                frame = plt.Rectangle(
                    (x - 0.47, y - 0.45), 0.94, 0.9, fill=False, linewidth=2, edgecolor="black"
                )
                ax.add_patch(frame)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel="probed: a head fitted on the frozen encoder", ylabel="trained on")
    ax.xaxis.set_label_position("top")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return fig


def gain(table: pd.DataFrame, trained: str, probed: str, base: str = "nothing") -> tuple[float, bool]:
    """(mean gain over the row `base`, whether its 95% interval over seeds leaves out 0), for one cell of the matrix.

    Seeds are paired where both rows have them; else each score is held against the base's mean.
    """
    cells = table[table.probed == probed].pivot_table(index="seed", columns="trained", values="score")
    own, other = cells[trained].dropna(), cells[base].dropna()
    paired = (own - other).dropna()
    values = paired if len(paired) == len(own) else own - other.mean()
    if len(values) < 2:
        return float(values.mean()), False
    mean, low, high = over_seeds(values)
    return mean, not low <= 0 <= high


def training_in_turn(curves: pd.DataFrame, spans: Spans, drops: dict[str, float] | None = None) -> Figure:
    """Dev scores of each task while they are trained one after the other; the background says whose turn it is.

    curves: of one order, columns seed, examples, task, score; thin lines are seeds, thick ones their mean.
    spans: (task, first example, last example). drops: task -> how far it ended below its best, written at the end.
    """
    tasks = [task for task in LOOKS if task in set(curves.task)]
    with style():
        fig, ax = plt.subplots(figsize=(8.2, 4.0))
    curves = by_look(curves)
    end = curves.examples.max()
    low, high = curves.score.min(), curves.score.max()
    room = max(high - low, 0.05)
    ax.set_ylim(low - 0.06 * room, high + 0.14 * room)
    for task, start, stop in spans:
        color, _, _ = LOOKS[task]
        ax.axvspan(start, stop, color=color, alpha=0.13, linewidth=0)
        if stop - start > 0.08 * end:
            ax.text(
                (start + stop) / 2,
                high + 0.11 * room,
                task,
                ha="center",
                va="top",
                color=darker(color),
                fontsize=9.5,
            )
    for task in tasks:
        color, line, marker = LOOKS[task]
        own = curves[curves.task == task]
        for _, run in own.groupby("seed"):
            ax.plot(run.examples, run.score, color=color, linestyle="-", linewidth=0.7, alpha=0.35)
        mean = own.groupby("look")[["examples", "score"]].mean()
        ax.plot(
            mean.examples, mean.score, color=color, linestyle=line, marker=marker, markersize=4, linewidth=2
        )
    ends = curves[curves.look == curves.look.max()].groupby("task").score.mean()
    for task, place in zip(tasks, apart([ends[task] for task in tasks], 0.13 * room), strict=True):
        text = f"{task} {ends[task]:.3f}"
        text += f"\n{fmt(drops[task])} below its best" if drops else ""
        ax.annotate(
            text, (end, place), (6, 0), textcoords="offset points", va="center", fontsize=9,
            color=darker(LOOKS[task][0]), annotation_clip=False,
        )  # fmt: skip
    ax.set(xlabel="training examples seen, all tasks together", ylabel="dev score", xlim=(0, end * 1.27))
    ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= end])
    ax.grid(axis="x", visible=False)
    return fig


def by_look(curves: pd.DataFrame) -> pd.DataFrame:
    """With a column `look`, 0, 1, ... in each run: a look at the same step may follow a few examples more or less."""
    return curves.assign(look=curves.groupby(["seed", "task"]).examples.rank(method="dense").astype(int) - 1)


def apart(heights: Sequence[float], least: float) -> list[float]:
    """The heights, moved as little as the order from low to high allows, so that neighbours are `least` apart."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [heights[order[0]]]
    for index in order[1:]:
        placed.append(max(heights[index], placed[-1] + least))
    shift = float(np.mean([a - heights[i] for a, i in zip(placed, order, strict=True)]))
    return [place - shift for _, place in sorted(zip(order, placed, strict=True))]


def differences(rows: pd.DataFrame, xlabel: str = "several tasks less one task alone") -> Figure:
    """Differences between two scores with their intervals; filled where the interval leaves out 0, hollow where not.

    rows: columns group, label, difference, low, high; rows of a group stand together under its name.
    """
    groups = list(dict.fromkeys(rows.group))
    with style():
        fig, ax = plt.subplots(figsize=(8.4, 0.34 * (len(rows) + 1.3 * len(groups)) + 0.9))
    places, names, y = [], [], 0.0
    for number, group in enumerate(groups):
        ax.text(0, y, group, transform=ax.get_yaxis_transform(), va="center", fontsize=9.5, fontweight="bold")
        y -= 1
        color = COLORS[number]
        for row in rows[rows.group == group].itertuples():
            sure = not row.low <= 0 <= row.high
            ax.errorbar(
                row.difference, y, xerr=[[row.difference - row.low], [row.high - row.difference]], capsize=4,
                fmt=MARKERS[number], color=color, markerfacecolor=color if sure else "white", markersize=6,
                linestyle="none",
            )  # fmt: skip
            text, left = f"{row.difference:+.3f}{'' if sure else '  noise'}", row.high < 0
            ax.annotate(
                text, (row.low if left else row.high, y), (-8 if left else 8, 0), textcoords="offset points",
                va="center", ha="right" if left else "left", fontsize=8.5,
            )  # fmt: skip
            places.append(y)
            names.append(row.label)
            y -= 1
        y -= 0.3
    ax.axvline(0, color="black", linewidth=1.2)
    ax.set_yticks(places, names, fontsize=9)
    least, most = min(0, rows.low.min()), max(0, rows.high.max())
    ax.set(xlim=(least - 0.2 * (most - least), most + 0.2 * (most - least)), ylim=(y + 0.6, 0.7))
    ax.set(xlabel=xlabel)
    ax.grid(axis="y", visible=False)
    return fig


def alone_and_together(comparison: pd.DataFrame, tasks: Sequence[str] = ("sst", "para", "sts")) -> Figure:
    """A panel a task: each run's score with its interval; the run on that task alone is a band across the panel.

    comparison: columns run, task, score, low, high, floor, as `recorded("schedules/comparison")`; "sst alone" is the
    run that saw only SST. The dotted line is the floor.
    """
    runs = [run for run in dict.fromkeys(comparison.run) if not run.endswith(" alone")]
    with style():
        fig, axes = plt.subplots(
            1, len(tasks), figsize=(9.2, 0.42 * len(runs) + 1.6), sharey=True, squeeze=False
        )
    for ax, task in zip(axes[0], tasks, strict=True):
        color, _, marker = LOOKS[task]
        own = comparison[comparison.task == task].set_index("run")
        alone = own.loc[f"{task} alone"]
        ax.axvspan(alone.low, alone.high, color="#BBBBBB", alpha=0.45, linewidth=0)
        ax.axvline(alone.score, color="#555555", linestyle="--", linewidth=1.4)
        for place, run in enumerate(runs):
            if run not in own.index:
                continue
            row = own.loc[run]
            ax.errorbar(
                row.score, -place, xerr=[[row.score - row.low], [row.high - row.score]], fmt=marker, color=color,
                capsize=4, markersize=5, linestyle="none",
            )  # fmt: skip
            ax.text(row.score, -place + 0.14, f"{row.score:.3f}", ha="center", va="bottom", fontsize=8)
        ax.axvline(alone.floor, color="black", linestyle=":", linewidth=1.3)
        ax.set_title(
            f"{task} alone {alone.score:.3f}\nfloor {alone.floor:.3f} (dotted)",
            fontsize=9.5,
            color=darker(color),
        )
        ax.margins(x=0.12)
        ax.set(ylim=(0.6 - len(runs), 0.7))
        ax.grid(axis="y", visible=False)
    axes[0][0].set_yticks([-place for place in range(len(runs))], [textwrap.fill(run, 16) for run in runs])
    fig.supxlabel("dev score with its 95% interval; grey band: the task alone", fontsize=9.5)
    return fig
