"""The checks of 06_adamw, and the wrong optimizers that its last exercise asks a test to find."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlkit.bert import Bert, BertConfig
from mtlkit.heads import ClassificationHead, MultitaskModel
from mtlkit.training import AdamW, layerwise_groups, linear_warmup
from mtlkit.training.optimizer import update

from . import NotYet, call, check, compare

# --- an AdamW in its plainest form, a method a step, and one mistake at a time ----------------------------


class Plain(torch.optim.Optimizer):
    """Algorithm 2 of Loshchilov & Hutter (2019) without a mistake; each subclass changes one step."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                self.move(p, **self.options(group))
        return loss

    def move(self, p, lr, betas, eps, weight_decay):
        if p.grad is None:
            return
        beta1, beta2 = betas
        state, t = self.memory(p), self.count(p)
        g = self.gradient(p, weight_decay)
        m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat, v_hat = m / self.correction(beta1, t), v / self.correction(beta2, t)
        p.mul_(1 - self.shrink(lr, betas, t, weight_decay))
        p.sub_(lr * m_hat / self.root(v_hat, eps))

    def options(self, group):
        return {name: group[name] for name in ("lr", "betas", "eps", "weight_decay")}

    def memory(self, p):
        return self.state[p]

    def count(self, p):
        self.state[p]["t"] = self.state[p].get("t", 0) + 1
        return self.state[p]["t"]

    def gradient(self, p, weight_decay):
        return p.grad

    def correction(self, beta, t):
        return 1 - beta**t

    def shrink(self, lr, betas, t, weight_decay):
        return lr * weight_decay

    def root(self, v_hat, eps):
        return v_hat.sqrt() + eps


class DecayWithoutRate(Plain):
    def shrink(self, lr, betas, t, weight_decay):
        return weight_decay


class DecayScaled(Plain):
    def shrink(self, lr, betas, t, weight_decay):
        beta1, beta2 = betas
        return lr * math.sqrt(1 - beta2**t) / (1 - beta1**t) * weight_decay  # the corrected step


class DecayTwice(Plain):
    def gradient(self, p, weight_decay):
        return p.grad + weight_decay * p  # and the decoupled decay too


class DecayTwiceScaled(DecayScaled, DecayTwice):
    pass


class PenaltyOnly(DecayTwice):
    def shrink(self, lr, betas, t, weight_decay):
        return 0.0


class NoDecay(Plain):
    def shrink(self, lr, betas, t, weight_decay):
        return 0.0


class NoCorrection(Plain):
    def correction(self, beta, t):
        return 1.0


class OneAhead(Plain):
    def correction(self, beta, t):
        return 1 - beta ** (t + 1)


class EpsInside(Plain):
    def root(self, v_hat, eps):
        return (v_hat + eps).sqrt()


class BetasSwapped(Plain):
    def options(self, group):
        return super().options(group) | {"betas": group["betas"][::-1]}


class OneCounter(Plain):
    def count(self, p):
        self.t = getattr(self, "t", 0) + 1  # also counts the other parameters
        return self.t


class SharedMemory(Plain):
    def memory(self, p):
        return self.state[tuple(p.shape)]  # type: ignore[index]  # one m and v for all of this shape


class GroupsIgnored(Plain):
    def options(self, group):
        return super().options(self.defaults)


class DecayWithoutGradient(Plain):
    def move(self, p, lr, betas, eps, weight_decay):
        if p.grad is None:
            p.mul_(1 - lr * weight_decay)
        else:
            super().move(p, lr, betas, eps, weight_decay)


WRONG = {
    "decay without lr": DecayWithoutRate,
    "decay times the corrected step": DecayScaled,
    "decay twice": DecayTwice,
    "decay twice, once times the corrected step": DecayTwiceScaled,
    "L2 in the gradient only": PenaltyOnly,
    "no decay at all": NoDecay,
    "no bias correction": NoCorrection,
    "t one ahead": OneAhead,
    "eps inside the root": EpsInside,
    "beta1 and beta2 swapped": BetasSwapped,
    "one step counter for all parameters": OneCounter,
    "m and v shared by equal shapes": SharedMemory,
    "options of groups ignored": GroupsIgnored,
    "decay where there is no gradient": DecayWithoutGradient,
}


