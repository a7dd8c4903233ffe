"""Files -> examples -> batches."""

from .audit import Audit, audit
from .batch import Batch, Batches, Encoded, collate, encode, plan
from .fetch import FetchError, blob_id, fetch
from .read import FORMATS, BadRow, DataError, Example, Examples, Format, read
from .sources import folder, load, load_labelled_test

__all__ = [
    "FORMATS", "Audit", "BadRow", "Batch", "Batches", "DataError", "Encoded", "Example", "Examples", "FetchError",
    "Format", "audit", "blob_id", "collate", "encode", "fetch", "folder", "load", "load_labelled_test", "plan", "read",
]  # fmt: skip
