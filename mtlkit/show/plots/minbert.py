"""The plots of 05_minbert."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker, spread


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
    ends = spread([max(line[-1], floor) for line in errors.values()], (top / floor) ** 0.065)
    for number, ((name, line), end) in enumerate(zip(errors.items(), ends, strict=True)):
        color = COLORS[number % len(COLORS)]
        heights = [max(error, floor) for error in line]
        ax.plot(
            range(depth), heights, color=color, linestyle=LINES[number % len(LINES)], marker=MARKERS[number]
        )
        ax.text(depth - 0.88, end, name, color=darker(color), va="center", fontsize=9.5)
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
