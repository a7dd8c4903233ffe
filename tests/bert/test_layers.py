"""The parts: what holds for each, in training and in evaluation."""

import math
from dataclasses import replace

import pytest
import torch
from jaxtyping import config as shape_checks
from torch.testing import assert_close

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.dropout import Dropout
from mtlkit.bert.layers import AddNorm, Embeddings, FeedForward, Pooler, SelfAttention
from mtlkit.data import collate, encode, load
from tests.bert.reference import TINY, inputs, randomise

CONFIG = BertConfig(31, 12, 2, 3, 20, max_position_embeddings=24)
ALWAYS_DROP = replace(CONFIG, hidden_dropout_prob=1.0, attention_probs_dropout_prob=1.0)
PATHS = pytest.mark.parametrize("fused", [False, True], ids=["spelled out", "fused"])


def drawn(part, training=False):
    randomise(part, 0.3, seed=1)
    return part.double().train(training)


def states(B=3, T=9, seed=2):
    return torch.randn(B, T, CONFIG.hidden_size, generator=torch.Generator().manual_seed(seed)).double()


# Dropout with p = 1 leaves exactly what dropout does not touch, so it shows where dropout stands.


@PATHS
@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "mask"])
def test_attention_that_drops_all_weights_is_0(fused, masked):
    attention = drawn(SelfAttention(ALWAYS_DROP, fused), training=True)
    _, mask, _ = inputs(CONFIG, [9, 4, 1])
    out, _ = attention(states(), mask if masked else None)
    assert_close(out, torch.zeros_like(out), rtol=0, atol=0)


def test_add_norm_that_drops_all_is_the_norm_of_the_residual():
    part = drawn(AddNorm(20, ALWAYS_DROP), training=True)
    x = torch.randn(3, 9, 20, dtype=torch.float64)
    assert_close(part(states(), x), part.norm(states()), rtol=0, atol=0)


def test_embeddings_that_drop_all_are_0():
    ids, _, types = inputs(CONFIG, [9, 9])
    out = drawn(Embeddings(ALWAYS_DROP), training=True)(ids, types)
    assert_close(out, torch.zeros_like(out), rtol=0, atol=0)


@pytest.mark.parametrize("part", [FeedForward, Pooler])
def test_feed_forward_and_pooler_have_no_dropout(part):
    part = drawn(part(ALWAYS_DROP), training=True)
    assert_close(part(states()), part.eval()(states()), rtol=0, atol=0)


@PATHS
def test_a_layer_that_drops_all_is_two_norms_of_its_input(fused):
    bert = drawn(Bert(ALWAYS_DROP, fused), training=True)
    layer = bert.layers[0]
    expected = layer.feed_forward_norm.norm(layer.attention_norm.norm(states()))
    assert_close(layer(states(), None)[0], expected, rtol=0, atol=0)


@PATHS
def test_dropout_is_off_in_evaluation(fused):
    bert = drawn(Bert(ALWAYS_DROP, fused))
    plain = Bert(replace(CONFIG, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0), fused).double()
    plain.load_state_dict(bert.state_dict())
    ids, mask, types = inputs(CONFIG, [9, 4])
    assert_close(bert(ids, mask, types).hidden, plain(ids, mask, types).hidden, rtol=1e-12, atol=1e-12)


@PATHS
def test_attention_dropout_scales_what_it_keeps(fused):
    """The mean over many draws is the output without dropout."""
    attention = drawn(SelfAttention(replace(CONFIG, attention_probs_dropout_prob=0.5), fused), training=True)
    torch.manual_seed(0)
    with torch.no_grad():
        draws = torch.stack([attention(states(), None)[0] for _ in range(2000)])
        expected = attention.eval()(states(), None)[0]
    assert draws.std(0).mean() > 0.05
    assert (draws.mean(0) - expected).abs().max() < 6 * (draws.std(0) / math.sqrt(2000)).max()


# Attention


