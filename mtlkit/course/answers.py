"""What usually goes wrong with an answer, said in words that do not give the right one away."""

import math
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class NotYet(Exception):
    """An answer is not right yet; the message says what is wrong with it, and never what the right values are."""


def call(answer: Callable, *inputs: Any, **named: Any) -> Any:
    """`answer(*inputs, **named)`. Raises NotYet if it returns nothing, or changes a tensor that it was given."""
    before = snapshot((inputs, named))
    output = answer(*inputs, **named)
    if not same(before, snapshot((inputs, named))):
        raise NotYet("it changes its inputs: make something new in the place of an in-place operation")
    if output is None:
        raise NotYet("it returns nothing: is a `return` missing?")
    return output


def compare(got: Any, want: Any, what: str = "the output", atol: float = 1e-5, rtol: float = 1e-5) -> None:
    """Raises NotYet unless `got` is `want`: type, length or shape, dtype, NaN, then the values.

    Tensors and arrays of floats within `atol + rtol * |want|`; numbers likewise; lists, tuples and dictionaries
    entry by entry; sets by what they hold; anything else by `==`.
    """
    if got is None and want is not None:
        raise NotYet(f"{what} is None: is a `return` missing?")
    if isinstance(want, np.ndarray):
        if isinstance(got, np.ndarray):
            got = torch.from_numpy(np.array(got))
        want = torch.from_numpy(np.array(want))
    if isinstance(want, Tensor):
        compare_tensors(got, want, what, atol, rtol)
    elif isinstance(want, float):
        compare_numbers(got, want, what, atol, rtol)
    elif isinstance(want, Mapping):
        expect(isinstance(got, Mapping), f"{what} is of type {kind(got)} where a dictionary is expected")
        expect(
            got.keys() == want.keys(), f"{what} has the keys {names(got)} where {names(want)} are expected"
        )
        for key in want:
            compare(got[key], want[key], f"{what}[{key!r}]", atol, rtol)
    elif isinstance(want, (list, tuple)):
        expect(
            isinstance(got, (list, tuple)), f"{what} is of type {kind(got)} where {kind(want)} is expected"
        )
        expect(len(got) == len(want), f"{what} has {len(got)} entries where {len(want)} are expected")
        for index, (mine, theirs) in enumerate(zip(got, want, strict=True)):
            compare(mine, theirs, f"{what}[{index}]", atol, rtol)
    elif isinstance(want, Set):
        expect(isinstance(got, Set), f"{what} is of type {kind(got)} where a set is expected")
        right = len(set(got) & set(want))
        wrong, missing = len(got) - right, len(want) - right
        expect(got == want, f"{what} has {right} right, {wrong} wrong and {missing} missing entries")
    else:
        expect(bool(got == want), f"{what} is not right")


def compare_tensors(got: Any, want: Tensor, what: str, atol: float, rtol: float) -> None:
    expect(isinstance(got, Tensor), f"{what} is of type {kind(got)} where a tensor is expected")
    expect(
        got.shape == want.shape, f"{what} has shape {tuple(got.shape)} where {tuple(want.shape)} is expected"
    )
    expect(got.dtype == want.dtype, f"{what} has dtype {kind(got)} where {kind(want)} is expected")
    got, want = got.detach().cpu(), want.detach().cpu()
    for name, test in (("NaN", torch.isnan), ("infinity", torch.isinf)):
        bad = int((test(got) & ~test(want)).sum())
        expect(bad == 0, f"{what} has {name} in {bad} of {got.numel()} entries")
    wrong = ~torch.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if got.dtype in (torch.bool, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        wrong = got != want
    count = int(wrong.sum())
    if count and got.numel() == 1:  # the size of the difference would give the answer away
        raise NotYet(f"{what} has the right shape, but not the right value")
    if count:
        off = "" if got.dtype == torch.bool else f" by up to {float((got - want)[wrong].abs().max()):.1g}"
        raise NotYet(f"{what} has the right shape, but differs{off} in {count} of {got.numel()} entries")


def compare_numbers(got: Any, want: float, what: str, atol: float, rtol: float) -> None:
    try:
        value = float(got)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet(f"{what} is of type {kind(got)} where a number is expected") from None
    expect(not math.isnan(value) or math.isnan(want), f"{what} is NaN")
    right = math.isclose(value, want, rel_tol=rtol, abs_tol=atol) or math.isnan(value)
    expect(right, f"{what} is too {'large' if value > want else 'small'}")


def load(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy `weights` into `module`, by name. Raises NotYet if names or shapes are others."""
    own = module.state_dict()
    expect(not (lacks := weights.keys() - own.keys()), f"it has no parameter called {names(lacks)}")
    expect(not (more := own.keys() - weights.keys()), f"it has parameters too many: {names(more)}")
    for name, value in weights.items():
        shape = tuple(own[name].shape)
        expect(shape == value.shape, f"{name} has shape {shape} where {tuple(value.shape)} is expected")
    module.load_state_dict(weights)


def expect(right: bool, otherwise: str) -> None:
    if not right:
        raise NotYet(otherwise)


def kind(value: Any) -> str:
    """A type, or a tensor's dtype, in a word."""
    return str(value.dtype).removeprefix("torch.") if isinstance(value, Tensor) else type(value).__name__


def names(keys: Any, most: int = 5) -> str:
    """`a, b`, or the first five and how many more there are."""
    every = sorted(map(str, keys))
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return (", ".join(every[:most]) or "(none)") + more


def snapshot(value: Any) -> Any:
    """Copies of the tensors and arrays in `value`, in their order; the rest of it is left out."""
    if isinstance(value, Tensor):
        return [value.detach().clone()]
    if isinstance(value, np.ndarray):
        return [torch.from_numpy(value.copy())]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [copy for part in value for copy in snapshot(part)]
    return []


def same(before: list[Tensor], after: list[Tensor]) -> bool:
    """Whether both hold the same tensors (NaN equals NaN)."""
    return len(before) == len(after) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
        for a, b in zip(before, after, strict=True)
    )
