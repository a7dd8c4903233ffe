"""Training: AdamW, the loop, checkpoints, history, devices."""

from .checkpoint import load_model, save_model
from .device import autocast, choose_device, choose_precision
from .history import Evaluation, History, Step
from .loop import Settings, mean_score, train
from .optimizer import AdamW, layerwise_groups, linear_warmup
from .predict import evaluate, predict

__all__ = [
    "AdamW", "Evaluation", "History", "Settings", "Step", "autocast", "choose_device", "choose_precision",
    "evaluate", "layerwise_groups", "linear_warmup", "load_model", "mean_score", "predict", "save_model", "train",
]  # fmt: skip