# --- 6.1 --------------------------------------------------------------------------------------------------


def _update(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay) -> tuple[Tensor, Tensor, Tensor]:
    p, m, v = p.clone(), m.clone(), v.clone()
    update(p, g, m, v, t, lr, (beta1, beta2), eps, weight_decay)
    return p, m, v


COMMON: dict[str, float] = dict(t=3, lr=0.1, beta1=0.8, beta2=0.95, eps=0.0, weight_decay=0.0)
CASES: tuple[
    tuple[str, dict[str, float]], ...
] = (  # each adds one thing, so that a verdict can say what is missing
    ("without eps and decay, at t = 3,", {}),
    ("without eps and decay, at t = 1,", dict(t=1)),
    ("with eps = 0.1", dict(eps=0.1)),
    ("with weight_decay = 0.5", dict(weight_decay=0.5)),
    ("with both eps and weight_decay", dict(t=7, eps=0.01, weight_decay=0.3, lr=0.02)),
)


@check(
    "6.1",
    reference=_update,
    hints=(
        "Six lines, one for each formula. Which p does the decay shrink, and does the gradient know of it?",
        "p, g, m and v have one shape, the rest are numbers. Three new tensors come back, in the order p, m, v.",
        "m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; m_hat and v_hat divided by 1 - beta^t; "
        "p = p - lr * decay * p - lr * m_hat / (root of v_hat, + eps), with the old p in both places.",
    ),
)
def adamw_update(answer):
    shape = (2, 3)
    p, g, m = (torch.randn(shape, dtype=torch.float64) for _ in range(3))
    v = torch.rand(shape, dtype=torch.float64) + 0.1
    for case, changed in CASES:
        settings = COMMON | changed
        first = settings["t"] == 1
        state = (torch.zeros_like(m), torch.zeros_like(v)) if first else (m, v)
        got = call(answer, p, g, *state, **settings)
        if not (isinstance(got, (tuple, list)) and len(got) == 3):
            raise NotYet("three tensors are expected: return p, m, v")
        want = _update(p, g, *state, **settings)
        if alike(got[0], want[1]) and alike(got[2], want[0]):
            raise NotYet("return them in the order p, m, v")
        if not first and alike(got[1], want[1] / (1 - settings["beta1"] ** settings["t"])):
            raise NotYet("m and v go back uncorrected; only the step uses m-hat and v-hat")
        for name, index in (("m", 1), ("v", 2), ("p", 0)):  # p follows from the other two
            compare(got[index], want[index], f"{case} the new {name}", atol=1e-9, rtol=1e-9)


def alike(got, want: Tensor) -> bool:
    same_kind = isinstance(got, Tensor) and got.shape == want.shape and got.dtype == want.dtype
    return same_kind and torch.allclose(got, want, atol=1e-9, rtol=1e-9)


# --- 6.2 --------------------------------------------------------------------------------------------------


def _groups(model, lr, head_lr, weight_decay) -> list[dict]:
    return layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)


def _model() -> MultitaskModel:
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=8,
    )  # fmt: skip
    return MultitaskModel(Bert(config), {"sst": ClassificationHead(8, 5), "para": ClassificationHead(8, 2)})


