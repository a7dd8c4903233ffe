"""What happened in a run: one row a step, one row an evaluation."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from ..data.files import whole

OVERALL = "overall"  # in the place of a task's name, where several are scored as one


@dataclass
class Step:
    """One task's part in one update. `step` counts from 1; `loss` is the batch's mean, before any weighting; `lr` the
    first group's; seconds since the start."""

    step: int
    epoch: int
    task: str
    loss: float
    lr: float
    seconds: float


@dataclass
class Evaluation:
    """One look at a development set: mean loss and score (the task's metric) of the whole set. With several tasks a
    last row, "overall", has the sum of their losses and what `overall` made of their scores."""

    step: int
    epoch: int
    task: str
    loss: float
    score: float
    seconds: float


@dataclass
class History:
    """The record of a run. `interrupted`: it was stopped by hand before its last step."""

    steps: list[Step] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    interrupted: bool = False

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the highest score (of several tasks: overall), the first of equals; None before any.
        NaN never counts as best."""
        rows = [e for e in self.evaluations if e.task == OVERALL] or self.evaluations
        scored = [e for e in rows if e.score == e.score]
        return max(scored, key=lambda e: e.score, default=None)

    def frame(self):
        """The steps as a pandas DataFrame: step, epoch, task, loss, lr, seconds."""
        return self._frame(self.steps, Step)

    def scores(self):
        """The evaluations as a pandas DataFrame: step, epoch, task, loss, score, seconds."""
        return self._frame(self.evaluations, Evaluation)

    @staticmethod
    def _frame(rows, kind):
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in rows], columns=list(kind.__dataclass_fields__))

    def to_dict(self) -> dict:
        return {
            "steps": [asdict(s) for s in self.steps],
            "evaluations": [asdict(e) for e in self.evaluations],
        }

    @classmethod
    def from_dict(cls, record: dict) -> "History":
        return cls([Step(**s) for s in record["steps"]], [Evaluation(**e) for e in record["evaluations"]])


class Log:
    """A history as a file of JSON lines that grows with it: {"kind": "step", ...} or {"kind": "evaluation", ...}.

    It starts with what `history` holds: rows that a killed run wrote after its last checkpoint are gone from the file,
    as they are from the run. Without a path nothing is written.
    """

    def __init__(self, path: Path | None, history: History):
        self.path = path
        self.file: TextIO | None = None
        if path:
            rows: list[Step | Evaluation] = [*history.steps, *history.evaluations]
            rows.sort(key=lambda row: row.step)  # stable: a step stands before its evaluation
            with whole(path) as beside:
                beside.write_text("".join(map(self.line, rows)), encoding="utf-8")

    @staticmethod
    def line(row: Step | Evaluation) -> str:
        return json.dumps({"kind": type(row).__name__.lower(), **asdict(row)}) + "\n"

    def __enter__(self) -> "Log":
        self.file = self.path.open("a", encoding="utf-8", buffering=1) if self.path else None  # line by line
        return self

    def add(self, rows: Sequence[Step | Evaluation]) -> None:
        if self.file:
            self.file.writelines(map(self.line, rows))

    def __exit__(self, *_) -> None:
        if self.file:
            self.file.close()
