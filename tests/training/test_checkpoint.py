"""A checkpoint is written whole or not at all, and what does not fit is refused."""

import os

import pytest
import torch
from torch import nn

from mtlkit.tasks import SST
from mtlkit.training import Settings, checkpoint, load_model, save_model, train


def test_tensors_and_record_come_back_exactly(tmp_path):
    tensors = {
        "a": torch.randn(3, 4), "b": torch.randn(4, 3).T, "c": torch.arange(5), "d": torch.tensor(7),
        "e": torch.randn(2, dtype=torch.bfloat16), "f": torch.zeros(0, 3), "g": torch.tensor([True]),
    }  # fmt: skip
    record = {"step": 3, "text": "é ☃", "loss": 0.1 + 0.2, "list": [1, None]}
    checkpoint.save(tmp_path / "new" / "x.safetensors", tensors, record)
    back, found = checkpoint.load(tmp_path / "new" / "x.safetensors")
    assert found == record
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[k], t) and back[k].dtype == t.dtype for k, t in tensors.items())


@pytest.mark.parametrize("where", ["save_file", "os.replace", "os.fsync"])
def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, where):
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, {"a": torch.ones(3)}, {"step": 1})
    old = path.read_bytes()

    def full(*args):
        if where == "save_file":  # half of it is on the disk already
            args[1].write_bytes(b"half")
        raise OSError(28, "No space left on device")

    target = f"mtlkit.training.checkpoint.{where}" if where == "save_file" else where
    with monkeypatch.context() as patch:
        patch.setattr(target, full)
        with pytest.raises(OSError, match="No space left"):
            checkpoint.save(path, {"a": torch.zeros(3)}, {"step": 2})
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]
    checkpoint.save(path, {"a": torch.zeros(3)}, {"step": 2})
    assert checkpoint.load(path)[1] == {"step": 2}


def test_the_new_file_is_complete_before_it_takes_the_name(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, {"a": torch.ones(3)}, {"step": 1})
    seen = []
    replace = os.replace

    def watch(source, target):
        seen.append((checkpoint.load(source)[1], checkpoint.load(target)[1]))
        assert os.path.dirname(source) == os.path.dirname(target)  # one file system: the renaming is atomic
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    checkpoint.save(path, {"a": torch.ones(3)}, {"step": 2})
    assert seen == [({"step": 2}, {"step": 1})]


def test_a_full_disk_in_training_is_an_oserror_and_the_run_resumes(tiny, tmp_path, monkeypatch):
    settings = Settings(epochs=2, batch_size=8, precision="float32", save_every=2)
    whole = train(tiny.model(), SST, tiny.train, tiny.dev, settings, progress=False)
    replace, calls = os.replace, [0]

    def full(*args):
        calls[0] += 1
        if calls[0] == 3:
            raise OSError(28, "No space left on device")
        replace(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            train(tiny.model(), SST, tiny.train, tiny.dev, settings, tmp_path, progress=False)
    history = train(tiny.model(seed=5), SST, tiny.train, tiny.dev, settings, tmp_path, progress=False)
    assert history.frame()["loss"].tolist() == whole.frame()["loss"].tolist()


def test_a_model_saves_and_loads(tiny, tmp_path):
    model, other = tiny.model(), tiny.model(seed=5)
    save_model(tmp_path / "m.safetensors", model, {"score": 0.5})
    assert load_model(tmp_path / "m.safetensors", other) == {"score": 0.5}
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (nn.Linear(3, 2), "weight"),
        (nn.Linear(2, 2, bias=False), "bias"),
        (nn.Sequential(nn.Linear(2, 2)), "0.weight"),
    ],
    ids=["shape", "too many", "missing"],
)
def test_weights_of_another_model_are_refused_by_name(tmp_path, other, named):
    save_model(tmp_path / "m.safetensors", nn.Linear(2, 2))
    with pytest.raises(ValueError, match=rf"m\.safetensors does not fit this model: .*{named}"):
        load_model(tmp_path / "m.safetensors", other)


def test_no_file_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.safetensors")
