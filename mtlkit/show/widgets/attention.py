"""The widget of 04_attention."""

import ipywidgets
import matplotlib.pyplot as plt
import torch
from torch import Tensor

from .. import plots
from ..figures import image


def weights_at(scores: Tensor, length: int, temperature: float) -> Tensor:
    """Attention weights (T, T) of `scores` divided by `temperature`, with the keys from `length` on hidden."""
    hidden = torch.arange(scores.shape[-1]) >= length
    scores = (scores / temperature).masked_fill(hidden, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1)


class MaskAndTemperature(ipywidgets.VBox):
    """Two sliders, how many tokens are real and what the scores are divided by, and the weights that follow.

    `length` and `temperature` are the sliders, `picture` the HTML below them, `weights` (T, T) what it shows and
    `answer` the same in words. Setting a slider's `value` from Python is as good as moving it.
    """

    def __init__(self, scores: Tensor, tokens: list[str]):
        """scores: (T, T), already divided by the root of the head's width. tokens: T words."""
        self.scores, self.tokens = scores, tokens
        wide = {"style": {"description_width": "110px"}, "layout": ipywidgets.Layout(width="460px")}
        self.length = ipywidgets.IntSlider(
            len(tokens), 1, len(tokens), description="Real tokens", continuous_update=False, **wide
        )
        self.temperature = ipywidgets.FloatSlider(
            1.0, min=0.25, max=5.0, step=0.25, description="Temperature", continuous_update=False, **wide
        )
        self.picture = ipywidgets.HTML()
        super().__init__([self.length, self.temperature, self.picture])
        for slider in (self.length, self.temperature):
            slider.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        length, temperature = self.length.value, self.temperature.value
        self.weights = weights_at(self.scores, length, temperature)
        entropy = torch.special.entr(self.weights[:length]).sum(-1).mean().item()
        self.answer = (
            f"With {length} of {len(self.tokens)} tokens real and temperature {temperature:.2f}, padding has weight "
            f"{self.weights[:length, length:].sum():.2f} and the mean entropy of a row is {entropy:.2f}."
        )
        title = f"{length} real tokens, temperature {temperature:.2f}"
        fig = plots.masked_weights(self.weights, self.tokens, length, title)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def mask_and_temperature(scores: Tensor, tokens: list[str]) -> MaskAndTemperature:
    """A widget: hide the last tokens, change the temperature, and see the attention weights follow."""
    return MaskAndTemperature(scores, tokens)
