"""Figures carry their text wherever they are shown; numbers print the same everywhere."""

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mtlkit.show import figures
from mtlkit.show.figures import COLORS, LINES, fmt, show, style, table

ALT = 'A line that "climbs" from 0 to 9 <steadily>'


@pytest.fixture(scope="module")
def executed():
    """A one-figure notebook, run in a kernel of its own."""
    from nbclient import NotebookClient

    code = (
        "import matplotlib.pyplot as plt\nfrom mtlkit.show.figures import show, style\n"
        f"with style():\n    fig, ax = plt.subplots()\nax.plot(range(10))\nshow(fig, {ALT!r})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def test_one_image_with_its_text_and_the_same_sentence_below(executed):
    image, sentence = executed.cells[0].outputs
    assert image.data["text/html"].count("<img ") == 1
    assert sentence.text.strip() == ALT
    assert executed.metadata.get("widgets") is None


def test_the_alt_text_reaches_the_html_page(executed):
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(executed)
    texts = []
    parser = HTMLParser()
    parser.handle_startendtag = parser.handle_starttag = lambda tag, attributes: texts.append(
        (tag, dict(attributes).get("alt"))
    )
    parser.feed(page)
    assert ("img", ALT) in texts


def decoded(html):
    return base64.b64decode(re.search(r'base64,([^"]+)"', html)[1])


def test_the_picture_is_small_white_and_the_same_each_time(executed):
    data = decoded(executed.cells[0].outputs[0].data["text/html"])
    picture = Image.open(io.BytesIO(data))
    assert len(data) < 60_000
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert not picture.info.get("Software")
    with style():
        fig, ax = plt.subplots()
    ax.plot(range(10))
    assert figures.png(fig) == figures.png(fig)
    plt.close(fig)


def test_a_dense_figure_stays_under_60_kilobytes():
    random = np.random.default_rng(0)
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(9, 4))
    axes[0].imshow(random.random((12, 12)), cmap="viridis")
    axes[1].plot(random.standard_normal((400, 5)).cumsum(0))
    axes[2].scatter(*random.standard_normal((2, 500)))
    assert len(figures.png(fig)) < 60_000
    plt.close(fig)


@pytest.mark.parametrize("alt", ["", "Loss by step", "one two three four five"])
def test_a_figure_without_a_sentence_is_refused(alt):
    with pytest.raises(ValueError, match="6 words"):
        show(plt.figure(), alt)
    plt.close("all")


def test_show_returns_nothing_and_closes_the_figure(capsys):
    with style():
        fig, _ = plt.subplots()
    assert show(fig, "An empty pair of axes, for the test") is None
    assert not plt.fignum_exists(fig.number)
    assert capsys.readouterr().out.splitlines()[-1] == "An empty pair of axes, for the test"


def test_style_lasts_no_longer_than_its_block():
    before = plt.rcParams["axes.grid"]
    with style():
        assert plt.rcParams["figure.facecolor"] == "white"
    assert plt.rcParams["axes.grid"] == before


def test_each_colour_has_a_line_style_of_its_own():
    assert len(COLORS) == len(set(COLORS)) == len(LINES) == len(set(LINES))


def contrast(color):
    """WCAG contrast ratio of a colour to white."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_colours_stand_out_on_white():
    assert min(map(contrast, COLORS)) > 2


def test_numbers_print_without_negative_zero():
    assert [fmt(x) for x in (0.12345, -0.00001, -0.0, -1.5, 3, True, "a", None, float("nan"))] == [
        "0.123", "0.000", "0.000", "-1.500", "3", "True", "a", "", "nan",
    ]  # fmt: skip
    assert fmt(torch.tensor(0.25), 1) == "0.2"
    assert fmt(np.float32(2.0), 2) == "2.00"
    assert fmt(np.int64(7)) == "7"
    assert fmt(-0.4, 0) == "0"


def test_a_table_is_aligned_text(capsys):
    frame = pd.DataFrame({"model": ["frozen", "full"], "accuracy": [0.5, -0.00001], "n": [10, 2]})
    table(frame, digits=2, caption="Dev accuracy")
    assert capsys.readouterr().out.splitlines() == [
        "Dev accuracy",
        "model   accuracy   n",
        "------  --------  --",
        "frozen      0.50  10",
        "full        0.00   2",
    ]


def test_a_tables_index_is_shown_if_it_says_something(capsys):
    table(pd.DataFrame({"x": [1.0, None]}, index=["a", "b"]))
    assert capsys.readouterr().out.splitlines()[2:] == ["a  1.000", "b"]
    table(pd.DataFrame({"x": [1]}, index=pd.Index(["a"], name="who")))
    assert "who  x" in capsys.readouterr().out


def test_matplotlib_waits_until_a_figure_is_wanted():
    code = (
        "import sys, mtlkit, mtlkit.show\n"
        "assert not {'matplotlib', 'pandas', 'IPython'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
