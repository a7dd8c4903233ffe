"""A run that was stopped goes on as if it never had been: by SIGKILL, by Ctrl-C, in the middle of an epoch."""

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from mtlkit.tasks import SST
from mtlkit.training import History, Settings, checkpoint, train
from mtlkit.training.run import Run

SETTINGS = Settings(epochs=3, batch_size=8, lr=2e-3, precision="float32", save_every=4)
STEPS = 18  # 3 epochs of 6


def facts(history: History) -> dict:
    """The history without its timings."""
    record = history.to_dict()
    for row in record["steps"] + record["evaluations"]:
        del row["seconds"]
    return record


@pytest.fixture(scope="module")
def whole(tiny):
    """(model, history) of a run that was never stopped."""
    model = tiny.model()
    return model, train(model, SST, tiny.train, tiny.dev, SETTINGS, progress=False)


def same(model, history, whole) -> bool:
    weights = whole[0].state_dict()
    return facts(history) == facts(whole[1]) and all(
        torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items()
    )


class Killed(BaseException):
    pass


def run_until(monkeypatch, step, tiny, folder, settings=SETTINGS, model=None):
    """Train, and stop without a word before update number `step` (from 0)."""
    update = Run.update

    def dying(self, index):
        if self.step == step:
            raise Killed
        return update(self, index)

    monkeypatch.setattr(Run, "update", dying)
    with pytest.raises(Killed):
        train(model or tiny.model(), SST, tiny.train, tiny.dev, settings, folder, progress=False)
    monkeypatch.setattr(Run, "update", update)


def test_a_folder_changes_nothing(tiny, whole, tmp_path):
    model = tiny.model()
    assert same(model, train(model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False), whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors", "log.jsonl"]


def test_killed_with_sigkill_twice_and_resumed(tiny, whole, tmp_path):
    """In a process of its own, at random steps; resumed here, with another initialisation of the model."""
    first, second = sorted(random.sample(range(STEPS), 2))
    print("killed before updates", first, second)  # shown if the test fails
    for step in (first, second):
        script = Path(__file__).with_name("killed.py")
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path), str(step)],
            timeout=200,
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
    model = tiny.model(seed=5 if first >= 4 else 0)  # what is resumed comes from the checkpoint alone
    if second >= 4:
        assert checkpoint.load(tmp_path / "last.safetensors")[1]["step"] <= second
    torch.rand(7)
    history = train(model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)
    assert same(model, history, whole)


@pytest.mark.parametrize("step", [4, 6, 7, 12, 17])
def test_stopped_at_any_step_and_resumed(tiny, whole, tmp_path, monkeypatch, step):
    run_until(monkeypatch, step, tiny, tmp_path)
    model = tiny.model(seed=5)
    assert same(model, train(model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False), whole)


@pytest.mark.parametrize("save_every", [1, 5, 6, None])
def test_how_often_it_saves_changes_nothing_and_may_change(tiny, whole, tmp_path, monkeypatch, save_every):
    run_until(monkeypatch, 9, tiny, tmp_path, replace(SETTINGS, save_every=save_every))
    saved = checkpoint.load(tmp_path / "last.safetensors")[1]["step"]
    assert saved == {1: 9, 5: 5, 6: 6, None: 6}[save_every]
    model = tiny.model(seed=5)
    assert same(model, train(model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False), whole)


def test_a_frozen_run_resumes(tiny, tmp_path, monkeypatch):
    model = tiny.model().freeze_encoder()
    expected = train(model, SST, tiny.train, tiny.dev, SETTINGS, progress=False)
    run_until(monkeypatch, 9, tiny, tmp_path, model=tiny.model().freeze_encoder())
    again = tiny.model(seed=5).freeze_encoder()
    history = train(again, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)
    assert same(again, history, (model, expected))


def test_a_finished_run_is_not_run_again(tiny, whole, tmp_path, monkeypatch):
    train(tiny.model(), SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)
    monkeypatch.setattr(Run, "update", lambda *_: pytest.fail("a finished run took another step"))
    model = tiny.model(seed=5)
    assert same(model, train(model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False), whole)


def interrupted_at(monkeypatch, step, times=1):
    """A real SIGINT, in the middle of update number `step` (from 0)."""
    backward = torch.Tensor.backward
    count = [0]

    def pressed(self, *args, **kwargs):
        if count[0] == step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        count[0] += 1
        return backward(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "backward", pressed)


