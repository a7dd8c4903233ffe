"""Copies come from the solved notebooks, follow them while unedited, and are never written over once edited."""

import json
import os

import pytest

from mtlkit.course import student
from mtlkit.course.student import NotebookError, make, student_notebook

SOLVED = """def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    y = x + x
    ### END SOLUTION
    return y"""


def cell(source, kind="code", **more):
    result = {"id": f"id{abs(hash(source)) % 10**8}", "cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        result |= {
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
        }
    return result | more


def notebook(*cells):
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3"}},
        "cells": [*cells],
    }


def source(made, index=0):
    return "".join(made["cells"][index]["source"])


@pytest.fixture
def folders(tmp_path):
    notebooks, work = tmp_path / "notebooks", tmp_path / "work"
    notebooks.mkdir()
    student.write(
        notebook(cell("# Doubling", "markdown"), cell(SOLVED), cell("1 + 1")), notebooks / "05_double.ipynb"
    )
    return notebooks, work


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_source(text, index=-1):
    return lambda content: content["cells"][index].update(source=text)


# --- one notebook -----------------------------------------------------------------------------------------


def test_a_solution_in_a_function_becomes_an_error_inside_it():
    made = student_notebook(notebook(cell(SOLVED)))
    assert source(made).splitlines()[2:] == ['    raise NotImplementedError("your turn")', "    return y"]
    assert "x + x" not in json.dumps(made)


def test_a_solution_that_is_a_value_becomes_none():
    made = student_notebook(
        notebook(cell("### BEGIN SOLUTION\nrows = {1}\nrows, n = {2}, 3\n### END SOLUTION\nprint(rows)"))
    )
    assert source(made) == "rows = None  # your answer\nn = None  # your answer\nprint(rows)"


def test_outputs_and_counts_go_and_the_rest_stays():
    solved = notebook(cell("1", metadata={"tags": ["a"]}), cell("text", "markdown"))
    before = json.dumps(solved)
    made = student_notebook(solved)
    assert json.dumps(solved) == before, "the argument must not change"
    assert made["cells"][0]["outputs"] == []
    assert made["cells"][0]["execution_count"] is None
    assert made["cells"][0]["metadata"] == {"tags": ["a"]}
    assert [c["id"] for c in made["cells"]] == [c["id"] for c in solved["cells"]]
    assert made["metadata"]["kernelspec"] == {"name": "python3"}
    assert made["metadata"]["mtlkit"]["made_from"] == student.fingerprint(solved)


def test_pictures_beside_the_solved_notebook_are_still_found():
    text = "![map](images/map.png) [next](07_x.ipynb) [web](https://a.org/b.png) `f[0](x)` [up](../README.md)"
    made = student_notebook(notebook(cell(text, "markdown")))
    assert source(made) == text.replace("(images", "(../notebooks/images")


