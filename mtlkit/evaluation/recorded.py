"""What runs too long for a notebook, or needs files that not everyone has: recorded once, read here."""

import pandas as pd

from ..data.sources import DATA


def recorded(name: str) -> pd.DataFrame:
    """The table `data/results/{name}.csv`; data/results/README.md says what its columns mean and what wrote it.

    Raises FileNotFoundError naming the tables that are there.
    """
    path = DATA / "results" / f"{name}.csv"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"no recorded table {name!r} in {path.parent}; there are {there}")
    return pd.read_csv(path)
