"""Runs are kept one by one, go on where they stopped, and become a table whose every number can be found again."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from mtlkit.evaluation import mean3, norm3, over_seeds, published
from mtlkit.runs import build, compare, comparison, read_result, run, scores
from mtlkit.runs import result as result_module
from mtlkit.runs.compare import interval
from mtlkit.tasks import PARA, SST, STS

TASKS = {task.name: task for task in (SST, PARA, STS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def recipes(recipe):
    where = dict(report="S4", table="Table 5", row="Classic Approach", split="dev")
    return [
        recipe("summed", schedule={"kind": "Summed"}, published=where),
        recipe("sampled", schedule={"kind": "Sampled"}),
        recipe("sts alone", tasks=("sts",)),
    ]


@pytest.fixture
def table(recipes, folder):
    return compare(recipes, 2, folder=folder, progress=False)


def test_a_comparison_writes_its_runs_and_two_tables(table, folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {"comparison.csv", "scores.csv"} | {
        f"{run}-{seed}.json" for run in ("summed", "sampled", "sts_alone") for seed in (0, 1)
    }
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "comparison.csv").fillna({"published_as": ""}), table, check_dtype=False
    )
    assert list(table.run.unique()) == ["summed", "sampled", "sts alone"]
    assert list(table[table.run == "summed"].task) == ["sst", "para", "sts", "mean3", "norm3"]
    assert list(table[table.run == "sts alone"].task) == ["sts"]


def test_scores_are_those_of_the_kept_predictions(table, folder, recipes):
    labels = {name: part.labels for name, part in build(recipes[0]).dev_data.items()}
    for name in ("summed", "sampled"):
        results = [read_result(folder / f"{name}-{seed}.json") for seed in (0, 1)]
        rows = table[table.run == name].set_index("task")
        for task in TASKS.values():
            values = [task.metric(r["predictions"][task.name], labels[task.name]) for r in results]
            assert rows.score[task.name] == pytest.approx(np.mean(values), abs=1e-4)
        kept = scores(results).query("chosen")
        assert kept.groupby("task").score.mean().sst == pytest.approx(rows.score.sst, abs=1e-4)
        three = rows.score[["sst", "para", "sts"]]
        assert rows.score.mean3 == pytest.approx(mean3(*three), abs=2e-4)
        assert rows.score.norm3 == pytest.approx(norm3(*three), abs=2e-4)


def test_budgets_are_equal_and_steps_and_looks_are_told(table, folder):
    assert (table.examples.max() - table.examples.min()) <= 8
    assert (
        table.set_index(["run", "task"]).steps["summed", "sst"] == 4
    )  # 96 examples in three batches of 8 a step
    looks = pd.read_csv(folder / "scores.csv")
    assert set(looks.task) == {"sst", "para", "sts", "mean3", "norm3"}
    assert (looks.groupby(["run", "seed", "task"]).epoch.max() == 2).all()
    last = looks.groupby(["run", "seed"]).examples.max()
    assert ((last - 96).abs() <= 8).all()
    assert (looks[looks.chosen].groupby(["run", "seed", "task"]).size() == 1).all()


def test_differences_are_to_the_first_run_paired_by_seed(table):
    rows = table.set_index(["run", "task"])
    assert rows.difference.isna()["summed"].all()
    assert rows.difference["sampled", "sts"] == pytest.approx(
        rows.score["sampled", "sts"] - rows.score["summed", "sts"], abs=2e-4
    )
    assert rows.difference_low["sampled", "sts"] < rows.difference["sampled", "sts"]
    assert not math.isnan(rows.difference["sts alone", "sts"])  # a task in common


def test_equal_predictions_differ_by_nothing_and_without_width(table, folder):
    """A run of one task and one of three see the same resamples of that task's examples."""
    three, alone = (read_result(folder / f"{name}-0.json") for name in ("summed", "sts_alone"))
    alone["predictions"]["sts"] = three["predictions"]["sts"]
    row = comparison([three, alone]).iloc[-1]
    assert (row.run, row.difference, row.difference_low, row.difference_high) == ("sts alone", 0, 0, 0)


