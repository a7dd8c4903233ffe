"""The course on one page is the course in notebooks/."""

from mtlkit.course import outline
from mtlkit.course.environment import ROOT
from mtlkit.course.outline import CHAPTERS, PARTS


def test_every_notebook_is_on_the_map():
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    known = {chapter.stem for chapter in CHAPTERS}
    assert there <= known, f"add {there - known} to CHAPTERS in mtlkit/course/outline.py"
    assert set(outline.ready()) == there


def test_chapters_are_in_order_and_in_a_part():
    assert [chapter.number for chapter in CHAPTERS] == sorted(chapter.number for chapter in CHAPTERS)
    assert list(dict.fromkeys(chapter.part for chapter in CHAPTERS)) == list(PARTS)


def test_ready_are_those_with_a_file(tmp_path):
    assert outline.ready(tmp_path) == []
    for stem in ("07_sentiment", "05_minbert", "99_other"):
        (tmp_path / f"{stem}.ipynb").touch()
    assert outline.ready(tmp_path) == ["05_minbert", "07_sentiment"]
