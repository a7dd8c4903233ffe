"""The exercises of 09_many_tasks."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mtlkit.bert import BertOutput
from mtlkit.data import Batch
from mtlkit.evaluation import accuracy

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def loss_of_task(encoder, heads, task, batch):
    """The mean loss of one batch: shared encoder, the head of this task, the loss of this task."""
    output = encoder(batch.ids, batch.mask, batch.types)
    return task.loss(heads[task.name](output, batch.mask), batch.labels)


def one_step_of_all(model, tasks, batches, optimizer):
    """One update from the sum of the tasks' losses, with one graph in memory at a time; returns name -> loss."""
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def score_of_probe(features, task, train_data, dev_data, probe):
    """The task's metric of a probe fitted on frozen features of train, on dev."""
    was_training = features.training
    features.eval()
    with torch.no_grad():
        train_x, dev_x = features(train_data).numpy(), features(dev_data).numpy()
    features.train(was_training)
    probe.fit(train_x, train_data.labels)
    return task.metric(probe.predict(dev_x), dev_data.labels)


def drop_from_best(scores):
    """How far each task ends below its best: scores (looks, K) -> (K,), never negative."""
    scores = np.asarray(scores, dtype=float)
    return scores.max(axis=0) - scores[-1]


# --- tasks, and a small model that can be watched ---------------------------------------------------------


@dataclass
class WatchedTask:
    """A task that notes what its loss is given."""

    name: str
    outputs: int
    measure: Callable
    seen: list = field(default_factory=list)

    def loss(self, outputs, labels):
        self.seen.append((outputs, labels))
        return self.measure(outputs, labels)

    def decode(self, outputs):
        return outputs.argmax(-1) if self.outputs > 1 else outputs.squeeze(-1)

    def metric(self, predictions, labels):
        return accuracy(predictions, labels)


# Labels of a wrong type are told from what was noted, so these take them.
def classes(outputs, labels):
    return F.cross_entropy(outputs, labels.long())


def squared(outputs, labels):
    return F.mse_loss(outputs.squeeze(-1), labels.to(outputs.dtype))


def binary(outputs, labels):
    return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), labels.to(outputs.dtype))


def new_tasks() -> dict[str, WatchedTask]:
    """The course's three, and two that no branch can know."""
    return {
        task.name: task
        for task in (
            WatchedTask("sst", 5, classes),
            WatchedTask("para", 1, binary),
            WatchedTask("sts", 1, squared),
            WatchedTask("emotion", 3, classes),
            WatchedTask("reading_time", 1, squared),
        )
    }


def toy_batch(task: WatchedTask, size: int = 6, seed: int = 0) -> Batch:
    """`size` rows of 3 to 6 tokens; labels are whole numbers, or have fractions where the task takes their squares."""
    generator = torch.Generator().manual_seed(100 * seed + len(task.name))
    mask = torch.arange(6) < torch.randint(3, 7, (size, 1), generator=generator)
    mask[0] = torch.arange(6) < 3  # there is padding, always
    ids = torch.randint(1, 40, (size, 6), generator=generator) * mask
    labels = torch.randint(0, max(2, task.outputs), (size,), generator=generator)
    if task.measure is squared:
        labels = 5 * torch.rand(size, generator=generator)
    types = torch.randint(0, 2, ids.shape, generator=generator) * mask
    return Batch(ids, mask, types, labels, torch.arange(size), True)


