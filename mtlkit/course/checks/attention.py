"""The exercises of 04_attention, and the five wrong masks that its third one is about."""

import torch
from torch import Tensor

from mtlkit.bert import Bert, BertConfig
from mtlkit.bert.layers import SelfAttention
from mtlkit.course import mutations

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention: q, k, v (..., T, d); mask, True where a key may be seen, fits (..., T, T).

    Returns the outputs (..., T, d) and the weights (..., T, T).
    """
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return weights @ v, weights


def in_heads(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, H: int) -> Tensor:
    """Attention in H heads: q, k, v (B, T, D); mask (B, T), True for tokens. Returns (B, T, D)."""

    def split(x):
        return x.unflatten(-1, (H, -1)).transpose(1, 2)  # (B, H, T, D/H)

    outputs, _ = attend(split(q), split(k), split(v), mask[:, None, None, :])
    return outputs.transpose(1, 2).flatten(2)


def count_parameters(D: int, H: int) -> int:
    """The parameters of the library's query, key and value for a width D and H heads; ValueError if H does not fit."""
    with torch.device("meta"):  # numbers of entries, and no entries
        layer = SelfAttention(BertConfig(hidden_size=D, num_attention_heads=H))
    return sum(parameter.numel() for parameter in layer.parameters())


# --- five wrong masks: scores (..., T, T) and a mask that fits them -> weights ------------------------------


def bias(mask: Tensor, scores: Tensor) -> Tensor:
    """What should be added to the scores: 0 where `mask` is True, the lowest number there is where it is False."""
    return torch.zeros_like(scores).masked_fill(~mask, torch.finfo(scores.dtype).min)


def not_added(scores, mask):
    return scores.softmax(dim=-1)


def wrong_sign(scores, mask):
    return (scores - bias(mask, scores)).softmax(dim=-1)


def multiplied(scores, mask):
    return (scores * mask).softmax(dim=-1)


def raw_mask_added(scores, mask):
    return (scores + mask).softmax(dim=-1)


def after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


def with_mask(model: Bert, wrong) -> Bert:
    """A copy of `model`, on the same weights, in which attention makes its weights by wrong(scores, mask)."""

    class Wrong(mutations.Steps):
        def weigh(self, scores, keys):
            return wrong(scores, keys)

    mutant = mutations.same_weights(model)
    for layer in mutant.layers:
        layer.attention.__class__ = Wrong
    return mutant


MASKS = {
    "not added": not_added,
    "wrong sign": wrong_sign,
    "multiplied": multiplied,
    "0 and 1 added": raw_mask_added,
    "after the softmax": after_the_softmax,
}
DIAGNOSIS = {
    "A": "0 and 1 added",
    "B": "after the softmax",
    "C": "not added",
    "D": "wrong sign",
    "E": "multiplied",
}
BOXES = {letter: MASKS[name] for letter, name in DIAGNOSIS.items()}
SHOWS = {  # what a box with this mistake would do
    "not added": "the weights would be the same with any mask",
    "wrong sign": "the padding would get all the weight",
    "multiplied": "padding would weigh as much as a token with a score of 0, whatever its own score",
    "0 and 1 added": "padding would weigh less than without a mask, and still more than nothing",
    "after the softmax": "padding would weigh nothing, and the other weights what they weigh without a mask",
}


# --- the checks -------------------------------------------------------------------------------------------

PADDED = torch.arange(5) < torch.tensor([5, 3, 2])[:, None]  # (B, T) = (3, 5)


def _two(answer, *inputs) -> tuple[Tensor, Tensor]:
    got = call(answer, *inputs)
    if not (isinstance(got, (tuple, list)) and len(got) == 2):
        raise NotYet("two things are expected, the outputs and the weights: return outputs, weights")
    return got[0], got[1]


