"""A run as a small file: read as written, and what cannot be is refused before anything is trained."""

import pytest
import torch

from mtlkit.data import Sampled, Sequential, annealed, exposure
from mtlkit.heads import ClassificationHead, CosineHead, PairHead
from mtlkit.objectives import GradNorm, Static, Uncertainty
from mtlkit.runs import Recipe, build, read_recipes, write_recipes
from mtlkit.tasks import SST


def test_recipes_come_back_from_the_file_they_were_written_to(tmp_path):
    recipes = [
        Recipe("a"),
        Recipe(
            "b b", tasks=("sts",), source={"sts": "mini"}, budget=100, batch_size={"sts": 4}, frozen=True,
            schedule={"kind": "Sampled", "alpha": "annealed"}, heads={"sts": {"kind": "CosineHead", "scale": 2.5}},
            weighting={"kind": "Static", "weights": {"sts": 2.0}}, settings={"lr": 1e-4}, overall="norm3",
        ),
    ]  # fmt: skip
    write_recipes(tmp_path / "two.toml", recipes)
    assert read_recipes(tmp_path / "two.toml") == recipes
    write_recipes(tmp_path / "one.toml", recipes[0])
    assert read_recipes(tmp_path / "one.toml") == recipes[:1]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.toml", "two.toml"]


def test_runs_of_a_file_share_its_keys_and_may_replace_them(tmp_path):
    path = tmp_path / "robin.toml"
    path.write_text('budget = 50\nepochs = 2\n[[run]]\n[[run]]\nname = "second"\nepochs = 4\n')
    first, second = read_recipes(path)
    assert (first.name, first.budget, first.epochs) == ("robin", 50, 2)
    assert (second.name, second.budget, second.epochs) == ("second", 50, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", ["no key 'epoch'", "epochs"]),
        ("epochs = ", ["Invalid value"]),
        ("tasks = []", ["tasks is []"]),
        ('tasks = ["sst", "sst"]', ["each task once"]),
        ('overall = "best"', ["overall is 'best'", "norm3"]),
        ("settings = {epochs = 3}", ["epochs", "outside"]),
        ("budget = 0", ["budget is 0"]),
        ('name = "--"', ["letters"]),
    ],
)
def test_a_file_that_cannot_be_names_itself_the_value_and_the_fix(tmp_path, text, words):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.toml") as caught:
        read_recipes(path)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (dict(tasks=("sst", "mood")), ["no task 'mood'", "sst, para, sts", "module:NAME"]),
        (dict(tasks=("nowhere:MOOD",)), ["nowhere:MOOD", "No module"]),
        (dict(tasks=("json:dumps",)), ["json:dumps"]),
        (dict(schedule={"kind": "Robin"}), ["schedule", "'Robin'", "RoundRobin"]),
        (dict(schedule={"kind": "Sampled", "beta": 1}), ["Sampled has no argument 'beta'"]),
        (dict(schedule={"kind": "Sampled", "alpha": -1}), ["schedule", "alpha"]),
        (dict(budget=3), ["budget is 3"]),
        (dict(heads={"sst": {"kind": "Head"}}), ["heads.sst", "'Head'", "PairHead"]),
        (dict(heads={"sts": {"kind": "PairHead", "fuse": "add"}}), ["heads.sts", "fuse is 'add'"]),
        (dict(heads={"sts": {"kind": "PairHead", "layers": 9}}), ["heads.sts", "1 to 5"]),
        (dict(weighting={"kind": "Kendall"}), ["weighting", "Uncertainty"]),
        (dict(settings={"learning_rate": 1}), ["settings", "'learning_rate'"]),
        (dict(settings={"clip": 0}), ["settings", "clip"]),
        (dict(source={"sst": "mini"}), ["no source for para"]),
        (dict(pairing="three"), ["pairing"]),
    ],
)
def test_what_a_recipe_cannot_mean_is_told_before_training(recipe, values, words):
    with pytest.raises(ValueError, match=r".") as caught:
        build(recipe(**values))
    assert all(word in str(caught.value) for word in words), caught.value


def test_build_makes_what_the_recipe_names(recipe):
    built = build(
        recipe(
            schedule={"kind": "Sampled", "alpha": "annealed"},
            heads={
                "sst": {"kind": "ClassificationHead", "pool": "cls", "layers": 2, "activation": "GELU"},
                "para": {"kind": "PairHead", "fuse": ["concat", "difference"]},
                "sts": {"kind": "CosineHead", "scale": 2.5, "shift": 2.5, "learned": False},
            },
            weighting={"kind": "GradNorm", "alpha": 0.5},
        ),
        seed=3,
    )
    assert isinstance(built.schedule, Sampled)
    assert built.schedule.alpha is annealed
    assert abs(exposure(built.schedule).examples.sum() - 96) < 8
    heads = built.model.heads
    assert isinstance(heads["sst"], ClassificationHead)
    assert any(isinstance(part, torch.nn.GELU) for part in heads["sst"].modules())
    assert heads["para"].linear.in_features == 3 * 16
    assert heads["sts"].scale.item() == 2.5
    assert not heads["sts"].scale.requires_grad
    assert isinstance(built.weighting, GradNorm)
    assert built.settings.seed == 3
    assert {name: len(part) for name, part in built.train_data.items()} == dict.fromkeys(built.train_data, 60)


def test_heads_and_weightings_have_defaults(recipe):
    model = build(recipe()).model
    assert isinstance(model.heads["sst"], ClassificationHead)
    assert isinstance(model.heads["sts"], CosineHead)
    one = build(recipe(pairing="one")).model
    assert all(isinstance(head, ClassificationHead) for head in one.heads.values())
    assert isinstance(build(recipe(heads={"para": {"kind": "PairHead"}})).model.heads["para"], PairHead)
    for kind, made in (
        ({"kind": "Static", "weights": {"sst": 1.0, "para": 1.0, "sts": 0.2}}, Static),
        ({"kind": "Uncertainty", "regression": ["sts"], "classification": ["sst", "para"]}, Uncertainty),
    ):
        assert isinstance(build(recipe(weighting=kind)).weighting, made)


def test_the_seed_draws_the_heads_and_a_limit_draws_the_same_examples_for_all_seeds(recipe):
    one, same, other = (build(recipe(), seed) for seed in (0, 0, 1))
    weights = [built.model.heads["sst"].linear.weight for built in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert one.train_data["sst"].ids == other.train_data["sst"].ids
    assert len(set(one.train_data["sst"].ids)) == 60


def test_a_task_of_ones_own_is_named_by_its_module(recipe, monkeypatch, tmp_path):
    (tmp_path / "my_tasks.py").write_text("from mtlkit.tasks import SST\nMOOD = SST\n")
    monkeypatch.syspath_prepend(tmp_path)
    built = build(recipe(tasks=("my_tasks:MOOD",), schedule={"kind": "Sequential"}))
    assert built.tasks == [SST]
    assert isinstance(built.schedule, Sequential)
