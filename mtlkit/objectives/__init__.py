"""What training makes small: a loss for each kind of head and label, and how several become one."""

from .losses import (
    binary_cross_entropy,
    cosine_embedding,
    cross_entropy,
    expected_score,
    kl_divergence,
    score_cross_entropy,
    soft_targets,
    squared_error,
)
from .weighting import GradNorm, Static, Sum, Uncertainty

__all__ = [
    "GradNorm", "Static", "Sum", "Uncertainty", "binary_cross_entropy", "cosine_embedding", "cross_entropy",
    "expected_score", "kl_divergence", "score_cross_entropy", "soft_targets", "squared_error",
]  # fmt: skip
