"""The README says what is true: every public name is listed, and its example runs."""

import re
from importlib import import_module
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ["data", "bert", "heads", "objectives", "evaluation", "training"])
def test_every_public_name_is_listed_under_its_room(room):
    section = re.search(rf"\*\*`mtlkit\.{room}`\*\*.*?(?=\n\*\*|\n## )", README, re.S).group()
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", section))))
    assert set(import_module(f"mtlkit.{room}").__all__) <= listed


def test_every_notebook_is_in_the_table():
    for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb"):
        assert f"[{path.stem}](notebooks/{path.name})" in README


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 22
    monkeypatch.chdir(tmp_path)
    short = code.replace("epochs=3", "epochs=1").replace('load("sst", split)', 'load("sst", split)[:64]')
    exec(compile(short, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "95% interval" in printed
    assert printed.strip().splitlines()[-1] in import_module("mtlkit.tasks").SST.classes