@pytest.mark.parametrize("folder", [True, False], ids=["with a folder", "without"])
def test_an_interrupted_run_keeps_what_it_did(tiny, whole, tmp_path, monkeypatch, capsys, folder):
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        interrupted_at(patch, 8)
        model = tiny.model()
        history = train(
            model, SST, tiny.train, tiny.dev, SETTINGS, tmp_path if folder else None, progress=False
        )
    assert signal.getsignal(signal.SIGINT) is before
    assert history.interrupted
    assert len(history.steps) == 9  # the update under way is finished, none is begun
    assert facts(history)["steps"] == facts(whole[1])["steps"][:9]
    assert "stopped after step 9 of 18" in capsys.readouterr().out
    assert not model.training
    if folder:
        again = tiny.model(seed=5)
        finished = train(again, SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)
        assert not finished.interrupted
        assert same(again, finished, whole)


def test_interrupted_in_the_last_step_is_finished(tiny, whole, monkeypatch):
    interrupted_at(monkeypatch, STEPS - 1)
    model = tiny.model()
    history = train(model, SST, tiny.train, tiny.dev, SETTINGS, progress=False)
    assert not history.interrupted
    assert same(model, history, whole)


@pytest.fixture
def ctrl_c():
    """Python's own answer to SIGINT; a process started in the background ignores the signal instead."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_stops_at_once(tiny, monkeypatch, ctrl_c):
    before = signal.getsignal(signal.SIGINT)
    interrupted_at(monkeypatch, 2, times=2)
    with pytest.raises(KeyboardInterrupt):
        train(tiny.model(), SST, tiny.train, tiny.dev, SETTINGS, progress=False)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "change",
    [
        dict(lr=1e-3), dict(epochs=4), dict(batch_size=7), dict(seed=1), dict(clip=0.5), dict(weight_decay=0.0),
        dict(head_lr=None), dict(warmup=0.5), dict(layer_decay=0.9), dict(precision="bfloat16"),
    ],
    ids=str,
)  # fmt: skip
def test_a_checkpoint_of_other_settings_is_refused_by_name(tiny, tmp_path, monkeypatch, change):
    run_until(monkeypatch, 4, tiny, tmp_path)
    model = tiny.model(seed=5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=rf"another [^;]*{next(iter(change))}.* new folder"):
        train(model, SST, tiny.train, tiny.dev, replace(SETTINGS, **change), tmp_path, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_checkpoint_of_other_data_or_another_freezing_is_refused(tiny, tmp_path, monkeypatch):
    run_until(monkeypatch, 4, tiny, tmp_path)
    other = tiny.data(42, 9)
    relabelled = replace(tiny.train, labels=[4 - tiny.train.labels[0], *tiny.train.labels[1:]])
    for train_data, dev_data, name in (
        (other, tiny.dev, "training data"), (relabelled, tiny.dev, "training data"), (tiny.train, other, "dev data"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"another {name}( of sst)?;"):
            train(tiny.model(), SST, train_data, dev_data, SETTINGS, tmp_path, progress=False)
    with pytest.raises(ValueError, match="choice of what is frozen"):
        train(tiny.model().freeze_encoder(), SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)


@pytest.mark.parametrize("damage", ["cut", "header", "empty", "text", "foreign"])
def test_a_damaged_checkpoint_is_refused_with_its_name(tiny, tmp_path, monkeypatch, damage):
    run_until(monkeypatch, 4, tiny, tmp_path)
    path = tmp_path / "last.safetensors"
    data = path.read_bytes()
    if damage == "foreign":
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(2)}, path)
    else:
        content = {
            "cut": data[: len(data) // 2],
            "header": b"\xff" * 8 + data[8:],
            "empty": b"",
            "text": b"{}",
        }
        path.write_bytes(content[damage])
    with pytest.raises(ValueError, match=r"last\.safetensors: not a whole checkpoint.*delete it"):
        train(tiny.model(), SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)


def test_the_log_has_a_line_for_each_row_also_after_a_kill(tiny, tmp_path, monkeypatch):
    """Steps after the last checkpoint are done again; they stand in the log once."""
    run_until(monkeypatch, 7, tiny, tmp_path)
    history = train(tiny.model(), SST, tiny.train, tiny.dev, SETTINGS, tmp_path, progress=False)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row for row in rows if row.pop("kind") == "step"] == [asdict(row) for row in history.steps]
    assert [row for row in rows if "score" in row] == [asdict(row) for row in history.evaluations]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
