"""What stands on the shared encoder."""

from . import pooling
from .heads import ClassificationHead, CosineHead
from .multitask import MultitaskModel

__all__ = ["ClassificationHead", "CosineHead", "MultitaskModel", "pooling"]
