"""Whose batch comes next: which task, or which tasks together, each training step takes its batches from.

A schedule only names tasks; each task's `Stream` hands out the examples. So everything about it is known before
training: `steps`, `shares`, and with `exposure` how often each task's data will be gone through.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from statistics import fmean

import pandas as pd
import torch


@dataclass(frozen=True)
class Schedule:
    """What all schedules share; use one of its kinds below, or write `counts` and `plan` for one of your own.

    sizes: task -> number of examples. batch_sizes: task -> examples a batch, or one number for all tasks.
    epochs: how many there are; they count from 1. What an epoch is, each kind says.
    start: task -> first epoch that has it (default 1). order: who comes first (default: the order of `sizes`).
    Raises ValueError, naming value and fix, where a task would have no step or an epoch no task.
    """

    sizes: Mapping[str, int]
    batch_sizes: Mapping[str, int] | int
    epochs: int
    start: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    order: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self):
        _check_sizes(self.sizes)
        _at_least_1("epochs", self.epochs)
        if isinstance(self.batch_sizes, Mapping):
            _each_once("batch_sizes", self.batch_sizes, self.sizes)
        for task in self.sizes:
            _at_least_1(f"the batch size of {task!r}", self.batch_size(task))
        if self.order:
            _each_once("order", self.order, self.sizes)
        for task, first in self.start.items():
            if task not in self.sizes or not 1 <= first <= self.epochs:
                raise ValueError(f"start {task}: {first}; give {list(self.sizes)} epochs in 1..{self.epochs}")
        if not self.tasks(1):
            raise ValueError(f"start {dict(self.start)} leaves epoch 1 without a task; let one start there")

    def batch_size(self, task: str) -> int:
        return self.batch_sizes if isinstance(self.batch_sizes, int) else self.batch_sizes[task]

    def batches(self, task: str) -> int:
        """Batches in one pass over the task's examples; the last one may be short."""
        return math.ceil(self.sizes[task] / self.batch_size(task))

    def tasks(self, epoch: int) -> list[str]:
        """The tasks that have started by this epoch, in order. Raises ValueError for an epoch outside 1..epochs."""
        if not 1 <= epoch <= self.epochs:
            raise ValueError(f"epochs count from 1 to {self.epochs} here; there is no epoch {epoch}")
        return [task for task in self.order or self.sizes if self.start.get(task, 1) <= epoch]

    @property
    def _epochs(self) -> range:
        return range(1, self.epochs + 1)

    def _check_budget(self, examples: int) -> None:
        least = sum(self.batch_size(task) for epoch in self._epochs for task in self.tasks(epoch))
        if examples < least:
            raise ValueError(
                f"a batch of each task in each epoch is {least} examples; the budget is {examples}"
            )

    def counts(self, epoch: int) -> Mapping[str, float]:
        """Started task -> how many of the epoch's steps hold a batch of it (expected, where drawn)."""
        raise NotImplementedError

    def steps(self, epoch: int) -> int:
        """Training steps in this epoch."""
        return round(sum(self.counts(epoch).values()))

    def shares(self, epoch: int) -> dict[str, float]:
        """Task -> expected share of the epoch's steps that hold a batch of it: 0 before it starts, at most 1; the
        probabilities, where tasks are drawn."""
        counts = self.counts(epoch)
        return {task: counts.get(task, 0) / self.steps(epoch) for task in self.sizes}

    def within(self, examples: int) -> "Schedule":
        """The same schedule with epochs as long as it takes to see about `examples` in all, whatever they were before:
        equal budgets make schedules comparable. Exact up to a batch a task and epoch; see `exposure`. Raises
        ValueError for fewer examples than that.
        """
        raise NotImplementedError

    def plan(self, epoch: int, generator: torch.Generator) -> list[tuple[str, ...]]:
        """The epoch's steps: for each, the names of the tasks whose batches make it.

        Chance comes from `generator` alone: with its state at the start of an epoch stored, a run finds this plan
        again. Where nothing is left to chance, nothing is drawn from it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Sequential(Schedule):
    """An epoch is one pass over each task's data, one task after the other; the last of `order` has the last word.

    share: how much of a pass an epoch is: 0.25 takes a quarter of each task's batches, the next epoch the next quarter.
    Raises ValueError for a share that is not above 0.
    """

    share: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.share < math.inf:
            raise ValueError(f"share is above 0, not {self.share}")

    def counts(self, epoch: int) -> dict[str, int]:
        return {task: max(1, round(self.share * self.batches(task))) for task in self.tasks(epoch)}

    def within(self, examples: int) -> "Sequential":
        self._check_budget(examples)
        whole = sum(self.sizes[task] for epoch in self._epochs for task in self.tasks(epoch))
        return replace(self, share=examples / whole)

    def plan(self, epoch: int, generator: torch.Generator) -> list[tuple[str, ...]]:
        return [(task,) for task, count in self.counts(epoch).items() for _ in range(count)]


@dataclass(frozen=True)
class RoundRobin(Schedule):
    """A batch of each task in turn, one a step; tasks that run out begin again, reshuffled.

    until: how long an epoch lasts. "smallest", "largest": until the task with fewest (most) batches has been gone
    through once; "mean": for the mean number of batches; a number: until each task has given that many examples
    (to the next full batch; with unequal batch sizes, tasks that are done sit out).
    Raises ValueError for any other `until`.
    """

    until: str | int = "largest"

    def __post_init__(self):
        super().__post_init__()
        known = self.until in ("smallest", "largest", "mean")
        if not known and not (isinstance(self.until, int) and self.until >= 1):
            raise ValueError(f'until is "smallest", "largest", "mean" or 1, 2, ..., not {self.until!r}')

    def counts(self, epoch: int) -> dict[str, int]:
        tasks = self.tasks(epoch)
        if isinstance(self.until, int):
            return {task: math.ceil(self.until / self.batch_size(task)) for task in tasks}
        n = [self.batches(task) for task in tasks]
        cycles = {"smallest": min(n), "largest": max(n), "mean": math.ceil(fmean(n))}[self.until]
        return dict.fromkeys(tasks, cycles)

    def within(self, examples: int) -> "RoundRobin":
        self._check_budget(examples)
        each = examples / sum(len(self.tasks(epoch)) for epoch in self._epochs)
        half_a_batch = (
            fmean(map(self.batch_size, self.sizes)) / 2
        )  # `until` is rounded up to the next full batch
        return replace(self, until=max(1, round(each - half_a_batch)))

    def plan(self, epoch: int, generator: torch.Generator) -> list[tuple[str, ...]]:
        return [(task,) for together in self._cycles(epoch) for task in together]

    def _cycles(self, epoch: int) -> list[tuple[str, ...]]:
        counts = self.counts(epoch)
        return [tuple(t for t in counts if i < counts[t]) for i in range(max(counts.values()))]


@dataclass(frozen=True)
class Summed(RoundRobin):
    """A batch of every task in each step, their losses to be summed: what is a cycle of RoundRobin is one step."""

    def steps(self, epoch: int) -> int:
        return max(self.counts(epoch).values())

    def plan(self, epoch: int, generator: torch.Generator) -> list[tuple[str, ...]]:
        return self._cycles(epoch)


def annealed(epoch: int, epochs: int) -> float:
    """alpha = 1 - 0.8 (e-1)/(E-1): from 1, proportional, to 0.2 (Stickland & Murray 2019); 1 in a single epoch."""
    return 1 - 0.8 * (epoch - 1) / max(1, epochs - 1)


@dataclass(frozen=True)
class Sampled(Schedule):
    """Each step's task is drawn, with probability p_i proportional to N_i^alpha.

    alpha: 1 is proportional to the number of examples, 0.5 their square root, 1/T temperature T, 0 uniform; or a
    function of (epoch, epochs), like `annealed`.
    weights: task -> number above 0, used in place of N_i (with alpha 1 they are the probabilities, up to their sum).
    steps_per_epoch: default, as many as the tasks of that epoch have batches.
    p_i is the chance of a *batch*; if batch sizes differ, examples come in the ratio p_i times batch size.
    Raises ValueError for alpha below 0, weights that are not above 0 (a task that shall never be drawn does not
    belong in `sizes`), steps_per_epoch below 1.
    """

    alpha: float | Callable[[int, int], float] = 1.0
    weights: Mapping[str, float] | None = None
    steps_per_epoch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.steps_per_epoch is not None:
            _at_least_1("steps_per_epoch", self.steps_per_epoch)
        if self.weights is not None:
            _each_once("weights", self.weights, self.sizes)
            if not all(0 < weight < math.inf for weight in self.weights.values()):
                raise ValueError(f"weights are above 0, not {dict(self.weights)}; or leave the task out")
        for epoch in self._epochs:
            self.shares(epoch)  # an alpha that cannot be is found now, not in the middle of a run

    def shares(self, epoch: int) -> dict[str, float]:
        alpha = self.alpha(epoch, self.epochs) if callable(self.alpha) else self.alpha
        # Always from the original N: powers of last epoch's probabilities would compound.
        N = {task: (self.weights or self.sizes)[task] for task in self.tasks(epoch)}
        ratios = {
            task: n / max(N.values()) for task, n in N.items()
        }  # at most 1: their powers cannot overflow
        if not 0 <= alpha < math.inf or min(ratios.values()) ** alpha < 1e-300:
            raise ValueError(f"alpha is 0 or more and leaves all tasks a chance, not {alpha} (epoch {epoch})")
        total = sum(ratio**alpha for ratio in ratios.values())
        return {task: ratios[task] ** alpha / total if task in ratios else 0.0 for task in self.sizes}

    def steps(self, epoch: int) -> int:
        return self.steps_per_epoch or sum(map(self.batches, self.tasks(epoch)))

    def counts(self, epoch: int) -> dict[str, float]:
        return {task: p * self.steps(epoch) for task, p in self.shares(epoch).items() if p}

    def within(self, examples: int) -> "Sampled":
        self._check_budget(examples)
        a_step = sum(p * self.batch_size(t) for e in self._epochs for t, p in self.shares(e).items())
        return replace(self, steps_per_epoch=round(examples / a_step))

    def plan(self, epoch: int, generator: torch.Generator) -> list[tuple[str, ...]]:
        tasks, shares = self.tasks(epoch), self.shares(epoch)
        p = torch.tensor([shares[task] for task in tasks], dtype=torch.float64)
        drawn = torch.multinomial(p, self.steps(epoch), replacement=True, generator=generator)
        return [(tasks[i],) for i in drawn.tolist()]


def exposure(schedule: Schedule) -> pd.DataFrame:
    """How much of each task a schedule trains on, computed without training; expected values where drawn.

    One row an epoch and task, with the columns epoch, task, steps (that hold a batch of it), examples, passes
    (examples / size), and total_steps, total_examples, total_passes: the same from epoch 1 up to this one.
    A batch counts as size / (batches a pass) examples, short ones included: exact over whole passes.
    """
    rows = []
    for epoch in range(1, schedule.epochs + 1):
        counts = schedule.counts(epoch)
        for task, size in schedule.sizes.items():
            passes = counts.get(task, 0) / schedule.batches(task)
            rows.append((epoch, task, counts.get(task, 0), passes * size, passes))
    table = pd.DataFrame(rows, columns=["epoch", "task", "steps", "examples", "passes"])
    return table.join(table.groupby("task")[["steps", "examples", "passes"]].cumsum().add_prefix("total_"))


def orders(tasks: Iterable[str]) -> list[tuple[str, ...]]:
    """All orders in which the tasks can come: values for a schedule's `order`."""
    return list(permutations(tasks))


def balanced_batch_sizes(sizes: Mapping[str, int], largest: int) -> dict[str, int]:
    """Batch sizes in the ratio of the sizes, so that all tasks have about as many batches; at least 1.

    largest: the batch size of the largest task. The others are rounded down: where they come to 1 or more, no task
    runs out before the largest (the nearest whole number can be more even, but promises nothing).
    Raises ValueError for empty sizes, a task without examples, largest below 1.
    """
    _check_sizes(sizes)
    _at_least_1("the largest batch size", largest)
    return {task: max(1, largest * size // max(sizes.values())) for task, size in sizes.items()}


def _check_sizes(sizes: Mapping[str, int]) -> None:
    if not sizes:
        raise ValueError("sizes is empty: give each task its number of examples")
    for task, size in sizes.items():
        _at_least_1(f"the number of examples of {task!r} (or leave the task out)", size)


def _at_least_1(what: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{what} is at least 1, not {value}")


def _each_once(what: str, given: Iterable[str], sizes: Mapping[str, int]) -> None:
    if sorted(given) != sorted(sizes):
        raise ValueError(f"{what} names {list(given)}; it must name each of {list(sizes)} once")
