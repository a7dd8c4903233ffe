"""The kept gradient of the word table: the same numbers, and nothing left behind."""

import torch
from torch import nn

from mtlkit.data import collate
from mtlkit.tasks import SST
from mtlkit.training.word_table import WordTableGradient


def gradient(model, tiny, rows):
    batch = collate(tiny.train, rows)
    SST.loss(model(batch, "sst"), batch.labels).backward()
    return model.encoder.embeddings.word.weight.grad


def test_it_is_the_dense_gradient_step_after_step_in_the_same_memory(tiny):
    model = tiny.model(dropout=0.0)
    dense = []
    for rows in ([0, 1, 2], [3, 4, 5, 6]):
        model.zero_grad()
        dense.append(gradient(model, tiny, rows).clone())
    model.zero_grad()
    with WordTableGradient(model) as table:
        place = table.gradient.data_ptr()
        for rows, want in zip(([0, 1, 2], [3, 4, 5, 6]), dense, strict=True):
            model.zero_grad()
            table.clear()
            got = gradient(model, tiny, rows)
            assert not got.is_sparse
            assert got.data_ptr() == place
            torch.testing.assert_close(got, want)
            assert got[tiny.train.pad].abs().max() == 0


def test_it_leaves_an_ordinary_embedding_behind(tiny):
    model = tiny.model()
    word = model.encoder.embeddings.word
    with WordTableGradient(model):
        assert word.sparse
    assert word.weight.grad is None
    assert not gradient(model, tiny, [0, 1]).is_sparse


def test_a_frozen_table_keeps_no_gradient(tiny):
    model = tiny.model().freeze_encoder()
    with WordTableGradient(model) as table:
        table.clear()
        assert model.encoder.embeddings.word.weight.grad is None
        assert isinstance(model.encoder.embeddings.word, nn.Embedding)
        assert not model.encoder.embeddings.word.sparse
