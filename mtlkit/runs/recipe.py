"""A run as a small file: which tasks, heads, schedule and settings. Read, checked, written, and made into objects."""

import importlib
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import nn

from .. import gradients, objectives, tasks
from ..bert import Bert, load_tokenizer
from ..data import (
    Encoded,
    Examples,
    RoundRobin,
    Sampled,
    Schedule,
    Sequential,
    Summed,
    annealed,
    encode,
    load,
)
from ..data.files import whole
from ..evaluation import norm3
from ..gradients import ConflictLog, Surgery
from ..heads import ClassificationHead, CosineHead, MultitaskModel, PairHead, fusion, pooling
from ..tasks import Task
from ..training import Settings, mean_score

SCHEDULES = {kind.__name__: kind for kind in (Sequential, RoundRobin, Summed, Sampled)}
HEADS = {kind.__name__: kind for kind in (ClassificationHead, PairHead, CosineHead)}
WEIGHTINGS = {name: getattr(objectives, name) for name in ("Sum", "Static", "Uncertainty", "GradNorm")}
SURGERIES = {name: getattr(gradients, name) for name in ("Sum", "PCGrad", "GradVac", "MGDA", "CAGrad")}
OVERALL: dict[str, Callable] = {"mean": mean_score, "norm3": lambda scores: norm3(**scores)}
LOWEST_LIMIT = 2


