"""Two vectors, one of each side of a pair, into one vector of features.

Every fusion is a function of u and v, (B, D) each, that gives (B, F); `width(fuse, D)` says how large F is.
Where swapping u and v changes nothing (total, difference, product and what is combined of them) the head cannot tell
which sentence came first, and need not learn that it does not matter; `concat` and `rich` can tell, and must.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Fusion = Callable[[Tensor, Tensor], Tensor]


def total(u: Float[Tensor, "B D"], v: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """u + v. A linear layer on it cannot see whether u and v are alike: W(u + v) = Wu + Wv."""
    return u + v


def concat(u: Float[Tensor, "B D"], v: Float[Tensor, "B D"]) -> Float[Tensor, "B F"]:
    """[u; v], F = 2D. A linear layer on it still adds the sides up, W1 u + W2 v: only a deeper `mlp` compares them."""
    return torch.cat([u, v], dim=-1)


def difference(u: Float[Tensor, "B D"], v: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """|u - v|: in each dimension, how far apart the two are (where they are equal, its gradient is 0)."""
    return (u - v).abs()


def product(u: Float[Tensor, "B D"], v: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """u * v, dimension by dimension: the terms whose sum is the dot product."""
    return u * v


def combine(*fuses: Fusion) -> Fusion:
    """Several fusions side by side: `combine(concat, difference)` is [u; v; |u - v|], that of Sentence-BERT
    (Reimers & Gurevych 2019, section 3)."""
    return lambda u, v: torch.cat([fuse(u, v) for fuse in fuses], dim=-1)


def rich(u: Float[Tensor, "B D"], v: Float[Tensor, "B D"]) -> Float[Tensor, "B F"]:
    """[u; v; |u - v|; u * v], F = 4D: InferSent's (Conneau et al. 2017, section 3.1)."""
    return torch.cat([u, v, difference(u, v), product(u, v)], dim=-1)


def width(fuse: Fusion, D: int) -> int:
    """F, the number of features that `fuse` makes of two vectors of width D: asked of the function itself."""
    return fuse(torch.zeros(1, D), torch.zeros(1, D)).shape[-1]
