"""Files -> examples -> batches."""

from .audit import Audit, audit
from .batch import Batch, Batches, Encoded, Stream, collate, encode, plan
from .fetch import FetchError, blob_id, fetch
from .read import FORMATS, BadRow, DataError, Example, Examples, Format, read
from .schedule import (
    RoundRobin,
    Sampled,
    Schedule,
    Sequential,
    Summed,
    annealed,
    balanced_batch_sizes,
    exposure,
    orders,
)
from .sources import folder, load, load_labelled_test

__all__ = [
    "FORMATS", "Audit", "BadRow", "Batch", "Batches", "DataError", "Encoded", "Example", "Examples",
    "FetchError", "Format", "RoundRobin", "Sampled", "Schedule", "Sequential", "Stream", "Summed", "annealed",
    "audit", "balanced_batch_sizes", "blob_id", "collate", "encode", "exposure", "fetch", "folder", "load",
    "load_labelled_test", "orders", "plan", "read",
]  # fmt: skip
