"""Files -> examples -> batches."""

from .batch import Batch, Batches, Encoded, collate, encode, plan
from .read import FORMATS, BadRow, DataError, Example, Examples, Format, read
from .sources import folder, load, load_labelled_test

__all__ = [
    "FORMATS", "BadRow", "Batch", "Batches", "DataError", "Encoded", "Example", "Examples", "Format",
    "collate", "encode", "folder", "load", "load_labelled_test", "plan", "read",
]  # fmt: skip
