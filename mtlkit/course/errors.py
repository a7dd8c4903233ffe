"""An error in a student's code, said in one line that is the same on every machine."""

import inspect
import linecache
import re
import traceback
from typing import Any

STUB = "your turn"  # what student copies raise, see mtlkit.course.student


def is_stub(error: BaseException, answer: Any) -> bool:
    """Whether `error` is a `raise NotImplementedError` left standing in the student's code.

    torch raises that type too, for a dtype that an operation lacks or a module without `forward`: those are
    errors like any other.
    """
    if not isinstance(error, NotImplementedError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    theirs = is_cell(last.filename) or last.filename == home(answer)
    raised = theirs and (last.line or "").startswith("raise NotImplementedError")
    return str(error) in ("", STUB) or raised


def describe(error: BaseException, answer: Any) -> str:
    """`TypeError in line 3 of your cell (x = y + "a"): unsupported ...`, without addresses."""
    if isinstance(error, RecursionError):
        message = "it calls itself without end"
    else:
        message = next(iter(str(error).strip().splitlines()), "") or "no message"
    message = re.sub(r"0x[0-9a-fA-F]+", "0x...", message)[:200]
    return f"{type(error).__name__}{where(error, answer)}: {message}"


def where(error: BaseException, answer: Any) -> str:
    """The last line of a notebook cell, or of the file of `answer`, that the error passed through."""
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if is_cell(file) or file == home(answer):
            line = linecache.getline(file, number).strip()[:80]
            return f" in line {number} of your cell ({line})" if line else f" in line {number} of your cell"
    return ""


def is_cell(file: str) -> bool:
    return file.startswith("<ipython-input") or "ipykernel_" in file


def home(answer: Any) -> str | None:
    """The file that `answer` was written in, if that is known."""
    try:
        return inspect.getfile(answer if callable(answer) else type(answer))
    except (TypeError, OSError):
        return None
