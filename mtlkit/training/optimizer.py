"""AdamW, the learning-rate schedule that goes with it, and parameter groups for fine-tuning BERT."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ..heads import MultitaskModel

OPTIONS = ("lr", "betas", "eps", "weight_decay", "decay_after")
CHUNK = 2**17  # elements updated at a time on the CPU: the four arrays of a chunk stay in its cache


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2).

    params: parameters, or groups of them. lr: step size, > 0. betas: memory of the mean gradient and of the mean
    squared gradient, each in [0, 1). eps: keeps the division finite. weight_decay: each step shrinks a parameter
    by lr * weight_decay of itself. decay_after: the CS224N starter's variant, which shrinks after the step instead
    of before it and adds eps before the bias correction (Kingma & Ba 2015, end of section 2). Raises ValueError for
    values out of range. A parameter whose gradient is None is left alone, also by the decay.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay_after: bool = False,
    ):
        if not (lr >= 0 and eps >= 0 and weight_decay >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(
                f"lr, eps and weight_decay are not negative and betas in [0, 1); got lr={lr}, betas={betas}, "
                f"eps={eps}, weight_decay={weight_decay}"
            )
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decay_after=decay_after)
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every parameter that has a gradient. Returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse:
                    raise RuntimeError("AdamW needs dense gradients; set sparse=False in the embedding")
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["m"] = torch.zeros_like(p)
                    state["v"] = torch.zeros_like(p)
                state["step"] += 1
                options = {name: group[name] for name in OPTIONS}
                for p_, g_, m_, v_ in _chunks(p, p.grad, state["m"], state["v"]):
                    update(p_, g_, m_, v_, state["step"], **options)
        return loss


def update(
    p: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int, lr, betas, eps, weight_decay, decay_after=False
) -> None:
    """Algorithm 2 of Loshchilov & Hutter (2019), in place; all tensors of one shape, `t` counts from 1."""
    beta1, beta2 = betas
    m.lerp_(g, 1 - beta1)  # line 6: mean gradient
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)  # line 7: mean squared gradient
    m_scale = 1 / (1 - beta1**t)  # line 8: both start at zero and
    v_scale = 1 / (1 - beta2**t)  # line 9: are too small at first
    if decay_after:
        p.addcdiv_(m, v.sqrt().add_(eps), value=-lr * m_scale / math.sqrt(v_scale))
        p.sub_(p, alpha=lr * weight_decay)  # in float32, 1 - 1e-7 would be 19% off
    else:
        p.mul_(1 - lr * weight_decay)  # line 12: decay touches p alone, not g
        p.addcdiv_(m, v.sqrt().mul_(math.sqrt(v_scale)).add_(eps), value=-lr * m_scale)


def _chunks(*tensors: Tensor) -> Iterable[tuple]:
    """On the CPU, the same slices of all tensors, small enough to stay in the cache for the whole update."""
    if tensors[0].is_cuda or tensors[0].numel() <= CHUNK or not all(t.is_contiguous() for t in tensors):
        return [tensors]
    return zip(*(t.view(-1).split(CHUNK) for t in tensors), strict=True)


def linear_warmup(step: int, total: int, warmup: int) -> float:
    """The learning rate's factor at `step` (from 0): up to 1 in `warmup` steps, then straight down to 0 at `total`.

    Raises ValueError unless 0 <= warmup <= total and total >= 1.
    """
    if not (0 <= warmup <= total and total >= 1):
        raise ValueError(f"warmup {warmup} must lie between 0 and total {total}, and total be at least 1")
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (total - step) / max(1, total - warmup))


def layerwise_groups(
    model: MultitaskModel,
    lr: float,
    head_lr: float | None = None,
    layer_decay: float = 1.0,
    weight_decay: float = 0.01,
) -> list[dict]:
    """Parameter groups of a `MultitaskModel`: lower layers learn more slowly (ULMFiT, Howard & Ruder 2018).

    Layer l of L has learning rate lr * layer_decay^(L - 1 - l), the embeddings lr * layer_decay^L, the pooler lr,
    the heads `head_lr` (default lr). Biases and layer norms are not decayed. Frozen parameters are left out.
    """
    encoder = model.encoder
    L = len(encoder.layers)
    parts = [
        (encoder.embeddings, lr * layer_decay**L),
        (encoder.pooler, lr),
        (model.heads, lr if head_lr is None else head_lr),
    ]
    parts += [(layer, lr * layer_decay ** (L - 1 - i)) for i, layer in enumerate(encoder.layers)]
    groups = []
    for module, rate in parts:
        trained = [p for p in module.parameters() if p.requires_grad]
        for params, decay in (
            ([p for p in trained if p.ndim > 1], weight_decay),
            ([p for p in trained if p.ndim <= 1], 0.0),
        ):
            if params:
                groups.append(dict(params=params, lr=rate, weight_decay=decay))
    return groups
