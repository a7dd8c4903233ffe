"""A check has three answers, never stops a notebook, and never gives the right values away."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mtlkit.course import checks
from mtlkit.course.checks import NotYet, call, check, compare, load


def double(x: Tensor) -> Tensor:
    return 2 * x


class Scale(nn.Module):
    """Twice its input, as a layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


@check("5.1", reference=double, hints=("think of a pair", "(B, T) -> (B, T)", "return 2 times x"))
def doubled(answer):
    x = torch.arange(6.0).reshape(2, 3)
    compare(call(answer, x), 2 * x)


@check("5.2", reference=Scale, hints=("one", "two", "three"))
def scale(answer):
    module = answer()
    load(module, Scale().state_dict())
    compare(call(module, torch.ones(2, 3)), torch.full((2, 3), 2.0))


@check("0.1", reference={"0.901"}, hints=("one",))
def impossible(answer):
    compare(answer, {"0.901"}, "your set")


def stub(x):
    raise NotImplementedError("your turn")


def own_stub(x):
    raise NotImplementedError("later, perhaps")


def dtype_gap(x):
    error = NotImplementedError('"softmax" not implemented for Long')
    return call_and_raise(error)


def call_and_raise(error):
    exec("raise e", {"e": error})  # as torch does it: with no line of the student's that raises


def in_place(x):
    return x.mul_(2)


def endless(x):
    return endless(x)


def leaves(x):
    raise SystemExit


def with_nan(x):
    return 2 * x / torch.tensor([0.0, 1, 1])


def almost(x):
    y = 2 * x
    y[0, 1] = 7.25
    return y


def broken(x):
    y = 2 * x
    return y + "a"


