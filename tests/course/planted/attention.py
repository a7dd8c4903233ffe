"""Wrong answers to 04_attention, most of them seen in public forks of the course project and in libraries' issues."""

import math

import torch

from mtlkit.course.checks.attention import DIAGNOSIS, MASKS, attend

# --- 4.1: each mistake is in one step ---------------------------------------------------------------------


def scores_of(q, k, scale=None):
    return q @ k.transpose(-1, -2) / (scale or math.sqrt(q.shape[-1]))


def hide(scores, mask):
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min)


def masked_by(weigh):
    def attention(q, k, v, mask):
        weights = weigh(scores_of(q, k), mask)
        return weights @ v, weights

    return attention


def without_the_root(q, k, v, mask):
    weights = hide(scores_of(q, k, scale=1), mask).softmax(-1)
    return weights @ v, weights


def divided_by_d(q, k, v, mask):
    weights = hide(scores_of(q, k, scale=q.shape[-1]), mask).softmax(-1)
    return weights @ v, weights


def softmax_over_queries(q, k, v, mask):
    weights = hide(scores_of(q, k), mask).softmax(-2)
    return weights @ v, weights


def softmax_by_hand(q, k, v, mask):
    powers = scores_of(q, k).exp() * mask
    weights = powers / powers.sum(-1, keepdim=True)
    return weights @ v, weights


def upside_down(number):
    return masked_by(lambda scores, mask: scores.masked_fill(mask, number).softmax(-1))


def minus_infinity(q, k, v, mask):
    weights = scores_of(q, k).masked_fill(~mask, -math.inf).softmax(-1)
    return weights @ v, weights


def queries_hidden(q, k, v, mask):
    weights = hide(scores_of(q, k), mask.transpose(-1, -2)).softmax(-1)
    return weights @ v, weights


def keys_for_values(q, k, v, mask):
    weights = attend(q, k, v, mask)[1]
    return weights @ k, weights


def queries_and_keys_swapped(q, k, v, mask):
    return attend(k, q, v, mask)


def outputs_only(q, k, v, mask):
    return attend(q, k, v, mask)[0]


def the_other_way_round(q, k, v, mask):
    return attend(q, k, v, mask)[::-1]


def scores_for_weights(q, k, v, mask):
    return attend(q, k, v, mask)[0], scores_of(q, k)


# --- 4.2 --------------------------------------------------------------------------------------------------


def split(x, H):
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def attended(q, k, v, mask, H):
    return attend(split(q, H), split(k, H), split(v, H), mask[:, None, None, :])[0]


def not_transposed_back(q, k, v, mask, H):
    B, T, D = q.shape
    return attended(q, k, v, mask, H).reshape(B, T, D)


