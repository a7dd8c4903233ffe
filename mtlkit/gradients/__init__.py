"""Gradients of several tasks: kept apart, compared, and made into one."""

from .bank import Bank, part_of
from .conflict import ConflictLog
from .operate import Surgery
from .surgery import GradVac, PCGrad, gradvac, pcgrad, project
from .weightings import MGDA, CAGrad, Sum

__all__ = [
    "MGDA", "Bank", "CAGrad", "ConflictLog", "GradVac", "PCGrad", "Sum", "Surgery", "gradvac", "part_of", "pcgrad",
    "project",
]  # fmt: skip
