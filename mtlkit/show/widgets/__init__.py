"""The notebooks' widgets, a module a notebook. Each draws with a function of `plots`, like the figure above it."""

from .adamw import AdamwOnBowl, adamw_bowl, adamw_on_bowl, describe_bowl
from .attention import MaskAndTemperature, mask_and_temperature, weights_at
from .data import ExampleBrowser, card_text, example_browser
from .many import OrderOfTasks, describe_order, mean_drops, order_of_tasks, turns
from .metrics import TwoOveralls, describe_overalls, two_overalls, with_your_model
from .pairs import (
    MseAndPearson,
    ThresholdRoc,
    describe_error,
    describe_threshold,
    mse_and_pearson,
    threshold_roc,
)
from .schedules import AnnealingEditor, alpha_curve, annealed_run, annealing_editor, describe_annealing
from .sentiment import ReviewProbabilities, class_probabilities, review_probabilities
from .weighting import SimplexWeights, describe_weights, simplex_figure, simplex_weights
from .word_pieces import SentencePieces, sentence_pieces

__all__ = [
    "AdamwOnBowl",
    "AnnealingEditor",
    "ExampleBrowser",
    "MaskAndTemperature",
    "MseAndPearson",
    "OrderOfTasks",
    "ReviewProbabilities",
    "SentencePieces",
    "SimplexWeights",
    "ThresholdRoc",
    "TwoOveralls",
    "adamw_bowl",
    "adamw_on_bowl",
    "alpha_curve",
    "annealed_run",
    "annealing_editor",
    "card_text",
    "class_probabilities",
    "describe_annealing",
    "describe_bowl",
    "describe_error",
    "describe_order",
    "describe_overalls",
    "describe_threshold",
    "describe_weights",
    "example_browser",
    "mask_and_temperature",
    "mean_drops",
    "mse_and_pearson",
    "order_of_tasks",
    "review_probabilities",
    "sentence_pieces",
    "simplex_figure",
    "simplex_weights",
    "threshold_roc",
    "turns",
    "two_overalls",
    "weights_at",
    "with_your_model",
]
