"""Scores, how sure they are, what they must beat, and what others published."""

from .floors import floors, jaccard, least_squares, majority, naive_bayes, tfidf_cosine
from .intervals import best_of, best_of_seeds, binomial, bootstrap, fisher, over_seeds, paired_bootstrap
from .metrics import accuracy, confusion, macro_f1, mean3, norm3, pearson, spearman
from .recorded import recorded
from .reports import published
from .submission import Prediction, read_predictions, score, validate, write_predictions

__all__ = [
    "Prediction", "accuracy", "best_of", "best_of_seeds", "binomial", "bootstrap", "confusion", "fisher",
    "floors", "jaccard", "least_squares", "macro_f1", "majority", "mean3", "naive_bayes", "norm3", "over_seeds",
    "paired_bootstrap", "pearson", "published", "read_predictions", "recorded", "score", "spearman",
    "tfidf_cosine", "validate", "write_predictions",
]  # fmt: skip