def _rates(model, groups) -> dict[str, tuple[float, float]]:
    """Name of each parameter in `groups` -> (lr, weight_decay), as an optimizer would use them."""
    if not isinstance(groups, (list, tuple)) or not all(isinstance(group, dict) for group in groups):
        raise NotYet("a list of dictionaries is expected, one for each group")
    names = {id(p): name for name, p in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in groups:
        if lacks := {"params", "lr", "weight_decay"} - group.keys():
            raise NotYet(f"a group has no key {sorted(lacks)[0]!r}")
        if not isinstance(group["params"], (list, tuple)):
            why = ", which is empty after the first look" if hasattr(group["params"], "__next__") else ""
            raise NotYet(f"params is a {type(group['params']).__name__}{why}; make a list")
        for p in group["params"]:
            if not isinstance(p, nn.Parameter):
                raise NotYet(f"a group holds a {type(p).__name__} where a parameter belongs")
            name = names[id(p)]
            if name in found:
                raise NotYet(f"{name} is in two groups: an optimizer refuses that, or steps twice")
            found[name] = group["lr"], group["weight_decay"]
    return found


@check(
    "6.2",
    reference=_groups,
    hints=(
        "Two questions for each parameter: encoder or head (its rate), matrix or vector (its decay)?",
        "A weight of a linear layer or a table has two axes; biases, and all of a norm, have one.",
        "for module, rate in ((model.encoder, lr), (model.heads, head_lr)): trained = [p for p in "
        "module.parameters() if it is trained]; one group of those with p.ndim > 1, one of the rest.",
    ),
)
def parameter_groups(answer):
    for frozen in (False, True):
        model = _model()
        if frozen:
            model.encoder.layers[0].requires_grad_(False)
        want = _rates(model, _groups(model, 1e-4, 1e-3, 0.05))
        got = _rates(model, call(answer, model, lr=1e-4, head_lr=1e-3, weight_decay=0.05))
        if more := sorted(got.keys() - want.keys()):
            raise NotYet(f"{more[0]} is frozen (requires_grad is False), and is in a group all the same")
        if missing := sorted(want.keys() - got.keys()):
            raise NotYet(f"{len(missing)} parameters are in no group and would never move: {missing[0]}")
        for name, (rate, decay) in want.items():
            if got[name][0] != rate:
                raise NotYet(f"{name} has the learning rate {got[name][0]:g}, which is not the one for it")
            if got[name][1] != decay:
                kind = "is decayed" if got[name][1] else "is not decayed"
                raise NotYet(f"{name} {kind}; look at how many axes it has")


# --- 6.3 --------------------------------------------------------------------------------------------------


@check(
    "6.3",
    reference=linear_warmup,
    hints=(
        "Two straight lines that meet at 1. The first step is step 0, and must not be wasted on a rate of 0.",
        "Three whole numbers go in, one float comes out. The way up has `warmup` steps below 1, and step "
        "number `warmup` is the first at 1.",
        "if step < warmup: (step + 1) / (warmup + 1); else: (total - step) / (total - warmup), never below 0, "
        "and never a division by 0.",
    ),
)
def warmup_factor(answer):
    for total, warmup in ((10, 4), (10, 0), (7, 6), (5, 5), (1, 0)):
        case = f"with total {total} and warmup {warmup}:"
        for step in range(total + 3):
            try:
                factor = call(answer, step, total, warmup)
            except ZeroDivisionError:
                raise NotYet(f"{case} step {step} divides by 0") from None
            if not isinstance(factor, (int, float)):
                raise NotYet(f"{case} step {step} has a {type(factor).__name__} where a float is expected")
            if factor < 0:
                raise NotYet(f"{case} the factor is negative at step {step}: it would climb the loss")
            if factor > 1:
                raise NotYet(f"{case} the factor is above 1 at step {step}")
            if factor == 0 and step < total:
                raise NotYet(f"{case} step {step} has the factor 0: that step would be wasted")
            compare(
                float(factor),
                linear_warmup(step, total, warmup),
                f"{case} the factor at step {step}",
                atol=1e-9,
            )


# --- 6.4 --------------------------------------------------------------------------------------------------

SHAPES = ((3, 4), (3, 4), (5,))
TORCHS = "torch's AdamW"


def _strong_test(Optimizer: Callable) -> bool:
    torch.manual_seed(0)
    mine = [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in SHAPES]
    theirs = [nn.Parameter(p.detach().clone()) for p in mine]

    def groups(p):
        return [dict(params=p[:1]), dict(params=p[1:], lr=0.03, weight_decay=0.2)]

    options: dict[str, Any] = dict(lr=0.1, betas=(0.8, 0.95), eps=0.01, weight_decay=0.5)
    tried, right = Optimizer(groups(mine), **options), torch.optim.AdamW(groups(theirs), **options)
    for step in range(25):
        for n, (p, q) in enumerate(zip(mine, theirs, strict=True)):
            p.grad = None if (step + n) % 5 == 0 else torch.randn_like(p) * 10.0 ** (n - 2)
            q.grad = None if p.grad is None else p.grad.clone()
        tried.step()
        right.step()
    return all(torch.allclose(p, q, rtol=0, atol=1e-10) for p, q in zip(mine, theirs, strict=True))


@check(
    "6.4",
    reference=_strong_test,
    hints=(
        "For each mistake ask where it shows: in which gradients, with how many parameters, groups and settings?",
        "Two copies of a few parameters (some of one shape), in float64, in two groups; one copy for the "
        "optimizer that is tried, one for torch.optim.AdamW; fresh gradients for both at each of some 20 steps.",
        "make both copies and both optimizers, with a large lr, eps and weight_decay; at each step give both the "
        "same gradients, large for one parameter, small for another, now and then None; return whether all "
        "parameters agree to 1e-10.",
    ),
)
def strong_test(answer):
    right = {"mtlkit's AdamW": AdamW, TORCHS: torch.optim.AdamW, "a plain AdamW": Plain}
    said = {name: verdict(answer, Optimizer) for name, Optimizer in right.items()}
    if refused := [name for name, passes in said.items() if not passes]:
        why = "; right ones differ by rounding: torch.equal is too strict, and float32 too coarse"
        raise NotYet(
            f"it says that {refused[0]} is wrong, and that one is right{why if said[TORCHS] else ''}"
        )
    through = [name for name, Optimizer in WRONG.items() if verdict(answer, Optimizer)]
    if through:
        score = len(WRONG) - len(through)
        raise NotYet(f"its mutation score is {score} of {len(WRONG)}; it lets pass: {'; '.join(through)}")


def verdict(test, Optimizer) -> bool:
    """What `test` says of an optimizer. Raises NotYet if it says neither True nor False."""
    said = test(Optimizer)
    if isinstance(said, Tensor) and said.numel() == 1:
        said = said.item()
    if said is None:
        raise NotYet("it returns nothing: is a `return` missing?")
    if not isinstance(said, bool):
        raise NotYet(f"it returns a {type(said).__name__}; True (right) or False (wrong) is expected")
    return said


def starter_runs(Optimizer: Callable, seeds: range, **variant) -> Tensor:
    """The weights, (seeds, 2, 3), after the starter's test: a linear map learned in 1,000 steps, once for each seed.

    The runs are rows of one parameter: an optimizer works element by element, so none of them feels the others.
    """
    first, inputs = [], []
    for seed in seeds:
        torch.manual_seed(seed)
        first.append(nn.Linear(3, 2, bias=False).weight.detach())
        inputs.append(torch.from_numpy(np.random.default_rng(seed).uniform(size=(1000, 3))).float())
    weights, x = nn.Parameter(torch.stack(first)), torch.stack(inputs, 1)  # (seeds, 2, 3), (1000, seeds, 3)
    target = torch.stack([x[..., 0] + x[..., 1], -x[..., 2]], -1)
    optimizer = Optimizer([weights], lr=1e-3, weight_decay=1e-4, eps=1e-6, **variant)
    for now, wanted in zip(x, target, strict=True):
        error = (weights.detach() @ now[:, :, None])[..., 0] - wanted
        weights.grad = 2 * error[:, :, None] * now[:, None, :]  # of the sum of squared errors
        optimizer.step()
    return weights.detach()


def source(name: str) -> str:
    """The code of a wrong optimizer: what it changes in `Plain`."""
    return inspect.getsource(WRONG[name]).rstrip()
