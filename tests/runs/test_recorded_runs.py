"""The comparisons in data/results are what their runs' files say, and these are what their recipes say."""

import json

import pandas as pd
import pytest

from mtlkit.data import FORMATS, load
from mtlkit.data.sources import DATA
from mtlkit.evaluation import read_predictions, recorded, score, validate
from mtlkit.runs import comparison, read_recipes, read_result, scores

FOLDERS = sorted(path.parent for path in (DATA / "results").glob("*/comparison.csv"))


def results(folder):
    """In the order of the recipes, seed by seed."""
    found = [read_result(path) for path in folder.glob("*.json")]
    names = [recipe.name for recipe in read_recipes(folder / "recipes.toml")]
    return sorted(found, key=lambda result: (result["seed"], names.index(result["recipe"]["name"])))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_recipe_was_run_over_the_same_seeds_as_it_stands_there(folder):
    recipes = {recipe.name: recipe for recipe in read_recipes(folder / "recipes.toml")}
    seeds = {name: set() for name in recipes}
    for result in results(folder):
        recipe = recipes[result["recipe"]["name"]]
        assert result["recipe"] == json.loads(json.dumps(recipe.to_dict()))
        seeds[recipe.name].add(result["seed"])
    assert len({frozenset(s) for s in seeds.values()}) == 1
    assert min(map(len, seeds.values())) >= 3


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_of_looks_is_that_of_the_runs(folder):
    pd.testing.assert_frame_equal(
        recorded(f"{folder.name}/scores"), scores(results(folder)), check_dtype=False
    )


def stored(name):
    table = recorded(f"{name}/comparison")
    return table.assign(published_as=table.published_as.astype(object).where(table.published_as.notna(), ""))


def test_the_comparison_of_orders_is_computed_again_from_its_predictions():
    again = comparison(results(DATA / "results" / "orders"))
    pd.testing.assert_frame_equal(again, stored("orders"), check_dtype=False, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name != "orders"], ids=lambda folder: folder.name)
def test_the_scores_on_real_data_are_those_of_the_kept_predictions(folder, cs224n, monkeypatch):
    monkeypatch.setenv("MTLKIT_DATA", str(cs224n.parent))
    if len(load("para", "dev", "cs224n", on_bad="report")) != 16_212:
        pytest.skip("recorded with 16,212 of the question pairs; here are others")
    again = comparison(results(folder))
    pd.testing.assert_frame_equal(again, stored(folder.name), check_dtype=False, atol=2e-4)


BEST = DATA / "results" / "best"


@pytest.mark.slow
def test_the_submission_files_hold_the_predictions_of_the_best_seed(cs224n, monkeypatch):
    monkeypatch.setenv("MTLKIT_DATA", str(cs224n.parent))
    table = recorded("best/scores").query("chosen")
    seed = table[table.task == "mean3"].set_index("seed").score.idxmax()
    kept = table[table.seed == seed].set_index("task").score
    files = sorted(path.name for path in (BEST / "predictions").iterdir())
    assert files == sorted(f"{task}-{part}-output.csv" for task in FORMATS for part in ("dev", "test"))
    if len(load("para", "dev", "cs224n", on_bad="report")) != 16_212:
        pytest.skip("recorded with 16,212 of the question pairs; here are others")
    for task, form in FORMATS.items():
        for split, part in (("dev", "dev"), ("test-student", "test")):
            path = BEST / "predictions" / f"{task}-{part}-output.csv"
            examples = load(task, split, "cs224n", on_bad="report")
            validate(read_predictions(path, form), examples, form)
            if part == "dev":
                assert score(path, examples, form) == pytest.approx(kept[task], abs=2e-4)
