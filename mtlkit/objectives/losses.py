"""Losses: outputs (B, C) of a head and labels (B,) -> the mean over the batch, a scalar.

Each first asks whether it fits its head and its labels, because most misfits run without an error. The softmax of a
single logit is 1 whatever the logit, so a cross-entropy or a KL divergence on it is 0 and teaches nothing. Outputs
(B, 1) less labels (B,) are (B, B) differences. A label of 4.6 as a class number is 4. All of these raise ValueError,
with the reason and the fix.

Outputs are what the head gives, without softmax or sigmoid: the losses have their own. (Softmax twice leaves a
cross-entropy that cannot fall below 0.905 with five classes.)
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """-log softmax(outputs)[label]. outputs: (B, C) logits, C > 1. labels: (B,) whole numbers 0 to C - 1."""
    _one_row_a_label(outputs, labels)
    _several_outputs("cross_entropy", outputs)
    if labels.is_floating_point():
        raise ValueError(
            f"cross_entropy takes classes, whole numbers of an integer type, not {labels.dtype}: cut to an integer, a "
            "label of 4.6 would be a 4. For scores use score_cross_entropy or squared_error; if these are classes, "
            "pass labels.long()"
        )
    _in_range("label", labels.long(), 0, outputs.shape[1] - 1, "give the head one output for each class")
    return F.cross_entropy(outputs, labels.long())


def binary_cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """-log sigmoid(s) where the label is 1, -log sigmoid(-s) where it is 0.

    outputs: (B, 1) logits s. labels: (B,) in [0, 1]; what lies between is the probability of a 1.
    """
    _one_row_a_label(outputs, labels)
    _one_output("binary_cross_entropy", outputs)
    labels = labels.to(outputs.dtype)
    _in_range(
        "label", labels, 0, 1, "scores of another range are for squared_error, classes for cross_entropy"
    )
    return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), labels)


def squared_error(outputs: Tensor, labels: Tensor) -> Tensor:
    """(output - label)^2, in the labels' own scale (0 to 5 for STS). outputs: (B, 1). labels: (B,), any numbers.

    It sees scale and offset, which a correlation does not: predictions ten times too large have the same Pearson.
    """
    _one_row_a_label(outputs, labels)
    _one_output("squared_error", outputs)
    return F.mse_loss(outputs.squeeze(-1), labels.to(outputs.dtype))


def score_cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Scores as classes 0, 1, ..., C - 1 (STS: six, report S0): cross-entropy against `soft_targets`.

    outputs: (B, C) logits, C > 1. labels: (B,) numbers in [0, C - 1], fractions welcome. Decode with `expected_score`:
    STS in six classes is `dataclasses.replace(STS, outputs=6, loss=score_cross_entropy, decode=expected_score)`.
    At a fractional label its smallest value is not 0, but the targets' own entropy.
    """
    _one_row_a_label(outputs, labels)
    _several_outputs("score_cross_entropy", outputs)
    return F.cross_entropy(outputs, soft_targets(labels, outputs.shape[1]).to(outputs.dtype))


def soft_targets(labels: Tensor, classes: int) -> Tensor:
    """Each score (B,) as probabilities (B, C) of the two whole numbers beside it: 4.6 is 0.4 on 4 and 0.6 on 5.

    So the targets' expectation is the label itself. Raises ValueError for labels outside [0, C - 1].
    """
    labels = labels.to(torch.get_default_dtype())
    _in_range("label", labels, 0, classes - 1, "rescale the labels, or give the head more outputs")
    distance = (labels.unsqueeze(1) - torch.arange(classes, device=labels.device)).abs()  # (B, C)
    return (1 - distance).clamp(min=0)


def expected_score(outputs: Tensor) -> Tensor:
    """Decoding for `score_cross_entropy`: sum over c of c * softmax(outputs)[c], (B, C) -> (B,), in [0, C - 1].

    The likeliest class (argmax) would be a whole number, and cost correlation.
    """
    _several_outputs("expected_score", outputs)
    return outputs.softmax(-1) @ torch.arange(outputs.shape[1], dtype=outputs.dtype, device=outputs.device)


