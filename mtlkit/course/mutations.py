"""A BERT with one mistake in it: sixteen of them, and the tests that see them.

A mistake is a subclass of one of BERT's parts that changes one step. Most were seen in public forks of the course
project, in reports, or in libraries' issues; "pre-LN" is another architecture; "dropout on heads" is there because
it passes both tests, and calls for a third.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.layers import AddNorm, Embeddings, FeedForward, Layer, SelfAttention

TOLERANCE = 1e-9  # float64: what is less is rounding
VERDICTS = ("parity", "oracle", "both", "neither")
SMALL = BertConfig(
    vocab_size=100, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
    max_position_embeddings=32,
)  # fmt: skip


# --- attention, in steps: each mistake is in one of them --------------------------------------------------


class Steps(SelfAttention):
    """Self-attention without a mistake, a method a step."""

    def forward(self, x, mask, return_weights=False):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        keys = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
        weights = self.weigh(q @ k.transpose(-1, -2) / self.scale(q), keys[:, None, None, :])  # (B, H, T, T)
        return self.join(self.mix(weights, v)), weights if return_weights else None

    def scale(self, q):
        return q.shape[-1] ** 0.5  # the root of D/H

    def hide(self, scores, keys):
        return scores.masked_fill(~keys, torch.finfo(scores.dtype).min)

    def weigh(self, scores, keys):
        return self.hide(scores, keys).softmax(dim=-1)

    def mix(self, weights, v):
        return self.dropout(weights) @ v

    def join(self, heads):
        return heads.transpose(1, 2).flatten(2)  # (B, H, T, D/H) -> (B, T, D)


class MaskIgnored(Steps):
    def hide(self, scores, keys):
        return scores


class MaskMultiplied(Steps):
    def hide(self, scores, keys):
        return scores * keys  # a score of 0 is not a weight of 0


class RawMaskAdded(Steps):
    def hide(self, scores, keys):
        return scores + keys  # adds 1 to tokens, where padding should get minus infinity


class MaskAfterSoftmax(Steps):
    def weigh(self, scores, keys):
        return scores.softmax(dim=-1) * keys  # rows no longer sum to 1


class SoftmaxOverQueries(Steps):
    def weigh(self, scores, keys):
        return self.hide(scores, keys).softmax(dim=-2)


class ScaledByWidth(Steps):
    def scale(self, q):
        return (self.H * q.shape[-1]) ** 0.5  # the root of D


class HeadsNotTransposed(Steps):
    def join(self, heads):
        B, H, T, size = heads.shape
        return heads.reshape(B, T, H * size)


class NoAttentionDropout(Steps):
    def mix(self, weights, v):
        return weights @ v


class DropoutOnHeads(Steps):
    def mix(self, weights, v):
        return self.dropout(weights @ v)


# --- the other parts --------------------------------------------------------------------------------------


class DropoutAfterSum(AddNorm):
    def forward(self, residual, x):
        return self.norm(self.dropout(residual + self.dense(x)))


class DropoutBeforeDense(AddNorm):
    def forward(self, residual, x):
        return self.norm(residual + self.dense(self.dropout(x)))


class SumOnly(AddNorm):
    def forward(self, residual, x):
        return residual + self.dropout(self.dense(x))


class NormFirst(Layer):
    """Goes with `SumOnly`: the norms stand before attention and before feed-forward, as in GPT-2."""

    def forward(self, h, mask, return_weights=False):
        heads, weights = self.attention(self.attention_norm.norm(h), mask, return_weights)
        a = self.attention_norm(h, heads)
        return self.feed_forward_norm(a, self.feed_forward(self.feed_forward_norm.norm(a))), weights


class ResidualFromInput(Layer):
    def forward(self, h, mask, return_weights=False):
        heads, weights = self.attention(h, mask, return_weights)
        a = self.attention_norm(h, heads)
        return self.feed_forward_norm(h, self.feed_forward(a)), weights


class TanhGelu(FeedForward):
    def forward(self, x):
        return F.gelu(self.dense(x), approximate="tanh")


class DropoutBeforeNorm(Embeddings):
    def forward(self, ids, types):
        x = self.word(ids) + self.position.weight[: ids.shape[1]] + self.token_type(types)
        return self.norm(self.dropout(x))


class TypesIgnored(Embeddings):
    def forward(self, ids, types):
        return super().forward(ids, torch.zeros_like(types))


MISTAKES: dict[str, tuple[type[nn.Module], ...]] = {
    "mask ignored": (MaskIgnored,),
    "mask multiplied into the scores": (MaskMultiplied,),
    "mask added as 0 and 1": (RawMaskAdded,),
    "mask after the softmax": (MaskAfterSoftmax,),
    "softmax over the queries": (SoftmaxOverQueries,),
    "scores divided by sqrt(D)": (ScaledByWidth,),
    "heads not transposed back": (HeadsNotTransposed,),
    "no attention dropout": (NoAttentionDropout,),
    "dropout on heads, not on weights": (DropoutOnHeads,),
    "dropout after the residual sum": (DropoutAfterSum,),
    "dropout before dense": (DropoutBeforeDense,),
    "pre-LN": (SumOnly, NormFirst),
    "second residual from h": (ResidualFromInput,),
    "GELU by tanh": (TanhGelu,),
    "dropout before the embeddings' norm": (DropoutBeforeNorm,),
    "token types ignored": (TypesIgnored,),
}


def mutate(model: Bert, mistake: str) -> Bert:
    """A copy of `model` that makes `mistake` (a key of MISTAKES), on the same weights, not copied.

    Raises KeyError for a mistake that is not in the list.
    """
    mutant = same_weights(model)
    for wrong in MISTAKES[mistake]:
        part = next(base for base in wrong.__mro__ if base.__module__ == Layer.__module__)
        for module in mutant.modules():
            if type(module) is part:
                module.__class__ = wrong
    return mutant


def same_weights(model: Bert) -> Bert:
    """A copy of the modules around the same parameters."""
    return copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})


# --- the laboratory ---------------------------------------------------------------------------------------


class Inputs(NamedTuple):
    """ids (B, T), mask (B, T; True for tokens), types (B, T)."""

    ids: Tensor
    mask: Tensor
    types: Tensor


def random_bert(seed: int = 0, std: float = 0.3, config: BertConfig = SMALL) -> Bert:
    """A BERT in float64 and evaluation mode, every parameter of which is random, so that every mistake shows.

    Biases that are zero and norms that are one, as in a fresh model, would hide some of them.
    """
    generator = torch.Generator().manual_seed(seed)
    model = Bert(config, fused=False).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, std, generator=generator)
            if name.endswith("norm.weight"):
                parameter.add_(1)
    return model


def random_inputs(seed: int = 0, lengths: Sequence[int] = (12, 9, 5)) -> Inputs:
    """Rows of random word pieces of these lengths, padded; the second half of each row has type 1."""
    generator = torch.Generator().manual_seed(seed)
    place, length = torch.arange(max(lengths)), torch.tensor(lengths)[:, None]
    mask = place < length
    ids = torch.randint(1, SMALL.vocab_size, mask.shape, generator=generator) * mask
    return Inputs(ids, mask, ((place >= length // 2) & mask).long())


@torch.no_grad()
def parity(model: Bert, reference: Bert, inputs: Inputs) -> float:
    """The parity test: the largest difference of two models' outputs in evaluation mode, at real tokens."""
    ours, theirs = same_weights(model).eval()(*inputs), same_weights(reference).eval()(*inputs)
    hidden = (ours.hidden - theirs.hidden)[inputs.mask].abs().max()
    return max(hidden.item(), (ours.pooled - theirs.pooled).abs().max().item())


