"""Files -> examples -> batches."""

from .batch import Batch, Batches, Encoded, collate, encode, plan
from .fetch import FetchError, blob_id, fetch
from .read import FORMATS, BadRow, DataError, Example, Examples, Format, read
from .sources import folder, load, load_labelled_test

__all__ = [
    "FORMATS", "BadRow", "Batch", "Batches", "DataError", "Encoded", "Example", "Examples", "FetchError",
    "Format", "blob_id", "collate", "encode", "fetch", "folder", "load", "load_labelled_test", "plan", "read",
]  # fmt: skip
