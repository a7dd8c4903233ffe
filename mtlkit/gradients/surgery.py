"""Gradient surgery: how much each task's gradient counts in a step, decided from G_ij = g_i . g_j alone.

Whatever is made of the tasks' gradients is a combination of them, g_i' = sum_j C_ij g_j, so that each dot product that
a projection asks for is one of C and G: g_i' . g_j = C_i G_j. K by K numbers stand for gradients of millions.

A method is called with G, (K, K), and returns weights w, (K,): the step follows sum_i w_i g_i. Any function of that
kind will do; what it also keeps in `coefficients` (C) and `orders` goes to the log.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

Gram = Float[Tensor, "K K"]


def project(g: Float[Tensor, "P"], h: Float[Tensor, "P"]) -> Float[Tensor, "P"]:
    """`g` without what works against `h` (Yu et al. 2020, Algorithm 1).

    Returns g - (g.h / h.h) h where g.h < 0, the two in conflict; else g.
    """
    dot = g @ h
    return g - dot / (h @ h) * h if dot < 0 else g


def pcgrad(gram: Gram, orders: Sequence[Sequence[int]]) -> Gram:
    """PCGrad (Yu et al. 2020, Algorithm 1). Returns C: task i's gradient after surgery is g_i' = sum_j C_ij g_j.

    gram: G, (K, K). orders: for each task i, the others in the order in which g_i is projected against them. Each time,
    the g_i that projections have changed so far meets the g_j that no projection has touched.
    """
    gram = checked(gram)
    C = torch.eye(len(gram), dtype=gram.dtype)
    for i, order in enumerate(orders):
        for j in order:
            dot = C[i] @ gram[:, j]  # g_i' . g_j
            if dot < 0 < gram[j, j]:  # of a very short g_j the square can be 0 where a dot is not
                C[i, j] -= dot / gram[j, j]
    return C


def gradvac(
    gram: Gram, orders: Sequence[Sequence[int]], targets: Gram, beta: float = 0.01
) -> tuple[Gram, Gram]:
    """GradVac (Wang et al. 2021, Algorithm 1): pulls g_i' towards g_j until their cosine is the usual one of the two.

    targets: the usual cosines so far, phi^_ij. Returns C, as `pcgrad` does, and the targets after this step,
    phi^_ij (1 - beta) + beta phi_ij. With all targets 0, kept there by beta = 0, it is PCGrad.
    """
    gram = checked(gram)
    C, targets = torch.eye(len(gram), dtype=gram.dtype), targets.clone()
    length = gram.diagonal().sqrt()
    for i, order in enumerate(orders):
        for j in order:
            mine = (C[i] @ gram @ C[i]).clamp(min=0).sqrt()  # |g_i'|
            if mine == 0 or length[j] == 0:
                continue  # no angle
            phi = (C[i] @ gram[:, j] / (mine * length[j])).clamp(-1, 1)
            target = targets[i, j].clamp(max=1 - 1e-9)  # at 1 no finite step would do
            if phi < target:  # eq. 3
                sine, target_sine = (1 - phi**2).sqrt(), (1 - target**2).sqrt()
                C[i, j] += mine * (target * sine - phi * target_sine) / (length[j] * target_sine)
            targets[i, j] = (1 - beta) * target + beta * phi
    return C, targets


class _Ordered:
    """A method that takes the tasks in an order of its own choice: seeded, and resumable by its `state_dict`."""

    def __init__(
        self,
        seed: int = 0,
        generator: torch.Generator | None = None,
        order: Sequence[Any] | None = None,
    ):
        self.generator = generator or torch.Generator().manual_seed(seed)
        self.order = order
        self.coefficients: Tensor | None = None  # C of the last call
        self.orders: list[list[int]] = []  # and its orders

    def draw(self, K: int) -> list[list[int]]:
        """For each of K tasks, the others in a random order of its own; or as `order` says."""
        if self.order is None:
            drawn = [torch.randperm(K, generator=self.generator).tolist() for _ in range(K)]
        elif all(isinstance(j, int) for j in self.order):
            drawn = [list(self.order)] * K
        else:
            drawn = [list(own) for own in self.order]
        orders = [[j for j in order if j != i] for i, order in enumerate(drawn)]
        if any(sorted([i, *order]) != list(range(K)) for i, order in enumerate(orders)) or len(orders) != K:
            raise ValueError(f"of {K} tasks each needs the others once in its order; got {self.order}")
        return orders

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.order is None else f'order={self.order}'})"

    def state_dict(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])


class PCGrad(_Ordered):
    """Projecting Conflicting Gradients (Yu et al. 2020): `pcgrad` with a random order for each task and step.

    seed, or a generator of your own; or order: one permutation of the tasks for all, or for each task the others.
    """

    def __call__(self, gram: Gram) -> Float[Tensor, "K"]:
        self.orders = self.draw(len(gram))
        self.coefficients = pcgrad(gram, self.orders)
        return self.coefficients.sum(0)


class GradVac(_Ordered):
    """Gradient Vaccine (Wang et al. 2021): `gradvac`, with targets that follow the cosines seen so far.

    beta: how fast they follow (the paper: 0.01), in [0, 1]. Otherwise as `PCGrad`. Targets go by the tasks' places:
    give the same tasks in the same order in each step; with another number of tasks they start anew. A call may name
    the number of the `part` of the model that its G is of: each has targets of its own (N, K, K).
    """

    def __init__(self, beta: float = 0.01, seed: int = 0, generator=None, order=None):
        super().__init__(seed, generator, order)
        if not 0 <= beta <= 1:
            raise ValueError(f"beta is in [0, 1], not {beta}")
        self.beta = beta
        self.targets = torch.zeros(0, 0, 0, dtype=torch.float64)

    def __repr__(self) -> str:
        return f"GradVac(beta={self.beta})"

    def __call__(self, gram: Gram, part: int = 0) -> Float[Tensor, "K"]:
        K = len(gram)
        if self.targets.shape[1] != K:
            self.targets = torch.zeros(0, K, K, dtype=torch.float64)
        if len(self.targets) <= part:
            more = torch.zeros(part + 1 - len(self.targets), K, K, dtype=torch.float64)
            self.targets = torch.cat([self.targets, more])
        self.orders = self.draw(K)
        self.coefficients, self.targets[part] = gradvac(gram, self.orders, self.targets[part], self.beta)
        return self.coefficients.sum(0)

    def state_dict(self) -> dict[str, Tensor]:
        return super().state_dict() | {"targets": self.targets.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        super().load_state_dict(state)
        self.targets = state["targets"].clone()


def checked(gram: Gram) -> Gram:
    """In float64, on the CPU. Raises ValueError for a number that is not finite: no order of projections mends it."""
    if not torch.isfinite(gram).all():
        bad = (~torch.isfinite(gram.diagonal())).nonzero().flatten().tolist()
        raise ValueError(f"the Gram matrix of the gradients is not finite (tasks number {bad})")
    return gram.double().cpu()
