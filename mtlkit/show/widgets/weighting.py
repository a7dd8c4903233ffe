"""The widget of 11_loss_weighting."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

from .. import plots
from ..figures import image

TASKS = ("A", "B", "C")
MINIMA = np.array([[-1.0, -0.6], [1.1, -0.5], [0.1, 1.0]])
CURVATURES = np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.6, -0.25], [-0.25, 0.8]], [[0.7, 0.1], [0.1, 0.5]]])
UNITS = (-2, 2)  # powers of 5: from 1/25 to 25


def weighted_minimum(weights, unit: float = 1.0) -> np.ndarray:
    """Where w_A L_A + w_B L_B + w_C L_C is least, (..., 2), with L_i = 1/2 (theta - m_i)^T A_i (theta - m_i).

    weights: (..., 3), not negative, not all 0. unit: what C's loss is multiplied by, as if told in another unit.
    """
    weights = np.asarray(weights, float) * (1.0, 1.0, unit)
    curvature = np.einsum("...k,kij->...ij", weights, CURVATURES)
    slope = np.einsum("...k,kij,kj->...i", weights, CURVATURES, MINIMA)
    return np.linalg.solve(curvature, slope[..., None])[..., 0]


def losses_at(point) -> np.ndarray:
    """The three losses, (3,), at a point (2,), C's in its first unit."""
    away = np.asarray(point) - MINIMA
    return np.einsum("ki,kij,kj->k", away, CURVATURES, away) / 2


def pareto_lines(unit: float = 1.0, lines: int = 10, points: int = 41) -> list[np.ndarray]:
    """What the grid lines of the triangle of weights (one weight fixed) become on the plane, each (points, 2)."""
    along = np.linspace(0, 1, points)
    found = []
    for task in range(3):
        for share in np.arange(lines) / lines:
            weights = np.empty((points, 3))
            weights[:, task] = share
            weights[:, (task + 1) % 3] = (1 - share) * along
            weights[:, (task + 2) % 3] = (1 - share) * (1 - along)
            found.append(weighted_minimum(weights, unit))
    return found


def describe_weights(weights, unit: float) -> str:
    """The point that the weights choose, in words, with its numbers."""
    shares = np.asarray(weights, float) / np.sum(weights)
    losses = losses_at(weighted_minimum(weights, unit))
    said = ", ".join(f"{task} {share:.2f}" for task, share in zip(TASKS, shares, strict=True))
    here = ", ".join(f"{task} {loss:.2f}" for task, loss in zip(TASKS, losses, strict=True))
    return f"Weights {said}, C's loss times {unit:.3g}: at the minimum they choose the losses are {here}."


def simplex_figure(weights, unit: float = 1.0):
    """The picture for three weights (not negative, not all 0) and C's unit."""
    point = weighted_minimum(weights, unit)
    return plots.weights_on_simplex(
        np.asarray(weights, float) / np.sum(weights),
        point,
        losses_at(point),
        max(losses_at(minimum).max() for minimum in MINIMA),
        MINIMA,
        pareto_lines(unit),
        weighted_minimum((1, 1, 1), unit),
        TASKS,
    )


class SimplexWeights(ipywidgets.VBox):
    """Three sliders for the weights of three tasks and one for the unit of C's loss; below, what they choose.

    `a`, `b`, `c` and `unit` are the sliders, `picture` the HTML below, `answer` the same in words, `point` (2,) the
    weighted minimum (None while all weights are 0). Setting a slider's `value` is as good as moving it.
    """

    def __init__(self, a: float = 1.0, b: float = 1.0, c: float = 1.0, unit: float = 1.0):
        look = dict(continuous_update=False, layout=ipywidgets.Layout(width="48%"))
        self.a, self.b, self.c = (
            ipywidgets.FloatSlider(value, min=0, max=10, step=0.5, description=f"weight {task}", **look)
            for task, value in zip(TASKS, (a, b, c), strict=True)
        )
        self.unit = ipywidgets.FloatLogSlider(
            unit,
            base=5,
            min=UNITS[0],
            max=UNITS[1],
            step=0.5,
            description="C's unit",
            readout_format=".2f",
            **look,
        )
        self.controls = (self.a, self.b, self.c, self.unit)
        self.picture = ipywidgets.HTML()
        sliders = ipywidgets.HBox(self.controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([sliders, self.picture])
        for control in self.controls:
            control.observe(self.update, "value")
        self.update()

    @property
    def weights(self) -> tuple[float, float, float]:
        return self.a.value, self.b.value, self.c.value

    def update(self, _change=None) -> None:
        if not sum(self.weights):
            self.point, self.answer = None, "All weights are 0: nothing is minimised. Give one task a weight."
            self.picture.value = self.answer
            return
        self.point = weighted_minimum(self.weights, self.unit.value)
        self.answer = describe_weights(self.weights, self.unit.value)
        fig = simplex_figure(self.weights, self.unit.value)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def simplex_weights(a: float = 1.0, b: float = 1.0, c: float = 1.0, unit: float = 1.0) -> SimplexWeights:
    """A widget: weights of three tasks and the unit of one; the point of the Pareto set that they choose."""
    return SimplexWeights(a, b, c, unit)