class WatchedEncoder(nn.Module):
    """Word vectors and token types through a linear layer; notes what it was given."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.words, self.types = nn.Embedding(40, width), nn.Embedding(2, width)
        self.linear = nn.Linear(width, width)
        self.given: list = []

    def forward(self, ids, mask=None, types=None):
        self.given.append((ids, mask, types))
        types = torch.zeros_like(ids) if types is None else types
        hidden = torch.tanh(self.linear(self.words(ids) + self.types(types)))
        return BertOutput(hidden, hidden[:, 0])


class WatchedHead(nn.Module):
    """A linear layer on the mean over tokens; notes its calls in `calls`, and keeps its last output."""

    def __init__(self, name: str, outputs: int, calls: list, width: int = 8):
        super().__init__()
        self.name, self.calls = name, calls
        self.linear = nn.Linear(width, outputs)

    def forward(self, output, mask):
        self.calls.append(self.name)
        weights = mask.unsqueeze(-1).float()
        self.last = self.linear((output.hidden * weights).sum(1) / weights.sum(1))
        return self.last


class WatchedModel(nn.Module):
    """Called as the course's models are, model(batch, name); notes each forward and backward pass in `events`."""

    def __init__(self, tasks: dict[str, WatchedTask]):
        super().__init__()
        self.encoder = WatchedEncoder()
        self.heads = nn.ModuleDict(
            {name: WatchedHead(name, task.outputs, []) for name, task in tasks.items()}
        )
        generator = torch.Generator().manual_seed(7)
        for p in self.parameters():
            nn.init.normal_(p.data, std=0.7, generator=generator)
        self.events: list[str] = []
        self.modes: list[bool] = []

    def forward(self, batch, name):
        if name not in self.heads:
            raise NotYet(f"the model is asked for {name!r}; its heads go by the tasks' names")
        self.events.append(f"forward {name}")
        self.modes.append(self.training)
        outputs = self.heads[name](self.encoder(batch.ids, batch.mask, batch.types), batch.mask)
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: self.events.append(f"backward {name}"))
        return outputs


class WatchedSGD(torch.optim.SGD):
    """Notes its steps and clearings among the events of its model."""

    def __init__(self, model: WatchedModel):
        super().__init__(model.parameters(), lr=0.2)
        self.model = model

    def step(self, closure=None):
        self.model.events.append("step")
        return super().step(closure)

    def zero_grad(self, set_to_none: bool = True):
        if hasattr(self, "model"):
            self.model.events.append("clear")
        return super().zero_grad(set_to_none)


# --- the checks -------------------------------------------------------------------------------------------


@check(
    "9.1",
    reference=loss_of_task,
    hints=(
        "Three things in a row: the encoder is the same for all, the head is looked up, the loss comes with the task. "
        "Nothing in it asks which task it is.",
        "encoder(ids, mask, types) gives an output for all tokens; heads[name](output, mask) is (B, C); "
        "task.loss(outputs, batch.labels) has no axes. Labels go in as they are.",
        "output = encoder(batch.ids, batch.mask, batch.types); outputs = heads[task.name](output, batch.mask); "
        "return task.loss(outputs, batch.labels)",
    ),
)
def task_loss(answer):
    tasks = new_tasks()
    calls: list[str] = []
    encoder = WatchedEncoder()
    heads = nn.ModuleDict({name: WatchedHead(name, task.outputs, calls) for name, task in tasks.items()})
    for name, task in tasks.items():
        batch = toy_batch(task)
        calls.clear()
        encoder.given.clear()
        got = call(answer, encoder, heads, task, batch)
        watch_encoder(encoder.given, batch, name)
        if calls != [name]:
            used = ", ".join(repr(other) for other in calls) or "none"
            raise NotYet(f"for the task {name!r} the heads called are: {used}")
        watch_loss(task, heads[name].last, batch.labels)
        if not isinstance(got, torch.Tensor):
            raise NotYet(
                f"a tensor with a graph is expected, to go backward from; yours is a {type(got).__name__}"
            )
        compare(got.detach(), task.measure(heads[name].last, batch.labels).detach(), f"the loss of {name!r}")
        if not got.requires_grad:
            raise NotYet(f"the loss of {name!r} has no graph: there is nothing to go backward through")


def watch_encoder(given, batch, name):
    """Raises NotYet unless the encoder was called once, with all that the batch says of its tokens."""
    if len(given) != 1:
        raise NotYet(f"for the task {name!r} the encoder was called {len(given)} times; once is right")
    ids, mask, types = given[0]
    if not torch.equal(ids, batch.ids):
        raise NotYet("the encoder did not get the batch's ids")
    if mask is None:
        raise NotYet("the encoder got no mask: tokens attend to padding")
    if types is None or not torch.equal(types, batch.types):
        raise NotYet("the encoder did not get the batch's token types")


