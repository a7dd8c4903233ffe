"""A notebook of five minutes that keeps every rule, and runs."""

import pytest

OPENING = """# Doubling

**You will be able to** *write* a function, *explain* it, and *check* it.
**You need** nothing.
**Time** 5 minutes of reading, 5 of exercises, 2 s of machine.
**Off-line** all of it runs without a network."""

IMPORTS = """from types import SimpleNamespace
from mtlkit.course.checks import call, check, compare"""

CHECKS = """@check("5.1", reference=lambda x: x + x, hints=("idea", "shapes", "code"))
def double(answer):
    compare(call(answer, 2), 4)

@check("5.2", reference="three", hints=("idea", "shapes", "code"))
def word(answer):
    compare(answer, "three")

checks = SimpleNamespace(tiny=SimpleNamespace(double=double, word=word))"""

DOUBLE = """def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION"""

WORD = """### BEGIN SOLUTION
word = "three"
### END SOLUTION"""

ENDING = """## What we built
A function.

### Three questions
""" + 3 * """Why?
<details><summary>Answer</summary>

Because.
</details>

""" + """## What is next
Tripling."""  # fmt: skip


@pytest.fixture
def tiny():
    """The notebook's JSON, executed; fresh for each test."""
    passed = [
        [{"output_type": "stream", "name": "stdout", "text": f"Exercise 5.{n}: passed\n"}] for n in (1, 2)
    ]
    four = [
        {"output_type": "execute_result", "execution_count": 7, "metadata": {}, "data": {"text/plain": "4"}}
    ]
    cells = [
        (OPENING,),
        (IMPORTS, []),
        ("### Exercise 5.1 · 5 minutes · difficulty 2 of 5\nDouble it.",),
        (DOUBLE, []),
        ("double = checks.tiny.double(double)", passed[0]),
        ("> **Exercise 5.2** (1 minute, difficulty 1)",),
        (WORD, []),
        ("word = checks.tiny.word(word)", passed[1]),
        ("double(2)", four),
        (ENDING,),
    ]
    cells.insert(2, (CHECKS, []))
    made, count = [], 0
    for number, (source, *outputs) in enumerate(cells):
        cell = {"id": f"cell-{number}", "cell_type": "markdown", "metadata": {}, "source": source}
        if outputs:
            count += 1
            cell |= {"cell_type": "code", "execution_count": count, "outputs": outputs[0]}
        made.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
