"""The second widget of 13_gradient_surgery: two tasks in a valley, after figure 1 of Yu et al. 2020."""

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mtlkit.gradients import PCGrad, Sum
from mtlkit.training.optimizer import update

from .. import plots
from ..figures import SCALE, style

OPTIMIZERS = ("Adam", "plain descent")
STEPS = 400
SHAPE = dict(steep=3.0, width=0.05, meet=1.0)
DEFAULTS = SHAPE | dict(x=0.5, y=-3.0, optimizer="Adam", lr=0.05, steps=STEPS)


def cagrad_of_two(gram: Tensor, c: float = 0.4) -> Tensor:
    """The weights of `mtlkit.gradients.CAGrad(c)` for two gradients, in closed form: a run has hundreds of steps.

    gram: (2, 2), finite. Returns (2,). Liu et al. 2021, eq. 5: the least s w + c |g0| |g_w| for w in [0, 1], where
    g_w = w g1 + (1 - w) g2, s is (g1 - g2).g0, and |g_w|^2 is A w^2 + B w + D.
    """
    (one, dot), (_, two) = gram.double().tolist()
    g0 = (max(0.0, one + 2 * dot + two) / 4) ** 0.5
    if g0 == 0:
        return torch.ones(2, dtype=torch.float64)
    s, A, B, D = (one - two) / 2, one - 2 * dot + two, 2 * (dot - two), two

    def length(w: float) -> float:  # rounded off near 0, as in the library
        return (max(0.0, A * w**2 + B * w + D) + (1e-4 * g0) ** 2) ** 0.5

    ways = [0.0, 1.0]
    if A * (c * g0) ** 2 > s**2:  # else no slope is 0
        turn = (s**2 * max(0.0, A * D - B**2 / 4) / (A * (c * g0) ** 2 - s**2)) ** 0.5
        ways.append(min(1.0, max(0.0, (-np.sign(s) * turn - B / 2) / A)))
    w = min(ways, key=lambda w: s * w + c * g0 * length(w))
    return 1 + 2 * c * g0 / length(w) * torch.tensor([w, 1 - w], dtype=torch.float64)


METHODS: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "sum": Sum,
    "PCGrad": lambda: PCGrad(order=[0, 1]),
    "CAGrad": lambda: cagrad_of_two,
}


