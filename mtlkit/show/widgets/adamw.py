"""The widget of 06_adamw."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from mtlkit.training.optimizer import update

from .. import plots
from ..figures import image

CURVATURE, MINIMUM, START = (1.0, 30.0), (1.0, 1.0), (-1.0, 2.0)
STEPS = 60
DEFAULTS = dict(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0)


def adamw_on_bowl(
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """The library's AdamW on the bowl 1/2 sum a_i (theta_i - minimum_i)^2: its path and the sizes of its steps.

    Returns the path (STEPS + 1, 2), and how far each coordinate moved at each step, decay included (STEPS, 2).
    """
    curvature, minimum, p = (torch.tensor(x, dtype=torch.float64) for x in (CURVATURE, MINIMUM, START))
    m, v = torch.zeros_like(p), torch.zeros_like(p)
    path = [p.numpy().copy()]
    for t in range(1, STEPS + 1):
        update(p, curvature * (p - minimum), m, v, t, lr, (beta1, beta2), eps, weight_decay)
        path.append(p.numpy().copy())
    return np.array(path), np.abs(np.diff(path, axis=0))


def describe_bowl(path: np.ndarray, sizes: np.ndarray, settings: dict) -> str:
    """One path in words, with its numbers: settings, first and last steps, distance from the minimum."""
    names = {"lr": "lr", "beta1": "beta1", "beta2": "beta2", "eps": "eps", "weight_decay": "decay"}
    said = ", ".join(f"{names[key]} {value:.3g}" for key, value in settings.items())
    (flat, steep), distance = sizes[0] / settings["lr"], np.hypot(*(path[-1] - MINIMUM))
    return (
        f"AdamW with {said}: its first step is {flat:.2f} lr in the flat and {steep:.2f} lr in the steep coordinate; "
        f"after {len(sizes)} steps it is {distance:.3g} from the minimum."
    )


class AdamwOnBowl(ipywidgets.VBox):
    """Five sliders for AdamW's settings; below them its way over a bowl, and the size of its steps.

    `lr`, `beta1`, `beta2`, `eps` and `weight_decay` are the sliders, `picture` the HTML below, `answer` the same in
    words, `path` (steps + 1, 2) and `sizes` (steps, 2) the numbers; setting a slider's `value` is as good as moving it.
    """

    def __init__(self, **settings: float):
        look = dict(continuous_update=False, layout=ipywidgets.Layout(width="48%"))
        values = DEFAULTS | settings
        self.lr = ipywidgets.FloatLogSlider(
            values["lr"], min=-3, max=0, step=0.05, description="lr", readout_format=".3f", **look
        )
        self.beta1 = ipywidgets.FloatSlider(
            values["beta1"], min=0, max=0.99, step=0.01, description="beta1", **look
        )
        self.beta2 = ipywidgets.FloatSlider(
            values["beta2"], min=0, max=0.999, step=0.001, description="beta2", readout_format=".3f", **look
        )
        self.eps = ipywidgets.FloatLogSlider(
            values["eps"], min=-10, max=2, step=0.5, description="eps", readout_format=".1e", **look
        )
        self.weight_decay = ipywidgets.FloatSlider(
            values["weight_decay"], min=0, max=1, step=0.05, description="decay", readout_format=".2f", **look
        )
        self.controls = (self.lr, self.weight_decay, self.beta1, self.beta2, self.eps)
        self.picture = ipywidgets.HTML()
        sliders = ipywidgets.HBox(self.controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([sliders, self.picture])
        for control in self.controls:
            control.observe(self.update, "value")
        self.update()

    @property
    def settings(self) -> dict[str, float]:
        return {name: getattr(self, name).value for name in DEFAULTS}

    def update(self, _change=None) -> None:
        self.path, self.sizes = adamw_on_bowl(**self.settings)
        self.answer = describe_bowl(self.path, self.sizes, self.settings)
        fig = plots.bowl_and_steps(self.path, self.sizes, CURVATURE, MINIMUM, self.lr.value)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def adamw_bowl(**settings: float) -> AdamwOnBowl:
    """A widget: move AdamW's settings, and see its path and its steps on an ill-conditioned bowl."""
    return AdamwOnBowl(**settings)