BAD = {
    "### BEGIN SOLUTION\nx = 1": "line 1: ### BEGIN SOLUTION without",
    "x = 1\n### END SOLUTION": "line 2: ### END SOLUTION without",
    "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION": "line 2: ### BEGIN SOLUTION inside a solution",
    "# BEGIN SOLUTION\nx = 1\n# END SOLUTION": "write the marker as",
    "class A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION": "inside a method",
    "### BEGIN SOLUTION\ndef f(): pass\n### END SOLUTION": "inside the function",
    "### BEGIN SOLUTION\nprint(1)\n### END SOLUTION": "must assign a name",
    "%time x = 1\n### BEGIN SOLUTION\ny = 1\n### END SOLUTION": "plain Python",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_markers_name_file_and_cell(text):
    with pytest.raises(NotebookError, match=r"05_x\.ipynb, cell 2") as caught:
        student_notebook(notebook(cell("1"), cell(text)), "05_x.ipynb")
    assert BAD[text] in str(caught.value)


def test_a_marker_outside_code_is_an_error():
    with pytest.raises(NotebookError, match="cell 1 is not a code cell"):
        student_notebook(notebook(cell("text\n### BEGIN SOLUTION", "markdown")))


# --- the folder -------------------------------------------------------------------------------------------


def test_a_second_call_does_nothing(folders):
    assert make(*folders) == ["work/05_double.ipynb: made"]
    copy = folders[1] / "05_double.ipynb"
    before = copy.stat().st_mtime_ns
    assert make(*folders) == []
    assert copy.stat().st_mtime_ns == before


def test_an_edited_copy_is_never_written_over(folders):
    make(*folders)
    copy = folders[1] / "05_double.ipynb"
    edit(copy, change_source("my own"))
    mine = copy.read_bytes()
    assert make(*folders) == [], "nothing is newer"
    edit(folders[0] / "05_double.ipynb", change_source("2 + 2"))
    assert "python -m mtlkit student --fresh 05" in make(*folders)[0]
    assert "work/05_double.new.ipynb" in make(*folders, fresh=["05"])[0]
    assert make(*folders) == [], "the newest version lies beside it: said once is enough"
    assert copy.read_bytes() == mine
    assert source(student.read(folders[1] / "05_double.new.ipynb"), 2) == "2 + 2"


def test_a_fresh_copy_takes_the_place_of_the_old_one_by_renaming(folders):
    make(*folders)
    copy, beside = (folders[1] / f"05_double{end}" for end in (".ipynb", ".new.ipynb"))
    edit(copy, change_source("my own"))
    edit(folders[0] / "05_double.ipynb", change_source("2 + 2"))
    make(*folders, fresh=["05_double.ipynb"])
    os.replace(beside, copy)
    edit(copy, change_source("again my own"))
    assert make(*folders) == []


def test_an_edited_fresh_copy_is_not_written_over_either(folders):
    make(*folders)
    edit(folders[1] / "05_double.ipynb", change_source("my own"))
    make(*folders, fresh=["05"])
    beside = folders[1] / "05_double.new.ipynb"
    edit(beside, change_source("my own, too"))
    mine = beside.read_bytes()
    edit(folders[0] / "05_double.ipynb", change_source("2 + 2"))
    assert "edited as well" in make(*folders, fresh=["05"])[0]
    assert beside.read_bytes() == mine


def run(content):
    """What JupyterLab leaves after Run All: outputs, counts, and one empty cell at the end."""
    for number, each in enumerate((c for c in content["cells"] if c["cell_type"] == "code"), 1):
        each.update(
            execution_count=number, outputs=[{"output_type": "stream", "name": "stdout", "text": str(number)}]
        )
        each["metadata"]["execution"] = {"iopub.execute_input": "now"}
    content["cells"].append(cell("", execution_count=None, outputs=[]))


def test_running_a_copy_is_not_an_edit_and_keeps_its_outputs(folders):
    make(*folders)
    copy = folders[1] / "05_double.ipynb"
    edit(copy, run)
    after_run = copy.read_bytes()
    assert make(*folders) == []
    assert copy.read_bytes() == after_run
    edit(folders[0] / "05_double.ipynb", change_source("2 + 2"))
    assert "replaced your unedited copy" in make(*folders)[0]
    cells = student.read(copy)["cells"]
    assert cells[1]["execution_count"] == 1, "outputs above the change stay"
    assert cells[2]["execution_count"] is None
    assert source({"cells": cells}, 2) == "2 + 2"


def test_a_new_solution_is_no_news_for_students(folders):
    make(*folders)
    edit(folders[1] / "05_double.ipynb", change_source("my own"))
    edit(folders[0] / "05_double.ipynb", change_source(SOLVED.replace("x + x", "2 * x"), 1))
    assert make(*folders) == []


def test_copies_of_unknown_origin_or_unreadable_ones_are_left_alone(folders):
    make(*folders)
    copy = folders[1] / "05_double.ipynb"
    edit(copy, lambda content: content.update(metadata={}, cells=[cell("mine")]))
    assert "yours is edited" in make(*folders)[0]
    copy.write_text("{not json")
    assert "left alone" in make(*folders)[0]
    assert copy.read_text() == "{not json"


def test_a_bad_source_stops_before_anything_is_written(folders):
    (folders[0] / "06_bad.ipynb").write_text("<<<<<<< HEAD")
    with pytest.raises(NotebookError, match=r"06_bad.ipynb is not valid JSON"):
        make(*folders)
    assert not folders[1].exists()


def test_an_unknown_name_is_named(folders):
    with pytest.raises(NotebookError, match=r"No notebook is called 99\. There are: 05_double"):
        make(*folders, fresh=["99"])


def test_words_to_the_tests_do_not_reach_the_student():
    made = student_notebook(notebook(cell("# NBVAL_IGNORE_OUTPUT\nx = 1\n# NBVAL is a tool\nx")))
    assert source(made) == "x = 1\n# NBVAL is a tool\nx"