def cosine_embedding(
    outputs: Tensor, labels: Tensor, highest: float = 5.0, lowest_cosine: float = 0.0
) -> Tensor:
    """(cos(u, v) - target)^2, where a label of `highest` aims at cosine 1 and a label of 0 at `lowest_cosine`.

    outputs: (B, 1) cosines, from CosineHead(scale=1, learned=False). labels: (B,) in [0, highest]. lowest_cosine: in
    [-1, 1); at 0, sentences that share nothing should stand at a right angle, at -1 point in opposite directions.
    Sentence-BERT's regression objective (Reimers & Gurevych 2019, section 3). For STS it is `squared_error` of 5 cos
    divided by 25 (lowest_cosine 0), or of 2.5 (cos + 1) divided by 6.25 (-1): the same minimum, smaller gradients.
    torch's cosine_embedding_loss has only two targets, alike and not alike.
    """
    _one_row_a_label(outputs, labels)
    _one_output("cosine_embedding", outputs)
    if not -1 <= lowest_cosine < 1:
        raise ValueError(f"lowest_cosine is a cosine in [-1, 1), not {lowest_cosine}")
    # The margin is rounding's: a cosine in float32 can be 1.0000001
    _in_range("output", outputs.detach(), -1 - 1e-3, 1 + 1e-3, "use CosineHead(scale=1, learned=False)")
    labels = labels.to(outputs.dtype)
    _in_range("label", labels, 0, highest, "set `highest` to the largest label")
    target = lowest_cosine + (1 - lowest_cosine) * labels / highest
    return F.mse_loss(outputs.squeeze(-1), target)


def kl_divergence(outputs: Tensor, reference: Tensor) -> Tensor:
    """KL(softmax(reference) || softmax(outputs)), mean over the batch: how far `outputs` are from other predictions.

    outputs, reference: (B, C) logits, C > 1. 0 where they agree, up to a constant a row. Gradients reach both: detach
    what should stay (a teacher).
    """
    if outputs.shape != reference.shape:
        raise ValueError(
            f"two sets of predictions of one shape, not {tuple(outputs.shape)} and {tuple(reference.shape)}"
        )
    _several_outputs("kl_divergence", outputs)
    p, q = reference.log_softmax(-1), outputs.log_softmax(-1)
    return F.kl_div(q, p, reduction="batchmean", log_target=True)  # "mean" would divide by C as well


def _one_row_a_label(outputs: Tensor, labels: Tensor) -> None:
    if outputs.ndim != 2 or labels.ndim != 1 or len(outputs) != len(labels):
        raise ValueError(
            f"outputs (B, C) and labels (B,) are needed, not {tuple(outputs.shape)} and {tuple(labels.shape)}. Pairs "
            'read as one sequence (pairing="one") go with ClassificationHead, as two with PairHead or CosineHead'
        )
    if not len(labels):
        raise ValueError("a batch without examples has no mean loss")


def _one_output(loss: str, outputs: Tensor) -> None:
    if outputs.shape[1] != 1:
        raise ValueError(
            f"{loss} reads one output an example, and this head gives {outputs.shape[1]}: give the head one output, or "
            "use cross_entropy (classes) or score_cross_entropy (scores)"
        )


def _several_outputs(loss: str, outputs: Tensor) -> None:
    if outputs.shape[1] == 1:
        raise ValueError(
            f"{loss} takes a softmax, and that of a single output is always 1: nothing would be learnt. Use "
            "binary_cross_entropy (0 or 1) or squared_error (scores), or give the head an output for each class"
        )


def _in_range(what: str, values: Tensor, low: float, high: float, fix: str) -> None:
    """Both ends in one transfer, since each would make a GPU wait; nan is in no range."""
    least, most = torch.stack(values.aminmax()).tolist()
    if not (low <= least and most <= high):
        wrong = most if low <= least else least
        raise ValueError(f"{what} {wrong:g} is outside [{low:g}, {high:g}]: {fix}")
