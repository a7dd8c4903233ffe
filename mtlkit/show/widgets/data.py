"""The widget of 01_data."""

import warnings
from collections.abc import Mapping, Sequence

import ipywidgets
import matplotlib.pyplot as plt

from mtlkit.data import FORMATS, Example

from .. import plots
from ..figures import fmt, image

WIDE = ipywidgets.Layout(width="95%")
STYLE = {"description_width": "5em"}


class ExampleBrowser(ipywidgets.VBox):
    """A task, a range of labels, and a slider that goes through the examples in it, in the order of their labels.

    `task`, `labels` and `place` are the controls, `picture` the HTML below them, `answer` the same in words, `found`
    the examples in the range. Setting a control's `value` from Python is as good as moving it.
    """

    def __init__(
        self, examples: Mapping[str, Sequence[Example]], task: str, within: tuple[float, float], place: int
    ):
        self.examples = examples
        self.found: list[Example] = []
        self.task = ipywidgets.Dropdown(options=list(examples), value=task, description="Task", style=STYLE)
        self.labels = ipywidgets.FloatRangeSlider(
            description="Labels", continuous_update=False, readout_format=".1f", layout=WIDE, style=STYLE
        )
        self.place = ipywidgets.IntSlider(
            1, 1, 1, description="Example", continuous_update=False, layout=WIDE, style=STYLE
        )
        self.picture = ipywidgets.HTML()
        super().__init__([self.task, self.labels, self.place, self.picture])
        self.task.observe(self.new_task, "value")
        self.labels.observe(self.new_range, "value")
        self.place.observe(self.update, "value")
        self.new_task()
        self.labels.value = within
        self.place.value = place

    def new_task(self, _change=None) -> None:
        """Another task: its whole scale."""
        format = FORMATS[self.task.value]
        low, high = float(format.low), float(format.high)
        self.labels.unobserve(self.new_range, "value")
        self.labels.max = max(self.labels.max, high)  # never below the lowest on the way
        self.labels.min = low
        self.labels.max = high
        self.labels.step = 1.0 if format.whole else 0.1
        self.labels.value = (low, high)
        self.labels.observe(self.new_range, "value")
        self.new_range()

    def new_range(self, _change=None) -> None:
        """Another range: its examples, from the first one."""
        low, high = self.labels.value
        there = [
            e for e in self.examples[self.task.value] if low - 1e-9 <= float(e.label or 0) <= high + 1e-9
        ]
        self.found = sorted(there, key=lambda example: float(example.label or 0))
        self.place.unobserve(self.update, "value")
        self.place.max = max(len(self.found), 1)
        self.place.value = 1
        self.place.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        low, high = self.labels.value
        if not self.found:
            self.answer = self.picture.value = (
                f"No example has a label from {fmt(low, 1)} to {fmt(high, 1)}: widen the range."
            )
            return
        example = self.found[self.place.value - 1]
        format = FORMATS[self.task.value]
        self.answer = card_text(example, self.place.value, len(self.found), (low, high))
        among = [float(e.label or 0) for e in self.examples[self.task.value]]
        scale = (float(format.low), float(format.high))
        fig = plots.example_card(example.sentences, float(example.label or 0), scale, among, (low, high))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box in its place is enough
            self.picture.value = image(fig, self.answer)
        plt.close(fig)


def card_text(example: Example, place: int, of: int, within: tuple[float, float]) -> str:
    """What the picture of one example shows, in words."""
    texts = " / ".join(f"'{text}'" for text in example.sentences)
    low, high = (fmt(float(end), 1) for end in within)
    return f"Example {place} of {of} with labels from {low} to {high}, label {example.label:g}: {texts}"


def example_browser(
    examples: Mapping[str, Sequence[Example]],
    task: str = "sts",
    within: tuple[float, float] = (0.0, 5.0),
    place: int = 1,
) -> ExampleBrowser:
    """A widget: choose a task and a range of labels, and go through its examples one by one.

    examples: task ("sst", "para", "sts") -> labelled examples.
    """
    return ExampleBrowser(examples, task, within, place)
