"""The notebooks' plots: each takes data and returns a figure, which the notebook hands to `figures.show`."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from mtlkit.evaluation import intervals, reports

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
    image = ax.imshow(np.asarray(weights), cmap="Blues", vmin=0, vmax=1)
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


# --- 07_sentiment -----------------------------------------------------------------------------------------


def learning_curves(curves: pd.DataFrame, floors: dict[str, float], metric: str = "accuracy") -> Figure:
    """Left: mean loss an epoch, solid on training data, dashed on development data. Right: the development score.

    curves: columns run, epoch, train_loss, dev_loss, score; a thin line for each run. floors: name -> score that
    needs no BERT.
    """
    with style():
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    for number, (_, run) in enumerate(curves.groupby("run", sort=False)):
        marker = {"marker": MARKERS[number % len(MARKERS)], "markersize": 5 if len(run) < 8 else 0}
        left.plot(run.epoch, run.train_loss, color=COLORS[0], linestyle="-", linewidth=1.4, **marker)
        left.plot(run.epoch, run.dev_loss, color=COLORS[1], linestyle="--", linewidth=1.4, **marker)
        right.plot(run.epoch, run.score, color=COLORS[1], linestyle="--", linewidth=1.4, **marker)
    last = curves.epoch.max()
    end = curves[curves.epoch == last]
    for column, name, color in (("train_loss", "train", COLORS[0]), ("dev_loss", "dev", COLORS[1])):
        other = "dev_loss" if column == "train_loss" else "train_loss"
        side = "bottom" if end[column].mean() > end[other].mean() else "top"
        left.annotate(
            name,
            (last, end[column].max() if side == "bottom" else end[column].min()),
            (0, 6 if side == "bottom" else -6),
            textcoords="offset points",
            ha="right",
            va=side,
            color=_darker(color),
        )
    for name, floor in floors.items():
        right.axhline(floor, color="black", linestyle=":", linewidth=1.2)
        right.annotate(
            f"{name} {floor:.3f}",
            (last, floor),
            (0, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=8.5,
        )
    left.set(xlabel="epoch", title="mean loss", ylim=(0, None))
    low = min([*floors.values(), curves.score.min()])
    right.set(xlabel="epoch", title=f"dev {metric}", ylim=(low - 0.04, None))
    for ax in (left, right):
        ax.margins(x=0.06, y=0.12)
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    return fig


def scores_over_seeds(
    scores: dict[str, list[float]], floors: dict[str, float], n: int, metric: str = "dev accuracy"
) -> Figure:
    """Each method's scores, a dot a seed, their mean with its 95% interval for `n` examples, and floors to beat.

    scores: method -> a score for each seed, shares of `n` examples. floors: name -> score.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.6, 0.85 * len(scores) + 1.2))
    places = range(len(scores) - 1, -1, -1)
    for place, (number, values) in zip(places, enumerate(scores.values()), strict=True):
        mean = sum(values) / len(values)
        low, high = intervals.binomial(mean, n)
        color = COLORS[number % len(COLORS)]
        around = [[mean - low], [high - mean]]
        ax.errorbar(
            mean, place, xerr=around, fmt="|", markersize=16, color=color, capsize=6, linestyle="none"
        )
        marker = MARKERS[number % len(MARKERS)]
        ax.plot(values, [place] * len(values), marker, color=color, markersize=6, alpha=0.7, linestyle="none")
        ax.text(mean, place + 0.2, f"{mean:.3f}", ha="center", va="bottom", color=_darker(color))
    for name, floor in floors.items():
        ax.axvline(floor, color="black", linestyle="--", linewidth=1.2)
        ax.text(floor, len(scores) - 0.35, f"{name}\n{floor:.3f}", ha="center", va="bottom", fontsize=8.5)
    ax.set_yticks(list(places), [textwrap.fill(name, 18) for name in scores])
    ax.set(ylim=(-0.5, len(scores) - 0.4), xlabel=metric)
    ax.margins(x=0.06)
    ax.grid(axis="y", visible=False)
    return fig


def confusion_matrix(counts, classes) -> Figure:
    """Shares of each label's examples by prediction: rows sum to 1, the diagonal is what was right.

    counts: (C, C), row = label, column = prediction, from `evaluation.confusion`. classes: C names.
    """
    counts = np.asarray(counts, dtype=float)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    with style():
        fig, ax = plt.subplots(figsize=(0.95 * len(classes) + 1.6, 0.72 * len(classes) + 1.1))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            ink = "white" if share > 0.55 else "black"
            ax.text(
                j,
                i,
                f"{share:.2f}",
                ha="center",
                va="center",
                color=ink,
                fontweight="bold" if i == j else "normal",
            )
    names = [textwrap.fill(name, 10) for name in classes]
    ax.set_xticks(range(len(classes)), names)
    ax.set_yticks(range(len(classes)), names)
    ax.set(xlabel="predicted", ylabel="label")
    ax.grid(visible=False)
    return fig


def class_probabilities(text: str, probabilities, classes) -> Figure:
    """One bar a class for one text, the most probable one filled. probabilities: C numbers that sum to 1."""
    best = max(range(len(classes)), key=lambda i: probabilities[i])
    with style():
        fig, ax = plt.subplots(figsize=(6.6, 0.36 * len(classes) + 1.1))
    for i, p in enumerate(probabilities):
        ax.barh(i, p, color=COLORS[0] if i == best else "#CFE3F1", edgecolor=COLORS[0])
        ax.text(p + 0.01, i, f"{p:.2f}", va="center", fontweight="bold" if i == best else "normal")
    ax.set_yticks(range(len(classes)), list(classes))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.08), xlabel="probability")
    ax.grid(axis="y", visible=False)
    title = ax.set_title(textwrap.fill(textwrap.shorten(text, 150, placeholder=" ..."), 64), fontsize=10)
    title.set_parse_math(False)  # a price in dollars is not a formula
    return fig


def loss_floor(losses: dict[str, list[float]], floor: float) -> Figure:
    """Training losses step by step, and the line below which a wrong loss cannot come."""
    with style():
        fig, ax = plt.subplots(figsize=(6.6, 3.2))
    for number, (name, values) in enumerate(losses.items()):
        color = COLORS[number]
        ax.plot(range(1, len(values) + 1), values, color=color, linestyle=LINES[number])
        ax.annotate(
            name,
            (len(values), values[-1]),
            (0, 6),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=_darker(color),
        )
    ax.axhline(floor, color="black", linestyle=":", linewidth=1.2)
    ax.annotate(
        f"log(1 + 4/e) = {floor:.4f}",
        (max(map(len, losses.values())) / 2, floor),
        (0, -4),
        textcoords="offset points",
        va="top",
    )
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None))
    return fig
