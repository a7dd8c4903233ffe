import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mtlkit.course import notebooks

REACH_OUT = """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    print(error)
"""


def write(path, *sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    nbformat.write(notebook, path)
    return notebook


@pytest.mark.slow
def test_executing_fills_in_outputs_off_line_and_keeps_the_rest(tmp_path):
    path = tmp_path / "01_scratch.ipynb"
    before = write(
        path,
        "print('one')",
        "import ipywidgets\nipywidgets.IntSlider()",
        REACH_OUT,
    )
    assert notebooks.execute(path) > 0
    after = nbformat.read(path, as_version=4)
    nbformat.validate(after)
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]
    assert [cell.execution_count for cell in after.cells] == [1, 2, 3]
    assert after.cells[0].outputs == [new_output("stream", text="one\n")]
    assert after.cells[1].outputs == []
    assert "the network is off" in after.cells[2].outputs[0].text
    assert set(after.metadata) == {"kernelspec", "language_info"}
    assert after.metadata.kernelspec.name == "python3"
    assert after.metadata.language_info == {"name": "python"}
    assert not any(cell.metadata for cell in after.cells)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
def test_a_failing_notebook_is_named_and_left_as_it_was(tmp_path):
    path = tmp_path / "02_broken.ipynb"
    write(path, "print(1)", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match=r"02_broken.ipynb stopped:(.|\n)*ZeroDivisionError"):
        notebooks.execute(path)
    assert path.read_bytes() == before


def test_a_run_that_takes_too_long_is_ended_and_tried_once_more(tmp_path, monkeypatch):
    runs = []
    original = notebooks.subprocess.Popen

    def sleeper(command, **settings):
        runs.append(command)
        return original(["sleep", "60"], **settings)

    monkeypatch.setattr(notebooks.offline, "wrap", lambda command: command)
    monkeypatch.setattr(notebooks.subprocess, "Popen", sleeper)
    monkeypatch.setattr(notebooks, "NOTEBOOK_SECONDS", 0.1)
    write(tmp_path / "a.ipynb", "1")
    with pytest.raises(RuntimeError, match="twice"):
        notebooks.execute(tmp_path / "a.ipynb")
    assert len(runs) == 2


def test_a_widget_goes_and_its_picture_stays():
    picture = new_output(
        "display_data", data={notebooks.WIDGET: {}, "text/plain": "Widget()", "image/png": "AA=="}
    )
    bare = new_output("display_data", data={notebooks.WIDGET: {}, "text/plain": "Widget()"})
    assert set(notebooks.without_widget(picture).data) == {"image/png", "text/plain"}
    assert notebooks.without_widget(bare) is None


def test_pieces_of_one_stream_become_one():
    pieces = [new_output("stream", name=name, text=text) for name, text in (("stdout", "a"), ("stdout", "b"))]
    other = new_output("stream", name="stderr", text="c")
    assert [output.text for output in notebooks.join_streams([*pieces, other])] == ["ab", "c"]


def test_notebooks_are_found_by_number_or_name(tmp_path):
    for name in ("00_start_here", "05_minbert"):
        write(tmp_path / f"{name}.ipynb")
    found = [path.stem for path in notebooks.find([], tmp_path)]
    assert found == ["00_start_here", "05_minbert"]
    assert [path.stem for path in notebooks.find(["05"], tmp_path)] == ["05_minbert"]
    assert [path.stem for path in notebooks.find(["notebooks/00_start_here.ipynb"], tmp_path)] == [
        "00_start_here"
    ]
    with pytest.raises(ValueError, match="is called 99; there are"):
        notebooks.find(["99"], tmp_path)
