"""The notebooks' plots, a module a notebook: each takes data and returns a figure, for `figures.show`."""

from .minbert import attention_map, bert_layer, error_by_layer, gelu_difference
from .sentiment import class_probabilities, confusion_matrix, learning_curves, loss_floor, scores_over_seeds
from .start import course_map, model_name, published_scores

__all__ = [
    "attention_map",
    "bert_layer",
    "class_probabilities",
    "confusion_matrix",
    "course_map",
    "error_by_layer",
    "gelu_difference",
    "learning_curves",
    "loss_floor",
    "model_name",
    "published_scores",
    "scores_over_seeds",
]
