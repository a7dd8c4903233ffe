"""Which files hold which data: `mini` comes with the project, `cs224n` is the course's real data."""

import os
from pathlib import Path

from .read import FORMATS, DataError, Examples, Format, read

DATA = Path(__file__).resolve().parents[2] / "data"
FETCH = "bring the real files with `python -m mtlkit data fetch`"
SPLITS = ("train", "dev", "test-student")


def cs224n_home() -> Path:
    """Where the real files are fetched to and read from: `$MTLKIT_DATA/cs224n` if that is set, else `data/cs224n`."""
    return Path(os.environ.get("MTLKIT_DATA") or DATA) / "cs224n"


def folder(source: str | Path = "mini") -> Path:
    """The folder of a source: "mini", "cs224n" (in `$MTLKIT_DATA` if set, else `data/`), or a folder of your own.

    Raises FileNotFoundError saying how to get what is missing.
    """
    if source == "mini":
        path, fix = (
            DATA / "mini",
            "it comes with a clone of the project: install with `pip install -e .` from there",
        )
    elif source == "cs224n":
        path = cs224n_home()
        fix = f"{FETCH}, or set MTLKIT_DATA to the folder that holds cs224n/, or use source='mini'"
    else:
        path, fix = Path(source), "give 'mini', 'cs224n' or a folder"
    if not path.is_dir():
        raise FileNotFoundError(f"no folder {path}; {fix}")
    return path


def load(
    task: str | Format, split: str = "train", source: str | Path = "mini", on_bad: str = "raise"
) -> Examples:
    """The examples of a task ("sst", "para", "sts", or a `Format`) and split ("train", "dev", "test-student").

    Test examples have no labels here; see `load_labelled_test`. Raises as `read` and `folder` do, and ValueError
    for an unknown task or split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    format = _format(task)
    path = folder(source) / f"{format.stem}-{split}.csv"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}" + (f"; {FETCH}" if source == "cs224n" else ""))
    examples = read(path, format, on_bad)
    if split != "test-student" and any(example.label is None for example in examples):
        raise DataError(f"{path}, line 1: no column {format.label!r}, and {split} needs labels")
    return examples


def load_labelled_test(task: str | Format, source: str | Path = "mini") -> Examples:
    """The test examples with their labels, which stand in a folder of their own so that nobody trains on them."""
    format = _format(task)
    path = folder(source) / "labels" / f"{format.stem}-test.csv"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; this source keeps its test labels to itself")
    examples = read(path, format)
    ids = [example.id for example in load(task, "test-student", source)]
    if ids != [example.id for example in examples]:
        raise DataError(f"{path}: its ids are not those of {format.stem}-test-student.csv, in the same order")
    return examples


def _format(task: str | Format) -> Format:
    if isinstance(task, str) and task not in FORMATS:
        raise ValueError(f"no task {task!r}; there are {', '.join(FORMATS)}, or give a Format")
    return FORMATS[task] if isinstance(task, str) else task
