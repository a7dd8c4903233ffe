"""Every student's copy runs from top to bottom unanswered, with the network off, and in time."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from mtlkit.course import notebooks, student

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Seconds on two cores; on one of them, beside another worker's tests, up to three times that.
EACH, MEAN = (180, 120) if "PYTEST_XDIST_WORKER" in os.environ else (60, 40)
ANSWER = re.compile(r"^Exercise (\d+\.\d+): (.*)$", re.MULTILINE)


def answers(notebook):
    """What the checks in an executed notebook said: {exercise: verdict}."""
    printed = "".join(
        "".join(output["text"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    return dict(ANSWER.findall(printed))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Executes the student's copies of notebooks in a folder laid out as the repository is."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # so that a kernel elsewhere finds mtlkit
    (tmp_path / "executed").mkdir()
    for name in ("data", "notebooks"):
        if not (tmp_path / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)

    def execute(solved):
        copy = tmp_path / "work" / solved.name
        copy.parent.mkdir(exist_ok=True)
        student.write(student.student_notebook(student.read(solved), solved.name), copy)
        problem = notebooks.run(copy, str(tmp_path / "executed"))
        assert problem == "", problem or f"{solved.name} did not end"
        return student.read(tmp_path / "executed" / solved.name)

    return execute


@pytest.fixture(scope="module")
def seconds():
    return {}


@pytest.mark.slow
@pytest.mark.timeout(notebooks.NOTEBOOK_SECONDS + 60)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_unanswered_copy_runs_to_its_end(path, run, seconds, record_property):
    start = time.perf_counter()
    executed = run(path)
    seconds[path.stem] = time.perf_counter() - start
    record_property("seconds", round(seconds[path.stem], 1))
    solved = answers(json.loads(path.read_text(encoding="utf-8")))
    assert set(solved.values()) <= {"passed"}
    assert answers(executed) == dict.fromkeys(solved, "not attempted yet")
    assert seconds[path.stem] <= EACH, f"{path.name} took {seconds[path.stem]:.0f} s; {EACH} at most"


def test_all_copies_together_are_in_time(seconds):
    assert sum(seconds.values()) <= MEAN * len(seconds), seconds


# --- the same on notebooks that are known -----------------------------------------------------------------


def written(tiny, tmp_path, **sources):
    """`tiny` as a file, with the sources of some cells changed."""
    for cell, source in sources.items():
        tiny["cells"][int(cell.removeprefix("cell"))]["source"] = source
    path = tmp_path / "05_tiny.ipynb"
    student.write(tiny, path)
    return path


def test_the_tiny_notebook_runs_unanswered(tiny, tmp_path, run):
    executed = run(written(tiny, tmp_path))
    assert answers(executed) == {"5.1": "not attempted yet", "5.2": "not attempted yet"}
    assert executed["cells"][-2]["outputs"][0]["data"]["text/plain"] == ["4"], (
        "later cells use the library's version"
    )


def test_a_copy_that_stops_is_reported(tiny, tmp_path, run):
    with pytest.raises(AssertionError, match="your turn"):
        run(written(tiny, tmp_path, cell5="double(3)"))


def test_the_network_is_off(tiny, tmp_path, run):
    with pytest.raises(AssertionError, match="network"):
        run(written(tiny, tmp_path, cell9='import socket\nsocket.create_connection(("192.0.2.1", 80), 5)'))