@dataclass(frozen=True)
class Recipe:
    """One run, but for its seed. All values are what a TOML file can hold.

    name: what tables call it. tasks: "sst", "para", "sts", or "module:NAME" for a `Task` of your own. source: "mini",
    "cs224n" or a folder; or a table task -> source. encoder: as in `Bert.from_pretrained`; frozen: train the heads
    alone. pairing: "two" or "one" sequences a pair. train_limit, dev_limit: most examples of a task, drawn once for
    all seeds (default: all).
    budget: examples seen in training, all tasks together; epochs: into how many parts that is cut, with a look at the
    dev sets after each (without a budget, epochs are what the schedule says they are). batch_size: a number, or a table
    task -> number.
    schedule: {kind = "Sampled", alpha = "annealed"}: a class of `mtlkit.data` and its arguments. heads: a table
    task -> {kind = "PairHead", fuse = "concat"}: a class of `mtlkit.heads` and its arguments; fuse, pool and activation
    by name, fuse also as a list (default: the task's own head). weighting: {kind = "Uncertainty", ...}: a class of
    `mtlkit.objectives` (default: the losses' sum). surgery: {kind = "PCGrad", by_part = true, ...}: a class of
    `mtlkit.gradients`, and what `Surgery` takes; each step's conflicts are recorded ("Sum" records them and leaves the
    gradients alone). settings: arguments of `training.Settings`. overall: "mean" or
    "norm3", of the dev scores; it chooses the look whose weights are kept.
    published: {report = "S4", table = "Table 5", row = "Classic Approach", split = "dev"}: the published numbers to
    show beside this run.
    Raises ValueError, naming recipe, key and value, for what cannot be; the rest is found by `build`.
    """

    name: str
    tasks: Sequence[str] = ("sst", "para", "sts")
    source: str | Mapping[str, str] = "mini"
    encoder: str = "minilm"
    frozen: bool = False
    pairing: str = "two"
    train_limit: int | None = None
    dev_limit: int | None = None
    budget: int | None = None
    epochs: int = 3
    batch_size: int | Mapping[str, int] = 32
    schedule: Mapping[str, Any] = field(default_factory=lambda: {"kind": "RoundRobin"})
    heads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weighting: Mapping[str, Any] | None = None
    surgery: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    overall: str = "mean"
    published: Mapping[str, str] | None = None

    def __post_init__(self):
        object.__setattr__(self, "tasks", tuple(self.tasks))
        if not self.slug:
            raise ValueError(f"a recipe's name has letters or digits, not {self.name!r}")
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise self.error(f"tasks is {list(self.tasks)}; name each task once")
        if self.overall not in OVERALL:
            raise self.error(f"overall is {self.overall!r}; it is {' or '.join(OVERALL)}")
        if elsewhere := {"epochs", "batch_size", "seed"} & set(self.settings):
            raise self.error(
                f"settings hold {elsewhere.pop()}, which stands outside of them (a seed nowhere)"
            )
        for what in ("train_limit", "dev_limit", "budget"):
            if (value := getattr(self, what)) is not None and value < LOWEST_LIMIT:
                raise self.error(f"{what} is {value}; it is at least {LOWEST_LIMIT} examples")

    @property
    def slug(self) -> str:
        """The name as the start of a file's name."""
        return "_".join(re.findall(r"\w+", self.name.lower()))

    def error(self, what: str) -> ValueError:
        return ValueError(f"recipe {self.name!r}: {what}")

    def to_dict(self) -> dict:
        """What is not a default, as plain values; `Recipe(**recipe.to_dict())` is the same recipe."""
        blank = asdict(Recipe(name="x"))
        values = {key: value for key, value in asdict(self).items() if key == "name" or value != blank[key]}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def read_recipes(path: str | Path) -> list[Recipe]:
    """The recipes of a TOML file: one run's keys; or keys that several share, and a [[run]] table for each, whose own
    keys replace the shared ones. Raises FileNotFoundError, or ValueError naming file, key and fix.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            shared = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    known = [f.name for f in fields(Recipe)]
    recipes = []
    for own in shared.pop("run", [{}]):
        values = {"name": path.stem, **shared, **own}
        if strange := [key for key in values if key not in known]:
            raise ValueError(f"{path}: no key {strange[0]!r} in a recipe; there are {', '.join(known)}")
        try:
            recipes.append(Recipe(**values))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from None
    return recipes


def write_recipes(path: str | Path, recipes: Recipe | Iterable[Recipe]) -> None:
    """Write recipes as `read_recipes` reads them, whole or not at all."""
    recipes = [recipes] if isinstance(recipes, Recipe) else list(recipes)
    text = tomli_w.dumps({"run": [recipe.to_dict() for recipe in recipes]})
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Built:
    """What `training.train` takes."""

    model: MultitaskModel
    tasks: list[Task]
    train_data: dict[str, Encoded]
    dev_data: dict[str, Encoded]
    settings: Settings
    schedule: Schedule
    weighting: nn.Module | None
    surgery: Surgery | None
    overall: Callable[[Mapping[str, float]], float]


def build(recipe: Recipe, seed: int = 0, device: torch.device | str = "cpu") -> Built:
    """The recipe's objects for one seed, which also draws the heads' first weights.

    Raises ValueError or FileNotFoundError naming what is wrong and the fix.
    """
    chosen = [find_task(name) for name in recipe.tasks]
    train_data, dev_data = (
        {task.name: part(recipe, task, split) for task in chosen} for split in ("train", "dev")
    )
    torch.manual_seed(seed)
    encoder = Bert.from_pretrained(recipe.encoder)
    width = encoder.config.hidden_size
    made = {task.name: make_head(recipe, task, width) for task in chosen}
    model = MultitaskModel(encoder, made).freeze_encoder(recipe.frozen).to(device)
    with_seed = make(recipe, "settings", Settings, dict(recipe.settings, seed=seed))
    schedule = make_schedule(recipe, {name: len(encoded) for name, encoded in train_data.items()})
    weighting = make_weighting(recipe, model)
    surgery = make_surgery(recipe, model, seed)
    overall = OVERALL[recipe.overall]
    return Built(model, chosen, train_data, dev_data, with_seed, schedule, weighting, surgery, overall)


def find_task(name: str) -> Task:
    """SST, PARA or STS by name, or "module:NAME". Raises ValueError for another."""
    module, _, attribute = name.partition(":")
    known = {task.name: task for task in vars(tasks).values() if isinstance(task, Task)}
    if not attribute and name in known:
        return known[name]
    try:
        found = getattr(importlib.import_module(module), attribute) if attribute else None
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no task {name!r}: {error}") from None
    if not isinstance(found, Task):
        raise ValueError(f'no task {name!r}; there are {", ".join(known)}, or give "module:NAME" of your own')
    return found


def part(recipe: Recipe, task: Task, split: str) -> Encoded:
    """The encoded examples of a task; read and tokenised once for all runs."""
    limit = recipe.train_limit if split == "train" else recipe.dev_limit
    return _encoded(task, split, source_of(recipe, task), recipe.encoder, recipe.pairing, limit)


def source_of(recipe: Recipe, task: Task) -> str:
    if isinstance(recipe.source, str):
        return recipe.source
    if task.name not in recipe.source:
        raise recipe.error(f"no source for {task.name}; there are {dict(recipe.source)}")
    return recipe.source[task.name]


@lru_cache(maxsize=16)
def _encoded(task, split, source, encoder, pairing, limit) -> Encoded:
    return encode(examples(task, split, source, limit), load_tokenizer(encoder), pairing)


@lru_cache(maxsize=16)
def examples(task: Task, split: str, source: str, limit: int | None) -> Examples:
    """The usable rows (malformed ones are left out), or `limit` of them: the same ones in every run."""
    rows = load(task.format, split, source, on_bad="report")
    if limit is None or limit >= len(rows):
        return rows
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:limit]
    return Examples([rows[i] for i in sorted(order.tolist())], rows.bad)


def make_schedule(recipe: Recipe, sizes: Mapping[str, int]) -> Schedule:
    """Raises ValueError for an unknown kind or argument, and what the schedule itself refuses."""
    arguments = dict(recipe.schedule, sizes=sizes, batch_sizes=recipe.batch_size, epochs=recipe.epochs)
    if arguments.get("alpha") == "annealed":
        arguments["alpha"] = annealed
    schedule = make(recipe, "schedule", pick(recipe, "schedule", SCHEDULES, arguments), arguments)
    try:
        return schedule if recipe.budget is None else schedule.within(recipe.budget)
    except ValueError as error:
        raise recipe.error(str(error)) from None


def make_head(recipe: Recipe, task: Task, width: int) -> nn.Module:
    """The head that the recipe names; else the task's own, or, for pairs in one sequence, a linear layer."""
    if task.name not in recipe.heads:
        joined = recipe.pairing == "one" and len(task.format.sentences) > 1
        return ClassificationHead(width, task.outputs) if joined else task.head(width)
    arguments = dict(recipe.heads[task.name])
    where = f"heads.{task.name}"
    kind = pick(recipe, where, HEADS, arguments)
    names = {"pool": pooling, "fuse": fusion, "activation": nn}
    for key in names.keys() & arguments.keys():
        value = arguments[key]
        found: list[Any] = [
            getattr(names[key], name, None) for name in ([value] if isinstance(value, str) else value)
        ]
        if None in found:
            raise recipe.error(f"{where}: {key} is {value!r}, and {names[key].__name__} has no such thing")
        arguments[key] = found[0] if isinstance(value, str) else fusion.combine(*found)
    for key, value in dict(width=width, outputs=task.outputs, classes=task.outputs).items():
        if key in inspect.signature(kind).parameters:
            arguments.setdefault(key, value)
    return make(recipe, where, kind, arguments)