def test_floors_and_published_numbers_stand_beside(table):
    rows = table.set_index(["run", "task"])
    assert rows.floor.notna().all()
    numbers = published().query(
        "report == 'S4' and table == 'Table 5' and row == 'Classic Approach' and split == 'dev'"
    )
    numbers = numbers.set_index("task").value
    assert rows.published["summed", "sst"] == numbers.SST
    assert rows.published["summed", "mean3"] == pytest.approx(
        mean3(*numbers[["SST", "PARA", "STS"]]), abs=1e-4
    )
    assert rows.published["sampled"].isna().all()
    assert rows.published_as["summed", "sst"] == "S4, Table 5, Classic Approach, dev"


def test_a_comparison_that_was_stopped_goes_on_where_it_was(table, folder, recipes, monkeypatch):
    (folder / "sampled-1.json").unlink()
    trained = []
    real = result_module.train
    monkeypatch.setattr(result_module, "train", lambda *a, **k: trained.append(1) or real(*a, **k))
    again = compare(recipes, 2, folder=folder, progress=False)
    assert len(trained) == 1
    columns = [name for name in table if name != "seconds"]
    pd.testing.assert_frame_equal(again[columns], table[columns])


def test_a_run_that_is_stopped_by_hand_is_not_counted(recipe, tmp_path, monkeypatch):
    real = result_module.train

    def stopped(*given, **more):
        history = real(*given, **more)
        history.interrupted = True
        return history

    monkeypatch.setattr(result_module, "train", stopped)
    assert run(recipe(), 0, tmp_path) is None
    assert not list(tmp_path.glob("*.json"))
    assert compare([recipe()], 1, folder=tmp_path, progress=False).empty


def test_a_name_used_for_another_recipe_is_refused(recipe, folder, table):
    with pytest.raises(ValueError, match=r"summed-0\.json belongs to another recipe"):
        run(recipe("summed", frozen=True), 0, folder)
    (folder / "other-0.json").write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=r"other-0\.json is not the result of a run"):
        read_result(folder / "other-0.json")
    (folder / "other-0.json").unlink()


def test_what_cannot_be_compared_is_refused_before_training(recipe, tmp_path):
    with pytest.raises(ValueError, match=r"unequal numbers of examples \(a \d+, b 180\)"):
        compare([recipe("a"), recipe("b", budget=192)], folder=tmp_path)
    with pytest.raises(ValueError, match=r"recipe 'b': heads\.sst: kind is 'Head'"):
        compare([recipe("a"), recipe("b", heads={"sst": {"kind": "Head"}})], folder=tmp_path)
    with pytest.raises(ValueError, match=r"recipe 'b': published is .*has no such row"):
        compare([recipe("a"), recipe("b", published={"report": "S9"})], folder=tmp_path)
    with pytest.raises(ValueError, match="two recipes of one name: a, A"):
        compare([recipe("a"), recipe("A")], folder=tmp_path)
    with pytest.raises(ValueError, match="at least one recipe"):
        compare([], folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_interval_adds_seeds_and_examples():
    rng = np.random.default_rng(0)
    values, draws = np.array([0.5, 0.6, 0.55]), rng.normal(0.55, 0.02, 20_000)
    mean, low, high = interval(values, draws)
    seeds = over_seeds(values)[2] - 0.55
    assert mean == pytest.approx(0.55)
    assert high - mean == pytest.approx(math.hypot(1.96 * 0.02, seeds), rel=0.02)
    assert mean - low == pytest.approx(math.hypot(1.96 * 0.02, seeds), rel=0.02)
    assert interval(values[:1], draws)[2] - 0.5 == pytest.approx(1.96 * 0.02, rel=0.03)
