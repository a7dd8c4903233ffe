"""A tiny encoder in a folder, and recipes that train on it in a second."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.weights import find, hf_names
from mtlkit.runs import Recipe


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> str:
    """A folder that `Bert.from_pretrained` reads: MiniLM's word pieces, two layers of width 16, random weights."""
    folder = tmp_path_factory.mktemp("tiny-bert")
    shape = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    torch.manual_seed(0)
    state = Bert(BertConfig(**shape)).state_dict()
    save_file({theirs: state[ours] for theirs, ours in hf_names(2).items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(dict(shape, model_type="bert")))
    shutil.copy(find("minilm") / "tokenizer.json", folder)
    return str(folder)


@pytest.fixture
def recipe(encoder):
    """recipe(name, **other): three tasks, 96 examples, two looks."""

    def make(name="round robin", **other) -> Recipe:
        values = dict(budget=96, epochs=2, batch_size=8, train_limit=60, dev_limit=40)
        settings = dict(lr=1e-3, precision="float32")
        return Recipe(name, **{**values, "encoder": encoder, "settings": settings, **other})

    return make
