"""Wrong answers to the exercises of 10_schedules, most of them seen in public code of multi-task training."""

import itertools
import math
import random
from collections import Counter

import numpy as np
from scipy import stats

# --- 10.1 -------------------------------------------------------------------------------------------------


def turns(passes, steps, whose=None, replace=True):
    """Right, but for `whose(step, names)`, and for `replace`: whether an empty iterator is replaced."""
    names = list(passes)
    streams = {task: begin() for task, begin in passes.items()}
    taken = []
    for step in range(steps):
        task = names[step % len(names)] if whose is None else whose(step, names)
        batch = next(streams[task], None)
        if batch is None and not replace:
            break
        if batch is None:
            streams[task] = passes[task]()
            batch = next(streams[task])
        taken.append((task, batch))
    return taken


def never_moves_on(passes, steps):
    """The released code of a paper: `if not args.sample: task_id += 1`, with args.sample = 'rr'."""
    return turns(passes, steps, lambda step, names: names[0])


def new_iterator_each_step(passes, steps):
    names = list(passes)
    return [(task, next(iter(passes[task]()))) for task in (names[i % len(names)] for i in range(steps))]


def remembers_the_first_pass(passes, steps):
    names = list(passes)
    streams = {task: itertools.cycle(begin()) for task, begin in passes.items()}
    return [(task, next(streams[task])) for task in (names[i % len(names)] for i in range(steps))]


def zipped(passes, steps):
    together = zip(*(begin() for begin in passes.values()), strict=False)
    turn = [(task, batch) for batches in together for task, batch in zip(passes, batches, strict=True)]
    return turn[:steps]


def all_begin_again(passes, steps):
    names = list(passes)
    streams = {task: begin() for task, begin in passes.items()}
    taken = []
    for step in range(steps):
        task = names[step % len(names)]
        batch = next(streams[task], None)
        if batch is None:
            streams = {name: begin() for name, begin in passes.items()}
            batch = next(streams[task])
        taken.append((task, batch))
    return taken


def one_after_the_other(passes, steps):
    taken = []
    while len(taken) < steps:
        for task, begin in passes.items():
            taken += [(task, batch) for batch in begin()]
    return taken[:steps]


def until_the_largest(passes, steps):
    """Those that run out are skipped: the rest goes to whoever is left."""
    streams = {task: begin() for task, begin in passes.items()}
    taken = []
    while streams and len(taken) < steps:
        for task in list(streams):
            batch = next(streams[task], None)
            if batch is None:
                del streams[task]
            else:
                taken.append((task, batch))
    return taken[:steps]


def stop_iteration(passes, steps):
    names = list(passes)
    streams = {task: begin() for task, begin in passes.items()}
    return [(task, next(streams[task])) for task in (names[i % len(names)] for i in range(steps))]


# --- 10.2 -------------------------------------------------------------------------------------------------


def held(plan):
    return Counter(task for together in plan for task in together)


# --- 10.3 -------------------------------------------------------------------------------------------------


def power(sizes, alpha):
    total = sum(N**alpha for N in sizes.values())
    return {task: N**alpha / total for task, N in sizes.items()}


def alpha_of(e, E):
    return 1 - 0.8 * (e - 1) / max(1, E - 1)


class Remembers:
    """Right in a run's own order; asked for an earlier epoch, it answers for the latest."""

    def __init__(self):
        self.latest = 0

    def __call__(self, sizes, epoch, epochs):
        self.latest = 1 if epoch == 1 else max(self.latest, epoch)
        return power(sizes, alpha_of(self.latest, epochs))


class Compounding:
    """A public fork: last epoch's probabilities are raised to the new power, since the line that resets them is
    commented out."""

    def __init__(self):
        self.last = None

    def __call__(self, sizes, epoch, epochs):
        if self.last is None or epoch == 1:
            self.last = dict(sizes)
        self.last = power(self.last, alpha_of(epoch, epochs))
        return self.last


def compounds_from_the_start(sizes, epoch, epochs):
    p = sizes
    for e in range(1, epoch + 1):
        p = power(p, alpha_of(e, epochs))
    return p


def in_place(sizes, epoch, epochs):
    sizes.update(power(sizes, alpha_of(epoch, epochs)))
    return sizes


# --- 10.4 -------------------------------------------------------------------------------------------------


def chi(drawn, p, divide="expected", never="counted", df=-1, kind="sf", scale=1, root=False):
    counts, n = Counter(drawn), len(drawn)
    distance = 0.0
    for task, share in p.items():
        O, E = counts[task], n * share
        if never == "left out" and not O:
            continue
        by = {"expected": E, "drawn": O or math.inf, "nothing": 1}[divide]
        distance += (O - E) ** 2 / by / scale
    distance = math.sqrt(distance) if root else distance
    return float(getattr(stats.chi2, kind)(distance, len(p) + df))


