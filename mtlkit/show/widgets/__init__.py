"""The notebooks' widgets, a module a notebook. Each draws with a function of `plots`, like the figure above it."""

from .adamw import AdamwOnBowl, adamw_bowl, adamw_on_bowl, describe_bowl
from .attention import MaskAndTemperature, mask_and_temperature, weights_at
from .conflict import ConflictTheatre, conflict_theatre, theatre_figure
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
from .surgery import (
    GradientPlane,
    ProjectionLab,
    best_plane,
    describe_gradients,
    every_order,
    gradient_scene,
    projection_lab,
)
from .valley import ValleyExplorer, describe_valley, valley_explorer, valley_figure, valley_run
from .weighting import SimplexWeights, describe_weights, simplex_figure, simplex_weights
from .word_pieces import SentencePieces, sentence_pieces

__all__ = [
    "AdamwOnBowl",
    "AnnealingEditor",
    "ConflictTheatre",
    "ExampleBrowser",
    "GradientPlane",
    "MaskAndTemperature",
    "MseAndPearson",
    "OrderOfTasks",
    "ProjectionLab",
    "ReviewProbabilities",
    "SentencePieces",
    "SimplexWeights",
    "ThresholdRoc",
    "TwoOveralls",
    "ValleyExplorer",
    "adamw_bowl",
    "adamw_on_bowl",
    "alpha_curve",
    "annealed_run",
    "annealing_editor",
    "best_plane",
    "card_text",
    "class_probabilities",
    "conflict_theatre",
    "describe_annealing",
    "describe_bowl",
    "describe_error",
    "describe_gradients",
    "describe_order",
    "describe_overalls",
    "describe_threshold",
    "describe_valley",
    "describe_weights",
    "every_order",
    "example_browser",
    "gradient_scene",
    "mask_and_temperature",
    "mean_drops",
    "mse_and_pearson",
    "order_of_tasks",
    "projection_lab",
    "review_probabilities",
    "sentence_pieces",
    "simplex_figure",
    "simplex_weights",
    "theatre_figure",
    "threshold_roc",
    "turns",
    "two_overalls",
    "valley_explorer",
    "valley_figure",
    "valley_run",
    "weights_at",
    "with_your_model",
]
