"""The plots of 07_sentiment."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtlkit.evaluation import intervals

from ..figures import COLORS, LINES, MARKERS, style
from .common import darker


def learning_curves(curves: pd.DataFrame, floors: dict[str, float], metric: str = "accuracy") -> Figure:
    """Left: mean loss an epoch, solid on training data, dashed on development data. Right: the development score.

    curves: columns run, epoch, train_loss, dev_loss, score; a thin line for each run. floors: name -> score that
    needs no BERT.
    """
    with style():
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    for number, (_, run) in enumerate(curves.groupby("run", sort=False)):
        marker = {"marker": MARKERS[number % len(MARKERS)], "markersize": 5 if len(run) < 8 else 0}
        left.plot(run.epoch, run.train_loss, color=COLORS[0], linestyle="-", linewidth=1.4, **marker)
        left.plot(run.epoch, run.dev_loss, color=COLORS[1], linestyle="--", linewidth=1.4, **marker)
        right.plot(run.epoch, run.score, color=COLORS[1], linestyle="--", linewidth=1.4, **marker)
    last = curves.epoch.max()
    end = curves[curves.epoch == last]
    for column, name, color in (("train_loss", "train", COLORS[0]), ("dev_loss", "dev", COLORS[1])):
        other = "dev_loss" if column == "train_loss" else "train_loss"
        side = "bottom" if end[column].mean() > end[other].mean() else "top"
        left.annotate(
            name,
            (last, end[column].max() if side == "bottom" else end[column].min()),
            (0, 6 if side == "bottom" else -6),
            textcoords="offset points",
            ha="right",
            va=side,
            color=darker(color),
        )
    for name, floor in floors.items():
        right.axhline(floor, color="black", linestyle=":", linewidth=1.2)
        below = end.score.mean() > floor  # on the side where the curves do not end
        right.annotate(
            f"{name} {floor:.3f}",
            (last, floor),
            (0, -3 if below else 2),
            textcoords="offset points",
            ha="right",
            va="top" if below else "bottom",
            fontsize=8.5,
        )
    left.set(xlabel="epoch", title="mean loss", ylim=(0, None))
    low = min([*floors.values(), curves.score.min()])
    right.set(xlabel="epoch", title=f"dev {metric}", ylim=(low - 0.04, None))
    for ax in (left, right):
        ax.margins(x=0.06, y=0.12)
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    return fig


def scores_over_seeds(
    scores: dict[str, list[float]], floors: dict[str, float], n: int, metric: str = "dev accuracy"
) -> Figure:
    """Each method's scores, a dot a seed, their mean with its 95% interval for `n` examples, and floors to beat.

    scores: method -> a score for each seed, shares of `n` examples. floors: name -> score.
    """
    with style():
        fig, ax = plt.subplots(figsize=(7.6, 0.85 * len(scores) + 1.2))
    places = range(len(scores) - 1, -1, -1)
    for place, (number, values) in zip(places, enumerate(scores.values()), strict=True):
        mean = sum(values) / len(values)
        low, high = intervals.binomial(mean, n)
        color = COLORS[number % len(COLORS)]
        around = [[mean - low], [high - mean]]
        ax.errorbar(
            mean, place, xerr=around, fmt="|", markersize=16, color=color, capsize=6, linestyle="none"
        )
        marker = MARKERS[number % len(MARKERS)]
        ax.plot(values, [place] * len(values), marker, color=color, markersize=6, alpha=0.7, linestyle="none")
        ax.text(mean, place + 0.2, f"{mean:.3f}", ha="center", va="bottom", color=darker(color))
    for name, floor in floors.items():
        ax.axvline(floor, color="black", linestyle="--", linewidth=1.2)
        ax.text(floor, len(scores) - 0.35, f"{name}\n{floor:.3f}", ha="center", va="bottom", fontsize=8.5)
    ax.set_yticks(list(places), [textwrap.fill(name, 18) for name in scores])
    ax.set(ylim=(-0.5, len(scores) - 0.4), xlabel=metric)
    ax.margins(x=0.06)
    ax.grid(axis="y", visible=False)
    return fig


def confusion_matrix(counts, classes) -> Figure:
    """Shares of each label's examples by prediction: rows sum to 1, the diagonal is what was right.

    counts: (C, C), row = label, column = prediction, from `evaluation.confusion`. classes: C names.
    """
    counts = np.asarray(counts, dtype=float)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    with style():
        fig, ax = plt.subplots(figsize=(0.95 * len(classes) + 1.6, 0.72 * len(classes) + 1.1))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            ink = "white" if share > 0.55 else "black"
            ax.text(
                j,
                i,
                f"{share:.2f}",
                ha="center",
                va="center",
                color=ink,
                fontweight="bold" if i == j else "normal",
            )
    names = [textwrap.fill(name, 10) for name in classes]
    ax.set_xticks(range(len(classes)), names)
    ax.set_yticks(range(len(classes)), names)
    ax.set(xlabel="predicted", ylabel="label")
    ax.grid(visible=False)
    return fig


def class_probabilities(text: str, probabilities, classes) -> Figure:
    """One bar a class for one text, the most probable one filled. probabilities: C numbers that sum to 1."""
    best = max(range(len(classes)), key=lambda i: probabilities[i])
    with style():
        fig, ax = plt.subplots(figsize=(6.6, 0.36 * len(classes) + 1.1))
    for i, p in enumerate(probabilities):
        ax.barh(i, p, color=COLORS[0] if i == best else "#CFE3F1", edgecolor=COLORS[0])
        ax.text(p + 0.01, i, f"{p:.2f}", va="center", fontweight="bold" if i == best else "normal")
    ax.set_yticks(range(len(classes)), list(classes))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.08), xlabel="probability")
    ax.grid(axis="y", visible=False)
    title = ax.set_title(textwrap.fill(textwrap.shorten(text, 150, placeholder=" ..."), 64), fontsize=10)
    title.set_parse_math(False)  # a price in dollars is not a formula
    return fig


def loss_floor(losses: dict[str, list[float]], floor: float) -> Figure:
    """Training losses step by step, and the line below which a wrong loss cannot come."""
    with style():
        fig, ax = plt.subplots(figsize=(6.6, 3.2))
    for number, (name, values) in enumerate(losses.items()):
        color = COLORS[number]
        ax.plot(range(1, len(values) + 1), values, color=color, linestyle=LINES[number])
        ax.annotate(
            name,
            (len(values), values[-1]),
            (0, 6),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=darker(color),
        )
    ax.axhline(floor, color="black", linestyle=":", linewidth=1.2)
    ax.annotate(
        f"log(1 + 4/e) = {floor:.4f}",
        (max(map(len, losses.values())) / 2, floor),
        (0, -4),
        textcoords="offset points",
        va="top",
    )
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None))
    return fig
