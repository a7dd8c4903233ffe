"""Our BERT is transformers' BERT: outputs and gradients, any shape, both attention paths."""

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.weights import find, hf_names
from mtlkit.data import collate, encode, load
from tests.bert.reference import inputs, pair, reference, run_theirs

# Few are round, so that no two sizes can be confused.
SHAPES = {
    "one layer, one head": BertConfig(11, 6, 1, 1, 10, max_position_embeddings=40),
    "many narrow heads": BertConfig(97, 24, 2, 12, 40, max_position_embeddings=33),
    "narrowing feed-forward": BertConfig(50, 20, 3, 5, 7, "relu", max_position_embeddings=31),
    "deep": BertConfig(30, 12, 7, 3, 20, "gelu_new", max_position_embeddings=64),
    "three token types": BertConfig(61, 16, 2, 2, 35, "tanh", type_vocab_size=3, layer_norm_eps=1e-3),
    "padding is number 5": BertConfig(23, 10, 2, 5, 14, pad_token_id=5, layer_norm_eps=1e-5),
}
LENGTHS = {"one token": [1], "even": [7, 7], "uneven": [30, 1, 13, 2, 29]}
PATHS = pytest.mark.parametrize("fused", [False, True], ids=["spelled out", "fused"])


def assert_outputs(ours, theirs, mask, **tolerance):
    """Every layer and the pooled vector; padding positions are read by nobody, and are not compared."""
    keep = slice(None) if mask is None else mask
    assert len(ours.layers) == len(theirs.hidden_states)
    for a, b in zip(ours.layers, theirs.hidden_states, strict=True):
        assert_close(a[keep], b[keep], **tolerance)
    assert_close(ours.hidden[keep], theirs.last_hidden_state[keep], **tolerance)
    assert_close(ours.pooled, theirs.pooler_output, **tolerance)


def assert_gradients(ours, theirs, layers, tolerance):
    """Each gradient, relative to its own largest entry (a key's bias moves no output: to its weight's)."""
    mine, its = dict(ours.named_parameters()), dict(theirs.named_parameters())
    for their, our in hf_names(layers).items():
        scale = its[their.replace("key.bias", "key.weight")].grad.abs().max()
        gap = (mine[our].grad - its[their].grad).abs().max()
        assert scale > 0, their
        assert gap <= tolerance * scale, f"{our}: off by {gap / scale:.1e} of its largest entry"


def loss(hidden, pooled, mask):
    """A number that every output outside padding moves, each by another amount."""
    generator = torch.Generator().manual_seed(9)
    draw = [torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x) for x in (hidden, pooled)]
    return (hidden * draw[0] * mask[..., None]).sum() + (pooled * draw[1]).sum()


@PATHS
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("config", SHAPES.values(), ids=SHAPES)
def test_outputs_and_gradients_equal_transformers(config, lengths, fused):
    ours, theirs = pair(config, fused, std=0.3, dtype=torch.float64)
    ids, mask, types = inputs(config, lengths)
    a, b = ours(ids, mask, types, return_layers=True), run_theirs(theirs, ids, mask, types)
    assert_outputs(a, b, mask, rtol=1e-9, atol=1e-9)
    loss(a.hidden, a.pooled, mask).backward()
    loss(b.last_hidden_state, b.pooler_output, mask).backward()
    if max(lengths) > 1:
        assert_gradients(ours, theirs, config.num_hidden_layers, 1e-9)


