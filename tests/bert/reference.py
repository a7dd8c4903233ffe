"""transformers' BERT, as an independent implementation, and small random BERTs to compare with it."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.weights import hf_names

TINY = BertConfig(40, 8, 2, 2, 12, max_position_embeddings=16)


def reference(config: BertConfig) -> transformers.BertModel:
    """A new `transformers.BertModel` of this shape, its attention spelled out."""
    return transformers.BertModel(transformers.BertConfig(**asdict(config), attn_implementation="eager"))


@torch.no_grad()
def randomise(model: torch.nn.Module, std: float, seed: int) -> None:
    """Draw every parameter, biases and layer norms (around 1) too, so that no mistake hides behind a 0 or a 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.copy_(std * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        if "norm" in name.lower() and name.endswith("weight"):
            parameter.add_(1)


def pair(config: BertConfig, fused: bool, std: float, dtype: torch.dtype, seed: int = 0):
    """(ours, theirs): the same weights in both, in evaluation mode."""
    theirs = reference(config).to(dtype).eval()
    randomise(theirs, std, seed)
    ours = Bert(config, fused).to(dtype).eval()
    tensors = theirs.state_dict()
    ours.load_state_dict({our: tensors[their] for their, our in hf_names(config.num_hidden_layers).items()})
    return ours, theirs


def inputs(config: BertConfig, lengths: list[int], seed: int = 0):
    """Random (ids, mask, types), each (B, T): row b has lengths[b] tokens and random numbers, not 0, as padding."""
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(lengths)
    ids = torch.randint(config.vocab_size, shape, generator=generator)
    types = torch.randint(config.type_vocab_size, shape, generator=generator)
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    return ids, mask, types


def run_theirs(model: transformers.BertModel, ids, mask, types):
    """transformers' outputs; a mask of None is one of ones there too."""
    mask = None if mask is None else mask.long()
    return model(
        ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True, output_attentions=True
    )


def write_folder(
    folder: Path, config: BertConfig = TINY, tensors: dict | None = None, tokenizer: str | None = None
) -> Path:
    """Make `folder` look like a model on the hub: random weights of this shape, unless tensors are given."""
    folder.mkdir(parents=True, exist_ok=True)
    if tensors is None:
        model = reference(config)
        randomise(model, 0.3, seed=0)
        tensors = model.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(asdict(config) | {"model_type": "bert"}))
    if tokenizer is not None:
        (folder / "tokenizer.json").write_text(tokenizer)
    return folder
