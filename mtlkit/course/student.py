"""Makes the students' copies in work/ from the solved notebooks, and never writes over a student's work.

A copy's metadata keep a fingerprint of its cells as they were made. A copy whose cells still have it has not been
edited (running it changes outputs only) and follows the course; any other copy is the student's own.
"""

import ast
import copy
import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from mtlkit.course.environment import SetupError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CHECKER = re.compile(r"^# NBVAL_[A-Z_]+\n", re.MULTILINE)  # a word to the tests, not to a student
STUB = 'raise NotImplementedError("your turn")'
# A file that lies beside the solved notebook; links to other notebooks stay within work/.
BESIDE = re.compile(
    r'(\]\(|src=")(?:\./)?(?![a-z]+:|[/#.])([^)"\s]+\.(?:png|jpe?g|gif|svg|csv|md|py|txt|pdf|html))'
)


class NotebookError(SetupError):
    """A notebook that no copy can be made of; the message names the file, the cell, and the fix."""


def make(notebooks: Path, work: Path, fresh: Iterable[str] = ()) -> list[str]:
    """Bring work/ up to date with the notebooks; returns a line for each copy with news.

    A missing copy is made, an unedited one replaced if the notebook has changed (outputs above the first changed
    cell stay), an edited one left alone. fresh: beginnings of names; of these, the newest version is written beside
    an edited copy, as NAME.new.ipynb. Raises NotebookError.
    """
    sources = sorted(notebooks.glob("*.ipynb"))
    fresh = tuple(Path(name).stem for name in fresh)
    for name in fresh:
        if not any(source.stem.startswith(name) for source in sources):
            raise NotebookError(
                f"No notebook is called {name}. There are: {', '.join(s.stem for s in sources)}"
            )
    made = {
        source: student_notebook(read(source), source.name) for source in sources
    }  # all, or none is written
    work.mkdir(parents=True, exist_ok=True)
    news = (update(work / source.name, new, source.stem.startswith(fresh)) for source, new in made.items())
    return [line for line in news if line]


def update(path: Path, new: dict, fresh: bool) -> str:
    """Bring one copy up to date; returns what was done, or "" for nothing."""
    name = f"{path.parent.name}/{path.name}"
    if not path.exists():
        write(new, path)
        return f"{name}: made"
    try:
        old = read(path)
        mine, base = fingerprint(old), made_as(old)
    except NotebookError:
        return f"{name}: cannot be read, and was left alone. Remove it to have a new one made."
    if mine == made_as(new):
        return ""
    if mine == base:
        write(with_outputs(new, old), path)
        return f"{name}: a newer version has replaced your unedited copy"
    beside = path.with_suffix(".new.ipynb")
    if fresh:
        if beside.exists() and fingerprint(read(beside)) not in (made_as(read(beside)), made_as(new)):
            return f"{name}: {beside.name} is edited as well; rename or remove it first"
        write(new, beside)
        return f"{name}: yours stays as it is; the newest version is {path.parent.name}/{beside.name}"
    if base == made_as(new) or (beside.exists() and made_as(read(beside)) == made_as(new)):
        return ""
    return (
        f"{name}: there is a newer version; yours is edited and stays. To have the new one beside it:"
        f"  python -m mtlkit student --fresh {path.stem.split('_')[0]}"
    )


def student_notebook(notebook: dict, name: str = "notebook") -> dict:
    """The student's copy of a solved notebook, as nbformat 4 JSON: solutions, outputs and counts taken out.

    name: for messages. Raises NotebookError for markers that are unbalanced or where no student could write.
    """
    made = copy.deepcopy(notebook)
    for number, cell in enumerate(made["cells"], 1):
        source = text(cell)
        place = f"{name}, cell {number}"
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
            source = CHECKER.sub("", without_solutions(source, place))
        elif {BEGIN, END} & {line.strip() for line in source.splitlines()}:
            raise NotebookError(f"{place} is not a code cell, but has a solution marker. Remove the marker.")
        else:
            source = BESIDE.sub(r"\1../notebooks/\2", source)
        cell["source"] = source.splitlines(keepends=True)
    made["metadata"].pop("widgets", None)
    made["metadata"]["mtlkit"] = {"made_from": fingerprint(notebook), "made_as": fingerprint(made)}
    return made


