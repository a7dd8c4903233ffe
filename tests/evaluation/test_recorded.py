import pytest

from mtlkit.data.sources import DATA
from mtlkit.evaluation import recorded

RESULTS = DATA / "results"
TABLES = [path for path in RESULTS.rglob("*.csv") if path.parent.name != "predictions"]


def test_every_recorded_table_is_read_by_its_name():
    names = [path.relative_to(RESULTS).with_suffix("").as_posix() for path in TABLES]
    assert {"single", "orders/comparison"} <= set(names)
    assert all(len(recorded(name)) for name in names)


def test_an_unknown_table_names_those_that_are_there():
    with pytest.raises(FileNotFoundError, match=r"no recorded table 'sts1'.*there are .*single"):
        recorded("sts1")


def test_every_recorded_table_is_explained():
    card = (RESULTS / "README.md").read_text(encoding="utf-8")
    names = [path.name for path in TABLES]
    names += [path.name for path in RESULTS.iterdir() if path.is_dir()]
    assert [name for name in names if f"`{name}`" not in card] == []
