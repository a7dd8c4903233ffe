"""Wrong answers to 07_sentiment, most of them from the course's starter code, public forks and reports."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlkit.course.checks.sentiment import DIAGNOSIS


def step(
    model, batch, optimizer, *, train=True, zero=True, clip=1.0, early=False, softmax=False, reduction="mean",
    norm=nn.utils.clip_grad_norm_, task="sst", take=Tensor.item, update=True, scale=1.0,
):  # fmt: skip
    """A training step with a switch for each way to go wrong."""
    if train:
        model.train()
    if zero:
        optimizer.zero_grad()
    logits = model(batch, task).float()
    loss = (
        F.cross_entropy(logits.softmax(-1) if softmax else logits, batch.labels, reduction=reduction) * scale
    )
    if early:
        norm(model.parameters(), clip)
    loss.backward()
    if not early and clip:
        norm(model.parameters(), clip)
    if update:
        optimizer.step()
    return take(loss)


def with_(**switches):
    return lambda model, batch, optimizer: step(model, batch, optimizer, **switches)


def cleared_too_late(model, batch, optimizer):
    model.train()
    loss = F.cross_entropy(model(batch, "sst"), batch.labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def clipped_after_the_step(model, batch, optimizer):
    loss = step(model, batch, optimizer, clip=0)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return loss


def steps_then_goes_backward(model, batch, optimizer):
    model.train()
    optimizer.step()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch, "sst"), batch.labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return loss.item()


def scores_on_the_way(model, batch, optimizer):
    loss = step(model, batch, optimizer)
    model(batch, "sst")
    return loss


def without_graph(model, batch, optimizer):
    with torch.no_grad():
        return step(model, batch, optimizer)


def always_length_one(parameters, size):
    """Every gradient becomes as long as the limit, short ones too."""
    parameters = list(parameters)
    length = torch.cat([p.grad.flatten() for p in parameters]).norm()
    for p in parameters:
        p.grad.mul_(size / length)


def each_on_its_own(parameters, size):
    for p in parameters:
        nn.utils.clip_grad_norm_([p], size)


def score(model, batches, *, eval=True, grad=False, after="as before", count="examples"):
    """An evaluation with a switch for each way to go wrong."""
    was_training = model.training
    if eval:
        model.eval()
    right, sizes = [], []
    with torch.set_grad_enabled(grad):
        for batch in batches:
            right.append((model(batch, "sst").argmax(-1) == batch.labels).sum().item())
            sizes.append(len(batch.labels))
    if after == "as before":
        model.train(was_training)
    elif after == "train":
        model.train()
    if count == "batches":
        return sum(r / n for r, n in zip(right, sizes, strict=True)) / len(right)
    if count == "batches in float32":
        return torch.tensor([r / n for r, n in zip(right, sizes, strict=True)]).mean().item()
    if count == "full batches":
        return sum(right) / (len(batches) * sizes[0])
    if count == "percent":
        return 100 * sum(right) / sum(sizes)
    if count == "last":
        return right[-1] / sizes[-1]
    if count == "right":
        return sum(right)
    return sum(right) / sum(sizes)


def scoring(**switches):
    return lambda model, batches: score(model, batches, **switches)


def trains_on_dev(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in batches:
        F.cross_entropy(model(batch, "sst"), batch.labels).backward()
        optimizer.step()
    return 1.0


def gives_a_tensor(model, batches):
    return torch.tensor(score(model, batches))


def largest_over_the_batch(model, batches):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(b, "sst").argmax(0)[: len(b.labels)] == b.labels[:5]).sum().item() for b in batches[:-1]
        )
        model(batches[-1], "sst")
    model.train(was_training)
    return right / 23


SWAPPED = DIAGNOSIS | {"A": DIAGNOSIS["B"], "B": DIAGNOSIS["A"]}

PLANTED = {
    "masked_mean": {
        "padding counts (seen in public forks)": lambda hidden, mask: hidden.mean(1),
        "padding is zero, but still divides": lambda hidden, mask: (hidden * mask.unsqueeze(-1)).mean(1),
        "sum": lambda hidden, mask: (hidden * mask.unsqueeze(-1)).sum(1),
        "divides by the longest row": lambda hidden, mask: (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1).max(),
        "first token only": lambda hidden, mask: hidden[:, 0],
        "largest value": lambda hidden, mask: hidden.masked_fill(~mask.unsqueeze(-1), -1e9).amax(1),
        "mean over the batch": lambda hidden, mask: hidden.mean(0),
        "one vector for the whole batch": lambda hidden, mask: hidden[mask].mean(0),
        "mask the wrong way round": lambda hidden, mask: (hidden * ~mask.unsqueeze(-1)).sum(1) / mask.sum(1)[:, None],
        "clears the padding in place": lambda hidden, mask: hidden.mul_(mask.unsqueeze(-1)).mean(1),
        "NaN for full rows": lambda hidden, mask: (hidden * ~mask.unsqueeze(-1)).sum(1) / (~mask).sum(1)[:, None],
    },
    "train_step": {
        "gradients never cleared": with_(zero=False),
        "cleared between backward and step": cleared_too_late,
        "step before backward": steps_then_goes_backward,
        "train mode forgotten": with_(train=False),
        "no clipping": with_(clip=0, norm=lambda *_: None),
        "clipped before there are gradients": with_(early=True),
        "clipped after the step": clipped_after_the_step,
        "clipped one by one": with_(norm=each_on_its_own),
        "every gradient made as long as the limit": with_(norm=always_length_one),
        "clipped by value": with_(norm=nn.utils.clip_grad_value_),
        "clipped to 5": with_(clip=5.0),
        "double softmax (one report's sentiment head)": with_(softmax=True),
        "loss summed": with_(reduction="sum"),
        "loss / batch_size of the settings (the starter code)": with_(reduction="sum", scale=1 / 8),
        "wrong task": with_(task="sentiment"),
        "returns the tensor": with_(take=lambda loss: loss),
        "returns nothing": with_(take=lambda loss: None),
        "no step": with_(update=False),
        "two forward passes": scores_on_the_way,
        "no graph": without_graph,
    },
    "evaluate": {
        "evaluation mode forgotten": scoring(eval=False),
        "builds a graph (the starter code)": scoring(grad=True),
        "stays in evaluation mode": scoring(after="eval"),
        "always goes back to train mode": scoring(after="train"),
        "mean over batches": scoring(count="batches"),
        "mean over batches, in float32": scoring(count="batches in float32"),
        "as if the last batch were full": scoring(count="full batches"),
        "last batch only": scoring(count="last"),
        "percent": scoring(count="percent"),
        "a count": scoring(count="right"),
        "a tensor": gives_a_tensor,
        "learns from the development set": trains_on_dev,
        "argmax over the batch": largest_over_the_batch,
        "returns nothing": lambda model, batches: None,
    },
    "diagnosis": {
        "two exchanged": SWAPPED,
        "all the same": dict.fromkeys("ABCD", "the graph is kept"),
        "one wrong": DIAGNOSIS | {"D": "batch means averaged"},
        "one missing": {k: v for k, v in DIAGNOSIS.items() if k != "C"},
        "one left open": DIAGNOSIS | {"B": None},
        "own words": DIAGNOSIS | {"A": "no zero_grad"},
        "a list": list(DIAGNOSIS.values()),
    },
}  # fmt: skip

MEANS = "the mean of the batches' accuracies"
TOLD = {  # words that the verdict must have
    "train_step": {
        "clipped after the step": "the step was taken before the gradient was clipped",
        "no clipping": "their norm at the step was",
        "cleared between backward and step": "cleared between backward and the step",
        "step before backward": "did the loss go backward, and the optimizer take its step?",
        "gradients never cleared": "are old gradients still there?",
    },
    "evaluate": {"mean over batches": MEANS, "mean over batches, in float32": MEANS},
}