def _look_at_weights(got, want: Tensor, mask: Tensor, what: str) -> None:
    """Raises NotYet for what can be said about weights without knowing the right ones."""
    if not (isinstance(got, Tensor) and got.shape == want.shape and got.dtype == want.dtype):
        return
    alike = torch.full_like(got, 1 / got.shape[-1])
    if mask.all() and (got.isnan().all() or torch.allclose(got, alike, atol=1e-6)):
        result = "the weights are NaN" if got.isnan().all() else "all keys get the same weight"
        raise NotYet(f"{what} {result}, as if each were hidden: the mask is True where a key may be seen")
    if not got.isfinite().all():
        return
    rows, columns = got.sum(-1), got.sum(-2)
    if not torch.allclose(rows, torch.ones_like(rows), atol=1e-4):
        if torch.allclose(columns, torch.ones_like(columns), atol=1e-4):
            raise NotYet(f"{what} the columns of the weights sum to 1, and the rows do not")
        raise NotYet(f"{what} the rows of the weights sum to {rows.min():.2f} and more, not to 1")
    hidden = got.masked_select(~mask.expand_as(got))
    if len(hidden) and hidden.max() > 1e-6:
        raise NotYet(f"{what} a key that the mask hides gets a weight of {hidden.max():.2f}")
    if mask.all():
        mine, theirs = (w.log() - w.log().mean(-1, keepdim=True) for w in (got, want))
        factor = (mine * theirs).sum() / (
            theirs * theirs
        ).sum()  # mine = factor * theirs, if only the scale is off
        if torch.allclose(mine, factor * theirs, atol=1e-3) and abs(factor - 1) > 1e-3:
            size = "large" if factor > 1 else "small"
            raise NotYet(f"{what} all scores are too {size} by one factor: what are they divided by?")


@check(
    "4.1",
    reference=attend,
    hints=(
        "Four steps: scores, hide what may not be seen, softmax, a weighted mean of the values.",
        "k.transpose(-1, -2) is (..., d, T), so the scores are (..., T, T), a row a query. Softmax goes along a row. "
        "The mask fits the scores by broadcasting.",
        "scores = q @ [k transposed] / [root of d]; where the mask is False put torch.finfo(scores.dtype).min; "
        "weights = softmax over the last axis; return weights @ v, weights",
    ),
)
def attention(answer):
    q, k, v = (2 * torch.randn(3, 5, 4) for _ in range(3))
    everyone = torch.ones(3, 1, 5, dtype=torch.bool)
    for what, mask, factor in (
        ("with no padding", everyone, 1),
        ("with padding", PADDED[:, None, :], 1),
        ("with large scores", PADDED[:, None, :], 30),
    ):
        inputs = factor * q, k, v, mask
        outputs, weights = _two(answer, *inputs)
        right_outputs, right_weights = attend(*inputs)
        _look_at_weights(weights, right_weights, mask, what)
        compare(weights, right_weights, f"{what} the second result, the weights,")
        compare(outputs, right_outputs, f"{what} the first result, the outputs,", atol=1e-4)
    nobody = PADDED[:, None, :].clone()
    nobody[1] = False
    if not all(result.isfinite().all() for result in _two(answer, q, k, v, nobody)):
        raise NotYet(
            "in a row of which every key is hidden the result is NaN: what number hides a key? "
            "A softmax needs a finite one"
        )
    inputs = (*(torch.randn(2, 3, 5, 4) for _ in range(3)), PADDED[1:, None, None, :])
    compare(_two(answer, *inputs)[0], attend(*inputs)[0], "with one more axis in front, the first result")


