"""What five student reports published: every number as printed, from one file, and how sure it can be."""

import pandas as pd

from ..data.sources import DATA
from .intervals import binomial, fisher

TITLES = {
    "S0": "Even Language Models Have to Multitask in This Economy",
    "S1": "Multitask BERT: Exploration and Extension",
    "S2": "Multi-task Fine-tuning with BERT",
    "S3": "An Exploration of Multi-Task Learning over minBERT",
    "S4": "Learning Better Together: Exploring Multi-Task Learning for Natural Language",
}
# Examples of each task in CS224N's 2023 files (S3 used the 2024 Quora files, twice as large: its PARA intervals
# are narrower than these).
SIZES = {
    "dev": {"SST": 1101, "PARA": 20212, "STS": 863},
    "test": {"SST": 2210, "PARA": 40430, "STS": 1725},
}


def published() -> pd.DataFrame:
    """One row a number: report, table, row, task (SST, PARA, STS, overall), value, split, as_printed.

    `value` is NaN where the report left the cell empty. Misprints stay as printed.
    """
    return pd.read_csv(DATA / "results" / "reports.csv", dtype={"row": str, "as_printed": str})


def interval(task: str, value: float, split: str = "dev", level: float = 0.95) -> tuple[float, float]:
    """The interval that sampling alone leaves around a published value: binomial for SST and PARA, Fisher for STS.

    Raises KeyError for "overall" (an average of three scores has no n of its own) and for a train split.
    """
    n = SIZES[split][task]
    return fisher(value, n, level) if task == "STS" else binomial(value, n, level)