def without_solutions(source: str, place: str) -> str:
    """`source` with each marked block replaced by what a student starts from. Raises NotebookError."""
    kept: list[str] = []
    block: list[str] | None = None
    begin = 0
    for number, line in enumerate(source.splitlines(), 1):
        marker = line.strip()
        if marker == BEGIN:
            if block is not None:
                raise NotebookError(
                    f"{place}, line {number}: {BEGIN} inside a solution. Close that one first."
                )
            block, begin = [], number
        elif marker == END:
            if block is None:
                raise NotebookError(f"{place}, line {number}: {END} without {BEGIN} above it.")
            indent = " " * (len(line) - len(line.lstrip()))
            kept += [indent + stub for stub in stubs(source, begin, number, place)]
            block = None
        elif "BEGIN SOLUTION" in marker or "END SOLUTION" in marker:
            raise NotebookError(
                f"{place}, line {number}: write the marker as {BEGIN} or {END}, on its own line."
            )
        elif block is not None:
            block.append(line)
        else:
            kept.append(line)
    if block is not None:
        raise NotebookError(f"{place}, line {begin}: {BEGIN} without {END} below it.")
    return "\n".join(kept)


def stubs(source: str, begin: int, end: int, place: str) -> list[str]:
    """What stands for the solution between lines `begin` and `end`: a `raise` in a function, else `name = None`."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise NotebookError(f"{place}: a cell with a solution must be plain Python ({error}).") from None
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    around = [n for n in ast.walk(tree) if isinstance(n, scopes) and n.lineno < begin <= (n.end_lineno or 0)]
    if around:
        if isinstance(max(around, key=lambda node: node.lineno), ast.ClassDef):
            raise NotebookError(f"{place}, line {begin}: put the markers inside a method, not around it.")
        return [STUB]
    inside = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and begin < n.lineno < end]
    if any(isinstance(node, scopes) for node in inside):
        raise NotebookError(f"{place}, line {begin}: put the markers inside the function, not around it.")
    assigned = [
        name.id
        for statement in inside
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    ]
    if not assigned:
        raise NotebookError(f"{place}, line {begin}: a solution outside a function must assign a name.")
    return [f"{name} = None  # your answer" for name in dict.fromkeys(assigned)]


# --- reading, comparing, writing --------------------------------------------------------------------------


def text(cell: dict) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def fingerprint(notebook: dict) -> str:
    """sha256 of what is written in the cells; outputs, counts and empty cells (Lab adds one at the end) aside."""
    cells = [[cell["cell_type"], text(cell).rstrip()] for cell in notebook["cells"] if text(cell).strip()]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def made_as(notebook: dict) -> str | None:
    return notebook.get("metadata", {}).get("mtlkit", {}).get("made_as")


def with_outputs(new: dict, old: dict) -> dict:
    """`new` with the outputs of `old` down to the first cell that differs: what follows it may no longer hold."""
    merged = copy.deepcopy(new)
    for cell, before in zip(merged["cells"], old["cells"], strict=False):
        if cell["cell_type"] != before["cell_type"] or text(cell).rstrip() != text(before).rstrip():
            break
        if cell["cell_type"] == "code":
            cell.update(outputs=before["outputs"], execution_count=before["execution_count"])
    return merged


def read(path: Path) -> dict:
    """Raises NotebookError unless `path` holds a notebook of format 4."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotebookError(
            f"{path} is not valid JSON ({error}). Restore it: git checkout {path.name}"
        ) from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        raise NotebookError(f"{path} is not a notebook of format 4. Save it again from JupyterLab.")
    return notebook


def write(notebook: dict, path: Path) -> None:
    """Replace `path` in one step, so that an interrupted write leaves the old file whole."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
