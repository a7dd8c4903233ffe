"""One run of a recipe with one seed: trained, resumed where it stopped, and kept as one small file."""

import json
import platform
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pandas as pd
import torch

from ..data import exposure
from ..data.files import whole
from ..training import choose_device, choose_precision, predict, save_model, train
from .recipe import Recipe, build

ROOT = Path(__file__).resolve().parents[2]


def run(
    recipe: Recipe,
    seed: int = 0,
    folder: str | Path = "runs",
    progress: bool = False,
    keep_model: bool = False,
    device: str | torch.device | None = None,
) -> dict | None:
    """Train, evaluate, and write `folder/{name}-{seed}.json`; a run whose file is there is only read.

    A run that was killed goes on from its last checkpoint, exactly (`{name}-{seed}.unfinished/`, removed at the end).
    With surgery, each step's conflicts are in `{name}-{seed}.conflicts.safetensors` (`gradients.ConflictLog.load`).
    keep_model: also write the chosen weights, `{name}-{seed}.safetensors`. Returns what the file holds, see
    `read_result`; None if the run was stopped by hand. Raises ValueError where the file belongs to another recipe.
    """
    folder = Path(folder)
    path = folder / f"{recipe.slug}-{seed}.json"
    if path.exists():
        found = read_result(path)
        if found["recipe"] != json.loads(json.dumps(recipe.to_dict())):
            raise ValueError(
                f"{path} belongs to another recipe of this name; rename the recipe, or remove the file"
            )
        return found
    code = commit()
    built = build(recipe, seed, device=choose_device(device))
    precision = choose_precision(built.model.device, built.settings.precision)
    unfinished = path.with_suffix(".unfinished")
    history = train(
        built.model, built.tasks, built.train_data, built.dev_data, built.settings, unfinished, progress,
        built.schedule, built.weighting, built.overall, built.surgery,
    )  # fmt: skip
    if history.interrupted:
        return None
    steps = history.frame()
    share = exposure(built.schedule).groupby("task")[["steps", "examples"]].sum()
    examples_a_step = (share.examples / share.steps).to_dict()
    predictions = {}
    for task in built.tasks:
        outputs = predict(built.model, task, built.dev_data[task.name], precision=precision)
        predictions[task.name] = task.decode(outputs).numpy().round(4).tolist()
    taken = Counter(steps.task)
    result = {
        "recipe": recipe.to_dict(),
        "seed": seed,
        "chosen_step": history.best.step,
        "steps": int(steps.step.max()),
        "examples": {name: round(taken[name] * examples_a_step[name]) for name in built.train_data},
        "train_rows": {name: len(encoded) for name, encoded in built.train_data.items()},
        "seconds": round(history.evaluations[-1].seconds, 1),
        "precision": precision,
        "machine": machine(built.model.device),
        "torch": torch.__version__,
        "commit": code,
        "evaluations": history.scores().round(5).to_dict("list"),
        "history": steps[["step", "task", "loss"]].round(4).to_dict("list"),
        "predictions": predictions,
    }
    if built.surgery is not None:
        built.surgery.log.save(path.with_suffix(".conflicts.safetensors"))
    if keep_model:
        save_model(path.with_suffix(".safetensors"), built.model, {"seed": seed})
    write(path, result)
    shutil.rmtree(unfinished, ignore_errors=True)
    return read_result(path)


def read_result(path: str | Path) -> dict:
    """A run's file: recipe, seed, steps, examples and train_rows (by task), seconds, machine, torch, commit, and

    evaluations: a table of step, epoch, task, loss, score, seconds; chosen_step: the look whose weights were kept;
    history: a table of step, task, loss; predictions: task -> decoded predictions for the dev examples, in order.
    Raises ValueError for a file that is something else.
    """
    result = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(result, dict) or "predictions" not in result:
        raise ValueError(f"{path} is not the result of a run")
    return result


def write(path: Path, result: dict) -> None:
    """One line a key, whole or not at all."""
    lines = (
        f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in result.items()
    )
    with whole(path) as beside:
        beside.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def seen(result: dict) -> pd.Series:
    """Step -> examples seen up to it, all tasks together."""
    steps = pd.DataFrame(result["history"])
    a_step = {name: result["examples"][name] / count for name, count in Counter(steps.task).items()}
    return steps.task.map(a_step).groupby(steps.step).sum().cumsum().round().astype(int)


def machine(device: torch.device) -> str:
    """The processor and its cores, or the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {torch.get_num_threads()} cores"


@cache
def commit() -> str:
    """The commit of the code when this process first asked, "-dirty" behind it if files differ; or "unknown"."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"
