"""What a check says to a planted bug names the bug, where `planted/NAME.py` has the words in TOLD."""

import importlib
import importlib.util
from pathlib import Path

import pytest

from mtlkit.course import mutations
from mtlkit.course.checks import minbert


def planted(path):
    spec = importlib.util.spec_from_file_location(f"told_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = {
    path.stem: module
    for path in sorted((Path(__file__).parent / "planted").glob("*.py"))
    if hasattr(module := planted(path), "TOLD")
}
CASES = [
    (name, exercise, bug, words)
    for name, module in MODULES.items()
    for exercise, told in module.TOLD.items()
    for bug, words in told.items()
]


@pytest.mark.parametrize(("name", "exercise", "bug", "words"), CASES)
def test_a_verdict_names_the_bug(name, exercise, bug, words):
    check = getattr(importlib.import_module(f"mtlkit.course.checks.{name}"), exercise)
    assert words in check.verdict(MODULES[name].PLANTED[exercise][bug])


def unanswered(mistakes):
    raise NotImplementedError("your turn")


def test_a_guess_is_kept_as_it_is_right_or_wrong():
    guess = dict.fromkeys(mutations.MISTAKES, "parity")
    assert minbert.guessed(lambda mistakes: guess) == guess
    assert minbert.guessed(lambda mistakes: {"pre-LN": "both", "another": "oracle"}) == {"pre-LN": "both"}


@pytest.mark.parametrize("answer", [unanswered, None, lambda mistakes: None, lambda mistakes: ["parity"]])
def test_no_answer_is_no_guess(answer):
    assert minbert.guessed(answer) == {}
