"""Wrong answers to 06_adamw, most of them from public forks, libraries' issues and the course's starter code."""

import math

import numpy as np
import torch
from torch import nn

from mtlkit.training import layerwise_groups

# --- 6.1 --------------------------------------------------------------------------------------------------


def step(
    p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, *, penalty=0.0, decay="lr", correct=True, ahead=0,
    inside=False, hat=False, after=False, order="pmv", sign=1,
):  # fmt: skip
    """An update with a switch for each way to go wrong."""
    g = g + penalty * weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    c1, c2 = (1 - beta1 ** (t + ahead), 1 - beta2 ** (t + ahead)) if correct else (1, 1)
    share = {"lr": lr, "none": 0, "no lr": 1, "corrected": lr * math.sqrt(c2) / c1, "twice": 2 * lr}[decay]
    if inside:
        root = (v / c2 + eps).sqrt()
    elif hat:
        root = (v.sqrt() + eps) / math.sqrt(c2)
    else:
        root = (v / c2).sqrt() + eps
    moved = lr * m / c1 / root
    kept = 1 - share * weight_decay
    p = (p - moved) * kept if after else p * kept - sign * moved
    return tuple({"p": p, "m": m, "v": v}[name] for name in order)


def stepping(**switches):
    return lambda *inputs, **named: step(*inputs, **named, **switches)


def swapped(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    return step(p, g, m, v, t, lr, beta2, beta1, eps, weight_decay)


def in_place(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    p.copy_(step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay)[0])
    return p, m, v


def not_squared(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    new_p, new_m, _ = step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay)
    return new_p, new_m, beta2 * v + (1 - beta2) * g.abs()


def stores_the_corrected(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    new_p, new_m, new_v = step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay)
    return new_p, new_m / (1 - beta1**t), new_v / (1 - beta2**t)


# --- 6.2 --------------------------------------------------------------------------------------------------


def by_name(words):
    """The usual recipe: no decay for names that hold one of `words`."""

    def groups(model, lr, head_lr, weight_decay):
        return [
            dict(
                params=[
                    p
                    for name, p in module.named_parameters()
                    if p.requires_grad and any(word in name for word in words) == spared
                ],
                lr=rate,
                weight_decay=0.0 if spared else weight_decay,
            )
            for module, rate in ((model.encoder, lr), (model.heads, head_lr))
            for spared in (True, False)
        ]

    return groups


def with_frozen(model, lr, head_lr, weight_decay):
    trained = {p: p.requires_grad for p in model.parameters()}
    model.requires_grad_(True)
    groups = layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)
    for p, was in trained.items():
        p.requires_grad_(was)
    return groups


def heads_forgotten(model, lr, head_lr, weight_decay):
    heads = {id(p) for p in model.heads.parameters()}
    groups = layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)
    return [group for group in groups if not any(id(p) in heads for p in group["params"])]


def twice(model, lr, head_lr, weight_decay):
    groups = layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)
    return [*groups, dict(params=list(model.heads.parameters()), lr=head_lr, weight_decay=0.0)]


def misspelt(model, lr, head_lr, weight_decay):
    groups = layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)
    return [dict(params=g["params"], lr=g["lr"], decay=g["weight_decay"]) for g in groups]


def generators(model, lr, head_lr, weight_decay):
    groups = layerwise_groups(model, lr, head_lr, weight_decay=weight_decay)
    return [dict(g, params=(p for p in g["params"])) for g in groups]


def of_names(model, lr, head_lr, weight_decay):
    return [dict(params=[name for name, _ in model.named_parameters()], lr=lr, weight_decay=weight_decay)]


# --- 6.3 --------------------------------------------------------------------------------------------------


def factor(step, total, warmup):
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (total - step) / max(1, total - warmup))


# --- 6.4 --------------------------------------------------------------------------------------------------

CS224N = torch.tensor(
    [[0.5548278689, 0.8666566610, 0.0729198158], [-0.4472450614, -0.2951228023, -0.2717272043]]
)


