"""The README says what is true: every public name is listed, and its example runs."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from mtlkit.evaluation import recorded
from mtlkit.runs import read_recipes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

CODE = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize(
    "room", ["data", "bert", "heads", "objectives", "gradients", "evaluation", "training", "runs"]
)
def test_every_public_name_is_listed_under_its_room(room):
    section = re.search(rf"\*\*`mtlkit\.{room}`\*\*.*?(?=\n\*\*|\n## )", README, re.S).group()
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", section))))
    assert set(import_module(f"mtlkit.{room}").__all__) <= listed


def test_every_notebook_is_in_the_table():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"[{path.stem}](notebooks/{path.name})" in README


def test_the_recorded_results_are_those_of_the_table():
    best = recorded("best/comparison").set_index("task")
    floors, scores = (
        " | ".join(text.format(**best.loc[task]) for task in ("sst", "para", "sts"))
        for text in ("{floor:.3f}", "{score:.3f} [{low:.3f}, {high:.3f}]")
    )
    assert f"| {floors} |\n" in README
    assert f"| {scores} |\n" in README
    pcgrad = recorded("surgery/comparison").set_index(["run", "task"]).loc["PCGrad"]
    text = "{difference:+.3f} [{difference_low:+.3f}, {difference_high:+.3f}]"
    differences = " | ".join(text.format(**pcgrad.loc[task]) for task in ("sst", "para", "sts"))
    assert f"| {differences} |\n" in README


def test_the_cost_of_surgery_is_that_of_the_table():
    cost = recorded("surgery_cost").query("tasks == 3").set_index(["step", "precision"])
    for step in ("ours", "torchjd", "flatten"):
        plain, half = cost.loc[step, "float32"], cost.loc[step, "bfloat16"]
        row = f"| {plain.to_plain:.2f} | {half.to_plain:.2f} | {plain.extra_mb:+,.0f} MB |\n"
        assert row in README
    growth = recorded("surgery_cost").query("step == 'ours' and tasks != 3")
    each = (growth.milliseconds / growth.tasks).groupby(growth.precision).agg(["min", "max"])
    spans = [
        f"{low:.0f} to {high:.0f}" for low, high in each.loc[["float32", "bfloat16"]].itertuples(index=False)
    ]
    assert f"{spans[0]} ms a task in\nfloat32, {spans[1]} in bfloat16" in README


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    code = CODE[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 22
    monkeypatch.chdir(tmp_path)
    short = code.replace("epochs=3", "epochs=1").replace('load("sst", split)', 'load("sst", split)[:64]')
    exec(compile(short, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "95% interval" in printed
    assert printed.strip().splitlines()[-1] in import_module("mtlkit.tasks").SST.classes


def test_surgery_in_a_training_loop_of_ones_own_runs(capsys):
    exec(compile(CODE[2], "README.md", "exec"), {})
    assert 0 <= float(capsys.readouterr().out) <= 1


def test_a_fourth_task_is_trained_and_compared_from_files_in_microsofts_format(tmp_path):
    """A script of its own, since its task is found as `__main__:MRPC`. Quotes, accents, a byte-order mark, CRLF."""
    code = CODE[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 22
    (tmp_path / "mrpc").mkdir()
    head = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    for name, rows in (("train", 160), ("test", 24)):
        lines = [
            f'{i % 2}\t{name}{i}\t{i}\tThe "old" café closed at {i}.\tAt {i + i % 2} the café shut, he said: "late".'
            for i in range(rows)
        ]
        text = "\r\n".join([head, *lines, ""])
        (tmp_path / "mrpc" / f"msr_paraphrase_{name}.txt").write_text(text, encoding="utf-8-sig", newline="")
    small = code.replace("seeds=3, budget=2_000", "seeds=1, budget=576")
    (tmp_path / "fourth.py").write_text(small, encoding="utf-8")
    done = subprocess.run([sys.executable, "fourth.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    written = pd.read_csv(tmp_path / "runs" / "mrpc" / "comparison.csv")
    assert list(zip(written.run, written.task, strict=True)) == [
        ("alone", "mrpc"), ("with PARA", "mrpc"), ("with PARA", "para"),
    ]  # fmt: skip
    assert written.examples.between(560, 592).all()
    assert written.floor[0] >= 0.5
    library = [path.read_text(encoding="utf-8").lower() for path in (ROOT / "mtlkit").rglob("*.py")]
    assert not any("mrpc" in text for text in library)


def test_the_recipe_file_can_be_read(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / "schedules.toml").write_text(text)
    assert [recipe.name for recipe in read_recipes(tmp_path / "schedules.toml")] == [
        "round robin",
        "annealed",
    ]
