"""A task is a value: its data, its outputs, its loss, how outputs become predictions, and how those are scored."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from .data import FORMATS, Format
from .evaluation.metrics import accuracy, pearson
from .heads import ClassificationHead, CosineHead
from .objectives import binary_cross_entropy, cross_entropy, squared_error


@dataclass(frozen=True)
class Task:
    """What training and evaluation need to know of a task; nothing else in the library asks which task it is.

    format: its files and the range of its labels. outputs: width C of the head. head(D) makes a head for an encoder of
    width D; pairs are read as two sequences. loss(outputs (B, C), labels (B,)) gives a mean over the batch.
    decode(outputs) gives predictions (B,). metric(predictions, labels) gives a score, larger is better.
    """

    name: str
    format: Format
    outputs: int
    head: Callable[[int], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    metric: Callable
    metric_name: str
    classes: tuple[str, ...] = ()


SST = Task(
    "sst",
    FORMATS["sst"],
    outputs=5,
    head=lambda width: ClassificationHead(width, 5),
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
    head=lambda width: CosineHead(10, -7),  # MiniLM's cosines: unlike questions about 0.6, equal ones 0.8
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
    head=lambda width: CosineHead(5),
    loss=squared_error,
    decode=lambda outputs: outputs.squeeze(-1).clamp(FORMATS["sts"].low, FORMATS["sts"].high),
    metric=pearson,
    metric_name="Pearson correlation",
)
