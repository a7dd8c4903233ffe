"""The checks of 11_loss_weighting."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtlkit.objectives import Uncertainty

from . import NotYet, call, check, compare

EXACT = dict(atol=1e-9, rtol=1e-9)


# --- a small problem, in float64 --------------------------------------------------------------------------


class Tasks(nn.Module):
    """K squared errors on one shared linear layer, each with a head of its own; task i's is `units[i]`^2 as large.

    `losses()` gives them by name; `shared` is the list [weight, bias] of the shared layer, of which the last task
    reaches the weight alone.
    """

    def __init__(self, units: Sequence[float] = (1.0, 3.0, 0.2)):
        super().__init__()
        generator = torch.Generator().manual_seed(11)

        def draw(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.inputs = draw(12, 4)
        self.weight, self.bias = nn.Parameter(0.3 * draw(4, 5)), nn.Parameter(0.3 * draw(5))
        self.heads = nn.ParameterList(nn.Parameter(draw(5)) for _ in units)
        self.labels = [draw(12) for _ in units]
        self.units = units

    @property
    def shared(self) -> list[nn.Parameter]:
        return [self.weight, self.bias]

    def losses(self) -> dict[str, Tensor]:
        hidden = torch.tanh(self.inputs @ self.weight + self.bias)
        alone = torch.tanh(self.inputs @ self.weight)
        names = [chr(ord("a") + i) for i in range(len(self.units))]
        each = zip(names, self.units, self.heads, self.labels, strict=True)
        return {
            name: (unit * ((alone if name == names[-1] else hidden) @ head - labels)).square().mean()
            for name, unit, head, labels in each
        }


def norm(loss: Tensor, shared: Sequence[Tensor]) -> Tensor:
    """|grad_W L| over all of `shared` together; the graph stays, `.grad` is left alone."""
    found = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    return torch.cat([g.flatten() for g in found if g is not None]).norm()


def watched(answer, model: Tasks, *inputs: Any, **named: Any) -> Any:
    """`call`, with an eye on the graph and on `.grad`: measuring must leave both as they are."""
    try:
        output = call(answer, *inputs, **named)
    except RuntimeError as error:
        if "does not require grad" in str(error):
            raise NotYet("a loss was cut off from its graph before its gradient was taken") from None
        if "allow_unused" in str(error):
            raise NotYet(
                "one task here does not reach one of the shared parameters: allow_unused=True gives None for it"
            ) from None
        if "second time" in str(error):
            raise NotYet(
                "the first gradient freed the graph that the next task needs: retain_graph=True"
            ) from None
        raise
    if any(p.grad is not None for p in model.parameters()):
        raise NotYet(
            "it leaves gradients in .grad, where the next step would add to them: torch.autograd.grad"
        )
    return output


# --- 11.1 -------------------------------------------------------------------------------------------------


def pulls_made_equal(losses: Mapping[str, Tensor], shared: Sequence[Tensor]) -> dict[str, float]:
    """Static weights under which all tasks have gradients of one length in `shared`; they sum to K."""
    inverse = {task: 1 / norm(loss, shared).item() for task, loss in losses.items()}
    total = sum(inverse.values())
    return {task: len(inverse) * value / total for task, value in inverse.items()}


@check(
    "11.1",
    reference=pulls_made_equal,
    hints=(
        "A weight multiplies the length of a gradient. Which weight makes every length the same, and which factor "
        "for all of them makes the weights sum to K?",
        "torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True) gives one tensor (or None) for each "
        "of the shared parameters; all of them together are one vector (P,), with one length.",
        "for each task: n = length of the gradients, flattened and joined; inverse = 1 / n. Then "
        "weight = K * inverse / sum of all inverses, as floats in a dictionary.",
    ),
)
def equal_pull_weights(answer):
    for units in ((1.0, 3.0, 0.2), (1.0, 1.0)):
        model = Tasks(units)
        losses, shared = model.losses(), model.shared
        got, want = watched(answer, model, losses, shared), pulls_made_equal(losses, shared)
        if not isinstance(got, Mapping) or got.keys() != want.keys():
            raise NotYet("a dictionary is expected, with the tasks' names as its keys")
        values = {task: as_number(value, f"the weight of {task!r}") for task, value in got.items()}
        lengths = {task: norm(loss, shared).item() for task, loss in losses.items()}
        pulls = [values[task] * lengths[task] for task in losses]
        if max(pulls) > (1 + 1e-6) * min(pulls) or min(pulls) <= 0:
            raise NotYet(why_unequal(values, losses, lengths, shared, max(pulls) / min(pulls)))
        total = sum(values.values())
        if abs(total - len(values)) > 1e-6:
            raise NotYet(f"all pulls are equal, but the {len(values)} weights sum to {total:.3g}, not to K")
        compare(values, want, "the weights", **EXACT)


def why_unequal(values, losses, lengths, shared, ratio) -> str:
    """What the weights were made from, if it is one of the usual things."""
    first = {
        task: torch.autograd.grad(loss, shared[0], retain_graph=True)[0].norm().item()
        for task, loss in losses.items()
    }
    each = {
        task: sum(
            g.norm().item()
            for g in torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
            if g is not None
        )
        for task, loss in losses.items()
    }
    guesses = {
        "the weights go with 1 / loss; what has to be equal is the length of the gradients": {
            task: loss.item() for task, loss in losses.items()
        },
        "a longer gradient gets a larger weight: it should be the other way round": {
            task: 1 / length for task, length in lengths.items()
        },
        "the lengths are squared: is a root missing?": {task: n**2 for task, n in lengths.items()},
        "only the first of the shared parameters was measured": first,
        "lengths of single parameters were added; all shared parameters together are one vector": each,
        "all weights are the same": dict.fromkeys(losses, 1.0),
    }
    for words, size in guesses.items():
        products = [values[task] * size[task] for task in losses]
        if min(products) > 0 and max(products) < (1 + 1e-6) * min(products):
            return words
    return f"with these weights the largest pull is {ratio:.3g} times the smallest"


# --- 11.2 -------------------------------------------------------------------------------------------------


def weights_as_rates(
    weights: Mapping[str, float], rates: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """(rates, factor of lr) that give SGD the expected step of `weights` on tasks drawn at `rates`."""
    shares = {task: weights[task] * rates[task] for task in weights}
    factor = sum(shares.values())
    return {task: share / factor for task, share in shares.items()}, factor


@check(
    "11.2",
    reference=weights_as_rates,
    hints=(
        "Write down the expected step with the old rates and the weights, and the one with new rates alone. They are "
        "equal for whatever gradients, so the factor of each g_i must be the same on both sides.",
        "Two dictionaries with one number a task go in. A dictionary of new rates, which sum to 1, and one number, the "
        "factor of the learning rate, come out.",
        "shares = {task: w_i * q_i}; factor = sum of the shares; new rate = share / factor; return both.",
    ),
)
def rates_for(answer):
    cases = [
        ({"sst": 10.0, "sts": 1.0}, {"sst": 0.5, "sts": 0.5}),
        ({"sst": 2.0, "para": 1.0, "sts": 0.5}, {"sst": 0.2, "para": 0.7, "sts": 0.1}),
        ({"sst": 0.1, "para": 0.1, "sts": 0.1}, {"sst": 0.2, "para": 0.3, "sts": 0.5}),
    ]
    for weights, rates in cases:
        case = f"for weights {brief(weights)} and rates {brief(rates)}"
        got = call(answer, dict(weights), dict(rates))
        if not (isinstance(got, (tuple, list)) and len(got) == 2 and isinstance(got[0], Mapping)):
            raise NotYet("two things are expected, a dictionary and a number: return rates, factor")
        new, factor = got[0], as_number(got[1], f"{case} the factor")
        if new.keys() != weights.keys():
            raise NotYet("the new rates must have the same tasks as the old ones")
        new = {task: as_number(value, f"{case} the rate of {task!r}") for task, value in new.items()}
        if abs(sum(new.values()) - 1) > 1e-9:
            raise NotYet(
                f"{case} the new rates sum to {sum(new.values()):.3g}: something is drawn at each step"
            )
        total = sum(weights.values())
        if close(new, {task: w / total for task, w in weights.items()}) and not close(
            new, weights_as_rates(weights, rates)[0]
        ):
            raise NotYet(f"{case} the new rates ignore the old ones, at which the tasks are drawn so far")
        # The expected step of plain SGD in units of lr, whatever the gradients: one coefficient a task.
        steps = {task: factor * new[task] / (weights[task] * rates[task]) for task in weights}
        if max(steps.values()) > (1 + 1e-9) * min(steps.values()):
            task = max(steps, key=lambda task: abs(steps[task] - 1))
            raise NotYet(
                f"{case} the coefficient of {task}'s gradient in the expected step is {steps[task]:.3g} times "
                "what it was, and other tasks' have another factor: the rates are not in the right ratio"
            )
        if abs(steps["sst"] - 1) > 1e-9:
            raise NotYet(
                f"{case} the rates are in the right ratio, but the expected step is {steps['sst']:.3g} times as "
                "long as it was: the factor"
            )


def close(mine: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(mine[task] - other[task]) < 1e-9 for task in other)


def brief(numbers: Mapping[str, float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in numbers.values()) + ")"


# --- 11.3 -------------------------------------------------------------------------------------------------


def uncertainty_loss(
    losses: Mapping[str, Tensor], s: Mapping[str, Tensor], regression: Collection[str]
) -> Tensor:
    """Kendall, Gal & Cipolla 2018, with s = log sigma^2: eq. 7 for tasks in `regression`, eq. 10 for the others."""
    classification = [task for task in losses if task not in regression]
    weighting = Uncertainty([task for task in losses if task in regression], classification)
    where = {task: i for i, task in enumerate(weighting.scales)}
    weighting = weighting.to(next(iter(s.values())).dtype)
    values = torch.stack([s[task] for task in where])
    return torch.func.functional_call(weighting, {"log_variances": values}, (dict(losses),))


CASES: tuple[tuple[str, tuple[str, ...], float], ...] = (  # each adds one thing
    ("for a classification task with s = 0", ("para",), 0.0),
    ("for a regression task with s = 0", ("sts",), 0.0),
    ("for a classification task with s = 1", ("para",), 1.0),
    ("for a regression task with s = 1", ("sts",), 1.0),
    ("for a regression task with s = -2", ("sts",), -2.0),
    ("for three tasks", ("sst", "para", "sts"), 0.5),
)


@check(
    "11.3",
    reference=uncertainty_loss,
    hints=(
        "sigma^2 is exp(s), so 1 / sigma^2 is exp(-s), and log sigma is s / 2. Which of the two terms has a 1/2 "
        "for a squared error only?",
        "losses[task] and s[task] are tensors without axes; the sum over all tasks is one too, with a graph to both.",
        "total = 0; for task, loss in losses.items(): scale = 0.5 if task in regression else 1; "
        "total = total + scale * exp(-s[task]) * loss + s[task] / 2",
    ),
)
def uncertainty(answer):
    start = {"sst": 1.6, "para": 0.7, "sts": 4.0}
    for case, tasks, value in CASES:
        losses = {task: leaf(start[task]) for task in tasks}
        s = {task: leaf(value + 0.3 * i) for i, task in enumerate(tasks)}
        got, want = call(answer, losses, s, {"sts"}), uncertainty_loss(losses, s, {"sts"})
        if not isinstance(got, Tensor):
            raise NotYet(f"it gives a {type(got).__name__}; a tensor is needed to go backward from")
        if not torch.isclose(got.detach().double(), want.detach(), atol=1e-6).all() or got.shape:
            compare(got, want, f"{case} {suspicion(got, start, s, tasks)}the sum", **EXACT)
    for case, tasks, value in CASES[-1:]:  # after all values: a wrong value is the better thing to say
        losses = {task: leaf(start[task]) for task in tasks}
        s = {task: leaf(value + 0.3 * i) for i, task in enumerate(tasks)}
        got, want = answer(losses, s, {"sts"}), uncertainty_loss(losses, s, {"sts"})
        for name, leaves in (("loss", losses), ("s", s)):
            mine, theirs = (
                torch.autograd.grad(out, list(leaves.values()), retain_graph=True, allow_unused=True)
                if out.requires_grad
                else [None] * len(tasks)
                for out in (got, want)
            )
            for g, h in zip(mine, theirs, strict=True):
                if g is None or h is None or not torch.isclose(g, h, atol=1e-9):
                    raise NotYet(
                        f"{case} the sum is right, but the gradient in {name} is not: was it detached?"
                    )


def suspicion(got: Tensor, start: Mapping[str, float], s: Mapping[str, Tensor], tasks: Sequence[str]) -> str:
    """What one task's term looks like, in words with a colon, or nothing."""
    if len(tasks) > 1 or got.numel() > 1:
        return "(is it a sum over all tasks?) " if got.numel() == 1 else ""
    (task,), got = tasks, got.detach()
    loss, log_variance = start[task], s[task].detach()
    scale = 0.5 if task == "sts" else 1.0
    guesses = {
        "(a loss with more noise gets a larger weight) ": scale * log_variance.exp() * loss
        + log_variance / 2,
        "(nothing keeps s from growing) ": scale * (-log_variance).exp() * loss,
        "(s is taken for log sigma, and is log sigma^2) ": scale * (-2 * log_variance).exp() * loss
        + log_variance,
        "(the second term is not log sigma) ": scale * (-log_variance).exp() * loss + log_variance,
        "(the second term has the wrong sign) ": scale * (-log_variance).exp() * loss - log_variance / 2,
        "(1 / sigma in the place of 1 / sigma^2) ": scale * (-log_variance / 2).exp() * loss
        + log_variance / 2,
        "(is there a 1/2 before the loss or not?) ": (1.5 - scale) * (-log_variance).exp() * loss
        + log_variance / 2,
    }
    return next((words for words, value in guesses.items() if torch.isclose(got.double(), value)), "")