def starter(Optimizer):
    """The starter's own test, as loosened."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = nn.Linear(3, 2, bias=False)
    optimizer = Optimizer(model.parameters(), lr=1e-3, weight_decay=1e-4, eps=1e-6)
    for _ in range(1000):
        optimizer.zero_grad()
        x = torch.FloatTensor(rng.uniform(size=3))
        target = torch.stack([x[0] + x[1], -x[2]])
        ((model(x) - target) ** 2).sum().backward()
        optimizer.step()
    return torch.allclose(CS224N, model.weight.detach(), atol=1e-6, rtol=1e-4)


def drive(
    Optimizer, *, shapes=((3, 4), (3, 4), (5,)), groups=True, steps=25, eps=0.01, weight_decay=0.5, missing=True,
    tolerance=1e-10, noise=0.0, dtype=torch.float64, same=torch.allclose,
):  # fmt: skip
    """A comparison with torch's AdamW, with a switch for each way to make it weak."""
    torch.manual_seed(0)
    mine = [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in shapes]
    theirs = [nn.Parameter(p.detach().clone()) for p in mine]
    options = dict(lr=0.1, betas=(0.8, 0.95), eps=eps, weight_decay=weight_decay)

    def grouped(p):
        return [dict(params=p[:1]), dict(params=p[1:], lr=0.03, weight_decay=0.2)] if groups else p

    tried, right = Optimizer(grouped(mine), **options), torch.optim.AdamW(grouped(theirs), **options)
    for number in range(steps):
        for n, (p, q) in enumerate(zip(mine, theirs, strict=True)):
            skipped = missing and (number + n) % 5 == 0
            p.grad = None if skipped else torch.randn_like(p) * 10.0 ** (n - 2)
            q.grad = None if skipped else p.grad.clone() + noise
        tried.step()
        right.step()
    return all(same(p, q, rtol=0, atol=tolerance) for p, q in zip(mine, theirs, strict=True))


def weak(**switches):
    return lambda Optimizer: drive(Optimizer, **switches)


def only_runs(Optimizer):
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    Optimizer([p], lr=0.1).step()
    return bool((p < 1).all())


def loss_falls(Optimizer):
    p = nn.Parameter(torch.ones(2))
    optimizer = Optimizer([p], lr=0.01)
    for _ in range(50):
        optimizer.zero_grad()
        (p**2).sum().backward()
        optimizer.step()
    return (p**2).sum().item() < 2


def asserts(Optimizer):
    assert drive(Optimizer), "wrong optimizer"
    return True


