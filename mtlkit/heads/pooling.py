"""One vector a sequence out of one vector a token."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..bert import BertOutput


def cls(output: BertOutput, mask: Bool[Tensor, "N T"]) -> Float[Tensor, "N D"]:
    """The last layer's vector of the first token, [CLS]."""
    return output.hidden[:, 0]


def pooler(output: BertOutput, mask: Bool[Tensor, "N T"]) -> Float[Tensor, "N D"]:
    """BERT's own pooler: tanh(W h_[CLS])."""
    return output.pooled


def mean(output: BertOutput, mask: Bool[Tensor, "N T"]) -> Float[Tensor, "N D"]:
    """The mean over real tokens only: padding never counts, so a prediction does not depend on its batch mates."""
    weights = mask.unsqueeze(-1).to(output.hidden.dtype)  # (N, T, 1)
    return (output.hidden * weights).sum(1) / weights.sum(1)


def max(output: BertOutput, mask: Bool[Tensor, "N T"]) -> Float[Tensor, "N D"]:
    """The largest value over real tokens, in each dimension."""
    lowest = torch.finfo(output.hidden.dtype).min
    return output.hidden.masked_fill(~mask.unsqueeze(-1), lowest).amax(1)
