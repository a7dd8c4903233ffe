"""The widget of 12_gradient_conflict."""

from itertools import permutations

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from mtlkit.gradients import MGDA, CAGrad, ConflictLog, Sum, gradvac, pcgrad
from mtlkit.gradients.conflict import ENCODER

from .. import plots
from ..figures import fmt, image

METHODS = ("sum", "PCGrad", "GradVac", "MGDA", "CAGrad")
EQUAL, AS_IT_IS = "steps of equal length", "each step as it is"
MEASURES = {
    EQUAL: "how fast each loss falls (1: the fastest)",
    AS_IT_IS: "fall of each loss (1: by its own gradient)",
}
LIMITS = {EQUAL: (-0.5, 1.0), AS_IT_IS: (-1.0, 3.0)}
MANY = 4  # up to so many tasks all of PCGrad's orders are averaged


def mean_pcgrad(gram: torch.Tensor) -> torch.Tensor:
    """PCGrad's weights, (K,), as the mean over all orders (of more than 4 tasks: the given order and its reverse)."""
    K = len(gram)
    others = [[j for j in range(K) if j != i] for i in range(K)]
    if K > MANY:
        draws = [others, [order[::-1] for order in others]]
    else:  # a task's projections depend on its own order alone, so the k-th order of all tasks can be taken together
        every = [list(permutations(order)) for order in others]
        draws = [[list(own[n]) for own in every] for n in range(len(every[0]))]
    return torch.stack([pcgrad(gram, orders).sum(0) for orders in draws]).mean(0)


def would_have(log: ConflictLog, part: str = ENCODER) -> np.ndarray:
    """The weights that each of METHODS would have given the tasks at each step of a log, (S, 5, K); NaN: not there.

    From the stored Gram matrices of `part` alone, on the gradients that the logged run had. GradVac's targets follow
    the run from its first step, and the tasks stand in the log's order; PCGrad's weights are the mean over its orders.
    """
    grams = log.gram(part)
    S, K = grams.shape[:2]
    weights = np.full((S, len(METHODS), K), np.nan)
    targets = torch.zeros(K, K, dtype=torch.float64)
    for s in range(S):
        there = np.flatnonzero(~np.isnan(np.diagonal(grams[s])))
        if not len(there):
            continue
        gram = torch.from_numpy(grams[s][np.ix_(there, there)].copy())
        orders = [[j for j in range(len(there)) if j != i] for i in range(len(there))]
        box = np.ix_(there, there)
        C, new = gradvac(gram, orders, targets[box].clone())
        targets[box] = new
        found = (Sum()(gram), mean_pcgrad(gram), C.sum(0), MGDA()(gram), CAGrad()(gram))
        weights[s][:, there] = torch.stack(found).numpy()
    return weights


