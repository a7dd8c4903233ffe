"""Exercises that answer: not attempted, not yet (and what is wrong with *this* output), or passed.

One module a notebook holds its checks:

    @check("5.1", reference=add_norm, hints=("an idea", "the shapes", "pseudocode"))
    def add_norm(answer):
        x, residual = torch.randn(2, 3, 8), torch.randn(2, 3, 8)
        compare(call(answer, x, residual), layers.add_norm(x, residual))

and the notebook says `add_norm = checks.minbert.add_norm(add_norm)`. The body returns if all is well and raises
`NotYet` if not; `call`, `compare` and `load` do that for what usually goes wrong. It names what is wrong with
the student's output, and never the right values.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import torch

from ..answers import NotYet, call, compare, load
from ..errors import describe, is_stub

__all__ = ["Check", "NotYet", "call", "check", "compare", "load"]

STUBS = (None, ...)  # what a student's copy has in the place of a value


class Check:
    """One exercise. Called with an answer, it prints its verdict and returns what later cells build on."""

    def __init__(self, number: str, reference: Any, hints: tuple[str, ...], body: Callable[[Any], None]):
        self.number, self.reference, self.hints, self.body = number, reference, hints, body
        self.__name__, self.__module__ = body.__name__, body.__module__
        self.next_hint = 1

    def __call__(self, answer: Any = None) -> Any:
        """Print one of the three answers; returns `answer` if it passed, and the library's version if not.

        Raises nothing, whatever the answer does, but KeyboardInterrupt.
        """
        verdict = self.verdict(answer)
        print(f"Exercise {self.number}: {verdict}")
        return answer if verdict == "passed" else self.reference

    def verdict(self, answer: Any) -> str:
        """`not attempted yet`, `not yet - ...` or `passed`. Leaves torch's random state as it was."""
        if any(answer is stub for stub in STUBS):
            return "not attempted yet"
        try:
            self.check_kind(answer)
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                self.body(answer)
        except KeyboardInterrupt:
            raise
        except NotYet as problem:
            return f"not yet - {problem}"
        except BaseException as error:  # a student's code may raise anything, `exit()` included
            return "not attempted yet" if is_stub(error, answer) else f"not yet - {describe(error, answer)}"
        return "passed"

    def check_kind(self, answer: Any) -> None:
        kind = type(answer).__name__
        if callable(self.reference) and not callable(answer):
            raise NotYet(f"a function or a class is expected, without calling it; this is of type {kind}")
        if callable(answer) and not callable(self.reference):
            raise NotYet(f"a value is expected; this is of type {kind}")

    def hint(self, number: int | None = None) -> None:
        """Print hint `number` (1, 2, ...); without a number, the next one at each call."""
        number = self.next_hint if number is None else number
        if number not in range(1, len(self.hints) + 1):
            print(f"Exercise {self.number} has {len(self.hints)} hints: hint(1) to hint({len(self.hints)}).")
            return
        self.next_hint = min(number + 1, len(self.hints))
        print(f"Exercise {self.number}, hint {number} of {len(self.hints)}: {self.hints[number - 1]}")

    def __repr__(self) -> str:
        return f"<check of exercise {self.number}: {self.__name__}>"


def check(number: str, reference: Any, hints: tuple[str, ...]) -> Callable[[Callable[[Any], None]], Check]:
    """Make the decorated function the check of exercise `number`.

    reference: what a right answer would be (a function, a class, or a value), used by later cells where the
    student's is not right yet. hints: idea, shapes, pseudocode.
    """
    return lambda body: Check(number, reference, hints, body)


def __getattr__(name: str) -> Any:
    modules = {module.name for module in pkgutil.iter_modules(__path__)}
    if name in modules:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"no notebook's checks are called {name!r}; there are {', '.join(sorted(modules))}")
