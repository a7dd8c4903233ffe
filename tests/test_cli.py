import re
import subprocess

import pytest

from mtlkit import cli
from mtlkit.course import environment, testing
from mtlkit.course.environment import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = ("lab", "test", "notebooks", "student", "data", "help")


def recipe(target):
    return re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE).group(1).splitlines()


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_of_make_is_a_line_or_two(target):
    assert len(recipe(target)) <= 2
    if target != "help":
        words = re.search(r"-m mtlkit (.*) \$\(ARGS\)", recipe(target)[0]).group(1).split()
        assert words[0] == target
        assert cli.parser().parse_args(words).command == target


def test_make_help_lists_every_target():
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert [line.partition(":")[0] for line in listed.splitlines()] == list(TARGETS)


def test_a_setup_error_is_a_message_and_not_a_traceback(monkeypatch, capsys):
    def fail(*_):
        raise environment.SetupError("The disk is full.")

    monkeypatch.setattr(environment, "ensure", fail)
    assert cli.main(["lab"]) == 1
    assert capsys.readouterr().err == "\nThe disk is full.\n"


def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "ensure", interrupt)
    assert cli.main(["lab"]) == 1
    assert "The same command goes on" in capsys.readouterr().err


def test_the_environment_gets_the_whole_command(monkeypatch):
    seen = []
    monkeypatch.setattr(environment, "ensure", lambda *given: seen.append(given))
    monkeypatch.setattr(cli, "lab", lambda chosen: 0)
    monkeypatch.setenv("TORCH_INDEX", "http://127.0.0.1:9/cpu")
    arguments = ["lab", "--port", "9000", "--", "--LabApp.news_url=None"]
    assert cli.main(arguments) == 0
    assert seen == [({"offline"}, arguments, False, "http://127.0.0.1:9/cpu")]


def test_an_unknown_notebook_is_named(monkeypatch, capsys):
    monkeypatch.setattr(environment, "ensure", lambda *_: None)
    assert cli.main(["notebooks", "99"]) == 1
    assert "is called 99" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("only", "parts"), [(None, set(testing.PARTS)), (["lint", "nbval"], {"lint", "nbval"})]
)
def test_every_part_runs_to_the_end_and_one_failure_fails_all(monkeypatch, capsys, only, parts):
    ran = set()
    monkeypatch.setattr(testing, "run_command", lambda part, command: ran.add(part) or part == "lint")
    assert testing.run(only) == 1
    assert ran == parts
    table = capsys.readouterr().out.split("seconds\n")[1]
    assert re.findall(r"^(\w+) +\d+  (\w+)$", table, re.MULTILINE) == [
        *((part, "FAILED" if part == "lint" else "passed") for part in testing.PARTS if part in parts),
        ("all", "FAILED"),
    ]


def test_all_parts_passing_is_success(monkeypatch):
    monkeypatch.setattr(testing, "run_command", lambda part, command: 0)
    assert testing.run() == 0


def test_every_notebook_is_compared_strictly():
    (command,) = testing.PARTS["nbval"]
    assert "--nbval" in command
    assert "--nbval-lax" not in command
    assert command[-1] == "notebooks"


def test_compare_writes_a_table_and_a_figure_and_run_says_what_it_did(tmp_path, capsys):
    path = tmp_path / "two.toml"
    path.write_text(
        "budget = 48\nepochs = 1\nbatch_size = 8\ntrain_limit = 40\ndev_limit = 30\nsettings = {look_every = 99}\n"
        '[[run]]\nname = "alone"\ntasks = ["sts"]\n[[run]]\nname = "with para"\ntasks = ["sts", "para"]\n'
    )
    out = tmp_path / "out"
    assert cli.main(["compare", str(path), "--here", "--seeds", "1", "--out", str(out)]) == 0
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "[2 of 2] with para, seed 0: " in printed
    assert "difference" in printed
    assert cli.main(["run", str(path), "--here", "--seed", "0", "--out", str(out)]) == 0  # both are there
    assert capsys.readouterr().out.splitlines()[0].startswith("alone, seed 0: sts 0.")


def test_a_recipe_that_cannot_be_is_one_line_on_the_screen(tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_text('schedule = {kind = "Robin"}\n')
    assert cli.main(["compare", str(path), "--here", "--out", str(tmp_path)]) == 1
    assert "recipe 'bad': schedule: kind is 'Robin'; there are Sequential" in capsys.readouterr().err
    assert cli.main(["run", str(tmp_path / "none.toml"), "--here"]) == 1
    assert "none.toml" in capsys.readouterr().err
