"""Records what a score must beat, and what is in the real files: floors.csv, audit.csv, audit_overlap.csv and
label_histograms.csv in data/results/.

    MTLKIT_DATA=FOLDER python tests/bench/record_floors.py [--out FOLDER]

Floors on the mini set and on the real files; the audit of the real files. Statistics only, no sentence. The same files
give the same tables. data/results/README.md says what the columns mean.
"""

import argparse
from pathlib import Path

import pandas as pd

from mtlkit.bert import load_tokenizer
from mtlkit.data import FORMATS, audit, load
from mtlkit.data.sources import DATA
from mtlkit.evaluation import floors

SOURCES = ("mini", "cs224n")
PUBLISHED = {
    "train": 141_506,
    "dev": 20_212,
}  # usable pairs of Quora's files of 2023; those of 2024 have more


def note(source: str, task: str, train: int, dev: int) -> str:
    """What keeps these numbers from being those of the published files; empty where nothing does."""
    if source != "cs224n" or task != "para" or (train >= PUBLISHED["train"] and dev >= PUBLISHED["dev"]):
        return ""
    return (
        f"parts of the published files: {train:,} of {PUBLISHED['train']:,} train, "
        f"{dev:,} of {PUBLISHED['dev']:,} dev pairs"
    )


def record_floors(source: str, task: str) -> pd.DataFrame:
    train, dev = (load(task, split, source, on_bad="report") for split in ("train", "dev"))
    table = floors(task, train, dev)
    print(f"\n{source}, {task}, {len(dev)} dev examples\n{table.round(3).to_string(index=False)}")
    table.insert(0, "data", source)
    table.insert(1, "task", task)
    table.insert(3, "metric", "accuracy" if FORMATS[task].whole else "pearson")
    return table.assign(
        train_rows=len(train), dev_rows=len(dev), note=note(source, task, len(train), len(dev))
    )


def record_audit(source: str, task: str, tokenizer) -> list[pd.DataFrame]:
    """Its frame, overlap and histograms, each with the columns data, task and (the first two) note."""
    found = audit(task, source, tokenizer)
    print(f"\n{source}, {task}\n{found}")
    remark = note(source, task, *found.frame.read[["train", "dev"]])
    frame, overlap = (table.reset_index().assign(note=remark) for table in (found.frame, found.overlap))
    tables = [frame, overlap, found.histograms.copy()]
    for table in tables:
        table.insert(0, "data", source)
        table.insert(1, "task", task)
    return tables


def write(tables: list[pd.DataFrame], path: Path) -> None:
    """One file of all tables; a column that a table does not have stays empty, `note` comes last."""
    whole = pd.concat(tables, ignore_index=True)
    if "note" in whole:
        whole["note"] = whole.pop("note")
    whole.round(4).to_csv(path, index=False, float_format="%g")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA / "results")
    out = parser.parse_args().out
    write([record_floors(source, task) for source in SOURCES for task in FORMATS], out / "floors.csv")
    tokenizer = load_tokenizer("minilm")
    audits = [record_audit("cs224n", task, tokenizer) for task in FORMATS]
    for name, tables in zip(
        ("audit", "audit_overlap", "label_histograms"), zip(*audits, strict=True), strict=True
    ):
        write(list(tables), out / f"{name}.csv")


if __name__ == "__main__":
    main()