@PATHS
def test_attention_is_its_definition_head_by_head(fused):
    attention = drawn(SelfAttention(CONFIG, fused))
    x, width = states(), CONFIG.head_size
    _, mask, _ = inputs(CONFIG, [9, 4, 1])
    out, _ = attention(x, mask)
    for b in range(3):
        kept = x[b][mask[b]]
        for h in range(CONFIG.num_attention_heads):
            cut = slice(h * width, (h + 1) * width)
            q, k, v = (part(kept)[:, cut] for part in (attention.query, attention.key, attention.value))
            expected = torch.softmax(q @ k.T / width**0.5, dim=1) @ v
            assert_close(out[b, : len(kept), cut], expected, rtol=1e-12, atol=1e-12)


def test_attention_weights_sum_to_1_and_are_0_at_padding():
    bert = drawn(Bert(CONFIG))
    ids, mask, types = inputs(CONFIG, [9, 4, 1])
    for weights in bert(ids, mask, types, return_attention=True).attention:
        assert weights.shape == (3, 3, 9, 9)
        assert_close(weights.sum(-1), torch.ones(3, 3, 9).double(), rtol=0, atol=1e-12)
        assert (weights >= 0).all()
        assert (weights.transpose(1, 3)[~mask] == 0).all()  # (B, key, query, H)
        assert (weights.transpose(1, 3)[mask] > 0).all()


def test_asking_for_the_weights_changes_no_output():
    bert = drawn(Bert(CONFIG))
    args = inputs(CONFIG, [9, 4, 1])
    plain, asked = bert(*args), bert(*args, return_attention=True, return_layers=True)
    assert (plain.attention, plain.layers) == (None, None)
    assert_close(plain.hidden[args[1]], asked.hidden[args[1]], rtol=1e-12, atol=1e-12)
    assert len(asked.layers) == CONFIG.num_hidden_layers + 1
    assert_close(asked.layers[-1], asked.hidden, rtol=0, atol=0)


def test_weights_are_returned_as_they_are_before_dropout():
    attention = drawn(SelfAttention(ALWAYS_DROP), training=True)
    _, weights = attention(states(), None, return_weights=True)
    assert_close(weights.sum(-1), torch.ones(3, 3, 9).double())


def test_gradients_flow_through_every_returned_layer():
    bert = drawn(Bert(CONFIG))
    ids, mask, types = inputs(CONFIG, [9, 4])
    for layer in bert(ids, mask, types, return_layers=True).layers:
        (gradient,) = torch.autograd.grad(
            layer[mask].square().sum(), bert.embeddings.norm.bias, retain_graph=True
        )
        assert (gradient != 0).all()


# A row's answer is its own


@PATHS
def test_padding_content_does_not_matter(fused):
    bert = drawn(Bert(CONFIG, fused))
    ids, mask, types = inputs(CONFIG, [9, 4, 1])
    other = torch.where(mask, ids, (ids + 7) % CONFIG.vocab_size)
    a, b = bert(ids, mask, types), bert(other, mask, torch.where(mask, types, 1 - types))
    assert not torch.equal(ids, other)
    assert_close(a.hidden[mask], b.hidden[mask], rtol=1e-12, atol=1e-12)
    assert_close(a.pooled, b.pooled, rtol=1e-12, atol=1e-12)


@PATHS
def test_a_padding_position_gets_no_gradient_from_real_tokens(fused):
    bert = drawn(Bert(CONFIG, fused))
    ids, mask, types = inputs(CONFIG, [9, 4])
    ids = torch.where(mask, ids % 20, 30)  # number 30 stands in padding only
    out = bert(ids, mask, types)
    (out.hidden[mask].sum() + out.pooled.sum()).backward()
    assert (bert.embeddings.word.weight.grad[30] == 0).all()


