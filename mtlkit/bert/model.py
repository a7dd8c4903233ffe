"""The encoder: embeddings, a stack of layers, a pooler."""

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from .config import BertConfig
from .layers import Embeddings, Layer, Pooler


class BertOutput(NamedTuple):
    """What the encoder gives: `hidden` (B, T, D), `pooled` (B, D); on request `layers` and `attention`.

    `layers`: the embeddings' output and each layer's, L + 1 times (B, T, D).
    `attention`: each layer's weights, L times (B, H, T, T), rows summing to 1.
    """

    hidden: Tensor
    pooled: Tensor
    layers: tuple[Tensor, ...] | None = None
    attention: tuple[Tensor, ...] | None = None


class Bert(nn.Module):
    """BERT (Devlin et al. 2019): word pieces in, one vector a token out.

    `fused` chooses attention in one kernel (fast) or spelled out (readable); both give the same numbers.
    """

    def __init__(self, config: BertConfig, fused: bool = True):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config, fused) for _ in range(config.num_hidden_layers))
        self.pooler = Pooler(config)
        self.apply(self._init)

    def _init(self, module: nn.Module):
        """Normal weights of std `initializer_range`, zero biases, and a zero vector for padding."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx].data)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "minilm",
        fused: bool = True,
        hidden_dropout: float | None = None,
        attention_dropout: float | None = None,
    ) -> "Bert":
        """A pretrained encoder in evaluation mode: "minilm", a model on the Hugging Face hub, or a folder.

        The two dropout probabilities replace those in `config.json` when given.
        Raises FileNotFoundError when no copy can be found, ValueError when a file is not what it should be.
        """
        from .weights import load_pretrained

        return load_pretrained(cls, name, fused, hidden_dropout, attention_dropout)

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B T"] | None = None,
        types: Int[Tensor, "B T"] | None = None,
        return_layers: bool = False,
        return_attention: bool = False,
    ) -> BertOutput:
        """`ids` word-piece numbers; `mask` True for tokens, False for padding (None: no padding); `types` 0 or 1.

        Raises ValueError for a sequence longer than the position embeddings, TypeError for a mask of numbers.
        """
        if ids.shape[1] > self.config.max_position_embeddings:
            raise ValueError(
                f"{ids.shape[1]} tokens in a row, but this BERT knows {self.config.max_position_embeddings} "
                "positions; encode with max_length"
            )
        if (
            mask is not None and mask.dtype != torch.bool
        ):  # fused attention would add a float mask to the scores
            raise TypeError(f"mask is of bool, True for tokens, not of {mask.dtype}; give mask.bool()")
        h = self.embeddings(ids, torch.zeros_like(ids) if types is None else types)
        layers, attention = [h], []
        for layer in self.layers:
            h, weights = layer(h, mask, return_attention)
            layers.append(h)
            attention.append(weights)
        return BertOutput(
            h,
            self.pooler(h),
            tuple(layers) if return_layers else None,
            tuple(attention) if return_attention else None,
        )

    @property
    def device(self) -> torch.device:
        return self.embeddings.word.weight.device
