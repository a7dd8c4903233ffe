"""What happened in a run: one row a step, one row an evaluation."""

from dataclasses import asdict, dataclass, field

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
