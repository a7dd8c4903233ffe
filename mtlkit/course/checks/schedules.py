"""The exercises of 10_schedules."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

from scipy import stats

from mtlkit.data import Sampled, annealed

from . import NotYet, call, check

# --- what the exercises ask for ---------------------------------------------------------------------------


def take_turns(passes, steps):
    """The first `steps` batches of a round robin, as a list of (task, batch).

    passes: task -> function without arguments; each call begins a new pass over the task's data: an iterator of
    its batches, in a new order, which ends.
    """
    names = list(passes)
    streams = {task: begin() for task, begin in passes.items()}
    taken = []
    for step in range(steps):
        task = names[step % len(names)]
        batch = next(streams[task], None)
        if batch is None:
            streams[task] = passes[task]()
            batch = next(streams[task])
        taken.append((task, batch))
    return taken


def passes_of_plan(plan, sizes, batch_sizes):
    """Task -> how often `plan` goes through its data. plan: for each step, the tuple of tasks whose batches make it."""
    held = Counter(task for together in plan for task in together)
    return {task: held[task] / math.ceil(sizes[task] / batch_sizes[task]) for task in sizes}


def p_annealed(sizes, epoch, epochs):
    """Task -> p, proportional to N^alpha, with alpha = 1 - 0.8 (e - 1) / (E - 1)."""
    return Sampled(sizes, 1, epochs, alpha=annealed).shares(epoch)


def p_value(drawn, p):
    """The chance that right draws are at least as far from p as `drawn` is: Pearson's chi-squared test."""
    counts, n = Counter(drawn), len(drawn)
    distance = sum((counts[task] - n * share) ** 2 / (n * share) for task, share in p.items())
    return float(stats.chi2.sf(distance, len(p) - 1))


# --- 10.1 -------------------------------------------------------------------------------------------------


class Watched:
    """Passes over tasks' batches, each batch a (task, pass, place); notes how often each task has begun."""

    def __init__(self, lengths: Mapping[str, int]):
        self.lengths = lengths
        self.begun = dict.fromkeys(lengths, 0)

    def passes(self):
        return {task: lambda task=task: self.begin(task) for task in self.lengths}

    def begin(self, task) -> Iterator[tuple]:
        number = self.begun[task]
        self.begun[task] += 1
        n = self.lengths[task]
        # every pass in an order of its own, the same at each call
        return iter([(task, number, (place + number) % n) for place in range(n)])


@check(
    "10.1",
    reference=take_turns,
    hints=(
        "Each task has an iterator of its own, which lives through the whole run. Only the one that is empty is "
        "replaced.",
        "names[step % K] is whose turn it is; streams is a dictionary, task -> iterator; the result is a list of "
        "`steps` pairs.",
        "streams = {task: begin() for task, begin in passes.items()}; each step: batch = next(streams[task], None); "
        "if batch is None: streams[task] = passes[task](), and take its first; append (task, batch)",
    ),
)
def batches_in_turn(answer):
    for lengths, steps in (({"a": 3, "b": 5, "c": 2}, 26), ({"a": 2, "b": 1}, 7), ({"only": 2}, 5)):
        watched = Watched(lengths)
        try:
            got = call(answer, watched.passes(), steps)
            got = list(got) if isinstance(got, Iterator) else got
        except StopIteration:
            raise NotYet(
                "StopIteration: next() found a pass at its end, and nobody began a new one"
            ) from None
        if not isinstance(got, (list, tuple)) or not all(is_pair(entry) for entry in got):
            raise NotYet("a list of pairs (task, batch) is expected, one for each step")
        whose_turn([task for task, _ in got], lengths, steps)
        for task, batch in got:
            if not (isinstance(batch, tuple) and len(batch) == 3 and batch[0] == task):
                raise NotYet(f"beside task {task!r} stands something that is no batch of it: {batch!r:.60}")
        for task in lengths:
            right_batches(task, [batch for name, batch in got if name == task], lengths[task])


def is_pair(entry) -> bool:
    return isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[0], str)


def whose_turn(tasks, lengths, steps):
    names = list(lengths)
    said = f"where {', '.join(f'{task!r} has {n}' for task, n in lengths.items())} batches a pass"
    if len(tasks) < steps:
        end = (
            " (that is where the first task runs out)"
            if len(tasks) <= len(names) * min(lengths.values())
            else ""
        )
        raise NotYet(
            f"{said}, it stops after {len(tasks)} of {steps} steps{end}; tasks that run out begin again"
        )
    if len(tasks) > steps:
        raise NotYet(f"it takes {len(tasks)} batches where {steps} steps are asked for")
    if len(set(tasks)) == 1 < len(names):
        raise NotYet(f"all {steps} steps go to {tasks[0]!r}: whose turn it is has to move on after each step")
    if missing := [task for task in names if task not in tasks]:
        raise NotYet(f"{missing[0]!r} has no step at all")
    wrong = [i for i, task in enumerate(tasks) if task != names[i % len(names)]]
    if wrong and len(names) > 1 and tasks[0] == tasks[1]:
        raise NotYet(
            f"{said}, it begins {', '.join(tasks[:4])}: that is one task after the other, not in turn"
        )
    if wrong:
        raise NotYet(f"{said}, step {wrong[0] + 1} goes to {tasks[wrong[0]]!r}, which is out of turn")


