"""The plots of 00_start_here."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from mtlkit.evaluation import reports

from ..figures import COLORS, style


def course_map(parts: dict[str, str], chapters, ready) -> Figure:
    """Boxes for the chapters, a row for each part; filled where the notebook is `ready`, dashed where it is to come.

    parts: key -> heading. chapters: values with `stem`, `number`, `title` and `part` (a key of `parts`).
    ready: stems.
    """
    width, height, gap = 1.28, 0.62, 0.16  # in inches: one unit of the axes is an inch
    row = height + 0.55
    tints = dict(zip(parts, ("#FBE3D3", "#D9E9F5", "#D5EFE6", "#F3DDEA", "#FAEBCB"), strict=False))
    with style():
        fig, ax = plt.subplots(figsize=(7 * (width + gap) + 0.1, row * len(parts) + 0.35))
    ax.axis("off")
    for level, (part, heading) in enumerate(parts.items()):
        top = -level * row
        ax.text(0, top + 0.09, heading, fontsize=11, fontweight="bold", va="bottom")
        color = COLORS[(1, 0, 2, 3, 4)[level % 5]]
        for place, chapter in enumerate([c for c in chapters if c.part == part]):
            done = chapter.stem in ready
            wide = width * 2 + gap if part == "start" else width
            corner = (place * (wide + gap), top - height)
            box = FancyBboxPatch(corner, wide, height, "round,pad=0,rounding_size=0.08", edgecolor=color)
            box.set(facecolor=tints[part] if done else "white", linestyle="-" if done else "--")
            box.set_linewidth(2.2 if done else 1.2)
            ax.add_patch(box)
            name = textwrap.fill(f"{chapter.number}  {chapter.title}", 30 if part == "start" else 17)
            weight, ink = ("bold", "black") if done else ("normal", "#444444")
            middle = (corner[0] + wide / 2, corner[1] + height / 2)
            ax.text(*middle, name, ha="center", va="center", fontsize=9.5, fontweight=weight, color=ink)
    bottom = -row * len(parts) + 0.28
    ax.text(0, bottom, "filled, solid edge: ready      white, dashed edge: coming", fontsize=9.5, va="top")
    ax.set(xlim=(-0.05, 7 * (width + gap)), ylim=(bottom - 0.2, 0.4))
    return fig


def published_scores(rows: pd.DataFrame, floors: dict[str, float], corrected: tuple = ()) -> Figure:
    """Published scores of several models on three tasks, with 95% intervals and floors, one panel a task.

    rows: from `evaluation.reports.headlines`. floors: task -> accuracy that needs no learning, drawn as a dashed line.
    corrected: an entry of the index whose row was changed, drawn in another colour and named.
    """
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(9.4, 0.62 * len(rows) + 0.9), sharey=True)
    places = list(range(len(rows)))[::-1]
    for ax, task in zip(axes, reports.TASKS, strict=True):
        for place, (key, row) in zip(places, rows.iterrows(), strict=True):
            low, high = reports.interval(task, row[task], key[-1])
            color = COLORS[1] if key == corrected else COLORS[0]
            marker = "D" if key == corrected else "s" if key[-1] == "test" else "o"
            around = [[row[task] - low], [high - row[task]]]
            ax.errorbar(
                row[task], place, xerr=around, fmt=marker, markersize=4, color=color, capsize=4, linewidth=2
            )
            ax.text(
                row[task],
                place + 0.16,
                f"{row[task]:.3f}",
                ha="center",
                va="bottom",
                fontsize=8.5,
                color=color,
            )
        if task in floors:
            ax.axvline(floors[task], color="black", linestyle="--", linewidth=1.2)
            ax.text(floors[task], len(rows) - 0.42, f" floor {floors[task]:.3f}", fontsize=8.5, va="bottom")
        ax.set_title(f"{task}, {'Pearson' if task == 'STS' else 'accuracy'}", pad=16)
        ax.set(ylim=(-0.5, len(rows) - 0.4))
        ax.set_xlim(0.2, 0.96)
        ax.grid(axis="y", visible=False)
    names = [model_name(*key) + ("\nas corrected" if key == corrected else "") for key in rows.index]
    axes[0].set_yticks(places, names, fontsize=8.5)
    return fig


def model_name(report: str, table: str, row: str, split: str) -> str:
    """A model's label: its report's title, the approach where the report compares several, and the split."""
    title = reports.TITLES[report].split(":")[0] if report == "S4" else reports.TITLES[report]
    several = [key for key in reports.HEADLINES if key[0] == report]
    approach = f": {row.removesuffix(' Approach').lower()}" if len(several) > 1 else ""
    return textwrap.fill(f"{title}{approach} ({split})", 34)
