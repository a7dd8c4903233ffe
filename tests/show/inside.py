"""Whether a figure's words can be read whole."""

import re

from matplotlib.figure import Figure


def stays_inside(fig: Figure) -> None:
    """Asserts that no text, title, axis label or named tick (a number's lies within the axes) is cut by the edge."""
    fig.canvas.draw()
    for ax in fig.axes:
        ticks = ax.get_yticklabels() if ax.axison else []
        named = [label for label in ticks if not re.match(r"[-−$\d.]", label.get_text())]
        for text in [*ax.texts, *named, ax.title, ax.xaxis.label, ax.yaxis.label]:
            box = text.get_window_extent()
            if text.get_text():
                assert -1 <= box.x0 <= box.x1 <= fig.bbox.x1 + 1, text
                assert -1 <= box.y0 <= box.y1 <= fig.bbox.y1 + 1, text