@PATHS
def test_a_sentence_alone_equals_the_same_sentence_in_any_batch(minilm, minilm_tokenizer, fused):
    encoded = encode(load("sst", "dev")[:40], minilm_tokenizer)
    for layer in minilm.layers:
        layer.attention.fused = fused
    try:
        with torch.no_grad():
            for index in [list(range(16)), list(range(30, 4, -5)), [3, 3]]:
                batch = collate(encoded, index)
                together = minilm(batch.ids, batch.mask, batch.types)
                for row, i in enumerate(index):
                    one = collate(encoded, [i])
                    assert not one.padded
                    alone = minilm(one.ids, None, one.types)
                    length = one.ids.shape[1]
                    assert_close(together.hidden[row, :length], alone.hidden[0], rtol=0, atol=1e-5)
                    assert_close(together.pooled[row], alone.pooled[0], rtol=0, atol=1e-5)
    finally:
        for layer in minilm.layers:
            layer.attention.fused = True


def test_order_of_words_matters():
    """Positions are really added: the same tokens in another order give another [CLS]."""
    bert = drawn(Bert(CONFIG))
    ids = torch.tensor([[1, 2, 3, 4]])
    assert (bert(ids).pooled - bert(ids[:, [0, 3, 2, 1]]).pooled).abs().max() > 1e-3


# Initialisation and errors


def test_new_weights_are_small_with_zero_biases_and_padding():
    torch.manual_seed(0)
    bert = Bert(BertConfig(2000, 64, 2, 4, 128))
    assert bert.embeddings.word.weight[1:].std().item() == pytest.approx(0.02, rel=0.02)
    assert (bert.embeddings.word.weight[0] == 0).all()
    for name, parameter in bert.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
        elif "norm.weight" in name:
            assert (parameter == 1).all(), name
        else:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.1), name


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (dict(num_attention_heads=36), ["36 heads", "768"]),
        (dict(num_attention_heads=0), ["num_attention_heads", "0"]),
        (dict(hidden_size=-768), ["hidden_size", "-768"]),
        (dict(hidden_dropout_prob=1.5), ["hidden_dropout_prob", "1.5"]),
        (dict(attention_probs_dropout_prob=-0.1), ["attention_probs_dropout_prob", "-0.1"]),
    ],
)
def test_an_impossible_shape_is_refused(wrong, words):
    with pytest.raises(ValueError, match=".*".join(words)):
        BertConfig(**wrong)


def test_an_unknown_activation_is_refused_and_the_known_ones_named():
    with pytest.raises(ValueError, match=r"swish.*gelu"):
        Bert(replace(TINY, hidden_act="swish"))


def test_too_long_a_sequence_is_refused_with_both_numbers():
    Bert(TINY)(torch.zeros(1, 16, dtype=torch.long))
    with pytest.raises(ValueError, match=r"17 tokens.*16 positions"):
        Bert(TINY)(torch.zeros(1, 17, dtype=torch.long))


@PATHS
@pytest.mark.parametrize("dtype", [torch.long, torch.float32])
def test_a_mask_of_numbers_is_refused_even_when_no_shapes_are_checked(monkeypatch, fused, dtype):
    """Fused attention would add a float mask to the scores, and say nothing."""
    monkeypatch.setattr(shape_checks, "jaxtyping_disable", True)
    ids, mask, types = inputs(TINY, [5, 3])
    with pytest.raises(TypeError, match=r"mask.*bool"):
        Bert(TINY, fused)(ids, mask.to(dtype), types)


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_a_share_of_p_in_each_lane_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(1000, 401, dtype=dtype, requires_grad=True)
    y = Dropout(p)(x)
    y.sum().backward()
    dropped = (y == 0).float().flatten()
    for lane in range(4):  # four masks are cut from each draw
        assert dropped[lane::4].mean().item() == pytest.approx(p, abs=0.005)
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).to(dtype).item()}
    assert torch.equal(x.grad, y.detach())


def test_dropout_does_nothing_in_evaluation_and_drops_everything_at_p_1():
    x = torch.randn(3, 5)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(3, 5))
