"""A task is a value: its data, its outputs, its loss, how outputs become predictions, and how those are scored."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from .data import FORMATS, Format
from .evaluation.metrics import accuracy, pearson
from .objectives import binary_cross_entropy, cross_entropy, squared_error


@dataclass(frozen=True)
class Task:
    """What training and evaluation need to know of a task; nothing else in the library asks which task it is.

    outputs: width C of the head. loss(outputs (B, C), labels (B,)) gives a mean over the batch.
    decode(outputs) gives predictions (B,). metric(predictions, labels) gives a score, larger is better.
    """

    name: str
    format: Format
    outputs: int
    loss: Callable[[Tensor, Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    metric: Callable
    metric_name: str
    classes: tuple[str, ...] = ()


SST = Task(
    "sst",
    FORMATS["sst"],
    outputs=5,
    loss=cross_entropy,
    decode=lambda logits: logits.argmax(-1),
    metric=accuracy,
    metric_name="accuracy",
    classes=("very negative", "negative", "neutral", "positive", "very positive"),
)

PARA = Task(
    "para",
    FORMATS["para"],
    outputs=1,
    loss=binary_cross_entropy,
    decode=lambda logits: (logits.squeeze(-1) > 0).long(),
    metric=accuracy,
    metric_name="accuracy",
    classes=("different", "the same"),
)

STS = Task(
    "sts",
    FORMATS["sts"],
    outputs=1,
    loss=squared_error,
    decode=lambda outputs: outputs.squeeze(-1),
    metric=pearson,
    metric_name="Pearson correlation",
)
