"""The notebooks' plots: each takes data and returns a figure, which the notebook hands to `figures.show`."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from mtlkit.evaluation import reports

from .figures import COLORS, LINES, MARKERS, style

# --- 00_start_here ----------------------------------------------------------------------------------------


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


# --- 05_minbert -------------------------------------------------------------------------------------------


def bert_layer() -> Figure:
    """One layer of BERT as two rows of steps, each with its residual; dropouts stand out."""
    rows = (
        ("h", ("attention", "dense\nD → D", "dropout", "+", "LN"), "a"),
        ("a", ("dense\nD → I", "GELU", "dense\nI → D", "dropout", "+", "LN"), "out"),
    )
    with style():
        fig, ax = plt.subplots(figsize=(8.4, 3.4))
    ax.axis("off")
    for level, (start, steps, end) in enumerate(rows):
        y, step = -1.9 * level, 1.12
        end_x = step * (len(steps) + 1)
        for x, letter in ((0, start), (end_x, end)):
            ax.text(x, y, letter, ha="center", va="center", fontsize=13, style="italic")
        for place, name in enumerate(steps, 1):
            x = place * step
            drops = name in ("dropout", "attention")
            half = 0.2 if name == "+" else 0.43
            box = FancyBboxPatch(
                (x - half, y - 0.25), 2 * half, 0.5, "round,pad=0,rounding_size=0.1",
                edgecolor=COLORS[1] if drops else "#444444", linewidth=2.2 if drops else 1.1,
                facecolor="#FBE3D3" if drops else "white", linestyle="--" if drops else "-",
            )  # fmt: skip
            ax.add_patch(box)
            label = "attention\n& dropout" if name == "attention" else name
            ax.text(x, y, label, ha="center", va="center", fontsize=9.5)
            before = 0.22 if place == 1 else 0.2 if steps[place - 2] == "+" else 0.43
            _arrow(ax, (x - step + before, y), (x - half, y))
        _arrow(ax, (end_x - step + 0.43, y), (end_x - (0.3 if end == "out" else 0.18), y))
        plus = (1 + steps.index("+")) * step
        ax.plot([0, 0, plus], [y + 0.2, y + 0.55, y + 0.55], color=COLORS[0], linestyle="-")
        _arrow(ax, (plus, y + 0.55), (plus, y + 0.25), COLORS[0])
        where = f"residual: {start}, untouched"
        ax.text(plus / 2, y + 0.6, where, fontsize=9.5, color=COLORS[0], ha="center", va="bottom")
        first = len(steps) - 4  # add & norm is the last four steps
        for part, left, right in (
            (("SelfAttention", "FeedForward")[level], 1, first),
            ("AddNorm", first + 1, 0),
        ):
            ends = left * step - 0.43, (right or len(steps)) * step + 0.43
            ax.plot(ends, [y - 0.4] * 2, color="#444444", linewidth=1, linestyle="-")
            ax.text(sum(ends) / 2, y - 0.46, part, ha="center", va="top", fontsize=9.5, family="monospace")
    ax.set(xlim=(-0.4, 8.4), ylim=(-2.6, 0.9))
    return fig


def _arrow(ax, start, end, color="#444444"):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0})


def attention_map(weights, tokens: list[str], title: str = "") -> Figure:
    """One head's weights (T, T) as shades: a row is a token that looks, a column a token that is looked at."""
    with style():
        fig, ax = plt.subplots(figsize=(5.4, 4.4))
    image = ax.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(tokens)), tokens, rotation=60, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(tokens)), tokens)
    ax.set(xlabel="is looked at", ylabel="looks", title=title)
    ax.grid(visible=False)
    fig.colorbar(image, ax=ax, label="weight", shrink=0.8)
    return fig


def gelu_difference(x, exact, approximate) -> Figure:
    """GELU and its tanh approximation at `x`: above the curves, below how far the two are apart."""
    with style():
        fig, (top, low) = plt.subplots(2, 1, figsize=(6.6, 4.0), sharex=True, height_ratios=(3, 2))
    top.plot(x, exact, color=COLORS[0], linestyle="-")
    top.plot(x, approximate, color=COLORS[1], linestyle="--")
    top.text(1.2, 2.1, "exact and tanh", ha="right")
    top.set(ylabel="GELU(x)")
    low.plot(x, 1000 * (approximate - exact), color=COLORS[1], linestyle="--")
    low.axhline(0, color="#444444", linewidth=0.8, linestyle="-")
    low.text(0, 0.2, "tanh minus exact", color=COLORS[1], ha="center")
    low.set(xlabel="x", ylabel="difference\nin thousandths")
    fig.align_ylabels()
    return fig


def error_by_layer(errors: dict[str, list[float]], zero: str = "") -> Figure:
    """Relative errors of hidden states, a line a mistake, after the embeddings and each layer, on a log scale.

    errors: mistake -> L + 1 errors. zero: what has no error anywhere, written along the floor of the picture.
    """
    depth = len(next(iter(errors.values())))
    positive = [error for line in errors.values() for error in line if error > 0]
    floor, top = min(positive) / 30, max(positive) * 6
    with style():
        fig, ax = plt.subplots(figsize=(8.2, 4.4))
    ends = _spread([max(line[-1], floor) for line in errors.values()], (top / floor) ** 0.065)
    for number, ((name, line), end) in enumerate(zip(errors.items(), ends, strict=True)):
        color = COLORS[number % len(COLORS)]
        heights = [max(error, floor) for error in line]
        ax.plot(
            range(depth), heights, color=color, linestyle=LINES[number % len(LINES)], marker=MARKERS[number]
        )
        ax.text(depth - 0.88, end, name, color=_darker(color), va="center", fontsize=9.5)
    if zero:
        ax.axhline(floor, color="black", linewidth=3, linestyle="-")
        ax.text(0.9, floor * 1.35, zero, va="bottom", fontsize=9.5)
    ax.set_yscale("log")
    ax.set_yticks([floor, *(10.0**k for k in range(-5, 2) if floor * 3 < 10.0**k < top)])
    ax.set_yticklabels(["exactly 0", *(f"{10.0**k:g}" for k in range(-5, 2) if floor * 3 < 10.0**k < top)])
    ax.minorticks_off()
    ax.set_xticks(range(depth), ["embed-\ndings", *map(str, range(1, depth))])
    ax.set(xlim=(-0.2, depth + 1.6), ylim=(floor / 1.5, top), xlabel="after layer", ylabel="relative error")
    return fig


def _darker(color: str) -> tuple[float, ...]:
    """The colour for letters, which need more contrast than lines do."""
    return tuple(0.65 * channel for channel in to_rgb(color))


def _spread(heights: list[float], factor: float) -> list[float]:
    """The heights, moved up where needed so that each is at least `factor` times the next lower one."""
    placed: dict[int, float] = {}
    last = 0.0
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[index] = max(heights[index], last * factor)
    return [placed[index] for index in range(len(heights))]
