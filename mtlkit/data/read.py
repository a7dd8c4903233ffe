"""A file of labelled sentences -> examples; every malformed row is known by file and line."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Format:
    """What a task's files look like: tab separated, one header line, columns found by name.

    stem: file names are `{stem}-{split}.csv`. sentences: one or two columns of text. label: the label's column,
    absent from test files. low, high: the label's range, ends included. whole: only whole numbers are labels.
    """

    stem: str
    sentences: tuple[str, ...]
    label: str
    low: float
    high: float
    whole: bool


SST = Format("ids-sst", ("sentence",), "sentiment", 0, 4, whole=True)
PARA = Format("quora", ("sentence1", "sentence2"), "is_duplicate", 0, 1, whole=True)
STS = Format("sts", ("sentence1", "sentence2"), "similarity", 0, 5, whole=False)
FORMATS = {"sst": SST, "para": PARA, "sts": STS}


@dataclass(frozen=True)
class Example:
    """One row: its id, its one or two sentences, its label (int where labels are whole, None in test files)."""

    id: str
    sentences: tuple[str, ...]
    label: int | float | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that could not be used. `line` counts from 1 with the header, as an editor shows it."""

    path: Path
    line: int
    reason: str

    def __str__(self):
        return f"{self.path}, line {self.line}: {self.reason}"


class DataError(ValueError):
    """A file or row that cannot be read; the message names the file, the line, the value and the fix."""


class Examples(list):
    """A list of `Example` that also knows what was left out: `bad`, the rows dropped by `on_bad="report"`."""

    def __init__(self, examples=(), bad=()):
        super().__init__(examples)
        self.bad = list(bad)


def read(path: str | Path, format: Format, on_bad: str = "raise") -> Examples:
    """Read one file.

    on_bad: "raise" stops at the first malformed row; "report" drops such rows and lists them in `.bad`.
    Raises FileNotFoundError, or DataError: not UTF-8, a missing column, or (with "raise") a malformed row -
    wrong number of fields, unbalanced quote, no id in a test file, an id seen before, an empty sentence, a label
    that is missing, not a number, outside its range, or a fraction where labels are whole.
    """
    if on_bad not in ("raise", "report"):
        raise ValueError(f'on_bad is "raise" or "report", not {on_bad!r}')
    path = Path(path)
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from None
    header, *lines = [line.removesuffix("\r") for line in lines]
    if not (header or lines):
        raise DataError(f"{path}: the file is empty")
    names = header.split("\t")
    wanted = ["id", *format.sentences]
    if absent := [name for name in wanted if name not in names]:
        raise DataError(
            f"{path}, line 1: no column {absent[0]!r} among {names}; is this a {format.stem} file?"
        )
    if lines and not lines[-1]:  # the newline at the end of the file
        lines.pop()
    examples = Examples()
    seen: dict[str, int] = {}  # id -> line
    for number, line in enumerate(lines, start=2):
        try:
            example = _parse(line, number, names, format)
            if example.id in seen:
                raise ValueError(
                    f"id {example.id!r} stands in line {seen[example.id]} already; ids are unique"
                )
        except ValueError as error:
            examples.bad.append(BadRow(path, number, str(error)))
            if on_bad == "raise":
                raise DataError(
                    f'{examples.bad[0]}. Mend the row, or read with on_bad="report" to drop and list such rows'
                ) from None
        else:
            seen[example.id] = number
            examples.append(example)
    return examples


def _parse(line: str, number: int, names: list[str], format: Format) -> Example:
    """One line -> one example; a labelled row without an id is called after its line.

    Quotes follow the CSV rule (a field in "..." doubles the quotes inside it). Lines are parsed one by one, so a
    quote that never closes costs its own row only.
    """
    try:
        if '"' in line:
            (fields,) = csv.reader([line], delimiter="\t", strict=True)
        else:
            fields = line.split("\t") if line else []
    except csv.Error as error:
        raise ValueError(f"unbalanced quote ({error})") from None
    if len(fields) != len(names):
        raise ValueError(f"{len(fields)} fields where the header has {len(names)}")
    row = {name: field.strip() for name, field in zip(names, fields, strict=True)}
    if not row["id"] and format.label not in row:
        raise ValueError("the id is empty, and a prediction needs one")
    for name in format.sentences:
        if not row[name]:
            raise ValueError(f"{name} is empty")
    label = _label(row[format.label], format) if format.label in row else None
    return Example(row["id"] or f"line {number}", tuple(row[name] for name in format.sentences), label)


def _label(text: str, format: Format) -> int | float:
    where = f"{format.label} is {text!r}; "
    if not text:
        raise ValueError(f"{format.label} is empty")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(where + "not a number") from None
    if not (math.isfinite(value) and format.low <= value <= format.high):
        raise ValueError(where + f"labels run from {format.low} to {format.high}")
    if not format.whole:
        return value
    if value != int(value):
        raise ValueError(where + "labels are whole numbers")
    return int(value)
