"""What stands on the shared encoder."""

from . import pooling
from .heads import ClassificationHead
from .multitask import MultitaskModel

__all__ = ["ClassificationHead", "MultitaskModel", "pooling"]
