"""Dropout, drawn faster on a CPU."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """`nn.Dropout`, whose random numbers take most of its time on a CPU: there, four are cut from each 64-bit draw.

    So p is rounded to 1/65536, and the mask for a given seed is another than torch's. Elsewhere it is torch's own.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p in (0, 1) or x.device.type != "cpu":
            return super().forward(x)
        n = x.numel()
        draws = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.int16)[:n].view(x.shape) >= round(self.p * 2**16) - 2**15
        return x * keep.to(x.dtype).mul_(1 / (1 - self.p))
