"""Several recipes over several seeds under an equal budget, as tables: means, intervals, paired differences."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from ..data import exposure
from ..data.files import whole
from ..evaluation import floors, mean3, norm3, over_seeds, published
from ..evaluation.intervals import percentiles, resampled, samples
from ..tasks import Task
from .recipe import Recipe, build, examples, find_task, part, source_of
from .result import run, seen

DRAWS, LEVEL = 1000, 0.95
SCORE = ("score", "low", "high")
DIFFERENCE = ("difference", "difference_low", "difference_high")
AVERAGES = {"mean3": mean3, "norm3": norm3}  # of SST, PARA and STS, where a run has all three
TOLERANCE = 0.05  # of the examples seen, within which budgets count as equal


def compare(
    recipes: Sequence[Recipe],
    seeds: int | Iterable[int] = 3,
    budget: int | None = None,
    folder: str | Path = "runs",
    progress: bool = True,
    keep_models: bool = False,
    device: str | None = None,
) -> pd.DataFrame:
    """Run every recipe with every seed, and return `comparison` of them; the first recipe is the one to compare with.

    seeds: how many (0, 1, ...), or which. budget: examples seen by each run, in place of the recipes' own.
    In `folder`: `{name}-{seed}.json` of each run as it ends, `scores.csv` with every look at the dev sets, and
    `comparison.csv`. Runs whose file is there are not run again, so a comparison that was stopped goes on where it was,
    and one with more seeds or recipes does only what is new. progress: a line after each run.
    Raises ValueError for budgets that are not equal, names that are not unique, and what `build` refuses, before
    anything is trained.
    """
    seeds = range(seeds) if isinstance(seeds, int) else list(seeds)
    recipes = [recipe if budget is None else replace(recipe, budget=budget) for recipe in recipes]
    check(recipes)
    results, started, trained = [], time.perf_counter(), 0
    jobs = [(seed, recipe) for seed in seeds for recipe in recipes]
    for number, (seed, recipe) in enumerate(jobs, start=1):
        there = (Path(folder) / f"{recipe.slug}-{seed}.json").exists()
        result = run(recipe, seed, folder, keep_model=keep_models, device=device)
        if result is None:
            break
        results.append(result)
        save(scores(results), Path(folder) / "scores.csv")
        if not there:
            trained += 1
            if progress:
                left = (time.perf_counter() - started) / trained * (len(jobs) - number) / 60
                print(f"[{number} of {len(jobs)}] {line(result)}; at most {left:.0f} min left", flush=True)
    table = comparison(results)
    if results:
        save(table, Path(folder) / "comparison.csv")
    return table


def save(table: pd.DataFrame, path: Path) -> None:
    with whole(path) as beside:
        table.to_csv(beside, index=False)


def check(recipes: Sequence[Recipe]) -> None:
    """Raises ValueError unless recipes can be compared: each can be built, names differ, and each sees about as many
    examples."""
    if not recipes:
        raise ValueError("give at least one recipe")
    slugs = [recipe.slug for recipe in recipes]
    if twice := [recipe.name for recipe in recipes if slugs.count(recipe.slug) > 1]:
        raise ValueError(f"two recipes of one name: {', '.join(twice)}")
    for recipe in recipes:
        printed(recipe)
    totals = {recipe.name: exposure(build(recipe).schedule).examples.sum() for recipe in recipes}
    if max(totals.values()) > (1 + TOLERANCE) * min(totals.values()):
        told = ", ".join(f"{name} {total:.0f}" for name, total in totals.items())
        raise ValueError(f"the recipes see unequal numbers of examples ({told}): give them one budget")


def line(result: dict) -> str:
    """A run in one line."""
    chosen = scores([result]).query("chosen")
    text = " ".join(f"{row.task} {row.score:.3f}" for row in chosen.itertuples())
    return f"{result['recipe']['name']}, seed {result['seed']}: {text}, {result['seconds']:.0f} s"


def scores(results: Iterable[dict]) -> pd.DataFrame:
    """Every look at the dev sets: a row a run, seed, look and task.

    Columns run, seed, epoch, step, examples (seen up to there, all tasks together), task, score, loss, chosen (the look
    whose weights were kept), seconds. With all of SST, PARA and STS, mean3 and norm3 have rows too (without a loss).
    """
    frames = []
    for result in results:
        looks = pd.DataFrame(result["evaluations"]).query("task != 'overall'")
        wide = looks.pivot(index=["epoch", "step"], columns="task", values="score")
        if set(wide.columns) == {"sst", "para", "sts"}:
            seconds = looks.groupby(["epoch", "step"]).seconds.max()
            looks = pd.concat(
                [looks]
                + [
                    pd.DataFrame({"task": name, "score": average(wide.sst, wide.para, wide.sts), "seconds": seconds})
                    .reset_index()
                    for name, average in AVERAGES.items()
                ]
            )  # fmt: skip
        looks = looks.assign(
            run=result["recipe"]["name"],
            seed=result["seed"],
            examples=looks.step.map(seen(result)),
            chosen=looks.step == result["chosen_step"],
        )
        frames.append(looks)
    columns = ["run", "seed", "epoch", "step", "examples", "task", "score", "loss", "chosen", "seconds"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def comparison(results: Sequence[dict]) -> pd.DataFrame:
    """A row a run and task: what the runs scored, how sure that is, and what to hold it against.

    Columns: run, task (also mean3 and norm3, where all three are there); score: the mean over seeds, of the weights
    that were kept; low, high: its 95% interval, over dev examples (bootstrap) and over seeds (Student's t), the two
    added in quadrature, with one seed over examples alone; difference, difference_low, difference_high: the same for
    the score less that of the first run, paired by example and seed; floor: the best score without learning; published:
    the report's number and published_as its place; seeds; examples, steps, seconds: means over seeds.
    """
    runs: dict[str, list[dict]] = {}
    for result in results:
        runs.setdefault(result["recipe"]["name"], []).append(result)
    scored = {name: Scored(group) for name, group in runs.items()}
    rows = []
    for name, this in scored.items():
        cost = {
            "seeds": len(this.seeds),
            "examples": round(fmean(sum(r["examples"].values()) for r in runs[name])),
            "steps": round(fmean(r["steps"] for r in runs[name])),
            "seconds": round(fmean(r["seconds"] for r in runs[name]), 1),
        }
        for task in this.values:
            score = dict(zip(SCORE, interval(this.values[task], this.draws[task]), strict=True))
            apart = dict(zip(DIFFERENCE, this.less(next(iter(scored.values())), task), strict=True))
            beside = {"floor": this.floors[task], **this.published(task)}
            rows.append({"run": name, "task": task, **score, **apart, **beside, **cost})
    more = ["floor", "published", "published_as", "seeds", "examples", "steps", "seconds"]
    return pd.DataFrame(rows, columns=["run", "task", *SCORE, *DIFFERENCE, *more]).round(4)


class Scored:
    """The runs of one recipe: values[task] (S,), a score a seed; draws[task], the mean over seeds on resampled dev
    examples, the same resamples in every recipe; floors[task]."""

    def __init__(self, results: list[dict]):
        self.recipe = Recipe(**results[0]["recipe"])
        self.seeds = [result["seed"] for result in results]
        self.values: dict[str, np.ndarray] = {}
        self.draws: dict[str, np.ndarray] = {}
        self.floors: dict[str, float] = {}
        self.sets: dict[str, Any] = {}  # which dev examples
        for task in map(find_task, self.recipe.tasks):
            dev = part(self.recipe, task, "dev")
            labels = np.array(dev.labels)
            predictions = [np.array(result["predictions"][task.name]) for result in results]
            if any(len(p) != len(labels) for p in predictions):
                raise self.recipe.error(
                    f"predictions for another dev set of {task.name}; remove its results and run again"
                )
            self.values[task.name] = np.array([task.metric(p, labels) for p in predictions])
            kept = [draw(task, p, labels) for p in predictions]
            self.draws[task.name] = np.mean(kept, axis=0)
            self.floors[task.name] = best_floor(self.recipe, task)
            self.sets[task.name] = (source_of(self.recipe, task), self.recipe.dev_limit)
        if set(self.values) == {"sst", "para", "sts"}:
            for name, average in AVERAGES.items():
                self.values[name] = np.array(
                    [average(*row) for row in zip(*self.three(self.values), strict=True)]
                )
                self.draws[name] = np.array(
                    [average(*row) for row in zip(*self.three(self.draws), strict=True)]
                )
                self.floors[name] = average(*self.three(self.floors))
                self.sets[name] = tuple(self.three(self.sets))

    @staticmethod
    def three(table: dict) -> tuple:
        return table["sst"], table["para"], table["sts"]

    def less(self, other: "Scored", task: str) -> tuple[float, float, float]:
        """`interval` of this score less the other's, paired; NaN where they are the same runs, or have not the task on
        the same dev examples and a seed in common."""
        shared = [seed for seed in self.seeds if seed in other.seeds]
        if self is other or self.sets[task] != other.sets.get(task) or not shared:
            return math.nan, math.nan, math.nan
        a, b = (s.values[task][[s.seeds.index(seed) for seed in shared]] for s in (self, other))
        return interval(a - b, self.draws[task] - other.draws[task])

    def published(self, task: str) -> dict:
        """The report's number for this run and where it stands, as the recipe says; mean3 and norm3 of its three."""
        numbers = printed(self.recipe)
        if task in AVERAGES:
            has_all = {"sst", "para", "sts"} <= set(numbers)
            value = AVERAGES[task](*self.three(numbers)) if has_all else math.nan
        else:
            value = numbers.get(task, math.nan)
        return {"published": value, "published_as": ", ".join((self.recipe.published or {}).values())}


def printed(recipe: Recipe) -> dict[str, float]:
    """Task -> the number that the report named by the recipe printed. Raises ValueError where there is no such row."""
    if not recipe.published:
        return {}
    table = published()
    for key, value in recipe.published.items():
        table = table[table[key] == value]
    if table.empty:
        raise recipe.error(
            f"published is {dict(recipe.published)}, and data/results/reports.csv has no such row"
        )
    return table.set_index(table.task.str.lower()).value.to_dict()


def draw(task: Task, predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The metric on DRAWS resamples of the examples, (DRAWS,): the same resamples whatever the run, others a task."""
    chosen = samples(len(labels), DRAWS, LEVEL, seed=crc32(task.name.encode()))
    return np.concatenate([resampled(task.metric, predictions, labels, rows) for rows in chosen])


def interval(values: np.ndarray, draws: np.ndarray) -> tuple[float, float, float]:
    """(mean, low, high) of a score: over examples, from `draws`, and over seeds, from `values`, in quadrature."""
    mean = float(values.mean())
    low, high = percentiles(draws - draws.mean(), LEVEL)
    seeds = over_seeds(values, LEVEL)[2] - mean if len(values) > 1 else 0.0
    return mean, mean - math.hypot(low, seeds), mean + math.hypot(high, seeds)


_floors: dict = {}


def best_floor(recipe: Recipe, task: Task) -> float:
    """The best score on the dev examples of what does not learn a representation, see `evaluation.floors`."""
    key = (task.format, source_of(recipe, task), recipe.train_limit, recipe.dev_limit)
    if key not in _floors:
        there = (
            examples(task, split, key[1], limit) for split, limit in (("train", key[2]), ("dev", key[3]))
        )
        _floors[key] = float(floors(task.format, *there).score.max())
    return _floors[key]
