"""The notebooks' widgets, a module a notebook. Each draws with a function of `plots`, like the figure above it."""

from .sentiment import ReviewProbabilities, class_probabilities, review_probabilities

__all__ = ["ReviewProbabilities", "class_probabilities", "review_probabilities"]