def right_batches(task, batches, n):
    """Raises NotYet unless these are whole passes, one after the other, each in its own order."""
    numbers = [number for _, number, _ in batches]
    if len(batches) > n > 1 and len(set(numbers)) == len(numbers):
        raise NotYet(
            f"each batch of {task!r} is the first of a new pass: go on with the iterator that you have"
        )
    if len(batches) > n and set(numbers) == {0}:
        raise NotYet(
            f"the second round of {task!r} repeats the first, batch by batch: begin a new pass, which has its own order"
        )
    for start in range(0, len(batches), n):
        part = batches[start : start + n]
        if len({number for _, number, _ in part}) > 1:
            raise NotYet(
                f"{task!r} begins a new pass before the old one is through, so some batches come more often than others"
            )
        if len({place for _, _, place in part}) < len(part):
            raise NotYet(f"within one pass, a batch of {task!r} comes twice")
    for earlier, later in pairwise(numbers):
        if later not in (earlier, earlier + 1):
            raise NotYet(
                f"a pass of {task!r} was begun and thrown away: begin one only when the last is through"
            )


# --- 10.2 -------------------------------------------------------------------------------------------------


@check(
    "10.2",
    reference=passes_of_plan,
    hints=(
        "Count how many steps hold a batch of the task, and divide by how many batches one pass has.",
        "A step is a tuple of one task or several. A pass has ceil(N / B) batches: the last one may be short. The "
        "result has a key for each task of `sizes`, in the plan or not.",
        "held = Counter(task for together in plan for task in together); "
        "return {task: held[task] / math.ceil(sizes[task] / batch_sizes[task]) for task in sizes}",
    ),
)
def passes(answer):
    sizes = {"a": 100, "b": 37, "c": 25}
    cases = [
        ("one task a step, equal batch sizes", [("a",), ("b",), ("c",)] * 20, dict.fromkeys(sizes, 10)),
        ("one task a step, unequal batch sizes", [("a",), ("b",), ("c",)] * 20, {"a": 32, "b": 8, "c": 2}),
        ("all tasks in each step", [("a", "b", "c")] * 15, {"a": 32, "b": 8, "c": 2}),
        ("some steps with two tasks", [("a", "b"), ("a",), ("c",)] * 7, {"a": 32, "b": 8, "c": 2}),
        ("a task that is not in the plan", [("a",)] * 6 + [("b",)] * 5, {"a": 32, "b": 8, "c": 2}),
    ]
    for case, plan, batch_sizes in cases:
        got = call(answer, plan, sizes, batch_sizes)
        want = passes_of_plan(plan, sizes, batch_sizes)
        case = f"for a plan with {case}"
        if not isinstance(got, Mapping):
            raise NotYet(f"a dictionary is expected, task -> passes; yours is of type {type(got).__name__}")
        if lost := [task for task in sizes if task not in got]:
            raise NotYet(f"{case}, {lost[0]!r} has no number; a task of which nothing is seen has 0 passes")
        if more := [task for task in got if task not in sizes]:
            raise NotYet(f"{case}, there is a number for {more[0]!r}, which is no task of `sizes`")
        for task in sizes:
            value = number(got[task], f"{case}, for {task!r}")
            if not math.isclose(value, want[task], rel_tol=1e-6, abs_tol=1e-9):
                raise NotYet(
                    f"{case}, {wrong_passes(value, task, plan, sizes[task], batch_sizes[task], want[task])}"
                )


