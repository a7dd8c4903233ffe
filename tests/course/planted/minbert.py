"""Wrong answers to 05_minbert, most of them seen in public forks of the course project."""

import torch

from mtlkit.course import mutations


def embed_without_places(ids, types, word, position, token_type, norm, dropout):
    return dropout(norm(word(ids) + token_type(types)))


def embed_types_always_zero(ids, types, word, position, token_type, norm, dropout):
    x = word(ids) + position.weight[: ids.shape[1]] + token_type(torch.zeros_like(types))
    return dropout(norm(x))


def embed_dropout_before_norm(ids, types, word, position, token_type, norm, dropout):
    return norm(dropout(word(ids) + position.weight[: ids.shape[1]] + token_type(types)))


def embed_without_norm(ids, types, word, position, token_type, norm, dropout):
    return dropout(word(ids) + position.weight[: ids.shape[1]] + token_type(types))


def embed_whole_table_of_places(ids, types, word, position, token_type, norm, dropout):
    return dropout(norm(word(ids) + position.weight + token_type(types)))


def embed_without_dropout(ids, types, word, position, token_type, norm, dropout):
    return norm(word(ids) + position.weight[: ids.shape[1]] + token_type(types))


def embed_changes_the_table(ids, types, word, position, token_type, norm, dropout):
    x = word(ids).detach() + position.weight[: ids.shape[1]] + token_type(types)
    ids.zero_()
    return dropout(norm(x))


def dropout_after_the_sum(residual, x, dense, dropout, norm):
    return norm(dropout(residual + dense(x)))


def dropout_before_dense(residual, x, dense, dropout, norm):
    return norm(residual + dense(dropout(x)))


def dropout_after_the_norm(residual, x, dense, dropout, norm):
    return dropout(norm(residual + dense(x)))


def no_dropout(residual, x, dense, dropout, norm):
    return norm(residual + dense(x))


def dropout_on_both(residual, x, dense, dropout, norm):
    return norm(dropout(residual) + dropout(dense(x)))


def norm_before_the_sum(residual, x, dense, dropout, norm):
    return residual + norm(dropout(dense(x)))


def no_residual(residual, x, dense, dropout, norm):
    return norm(dropout(dense(x)))


def no_norm(residual, x, dense, dropout, norm):
    return residual + dropout(dense(x))


def residual_from_h(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    a = attention_norm(h, attention(h, mask)[0])
    return feed_forward_norm(h, feed_forward(a))


def mask_forgotten(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    a = attention_norm(h, attention(h, None)[0])
    return feed_forward_norm(a, feed_forward(a))


def first_row_only(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    return attention_norm(h, attention(h, mask)[0])


def feed_forward_from_h(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    a = attention_norm(h, attention(h, mask)[0])
    return feed_forward_norm(a, feed_forward(h))


def side_by_side(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    return attention_norm(h, attention(h, mask)[0]) + feed_forward_norm(h, feed_forward(h))


def arguments_swapped(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    a = attention_norm(attention(h, mask)[0], h)
    return feed_forward_norm(a, feed_forward(a))


def weights_not_taken_apart(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    a = attention_norm(h, attention(h, mask))
    return feed_forward_norm(a, feed_forward(a))


def returns_the_weights_too(h, mask, attention, attention_norm, feed_forward, feed_forward_norm):
    heads, weights = attention(h, mask)
    a = attention_norm(h, heads)
    return feed_forward_norm(a, feed_forward(a)), weights


TRUTH = mutations.lab()["caught by"].to_dict()

PLANTED = {
    "embed": {
        "no positions": embed_without_places,
        "token types always 0, as in a starter": embed_types_always_zero,
        "dropout before LayerNorm": embed_dropout_before_norm,
        "no LayerNorm": embed_without_norm,
        "no dropout": embed_without_dropout,
        "the whole table of positions": embed_whole_table_of_places,
        "its input changed": embed_changes_the_table,
    },
    "add_norm": {
        "dropout after the residual sum": dropout_after_the_sum,
        "dropout before dense": dropout_before_dense,
        "dropout after the norm": dropout_after_the_norm,
        "no dropout": no_dropout,
        "dropout on the residual too": dropout_on_both,
        "norm before the sum": norm_before_the_sum,
        "no residual": no_residual,
        "no norm": no_norm,
    },
    "bert_layer": {
        "second residual from h, as a report prints it": residual_from_h,
        "mask forgotten": mask_forgotten,
        "the first row only": first_row_only,
        "feed-forward reads h": feed_forward_from_h,
        "attention and feed-forward side by side": side_by_side,
        "residual and update swapped": arguments_swapped,
        "the pair not taken apart": weights_not_taken_apart,
        "a pair returned": returns_the_weights_too,
    },
    "predict": {
        "parity sees all": lambda mistakes: dict.fromkeys(mistakes, "parity"),
        "all mistakes of dropout to the oracle": lambda mistakes: {
            name: "oracle" if "dropout" in name else "parity" for name in mistakes
        },
        "one missing": lambda mistakes: {n: TRUTH[n] for n in mistakes if n != "pre-LN"},
        "another word": lambda mistakes: {**TRUTH, "pre-LN": "oracle and parity"},
        "another name": lambda mistakes: {**TRUTH, "pre-norm": "both"},
        "a list": lambda mistakes: [TRUTH[name] for name in mistakes],
    },
}

TOLD = {  # words that the verdict must have
    "add_norm": {
        "dropout after the residual sum": "the residual is gone",
        "dropout before dense": "dense's bias is left",
        "dropout after the norm": "the output is 0",
        "no dropout": "nothing is dropped",
        "dropout on the residual too": "the residual is gone",
        "norm before the sum": "only one part of the sum is normalised",
        "no residual": "the residual is missing",
        "no norm": "the sum without its norm",
    },
    "bert_layer": {
        "second residual from h, as a report prints it": "what is the residual of the second?",
        "mask forgotten": "does the mask reach attention?",
        "the first row only": "the second is missing",
        "feed-forward reads h": "what does feed-forward read?",
        "residual and update swapped": "which of the two is the residual?",
    },
}
