"""The plots of 03_word_pieces."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker

MOST = 120  # pieces in a picture; how many there are beyond is said in words
LETTER, HEIGHT, ROW = 0.094, 0.44, 0.6  # inches: a letter of 11 points, a box, a line of boxes
KINDS = {  # edge colour, fill, line style, and what it means
    "start": (COLORS[0], "#D9E9F5", "-", "solid: a word begins"),
    "inside": (COLORS[1], "#FBE3D3", "--", "dashed: it goes on (##)"),
    "special": ("#444444", "white", ":", "dotted: special"),
}


def piece_kind(piece: str) -> str:
    """ "start", "inside" or "special" (in square brackets, [UNK] too)."""
    if len(piece) > 2 and piece[0] + piece[-1] == "[]":
        return "special"
    return "inside" if len(piece) > 2 and piece.startswith("##") else "start"


def piece_boxes(pieces: list[str], ids: list[int], width: float = 8.4) -> Figure:
    """Word pieces as boxes in reading order, each with its id below; edges say where a word begins and goes on.

    pieces, ids: one entry for each piece; beyond 120 only their number is shown. width: of the figure, in inches.
    """
    x, y, boxes = 0.05, 0.0, []
    for piece, number in list(zip(pieces, ids, strict=True))[:MOST]:
        wide = max(LETTER * len(piece), 0.075 * len(str(number))) + 0.14
        if piece_kind(piece) != "inside":
            x += 0.1
        if x + wide > width - 0.05:
            x, y = 0.05, y - ROW
        boxes.append((x, y, wide, piece, number))
        x += wide + 0.04
    low = y - 0.36
    with style():
        fig = plt.figure(figsize=(width, 0.1 + HEIGHT - low), layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.axis("off")
    ax.set(xlim=(0, width), ylim=(low - 0.05, HEIGHT + 0.05))
    for left, bottom, wide, piece, number in boxes:
        edge, fill, line, _ = KINDS[piece_kind(piece)]
        box = Rectangle((left, bottom), wide, HEIGHT, edgecolor=edge, facecolor=fill, linestyle=line)
        box.set_linewidth(2 if piece == "[UNK]" else 1.5)
        ax.add_patch(box)
        middle = left + wide / 2
        weight = "bold" if piece_kind(piece) == "start" else "normal"
        for text, height, size, ink in ((piece, 0.27, 11, "black"), (str(number), 0.04, 8, "#444444")):
            drawn = ax.text(middle, bottom + height, text, ha="center", fontsize=size, color=ink)
            drawn.set_parse_math(False)  # a dollar is a piece, not a formula
            if size == 11:
                drawn.set(family="monospace", fontweight=weight, va="center")
    key = 0.05
    for edge, fill, line, meaning in KINDS.values():
        ax.add_patch(Rectangle((key, low), 0.24, 0.18, edgecolor=edge, facecolor=fill, linestyle=line))
        ax.text(key + 0.31, low + 0.09, meaning, va="center", fontsize=9)
        key += 0.55 + 0.078 * len(meaning)
    if len(pieces) > MOST:
        ax.text(key, low + 0.09, f"and {len(pieces) - MOST} more", va="center", fontsize=9)
    return fig


def padding_by_order(orders: dict[str, list[tuple[int, float]]]) -> Figure:
    """Batches as bars, a panel an order: up to the mean row they are tokens, above it, up to the longest, padding.

    orders: name -> (longest row, mean row) of each batch, both in tokens.
    """
    top = max(longest for batches in orders.values() for longest, _ in batches)
    with style():
        fig, axes = plt.subplots(1, len(orders), figsize=(8.6, 3.3), sharey=True, squeeze=False)
    for ax, (name, batches) in zip(axes[0], orders.items(), strict=True):
        longest, mean = zip(*batches, strict=True)
        places = range(1, len(batches) + 1)
        empty = [a - b for a, b in batches]
        ax.bar(places, mean, width=1, color=COLORS[0], edgecolor="white", linewidth=0.4)
        ax.bar(
            places,
            empty,
            width=1,
            bottom=mean,
            color="white",
            edgecolor=COLORS[1],
            hatch="////",
            linewidth=0.6,
        )
        share = sum(empty) / sum(longest)
        ax.set_title(f"{name}\n{share:.0%} of all places are padding", fontsize=9.5)
        ax.set(xlabel="batch", ylim=(0, top * 1.04), xlim=(0.3, len(batches) + 0.7))
        ax.grid(axis="x", visible=False)
    first = next(iter(orders.values()))
    widest = max(range(len(first)), key=lambda n: first[n][0] - first[n][1])
    longest, mean = first[widest]
    label = {"ha": "center", "va": "center", "fontsize": 9.5}
    boxed = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    middle = (len(first) + 1) / 2
    axes[0][0].text(middle, mean / 2, "tokens", color="white", fontweight="bold", **label)
    axes[0][0].text(middle, (longest + mean) / 2, "padding", color=darker(COLORS[1]), bbox=boxed, **label)
    axes[0][0].set_ylabel("places in a row")
    return fig


def split_by_rarity(shares: dict[str, list[float]], groups: list[str]) -> Figure:
    """The share of words that are split, over how often a word occurs; a line a task, named at its left end.

    shares: task -> a share for each of `groups`.
    """
    with style():
        fig, ax = plt.subplots(figsize=(6.6, 3.4))
    ends = sorted(shares, key=lambda task: shares[task][0])
    gap = 0.065 * max(max(values) for values in shares.values())
    height = float("-inf")
    for task in ends:
        number = list(shares).index(task)
        color = COLORS[number % len(COLORS)]
        values = shares[task]
        ax.plot(range(len(groups)), values, color=color, linestyle=LINES[number], marker=MARKERS[number])
        height = max(height + gap, values[0])
        ax.text(-0.08, height, f"{task} {values[0]:.0%}", ha="right", va="center", color=darker(color))
    ax.set_xticks(range(len(groups)), groups)
    ax.set(xlim=(-0.75, len(groups) - 0.7), ylim=(0, None), ylabel="share of words in several pieces")
    ax.set_xlabel("how often the word occurs in the task's sentences")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    return fig