WRONG = {
    "wrong signature": (lambda: 1, "TypeError"),
    "an error inside": (broken, 'in line 2 of your cell (return y + "a")'),
    "nothing returned": (lambda x: None, "is a `return` missing?"),
    "shape": (lambda x: (2 * x)[:, :2], "has shape (2, 2) where (2, 3) is expected"),
    "dtype": (lambda x: 2 * x.double(), "has dtype float64 where float32 is expected"),
    "not a tensor": (lambda x: x.tolist(), "is of type list where a tensor is expected"),
    "NaN": (with_nan, "has NaN in 1 of 6 entries"),
    "infinity": (lambda x: (x + 1) / 0, "has infinity in 6 of 6 entries"),
    "changes its input": (in_place, "changes its inputs"),
    "recursion": (endless, "RecursionError"),
    "exit": (leaves, "SystemExit"),
    "values": (almost, "differs by up to 5 in 1 of 6 entries"),
    "torch lacks the dtype": (dtype_gap, "NotImplementedError"),
    "not callable": (3, "a function or a class is expected"),
    "called already": (torch.ones(2), "without calling it"),
    "a class where a function is": (Scale, "TypeError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_not_yet_says_what_is_wrong_in_one_line_and_returns_the_library_version(name, capsys):
    answer, message = WRONG[name]
    assert doubled(answer) is double
    printed = capsys.readouterr().out
    if name == "an error inside":
        message = message.replace("line 2", f"line {broken.__code__.co_firstlineno + 2}")
    assert printed.startswith("Exercise 5.1: not yet - ")
    assert message in printed
    assert printed.count("\n") == 1
    assert "0x" not in printed.replace("0x...", "")


def test_passed_returns_the_students_own(capsys):
    mine = lambda x: x + x  # noqa: E731
    assert doubled(mine) is mine
    assert capsys.readouterr().out == "Exercise 5.1: passed\n"


@pytest.mark.parametrize("answer", [stub, own_stub, None, ...])
def test_a_stub_is_not_attempted(answer, capsys):
    assert doubled(answer) is double
    assert capsys.readouterr().out == "Exercise 5.1: not attempted yet\n"


def test_classes_are_checked_with_the_references_weights(capsys):
    class Mine(Scale):
        pass

    class OtherNames(nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = nn.Parameter(torch.ones(()))

    class NoInit(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(torch.ones(()))

    class Stub(nn.Module):
        def __init__(self):
            raise NotImplementedError("your turn")

    class NoForward(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(2.0))

    class OneTooMany(Scale):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.ones(()))

    assert scale(Mine) is Mine
    for wrong in (OtherNames, NoInit, Stub, NoForward, OneTooMany):
        assert scale(wrong) is Scale
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("passed")
    assert lines[1].endswith("it has no parameter called weight")
    assert "AttributeError" in lines[2]
    assert lines[3].endswith("not attempted yet")
    assert 'is missing the required "forward" function' in lines[4]
    assert lines[5].endswith("it has parameters too many: bias")


def test_values_are_checked_too(capsys):
    assert impossible({"0.901"}) == {"0.901"}
    assert impossible({"0.5", "0.4"}) == {"0.901"}
    impossible(None)
    impossible(len)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Exercise 0.1: passed"
    assert lines[1] == "Exercise 0.1: not yet - your set has 0 right, 2 wrong and 1 missing entries"
    assert lines[2] == "Exercise 0.1: not attempted yet"
    assert "a value is expected" in lines[3]


def test_only_an_interrupt_gets_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doubled(interrupted)


def test_a_check_leaves_the_random_state_alone_and_is_the_same_each_time():
    drawn = []

    @check("1.1", reference=double, hints=())
    def draws(answer):
        drawn.append(torch.rand(3))

    before = torch.get_rng_state()
    draws(double)
    draws(double)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(*drawn)


def test_hints_come_one_by_one_or_by_number(capsys):
    fresh = check("5.1", reference=double, hints=("idea", "shapes", "pseudocode"))(lambda answer: None)
    for _ in range(4):
        fresh.hint()
    fresh.hint(1)
    fresh.hint(9)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Exercise 5.1, hint 1 of 3: idea", "Exercise 5.1, hint 2 of 3: shapes"]
    assert lines[2] == lines[3] == "Exercise 5.1, hint 3 of 3: pseudocode"
    assert lines[4] == lines[0]
    assert lines[5] == "Exercise 5.1 has 3 hints: hint(1) to hint(3)."


EQUAL = [
    (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, float("nan")])),
    (np.ones(3), np.ones(3)),
    (torch.tensor(0.5), 0.5),
    ((torch.ones(2), 1.0), [torch.ones(2), 1.0]),
    ({"a": 1.0}, {"a": 1.0}),
    ("word", "word"),
]
DIFFERENT = [
    (torch.tensor([1, 2]), torch.tensor([1, 3]), "differs by up to 1 in 1 of 2 entries"),
    (torch.tensor([True]), torch.tensor([False]), "not the right value"),
    (torch.tensor(1.5), torch.tensor(1.25), "not the right value"),
    (np.ones(3), torch.ones(3), "type ndarray where a tensor"),
    (torch.ones(3, requires_grad=True), np.ones(2), "where"),
    (0.75, 0.5, "too large"),
    (float("nan"), 0.5, "is NaN"),
    ("x", 0.5, "where a number is expected"),
    (None, 0.5, "is None"),
    ([1.0], [1.0, 2.0], "has 1 entries where 2"),
    ([1.0, 3.0], [1.0, 2.0], r"the output\[1\] is too large"),
    ({"b": 1}, {"a": 1}, "has the keys b where a are expected"),
    (5, {"a": 1}, "where a dictionary"),
    ([1], {1}, "where a set"),
    ("word", "other", "is not right"),
]


@pytest.mark.parametrize(("got", "want"), EQUAL)
def test_compare_accepts_equals(got, want):
    compare(got, want)


@pytest.mark.parametrize(("got", "want", "message"), DIFFERENT)
def test_compare_names_the_difference(got, want, message):
    with pytest.raises(NotYet, match=message):
        compare(got, want)


def test_compare_never_prints_the_expected_values():
    for got in (torch.zeros(3), torch.zeros(2), torch.zeros(3).double(), torch.full((3,), float("nan"))):
        with pytest.raises(NotYet) as caught:
            compare(got, torch.tensor([0.123456, 3.25, 9.75]))
        assert not any(value in str(caught.value) for value in ("0.123", "3.25", "9.75"))


def test_call_looks_into_lists_and_dictionaries_for_changed_inputs():
    def changes(batch, scale):
        scale["w"].add_(1)
        return batch[0]

    with pytest.raises(NotYet, match="changes its inputs"):
        call(changes, [torch.ones(2)], scale={"w": torch.tensor([float("nan"), 1.0])})
    assert call(lambda batch: batch[0], [torch.full((2,), float("nan"))]).isnan().all()


def test_a_notebook_without_checks_is_named():
    with pytest.raises(AttributeError, match="no notebook's checks are called 'nowhere'"):
        _ = checks.nowhere
