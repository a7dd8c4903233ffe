"""Scores, how sure they are, and what others published."""

from .intervals import binomial, fisher, over_seeds
from .metrics import accuracy, confusion
from .reports import published

__all__ = ["accuracy", "binomial", "confusion", "fisher", "over_seeds", "published"]
