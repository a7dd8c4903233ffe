"""The notebooks' plots, a module a notebook: each takes data and returns a figure, for `figures.show`."""

from .adamw import (
    bowl_and_steps,
    bowl_paths,
    curves_by_step,
    layer_rates,
    pass_shares,
    rate_schedules,
    tolerance_margins,
)
from .attention import entropy_by_width, masked_weights, seen_by_test, similarity_by_padding
from .data import example_card, label_shares, leak_curve, length_curves, score_histogram
from .metrics import best_of_runs, forest, resampled_scores, same_correlation, two_overalls
from .minbert import attention_map, bert_layer, error_by_layer, gelu_difference
from .sentiment import class_probabilities, confusion_matrix, learning_curves, loss_floor, scores_over_seeds
from .start import course_map, model_name, published_scores
from .word_pieces import padding_by_order, piece_boxes, piece_kind, split_by_rarity

__all__ = [
    "attention_map",
    "bert_layer",
    "best_of_runs",
    "bowl_and_steps",
    "bowl_paths",
    "class_probabilities",
    "confusion_matrix",
    "course_map",
    "curves_by_step",
    "entropy_by_width",
    "error_by_layer",
    "example_card",
    "forest",
    "gelu_difference",
    "label_shares",
    "layer_rates",
    "leak_curve",
    "learning_curves",
    "length_curves",
    "loss_floor",
    "masked_weights",
    "model_name",
    "padding_by_order",
    "pass_shares",
    "piece_boxes",
    "piece_kind",
    "published_scores",
    "rate_schedules",
    "resampled_scores",
    "same_correlation",
    "score_histogram",
    "scores_over_seeds",
    "seen_by_test",
    "similarity_by_padding",
    "split_by_rarity",
    "tolerance_margins",
    "two_overalls",
]
