"""Executes the notebooks in place, and leaves in them only what a reader needs."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

from mtlkit.course import offline

CELL_SECONDS = 300
NOTEBOOK_SECONDS = 600
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def find(names: list[str], folder: Path) -> list[Path]:
    """The notebooks in `folder` that `names` begin, or name, or point to; all of them for no names.

    Raises ValueError for a name that fits none.
    """
    every = sorted(folder.glob("*.ipynb"))
    chosen = []
    for name in names:
        fitting = [path for path in every if path.name.startswith(Path(name).name)]
        if not fitting:
            raise ValueError(
                f"no notebook in {folder} is called {name}; there are {[path.stem for path in every]}"
            )
        chosen += fitting
    return chosen or every


def execute(path: str | Path) -> float:
    """Run a notebook from its top with the network off, write its outputs into it, and return the seconds it took.

    The file is replaced only when every cell has run. A run that hangs is tried once more (a kernel that stops
    answering at a widget is rare, but seen). Raises RuntimeError with the failing cell and its error.
    """
    path = Path(path).resolve()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = run(path, folder)
        if result is None:
            result = run(path, folder)
        if result is None:
            raise RuntimeError(f"{path.name} ran for more than {NOTEBOOK_SECONDS} s, twice")
        if result:
            raise RuntimeError(f"{path.name} stopped:\n{result}")
        notebook = nbformat.read(Path(folder) / path.name, as_version=4)
    write(tidy(notebook), path)
    return time.perf_counter() - start


def run(path: Path, folder: str) -> str | None:
    """Execute `path` into `folder`. Returns "" if all went well, what failed, or None if it took too long."""
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", str(path)]
    command += ["--output-dir", folder, "--log-level=ERROR", "--ExecutePreprocessor.kernel_name=python3"]
    command += [f"--ExecutePreprocessor.timeout={CELL_SECONDS}", "--ExecutePreprocessor.record_timing=False"]
    settings: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "env": offline.environment(),
    }
    # A session of its own, so that the kernel can be stopped with it.
    with subprocess.Popen(offline.wrap(command), start_new_session=True, **settings) as process:
        try:
            output = process.communicate(timeout=NOTEBOOK_SECONDS)[0]
        except BaseException as problem:
            stop(process)
            if isinstance(problem, subprocess.TimeoutExpired):
                return None
            raise
    if process.returncode == 0:
        return ""
    return None if "CellTimeoutError" in output or "DeadKernelError" in output else output.strip()[-3000:]


def stop(process: subprocess.Popen) -> None:
    """End `process` and what it started."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """`notebook` without what differs from machine to machine: versions, timings, widget state.

    Pieces of one stream are joined: where the kernel cut them is chance.
    """
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = join_streams([output for output in map(without_widget, cell.outputs) if output])
    return notebook


def without_widget(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """`output` without its live widget, which needs a kernel; None if all that stays is the widget's name."""
    if WIDGET not in output.get("data", {}):
        return output
    del output.data[WIDGET]
    return output if output.data.keys() - {"text/plain"} else None


def join_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """`outputs` with neighbouring pieces of the same stream in one."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if (
            joined
            and output.output_type == "stream" == joined[-1].output_type
            and output.name == joined[-1].name
        ):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Replace `path` in one step, so that an interrupted write leaves the old file whole."""
    nbformat.validate(notebook)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    os.replace(temporary, path)