def make_weighting(recipe: Recipe, model: MultitaskModel) -> nn.Module | None:
    if recipe.weighting is None:
        return None
    arguments = dict(recipe.weighting)
    kind = pick(recipe, "weighting", WEIGHTINGS, arguments)
    if kind is objectives.GradNorm:  # on the last layer that all tasks share
        arguments = dict(tasks=list(model.heads), shared=model.encoder.layers[-1].parameters(), **arguments)
    return make(recipe, "weighting", kind, arguments)


def make_surgery(recipe: Recipe, model: MultitaskModel, seed: int) -> Surgery | None:
    """On the encoder, with a log; a random order of projections is drawn from the run's seed."""
    if recipe.surgery is None:
        return None
    arguments = dict(recipe.surgery)
    kind = pick(recipe, "surgery", SURGERIES, arguments)
    options = {key: arguments.pop(key) for key in ("by_part", "mean") if key in arguments}
    if "seed" in inspect.signature(kind).parameters:
        arguments["seed"] = seed
    method = make(recipe, "surgery", kind, arguments)
    return Surgery(model.encoder, method, log=ConflictLog(), **options)


def pick(recipe: Recipe, where: str, kinds: Mapping[str, Any], arguments: dict) -> Any:
    """Takes `kind` out of the arguments and gives what it names."""
    if (kind := arguments.pop("kind", None)) not in kinds:
        raise recipe.error(f"{where}: kind is {kind!r}; there are {', '.join(kinds)}")
    return kinds[kind]


def make(recipe: Recipe, where: str, kind: Callable, arguments: Mapping[str, Any]) -> Any:
    """`kind(**arguments)`; what it refuses is told with the recipe's name and place."""
    if strange := sorted(set(arguments) - set(inspect.signature(kind).parameters)):
        raise recipe.error(f"{where}: {kind.__name__} has no argument {strange[0]!r}")
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise recipe.error(f"{where}: {error}") from None
