"""Predictions as files in CS224N's submission format: written, read, checked against examples, scored.

One file a task and split, `predictions/{sst,para,sts}-{dev,test}-output.csv`, byte for byte as the starter writes them
(gpoesia/minbert-default-final-project, evaluation.py, `test_model_multitask`): a header with a tab,
"id \\t Predicted_Sentiment \\n", then rows with a comma, "{id} , {prediction} \\n", in any order.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..data.files import whole
from ..data.read import FORMATS, PARA, SST, STS, DataError, Example, Format
from .metrics import accuracy, pearson

# The header's second name, and how a prediction is written: the starter's paraphrase labels are floats (0.0, 1.0).
COLUMNS: dict[Format, tuple[str, Callable]] = {
    SST: ("Predicted_Sentiment", int),
    PARA: ("Predicted_Is_Paraphrase", float),
    STS: ("Predicted_Similiary", float),  # the starter's own spelling
}
SHUFFLES = 99


class Prediction(NamedTuple):
    """One row: which example, and what was predicted."""

    id: str
    value: float


def write_predictions(
    path: str | Path, task: str | Format, ids: Sequence[str], predictions: ArrayLike
) -> None:
    """Write one file, whole or not at all: a file that is there already stays as it was until the new one is complete.

    task: "sst", "para", "sts" or the `Format` of one. ids: n of them. predictions: (n,), decoded: classes, or scores
    in the labels' range. Raises DataError, before anything is written, for unequal numbers of ids and predictions, an
    id that cannot stand in a row, and what `validate` refuses in predictions.
    """
    path, format = Path(path), submitted(task)
    values = np.asarray(predictions, dtype=float)
    if values.shape != (len(ids),):
        # The starter's zip(dev ids, test predictions) wrote as many rows as the shorter had, without a word.
        raise DataError(
            f"{path}: predictions of shape {values.shape} for {len(ids)} ids; are both of the same split, and decoded?"
        )
    for id in ids:
        if not id or id != id.strip() or len(id.splitlines()) > 1:
            raise DataError(f"{path}: the id {id!r} is not one line of text without spaces around it")
    rows = [Prediction(id, value) for id, value in zip(ids, values.tolist(), strict=True)]
    if found := problems(rows, format):
        raise DataError(f"{path}: {'; '.join(found)}")

    column, written = COLUMNS[format]
    text = f"id \t {column} \n" + "".join(f"{id} , {written(value)} \n" for id, value in rows)
    with whole(path) as beside:
        beside.write_bytes(text.encode())


def read_predictions(path: str | Path, task: str | Format) -> list[Prediction]:
    """The rows of one file, in its order, NaN and repeated ids among them: `validate` judges those.

    Raises FileNotFoundError, or DataError naming file, line and value: not UTF-8, no header or another task's, a row
    that is not an id, a comma and a number.
    """
    path = Path(path)
    column, _ = COLUMNS[submitted(task)]
    try:
        header, *lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from None
    if [name.strip() for name in header.split("\t")] != ["id", column]:
        raise DataError(
            f"{path}, line 1: the header is {header!r}, and this task's has id, a tab and {column}"
        )
    if lines and not lines[-1]:  # the newline at the end of the file
        lines.pop()
    predictions = []
    for number, line in enumerate(lines, start=2):
        id, comma, text = (part.strip() for part in line.rpartition(","))
        if not (id and comma):
            raise DataError(f"{path}, line {number}: {line!r} is not an id, a comma and a prediction")
        try:
            predictions.append(Prediction(id, float(text)))
        except ValueError:
            raise DataError(f"{path}, line {number}: the prediction is {text!r}; not a number") from None
    return predictions


def validate(
    predictions: Iterable[tuple[str, float]], examples: Iterable[Example], task: str | Format
) -> None:
    """Raises DataError, listing all that is wrong, unless there is one good prediction for each example.

    Wrong are: an id that is missing, there twice, or no example's; a prediction that is NaN or infinite, outside
    the labels' range, or a fraction where labels are whole. Right ids with another split's predictions pass: only
    labels can tell, see `score`.
    """
    predictions, format = list(predictions), submitted(task)
    wanted, given = [example.id for example in examples], {id for id, _ in predictions}
    known = set(wanted)
    missing = [id for id in wanted if id not in given]
    unknown = [id for id, _ in predictions if id not in known]
    found = [
        *([f"no prediction for {some(missing)}"] if missing else []),
        *([f"no example has the id {some(unknown)}; another split's?"] if unknown else []),
        *problems(predictions, format),
    ]
    if found:
        raise DataError("; ".join(found))


def score(path: str | Path, examples: Sequence[Example], task: str | Format) -> float:
    """The score of a file: accuracy of classes, Pearson's correlation of scores; the order of rows does not matter.

    examples: labelled, those of the file's split. Raises FileNotFoundError, ValueError for examples without labels,
    and DataError as `read_predictions` and `validate` do, naming the file. Warns where the score is no better than
    the best of 99 shuffles of the predictions: they say nothing about these examples, as when the starter wrote its
    test predictions beside the dev ids, or are too few to show it.
    """
    format = submitted(task)
    if any(example.label is None for example in examples):
        raise ValueError("examples without labels; those of the test split come from `load_labelled_test`")
    predictions = read_predictions(path, task)
    try:
        validate(predictions, examples, task)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    by_id = dict(predictions)
    values = np.array([by_id[example.id] for example in examples])
    labels = np.array([example.label for example in examples])
    metric = accuracy if format.whole else pearson
    result = metric(values, labels)
    random = np.random.default_rng(0)
    chance = max(metric(random.permutation(values), labels) for _ in range(SHUFFLES))
    if result <= chance:
        warnings.warn(
            f"{path}: scores {result:.3f}, and shuffled up to {chance:.3f}: these predictions say nothing about these "
            f"{len(values)} examples. Are they constant, or another split's?",
            stacklevel=2,
        )
    return result


def problems(predictions: Sequence[tuple[str, float]], format: Format) -> list[str]:
    """What is wrong with predictions by themselves, one sentence each kind."""
    values = np.array([value for _, value in predictions], dtype=float)
    finite = np.isfinite(values)
    outside = finite & ((values < format.low) | (values > format.high))
    fraction = finite & ~outside & (values != np.round(values)) & format.whole
    kinds = [
        (~finite, "are NaN or infinite"),
        (outside, f"lie outside {format.low} to {format.high}; decode or clip them"),
        (fraction, "are fractions, and classes are whole numbers"),
    ]
    found = []
    for wrong, what in kinds:
        if wrong.any():
            named = [f"{predictions[i][1]} for {predictions[i][0]}" for i in np.flatnonzero(wrong).tolist()]
            found.append(f"predictions {what}: {some(named)}")
    counts = Counter(id for id, _ in predictions)
    if twice := [id for id, count in counts.items() if count > 1]:
        found.append(f"more than one prediction for {some(twice)}")
    return found


def some(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def submitted(task: str | Format) -> Format:
    """The `Format` of a task. Raises ValueError for one that CS224N has no submission format for."""
    format = FORMATS.get(task) if isinstance(task, str) else task
    if format not in COLUMNS:
        raise ValueError(f"CS224N has no submission format for {task!r}; it has one for {', '.join(FORMATS)}")
    return format