def valley_losses(
    theta: np.ndarray, steep: float, width: float, meet: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two losses with a narrow floor each, and their gradients.

    L_1 = steep / 2 log(width^2 + u_1^2) with u_1 = theta_1 / 2 + tanh theta_2, and L_2 = 1/2 log(width^2 + u_2^2)
    with u_2 = theta_1 / 2 - tanh theta_2 + 2 meet. The floors, u = 0, cross where tanh theta_2 = meet.
    theta: (..., 2). Returns losses (..., 2) and gradients (..., 2, 2), a row a task.
    """
    across, along = theta[..., 0] / 2, np.tanh(theta[..., 1])
    bend = 1 - along**2
    u = np.stack([across + along, across - along + 2 * meet], -1)
    size = np.array([steep, 1.0])
    losses = size * np.log(width**2 + u**2) / 2
    slope = size * u / (width**2 + u**2)
    turned = np.stack([bend, -bend], -1)
    return losses, np.stack([slope / 2, slope * turned], -1)


def valley_floors(meet: float) -> dict[str, np.ndarray]:
    """Where each task's loss is least, as points from below to above."""
    y = np.linspace(-4, 5, 60)
    return {
        "floor of task 1": np.stack([-2 * np.tanh(y), y], -1),
        "floor of task 2": np.stack([2 * np.tanh(y) - 4 * meet, y], -1),
    }


def valley_run(
    method: str, optimizer: str, lr: float, x: float, y: float, steps: int = STEPS, **shape: float
) -> tuple[np.ndarray, np.ndarray]:
    """The path of a method from (x, y), (steps + 1, 2), and both losses on it, (steps + 1, 2).

    method: a name in METHODS. optimizer: one of OPTIMIZERS. shape: steep, width and meet of `valley_losses`.
    Raises ValueError for another name.
    """
    return valley_runs([method], optimizer, lr, x, y, steps, **shape)[method]


def valley_runs(
    methods: Sequence[str],
    optimizer: str,
    lr: float,
    x: float,
    y: float,
    steps: int = STEPS,
    **shape: float,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`valley_run` of several methods, side by side in one loop, by method."""
    if not METHODS.keys() >= set(methods) or optimizer not in OPTIMIZERS:
        raise ValueError(
            f"method is one of {', '.join(METHODS)} and optimizer of {', '.join(OPTIMIZERS)}, not "
            f"{', '.join(map(repr, methods))}, {optimizer!r}"
        )
    weigh = [METHODS[method]() for method in methods]
    theta = torch.tensor([[x, y]] * len(methods), dtype=torch.float64).view(-1, 2)  # a row a method
    m, v, path = torch.zeros_like(theta), torch.zeros_like(theta), [theta.numpy().copy()]
    for t in range(1, steps + 1):
        g = torch.from_numpy(valley_losses(path[-1], **shape)[1])  # (methods, tasks, 2)
        weights = [weights(gram) for weights, gram in zip(weigh, g @ g.mT, strict=True)]
        d = torch.stack([w @ own for w, own in zip(weights, g, strict=True)]) if weights else theta
        if optimizer == "Adam":
            update(theta, d, m, v, t, lr, (0.9, 0.999), 1e-8, 0.0)
        else:
            theta = theta - lr * d
        path.append(theta.numpy().copy())
    found = np.stack(path, 1)  # (methods, steps + 1, 2)
    losses = valley_losses(found, **shape)[0]
    return {method: (found[n], losses[n]) for n, method in enumerate(methods)}


def valley_figure(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], **shape: float) -> Figure:
    """`plots.valley` of these runs. shape: as in `valley_run`."""
    return plots.valley(lambda theta: valley_losses(theta, **shape)[0], valley_floors(shape["meet"]), runs)


def describe_valley(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], optimizer: str, lr: float) -> str:
    """Where each run ends, in words with numbers."""
    if not runs:
        return "No method is chosen: only the valley and its two floors are shown."
    ends = []
    for name, (path, losses) in runs.items():
        (x, y), (one, two) = path[-1], losses[-1]
        ends.append(
            f"{name} ends at ({x:.2f}, {y:.2f}) with losses {one:.2f} and {two:.2f}, together {one + two:.2f}"
        )
    steps = len(next(iter(runs.values()))[0]) - 1
    return f"After {steps} steps of {optimizer} with lr {lr:.3g}: {'; '.join(ends)}."


class ValleyExplorer(ipywidgets.VBox):
    """Start, shape, methods and optimizer of runs through the valley; below, their ways and their losses.

    `x`, `y`, `steep`, `width`, `meet`, `lr` are sliders, `optimizer` a menu, `methods` a checkbox for each method;
    `picture` is the HTML below, `answer` the same in words, `runs` the paths and losses. Setting a control's `value` is
    as good as moving it.
    """

    def __init__(self, **settings):
        values = DEFAULTS | settings
        look = dict(continuous_update=False, layout=ipywidgets.Layout(width="31%"))
        slider = ipywidgets.FloatSlider
        self.x = slider(values["x"], min=-6.5, max=3.5, step=0.25, description="start θ1", **look)
        self.y = slider(values["y"], min=-3.5, max=3.5, step=0.25, description="start θ2", **look)
        self.steep = slider(values["steep"], min=1, max=10, step=0.5, description="steep", **look)
        self.width = slider(values["width"], min=0.02, max=0.5, step=0.01, description="width", **look)
        self.meet = slider(values["meet"], min=0, max=1.2, step=0.1, description="meet", **look)
        self.lr = ipywidgets.FloatLogSlider(
            values["lr"], min=-3, max=0, step=0.1, description="lr", readout_format=".3f", **look
        )
        self.optimizer = ipywidgets.Dropdown(
            options=OPTIMIZERS, value=values["optimizer"], description="optimizer", layout=look["layout"]
        )
        self.steps, chosen = values["steps"], settings.get("methods", METHODS)
        self.methods = {
            name: ipywidgets.Checkbox(
                name in chosen, description=name, indent=False, layout=ipywidgets.Layout(width="90px")
            )
            for name in METHODS
        }
        numbers = (self.x, self.y, self.lr, self.steep, self.width, self.meet, self.optimizer)
        self.controls = (*numbers, *self.methods.values())
        self.picture = ipywidgets.HTML()
        boxes = ipywidgets.HBox(list(self.methods.values()), layout=ipywidgets.Layout(margin="0 0 0 90px"))
        rows = ipywidgets.HBox([*numbers, boxes], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([rows, self.picture])
        for control in self.controls:
            control.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        shape = {name: getattr(self, name).value for name in SHAPE}
        where = dict(x=self.x.value, y=self.y.value, steps=self.steps)
        chosen = [name for name, box in self.methods.items() if box.value]
        self.runs = valley_runs(chosen, self.optimizer.value, self.lr.value, **where, **shape)
        self.answer = describe_valley(self.runs, self.optimizer.value, self.lr.value)
        fig = valley_figure(self.runs, **shape)
        self.picture.value = quick_image(fig, self.answer)
        plt.close(fig)


def quick_image(fig: Figure, alt: str) -> str:
    """As `figures.image`, in half the time and twice the size: nothing that follows a slider is stored."""
    data = io.BytesIO()
    with style():
        fig.savefig(data, dpi=96 * SCALE, facecolor="white", pil_kwargs={"compress_level": 1})
    width = round(fig.get_figwidth() * 96)
    return (
        f'<img alt="{html.escape(alt)}" width="{width}" style="background: white; max-width: 100%" '
        f'src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'
    )


def valley_explorer(**settings) -> ValleyExplorer:
    """A widget: choose a start, the valley's shape, methods and an optimizer, and see where they get to.

    settings: x, y, steep, width, meet, lr, optimizer, steps, and methods, names in METHODS (by default all).
    """
    return ValleyExplorer(**settings)
