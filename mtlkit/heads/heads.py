"""Task heads: from one vector a sequence to a task's own outputs; no softmax or sigmoid, since losses have their own.

Where a pair stands in one sequence (`encode(..., pairing="one")`) its head is a ClassificationHead, whatever the task.
Where its sides are two sequences it is a PairHead or a CosineHead. What the five reports used
(`evaluation.reports.TITLES`; D is the encoder's width; where a report is silent, the defaults stand):

    S0, S3  SST                   ClassificationHead(D, 5, pool=pooling.pooler)
    S2      SST                   ClassificationHead(D, 5, pool=pooling.cls)
    S1      SST                   ClassificationHead(D, 5, **S1, activation=nn.Identity)
    S3      depth, activation     ClassificationHead(D, 5, layers=5, activation=nn.SELU)
    S4      SST, best of Table 1  ClassificationHead(D, 5, 0.5, layers=2)
    S0      STS in six classes    PairHead(D, 6)
    S2      PARA, STS at first    PairHead(D, 1, fusion.concat, pool=pooling.cls)
    S3      PARA                  PairHead(D, 1, fusion.concat, pool=pooling.pooler)
    S1      with cosine alone     PairHead(D, 1, fusion.concat, cosine=1, learned=False, pool=pooling.cls)
    S1      PARA                  PairHead(D, 1, fusion.concat, **S1, cosine=1, learned=False)
    S1      STS                   PairHead(D, 1, fusion.concat, **S1, cosine=5, learned=False)
    S4      eq. 4, sum            PairHead(D, 1, fusion.total, shared=D, dropout=0.5)
    S4      eq. 5, PARA           PairHead(D, 1, fusion.concat, shared=D, dropout=0.5)
    S4      eq. 6, STS            CosineHead(5, relu=True, learned=False, dropout=0.5)
    S4      eq. 7, STS            CosineHead(5, relu=True, learned=False, dropout=0.5, width=D, shared=D)
    S4      eq. 6, PARA           CosineHead(1, learned=False, dropout=0.5)
    S4      eq. 7, PARA           CosineHead(1, learned=False, dropout=0.5, width=D, shared=D)
    S2, S3  STS, 2.5 (cos + 1)    CosineHead(2.5, 2.5, learned=False)

with S1 = dict(dropout=0.4, layers=3, layer_norm=True, pool=pooling.cls). S1's PARA and STS heads have one linear layer
more, right before another: two in a row are one. S3 does not print how it scales its cosine. A cosine as a
logit, as in S4's Table 2, says "paraphrase" wherever it is above 0, nearly everywhere: that measures the threshold, and
a learned shift finds a better one.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from . import fusion, pooling

Activation = Callable[[], nn.Module]  # a class such as nn.GELU; nn.Identity for none


class ClassificationHead(nn.Module):
    """Dropout, then an `mlp` (by default one linear layer) from a pooled vector to the class logits.

    width: D of the encoder. classes: number of outputs C (1 for a binary logit or a score). dropout: in [0, 1].
    pool: a function of `heads.pooling`. layers, activation, layer_norm, hidden: as in `mlp`.
    Also for pairs that stand in one sequence, where the encoder itself has compared the two sentences.
    """

    def __init__(
        self,
        width: int,
        classes: int,
        dropout: float = 0.1,
        pool=pooling.mean,
        *,
        layers: int = 1,
        activation: Activation = nn.ReLU,
        layer_norm: bool = False,
        hidden: int | None = None,
    ):
        super().__init__()
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.linear = mlp(width, classes, layers, activation, dropout, layer_norm, hidden)

    def forward(self, output, mask) -> Float[Tensor, "B C"]:
        """Logits, (B, C): no softmax, since the loss has its own."""
        return self.linear(self.dropout(self.pool(output, mask)))


class PairHead(nn.Module):
    """A pair read as two sequences: each side pooled, both fused, an `mlp` on the features; perhaps plus a cosine.

    width: D of the encoder. outputs: number C of them. fuse: a function of `heads.fusion`, or any like it.
    shared: width of a hidden layer that each side goes through before (see `Sides`; None: no such layer).
    layers, activation, layer_norm, hidden: as in `mlp`. dropout: in [0, 1], before each linear layer.
    cosine: adds cosine * cos(u, v) to the one output ("linear + cosine", report S1). An `mlp` learns slowly to compare
    two vectors; the cosine does so from the first step. learned: that scale is a parameter that starts at `cosine`
    (True), or stays there.
    Raises ValueError for a cosine with several outputs: adding one number to all logits does not change their softmax.
    """

    scale: Tensor | None

    def __init__(
        self,
        width: int,
        outputs: int,
        fuse: fusion.Fusion = fusion.rich,
        *,
        shared: int | None = None,
        layers: int = 1,
        activation: Activation = nn.ReLU,
        dropout: float = 0.1,
        layer_norm: bool = False,
        hidden: int | None = None,
        cosine: float | None = None,
        learned: bool = True,
        pool=pooling.mean,
    ):
        super().__init__()
        if cosine is not None and outputs != 1:
            raise ValueError(
                f"a cosine can be added to one output, not to {outputs}: the same number on every logit changes no "
                "softmax. Leave cosine=None, or let `fuse` have fusion.product, whose terms sum to the dot product"
            )
        self.sides = Sides(width, shared, activation, dropout, pool)
        self.fuse = fuse
        # No dropout after the fusion: the sides are dropped already, and for `concat` that is the same.
        features = fusion.width(fuse, shared or width)
        self.linear = mlp(features, outputs, layers, activation, dropout, layer_norm, hidden)
        _add_number(self, "scale", cosine, learned)

    def forward(self, output, mask) -> Float[Tensor, "B C"]:
        """`output` and `mask` hold 2B rows: all left sides, then all right sides."""
        u, v = self.sides(output, mask)
        outputs = self.linear(self.fuse(u, v))
        return outputs if self.scale is None else outputs + self.scale * _cosine(u, v)


class CosineHead(nn.Module):
    """scale * cos(u, v) + shift: a pair's one output, from its two sides' pooled vectors.

    The pair is read as two sequences (`encode(..., pairing="two")`). scale, shift: where they start; cos is in [-1, 1],
    so 5 cos reaches from -5 to 5, and 2.5 cos + 2.5 is what maps onto scores of 0 to 5.
    learned: both numbers are parameters (True), or stay as they are.
    relu: relu(cos) in place of cos. Where cos < 0 the output is `shift` whatever the encoder does, and no gradient
    comes back: a pair that starts in this dead zone cannot leave it by itself.
    dropout: of the pooled vectors. width, shared: D of the encoder, and the width of a hidden layer that both sides go
    through first, with this activation (`Sides`): the cosine of hidden states (report S4, eq. 7; without it, eq. 6).
    After nn.ReLU, no component is negative, and so no cosine is. Raises ValueError for `shared` without `width`.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        scale: float = 5.0,
        shift: float = 0.0,
        pool=pooling.mean,
        *,
        learned: bool = True,
        relu: bool = False,
        dropout: float = 0.0,
        width: int | None = None,
        shared: int | None = None,
        activation: Activation = nn.ReLU,
    ):
        super().__init__()
        self.sides = Sides(width, shared, activation, dropout, pool)
        self.relu = relu
        _add_number(self, "scale", scale, learned)
        _add_number(self, "shift", shift, learned)

    def forward(self, output, mask) -> Float[Tensor, "B 1"]:
        """`output` and `mask` hold 2B rows: all left sides, then all right sides."""
        cos = _cosine(*self.sides(output, mask))
        return self.scale * (cos.relu() if self.relu else cos) + self.shift


