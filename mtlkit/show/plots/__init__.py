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
from .comparison import comparison
from .data import example_card, label_shares, leak_curve, length_curves, score_histogram
from .many import (
    alone_and_together,
    differences,
    graph_memory,
    training_in_turn,
    transfer_matrix,
)
from .metrics import best_of_runs, forest, resampled_scores, same_correlation, two_overalls
from .minbert import attention_map, bert_layer, error_by_layer, gelu_difference
from .pairs import (
    area_under_roc,
    cosine_scales,
    error_in_parts,
    mse_and_pearson,
    roc_points,
    scores_by_way,
    threshold_roc,
)
from .schedules import (
    annealing,
    compared_runs,
    passes_by_schedule,
    plan_boxes,
    shares_by_alpha,
)
from .sentiment import class_probabilities, confusion_matrix, learning_curves, loss_floor, scores_over_seeds
from .start import course_map, model_name, published_scores
from .weighting import pull_shares, scores_by_weighting, times_as_fast, uncertainty_bowls, weights_on_simplex
from .word_pieces import padding_by_order, piece_boxes, piece_kind, split_by_rarity

__all__ = [
    "alone_and_together",
    "annealing",
    "area_under_roc",
    "attention_map",
    "bert_layer",
    "best_of_runs",
    "bowl_and_steps",
    "bowl_paths",
    "class_probabilities",
    "compared_runs",
    "comparison",
    "confusion_matrix",
    "cosine_scales",
    "course_map",
    "curves_by_step",
    "differences",
    "entropy_by_width",
    "error_by_layer",
    "error_in_parts",
    "example_card",
    "forest",
    "gelu_difference",
    "graph_memory",
    "label_shares",
    "layer_rates",
    "leak_curve",
    "learning_curves",
    "length_curves",
    "loss_floor",
    "masked_weights",
    "model_name",
    "mse_and_pearson",
    "padding_by_order",
    "pass_shares",
    "passes_by_schedule",
    "piece_boxes",
    "piece_kind",
    "plan_boxes",
    "published_scores",
    "pull_shares",
    "rate_schedules",
    "resampled_scores",
    "roc_points",
    "same_correlation",
    "score_histogram",
    "scores_by_way",
    "scores_by_weighting",
    "scores_over_seeds",
    "seen_by_test",
    "shares_by_alpha",
    "similarity_by_padding",
    "split_by_rarity",
    "threshold_roc",
    "times_as_fast",
    "tolerance_margins",
    "training_in_turn",
    "transfer_matrix",
    "two_overalls",
    "uncertainty_bowls",
    "weights_on_simplex",
]
