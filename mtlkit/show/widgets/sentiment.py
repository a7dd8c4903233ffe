"""The widget of 07_sentiment."""

import warnings

import ipywidgets
import matplotlib.pyplot as plt
from tokenizers import Tokenizer

from mtlkit.data import Example, encode
from mtlkit.heads import MultitaskModel
from mtlkit.tasks import Task
from mtlkit.training import predict

from .. import plots
from ..figures import image


def class_probabilities(model: MultitaskModel, tokenizer: Tokenizer, task: Task, text: str) -> list[float]:
    """The task's class probabilities for one text, (C,), without dropout; texts over 512 word pieces are cut."""
    outputs = predict(model, task, encode([Example("text", (text,))], tokenizer))
    return outputs[0].softmax(-1).tolist()


class ReviewProbabilities(ipywidgets.VBox):
    """A line to type a review in, and below it what the model thinks of it, as soon as Enter is pressed.

    `text` is the line, `picture` the HTML below it, `answer` the same in words; all can be read from Python, and
    setting `text.value` is as good as typing.
    """

    def __init__(self, model: MultitaskModel, tokenizer: Tokenizer, task: Task, text: str):
        self.model, self.tokenizer, self.task = model, tokenizer, task
        self.text = ipywidgets.Text(
            text, description="Review", continuous_update=False, layout=ipywidgets.Layout(width="95%")
        )
        self.picture = ipywidgets.HTML()
        super().__init__([self.text, self.picture])
        self.text.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        text = self.text.value.strip()
        if not text:
            self.answer = self.picture.value = "Type a review, then press Enter."
            return
        probabilities = class_probabilities(self.model, self.tokenizer, self.task, text)
        fig = plots.class_probabilities(text, probabilities, self.task.classes)
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        self.answer = f"The model calls this review {self.task.classes[best]}, at {probabilities[best]:.2f}."
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box in its place is enough
            self.picture.value = image(fig, self.answer)
        plt.close(fig)


def review_probabilities(
    model: MultitaskModel, tokenizer: Tokenizer, task: Task, text: str = "Not bad, in the end."
) -> ReviewProbabilities:
    """A widget: type a review, press Enter, and see the probability of each class of `task`."""
    return ReviewProbabilities(model, tokenizer, task, text)
