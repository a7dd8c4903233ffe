"""The widgets of 08_sentence_pairs."""

from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

from mtlkit.evaluation import pearson

from .. import plots
from ..figures import image

# --- a threshold and the ROC curve --------------------------------------------------------------------------


class ThresholdRoc(ipywidgets.VBox):
    """A slider for the threshold above which a pair is called a paraphrase; accuracy and the ROC curve below it.

    `threshold` is the slider, `picture` the HTML, `answer` the same in words, `accuracy` what the rule reaches.
    Setting `threshold.value` is as good as moving the slider.
    """

    def __init__(self, scores, labels, marks: dict[str, float], threshold: float):
        self.scores, self.labels, self.marks = np.asarray(scores, dtype=float), np.asarray(labels), marks
        low = np.floor(10 * min(self.scores.min(), *marks.values(), threshold) - 1e-9) / 10
        high = np.ceil(10 * max(self.scores.max(), threshold)) / 10
        self.threshold = ipywidgets.FloatSlider(
            threshold, min=low, max=high, step=0.01, description="Threshold", continuous_update=False,
            layout=ipywidgets.Layout(width="70%"),
        )  # fmt: skip
        self.picture = ipywidgets.HTML()
        super().__init__([self.threshold, self.picture])
        self.threshold.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        cut = self.threshold.value
        self.accuracy = float(np.mean((self.scores > cut) == self.labels))
        self.answer = describe_threshold(self.scores, self.labels, cut)
        fig = plots.threshold_roc(self.scores, self.labels, cut, self.marks)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def threshold_roc(scores, labels, marks: dict[str, float], threshold: float = 0.5) -> ThresholdRoc:
    """A widget: move the threshold over the scores (n,) of pairs with labels (n,), 0 or 1. marks: name -> threshold."""
    return ThresholdRoc(scores, labels, marks, threshold)


def describe_threshold(scores, labels, threshold: float) -> str:
    """What the picture shows at this threshold, in words."""
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    said = scores > threshold
    return (
        f"At threshold {threshold:.3f} the accuracy is {(said == labels).mean():.3f}: {said.sum()} of {len(labels)} "
        f"pairs are called 1, {said[labels == 1].mean():.0%} of the true 1s and {said[labels == 0].mean():.0%} of the "
        f"0s; AUC {plots.area_under_roc(scores, labels):.3f} at any threshold."
    )


# --- squared error against correlation ----------------------------------------------------------------------

LABELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
START = (0.4, 1.2, 1.6, 3.3, 3.8, 4.7)
PUZZLES: tuple[tuple[str, Callable[[float, float], bool]], ...] = (
    ("Pearson at least 0.99, squared error at least 6", lambda r, mse: r >= 0.99 and mse >= 6),
    ("squared error at most 1.5, Pearson at most 0.8", lambda r, mse: mse <= 1.5 and r <= 0.8),
    ("squared error below 3, Pearson below 0", lambda r, mse: mse < 3 and r < 0),
)


class MseAndPearson(ipywidgets.VBox):
    """Six sliders, the predictions for six labels; below them Pearson's correlation and the squared error in parts.

    `sliders` are the six, `next` the button for the next puzzle, `puzzle` its number, `task` its words, `solved`
    whether the sliders answer it, `picture` the HTML, `answer` the same in words; `mse`, `pearson` the numbers.
    Setting a slider's `value`, or calling `next.click()`, is as good as using the mouse.
    """

    def __init__(self, predictions, labels):
        self.labels = np.asarray(labels, dtype=float)
        self.sliders = tuple(
            ipywidgets.FloatSlider(
                value, min=0, max=5, step=0.1, description=f"label {label:g}", readout_format=".1f",
                continuous_update=False, layout=ipywidgets.Layout(width="31%"),
            )
            for value, label in zip(predictions, labels, strict=True)
        )  # fmt: skip
        self.next = ipywidgets.Button(description="Next puzzle")
        self.task = ipywidgets.HTML()
        self.picture = ipywidgets.HTML()
        self.puzzle = 0
        row = ipywidgets.HBox(self.sliders, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([ipywidgets.HBox([self.next, self.task]), row, self.picture])
        for slider in self.sliders:
            slider.observe(self.update, "value")
        self.next.on_click(self.next_puzzle)
        self.update()

    @property
    def predictions(self) -> np.ndarray:
        return np.array([slider.value for slider in self.sliders])

    def next_puzzle(self, _button=None) -> None:
        self.puzzle = (self.puzzle + 1) % len(PUZZLES)
        self.update()

    def set(self, predictions) -> None:
        """All six at once, as if each slider had been moved."""
        for slider, value in zip(self.sliders, predictions, strict=True):
            slider.value = value

    def update(self, _change=None) -> None:
        x = self.predictions
        self.mse, self.pearson = float(np.mean((x - self.labels) ** 2)), pearson(x, self.labels)
        words, is_solved = PUZZLES[self.puzzle]
        self.solved = is_solved(self.pearson, self.mse)
        state = "solved" if self.solved else "not yet"
        self.task.value = f"Puzzle {self.puzzle + 1} of {len(PUZZLES)}: {words}. <b>{state}</b>"
        self.answer = describe_error(x, self.labels)
        fig = plots.mse_and_pearson(x, self.labels)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def mse_and_pearson(predictions=START, labels=LABELS) -> MseAndPearson:
    """A widget: move six predictions and watch the squared error and Pearson's correlation disagree."""
    return MseAndPearson(predictions, labels)


def describe_error(predictions, labels) -> str:
    """What the picture shows, in words."""
    parts = plots.error_in_parts(predictions, labels)
    said = ", ".join(f"{name} {part:.2f}" for name, part in parts.items())
    return (
        f"Six predictions with Pearson {pearson(predictions, labels):.3f} and mean squared error "
        f"{sum(parts.values()):.2f}: {said}."
    )
