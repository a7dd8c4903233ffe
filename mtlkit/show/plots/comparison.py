"""The plot of `runs.compare`."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..figures import COLORS, style

NAMES = {"sst": "SST", "para": "PARA", "sts": "STS"}


def comparison(table: pd.DataFrame) -> Figure:
    """Scores of several runs with 95% intervals, a panel a task: floors as dashed lines, published numbers as crosses.

    table: from `runs.compare`, or `recorded("NAME/comparison")`. The first run is drawn in another colour: the others
    are compared with it, and are named in bold where their paired difference excludes zero.
    """
    runs, tasks = list(table.run.unique()), [t for t in table.task.unique() if t != "norm3"]
    tasks = [*[t for t in tasks if t != "mean3"], *[t for t in tasks if t == "mean3"]]
    with style():
        size = (1.6 + 2.15 * len(tasks), 0.42 * len(runs) + 1.3)
        fig, axes = plt.subplots(1, len(tasks), figsize=size, sharey=True, squeeze=False)
    for ax, task in zip(axes[0], tasks, strict=True):
        rows = table[table.task == task].set_index("run")
        for place, name in enumerate(runs):
            if name not in rows.index:
                continue
            row, color = rows.loc[name], COLORS[0 if name == runs[0] else 1]
            around = [[row.score - row.low], [row.high - row.score]]
            ax.errorbar(
                row.score, -place, xerr=around, fmt="s" if name == runs[0] else "o", color=color, markersize=4.5,
                capsize=3, linestyle="none",
            )  # fmt: skip
            clear = row.difference_low > 0 or row.difference_high < 0
            ax.annotate(
                f"{row.score:.3f}", (row.score, -place), (0, 5), textcoords="offset points", ha="center",
                fontsize=8, color="black", fontweight="bold" if clear else "normal",
                bbox=dict(facecolor="white", edgecolor="none", pad=0.5, alpha=0.8),
            )  # fmt: skip
            if pd.notna(row.published):
                ax.plot(row.published, -place, "x", color="black", markersize=6, linestyle="none")
        if len(floor := rows.floor.dropna()):
            ax.axvline(floor.max(), color="black", linestyle="--", linewidth=1.2)
        ax.set_title(NAMES.get(task, task))
        ax.set(ylim=(0.7 - len(runs), 0.7))
        ax.margins(x=0.12)
        ax.grid(axis="y", visible=False)
        ax.locator_params(axis="x", nbins=4)
    axes[0][0].set_yticks([-place for place in range(len(runs))], runs)
    legend = [
        Line2D([], [], color=COLORS[0], marker="s", linestyle="none", label="compared with"),
        Line2D([], [], color="black", linestyle="--", label="best floor"),
    ]
    if table.published.notna().any():
        legend.append(Line2D([], [], color="black", marker="x", linestyle="none", label="published"))
    fig.legend(handles=legend, loc="outside lower center", ncols=3, fontsize=8.5, frameon=False)
    return fig