def outcome(gram: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """What a step along sum_j w_j g_j does, to first order and for a learning rate of 1.

    Returns each loss's fall (G w)_i, (K,), NaN for a task that is not there, and the step's length.
    """
    there = ~np.isnan(np.diagonal(gram)) & ~np.isnan(weights)
    falls = np.full(len(gram), np.nan)
    G, w = gram[np.ix_(there, there)], weights[there]
    falls[there] = G @ w
    return falls, float(np.sqrt(max(0.0, w @ G @ w)))


def bars_of(gram: np.ndarray, weights: np.ndarray, measure: str) -> tuple[dict, dict]:
    """For the picture: method -> what its bars show, one a task, and method -> length of its step."""
    norms = np.sqrt(np.diagonal(gram))
    bars, lengths = {}, {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for method, w in zip(METHODS, weights, strict=True):
            falls, length = outcome(gram, w)
            lengths[method] = length
            unit = norms * length if measure == EQUAL else norms**2
            bars[method] = np.where(np.isnan(falls), np.nan, np.nan_to_num(falls / unit))
    return bars, lengths


def describe_step(log: ConflictLog, step: int, part: str, gram: np.ndarray, bars, lengths) -> str:
    """The step in words, with its numbers. gram: (K, K) at this step; bars, lengths: of `bars_of`."""
    K = len(log.tasks)
    norms = np.sqrt(np.diagonal(gram))
    said = []
    for i in range(K):
        for j in range(i + 1, K):
            product = norms[i] * norms[j]
            if np.isfinite(product) and product > 0:
                said.append(f"{log.tasks[i]} and {log.tasks[j]} {fmt(float(gram[i, j] / product), 2)}")
    harmed = []
    for method, values in bars.items():
        names = [task for task, value in zip(log.tasks, values, strict=True) if value < 0]
        harmed.append(f"{method} {'nobody' if not names else ' and '.join(names)}")
    short = lengths["PCGrad"] / lengths["sum"] if lengths["sum"] else 1.0
    return (
        f"Step {step} of {len(log)}, {part}: cosines {', '.join(said) or 'none'}. Harmed to first order by "
        f"{', '.join(harmed)}. PCGrad's step is {fmt(short, 2)} times the sum's."
    )


def theatre_figure(log: ConflictLog, step: int, part: str = ENCODER, measure: str = EQUAL, weights=None):
    """(figure, its words): one step of a log. step: from 1; weights: of `would_have`, if they are there already."""
    gram = log.gram(part)[step - 1]
    weights = would_have(log, part) if weights is None else weights
    bars, lengths = bars_of(gram, weights[step - 1], measure)
    limit = LIMITS[measure]
    cosines = log.cosines(part)[step - 1]
    fig = plots.theatre_step(cosines, log.losses, step, bars, lengths, log.tasks, MEASURES[measure], limit)
    return fig, describe_step(log, step, part, gram, bars, lengths)


class ConflictTheatre(ipywidgets.VBox):
    """A slider through the steps of a recorded run, and menus for the part of the model and for what the bars show.

    `step` is the slider, `part` and `measure` the menus; `picture` is the HTML below, `answer` the same in words,
    `falls` a dictionary method -> (G w)_i of each task at this step, and `lengths` method -> length of the step.
    Setting a control's `value` is as good as moving it.
    """

    def __init__(self, log: ConflictLog, step: int = 1, part: str = ENCODER):
        if not len(log):
            raise ValueError("the log is empty: give one with at least a step")
        self.record = log
        self._weights: dict[str, np.ndarray] = {}
        self.step = ipywidgets.IntSlider(
            step, min=1, max=len(log), description="step", continuous_update=False,
            layout=ipywidgets.Layout(width="60%"),
        )  # fmt: skip
        wide = ipywidgets.Layout(width="48%")
        self.part = ipywidgets.Dropdown(
            options=[ENCODER, *log.parts], value=part, description="part", layout=wide
        )
        self.measure = ipywidgets.Dropdown(options=list(MEASURES), description="bars", layout=wide)
        self.controls = (self.step, self.part, self.measure)
        self.picture = ipywidgets.HTML()
        rows = ipywidgets.HBox(self.controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([rows, self.picture])
        for control in self.controls:
            control.observe(self.update, "value")
        self.update()

    def weights(self, part: str) -> np.ndarray:
        """`would_have` of this part, worked out once."""
        if part not in self._weights:
            self._weights[part] = would_have(self.record, part)
        return self._weights[part]

    def update(self, _change=None) -> None:
        step, part = self.step.value, self.part.value
        weights = self.weights(part)
        gram = self.record.gram(part)[step - 1]
        found = {m: outcome(gram, w) for m, w in zip(METHODS, weights[step - 1], strict=True)}
        self.falls = {method: falls for method, (falls, _) in found.items()}
        self.lengths = {method: length for method, (_, length) in found.items()}
        fig, self.answer = theatre_figure(self.record, step, part, self.measure.value, weights)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def conflict_theatre(log: ConflictLog, step: int = 1, part: str = ENCODER) -> ConflictTheatre:
    """A widget: scrub through a run's conflict log; at each step the cosines, and what five methods would have done.

    log: of any run. Raises ValueError for an empty log.
    """
    return ConflictTheatre(log, step, part)
