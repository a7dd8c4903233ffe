"""What a model says of a data set, and how good that is: no dropout, no graph, whatever mode the model was in."""

import torch
from torch import Tensor

from ..data import Encoded, collate, plan
from ..heads import MultitaskModel
from ..tasks import Task
from .device import autocast


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