class Sides(nn.Module):
    """The vectors u and v of a pair's two sides: pooled, dropout, then, if `shared` says how wide, one hidden layer.

    Both sides stay in one tensor of 2B rows up to the end: the layer is the same for both, and u has one dropout mask
    for all uses. (A head that drops u once for its fusion and again for its cosine compares the noise of two masks.)
    Raises ValueError for `shared` without `width`.
    """

    def __init__(self, width: int | None, shared: int | None, activation: Activation, dropout: float, pool):
        super().__init__()
        if shared and not width:
            raise ValueError("a shared hidden layer has to know the encoder's width: give `width` as well")
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.shared = _hidden_layer(width, shared, activation, dropout, False) if shared else nn.Identity()

    def forward(self, output, mask) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
        """u and v, (B, H) each. Raises ValueError for an odd number of rows: these are not two sides."""
        if len(mask) % 2:
            raise ValueError(
                f'{len(mask)} rows are not left and right sides: encode pairs with pairing="two", or use a '
                'ClassificationHead for pairing="one"'
            )
        u, v = self.shared(self.dropout(self.pool(output, mask))).chunk(2)
        return u, v


def mlp(
    width_in: int,
    width_out: int,
    layers: int = 1,
    activation: Activation = nn.ReLU,
    dropout: float = 0.1,
    layer_norm: bool = False,
    hidden: int | None = None,
) -> nn.Module:
    """`layers` linear layers; after each but the last: layer norm (if asked for), activation, dropout.

    layers: 1 to 5; one is an `nn.Linear`. activation: a class such as nn.ReLU, nn.GELU, nn.SELU; nn.Identity for none
    (and then, without layer norm, all layers are one linear map). hidden: width of the hidden layers; None: half of
    width_in (report S4). No dropout before the first layer: heads drop their own input. Raises ValueError for a depth
    or a width out of range.
    """
    if not 1 <= layers <= 5:
        raise ValueError(f"layers is 1 to 5, not {layers}: in the reports, more than 2 only overfit")
    if hidden is not None and hidden < 1:
        raise ValueError(f"hidden, a layer's width, is at least 1, not {hidden}")
    hidden = hidden or max(1, width_in // 2)
    widths = [width_in] + [hidden] * (layers - 1)
    before = [_hidden_layer(a, b, activation, dropout, layer_norm) for a, b in pairwise(widths)]
    last = nn.Linear(widths[-1], width_out)
    nn.init.normal_(last.weight, std=0.02)  # small: the first predictions favour nothing
    nn.init.zeros_(last.bias)
    return nn.Sequential(*before, last) if before else last


def _hidden_layer(width_in, width_out, activation: Activation, dropout: float, layer_norm: bool):
    """Linear, layer norm, activation, dropout. (Dropout before ReLU, as in report S1, is the same: relu(ax) = a relu(x)
    for every a >= 0, and dropout multiplies by 0 or by 1 / (1 - p).)"""
    linear = nn.Linear(width_in, width_out)
    # He et al. 2015: activations keep their size from layer to layer; with 0.02 five layers would all but silence them
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    norm = [nn.LayerNorm(width_out)] if layer_norm else []
    return nn.Sequential(linear, *norm, activation(), nn.Dropout(dropout))


def _cosine(u: Float[Tensor, "B H"], v: Float[Tensor, "B H"]) -> Float[Tensor, "B 1"]:
    """cos(u, v), in float32: bfloat16 near 1 has steps of 0.004, so 5 cos would have steps of 0.02."""
    return F.cosine_similarity(u.float(), v.float()).unsqueeze(-1)


def _add_number(head: nn.Module, name: str, value: float | None, learned: bool) -> None:
    """`head.name`: a parameter, or a buffer. Checkpoints keep both under that name; no optimizer sees a buffer."""
    number = None if value is None else torch.tensor(float(value))
    if learned:
        head.register_parameter(name, None if number is None else nn.Parameter(number))
    else:
        head.register_buffer(name, number)
