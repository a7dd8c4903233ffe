"""Runs as small files, and comparing them under an equal budget."""

from .compare import compare, comparison, line, scores
from .recipe import Built, Recipe, build, read_recipes, write_recipes
from .result import read_result, run

__all__ = [
    "Built", "Recipe", "build", "compare", "comparison", "line", "read_recipes", "read_result", "run", "scores",
    "write_recipes",
]  # fmt: skip
