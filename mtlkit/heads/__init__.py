"""What stands on the shared encoder."""

from . import fusion, pooling
from .heads import ClassificationHead, CosineHead, PairHead, mlp
from .multitask import MultitaskModel

__all__ = ["ClassificationHead", "CosineHead", "MultitaskModel", "PairHead", "fusion", "mlp", "pooling"]