def leaf(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


# --- 11.4 -------------------------------------------------------------------------------------------------


def slope_of_weights(
    w: Tensor, losses: Sequence[Tensor], initial: Tensor, shared: Sequence[Tensor], alpha: float
) -> Tensor:
    """d/dw of sum_i |G_i - target_i| with constant targets (Chen et al. 2018, eq. 2), (K,)."""
    norms = torch.stack([norm(loss, shared) for loss in losses])
    ratios = torch.stack([loss.detach() for loss in losses]) / initial
    pulls = w * norms
    targets = pulls.mean() * (ratios / ratios.mean()) ** alpha
    return torch.sign(pulls - targets) * norms


@check(
    "11.4",
    reference=slope_of_weights,
    hints=(
        "w_i is a number, so it comes out of the norm: G_i = w_i n_i with n_i = |grad_W L_i|. The target is a "
        "constant. What then is the slope of |w_i n_i - target_i| in w_i?",
        "n, the ratios L_i / L_i(0), their quotients r, the pulls G, the targets and the slope are all (K,); the "
        "mean of the pulls and the mean of the ratios are single numbers.",
        "n = lengths of the gradients in shared; ratios = detached losses / initial; r = ratios / ratios.mean(); "
        "G = w * n; targets = G.mean() * r ** alpha; return sign(G - targets) * n",
    ),
)
def gradnorm_slope(answer):
    model = Tasks()
    losses, shared = list(model.losses().values()), model.shared
    values = torch.stack([loss.detach() for loss in losses])
    ones, even = torch.ones(3, dtype=torch.float64), 1 / torch.stack([norm(loss, shared) for loss in losses])
    tilted = torch.tensor([0.6, 1.5, 0.9], dtype=torch.float64) * even
    late = torch.tensor([2.0, 1.1, 1.5], dtype=torch.float64)
    cases = [  # name, w, L(0), alpha
        ("with alpha = 0 and all weights 1", ones, values, 0.0),
        ("with alpha = 0 and other weights", tilted, values * late, 0.0),
        ("with alpha = 1.5, at the first step,", ones, values, 1.5),
    ]
    for alpha in (1.5, 0.5):  # several w, so that a slightly wrong target turns a sign in one of them
        name = f"with alpha = {alpha}, and one task ahead of the others,"
        cases += [
            (name, even * torch.exp(torch.randn(3).double() / 2), values * late, alpha) for _ in range(12)
        ]
    common: dict[str, bool] = {}  # a mistake -> whether all answers so far are what it would give
    first = None  # the first case with a wrong slope, and what `compare` says of it
    for case, w, initial, alpha in cases:
        inputs = losses, initial, shared, alpha
        want, got = slope_of_weights(w, *inputs), watched(answer, model, w.clone(), *inputs)
        if not (isinstance(got, Tensor) and got.shape == want.shape):
            compare(got, want, f"{case} the slope")
        for words, wrong in mistaken_slopes(w, *inputs).items():
            common[words] = common.get(words, True) and close_to(got, wrong)
        if first is None and not close_to(got, want):
            first = case, "the sizes are not the lengths of the gradients in the shared parameters"
            if close_to(got.abs(), want.abs()):
                first = case, "an entry has the wrong sign: compare the pull with its target"
    if first:
        raise NotYet(f"{first[0]} {next((words for words, same in common.items() if same), first[1])}")


def mistaken_slopes(w, losses, initial, shared, alpha) -> dict[str, Tensor]:
    """What the slope is under the usual mistakes, in words -> (K,)."""
    n = torch.stack([norm(loss, shared) for loss in losses])
    first = torch.stack([torch.autograd.grad(x, shared[0], retain_graph=True)[0].norm() for x in losses])
    values = torch.stack([loss.detach() for loss in losses])
    ratios = values / initial
    G = w * n
    rates = (ratios / ratios.mean()) ** alpha
    targets = G.mean() * rates

    def slope(targets):
        return torch.sign(G - targets) * n

    moving = w.clone().requires_grad_()
    total = (moving * n - (moving * n).mean() * rates).abs().sum()
    return {
        "the targets were differentiated too: they are constants": torch.autograd.grad(total, moving)[0],
        "each entry has the wrong sign: that is the way to go, and the slope is asked for": -slope(targets),
        "only the signs are there: by how much does G_i change when w_i does?": torch.sign(G - targets),
        "the slope is that of the square, not of the absolute value": 2 * (G - targets) * n,
        "the pulls stand in the slope where the unweighted norms belong": torch.sign(G - targets) * G,
        "the pulls are compared without their weights": torch.sign(n - G.mean() * rates) * n,
        "the norms are those of the first shared parameter alone": torch.sign(
            w * first - (w * first).mean() * rates
        )
        * first,
        "the targets ignore alpha": slope(G.mean() * ratios / ratios.mean()),
        "all targets are the same, whatever alpha and the ratios": slope(G.mean()),
        "the targets compare losses, and should compare how much of its first loss each task has left": slope(
            G.mean() * (values / values.mean()) ** alpha
        ),
        "the ratios are upside down: a task that has learnt less must get a larger target": slope(
            G.mean() * (1 / ratios / (1 / ratios).mean()) ** alpha
        ),
        "the ratios are not divided by their mean": slope(G.mean() * ratios**alpha),
        "the targets take the mean of the norms without their weights": slope(n.mean() * rates),
        "the targets sum the pulls, and should take their mean": slope(G.sum() * rates),
    }


def close_to(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and torch.allclose(got.detach().to(want.dtype), want, rtol=1e-9, atol=1e-9)


def as_number(value: Any, what: str) -> float:
    """`value` as a float. Raises NotYet if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet(f"{what} is of type {type(value).__name__} where a number is expected") from None