@torch.no_grad()
def oracle(model: Bert, inputs: Inputs) -> float:
    """The dropout oracle: in training mode with p = 1 we know what each part must give; the largest deviation.

    Embeddings and attention give 0; add & norm gives LN(residual), whatever its other input is.
    """
    model = same_weights(model).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 1.0
    generator = torch.Generator().manual_seed(1)
    widths = model.config.hidden_size, model.config.intermediate_size
    dtype = next(model.parameters()).dtype
    h, wide = (torch.randn(*inputs.ids.shape, n, generator=generator, dtype=dtype) for n in widths)
    layers: Any = model.layers
    gaps = [model.embeddings(inputs.ids, inputs.types)]
    for layer in layers:
        gaps.append(layer.attention(h, inputs.mask)[0])
        for part, x in ((layer.attention_norm, h), (layer.feed_forward_norm, wide)):
            gaps.append(part(h, x) - part.norm(h))
    return max(gap.abs().max().item() for gap in gaps)


def verdict(parity: float, oracle: float) -> str:
    """Which test sees a mistake with these differences: "parity", "oracle", "both" or "neither"."""
    seen = [name for name, gap in (("parity", parity), ("oracle", oracle)) if not gap <= TOLERANCE]
    return {0: "neither", 1: "".join(seen), 2: "both"}[len(seen)]


@contextmanager
def one_thread() -> Iterator[None]:
    """So small are these tensors that several threads spend their time waiting for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def lab(seed: int = 0, model: Bert | None = None) -> pd.DataFrame:
    """Both tests on every mistake: columns parity, oracle, caught by; a row a mistake.

    model: the one to plant them in, as small as SMALL; without it `random_bert(seed)`.
    """
    model, inputs = model or random_bert(seed), random_inputs(seed)
    rows = {}
    with one_thread():
        for mistake in MISTAKES:
            mutant = mutate(model, mistake)
            gaps = parity(mutant, model, inputs), oracle(mutant, inputs)
            rows[mistake] = (*gaps, verdict(*gaps))
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["parity", "oracle", "caught by"])
    return frame.rename_axis("mistake")


@torch.no_grad()
def one_mask_a_weight(model: Bert, inputs: Inputs) -> bool:
    """The third test: whether attention's dropout falls on the weights, at p = 1/2.

    If all values are 1, a head's output is the sum of the weights that are left, the same in each of its D/H
    dimensions. Dropout that falls on the output hits the dimensions one by one.
    """
    first: Any = model.layers[0]
    attention = copy.deepcopy(first.attention).train()
    attention.dropout.p = 0.5
    attention.value.weight.zero_()
    attention.value.bias.fill_(1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        width, dtype = attention.query.in_features, attention.query.weight.dtype
        h = torch.randn(*inputs.ids.shape, width, dtype=dtype)
        out = attention(h, inputs.mask)[0].unflatten(-1, (attention.H, -1))  # (B, T, H, D/H)
    return torch.allclose(out, out[..., :1].expand_as(out))


@torch.no_grad()
def error_by_layer(model: Bert, reference: Bert, inputs: Inputs) -> list[float]:
    """How far the hidden states are off after the embeddings and after each layer: |h - h'| / |h'| at real tokens."""
    ours = model(*inputs, return_layers=True).layers
    theirs = reference(*inputs, return_layers=True).layers
    at = inputs.mask
    return [
        ((h[at] - want[at]).norm() / want[at].norm()).item() for h, want in zip(ours, theirs, strict=True)
    ]
