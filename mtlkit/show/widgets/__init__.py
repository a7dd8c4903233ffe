"""The notebooks' widgets, a module a notebook. Each draws with a function of `plots`, like the figure above it."""

from .adamw import AdamwOnBowl, adamw_bowl, adamw_on_bowl, describe_bowl
from .attention import MaskAndTemperature, mask_and_temperature, weights_at
from .data import ExampleBrowser, card_text, example_browser
from .metrics import TwoOveralls, describe_overalls, two_overalls, with_your_model
from .sentiment import ReviewProbabilities, class_probabilities, review_probabilities
from .word_pieces import SentencePieces, sentence_pieces

__all__ = [
    "AdamwOnBowl",
    "ExampleBrowser",
    "MaskAndTemperature",
    "ReviewProbabilities",
    "SentencePieces",
    "TwoOveralls",
    "adamw_bowl",
    "adamw_on_bowl",
    "card_text",
    "class_probabilities",
    "describe_bowl",
    "describe_overalls",
    "example_browser",
    "mask_and_temperature",
    "review_probabilities",
    "sentence_pieces",
    "two_overalls",
    "weights_at",
    "with_your_model",
]
