"""The widget of notebook 09 draws the order that is chosen, and says what was lost in it."""

import html
import re
from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mtlkit.course.checks.many import drop_from_best
from mtlkit.show import widgets

TASKS = ["sst", "para", "sts"]
ORDERS = [", ".join(order) for order in permutations(TASKS)]
SIZES = {"sst": 200, "para": 100, "sts": 100}


def curves():
    """In each order a task gains 0.1 in its own turn, and loses 0.03 in each other's; seed 1 has 0.02 more."""
    rows = []
    for run in ORDERS:
        for seed in (0, 1):
            scores = dict.fromkeys(TASKS, 0.5 + 0.02 * seed)
            for look, turn in enumerate(run.split(", ")):
                scores = {task: score + (0.1 if task == turn else -0.03) for task, score in scores.items()}
                rows += [(run, seed, 100 * look + 200, task, score) for task, score in scores.items()]
    return pd.DataFrame(rows, columns=["run", "seed", "examples", "task", "score"])


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


def test_every_order_has_its_own_picture():
    box = widgets.order_of_tasks(curves(), SIZES, drop_from_best)
    assert list(box.order.options) == ORDERS
    seen = set()
    for order in ORDERS:
        box.order.value = order
        assert alt(box) == box.answer
        assert f"in the order {order} (2 seeds)" in box.answer
        assert [task for task, _, _ in box.spans] == order.split(", ")
        seen.add(box.picture.value)
    assert len(seen) == len(ORDERS)
    assert not plt.get_fignums(), "figures are closed"


def test_what_comes_first_has_lost_most():
    box = widgets.order_of_tasks(curves(), SIZES, drop_from_best)
    box.order.value = "sts, sst, para"
    assert box.drops == pytest.approx({"sts": 0.06, "sst": 0.03, "para": 0.0})
    assert "sts 0.550, 0.060 below its best" in box.answer
    assert "para 0.550, 0.000 below its best" in box.answer


def test_turns_are_as_long_as_their_data():
    spans = widgets.turns("para, sst, sts", SIZES, 800)
    assert spans == [("para", 0, 200), ("sst", 200, 600), ("sts", 600, 800)]


def test_drops_are_of_each_seed_and_then_averaged():
    data = curves().query("run == 'sst, para, sts'")
    data.loc[(data.seed == 1) & (data.task == "sst") & (data.examples == 400), "score"] -= 0.1
    assert widgets.mean_drops(data, drop_from_best)["sst"] == pytest.approx(0.06 + 0.05)


def test_ends_are_each_seeds_last_look_though_examples_differ():
    data = curves().query("run == 'sst, para, sts'").copy()
    data["examples"] += data.seed  # a short batch more or less
    drops = widgets.mean_drops(data, drop_from_best)
    assert "sts 0.550, 0.000 below its best" in widgets.describe_order("sst, para, sts", data, drops)
    assert np.isfinite(list(drops.values())).all()
