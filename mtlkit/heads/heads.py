"""Task heads: from one vector a sequence to a task's own outputs."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from . import pooling


class ClassificationHead(nn.Module):
    """Dropout, then one linear layer from a pooled vector to the class logits.

    width: D of the encoder. classes: number of classes C. pool: a function of `heads.pooling`.
    """

    def __init__(self, width: int, classes: int, dropout: float = 0.1, pool=pooling.mean):
        super().__init__()
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, output, mask) -> Float[Tensor, "B C"]:
        """Logits, (B, C): no softmax, since the loss has its own."""
        return self.linear(self.dropout(self.pool(output, mask)))


class CosineHead(nn.Module):
    """scale * cos(u, v) + shift, both learned: a pair's one output, from its two sides' pooled vectors.

    The pair is read as two sequences (`encode(..., pairing="two")`). scale, shift: where they start; cos is in [-1, 1].
    """

    def __init__(self, scale: float = 5.0, shift: float = 0.0, pool=pooling.mean):
        super().__init__()
        self.pool = pool
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        self.shift = nn.Parameter(torch.tensor(float(shift)))

    def forward(self, output, mask) -> Float[Tensor, "B 1"]:
        """`output` and `mask` hold 2B rows: all left sides, then all right sides."""
        u, v = self.pool(output, mask).chunk(2)  # (B, D) each
        return (self.scale * F.cosine_similarity(u, v) + self.shift).unsqueeze(-1)