def watch_loss(task, outputs, labels):
    """Raises NotYet unless the task's own loss got the head's outputs and the labels, untouched."""
    if not task.seen:
        raise NotYet(f"the loss that the task {task.name!r} brings along was never called")
    got_outputs, got_labels = task.seen[-1]
    if got_labels.dtype != labels.dtype:
        kinds = [str(dtype).removeprefix("torch.") for dtype in (got_labels.dtype, labels.dtype)]
        cut = ": 4.6 becomes 4, and no error is raised" if not got_labels.is_floating_point() else ""
        raise NotYet(f"labels of {task.name!r} reach the loss as {kinds[0]}, where they were {kinds[1]}{cut}")
    if not torch.equal(got_labels, labels):
        raise NotYet(f"the labels of {task.name!r} reach the loss changed")
    if got_outputs.shape != outputs.shape or not torch.allclose(got_outputs, outputs):
        raise NotYet(
            f"what the loss of {task.name!r} gets is not what the head gave: losses have their own softmax or sigmoid"
        )


@check(
    "9.2",
    reference=one_step_of_all,
    hints=(
        "`backward` adds to what is in .grad already. So the sum over tasks makes itself, if nothing is cleared and no "
        "step is taken in between.",
        "model(batch, name) is (B, C), tasks[name].loss(outputs, batch.labels) has no axes; the result is a dict "
        '{"sst": float, ...} with the names of `batches`.',
        "model.train(); optimizer.zero_grad(); for name, batch in batches.items(): loss = ...; loss.backward(); "
        "losses[name] = loss.item(); after the loop: optimizer.step(); return losses",
    ),
)
def many_task_step(answer):
    names = ["sts", "sst", "para"]
    tasks = new_tasks()
    mine, theirs = (WatchedModel({name: tasks[name] for name in names}) for _ in range(2))
    mine.eval()
    my_sgd, their_sgd = WatchedSGD(mine), WatchedSGD(theirs)
    for number, chosen in enumerate((names, names, names[1:]), 1):  # in the third, one task has no batch
        batches = {name: toy_batch(tasks[name], seed=number) for name in chosen}
        mine.events.clear()
        mine.modes.clear()
        before = [p.detach().clone() for p in mine.parameters()]
        got = call(answer, mine, tasks, batches, my_sgd)
        want = one_step_of_all(theirs, tasks, batches, their_sgd)
        moved = any(not torch.equal(p, old) for p, old in zip(mine.parameters(), before, strict=True))
        watch_step(mine.events, mine.modes, chosen, moved)
        compare_weights(mine, theirs, number)
        watch_losses(got, want)


def watch_step(events, modes, names, moved):
    """Raises NotYet for what the order of events shows."""
    forward = [event.split()[1] for event in events if event.startswith("forward")]
    backward = [event.split()[1] for event in events if event.startswith("backward")]
    if sorted(forward) != sorted(names):
        called = ", ".join(forward) or "none, as model(batch, name)"
        raise NotYet(f"batches came of {', '.join(names)}; the model was called for {called}")
    if not all(modes):
        raise NotYet("the model was not in train mode: no dropout")
    if lost := [name for name in names if name not in backward]:
        raise NotYet(f"the loss of {', '.join(lost)} never goes backward through the model")
    steps = events.count("step")
    if steps != 1:
        raise NotYet(
            f"the optimizer took {steps} steps for one call; one, when all tasks have gone backward, is right"
        )
    if "clear" not in events:
        raise NotYet("gradients are never cleared: those of the last call are still there")
    if not events.index("clear") < events.index(f"backward {backward[0]}"):
        raise NotYet("gradients were cleared after a backward pass: that pass was for nothing")
    between = events[events.index(f"backward {backward[0]}") : events.index("step")]
    if "clear" in between:
        raise NotYet("gradients are cleared between two tasks: only the last one is left at the step")
    last = max(place for place, event in enumerate(events) if event.startswith("backward"))
    if events.index("step") < last:
        raise NotYet("the step was taken before all tasks had gone backward")
    if not moved:
        raise NotYet("no weight moved")
    if len(names) > 1 and events.index(f"forward {forward[1]}") < events.index(f"backward {forward[0]}"):
        raise NotYet(
            f"the gradient may be right, but {forward[1]!r} goes forward before {forward[0]!r} has gone backward: all "
            "graphs are in memory at once"
        )


