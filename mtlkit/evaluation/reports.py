"""What five student reports published: every number as printed, from one file, and how sure it can be."""

import pandas as pd

from ..data.sources import DATA
from .intervals import binomial, difference, fisher
from .metrics import mean3, norm3

__all__ = [
    "HEADLINES", "SIZES", "TASKS", "TITLES", "apart", "headlines", "interval", "mean3", "norm3", "published", "wide",
]  # fmt: skip

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

# Each report's best or final model; of S4 the three approaches that it compares.
HEADLINES = (
    ("S0", "Table 1", "Robin + extradata", "dev"),
    ("S1", "section 5.4", "final model submitted to the test leaderboard", "test"),
    ("S2", "section 5.3, Leaderboard", "TEST", "test"),
    ("S3", "section 4.4", "LeakyRelu BS8 D0.05 LR0.7e-5", "dev"),
    ("S4", "Table 5", "Classic Approach", "dev"),
    ("S4", "Table 5", "Gradient Surgery Approach", "dev"),
    ("S4", "Table 5", "Round Robin Approach", "dev"),
)
TASKS = ["SST", "PARA", "STS"]


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


def apart(task: str, a: float, b: float, split_a: str = "dev", split_b: str = "dev") -> tuple[float, float]:
    """The interval of a - b for two published scores, as if on different examples (see `intervals.difference`)."""
    return difference(a, interval(task, a, split_a), b, interval(task, b, split_b))


def wide(numbers: pd.DataFrame) -> pd.DataFrame:
    """`published()` with one row a model: SST, PARA, STS and overall as columns, the order of the file kept.

    The index is report, table, row, split; a number that the report left out is NaN.
    """
    keys = ["report", "table", "row", "split"]
    order = pd.MultiIndex.from_frame(numbers[keys].drop_duplicates())
    return numbers.pivot(index=keys, columns="task", values="value").reindex(order)[[*TASKS, "overall"]]


def headlines(numbers: pd.DataFrame) -> pd.DataFrame:
    """The rows of `wide(numbers)` that a comparison of the five reports shows, see HEADLINES."""
    return wide(numbers).loc[list(HEADLINES)]
