"""What is in a task's files: rows, labels, lengths, repetitions, and what one split tells about another."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from .read import FORMATS, Example, Examples, Format
from .sources import SPLITS, load

QUANTILES = {"label_min": 0, "label_25": 0.25, "label_median": 0.5, "label_75": 0.75, "label_max": 1}


@dataclass(frozen=True)
class Audit:
    """Counts of one task's files; `str()` says them in a sentence a split. No sentence of the files is in here.

    `frame`, one row a split:
        rows in the file = read + dropped (malformed, see `reasons`);
        label_0, label_1, ...: the share of each class; or, for scores, label_min, label_25, label_median, label_75,
        label_max and whole, the share of whole numbers. NaN in a split without labels;
        duplicates: rows that equal an earlier one; swapped: rows that equal an earlier pair with its sentences
        exchanged; conflicts: rows of either kind with another label than the first such row;
        with a tokenizer, length_median, length_95 (quantile) and length_max of its sentences in word pieces.
    `overlap`, one row for two splits, "train/dev":
        examples: different ones that both have (a pair in either order); conflicts: those whose labels differ;
        sentences: different ones that both have; rows: of the second split, with a sentence of the first in them.
    `reasons`: split -> why rows were dropped -> how many.
    `histograms`: columns split, quantity ("label" or "length"), value, count: every value that occurs.
    """

    frame: pd.DataFrame
    overlap: pd.DataFrame
    reasons: dict[str, dict[str, int]]
    histograms: pd.DataFrame

    def __str__(self):
        lines = [_describe(split, row, self.reasons[split]) for split, row in self.frame.iterrows()]
        return "\n".join(lines + [_compare(splits, row) for splits, row in self.overlap.iterrows()])


def audit(task: str | Format, source: str | Path = "mini", tokenizer: Tokenizer | None = None) -> Audit:
    """Read a task's files and count what is in them.

    task, source: as in `load`; malformed rows are dropped and counted. A split without a file is left out.
    tokenizer: gives lengths in word pieces, [CLS] and [SEP] among them, each sentence of a pair for itself.
    Raises FileNotFoundError where no split has a file, DataError where one cannot be read at all.
    """
    splits: dict[str, Examples] = {}
    for split in SPLITS:
        try:
            splits[split] = load(task, split, source, on_bad="report")
        except FileNotFoundError as error:
            missing = error
    if not splits:
        raise missing
    format = FORMATS[task] if isinstance(task, str) else task
    lengths = {name: word_pieces(part, tokenizer) for name, part in splits.items()} if tokenizer else {}
    rows = {
        name: {
            "rows": len(part) + len(part.bad),
            "read": len(part),
            "dropped": len(part.bad),
            **label_summary(labels_of(part), format),
            **repetitions(part),
            **(length_summary(lengths[name]) if lengths else {}),
        }
        for name, part in splits.items()
    }
    pairs = {f"{a}/{b}": shared(splits[a], splits[b]) for a, b in combinations(splits, 2)}
    counts = [
        (name, quantity, value, count)
        for name, part in splits.items()
        for quantity, values in (("label", labels_of(part)), ("length", lengths.get(name, [])))
        for value, count in sorted(Counter(values).items())
    ]
    return Audit(
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("split"),
        pd.DataFrame.from_dict(pairs, orient="index").rename_axis("splits"),
        {name: dict(Counter(bad.reason for bad in part.bad).most_common()) for name, part in splits.items()},
        pd.DataFrame(counts, columns=["split", "quantity", "value", "count"]),
    )


def labels_of(examples: Iterable[Example]) -> list[int | float]:
    """The labels; none of a test file."""
    return [example.label for example in examples if example.label is not None]


def label_summary(labels: Sequence[int | float], format: Format) -> dict[str, float]:
    """The share of each class, or quantiles and the share of whole numbers; NaN where there are no labels."""
    if format.whole:
        classes = range(int(format.low), int(format.high) + 1)
        counts = Counter(labels)
        return {f"label_{value}": counts[value] / len(labels) if labels else np.nan for value in classes}
    if not labels:
        return dict.fromkeys([*QUANTILES, "whole"], np.nan)
    quantiles = np.quantile(labels, list(QUANTILES.values())).tolist()
    whole = sum(label == int(label) for label in labels) / len(labels)
    return {**dict(zip(QUANTILES, quantiles, strict=True)), "whole": whole}


def repetitions(examples: Iterable[Example]) -> dict[str, int]:
    """Rows that repeat an earlier one as it stands, with its sentences exchanged, and with another label."""
    seen: set[tuple[str, ...]] = set()  # sentences as they stand
    first: dict[
        tuple[str, ...], int | float | None
    ] = {}  # in a fixed order -> the label of the first such row
    counts = {"duplicates": 0, "swapped": 0, "conflicts": 0}
    for example in examples:
        key = unordered(example)
        if example.sentences in seen:
            counts["duplicates"] += 1
        elif key in first:
            counts["swapped"] += 1
        counts["conflicts"] += first.setdefault(key, example.label) != example.label
        seen.add(example.sentences)
    return counts


def shared(first: Sequence[Example], second: Sequence[Example]) -> dict[str, int]:
    """What two splits have in common, see `Audit.overlap`. Labels differ only where both splits have them."""
    here, there = by_sentences(first), by_sentences(second)
    both = here.keys() & there.keys()
    texts = {text for key in here for text in key}
    return {
        "examples": len(both),
        "conflicts": sum(bool(here[key] and there[key]) and here[key] != there[key] for key in both),
        "sentences": len(texts & {text for key in there for text in key}),
        "rows": sum(not texts.isdisjoint(example.sentences) for example in second),
    }


def by_sentences(examples: Iterable[Example]) -> dict[tuple[str, ...], set[int | float]]:
    """Every different example, its sentences in a fixed order -> the labels that it has."""
    found: dict[tuple[str, ...], set[int | float]] = {}
    for example in examples:
        found.setdefault(unordered(example), set()).update(labels_of([example]))
    return found


def unordered(example: Example) -> tuple[str, ...]:
    """The sentences in an order that does not depend on which stood first."""
    return tuple(sorted(example.sentences))


def word_pieces(examples: Iterable[Example], tokenizer: Tokenizer) -> list[int]:
    """How many word pieces each sentence has, [CLS] and [SEP] among them; a sentence that comes twice counts twice."""
    texts = [text for example in examples for text in example.sentences]
    tokenizer = Tokenizer.from_str(tokenizer.to_str())  # the caller's keeps its own truncation and padding
    tokenizer.no_padding()
    tokenizer.no_truncation()
    different = list(dict.fromkeys(texts))
    encoded = tokenizer.encode_batch_fast(different)  # fast: without the places in the text
    lengths = dict(zip(different, (len(e) for e in encoded), strict=True))
    return [lengths[text] for text in texts]


def length_summary(lengths: Sequence[int]) -> dict[str, float]:
    """Median, 95% quantile and maximum; NaN of no sentences."""
    values = [np.median(lengths), np.quantile(lengths, 0.95), max(lengths)] if lengths else [np.nan] * 3
    return dict(zip(("length_median", "length_95", "length_max"), map(float, values), strict=True))


def _describe(split: str, row: pd.Series, reasons: Mapping[str, int]) -> str:
    """A split in a sentence."""
    parts = [f"{split}: {row['rows']:,.0f} rows"]
    if row.dropped:
        some = [f"{count:,} because {reason}" for reason, count in list(reasons.items())[:3]]
        more = [f"{len(reasons) - 3} other reasons"] if len(reasons) > 3 else []
        parts[0] += f", {row.dropped:,.0f} of them dropped ({', '.join(some + more)})"
    shares = [name for name in row.index if name.startswith("label_")]
    if np.isnan(row[shares[0]]):
        parts.append("no labels")
    elif "whole" in row:
        parts.append(
            f"scores from {row.label_min:g} to {row.label_max:g}, half of them from {row.label_25:.3g} to "
            f"{row.label_75:.3g}, {row.whole:.0%} whole numbers"
        )
    else:
        parts.append("labels " + ", ".join(f"{n.removeprefix('label_')} ({row[n]:.1%})" for n in shares))
    if repeated := row.duplicates + row.swapped:
        parts.append(
            f"rows that repeat an earlier one: {repeated:,.0f} (sentences exchanged: {row.swapped:,.0f}, "
            f"another label: {row.conflicts:,.0f})"
        )
    else:
        parts.append("no row repeats another")
    if "length_max" in row:
        parts.append(
            f"{row.length_median:.0f} word pieces (median), 95% have {row.length_95:.0f} at most, "
            f"the longest {row.length_max:.0f}"
        )
    return "; ".join(parts) + "."


def _compare(splits: str, row: pd.Series) -> str:
    """Two splits in a sentence."""
    names = splits.replace("/", " and ")
    if not row.sentences:
        return f"{names} have no sentence in common."
    return (
        f"{names} have in common: examples: {row.examples:,} (labels differ: {row.conflicts:,}), sentences: "
        f"{row.sentences:,}; rows of {splits.partition('/')[2]} with such a sentence: {row.rows:,}."
    )
