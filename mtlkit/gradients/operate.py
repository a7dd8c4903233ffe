"""Surgery in a training loop: one gradient a task, a method that weighs them, one gradient to step along."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from .bank import Bank
from .conflict import ConflictLog
from .surgery import GradVac, PCGrad


class Surgery:
    """Two lines in a training loop: this object, and `backward` in the place of the summed loss's.

        surgery = Surgery(model.encoder, PCGrad())
        ...
        surgery.backward({"sst": sst_loss, "para": para_loss})  # was: (sst_loss + para_loss).backward()
        optimizer.step()

    or, with one task's graph in memory at a time and as many batches of a task as one likes:

        for name in tasks:
            with surgery.task(name):
                loss(name).backward()
        surgery.apply()

    shared: what the tasks share, a module or parameters by name. Its `.grad` is replaced; other parameters, the heads,
    get their ordinary gradients. Weigh losses before, clip gradients afterwards, as without surgery.
    method: from Gram matrix to weights (see `surgery`). by_part: decide for each part of the model (a layer, the
    embeddings) on its own. mean: divide by the number of tasks. log: a `ConflictLog` that is told every step.
    """

    def __init__(
        self,
        shared: nn.Module | Mapping[str, nn.Parameter],
        method: Any = None,
        by_part: bool = False,
        mean: bool = False,
        log: ConflictLog | None = None,
    ):
        self.bank = Bank(shared)
        self.method = PCGrad() if method is None else method
        self.by_part, self.mean, self.log = by_part, mean, log

    def __repr__(self) -> str:
        method = repr(self.method)
        if " at 0x" in method:  # an address, which differs when a run goes on
            method = getattr(self.method, "__qualname__", type(self.method).__name__)
        return f"Surgery({method}, by_part={self.by_part}, mean={self.mean})"

    def task(self, name: str) -> AbstractContextManager[None]:
        """While open, backward passes are those of task `name`."""
        return self.bank.task(name)

    def backward(self, losses: Mapping[str, Tensor]) -> None:
        """The gradients of these losses (one number each), operated on. The losses may share a graph, which is freed.

        Raises ValueError for no losses, FloatingPointError for a loss or a gradient that is not finite, naming the
        task; no `.grad` of a shared parameter is then left.
        """
        if not losses:
            raise ValueError("no losses; give the loss of one task at least")
        last = list(losses)[-1]
        for name, loss in losses.items():
            with self.task(name):
                if not math.isfinite(loss.item()):
                    raise FloatingPointError(f"the loss of {name!r} is {loss.item()}")
                if loss.requires_grad:
                    loss.backward(retain_graph=name != last)
        self.apply({name: loss.item() for name, loss in losses.items()})

    def apply(self, losses: Mapping[str, float] | None = None) -> None:
        """Operate on the gradients of all tasks since the last call, and hand over one. losses: for the log."""
        if not self.bank.tasks:
            raise ValueError("no task had a backward pass since the last step")
        try:
            self._apply(losses)
        finally:
            self.bank.clear()

    def _apply(self, losses: Mapping[str, float] | None) -> None:
        bank = self.bank
        grams = bank.gram()
        whole = grams.sum(0)
        if not torch.isfinite(whole).all():
            bad = [
                name
                for name, finite in zip(bank.tasks, whole.diagonal().isfinite(), strict=True)
                if not finite
            ]
            raise FloatingPointError(f"the gradient of {', '.join(bad)} is not finite")
        if not self.by_part:
            weights = self.method(whole)
        elif isinstance(self.method, GradVac):
            weights = torch.stack([self.method(gram, part) for part, gram in enumerate(grams)])
        else:
            weights = torch.stack([self.method(gram) for gram in grams])
        weights = weights.detach().double().cpu()
        divide = len(bank.tasks) if self.mean else 1
        bank.write(weights, divide)
        if self.log is not None:
            self.log.add(bank.tasks, bank.parts, grams, weights / divide, losses, self.method)

    def state_dict(self) -> dict[str, Tensor]:
        """What the method carries from step to step (the random order's generator, GradVac's targets)."""
        return getattr(self.method, "state_dict", dict)()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        if state:
            self.method.load_state_dict(state)
