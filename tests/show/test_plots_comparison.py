"""The comparison's figure: every run, task, floor and published number is in it, and nothing is cut off."""

import numpy as np
import pandas as pd
import pytest

from mtlkit.show.plots import comparison
from tests.show.inside import stays_inside


def rows(runs, tasks=("sst", "para", "sts", "mean3", "norm3")):
    rng = np.random.default_rng(0)
    made = []
    for name in runs:
        for task in tasks:
            score = rng.uniform(0.4, 0.9)
            made.append(
                dict(
                    run=name, task=task, score=score, low=score - 0.05, high=score + 0.05, floor=0.4,
                    difference_low=0.01 if name == runs[-1] else -0.1, difference_high=0.1,
                    published=0.5 if name == runs[0] else np.nan,
                )
            )  # fmt: skip
    return pd.DataFrame(made)


@pytest.mark.parametrize("number", [1, 2, 9])
def test_every_run_has_its_scores_and_the_page_holds_them(number):
    names = [f"a run with name {i}" for i in range(number)]
    table = rows(names)
    figure = comparison(table)
    assert [ax.get_title() for ax in figure.axes] == ["SST", "PARA", "STS", "mean3"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    shown = [text.get_text() for text in figure.axes[1].texts]
    assert shown == [f"{score:.3f}" for score in table[table.task == "para"].score]
    bold = [text.get_fontweight() == "bold" for text in figure.axes[0].texts]
    assert bold == [name == names[-1] for name in names]
    stays_inside(figure)


def test_a_run_without_a_task_leaves_its_place_empty():
    table = pd.concat([rows(["both"], ("sst", "sts")), rows(["one"], ("sts",))])
    figure = comparison(table)
    assert [len(ax.texts) for ax in figure.axes] == [1, 2]