def compare_weights(mine, theirs, number):
    pairs = list(zip(mine.parameters(), theirs.parameters(), strict=True))
    if all(torch.allclose(*pair, atol=1e-5) for pair in pairs):
        return
    if number > 1:
        raise NotYet(f"the first step is right, but step {number} is not: are old gradients still there?")
    mine_norm, their_norm = (
        torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm().item()
        for model in (mine, theirs)
    )
    ratio = (
        f"; your gradient is {mine_norm / their_norm:.2f} times as long as that of the sum"
        if mine_norm
        else ""
    )
    raise NotYet(f"the weights are not where the sum of the losses takes them{ratio}")


def watch_losses(got, want):
    if not isinstance(got, dict):
        raise NotYet(f"a dictionary name -> loss is expected; yours is a {type(got).__name__}")
    if held := [name for name, loss in got.items() if isinstance(loss, torch.Tensor)]:
        raise NotYet(
            f"the loss of {held[0]!r} is a tensor, which keeps its graph alive: loss.item() is a float"
        )
    compare(got, want, "the losses", atol=1e-4)


@dataclass(frozen=True)
class ToySet:
    """Rows of numbers in the place of sentences."""

    rows: torch.Tensor
    labels: list


class WatchedFeatures(nn.Module):
    """A linear layer with dropout; notes its mode and whether a graph was built."""

    def __init__(self):
        super().__init__()
        self.linear, self.dropout = nn.Linear(4, 3), nn.Dropout(0.5)
        self.modes: list[bool] = []
        self.graphs: list[bool] = []

    def forward(self, data):
        self.modes.append(self.training)
        self.graphs.append(torch.is_grad_enabled())
        return self.dropout(self.linear(data.rows))


class WatchedProbe:
    """Least squares without an intercept; notes what it was fitted on."""

    def __init__(self):
        self.fits: list = []

    def fit(self, x, y):
        self.fits.append((np.array(x), np.array(y)))
        self.weights = np.linalg.lstsq(self.fits[-1][0], self.fits[-1][1], rcond=None)[0]
        return self

    def predict(self, x):
        if not self.fits:
            raise NotYet("the probe was asked before it was fitted")
        return np.array(x) @ self.weights

    def score(self, x, y):
        return float(1 - np.mean((self.predict(x) - np.array(y)) ** 2) / np.var(y))


class ScaledError:
    """A task whose metric tells predictions from labels, and notes how often it was asked."""

    name = "toy"

    def __init__(self):
        self.asked: list = []

    def metric(self, predictions, labels):
        self.asked.append((np.array(predictions), np.array(labels)))
        return float(
            -np.mean((np.array(predictions) - np.array(labels)) ** 2) / np.mean(np.array(labels) ** 2)
        )


@check(
    "9.3",
    reference=score_of_probe,
    hints=(
        "Frozen means two things: nothing of it is trained, and it gives the same vectors each time it is asked.",
        "features(data) is a tensor (n, F); the probe wants arrays: .numpy(). data.labels is a list of n. One float "
        "comes out.",
        "remember features.training; features.eval(); under torch.no_grad(): train_x, dev_x; back to the mode it had; "
        "probe.fit(train_x, train labels); return task.metric(probe.predict(dev_x), dev labels)",
    ),
)
def transfer_score(answer):
    generator = torch.Generator().manual_seed(3)
    truth = torch.tensor([1.0, -2.0, 0.5, 3.0])
    sets = []
    for size in (30, 20):
        rows = torch.randn(size, 4, generator=generator)
        noise = torch.randn(size, generator=generator)
        sets.append(ToySet(rows, (rows @ truth + 2 * noise).tolist()))
    train_set, dev_set = sets
    for training in (True, False):
        features, probe, task = WatchedFeatures().train(training), WatchedProbe(), ScaledError()
        before = [p.detach().clone() for p in features.parameters()]
        got = call(answer, features, task, train_set, dev_set, probe)
        watch_features(features, training, before)
        watch_probe(probe, task, features, train_set, dev_set)
        want = score_of_probe(features, ScaledError(), train_set, dev_set, WatchedProbe())
        compare(got, want, "the score")


