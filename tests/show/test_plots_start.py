"""The pictures of notebook 00 show all they are given, and nothing falls off their edge."""

import pytest

from mtlkit.course import outline
from mtlkit.evaluation.reports import HEADLINES, SIZES, TITLES, headlines, interval, published
from mtlkit.show import plots
from tests.show.inside import stays_inside

FLOORS = {"SST": 0.262, "PARA": 0.625}


def texts(fig):
    return [" ".join(text.get_text().split()) for ax in fig.axes for text in ax.texts]


@pytest.mark.parametrize("ready", [[], ["00_start_here"], [c.stem for c in outline.CHAPTERS]])
def test_the_map_fills_what_is_ready(ready):
    fig = plots.course_map(outline.PARTS, outline.CHAPTERS, ready)
    boxes = fig.axes[0].patches
    assert len(boxes) == len(outline.CHAPTERS)
    assert sum(box.get_linestyle() == "-" for box in boxes) == len(ready)
    for chapter in outline.CHAPTERS:
        assert f"{chapter.number} {chapter.title}" in texts(fig)
    stays_inside(fig)


def test_every_chapters_name_fits_its_box():
    fig = plots.course_map(outline.PARTS, outline.CHAPTERS, [c.stem for c in outline.CHAPTERS])
    fig.canvas.draw()
    named = {" ".join(t.get_text().split()): t.get_window_extent() for t in fig.axes[0].texts}
    for chapter, box in zip(outline.CHAPTERS, fig.axes[0].patches, strict=True):
        text, edge = named[f"{chapter.number} {chapter.title}"], box.get_window_extent()
        assert edge.x0 < text.x0, chapter.stem
        assert text.x1 < edge.x1, chapter.stem


@pytest.mark.parametrize("corrected", [(), HEADLINES[-1]])
def test_published_scores_stand_in_three_panels_with_their_intervals(corrected):
    rows = headlines(published())
    fig = plots.published_scores(rows, FLOORS, corrected)
    assert len(fig.axes) == 3
    for ax, task in zip(fig.axes, ("SST", "PARA", "STS"), strict=True):
        shown = [t.get_text() for t in ax.texts]
        assert [f"{value:.3f}" for value in rows[task]] == [t for t in shown if "floor" not in t]
        assert any("floor" in t for t in shown) == (task in FLOORS)
        spans = [bars.get_segments()[0][:, 0] for container in ax.containers for bars in container[2]]
        for span, (key, value) in zip(spans, rows[task].items(), strict=True):
            assert tuple(span) == pytest.approx(interval(task, value, key[-1]))
    names = [" ".join(label.get_text().split()) for label in fig.axes[0].get_yticklabels()]
    assert len(set(names)) == len(rows)
    assert ("as corrected" in " ".join(names)) == bool(corrected)
    stays_inside(fig)


def test_models_are_called_by_their_reports_title():
    for key in HEADLINES:
        name = " ".join(plots.model_name(*key).split())
        assert name.startswith(TITLES[key[0]].split(":")[0])
        assert name.endswith(f"({key[-1]})")
        assert key[-1] in SIZES
