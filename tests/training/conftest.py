"""A run small enough to repeat many times: a random BERT of two layers, sentences whose label is a word in them."""

from types import SimpleNamespace

import pytest
import torch

from mtlkit.bert import Bert, BertConfig
from mtlkit.data import Encoded
from mtlkit.heads import ClassificationHead, MultitaskModel

CONFIG = BertConfig(
    vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=16,
)  # fmt: skip


def make_model(seed=0, dropout=0.1) -> MultitaskModel:
    torch.manual_seed(seed)
    config = BertConfig(
        **{**vars(CONFIG), "hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    )
    return MultitaskModel(Bert(config), {"sst": ClassificationHead(16, 5, dropout)})


def make_data(n, seed) -> Encoded:
    """[CLS], 2 to 9 words, one of which (5 to 9) names the label; [SEP]."""
    generator = torch.Generator().manual_seed(seed)
    rows, labels = [], []
    for _ in range(n):
        label = int(torch.randint(5, (), generator=generator))
        length = int(torch.randint(1, 9, (), generator=generator))
        words = torch.randint(10, 40, (length,), generator=generator).tolist()
        rows.append([2, 5 + label, *words, 3])
        labels.append(label)
    return Encoded((rows,), ([[0] * len(row) for row in rows],), labels, [f"{seed}-{i}" for i in range(n)])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small gain nothing from a second thread, and lose much when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny():
    """tiny.model(), a fresh model; tiny.train, 42 examples; tiny.dev, 20."""
    return SimpleNamespace(model=make_model, train=make_data(42, 1), dev=make_data(20, 2), data=make_data)
