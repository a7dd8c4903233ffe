"""One training run: its state, a step, an evaluation, and how it is saved and resumed."""

import math
import time
import zlib
from bisect import bisect_left
from dataclasses import asdict, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..data import Stream, collate
from . import checkpoint
from .device import autocast, choose_precision
from .history import OVERALL, Evaluation, History, Log, Step
from .optimizer import layerwise_groups, linear_warmup
from .predict import evaluate
from .word_table import WordTableGradient


class Run:
    """The state of one run; `train` makes it and explains its arguments."""

    def __init__(
        self,
        model,
        tasks,
        train_data,
        dev_data,
        settings,
        folder,
        schedule,
        weighting=None,
        overall=None,
        surgery=None,
    ):
        self.model, self.tasks, self.train_data, self.dev_data = model, tasks, train_data, dev_data
        self.schedule, self.weighting, self.overall, self.surgery = schedule, weighting, overall, surgery
        if getattr(weighting, "needs_all", False) and settings.micro_batch:
            raise ValueError(f"{type(weighting).__name__} needs whole batches: leave micro_batch out")
        if getattr(weighting, "needs_all", False) and surgery is not None:
            raise ValueError(
                f"{type(weighting).__name__} makes one loss of all tasks: nothing is left to operate on"
            )
        self.precision = choose_precision(model.device, settings.precision)
        self.settings = replace(settings, precision=self.precision)
        self.folder = Path(folder) if folder else None
        self.ends = list(accumulate(schedule.steps(e) for e in range(1, schedule.epochs + 1)))  # last steps
        self.total = self.ends[-1]
        self.warmup = round(settings.warmup * self.total)
        groups = layerwise_groups(
            model, settings.lr, settings.head_lr, settings.layer_decay, settings.weight_decay
        )
        if not groups:
            raise ValueError("every parameter is frozen: there is nothing to train")
        if weighting is not None and (learnt := list(weighting.parameters())):
            groups.append(dict(params=learnt, lr=settings.head_lr or settings.lr, weight_decay=0.0))
        # `training.AdamW`, to the last digits (a test compares them), in one pass over memory: 2 to 4 times as fast
        self.optimizer = torch.optim.AdamW(groups, lr=settings.lr, fused=True)
        self.table = WordTableGradient(model)
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        # One generator a task, so that a task's batches do not depend on who else trains; one for the schedule.
        seeds = (settings.seed + 10_000 * i for i in range(len(tasks) + 1))
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.generator = generators.pop()
        self.streams = {
            name: Stream(train_data[name], schedule.batch_size(name), generator)
            for name, generator in zip(tasks, generators, strict=True)
        }
        self.epoch_state = self.generator.get_state()  # before the running epoch's plan
        self.step, self.seconds, self.best_weights = 0, 0.0, None
        self.history = History()
        torch.manual_seed(settings.seed)
        if self.folder and (self.folder / "last.safetensors").exists():
            self.resume(self.folder / "last.safetensors")
        self.log = Log(self.folder / "log.jsonl" if self.folder else None, self.history)

    def go(self, progress: bool, stop) -> None:
        """Train to the last step, or to the first one after which `stop` is asked for."""
        self.started = time.perf_counter() - self.seconds
        title = ", ".join(self.tasks)
        bar = tqdm(total=self.total, initial=self.step, desc=title, disable=not progress, mininterval=0.5)
        with bar, self.table, self.log:
            while self.step < self.total:
                epoch = bisect_left(self.ends, self.step + 1) + 1  # of the coming step
                begin = self.ends[epoch - 1] - self.schedule.steps(epoch)
                self.epoch_state = self.generator.get_state()
                for names in self.schedule.plan(epoch, self.generator)[self.step - begin :]:
                    losses = self.update({name: self.streams[name].next_index() for name in names})
                    bar.update()
                    bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()}, refresh=False)
                    if self.due(self.settings.look_every):
                        self.look(bar)
                    if self.folder and self.due(self.settings.save_every):
                        self.save(self.folder)
                    if stop.asked:
                        return

    def due(self, every: int | None) -> bool:
        """Whether what happens `every` so many steps (None: an epoch) happens now; at the end it always does."""
        return self.step == self.total or (self.step % every == 0 if every else self.step in self.ends)

    def update(self, batches: dict[str, list[int]]) -> dict[str, float]:
        """One step of AdamW on a batch of each of these tasks (name -> its examples); returns their losses."""
        self.model.train()
        if getattr(self.weighting, "needs_all", False):
            losses = self.backward_together(batches)
        elif self.surgery is not None:
            losses = self.backward_apart(batches)
        else:
            losses = {name: self.backward(name, index) for name, index in batches.items()}
        norm = nn.utils.clip_grad_norm_(self.trained, self.settings.clip)
        self.stop_unless_finite("gradient's norm", norm.item(), batches)
        factor = linear_warmup(self.step, self.total, self.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        self.optimizer.step()
        self.clear_gradients()
        self.step += 1
        lr, seconds = self.optimizer.param_groups[0]["lr"], self.clock()
        rows = [Step(self.step, self.epoch, name, loss, lr, seconds) for name, loss in losses.items()]
        self.history.steps += rows
        self.log.add(rows)
        return losses

    def backward(self, name: str, index: list[int]) -> float:
        """Add one task's gradients, in pieces of at most `micro_batch` examples, each graph freed before the next."""
        size = self.settings.micro_batch or len(index)
        mean = 0.0
        for piece in (index[i : i + size] for i in range(0, len(index), size)):
            share = len(piece) / len(index)
            loss = self.loss(name, piece)
            weighted = self.weighting({name: loss}) if self.weighting is not None else loss
            (weighted if share == 1 else share * weighted).backward()
            mean += share * loss.item()
        return mean

    def backward_together(self, batches: dict[str, list[int]]) -> dict[str, float]:
        """The same for a weighting that compares the tasks, and so needs all their graphs at once."""
        losses = {name: self.loss(name, index) for name, index in batches.items()}
        self.weighting(losses).backward()
        return {name: loss.item() for name, loss in losses.items()}

    def backward_apart(self, batches: dict[str, list[int]]) -> dict[str, float]:
        """The same for gradient surgery, which makes one gradient of the tasks' own."""
        losses = {}
        for name, index in batches.items():
            with self.surgery.task(name):
                losses[name] = self.backward(name, index)
        try:
            self.surgery.apply(losses)
        except FloatingPointError as error:  # it names the task
            self.stop(str(error), batches)
        self.table.gather()
        return losses

    def loss(self, name: str, index: list[int]) -> Tensor:
        batch = collate(self.train_data[name], index).to(self.model.device)
        with autocast(self.model.device, self.precision):
            outputs = self.model(batch, name)
        loss = self.tasks[name].loss(outputs.float(), batch.labels)
        self.stop_unless_finite("loss", loss.item(), {name: index})
        return loss

    def clear_gradients(self) -> None:
        self.optimizer.zero_grad()
        self.table.clear()

    def stop_unless_finite(self, what: str, value: float, batches: dict[str, list[int]]) -> None:
        if not math.isfinite(value):
            self.stop(f"the {what} is {value}", batches)

    def stop(self, why: str, batches: dict[str, list[int]]) -> NoReturn:
        self.clear_gradients()
        where = "; ".join(
            f"task {name}, on the {len(index)} examples "
            + ", ".join(self.train_data[name].ids[i] for i in index[:3])
            + ", ..."
            for name, index in batches.items()
        )
        raise FloatingPointError(
            f"{why} at step {self.step + 1} of {where}; the weights are as they were before it. "
            "Lower the learning rate, or look at these rows"
        )

    def look(self, bar) -> None:
        """Evaluate, and keep the weights if they are the best so far."""
        rows, scores = [], {}
        for name, task in self.tasks.items():
            loss, score = evaluate(self.model, task, self.dev_data[name], precision=self.precision)
            rows.append(Evaluation(self.step, self.epoch, name, loss, score, self.clock()))
            scores[name] = score
        text = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
        if len(self.tasks) > 1:
            losses, overall = sum(row.loss for row in rows), self.overall(scores)
            rows.append(Evaluation(self.step, self.epoch, OVERALL, losses, overall, self.clock()))
            text += f", {OVERALL} {overall:.3f}"
        self.history.evaluations += rows
        self.log.add(rows)
        bar.write(f"epoch {self.epoch}, step {self.step}: dev {text}") if not bar.disable else None
        if self.history.best is rows[-1]:
            if self.folder:
                checkpoint.save_model(self.folder / "best.safetensors", self.model, asdict(rows[-1]))
            else:
                self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def restore_best(self) -> None:
        if self.folder and self.history.best:
            checkpoint.load_model(self.folder / "best.safetensors", self.model)
        elif self.best_weights:
            self.model.load_state_dict(self.best_weights)

    @property
    def epoch(self) -> int:
        """Counts from 1; the epoch that the last finished step belongs to."""
        return bisect_left(self.ends, max(1, self.step)) + 1

    def clock(self) -> float:
        self.seconds = time.perf_counter() - self.started
        return round(self.seconds, 3)

    @property
    def modules(self) -> dict[str, Any]:
        """What has a state to save."""
        log = getattr(self.surgery, "log", None)
        found = dict(model=self.model, weighting=self.weighting, surgery=self.surgery, conflicts=log)
        return {name: module for name, module in found.items() if module is not None}

    def save(self, folder: Path) -> None:
        states = {name: stream.state() for name, stream in self.streams.items()}
        places = {name: state["place"] for name, state in states.items()}
        record = dict(self.identity(), step=self.step, seconds=self.seconds, places=places)
        record["history"] = self.history.to_dict()
        whole = self.step in self.ends  # the next epoch draws a plan of its own
        generators = {name: state["generator"] for name, state in states.items()}
        generators[""] = self.generator.get_state() if whole else self.epoch_state
        tensors = checkpoint.pack(self.modules, self.optimizer, generators)
        checkpoint.save(folder / "last.safetensors", tensors, record)

    def identity(self) -> dict:
        """What must be the same for a run to go on from a checkpoint (how often it saves may differ)."""
        chosen = {name: value for name, value in asdict(self.settings).items() if name != "save_every"}
        kinds = {
            "schedule": [
                [
                    type(self.schedule).__name__,
                    self.schedule.tasks(e),
                    self.schedule.steps(e),
                    self.schedule.shares(e),
                ]
                for e in range(1, self.schedule.epochs + 1)
            ],
            "batch sizes": {name: self.schedule.batch_size(name) for name in self.tasks},
            "loss weighting": repr(self.weighting),
            "gradient surgery": repr(self.surgery),
            "conflict log": getattr(self.surgery, "log", None) is not None,
        }
        data = {
            f"{kind} data of {name}": zlib.crc32(repr((part.rows, part.types, part.labels)).encode())
            for kind, parts in (("training", self.train_data), ("dev", self.dev_data))
            for name, part in parts.items()
        }
        trained = [name for name, p in self.model.named_parameters() if p.requires_grad]
        return dict(chosen, tasks=list(self.tasks), **kinds, **data, **{"choice of what is frozen": trained})

    def resume(self, path: Path) -> None:
        tensors, record = checkpoint.load(path)
        mine = self.identity()
        if other := [name for name, value in mine.items() if record.get(name) != value]:
            raise ValueError(
                f"{path} belongs to a run with another {', '.join(other)}; go on with the same, or give a new folder"
            )
        generators = checkpoint.unpack(path, tensors, self.modules, self.optimizer)
        self.generator.set_state(generators[""])
        for name, stream in self.streams.items():
            stream.restore({"generator": generators[name], "place": record["places"][name]})
        self.step, self.seconds = record["step"], record["seconds"]
        self.history = History.from_dict(record["history"])
