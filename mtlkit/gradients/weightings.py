"""Other ways from the Gram matrix G_ij = g_i . g_j to weights: no surgery, the least norm, the best worst case."""

import torch
from jaxtyping import Float
from scipy.optimize import minimize, nnls
from torch import Tensor

from .surgery import Gram, checked


class Sum:
    """w_i = 1: no surgery at all, the gradient of the summed loss. Used to watch what it does to each task."""

    def __call__(self, gram: Gram) -> Float[Tensor, "K"]:
        return torch.ones(len(checked(gram)), dtype=torch.float64)


class MGDA:
    """The shortest convex combination of the gradients (Désidéri 2012; Sener & Koltun 2018, eq. 3).

    w = argmin w'Gw with w_i >= 0 and sum_i w_i = 1. Following it harms no task; it is 0 where no direction serves all.
    Small gradients rule: a task that has almost converged almost stops the others.
    """

    def __call__(self, gram: Gram) -> Float[Tensor, "K"]:
        gram = checked(gram)
        if not len(gram):
            return gram.diagonal()
        root = _root(gram)
        # Least squares with weights that are not negative: |R u|^2 + (sum(u) - 1)^2 is least at a multiple of w.
        rows = torch.cat([root, torch.ones(1, len(root), dtype=root.dtype)])
        aim = torch.zeros(len(rows), dtype=root.dtype)
        aim[-1] = 1
        u = torch.from_numpy(nnls(rows.numpy(), aim.numpy())[0])
        return u / u.sum()


class CAGrad:
    """Conflict-averse gradient descent (Liu et al. 2021): near the mean gradient, best for the task worst served.

    d = argmax_d min_i g_i.d with |d - g0| <= c |g0|, g0 the mean gradient; the weights are those of K d, to be
    compared with a sum. c: 0 gives the plain sum, towards 1 more like MGDA; in [0, 1).
    """

    def __init__(self, c: float = 0.4):
        if not 0 <= c < 1:
            raise ValueError(f"c is in [0, 1), not {c}")
        self.c = c

    def __repr__(self) -> str:
        return f"CAGrad(c={self.c})"

    def __call__(self, gram: Gram) -> Float[Tensor, "K"]:
        gram = checked(gram)
        K, one = len(gram), torch.ones(len(gram), dtype=torch.float64)
        scale = gram.diagonal().max().item() if K else 0
        if K < 2 or scale == 0 or self.c == 0:
            return one
        G = (gram / scale).numpy()
        mean = one.numpy() / K
        g0 = float(max(0.0, mean @ G @ mean)) ** 0.5  # |g0|
        if g0 == 0:
            return one

        def length(w):  # |g_w|, g_w = sum_i w_i g_i, rounded off near 0, where its direction would be noise
            return float(max(0.0, w @ G @ w) + (1e-4 * g0) ** 2) ** 0.5

        def dual(w):  # eq. 5: g_w . g0 + c |g0| |g_w|, over the simplex
            return w @ G @ mean + self.c * g0 * length(w)

        def slope(w):
            return G @ mean + self.c * g0 * (G @ w) / length(w)

        simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: one.numpy()}
        found = minimize(
            dual, mean, jac=slope, bounds=[(0, 1)] * K, constraints=simplex, method="SLSQP",
            options=dict(ftol=1e-12, maxiter=200),
        )  # fmt: skip
        w = found.x.clip(0)
        return one + K * self.c * g0 / length(w) * torch.from_numpy(w)


def _root(gram: Gram) -> Gram:
    """R with R'R = G, of gradients scaled so that the longest is 1."""
    if gram.diagonal().max() == 0:
        return torch.zeros_like(gram)
    values, vectors = torch.linalg.eigh(gram / gram.diagonal().max())
    return values.clamp(min=0).sqrt()[:, None] * vectors.T
