"""The course on one page: its notebooks, in order, and which of them are there."""

from dataclasses import dataclass
from pathlib import Path

from mtlkit.course.environment import ROOT

PARTS = {
    "start": "Start here",
    "foundations": "Foundations: build BERT, train it on one task, and trust a number",
    "tasks": "Many tasks: one encoder, three heads, whose turn it is",
    "gradients": "Gradients: measure their conflict, operate on them",
    "extensions": "Extensions: what the reports tried, done right and measured",
}


@dataclass(frozen=True)
class Chapter:
    """A notebook of the course. `stem` is its file's name without .ipynb ("14+" while its number is open);
    `part` is a key of PARTS."""

    stem: str
    title: str
    part: str

    @property
    def number(self) -> str:
        return self.stem.split("_")[0]


CHAPTERS = (
    Chapter("00_start_here", "five reports, one impossible number", "start"),
    Chapter("01_data", "data", "foundations"),
    Chapter("02_metrics_and_floors", "metrics and floors", "foundations"),
    Chapter("03_word_pieces", "word pieces", "foundations"),
    Chapter("04_attention", "attention", "foundations"),
    Chapter("05_minbert", "minBERT", "foundations"),
    Chapter("06_adamw", "AdamW", "foundations"),
    Chapter("07_sentiment", "sentiment", "foundations"),
    Chapter("08_sentence_pairs", "sentence pairs", "tasks"),
    Chapter("09_many_tasks", "many tasks", "tasks"),
    Chapter("10_schedules", "schedules", "tasks"),
    Chapter("11_loss_weighting", "loss weighting", "tasks"),
    Chapter("12_gradient_conflict", "gradient conflict", "gradients"),
    Chapter("13_gradient_surgery", "gradient surgery", "gradients"),
    Chapter("14+_adapters", "PALs and LoRA", "extensions"),
    Chapter("14+_smart", "SMART", "extensions"),
    Chapter("14+_contrastive", "contrastive training", "extensions"),
)


def ready(folder: Path = ROOT / "notebooks") -> list[str]:
    """The stems of the chapters that `folder` holds, in order."""
    return [chapter.stem for chapter in CHAPTERS if (folder / f"{chapter.stem}.ipynb").is_file()]
