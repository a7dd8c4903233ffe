"""Everything a run needs to go on as if it had never stopped, in one safetensors file, written whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..data.files import whole


def save(path: str | Path, tensors: dict[str, Tensor], record: dict | None = None) -> None:
    """Write tensors and a JSON-able record to `path`: first to a file beside it, which then takes its name.

    A crash or a full disk leaves the old file as it was (OSError for the latter).
    """
    plain = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    with whole(path) as beside:
        save_file(plain, beside, {"record": json.dumps(record or {})})


def load(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `save` wrote: tensors on the CPU, and the record. Raises ValueError for a damaged file."""
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, json.loads(file.metadata()["record"])
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: not a whole checkpoint of mtlkit ({error}); delete it and start again"
        ) from None


def save_model(path: str | Path, model: nn.Module, record: dict | None = None) -> None:
    """Write a model's weights."""
    save(path, model.state_dict(), record)


def load_model(path: str | Path, model: nn.Module) -> dict:
    """Read weights into `model`; returns the record. Raises ValueError naming tensors that do not fit the model."""
    tensors, record = load(path)
    _fill(model, tensors, path)
    return record


def pack(
    modules: dict[str, Any], optimizer: torch.optim.Optimizer, generators: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The state of a run as named tensors: that of its modules, the optimizer's moments, the random generators.

    modules: whatever has a `state_dict`, by name.
    """
    tensors = {
        f"{kind}.{name}": tensor
        for kind, module in modules.items()
        for name, tensor in module.state_dict().items()
    }
    for i, p in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state.get(p, {}).items():
            tensors[f"optimizer.{i}.{name}"] = torch.as_tensor(value)
    tensors |= {f"rng.data.{name}": state for name, state in generators.items()}
    tensors["rng.dropout"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    return tensors


def unpack(
    path: Path, tensors: dict[str, Tensor], modules: dict[str, Any], optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """The reverse of `pack`; returns the states of the data's generators."""
    for kind, module in modules.items():
        _fill(module, _below(f"{kind}.", tensors), path)
    parameters = list(_parameters(optimizer))
    for key, value in _below("optimizer.", tensors).items():
        i, _, name = key.partition(".")
        p = parameters[int(i)]
        optimizer.state[p][name] = value.to(p.device) if value.is_floating_point() else int(value)
    torch.set_rng_state(tensors["rng.dropout"])
    if "rng.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng.cuda"])
    return _below("rng.data.", tensors)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _parameters(optimizer: torch.optim.Optimizer):
    return (p for group in optimizer.param_groups for p in group["params"])


def _fill(model: Any, tensors: dict[str, Tensor], path) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise ValueError(f"{path} does not fit this model: {' '.join(lines[1:3]).strip()}") from None