@PATHS
@pytest.mark.parametrize("length", [1, 2, 3, 17, 64, 255, 512])
def test_any_length_up_to_512_equals_transformers(length, fused):
    config = BertConfig(70, 16, 2, 4, 24)
    ours, theirs = pair(config, fused, std=0.3, dtype=torch.float64, seed=length)
    ids, mask, types = inputs(config, [length, max(1, length // 3)], seed=length)
    a, b = ours(ids, mask, types, return_layers=True), run_theirs(theirs, ids, mask, types)
    assert_outputs(a, b, mask, rtol=1e-9, atol=1e-9)
    loss(a.hidden, a.pooled, mask).backward()
    loss(b.last_hidden_state, b.pooler_output, mask).backward()
    if length > 1:
        assert_gradients(ours, theirs, 2, 1e-9)


@PATHS
def test_no_mask_and_no_types_mean_all_tokens_and_type_0(fused):
    ours, theirs = pair(SHAPES["deep"], fused, std=0.3, dtype=torch.float64)
    ids, _, _ = inputs(SHAPES["deep"], [19, 19, 19])
    plain = ours(ids, return_layers=True)
    assert_outputs(plain, run_theirs(theirs, ids, None, None), None, rtol=1e-9, atol=1e-9)
    full = ours(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids))
    assert_close(full.hidden, plain.hidden, rtol=1e-12, atol=1e-12)


def test_attention_weights_equal_transformers():
    config = SHAPES["many narrow heads"]
    ours, theirs = pair(config, fused=True, std=0.3, dtype=torch.float64)
    ids, mask, types = inputs(config, LENGTHS["uneven"])
    mine = ours(ids, mask, types, return_attention=True).attention
    its = run_theirs(theirs, ids, mask, types).attentions
    for a, b in zip(mine, its, strict=True):
        assert_close(a.transpose(1, 2)[mask], b.transpose(1, 2)[mask], rtol=1e-9, atol=1e-9)


@PATHS
def test_usual_weights_in_float32_equal_transformers(fused):
    config = BertConfig(500, 128, 4, 8, 512)
    ours, theirs = pair(config, fused, std=0.02, dtype=torch.float32)
    ids, mask, types = inputs(config, [60, 7, 128])
    with torch.no_grad():
        a, b = ours(ids, mask, types, return_layers=True), run_theirs(theirs, ids, mask, types)
    assert_outputs(a, b, mask, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def their_minilm(minilm):
    model = reference(minilm.config).eval()
    tensors = load_file(find("minilm") / "model.safetensors")
    del tensors["embeddings.position_ids"]
    model.load_state_dict(tensors)
    return model


@pytest.fixture(scope="module")
def real(minilm_tokenizer):
    """Real sentences of very different lengths, single and in pairs."""
    examples = sorted(load("sst", "dev"), key=lambda example: len(example.sentences[0]))[::20]
    return collate(encode(examples, minilm_tokenizer), range(len(examples)))


@PATHS
def test_real_weights_on_real_sentences_equal_transformers(minilm, their_minilm, real, fused):
    ours = Bert.from_pretrained("minilm", fused=fused)
    types = torch.randint(2, real.ids.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        a = ours(real.ids, real.mask, types, return_layers=True)
        b = run_theirs(their_minilm, real.ids, real.mask, types)
    assert_outputs(a, b, real.mask, rtol=0, atol=1e-5)


def test_the_two_attention_paths_agree_on_real_weights(minilm, real):
    spelled_out = Bert.from_pretrained("minilm", fused=False)
    with torch.no_grad():
        a, b = minilm(real.ids, real.mask), spelled_out(real.ids, real.mask)
    assert_close(a.hidden[real.mask], b.hidden[real.mask], rtol=0, atol=1e-5)
    assert_close(a.pooled, b.pooled, rtol=0, atol=1e-5)


@pytest.mark.gpu
@PATHS
def test_on_cuda_float32_equals_transformers(fused):
    config = SHAPES["many narrow heads"]
    ours, theirs = (model.cuda() for model in pair(config, fused, std=0.3, dtype=torch.float32))
    ids, mask, types = (x.cuda() for x in inputs(config, LENGTHS["uneven"]))
    a, b = ours(ids, mask, types, return_layers=True), run_theirs(theirs, ids, mask, types)
    assert_outputs(a, b, mask, rtol=1e-4, atol=1e-4)
    loss(a.hidden, a.pooled, mask).backward()
    loss(b.last_hidden_state, b.pooler_output, mask).backward()
    assert_gradients(ours, theirs, config.num_hidden_layers, 1e-3)


@pytest.mark.gpu
@PATHS
def test_on_cuda_bfloat16_is_near_the_processor(minilm, real, fused):
    ours = Bert.from_pretrained("minilm", fused=fused).cuda()
    with torch.no_grad():
        expected = minilm(real.ids, real.mask)
        with torch.autocast("cuda", torch.bfloat16):
            got = ours(real.ids.cuda(), real.mask.cuda())
    near = torch.cosine_similarity(got.hidden.float().cpu()[real.mask], expected.hidden[real.mask], dim=-1)
    assert near.min() > 0.99
    assert_close(got.pooled.float().cpu(), expected.pooled, rtol=0, atol=0.1)
