import pytest

from mtlkit.data.sources import DATA
from mtlkit.evaluation import recorded


def test_every_recorded_table_is_read_by_its_name():
    names = [path.stem for path in (DATA / "results").glob("*.csv")]
    assert "single" in names
    assert all(len(recorded(name)) for name in names)


def test_an_unknown_table_names_those_that_are_there():
    with pytest.raises(FileNotFoundError, match=r"no recorded table 'sts1'.*there are .*single"):
        recorded("sts1")


def test_every_recorded_table_is_explained():
    card = (DATA / "results" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (DATA / "results").glob("*.csv") if f"`{path.name}`" not in card] == []