def watch_features(features, training, before):
    """Raises NotYet unless the features were frozen, and are as they were."""
    if not features.modes:
        raise NotYet("the features were never asked for")
    if any(features.modes):
        raise NotYet("the features were taken in train mode: dropout gives other vectors at each call")
    if any(features.graphs):
        raise NotYet("a graph was built for features that nobody trains: torch.no_grad()")
    if features.training != training:
        raise NotYet(
            f"the model came in {'train' if training else 'evaluation'} mode and left it in the other"
        )
    if any(not torch.equal(p, old) for p, old in zip(features.parameters(), before, strict=True)):
        raise NotYet("the encoder's weights have changed; only the probe is fitted")


def watch_probe(probe, task, features, train_set, dev_set):
    """Raises NotYet unless the probe was fitted on train, once, and the task's metric asked on dev."""
    if len(probe.fits) != 1:
        raise NotYet(f"the probe was fitted {len(probe.fits)} times; once, on train, is right")
    rows = len(probe.fits[0][0])
    if rows != len(train_set.labels):
        seen = {
            len(dev_set.labels): "on dev",
            len(train_set.labels) + len(dev_set.labels): "on train and dev",
        }
        raise NotYet(
            f"the probe was fitted {seen.get(rows, f'on {rows} rows')}: it has seen what it is scored on"
        )
    if not task.asked:
        raise NotYet("the task's own metric was not asked")
    predictions, labels = task.asked[-1]
    if len(labels) == len(train_set.labels):
        raise NotYet("the score is that on train, which the probe was fitted on")
    if np.allclose(predictions, dev_set.labels) and not np.allclose(labels, dev_set.labels):
        raise NotYet("predictions and labels are exchanged: metric(predictions, labels)")


@check(
    "9.4",
    reference=drop_from_best,
    hints=(
        "Each task has its own best moment. Where was it, and where is the task when training ends?",
        "scores is (looks, K): looks go down, tasks go across. Its best is (K,), and so is the last row.",
        "scores = np.asarray(scores); return scores.max(axis=0) - scores[-1]",
    ),
)
def forgetting(answer):
    scores = np.array(
        [[0.20, 0.62, 0.70], [0.41, 0.60, 0.66], [0.35, 0.66, 0.61], [0.30, 0.64, 0.78], [0.33, 0.63, 0.80]]
    )
    got = call(answer, scores)
    if not isinstance(got, (np.ndarray, list, tuple, torch.Tensor)):
        raise NotYet(f"one number a task is expected, as an array; yours is a {type(got).__name__}")
    got = np.asarray(got, dtype=float)
    if got.shape != (3,):
        raise NotYet(
            f"the output has shape {got.shape} where (3,) is expected: {len(scores)} looks at 3 tasks"
        )
    want = drop_from_best(scores)
    for words, value in wrong_drops(scores).items():
        if np.allclose(got, value, atol=1e-9) and not np.allclose(want, value, atol=1e-9):
            raise NotYet(words)
    if (got < -1e-12).any():
        raise NotYet("one of the numbers is negative: a task that ends at its best has forgotten nothing, 0")
    compare(got, want, "the drop of each task", atol=1e-9, rtol=0)
    compare(np.asarray(call(answer, scores[:, :1])), drop_from_best(scores[:, :1]), "with one task, the drop")
    compare(np.asarray(call(answer, scores[:1])), drop_from_best(scores[:1]), "with one look, the drop")


def wrong_drops(scores):
    """What the drop is taken for, in words -> its value."""
    best, last = scores.max(0), scores[-1]
    return {
        "that is the first look minus the last: a task may have been better in between": scores[0] - last,
        "the sign is turned: what was lost counts as positive": last - best,
        "that is the best minus the worst; the worst need not be the end": best - scores.min(0),
        "that is the best minus the first look: what was learned, not what was lost": best - scores[0],
        "that leaves the last look out of the best: a task that ends at its best would have lost less than "
        "nothing": scores[:-1].max(0) - last,
        "that is the mean minus the last look": scores.mean(0) - last,
        "that is the last change only": scores[-2] - last,
    }
