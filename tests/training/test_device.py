"""Where and how precisely: what is asked for, else what was measured."""

import pytest
import torch

from mtlkit.training import autocast, choose_device, choose_precision
from mtlkit.training import device as module

CPU = torch.device("cpu")


def test_the_device_asked_for_or_cuda_or_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == choose_device("cpu") == choose_device(CPU) == CPU
    with pytest.raises(ValueError, match="no CUDA device here"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device().type == "cuda"
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize(
    ("speed", "chosen"), [(0.3, "float32"), (1.49, "float32"), (1.5, "bfloat16"), (4, "bfloat16")]
)
def test_bfloat16_where_it_is_measured_faster(monkeypatch, speed, chosen):
    monkeypatch.setattr(module, "bfloat16_speed", lambda device: speed)
    assert choose_precision(CPU) == chosen
    assert choose_precision(CPU, "float32") == "float32"
    assert choose_precision(CPU, "bfloat16") == "bfloat16"


def test_what_is_asked_for_is_not_measured(monkeypatch):
    monkeypatch.setattr(module, "bfloat16_speed", lambda device: pytest.fail("measured"))
    assert choose_precision(CPU, "float32") == "float32"


@pytest.mark.parametrize("asked", ["float16", "bf16", "", 32])
def test_other_precisions_are_refused(asked):
    with pytest.raises(Exception, match=r"precision|type hint"):
        choose_precision(CPU, asked)


def test_the_measurement_is_made_once_and_is_a_ratio(monkeypatch):
    monkeypatch.setattr(module, "_measured", {})
    first = module.bfloat16_speed(CPU, size=64, repeats=2)
    assert first > 0
    monkeypatch.setattr(module.time, "perf_counter", lambda: pytest.fail("measured again"))
    assert module.bfloat16_speed(CPU) == first


def test_the_measurement_divides_float32_by_bfloat16(monkeypatch):
    """A clock on which every float32 product takes 3 s and every bfloat16 product 1 s."""
    monkeypatch.setattr(module, "_measured", {})
    ticks = iter([t for length in (3, 1) for i in range(3) for t in (10 * i, 10 * i + length)])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks))
    assert module.bfloat16_speed(CPU, size=8, repeats=2) == 3


def test_autocast_casts_products_and_only_when_asked():
    a = torch.ones(2, 2)
    with autocast(CPU, "bfloat16"):
        assert (a @ a).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert (a @ a).dtype == torch.float32


@pytest.mark.gpu
def test_cuda_is_chosen_and_measured():
    assert choose_device().type == "cuda"
    assert module.bfloat16_speed(torch.device("cuda"), size=4096) > 1