def never_transposed(q, k, v, mask, H):
    B, T, D = q.shape
    q, k, v = (x.reshape(B, H, T, D // H) for x in (q, k, v))
    return attend(q, k, v, mask[:, None, None, :])[0].reshape(B, T, D)


def view_then_transposed_back(q, k, v, mask, H):
    B, T, D = q.shape
    q, k, v = (x.reshape(B, H, T, D // H) for x in (q, k, v))
    return attend(q, k, v, mask[:, None, None, :])[0].transpose(1, 2).flatten(2)


def heads_left_apart(q, k, v, mask, H):
    return attended(q, k, v, mask, H)


def one_head(q, k, v, mask, H):
    return attend(q, k, v, mask[:, None, :])[0]


def mean_of_heads(q, k, v, mask, H):
    return attended(q, k, v, mask, H).mean(1).repeat(1, 1, H)


def mask_forgotten(q, k, v, mask, H):
    return attended(q, k, v, torch.ones_like(mask), H).transpose(1, 2).flatten(2)


def mask_on_queries(q, k, v, mask, H):
    return attend(split(q, H), split(k, H), split(v, H), mask[:, None, :, None])[0].transpose(1, 2).flatten(2)


def scaled_by_width(q, k, v, mask, H):
    outputs, _ = attend(split(q / H**0.5, H), split(k, H), split(v, H), mask[:, None, None, :])
    return outputs.transpose(1, 2).flatten(2)


def heads_in_turns(q, k, v, mask, H):
    """Head h takes every H-th number of a vector, not a run of them."""
    q, k, v = (x.unflatten(-1, (-1, H)).permute(0, 3, 1, 2) for x in (q, k, v))
    return attend(q, k, v, mask[:, None, None, :])[0].transpose(1, 2).flatten(2)


# --- 4.4 --------------------------------------------------------------------------------------------------


def fits(D, H):
    if D % H:
        raise ValueError(f"{H} heads do not divide {D}")


def rounded_down(D, H):
    width = int(D / H) * H  # as in a starter's code
    return 3 * (D * width + width)


def without_biases(D, H):
    fits(D, H)
    return 3 * D * D


def a_weight_a_head(D, H):
    fits(D, H)
    return 3 * H * (D * D + D)


def narrow_biases(D, H):
    fits(D, H)
    return 3 * (D * D + D // H)


def with_the_dense_step(D, H):
    fits(D, H)
    return 4 * (D * D + D)


def a_float(D, H):
    fits(D, H)
    return 3 * H * (D * D / H + D / H)


def complains_in_words(D, H):
    return 3 * (D * D + D) if D % H == 0 else "H does not divide D"


def no_head_but_twelve(D, H):
    if H != 12:
        raise ValueError("12 heads")
    return 3 * (D * D + D)


PLANTED = {
    "attention": {
        **{f"mask: {name}": masked_by(weigh) for name, weigh in MASKS.items()},
        "scores not divided": without_the_root,
        "divided by d": divided_by_d,
        "mask upside down": upside_down(torch.finfo(torch.float32).min),
        "mask upside down, minus infinity": upside_down(-math.inf),
        "minus infinity": minus_infinity,
        "softmax over the queries": softmax_over_queries,
        "a softmax that overflows": softmax_by_hand,
        "queries hidden, not keys": queries_hidden,
        "keys for values": keys_for_values,
        "queries and keys swapped": queries_and_keys_swapped,
        "the outputs alone": outputs_only,
        "weights first": the_other_way_round,
        "scores for weights": scores_for_weights,
    },
    "multi_head": {
        "heads not transposed back": not_transposed_back,
        "a view for a transpose, twice": never_transposed,
        "a view for a transpose, once": view_then_transposed_back,
        "heads left apart": heads_left_apart,
        "one head": one_head,
        "the mean of the heads": mean_of_heads,
        "the mask forgotten": mask_forgotten,
        "the mask on queries": mask_on_queries,
        "scaled by the whole width": scaled_by_width,
        "heads take turns in a vector": heads_in_turns,
    },
    "diagnosis": {
        "two swapped": {**DIAGNOSIS, "C": "multiplied", "E": "not added"},
        "all alike": dict.fromkeys(DIAGNOSIS, "not added"),
        "another word": {**DIAGNOSIS, "D": "sign"},
        "one left out": {box: name for box, name in DIAGNOSIS.items() if box != "E"},
        "one open": {**DIAGNOSIS, "B": None},
        "a list": list(DIAGNOSIS.values()),
    },
    "attention_parameters": {
        "rounded down": rounded_down,
        "no biases": without_biases,
        "a whole weight for each head": a_weight_a_head,
        "biases of one head": narrow_biases,
        "with the dense step of add & norm": with_the_dense_step,
        "a float": a_float,
        "words for an error": complains_in_words,
        "only twelve heads": no_head_but_twelve,
    },
}

TOLD = {  # words that the verdict must have
    "attention": {
        "mask upside down": "all keys get the same weight, as if each were hidden",
        "mask upside down, minus infinity": "weights are NaN, as if each were hidden",
        "minus infinity": "every key is hidden the result is NaN",
        "scores not divided": "too large by one factor",
        "divided by d": "too small by one factor",
    },
}