PLANTED = {
    "adamw_update": {
        "decay without lr (seen in a public fork, later corrected)": stepping(decay="no lr"),
        "decay times the corrected step (seen in public forks)": stepping(decay="corrected"),
        "decay twice: L2 in the gradient and decoupled": stepping(penalty=1.0),
        "L2 in the gradient, as a handout has it": stepping(penalty=1.0, decay="none"),
        "decay doubled": stepping(decay="twice"),
        "no decay": stepping(decay="none"),
        "no bias correction (google-research/bert)": stepping(correct=False),
        "t one ahead": stepping(ahead=1),
        "eps inside the root": stepping(inside=True),
        "eps before the correction (the starter's variant)": stepping(hat=True),
        "decay after the step (the starter's variant)": stepping(after=True),
        "beta1 and beta2 swapped": swapped,
        "v of the gradient's size, not its square": not_squared,
        "stores the corrected m and v": stores_the_corrected,
        "climbs": stepping(sign=-1),
        "m, v, p": stepping(order="mvp"),
        "p only": lambda *inputs, **named: step(*inputs, **named)[0],
        "in place": in_place,
    },
    "parameter_groups": {
        "norm weights decayed": by_name(["bias"]),
        "another model's names (the usual recipe)": by_name(["bias", "LayerNorm.weight"]),
        "everything decayed": by_name([]),
        "nothing decayed": by_name([""]),
        "frozen layers too": with_frozen,
        "heads forgotten": heads_forgotten,
        "heads at the encoder's rate": lambda model, lr, head_lr, weight_decay: layerwise_groups(
            model, lr, weight_decay=weight_decay
        ),
        "rates exchanged": lambda model, lr, head_lr, weight_decay: layerwise_groups(
            model, head_lr, lr, weight_decay=weight_decay
        ),
        "heads in two groups": twice,
        "a key misspelt": misspelt,
        "names in the place of parameters": of_names,
        "params is a generator": generators,
        "one group, not in a list": lambda model, **_: dict(params=list(model.parameters())),
    },
    "warmup_factor": {
        "the first step at 0 (a well-known library's schedule)": lambda step, total, warmup: (
            step / warmup if step < warmup else factor(step, total, warmup)
        ),
        "constant after the warm-up": lambda step, total, warmup: min(1.0, (step + 1) / (warmup + 1)),
        "no warm-up": lambda step, total, warmup: max(0.0, 1 - step / total),
        "falls from the start: a jump at the top": lambda step, total, warmup: (
            (step + 1) / (warmup + 1) if step < warmup else max(0.0, 1 - step / total)
        ),
        "negative past the end": lambda step, total, warmup: (
            (step + 1) / (warmup + 1) if step < warmup else (total - step) / max(1, total - warmup)
        ),
        "division by zero with nothing but warm-up": lambda step, total, warmup: (
            (step + 1) / (warmup + 1) if step < warmup else max(0.0, (total - step) / (total - warmup))
        ),
        "division by zero without warm-up": lambda step, total, warmup: min(
            (step + 1) / warmup, max(0, total - step) / max(1, total - warmup)
        ),
        "the last step at 0": lambda step, total, warmup: (
            factor(step, total, warmup) if step < warmup else max(0.0, (total - 1 - step) / max(1, total - warmup))
        ),
        "whole numbers": lambda step, total, warmup: round(factor(step, total, warmup)),
        "reaches 1 a step early": lambda step, total, warmup: (
            (step + 1) / max(1, warmup) if step < warmup else factor(step, total, warmup)
        ),
    },
    "strong_test": {
        "the starter's own test": starter,
        "one parameter": weak(shapes=((3, 4),), groups=False),
        "no two of a shape": weak(shapes=((3, 4), (2, 2), (5,))),
        "one group": weak(groups=False),
        "always a gradient": weak(missing=False),
        "no decay": weak(weight_decay=0.0, groups=False),
        "eps that does nothing": weak(eps=0.0),
        "one step": weak(steps=1),
        "a loose tolerance": weak(tolerance=1.0),
        "float32, compared as float64": weak(dtype=torch.float32, tolerance=1e-12),
        "torch.equal": weak(same=lambda p, q, **_: torch.equal(p, q)),
        "other gradients for the two": weak(noise=1e-3),
        "only that it runs": only_runs,
        "only that the loss falls": loss_falls,
        "says yes to all": lambda Optimizer: True,
        "says no to all": lambda Optimizer: False,
        "by its name": lambda Optimizer: Optimizer.__name__ == "AdamW",
        "raises in the place of False": asserts,
        "a number": lambda Optimizer: 0.0,
        "returns nothing": lambda Optimizer: None,
    },
}  # fmt: skip

ROUNDING = "right ones differ by rounding: torch.equal is too strict, and float32 too coarse"
TOLD = {  # words that the verdict must have
    "adamw_update": {
        "stores the corrected m and v": "m and v go back uncorrected",
        "m, v, p": "return them in the order p, m, v",
    },
    "parameter_groups": {
        "params is a generator": "params is a generator, which is empty after the first look; make a list",
    },
    "warmup_factor": {
        "division by zero with nothing but warm-up": "with total 5 and warmup 5: step 5 divides by 0",
        "negative past the end": "with total 10 and warmup 4: the factor is negative at step 11",
    },
    "strong_test": {
        "torch.equal": ROUNDING,
        "float32, compared as float64": ROUNDING,
        "says no to all": "and that one is right",
    },
}
