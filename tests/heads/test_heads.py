"""Poolings, heads, the shared model: a prediction depends on its own sentence alone; frozen means frozen."""

from dataclasses import replace

import pytest
import torch

from mtlkit.bert import Bert, BertConfig, BertOutput
from mtlkit.data import Encoded, collate
from mtlkit.heads import ClassificationHead, CosineHead, MultitaskModel, pooling

CONFIG = BertConfig(
    vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=16, initializer_range=0.3,
)  # fmt: skip
POOLINGS = [pooling.cls, pooling.pooler, pooling.mean, pooling.max]
ROWS = [[2, 7, 3], [2, 9, 30, 11, 12, 21, 3], [2, 8, 8, 3], [2, 33, 3]]
DATA = Encoded((ROWS,), ([[0] * len(row) for row in ROWS],), [0, 1, 2, 1], list("abcd"))


def unmasked_mean(output, mask):
    """The mistake that the tests must see."""
    return output.hidden.mean(1)


def unmasked_max(output, mask):
    return output.hidden.amax(1)


def model(pool=pooling.mean, dropout=0.1, **heads) -> MultitaskModel:
    torch.manual_seed(0)
    config = replace(CONFIG, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    made = {"sst": ClassificationHead(16, 5, dropout, pool), **heads}
    return MultitaskModel(Bert(config), made).eval()


def gap(pool) -> float:
    """Largest change of a sentence's logits between alone and in a batch of longer ones."""
    m = model(pool)
    together = m(collate(DATA, range(4)), "sst")
    return max((m(collate(DATA, [i]), "sst")[0] - together[i]).abs().max().item() for i in range(4))


@pytest.mark.parametrize("pool", POOLINGS)
def test_a_prediction_does_not_depend_on_its_batch_mates(pool):
    assert gap(pool) < 1e-5


@pytest.mark.parametrize("pool", [unmasked_mean, unmasked_max])
def test_an_unmasked_pooling_would_fail_that_test(pool):
    assert gap(pool) > 1e-3


def hidden(mask, noise):
    torch.manual_seed(1)
    h = torch.randn(3, 6, 4)
    h = torch.where(mask.unsqueeze(-1), h, torch.full_like(h, noise))
    return BertOutput(h, torch.tanh(h[:, 0]))


MASK = torch.arange(6) < torch.tensor([[6], [3], [1]])


@pytest.mark.parametrize("noise", [0.0, 1e4, -1e4])
@pytest.mark.parametrize("pool", POOLINGS)
def test_what_stands_in_the_padding_does_not_matter(pool, noise):
    assert torch.equal(pool(hidden(MASK, noise), MASK), pool(hidden(MASK, 5.0), MASK))


def test_poolings_have_the_values_of_their_definition():
    output = hidden(MASK, 9.0)
    for i, n in enumerate((6, 3, 1)):
        real = output.hidden[i, :n]
        assert torch.allclose(pooling.mean(output, MASK)[i], real.mean(0), atol=1e-6)
        assert torch.equal(pooling.max(output, MASK)[i], real.max(0).values)
        assert torch.equal(pooling.cls(output, MASK)[i], real[0])
    assert torch.equal(pooling.pooler(output, MASK), output.pooled)


@pytest.mark.parametrize("pool", [pooling.mean, pooling.max])
def test_no_gradient_reaches_the_padding(pool):
    output = hidden(MASK, 9.0)
    h = output.hidden.requires_grad_()
    pool(BertOutput(h, output.pooled), MASK).sum().backward()
    assert (h.grad[~MASK] == 0).all()
    assert (h.grad[MASK].abs().sum() > 0).all()


def test_max_of_negative_values_is_negative():
    """Padding set to zero would win."""
    h = -torch.ones(1, 3, 2)
    mask = torch.tensor([[True, True, False]])
    assert (pooling.max(BertOutput(h, h[:, 0]), mask) == -1).all()


def test_poolings_work_in_bfloat16():
    output = BertOutput(*(t.bfloat16() for t in hidden(MASK, 9.0)[:2]))
    for pool in POOLINGS:
        found = pool(output, MASK)
        assert found.dtype == torch.bfloat16
        assert torch.isfinite(found).all()


def test_a_head_gives_logits_dropout_only_in_training_and_starts_small():
    torch.manual_seed(0)
    head = ClassificationHead(4, 5, dropout=0.5)
    output = hidden(MASK, 0.0)
    head.eval()
    logits = head(output, MASK)
    assert logits.shape == (3, 5)
    expected = pooling.mean(output, MASK) @ head.linear.weight.T + head.linear.bias
    assert torch.allclose(logits, expected, atol=1e-6)
    assert not torch.allclose(logits.exp().sum(1), torch.ones(3), atol=1e-3)  # no softmax yet
    assert (head.linear.bias == 0).all()
    assert head.linear.weight.abs().max() < 0.1
    head.train()
    assert not torch.equal(head(output, MASK), head(output, MASK))
    all_dropped = ClassificationHead(4, 5, dropout=1.0).train()
    assert (all_dropped(output, MASK) == 0).all()


def test_the_encoder_is_shared_and_each_task_has_its_head():
    m = model(other=ClassificationHead(16, 2))
    batch = collate(DATA, range(4))
    assert m(batch, "sst").shape == (4, 5)
    assert m(batch, "other").shape == (4, 2)
    with pytest.raises(KeyError):
        m(batch, "none")
    before = m(batch, "other").detach()
    with torch.no_grad():
        m.heads["sst"].linear.weight.add_(1)
    assert torch.equal(m(batch, "other"), before)
    m(batch, "sst").sum().backward()
    assert m.heads["other"].linear.weight.grad is None
    assert m.encoder.embeddings.word.weight.grad is not None
    assert m.device == torch.device("cpu")


def test_a_batch_without_padding_needs_no_mask_and_gives_the_same():
    m = model()
    batch = collate(DATA, [0, 3])
    assert not batch.padded
    assert torch.allclose(m(batch, "sst"), m(replace(batch, padded=True), "sst"), atol=1e-6)


def test_frozen_encoders_stay_in_evaluation_mode_whatever_is_called():
    m = model().train()
    assert m.encoder.training
    assert not m.encoder_is_frozen
    assert m.freeze_encoder() is m
    assert m.encoder_is_frozen
    for mode in (True, False, True):
        m.train(mode)
        assert not m.encoder.training
        assert not any(module.training for module in m.encoder.modules())
        assert m.heads["sst"].training is mode
    assert not any(p.requires_grad for p in m.encoder.parameters())
    assert all(p.requires_grad for p in m.heads.parameters())
    batch = collate(DATA, range(4))
    features = m.encoder(batch.ids, batch.mask, batch.types).hidden
    assert torch.equal(m.encoder(batch.ids, batch.mask, batch.types).hidden, features)  # no dropout
    assert not torch.equal(m(batch, "sst"), m(batch, "sst"))  # the head has its own


def test_freezing_in_either_mode_keeps_that_mode_and_thawing_undoes_it():
    m = model()
    m.freeze_encoder()
    assert not m.training
    m.freeze_encoder(False)
    assert not m.encoder.training
    assert all(p.requires_grad for p in m.parameters())
    m.train().freeze_encoder()
    assert m.training
    m.freeze_encoder(False)
    assert m.encoder.training
    assert all(module.training for module in m.modules())


def test_part_of_an_encoder_can_be_frozen_by_hand():
    m = model().train()
    m.encoder.embeddings.requires_grad_(False)
    assert not m.encoder_is_frozen
    assert m.train().encoder.training


PAIRS = Encoded(
    (ROWS, ROWS[::-1]), ([[0] * len(row) for row in ROWS],) * 2, [0.0, 1.0, 2.0, 3.0], list("abcd")
)


@pytest.mark.parametrize("pool", POOLINGS)
def test_a_pair_is_scored_alone_as_in_a_batch_and_either_way_round(pool):
    m = model(sts=CosineHead(5, 1, pool))
    together = m(collate(PAIRS, range(4)), "sts")
    assert together.shape == (4, 1)
    alone = torch.cat([m(collate(PAIRS, [i]), "sts") for i in range(4)])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        together.flip(0), together, atol=1e-5, rtol=1e-5
    )  # PAIRS is its own mirror image


def test_a_cosine_head_is_a_line_through_the_cosine_and_both_its_numbers_learn():
    head = CosineHead(scale=4, shift=1)
    vectors = torch.tensor(
        [[1.0, 0], [1, 0], [1, 0], [3, 0], [0, 2], [-1, 0]]
    )  # three left sides, three right
    output = BertOutput(vectors.unsqueeze(1), vectors)
    scores = head(output, torch.ones(6, 1, dtype=torch.bool))
    torch.testing.assert_close(scores, torch.tensor([[5.0], [1.0], [-3.0]]))
    scores.square().sum().backward()
    assert head.scale.grad != 0
    assert head.shift.grad != 0
