"""Where to compute, and how precisely."""

import time

import torch


def choose_device(asked: str | torch.device | None = None) -> torch.device:
    """The device asked for, else CUDA if there is one, else the CPU. Raises ValueError for CUDA that is not there."""
    if asked is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(asked)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here; leave `device` out to use the CPU")
    return device


_measured: dict[str, float] = {}


def bfloat16_speed(device: torch.device, size: int = 768, repeats: int = 5) -> float:
    """How many times faster a matrix product is in bfloat16 than in float32 on this device (best of `repeats`)."""
    if str(device) not in _measured:
        seconds = {}
        for dtype in (torch.float32, torch.bfloat16):
            a = torch.ones(size, size, dtype=dtype, device=device)
            times = []
            for _ in range(repeats + 1):
                start = time.perf_counter()
                a @ a
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                times.append(time.perf_counter() - start)
            seconds[dtype] = min(times[1:])
        _measured[str(device)] = seconds[torch.float32] / seconds[torch.bfloat16]
    return _measured[str(device)]


def choose_precision(device: torch.device, asked: str | None = None) -> str:
    """ "float32" or "bfloat16": what is asked for, else bfloat16 where it is measured at least 1.5 times as fast."""
    if asked not in (None, "float32", "bfloat16"):
        raise ValueError(f'precision is "float32" or "bfloat16", not {asked!r}')
    return asked or ("bfloat16" if bfloat16_speed(device) >= 1.5 else "float32")


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which matrix products run in `precision`; weights and gradients stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
