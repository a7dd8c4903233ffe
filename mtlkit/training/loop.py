"""Training one task: the loop, evaluation, resuming where a run stopped."""

import math
import signal
import threading
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..data import Encoded, collate, plan
from ..heads import MultitaskModel
from ..tasks import Task
from . import checkpoint
from .device import autocast, choose_precision
from .history import Evaluation, History, Step
from .optimizer import layerwise_groups, linear_warmup
from .word_table import WordTableGradient


@dataclass(frozen=True)
class Settings:
    """How to train. lr and head_lr: peak learning rates of encoder and heads (None: the same). warmup: share of all
    steps, in [0, 1]. layer_decay: each lower layer's learning rate is this much smaller. clip: largest norm of the
    gradient. precision: "float32", "bfloat16" or None, whatever is faster here. seed: of order and dropout.
    save_every: steps between checkpoints (None: an epoch); the end is always saved."""

    epochs: int = 3
    batch_size: int = 32
    lr: float = 5e-5
    head_lr: float | None = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    layer_decay: float = 1.0
    clip: float = 1.0
    precision: str | None = None
    seed: int = 0
    save_every: int | None = None

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or not 0 <= self.warmup <= 1 or self.clip <= 0:
            raise ValueError(f"epochs and batch_size are at least 1, warmup in [0, 1], clip above 0: {self}")
        if self.save_every is not None and self.save_every < 1:
            raise ValueError(f"save_every is at least 1 step, not {self.save_every}")


@torch.no_grad()
def predict(
    model: MultitaskModel, task: Task, encoded: Encoded, batch_size: int = 64, precision: str = "float32"
) -> Tensor:
    """The head's outputs for every example, (N, C), float32, on the CPU, in the data's order; no dropout, no graph."""
    was_training = model.training
    model.eval()
    outputs = torch.zeros(len(encoded), task.outputs)
    try:
        for index in plan(encoded.lengths, batch_size, None):
            batch = collate(encoded, index).to(model.device)
            with autocast(model.device, precision):
                out = model(batch, task.name)
            outputs[index] = out.float().reshape(len(index), -1).cpu()
    finally:
        model.train(was_training)
    return outputs


def evaluate(
    model: MultitaskModel, task: Task, encoded: Encoded, batch_size: int = 64, precision: str = "float32"
) -> tuple[float, float]:
    """(mean loss, score) of the whole set. Raises ValueError when the set has no labels."""
    if encoded.labels is None:
        raise ValueError("these examples have no labels to be scored against")
    outputs, labels = predict(model, task, encoded, batch_size, precision), torch.tensor(encoded.labels)
    return task.loss(outputs, labels).item(), task.metric(task.decode(outputs).tolist(), encoded.labels)


