"""Task heads: from one vector a sequence to a task's own outputs."""

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
