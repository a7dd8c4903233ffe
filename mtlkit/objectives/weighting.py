"""How the losses of several tasks become the one loss that is minimised: sum_i w_i L_i, and where the w_i come from.

Every weighting is a module called as `weighting(losses)`, with a dict of task names and losses (one number each), and
returns one number to call `backward()` on. What it has learnt is in its `state_dict`.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

SMALLEST = 1e-6  # of a GradNorm weight


class Sum(nn.Module):
    """L = sum_i L_i. The task with the largest gradients leads, and a change of units changes which one that is."""

    def forward(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """losses: of any tasks, one number each. Raises ValueError for none, or for a loss that is not one number."""
        check(losses)
        return torch.stack(list(losses.values())).sum()


class Static(nn.Module):
    """L = sum_i w_i L_i with weights chosen by hand; a step's loss holds the tasks of that step.

    weights: of each task, finite and not negative; 0 leaves a task out. Raises ValueError for others.
    """

    def __init__(self, weights: Mapping[str, float]):
        super().__init__()
        for task, weight in weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"the weight of {task!r} is {weight}; weights are finite and not negative")
        self.weights = dict(weights)

    def extra_repr(self) -> str:
        return f"{self.weights}"

    def forward(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """losses: of some or all tasks. Raises ValueError as `Sum` does, and for a task without a weight."""
        check(losses, self.weights)
        return torch.stack([self.weights[task] * loss for task, loss in losses.items()]).sum()


class Uncertainty(nn.Module):
    """Weights from each task's noise, learnt along with the model (Kendall, Gal & Cipolla 2018, section 3.2).

    A task's noise has variance sigma^2 = exp(s), and s is learnt:
    regression (L a squared error, eq. 7)      exp(-s) / 2 * L + s / 2, least at s = log L
    classification (L a cross-entropy, eq. 10) exp(-s) * L + s / 2, least at s = log 2L
    The first term of a task with a large loss wants a large s, a small weight; the second keeps s from growing.

    regression, classification: names of tasks. `log_variances`, (tasks,), start at 0 and go into the optimizer with
    the model's parameters, without weight decay (`layerwise_groups` spares what has one dimension): decay pulls
    every s towards 0, the variance towards 1, whatever the losses say.
    Raises ValueError for no task, or one named twice.
    """

    def __init__(self, regression: Iterable[str] = (), classification: Iterable[str] = ()):
        super().__init__()
        scales = [(task, 0.5) for task in regression] + [(task, 1.0) for task in classification]
        self.scales = dict(scales)
        if not scales or len(self.scales) < len(scales):
            raise ValueError(f"name every task once; got {[task for task, _ in scales]}")
        self.log_variances = nn.Parameter(torch.zeros(len(scales)))  # s, in the order of `scales`

    def extra_repr(self) -> str:
        return f"{self.scales}"

    @property
    def weights(self) -> dict[str, float]:
        """What each loss is multiplied by now."""
        factors = torch.exp(-self.log_variances.detach()).tolist()
        return {
            task: scale * factor for (task, scale), factor in zip(self.scales.items(), factors, strict=True)
        }

    def forward(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """losses: of some or all tasks; the s of the others get a gradient of 0. Raises ValueError as `Static` does."""
        check(losses, self.scales)
        s = dict(zip(self.scales, self.log_variances, strict=True))
        parts = [
            self.scales[task] * torch.exp(-s[task]) * loss + s[task] / 2 for task, loss in losses.items()
        ]
        return torch.stack(parts).sum()


class GradNorm(nn.Module):
    """Weights under which every task pulls at the shared layer as hard as it should (Chen et al. 2018, Algorithm 1).

    In a step, with W the weights of the last shared layer and K tasks:
    G_i = |grad_W w_i L_i|                 how hard task i pulls
    r_i = (L_i / L_i(0)) / their mean      above 1: it has learnt less than the others
    w moves against the slope of sum_i |G_i - mean(G) r_i^alpha|, then is scaled so that the w_i sum to K
    The model's own gradients are those of sum_i w_i L_i with w a constant, before it moves.

    tasks: their names. shared: the parameters W, such as `encoder.layers[-1].parameters()`; frozen ones are ignored.
    alpha: 0 makes all pulls equal, more pulls harder for slow tasks (the paper: 0.12 to 1.5). lr: of w, by Adam (the
    paper: 0.025); far smaller where a task's weight must become small, since a step is about lr long.
    Call it once a training step; in evaluation mode and without gradients, w stays as it is. w, L_i(0) (the losses
    of the first step) and Adam's moments are buffers: saved, resumed, and never seen by the model's optimizer.
    Raises ValueError for fewer than two tasks, a name given twice, W empty or frozen, alpha or lr out of range.
    """

    w: Tensor  # (K,), as the next three
    initial: Tensor  # L_i(0)
    mean: Tensor  # Adam's m
    square: Tensor  # Adam's v
    steps: Tensor  # one number
    needs_all = True  # in each call, the losses of all tasks

    def __init__(
        self, tasks: Iterable[str], shared: Iterable[nn.Parameter], alpha: float = 1.5, lr: float = 0.025
    ):
        super().__init__()
        self.tasks = tuple(tasks)
        # In a tuple, torch does not take them for this module's own parameters.
        self.shared = tuple(p for p in shared if p.requires_grad)
        if len(set(self.tasks)) < max(2, len(self.tasks)):
            raise ValueError(f"two tasks at least, each named once; got {list(self.tasks)}")
        if not self.shared:
            raise ValueError("no shared parameter is trained: GradNorm compares the gradients that it gets")
        if not (alpha >= 0 and lr > 0):
            raise ValueError(f"alpha is at least 0 and lr above 0; got alpha={alpha}, lr={lr}")
        self.alpha, self.lr = alpha, lr
        K = len(self.tasks)
        self.register_buffer("w", torch.ones(K))
        for name in ("initial", "mean", "square"):
            self.register_buffer(name, torch.zeros(K))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def extra_repr(self) -> str:
        return f"{list(self.tasks)}, alpha={self.alpha}, lr={self.lr}"

    @property
    def weights(self) -> dict[str, float]:
        """What each loss is multiplied by in the next step."""
        return dict(zip(self.tasks, self.w.tolist(), strict=True))

    def forward(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """losses: of all tasks, from one state of the model. Its graph is kept for the caller's `backward`, no longer.

        Raises ValueError as `Static` does; in training also for a task without a loss, a loss that is negative or
        not finite, a first loss of 0, a gradient that is not finite or does not reach the shared parameters.
        """
        check(losses, self.tasks)
        w = dict(zip(self.tasks, self.w.clone(), strict=True))  # of before the step
        if self.training and torch.is_grad_enabled():
            if absent := [task for task in self.tasks if task not in losses]:
                raise ValueError(
                    f"no loss of {', '.join(absent)}: GradNorm compares the gradients of all tasks in every step; "
                    "give all of them a batch, or use Static or Uncertainty"
                )
            values = torch.stack([losses[task].detach() for task in self.tasks]).to(self.w)
            self._check(values)
            norms = torch.stack([self._norm(task, losses[task]) for task in self.tasks]).to(self.w)
            if not torch.isfinite(norms).all():
                raise ValueError(f"the gradients of {', '.join(self.tasks)} have norms {norms.tolist()}")
            self._step(values, norms)
        return torch.stack([w[task] * loss for task, loss in losses.items()]).sum()

    def _check(self, values: Float[Tensor, "K"]) -> None:
        """A weight that once is NaN stays NaN, so nothing that makes one gets as far as the weights."""
        wrong = ~torch.isfinite(values) | (values < 0) | ((values == 0) & (self.steps == 0))
        if wrong.any():
            raise ValueError(
                f"the losses of {', '.join(self.tasks)} are {values.tolist()}: GradNorm needs finite ones, "
                "not negative, and the first of each task above 0"
            )

    def _norm(self, task: str, loss: Tensor) -> Float[Tensor, ""]:
        """|grad_W L_i|. `.grad` stays as it is, and the backward pass goes no deeper than W."""
        # retain_graph: the other tasks and the caller's `backward` still need it. create_graph, which costs a second
        # graph, is not needed: see `_step`.
        found = torch.autograd.grad(loss, self.shared, retain_graph=True, allow_unused=True)
        norms = [torch.linalg.vector_norm(gradient) for gradient in found if gradient is not None]
        if not norms:
            raise ValueError(f"the loss of {task!r} does not depend on the shared parameters")
        return torch.linalg.vector_norm(torch.stack(norms))

    @torch.no_grad()
    def _step(self, values: Float[Tensor, "K"], norms: Float[Tensor, "K"]) -> None:
        """w(t) -> w(t + 1), from the losses and |grad_W L_i|."""
        if self.steps == 0:
            self.initial.copy_(values)
        ratios = values / self.initial
        rates = ratios / ratios.mean().clamp(min=torch.finfo(ratios.dtype).tiny)  # r_i; all losses may be 0
        pulls = self.w * norms  # G_i: w_i > 0 comes out of the norm
        targets = pulls.mean() * rates**self.alpha  # constants, says the paper: only G_i is differentiated
        slope = torch.sign(pulls - targets) * norms  # and d G_i / d w_i = |grad_W L_i|, known already

        # Adam (Kingma & Ba 2015), since slopes differ between tasks as much as their gradients do.
        self.steps += 1
        t = int(self.steps)
        self.mean.lerp_(slope, 1 - 0.9)
        self.square.lerp_(slope**2, 1 - 0.999)
        size = (self.square / (1 - 0.999**t)).sqrt() + 1e-8
        self.w -= self.lr * (self.mean / (1 - 0.9**t)) / size
        self.w.clamp_(min=SMALLEST)  # the paper does not say; below 0 a task would be unlearnt
        self.w *= len(self.w) / self.w.sum()


def check(losses: Mapping[str, Tensor], tasks: Iterable[str] | None = None) -> None:
    """Raises ValueError for no losses, a task that is not among `tasks`, or a loss that is not one number."""
    if not losses:
        raise ValueError("no losses; give the loss of one task at least")
    for task, loss in losses.items():
        if tasks is not None and task not in tasks:
            raise ValueError(f"a loss of {task!r}, which has no weight; there are {', '.join(tasks)}")
        if loss.ndim:
            raise ValueError(
                f"the loss of {task!r} has shape {tuple(loss.shape)}; it is one number: take the mean"
            )