def wrong_passes(value, task, plan, N, B, want):
    """What `value` is instead of the passes over one task, in words."""
    held = sum(task in together for together in plan)
    entries = sum(len(together) for together in plan)
    full = max(1, N // B)
    for other, words in (
        (held, "how many steps hold a batch of it: divide by the batches of a pass"),
        (held * B, "a number of examples: divide by the task's size"),
        (held / full, "as if a pass had only full batches; the short last one is trained on too"),
        (held * B / N, "as if every batch were full; the last one of a pass is short"),
        (len(plan) / math.ceil(N / B), "as if every step of the plan held a batch of it"),
        (len(plan) / 3 / math.ceil(N / B), "as if the steps were shared equally among the tasks"),
        (entries / math.ceil(N / B), "as if all batches of the plan were its own"),
        (held / N, "steps divided by examples: how many examples has a batch?"),
        (math.floor(want), "cut to a whole number; part of a pass counts too"),
        (round(want), "rounded to a whole number; part of a pass counts too"),
        (1 / want if want else 0, "upside down"),
    ):
        if math.isclose(value, other, rel_tol=1e-6):
            return f"the number for {task!r} is {words}"
    return f"the number for {task!r} is too {'large' if value > want else 'small'}"


# --- 10.3 -------------------------------------------------------------------------------------------------


@check(
    "10.3",
    reference=p_annealed,
    hints=(
        "First alpha, a number that depends on e and E alone; then each N to that power; then divide by their sum.",
        "Epochs run from 1 to E: at e = 1 the fraction is 0, at e = E it is 1. With E = 1 it would be 0 / 0; "
        "there is only the first epoch then. The result has the keys of `sizes` and sums to 1.",
        "alpha = 1 - 0.8 * (epoch - 1) / max(1, epochs - 1); powers = {task: N**alpha for task, N in sizes.items()}; "
        "return {task: power / sum(powers.values()) for task, power in powers.items()}",
    ),
)
def annealed_probabilities(answer):
    sizes = {"a": 4000, "b": 90_000, "c": 700}
    first: dict[int, Mapping] = {}
    for epochs, order in (
        (10, range(1, 11)),
        (2, (1, 2)),
        (10, (10, 2, 5)),
    ):  # a run, a short one, a look back
        for epoch in order:
            given = dict(sizes)
            got = shares_of(call(answer, given, epoch, epochs), sizes)
            if given != sizes:
                raise NotYet("it changes `sizes`: the next epoch would start from what this one has left")
            if epochs == 10 and epoch in first and not alike(got, first[epoch]):
                raise NotYet(
                    f"asked for epoch {epoch} of {epochs} a second time, it gives other probabilities: it remembers "
                    "an earlier epoch. Start from N each time"
                )
            if epochs == 10:
                first.setdefault(epoch, got)
            right_shares(got, sizes, epoch, epochs)
    equal = shares_of(call(answer, {"a": 50, "b": 50}, 3, 4), {"a": 50, "b": 50})
    right_shares(equal, {"a": 50, "b": 50}, 3, 4)
    try:
        got = shares_of(call(answer, dict(sizes), 1, 1), sizes)
    except ZeroDivisionError:
        raise NotYet("in a run of one epoch it divides by zero") from None
    right_shares(got, sizes, 1, 1)


def shares_of(got, sizes) -> dict[str, float]:
    if not isinstance(got, Mapping):
        raise NotYet(f"a dictionary is expected, task -> probability; yours is of type {type(got).__name__}")
    if set(got) != set(sizes):
        raise NotYet(f"it has the keys {', '.join(map(str, got)) or '(none)'}; each task of `sizes` has one")
    return {task: number(got[task], f"for {task!r}") for task in sizes}


def alike(got, want) -> bool:
    return all(math.isclose(got[task], want[task], rel_tol=1e-6, abs_tol=1e-12) for task in want)


def powers(sizes, alpha) -> dict[str, float]:
    total = sum(N**alpha for N in sizes.values())
    return {task: N**alpha / total for task, N in sizes.items()}


def right_shares(got, sizes, epoch, epochs):
    """Raises NotYet unless these are the probabilities of this epoch, and says what they are instead."""
    case = f"in epoch {epoch} of {epochs}"
    total = sum(got.values())
    if not math.isclose(total, 1, rel_tol=1e-6):
        raise NotYet(f"{case} the probabilities sum to {total:.4g}, not to 1")
    if alike(got, p_annealed(sizes, epoch, epochs)):
        return
    e, E = epoch, epochs
    gone = math.prod(1 - 0.8 * (k - 1) / max(1, E - 1) for k in range(1, e + 1))
    for alpha, words in (
        (0.0, "equal for all tasks, as if alpha were 0"),
        (1 - 0.8 * e / E, "as if alpha fell by e / E: then the first epoch is no longer proportional"),
        (
            1 - 0.8 * (e - 1) / E,
            "as if the fraction were (e - 1) / E: the last epoch does not reach its alpha",
        ),
        (1 - 0.8 * e / max(1, E - 1), "those of the next epoch: epochs count from 1"),
        (
            1 - 0.8 * (E - e) / max(1, E - 1),
            "those of the run backwards: the first epoch is the proportional one",
        ),
        (0.8 * (e - 1) / max(1, E - 1), "as if alpha began at 0: what is it in the first epoch?"),
        (gone, "as if all exponents so far were multiplied: powers of earlier probabilities"),
        (1 - (e - 1) / max(1, E - 1), "as if alpha fell to 0"),
        (1.0, "proportional still: alpha does nothing"),
        (1 / max(0.01, 1 - 0.8 * (e - 1) / max(1, E - 1)), "as if alpha were a temperature: N^(1/alpha)"),
        (0.2, "those of the last epoch"),
    ):
        if alike(got, powers(sizes, alpha)):
            raise NotYet(f"{case} they are {words}")
    largest = max(sizes, key=sizes.__getitem__)
    off = "large" if got[largest] > p_annealed(sizes, epoch, epochs)[largest] else "small"
    raise NotYet(f"{case} the probability of the largest task is too {off}")


# --- 10.4 -------------------------------------------------------------------------------------------------


@check(
    "10.4",
    reference=p_value,
    hints=(
        "Compare how often each task was drawn with how often it should have been; a miss of 10 means little for an "
        "expected 1,000, and much for an expected 20.",
        "O is a number a task, 0 where it was never drawn; n = len(drawn); K tasks have K - 1 degrees "
        "of freedom. The result is one float between 0 and 1.",
        "counts = Counter(drawn); distance = sum((counts[t] - n * p[t])**2 / (n * p[t]) for t in p); "
        "return stats.chi2.sf(distance, len(p) - 1)",
    ),
)
def surprise(answer):
    three = {"a": 0.5, "b": 0.3, "c": 0.2}
    four = dict.fromkeys("abcd", 0.25)
    cases = [
        ("near what they should be", "a" * 52 + "b" * 28 + "c" * 20, three),
        ("somewhat off", "a" * 61 + "b" * 25 + "c" * 14, three),
        ("exactly what they should be", "a" * 50 + "b" * 30 + "c" * 20, three),
        ("somewhat off, twice as many", "a" * 108 + "b" * 52 + "c" * 40, three),
        ("of four equal tasks, all drawn", "a" * 11 + "b" * 8 + "c" * 13 + "d" * 8, four),
        ("of four equal tasks, the last never drawn", "a" * 4 + "b" * 4 + "c" * 4, four),
    ]
    for case, text, p in cases:
        given = list(text)
        got = call(answer, given, dict(p))
        if isinstance(got, bool):
            raise NotYet("it gives a truth value; the chance itself is asked for")
        value = number(got, f"for draws {case}")
        if given != list(text):
            raise NotYet("it changes the list of draws: sort or pop a copy")
        want = p_value(given, p)
        if not math.isclose(value, want, rel_tol=1e-4, abs_tol=1e-9):
            raise NotYet(f"for draws {case}, {wrong_surprise(value, given, p, want)}")


def wrong_surprise(value, drawn, p, want):
    """What `value` is instead of the p-value, in words."""
    counts, n, df = Counter(drawn), len(drawn), len(p) - 1
    O, E = [counts[t] for t in p], [n * share for share in p.values()]
    distance = sum((o - e) ** 2 / e for o, e in zip(O, E, strict=True))
    seen = sum((o - e) ** 2 / e for o, e in zip(O, E, strict=True) if o)
    for other, words in (
        (distance, "it gives the distance itself: how likely is one as large as that?"),
        (
            1 - want,
            "it gives the chance of a smaller distance: it should be small where the draws are strange",
        ),
        (stats.chi2.sf(distance, df + 1), "there are too many degrees of freedom: the counts sum to n"),
        (stats.chi2.sf(distance, df - 1) if df > 1 else None, "there are too few degrees of freedom"),
        (
            stats.chi2.sf(distance, n - 1),
            "the degrees of freedom are those of the draws; tasks are what counts",
        ),
        (stats.chi2.sf(seen, df), "a task that was never drawn is left out, and it is the strangest of all"),
        (stats.chi2.sf(distance / n, df), "shares are compared, not counts: more draws have to weigh more"),
        (stats.chi2.sf(distance**0.5, df), "a root is too many: the distance is a sum of squares"),
        (
            stats.chi2.sf(sum((o - e) ** 2 / o if o else 0 for o, e in zip(O, E, strict=True)), df),
            "each square is divided by what was drawn, not by what was expected",
        ),
        (
            stats.chi2.sf(sum((o - e) ** 2 for o, e in zip(O, E, strict=True)), df),
            "the squares are not divided by what was expected",
        ),
        (
            stats.chi2.sf(sum(abs(o - e) / e for o, e in zip(O, E, strict=True)), df),
            "the differences are not squared",
        ),
        (stats.chi2.pdf(distance, df), "it gives a density; a chance is its area to the right"),
    ):
        if other is not None and math.isclose(value, other, rel_tol=1e-6, abs_tol=1e-12):
            return words
    if not 0 <= value <= 1:
        return f"it gives {value:.3g}; a chance lies between 0 and 1"
    return f"the chance is too {'large' if value > want else 'small'}"


def number(value, case) -> float:
    """`value` as a float. Raises NotYet if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{case} a number is expected; yours is of type {type(value).__name__}") from None
