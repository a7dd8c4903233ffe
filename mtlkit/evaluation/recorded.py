"""What runs too long for a notebook, or needs files that not everyone has: recorded once, read here."""

import pandas as pd

from ..data.sources import DATA


def recorded(name: str) -> pd.DataFrame:
    """The table `data/results/{name}.csv`, such as "single" or "schedules/comparison"; the README.md there says what
    its columns mean and what wrote it.

    Raises FileNotFoundError naming the tables that are there.
    """
    path = DATA / "results" / f"{name}.csv"
    if not path.is_file():
        results = DATA / "results"
        found = sorted(
            file.relative_to(results).with_suffix("").as_posix() for file in results.rglob("*.csv")
        )
        raise FileNotFoundError(f"no recorded table {name!r} in {results}; there are {', '.join(found)}")
    return pd.read_csv(path)