def train(
    model: MultitaskModel,
    task: Task,
    train_data: Encoded,
    dev_data: Encoded,
    settings: Settings | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` on one task; afterwards it holds the weights of the epoch that scored best on `dev_data`.

    What is frozen stays as it is. With a `folder`, checkpoints go there (`last.safetensors`, `best.safetensors`),
    and a run that finds its own checkpoint goes on from it: same seed, processor and thread count give the same
    history as without the stop, bit for bit, timings aside. Ctrl-C (or Jupyter's stop button) ends the run, keeps
    what was learnt and returns the history so far.

    Seeds torch's global generator (for dropout) with `settings.seed`.
    Raises FloatingPointError, naming step, task and examples, before a loss that is not finite can do harm;
    ValueError for data without labels and for a checkpoint of other settings.
    """
    settings = settings or Settings()
    if train_data.labels is None:
        raise ValueError("the training examples have no labels")
    run = _Run(model, task, train_data, dev_data, settings, folder)
    with _StopRequest() as stop:
        run.go(progress, stop)
    if stop.asked and run.step < run.total:
        run.history.interrupted = True
        if folder:
            run.save(Path(folder))
        print(
            f"stopped after step {run.step} of {run.total}; the model and this history keep what was learnt"
        )
    else:
        run.restore_best()
    model.eval()
    return run.history


class _StopRequest:
    """While open, the first Ctrl-C is a request, honoured between two steps, so that no update is cut in half;
    the second stops at once. (Signals reach the main thread only; elsewhere nothing changes.)"""

    def __init__(self):
        self.asked = False

    def __enter__(self):
        self.main = threading.current_thread() is threading.main_thread()
        if self.main:
            self.before = signal.signal(signal.SIGINT, self.ask)
        return self

    def ask(self, *_):
        self.asked = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_):
        if self.main:
            signal.signal(signal.SIGINT, self.before)


class _Run:
    """The state of one training run."""

    def __init__(self, model, task, train_data, dev_data, settings, folder):
        self.model, self.task, self.train_data, self.dev_data = model, task, train_data, dev_data
        self.precision = choose_precision(model.device, settings.precision)
        self.settings = replace(settings, precision=self.precision)
        self.folder = Path(folder) if folder else None
        self.epoch_steps = len(plan(train_data.lengths, settings.batch_size, None))
        self.total = settings.epochs * self.epoch_steps
        self.warmup = round(settings.warmup * self.total)
        groups = layerwise_groups(
            model, settings.lr, settings.head_lr, settings.layer_decay, settings.weight_decay
        )
        if not groups:
            raise ValueError("every parameter is frozen: there is nothing to train")
        # `training.AdamW`, to the last digits (a test compares them), in one pass over memory: 2 to 4 times as fast
        self.optimizer = torch.optim.AdamW(groups, lr=settings.lr, fused=True)
        self.table = WordTableGradient(model)
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.epoch_state = self.generator.get_state()  # before the running epoch's shuffle
        self.step, self.seconds, self.best_weights = 0, 0.0, None
        self.history = History()
        torch.manual_seed(settings.seed)
        if self.folder and (self.folder / "last.safetensors").exists():
            self.resume(self.folder / "last.safetensors")

    def go(self, progress: bool, stop: "_StopRequest") -> None:
        """Train to the last step, or to the first one after which `stop` is asked for."""
        self.started = time.perf_counter() - self.seconds
        bar = tqdm(
            total=self.total, initial=self.step, desc=self.task.name, disable=not progress, mininterval=0.5
        )
        with bar, self.table:
            while self.step < self.total:
                self.epoch_state = self.generator.get_state()
                order = plan(self.train_data.lengths, self.settings.batch_size, self.generator)
                for index in order[self.step % self.epoch_steps :]:
                    loss = self.update(index)
                    bar.update()
                    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                    if self.step % self.epoch_steps == 0:
                        self.look(bar)
                    due = self.step % (self.settings.save_every or self.epoch_steps) == 0
                    if self.folder and (due or self.step == self.total):
                        self.save(self.folder)
                    if stop.asked:
                        return

    def update(self, index: list[int]) -> float:
        """One step of AdamW on one batch; returns its loss."""
        self.model.train()
        batch = collate(self.train_data, index).to(self.model.device)
        with autocast(self.model.device, self.precision):
            outputs = self.model(batch, self.task.name)
        loss = self.task.loss(outputs.float(), batch.labels)
        value = loss.item()
        self.stop_unless_finite("loss", value, index)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.trained, self.settings.clip)
        self.stop_unless_finite("gradient's norm", norm.item(), index)
        factor = linear_warmup(self.step, self.total, self.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        self.optimizer.step()
        self.clear_gradients()
        self.step += 1
        lr = self.optimizer.param_groups[0]["lr"]
        self.history.steps.append(Step(self.step, self.epoch, self.task.name, value, lr, self.clock()))
        return value

    def clear_gradients(self) -> None:
        self.optimizer.zero_grad()
        self.table.clear()

    def stop_unless_finite(self, what: str, value: float, index: list[int]) -> None:
        if not math.isfinite(value):
            self.clear_gradients()
            ids = ", ".join(self.train_data.ids[i] for i in index[:3])
            raise FloatingPointError(
                f"the {what} is {value} at step {self.step + 1} of task {self.task.name}, on the {len(index)} examples "
                f"{ids}, ...; the weights are as they were before it. Lower the learning rate, or look at these rows"
            )

    def look(self, bar) -> None:
        """Evaluate, and keep the weights if they are the best so far."""
        loss, score = evaluate(self.model, self.task, self.dev_data, precision=self.precision)
        row = Evaluation(self.step, self.epoch, self.task.name, loss, score, self.clock())
        self.history.evaluations.append(row)
        bar.write(f"epoch {self.epoch}: dev {self.task.metric_name} {score:.3f}") if not bar.disable else None
        if self.history.best is row:
            if self.folder:
                checkpoint.save_model(self.folder / "best.safetensors", self.model, asdict(row))
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
        return max(1, -(-self.step // self.epoch_steps))

    def clock(self) -> float:
        self.seconds = time.perf_counter() - self.started
        return round(self.seconds, 3)

    def save(self, folder: Path) -> None:
        record = dict(self.identity(), step=self.step, seconds=self.seconds, history=self.history.to_dict())
        whole = self.step % self.epoch_steps == 0  # the next epoch draws a shuffle of its own
        state = self.generator.get_state() if whole else self.epoch_state
        tensors = checkpoint.pack(self.model, self.optimizer, state)
        checkpoint.save(folder / "last.safetensors", tensors, record)

    def identity(self) -> dict:
        """What must be the same for a run to go on from a checkpoint (how often it saves may differ)."""
        chosen = {name: value for name, value in asdict(self.settings).items() if name != "save_every"}
        data = {
            name: zlib.crc32(repr((encoded.rows, encoded.types, encoded.labels)).encode())
            for name, encoded in (("training data", self.train_data), ("dev data", self.dev_data))
        }
        trained = [name for name, p in self.model.named_parameters() if p.requires_grad]
        return dict(chosen, task=self.task.name, **data, **{"choice of what is frozen": trained})

    def resume(self, path: Path) -> None:
        tensors, record = checkpoint.load(path)
        mine = self.identity()
        if other := [name for name, value in mine.items() if record.get(name) != value]:
            raise ValueError(
                f"{path} belongs to a run with another {', '.join(other)}; go on with the same, or give a new folder"
            )
        self.generator.set_state(checkpoint.unpack(path, tensors, self.model, self.optimizer))
        self.step, self.seconds = record["step"], record["seconds"]
        self.history = History.from_dict(record["history"])