PLANTED = {
    "batches_in_turn": {
        "never leaves task 0 (released code of a paper)": never_moves_on,
        "randint(0, n - 1): the last task is never drawn": lambda p, s: turns(
            p, s, lambda step, names: names[step % max(1, len(names) - 1)]
        ),
        "a new iterator each step": new_iterator_each_step,
        "itertools.cycle repeats the first pass": remembers_the_first_pass,
        "zip: stops at the smallest": zipped,
        "stops where one runs out": lambda p, s: turns(p, s, replace=False),
        "all begin again where one runs out": all_begin_again,
        "one task after the other, called round robin (a report)": one_after_the_other,
        "those that run out are skipped": until_the_largest,
        "StopIteration gets out": stop_iteration,
        "a task by chance": lambda p, s: turns(p, s, lambda step, names: random.Random(step).choice(names)),
        "order reversed": lambda p, s: turns(p, s, lambda step, names: names[-1 - step % len(names)]),
        "one step too many": lambda p, s: turns(p, s + 1),
        "batches without their task": lambda p, s: [batch for _, batch in turns(p, s)],
        "task and batch exchanged": lambda p, s: [(batch, task) for task, batch in turns(p, s)],
        "names only": lambda p, s: [task for task, _ in turns(p, s)],
        "returns nothing": lambda p, s: None,
    },
    "passes": {
        "steps, not passes": lambda plan, N, B: dict(held(plan)) | {t: held(plan)[t] for t in N},
        "examples": lambda plan, N, B: {t: held(plan)[t] * B[t] for t in N},
        "full batches only": lambda plan, N, B: {t: held(plan)[t] / (N[t] // B[t]) for t in N},
        "every batch is full": lambda plan, N, B: {t: held(plan)[t] * B[t] / N[t] for t in N},
        "each step has one task": lambda plan, N, B: {
            t: len(plan) / len(N) / math.ceil(N[t] / B[t]) for t in N
        },
        "each step has every task": lambda plan, N, B: {t: len(plan) / math.ceil(N[t] / B[t]) for t in N},
        "the first task of a step only": lambda plan, N, B: {
            t: sum(together[0] == t for together in plan) / math.ceil(N[t] / B[t]) for t in N
        },
        "tasks without a step are left out": lambda plan, N, B: {
            t: held(plan)[t] / math.ceil(N[t] / B[t]) for t in held(plan)
        },
        "whole passes": lambda plan, N, B: {t: held(plan)[t] // math.ceil(N[t] / B[t]) for t in N},
        "one batch size for all": lambda plan, N, B: {
            t: held(plan)[t] / math.ceil(N[t] / max(B.values())) for t in N
        },
        "a KeyError for a task that is not in the plan": lambda plan, N, B: {
            t: dict(held(plan))[t] / math.ceil(N[t] / B[t]) for t in N
        },
        "a list": lambda plan, N, B: [held(plan)[t] / math.ceil(N[t] / B[t]) for t in N],
        "passes of all tasks together": lambda plan, N, B: sum(held(plan).values()),
        "returns nothing": lambda plan, N, B: None,
    },
    "annealed_probabilities": {
        "last epoch's probabilities are raised again (a public fork)": Compounding(),
        "exponents multiplied": compounds_from_the_start,
        "counts epochs by itself": Remembers(),
        "sizes overwritten": in_place,
        "e / E": lambda N, e, E: power(N, 1 - 0.8 * e / E),
        "(e - 1) / E": lambda N, e, E: power(N, 1 - 0.8 * (e - 1) / E),
        "epochs from 0": lambda N, e, E: power(N, 1 - 0.8 * e / max(1, E - 1)),
        "E = 1 divides by zero": lambda N, e, E: power(N, 1 - 0.8 * (e - 1) / (E - 1)),
        "backwards": lambda N, e, E: power(N, 1 - 0.8 * (E - e) / max(1, E - 1)),
        "alpha is the fraction itself": lambda N, e, E: power(N, 0.8 * (e - 1) / max(1, E - 1)),
        "alpha falls to 0": lambda N, e, E: power(N, 1 - (e - 1) / max(1, E - 1)),
        "not normalised": lambda N, e, E: {t: n ** alpha_of(e, E) for t, n in N.items()},
        "divided by the largest": lambda N, e, E: {
            t: (n / max(N.values())) ** alpha_of(e, E) for t, n in N.items()
        },
        "alpha times N": lambda N, e, E: {t: alpha_of(e, E) * n / sum(N.values()) for t, n in N.items()},
        "alpha as a temperature": lambda N, e, E: power(N, 1 / alpha_of(e, E)),
        "uniform": lambda N, e, E: dict.fromkeys(N, 1 / len(N)),
        "always proportional": lambda N, e, E: power(N, 1),
        "always the last": lambda N, e, E: power(N, 0.2),
        "softmax of logs over alpha": lambda N, e, E: power(N, 1 / max(0.2, 1 - 0.8 * (e - 1) / E)),
        "a list": lambda N, e, E: list(power(N, alpha_of(e, E)).values()),
        "one task short": lambda N, e, E: dict(list(power(N, alpha_of(e, E)).items())[:-1]),
        "returns nothing": lambda N, e, E: None,
    },
    "surprise": {
        "a task never drawn is left out": lambda d, p: chi(d, p, never="left out"),
        "only tasks that were drawn, K and all": lambda d, p: chi(d, {t: p[t] for t in p if t in d}),
        "K degrees of freedom": lambda d, p: chi(d, p, df=0),
        "K - 2 degrees of freedom": lambda d, p: chi(d, p, df=-2),
        "n - 1 degrees of freedom": lambda d, p: chi(d, p, df=len(d) - len(p) - 1),
        "the left tail": lambda d, p: chi(d, p, kind="cdf"),
        "a density": lambda d, p: chi(d, p, kind="pdf"),
        "divided by what was drawn": lambda d, p: chi(d, p, divide="drawn"),
        "not divided": lambda d, p: chi(d, p, divide="nothing"),
        "shares in place of counts": lambda d, p: chi(d, p, scale=len(d)),
        "a root": lambda d, p: chi(d, p, root=True),
        "the distance": lambda d, p: float(
            sum((d.count(t) - len(d) * p[t]) ** 2 / (len(d) * p[t]) for t in p)
        ),
        "the largest gap": lambda d, p: max(abs(d.count(t) / len(d) - p[t]) for t in p),
        "sorts the draws in place": lambda d, p: (d.sort(reverse=True), chi(d, p))[1],
        "a truth value": lambda d, p: chi(d, p) < 0.05,
        "the whole result of scipy": lambda d, p: stats.chisquare(
            [d.count(t) for t in p], np.array([len(d) * p[t] for t in p])
        ),
        "returns nothing": lambda d, p: None,
    },
}

TOLD = {  # words that the verdict must have
    "batches_in_turn": {
        "never leaves task 0 (released code of a paper)": "all 26 steps go to 'a'",
        "randint(0, n - 1): the last task is never drawn": "'c' has no step at all",
        "a new iterator each step": "is the first of a new pass",
        "itertools.cycle repeats the first pass": "repeats the first, batch by batch",
        "zip: stops at the smallest": "it stops after 6 of 26 steps",
        "all begin again where one runs out": "before the old one is through",
        "one task after the other, called round robin (a report)": "one task after the other, not in turn",
        "those that run out are skipped": "tasks that run out begin again",
        "StopIteration gets out": "nobody began a new one",
    },
    "passes": {
        "steps, not passes": "divide by the batches of a pass",
        "examples": "a number of examples",
        "full batches only": "only full batches",
        "every batch is full": "the last one of a pass is short",
        "tasks without a step are left out": "has 0 passes",
        "whole passes": "cut to a whole number",
        "each step has every task": "as if every step of the plan held a batch of it",
    },
    "annealed_probabilities": {
        "last epoch's probabilities are raised again (a public fork)": "as if all exponents so far were multiplied",
        "exponents multiplied": "as if all exponents so far were multiplied",
        "counts epochs by itself": "it remembers an earlier epoch",
        "sizes overwritten": "it changes `sizes`",
        "e / E": "as if alpha fell by e / E",
        "(e - 1) / E": "the last epoch does not reach its alpha",
        "epochs from 0": "epochs count from 1",
        "E = 1 divides by zero": "in a run of one epoch it divides by zero",
        "backwards": "of the run backwards",
        "not normalised": "not to 1",
        "alpha falls to 0": "as if alpha fell to 0",
        "alpha as a temperature": "a temperature",
    },
    "surprise": {
        "a task never drawn is left out": "the strangest of all",
        "K degrees of freedom": "too many degrees of freedom",
        "the left tail": "the chance of a smaller distance",
        "divided by what was drawn": "divided by what was drawn",
        "shares in place of counts": "shares are compared, not counts",
        "the distance": "it gives the distance itself",
    },
}
