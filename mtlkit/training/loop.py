"""Training: one task or several, whose turn it is by a schedule, resuming where a run stopped."""

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from torch import nn

from ..data import Encoded, Schedule, Sequential
from ..gradients import Surgery
from ..heads import MultitaskModel
from ..tasks import Task
from .history import History
from .run import Run


@dataclass(frozen=True)
class Settings:
    """How to train. lr and head_lr: peak learning rates of encoder and heads (None: the same). warmup: share of all
    steps, in [0, 1]. layer_decay: each lower layer's learning rate is this much smaller. clip: largest norm of the
    gradient. precision: "float32", "bfloat16" or None, whatever is faster here. seed: of order and dropout.
    micro_batch: most examples in memory at a time; a larger batch goes through in pieces and has the same gradient.
    save_every, look_every: steps between checkpoints, and between looks at the dev sets (None: an epoch); the end
    always has both.
    With a schedule, its epochs and batch sizes hold, not these."""

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
    micro_batch: int | None = None
    save_every: int | None = None
    look_every: int | None = None

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or not 0 <= self.warmup <= 1 or self.clip <= 0:
            raise ValueError(f"epochs and batch_size are at least 1, warmup in [0, 1], clip above 0: {self}")
        for what in ("save_every", "look_every"):
            if (steps := getattr(self, what)) is not None and steps < 1:
                raise ValueError(f"{what} is at least 1 step, not {steps}")
        if self.micro_batch is not None and self.micro_batch < 1:
            raise ValueError(f"micro_batch is at least 1 example, not {self.micro_batch}")


def mean_score(scores: Mapping[str, float]) -> float:
    """The plain mean of the tasks' scores; of SST, PARA and STS, what is called mean3."""
    return fmean(scores.values())


def train(
    model: MultitaskModel,
    tasks: Task | Sequence[Task],
    train_data: Encoded | Mapping[str, Encoded],
    dev_data: Encoded | Mapping[str, Encoded],
    settings: Settings | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
    schedule: Schedule | None = None,
    weighting: nn.Module | None = None,
    overall: Callable[[Mapping[str, float]], float] = mean_score,
    surgery: Surgery | None = None,
) -> History:
    """Train `model`; afterwards it holds the weights of the look that scored best on `dev_data`.

    One task with its data; or several, their data by task name, and a `schedule` that says whose batch comes next.
    weighting: a module of `objectives.weighting` that makes one loss of a step's losses (default: their sum); what
    it learns is trained along. overall: of the tasks' dev scores (name -> score) the number that chooses the look.
    surgery: a `gradients.Surgery` of the model's encoder, for steps of several tasks; what it carries and its log are
    part of the checkpoint.

    What is frozen stays as it is. With a `folder`, checkpoints go there (`last.safetensors`, `best.safetensors`), and
    the history as it grows (`log.jsonl`, a line a row); a run that finds its own checkpoint goes on from it: same seed,
    processor and thread count give the same history as without the stop, bit for bit, timings aside. Ctrl-C (or
    Jupyter's stop button) ends the run, keeps what was learnt and returns the history so far.

    Seeds torch's global generator (for dropout) with `settings.seed`.
    Raises FloatingPointError, naming step, task and examples, before a loss that is not finite can do harm;
    ValueError for data without labels, several tasks without a schedule, a schedule of other tasks or sizes, and a
    checkpoint of other settings.
    """
    if isinstance(tasks, Task):
        train_data, dev_data = ({tasks.name: data} for data in (train_data, dev_data))
        tasks = [tasks]
    settings = settings or Settings()
    by_name = {task.name: task for task in tasks}
    schedule = _checked(schedule, by_name, train_data, dev_data, settings)
    run = Run(model, by_name, train_data, dev_data, settings, folder, schedule, weighting, overall, surgery)
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


def _checked(schedule, tasks, train_data, dev_data, settings) -> Schedule:
    """The schedule to go by. Raises ValueError where tasks, data and schedule do not belong together."""
    for name in tasks:
        if name not in train_data or name not in dev_data:
            raise ValueError(f"no data for task {name!r}; give training and dev data by task name")
        if train_data[name].labels is None:
            raise ValueError(f"the training examples of {name} have no labels")
    sizes = {name: len(train_data[name]) for name in tasks}
    if schedule is None and len(tasks) > 1:
        raise ValueError(
            "several tasks need a schedule that says whose batch comes next, for example "
            f"data.RoundRobin({sizes}, {settings.batch_size}, {settings.epochs})"
        )
    schedule = schedule or Sequential(sizes, settings.batch_size, settings.epochs)
    if dict(schedule.sizes) != sizes:
        raise ValueError(f"the schedule is for {dict(schedule.sizes)} examples, the data are {sizes}")
    return schedule


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
