"""BERT from its parts: embeddings, self-attention, add & norm, feed-forward, layer, pooler (Devlin et al. 2019).

Shapes: B batch, T tokens, D width (`hidden_size`), H heads, I inner width (`intermediate_size`).
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .config import BertConfig
from .dropout import Dropout

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "tanh": torch.tanh,
}


class Embeddings(nn.Module):
    """Word piece + position + token type, normalised; then dropout."""

    def __init__(self, config: BertConfig):
        super().__init__()
        D = config.hidden_size
        self.word = nn.Embedding(config.vocab_size, D, padding_idx=config.pad_token_id)
        self.position = nn.Embedding(config.max_position_embeddings, D)
        self.token_type = nn.Embedding(config.type_vocab_size, D)
        self.norm = nn.LayerNorm(D, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, ids: Int[Tensor, "B T"], types: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        T = ids.shape[1]
        x = self.word(ids) + self.position.weight[:T] + self.token_type(types)  # (B, T, D)
        return self.dropout(self.norm(x))


class SelfAttention(nn.Module):
    """Every token takes a weighted mean of all tokens' values, once per head (Vaswani et al. 2017, eq. 1).

    `fused=True` computes the same in one kernel; the weights themselves are then never stored.
    """

    def __init__(self, config: BertConfig, fused: bool = True):
        super().__init__()
        D = config.hidden_size
        self.H, self.fused = config.num_attention_heads, fused
        self.query = nn.Linear(D, D)
        self.key = nn.Linear(D, D)
        self.value = nn.Linear(D, D)
        self.dropout = Dropout(config.attention_probs_dropout_prob)

    def split(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B H T D_H"]:
        B, T, D = x.shape
        return x.view(B, T, self.H, D // self.H).transpose(1, 2)  # (B, H, T, D/H)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B T"] | None, return_weights: bool = False
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B H T T"] | None]:
        """`mask`: True for tokens, False for padding, or None when nothing is padded.

        Returns the heads' outputs side by side, (B, T, D), and the weights, (B, H, T, T), if asked for
        (as they are before dropout; asking takes the spelled-out path).
        """
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        keys = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, T): hides keys, for every query
        weights = None
        p = self.dropout.p if self.training else 0.0
        if (
            self.fused and not return_weights and (p == 0 or x.is_cuda)
        ):  # on a CPU, dropout slows the kernel down
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=keys, dropout_p=p)
        else:
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])  # (B, H, T, T)
            if keys is not None:
                scores = scores.masked_fill(~keys, torch.finfo(scores.dtype).min)
            # in float32 at least: sums in bfloat16 are coarse, and slow on a CPU
            precise = torch.promote_types(scores.dtype, torch.float32)
            weights = scores.softmax(dim=-1, dtype=precise)  # each row sums to 1
            heads = self.dropout(weights) @ v  # (B, H, T, D/H)
        joined = heads.transpose(1, 2).flatten(2)  # (B, T, D)
        return joined, weights if return_weights else None


class AddNorm(nn.Module):
    """LN(residual + dropout(W x)): the way back into the residual stream, after attention and after feed-forward."""

    def __init__(self, width_in: int, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(width_in, config.hidden_size)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, residual: Float[Tensor, "B T D"], x: Float[Tensor, "B T I"]) -> Float[Tensor, "B T D"]:
        return self.norm(residual + self.dropout(self.dense(x)))


class FeedForward(nn.Module):
    """The widening half of the feed-forward network, D -> I, and its activation; `AddNorm` narrows it again."""

    def __init__(self, config: BertConfig):
        super().__init__()
        if config.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act {config.hidden_act!r} is not one of {', '.join(ACTIVATIONS)}")
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T I"]:
        return self.activation(self.dense(x))


class Layer(nn.Module):
    """a = LN(h + W MH(h)), then LN(a + FF(a)): the second residual starts from `a`, not from `h`."""

    def __init__(self, config: BertConfig, fused: bool = True):
        super().__init__()
        self.attention = SelfAttention(config, fused)
        self.attention_norm = AddNorm(config.hidden_size, config)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = AddNorm(config.intermediate_size, config)

    def forward(
        self, h: Float[Tensor, "B T D"], mask: Bool[Tensor, "B T"] | None, return_weights: bool = False
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B H T T"] | None]:
        heads, weights = self.attention(h, mask, return_weights)
        a = self.attention_norm(h, heads)
        return self.feed_forward_norm(a, self.feed_forward(a)), weights


class Pooler(nn.Module):
    """tanh(W h_0): one vector a sequence, from its first token, [CLS]."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, h: Float[Tensor, "B T D"]) -> Float[Tensor, "B D"]:
        return torch.tanh(self.dense(h[:, 0]))
