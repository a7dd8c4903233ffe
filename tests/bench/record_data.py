"""Counts what notebook 01 says of real files: data/results/{readers,shared_pairs,sick_labels}.csv. No sentence is kept.

    MTLKIT_DATA=/folder/that/holds/cs224n python tests/bench/record_data.py

The folder holds `cs224n/`, and `mrpc/` and `sick/` (the Microsoft Research Paraphrase Corpus and SICK 2014, as they are
distributed). A minute on one core.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mtlkit.data import Example, load

RESULTS = Path(__file__).resolve().parents[2] / "data" / "results"
FILES = (
    "mrpc/msr_paraphrase_train.txt",
    "mrpc/msr_paraphrase_test.txt",
    "cs224n/quora-dev.csv",
    "cs224n/sts-train.csv",
)


def lines(path: Path) -> int:
    """Rows that the file has: its lines without the header and without empty ones."""
    return sum(bool(line.strip()) for line in path.read_bytes().decode("utf-8-sig").split("\n")) - 1


def with_csv(path: Path) -> int:
    """Rows that Python's csv module gives without options but the tab."""
    csv.field_size_limit(10**9)  # one open quote makes fields of many kilobytes
    with path.open(newline="", encoding="utf-8-sig") as file:
        return sum(1 for row in csv.reader(file, delimiter="\t") if row) - 1


def with_pandas(path: Path) -> int | str:
    """Rows that pandas gives without options but the tab, or the name of the error."""
    try:
        return len(pd.read_csv(path, sep="\t"))
    except pd.errors.ParserError as error:
        return type(error).__name__


def with_pandas_skipping(path: Path) -> int:
    """Rows of pandas with on_bad_lines="skip", the usual advice against that error."""
    return len(pd.read_csv(path, sep="\t", on_bad_lines="skip"))


def without_quoting(path: Path) -> int:
    return len(pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False))


READERS: dict[str, Callable[[Path], int | str]] = {
    "lines": lines,
    "csv": with_csv,
    "pandas": with_pandas,
    "pandas, bad lines skipped": with_pandas_skipping,
    "pandas, no quoting": without_quoting,
}
COMPARED: dict[str, Callable[[str], str]] = {
    "to the letter": str,
    "words": lambda text: " ".join(re.findall(r"\w+", text.lower())),
}


def readers(home: Path) -> Iterator[dict]:
    for file in FILES:
        for name, reader in READERS.items():
            yield {"file": file, "reader": name, "rows": reader(home / file)}


def shared_pairs() -> Iterator[dict]:
    """Pairs of train in dev (see data/results/README.md), and how far apart the labels of repeated pairs are."""
    for task in ("para", "sts"):
        train, dev = (load(task, split, "cs224n", on_bad="report") for split in ("train", "dev"))
        for compared, same in COMPARED.items():
            key = {e: frozenset(map(same, e.sentences)) for e in [*train, *dev]}
            ordered = {tuple(map(same, e.sentences)) for e in train}
            there = {key[e] for e in train}
            texts = {same(text) for e in train for text in e.sentences}
            rows = [e for e in dev if key[e] in there]
            apart = differences([*train, *dev], key)
            yield {
                "task": task,
                "compared": compared,
                "dev": len(dev),
                "rows": len(rows),
                "pairs": len({key[e] for e in rows}),
                "in_order": sum(tuple(map(same, e.sentences)) in ordered for e in rows),
                "one_sentence": sum(any(same(text) in texts for text in e.sentences) for e in dev),
                "repeated": len(apart),
                "label_differs": int(np.count_nonzero(apart)),
                "rms_difference": round(float(np.sqrt(np.mean(np.square(apart)))), 4) if len(apart) else 0.0,
            }


def differences(examples: list[Example], key: dict[Example, frozenset[str]]) -> np.ndarray:
    """The label of every row that repeats an earlier pair, less the label of the first."""
    first: dict[frozenset[str], float] = {}
    apart = []
    for example in examples:
        if key[example] in first:
            apart.append(float(example.label) - first[key[example]])
        else:
            first[key[example]] = float(example.label)
    return np.array(apart)


def sick_labels(home: Path) -> pd.DataFrame:
    """How often each relatedness score stands in SICK's training file."""
    frame = pd.read_csv(home / "sick" / "SICK_train.txt", sep="\t", quoting=csv.QUOTE_NONE)
    counts = frame.relatedness_score.value_counts().sort_index()
    return counts.rename_axis("value").reset_index(name="count")


def main() -> None:
    home = Path(os.environ["MTLKIT_DATA"])
    for name, table in (
        ("readers", pd.DataFrame(readers(home))),
        ("shared_pairs", pd.DataFrame(shared_pairs())),
        ("sick_labels", sick_labels(home)),
    ):
        table.to_csv(RESULTS / f"{name}.csv", index=False)
        print(f"{name}.csv\n{table.head(30)}\n")


if __name__ == "__main__":
    main()