@check(
    "4.2",
    reference=in_heads,
    hints=(
        "Cut each vector into H pieces, bring the heads in front of the tokens, attend, and undo the two steps "
        "in the opposite order.",
        "(B, T, D) -> (B, T, H, D/H) -> (B, H, T, D/H), and back. The mask (B, T) must fit (B, H, T, T): "
        "mask[:, None, None, :].",
        "split(x) = x.view(B, T, H, D // H).transpose(1, 2); outputs, _ = attention(split(q), split(k), split(v), "
        "[mask]); return outputs.transpose(1, 2) with its last two axes made one (flatten(2))",
    ),
)
def multi_head(answer):
    q, k, v = (torch.randn(3, 5, 8) for _ in range(3))
    full = torch.ones(3, 5, dtype=torch.bool)
    compare(call(answer, q, k, v, full, 1), in_heads(q, k, v, full, 1), "with one head, the output")
    got, want = call(answer, q, k, v, full, 4), in_heads(q, k, v, full, 4)
    if isinstance(got, Tensor) and got.shape == want.shape and not torch.allclose(got, want, atol=1e-5):
        order = torch.tensor([2, 0, 1, 4, 3])
        moved = call(answer, q[:, order], k[:, order], v[:, order], full, 4)
        if not torch.allclose(got[:, order], moved, atol=1e-5):
            raise NotYet(
                "with one head it is right; with 4, tokens in another order get other outputs, not the same ones "
                "in that order: somewhere a view mixes heads with tokens"
            )
    compare(got, want, "with one head it is right; with 4, the output")
    got, want = call(answer, q, k, v, PADDED, 4), in_heads(q, k, v, PADDED, 4)
    if isinstance(got, Tensor) and got.shape == want.shape:
        other = [torch.where(PADDED[..., None], x, x + 1) for x in (q, k, v)]
        again = call(answer, *other, PADDED, 4)
        if not torch.allclose(got[PADDED], again[PADDED], atol=1e-5):
            raise NotYet("what stands in the padding changes the output at tokens: does the mask hide keys?")
    compare(got, want, "with padding, the output")


@check(
    "4.3",
    reference=DIAGNOSIS,
    hints=(
        "One box is told by the tests alone, a second by the probe at a glance. For the other three look at one "
        "weight only, that of the padding, and at how it follows the padding's own score.",
        "Five keys, A to E, each with one of the five names, no name twice.",
        "For each box: do its rows sum to 1? is the padding's weight 0, or nearly 1? If neither, divide the padding's "
        "weight by that of the token with score 0: exp of its score, exp of its score minus 1, or 1?",
    ),
)
def diagnosis(answer):
    if not isinstance(answer, dict) or set(answer) != set(DIAGNOSIS):
        raise NotYet("a dictionary with the keys A, B, C, D and E is expected")
    for box, name in answer.items():
        if name is None or name is ...:
            raise NotYet(f"box {box} has no name yet")
        if name not in MASKS:
            raise NotYet(f"{name!r} is not in the list; copy a name from it")
    for box, name in answer.items():
        if name != DIAGNOSIS[box]:
            raise NotYet(f"box {box} is not '{name}': then {SHOWS[name]}, which is not what it does")


@check(
    "4.4",
    reference=count_parameters,
    hints=(
        "Heads share out the width; they do not add to it. What has parameters here are three linear layers.",
        "A linear layer from D to D has a weight (D, D) and a bias (D,). H says only whether it can be shared out.",
        "if D is no multiple of H: raise ValueError(...); return 3 * [entries of one weight and one bias]",
    ),
)
def attention_parameters(answer):
    for D, heads in ((768, (12, 24, 1)), (384, (12, 6)), (30, (5,))):
        found = {H: call(answer, D, H) for H in heads}
        for H, got in found.items():
            if isinstance(got, bool) or not isinstance(got, int):
                raise NotYet(f"it returns a {type(got).__name__}; a number of parameters is an int")
            if got != found[heads[0]]:
                raise NotYet(f"with D {D} it gives another number for {H} heads than for {heads[0]}")
        got, want = found[heads[0]], count_parameters(D, heads[0])
        if got != want:
            raise NotYet(f"with D {D} and H {heads[0]} it gives too {'many' if got > want else 'few'}")
    for D, H in ((768, 36), (384, 36), (728, 12)):
        try:
            got = answer(D, H)
        except ValueError:
            continue
        raise NotYet(f"for D {D} and H {H} it returns {got}, where no such attention can be built")
