"""Figures that everyone can read, and numbers that print the same everywhere."""

import base64
import html
import io
import textwrap
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; without their yellow,
# which is too faint on white. The n-th colour goes with the n-th line style and marker.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SCALE = 1.5  # pixels in the file for each pixel on the page: sharp on fine screens, and small
LEAST_WORDS = 6

SETTINGS: dict[Any, Any] = {
    "figure.figsize": (7.0, 3.6),
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "axes.prop_cycle": cycler(color=COLORS, linestyle=LINES),
}


def style() -> AbstractContextManager[None]:
    """The course's look: `with style(): fig, ax = plt.subplots()`."""
    return mpl.rc_context(SETTINGS)


def show(fig: Figure, alt: str) -> None:
    """Display `fig` with `alt` as its alternative text, print the same sentence below it, and close it.

    alt: what the figure shows, its main number included, in six words or more. Raises ValueError if it is
    shorter.
    """
    display({"text/html": image(fig, alt), "text/plain": "[figure]"}, raw=True)
    print(textwrap.fill(" ".join(alt.split()), 100))
    plt.close(fig)


def image(fig: Figure, alt: str) -> str:
    """`fig` as an HTML image with the alternative text `alt`; ValueError if that has fewer than six words."""
    alt = " ".join(alt.split())
    if len(alt.split()) < LEAST_WORDS:
        raise ValueError(
            f"say in {LEAST_WORDS} words or more what the figure shows, its main number included; got {alt!r}"
        )
    data = base64.b64encode(png(fig)).decode()
    width = round(fig.get_figwidth() * 96)
    # An <img>, not image/png: neither JupyterLab (4.6) nor nbconvert (7.17) puts that type's `alt` on the page.
    return (
        f'<img alt="{html.escape(alt)}" width="{width}" style="background: white; max-width: 100%" '
        f'src="data:image/png;base64,{data}">'
    )


def png(fig: Figure) -> bytes:
    """`fig` as a PNG of at most 256 colours: a third of the size, and no version of any program in it."""
    raw, small = io.BytesIO(), io.BytesIO()
    with style():
        fig.savefig(raw, format="png", dpi=96 * SCALE, facecolor="white")
    Image.open(raw).convert("RGB").quantize(256).save(small, format="PNG", optimize=True)
    return small.getvalue()


def fmt(x: Any, digits: int = 3) -> str:
    """`x` as text: whole numbers as they are, others rounded to `digits` places and never as -0.00.

    Tensors and arrays with one entry count as numbers; what is not a number is returned as `str(x)`.
    """
    if isinstance(x, str) or x is None or isinstance(x, bool):
        return "" if x is None else str(x)
    x = x.item() if hasattr(x, "item") else x
    if isinstance(x, int):
        return str(x)
    if not isinstance(x, float):
        return str(x)
    text = f"{x:.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def table(df: pd.DataFrame, digits: int = 3, caption: str | None = None) -> None:
    """Print `df` as aligned plain text, numbers to the right; readable on any background, equal on any machine.

    An unnamed index of row numbers is left out. caption: a line above the table.
    """
    if not (isinstance(df.index, pd.RangeIndex) and df.index.name is None):
        df = df.reset_index(names=None if any(df.index.names) else "")
    columns = []
    for position, name in enumerate(df.columns):
        values = df.iloc[:, position]
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        text = [str(name), *("" if pd.isna(value) else fmt(value, digits) for value in values)]
        width = max(map(len, text))
        columns.append([entry.rjust(width) if numeric else entry.ljust(width) for entry in text])
    head, *rows = zip(*columns, strict=True)
    rule = tuple("-" * len(entry) for entry in head)
    print(
        "\n".join(
            [*([caption] if caption else []), *("  ".join(row).rstrip() for row in (head, rule, *rows))]
        )
    )
