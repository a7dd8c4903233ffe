"""Every check is proved: it passes its reference, knows a stub, and sees at least three planted bugs.

The checks of `mtlkit/course/checks/NAME.py` are proved by `planted/NAME.py`, which holds nothing but

    PLANTED = {"add_norm": {"forgets the residual": add_norm_without_residual, "...": ..., "...": ...}}

with an answer for each way to be wrong, taken where possible from real threads and real students' code. That the
solution in the notebook passes is seen in the notebook's outputs, by tests/notebooks.
"""

import importlib
import importlib.util
import json
import pkgutil
from pathlib import Path

import pytest

from mtlkit.course import checks
from mtlkit.course.checks import Check, check, compare

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[1] / "notebooks"
MODULES = [module.name for module in pkgutil.iter_modules(checks.__path__)]


def checks_in(module):
    """The checks that a module defines, by their names."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Check)}


def planted_for(name):
    path = HERE / "planted" / f"{name}.py"
    assert path.exists(), f"the checks of {name} need planted bugs in {path.name}; see the docstring above"
    spec = importlib.util.spec_from_file_location(f"planted_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PLANTED


def stub(*inputs, **named):
    raise NotImplementedError("your turn")


def complaints(exercise, bugs):
    """What is missing for `exercise` to be proved by `bugs`, as sentences."""
    found = []
    if exercise.verdict(exercise.reference) != "passed":
        found.append(f"its reference does not pass: {exercise.verdict(exercise.reference)}")
    for nothing in [None, *([stub] if callable(exercise.reference) else [])]:
        if exercise.verdict(nothing) != "not attempted yet":
            found.append(f"it does not know a stub: {exercise.verdict(nothing)}")
    if len(bugs) < 3:
        found.append(f"{len(bugs)} planted bugs; three are needed")
    for name, wrong in bugs.items():
        verdict = exercise.verdict(wrong)
        if not verdict.startswith("not yet - "):
            found.append(f"the planted bug '{name}' gets: {verdict}")
        elif exercise.verdict(wrong) != verdict:
            found.append(f"the planted bug '{name}' gets another answer each time: {verdict}")
        elif not callable(exercise.reference) and str(exercise.reference) in verdict:
            found.append(f"the planted bug '{name}' is told the answer: {verdict}")
    if len(exercise.hints) != 3 or not all(exercise.hints):
        found.append("three hints are needed: idea, shapes, pseudocode")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_check_is_proved(name):
    exercises = checks_in(importlib.import_module(f"mtlkit.course.checks.{name}"))
    planted = planted_for(name)
    assert planted.keys() == exercises.keys(), "each check has planted bugs, and each of these a check"
    found = {check: complaints(exercises[check], planted[check]) for check in exercises}
    assert not any(found.values()), found


@pytest.mark.parametrize("name", MODULES)
def test_every_check_is_in_a_notebook(name):
    text = "\n".join(
        "".join(cell["source"])
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )
    module = importlib.import_module(f"mtlkit.course.checks.{name}")
    lost = [check for check in checks_in(module) if f"checks.{name}.{check}(" not in text]
    assert not lost, f"no notebook calls {lost}"


# --- and the proof itself ---------------------------------------------------------------------------------


@check("1.1", reference=abs, hints=("idea", "shapes", "pseudocode"))
def absolute(answer):
    compare(answer(-2), 2)


@check("1.2", reference=abs, hints=("idea",))
def sleepy(answer):
    answer(-2)


@check("1.3", reference="S4", hints=("idea", "shapes", "pseudocode"))
def telltale(answer):
    compare(answer, "S4", "S4, of course,")


BUGS = {"keeps the sign": lambda x: x, "returns nothing": lambda x: None, "fails": lambda x: x / 0}


def test_a_good_check_has_no_complaints():
    assert complaints(absolute, BUGS) == []


def test_a_check_that_sees_nothing_is_found_out():
    found = "\n".join(complaints(sleepy, {"keeps the sign": BUGS["keeps the sign"]}))
    assert "'keeps the sign' gets: passed" in found
    assert "1 planted bugs" in found
    assert "three hints" in found


def test_a_check_that_tells_the_answer_is_found_out():
    assert any("is told the answer" in line for line in complaints(telltale, dict.fromkeys("abc", "S1")))
