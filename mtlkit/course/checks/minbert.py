"""The checks of 05_minbert. The library's own `forward`s are the references, so text and library cannot drift apart."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from mtlkit.bert.layers import AddNorm, Embeddings, Layer
from mtlkit.course import mutations

from . import NotYet, call, check, compare

B, T, D, INNER = 2, 5, 8, 12


def _norm() -> nn.LayerNorm:
    """A norm whose weight and bias are not the 1 and 0 that it begins with."""
    norm = nn.LayerNorm(D)
    nn.init.normal_(norm.weight, 1, 0.3)
    nn.init.normal_(norm.bias)
    return norm


# --- 5.1 --------------------------------------------------------------------------------------------------


def _embed(ids, types, word, position, token_type, norm, dropout) -> Tensor:
    tables = SimpleNamespace(word=word, position=position, token_type=token_type, norm=norm, dropout=dropout)
    return Embeddings.forward(tables, ids, types)  # type: ignore[arg-type]


@check(
    "5.1",
    reference=_embed,
    hints=(
        "Three vectors for each token: of its word piece, of its place, of its type. Add them, normalise, drop.",
        "word(ids) and token_type(types) are (B, T, D). The first T rows of position.weight are (T, D), and are "
        "added to every sentence by broadcasting.",
        "x = [vectors of ids] + [first T rows of the table of places] + [vectors of types]; then norm, then dropout.",
    ),
)
def embed(answer):
    ids, types = torch.randint(0, 20, (B, T)), torch.randint(0, 2, (B, T))
    named = {
        "word": nn.Embedding(20, D), "position": nn.Embedding(9, D),
        "token_type": nn.Embedding(2, D), "norm": _norm(),
    }  # fmt: skip
    for what, dropout in (
        ("without dropout, the output", nn.Dropout(0.0)),
        ("with p = 1 in training mode, where dropout lets nothing through, the output", nn.Dropout(1.0)),
        ("with a dropout that only scales, the output", _Triple()),
    ):
        got = call(answer, ids, types, dropout=dropout, **named)
        compare(got, _embed(ids, types, dropout=dropout, **named), what)


class _Triple(nn.Module):
    """In dropout's place: its effect is known, and shows where it stands."""

    def forward(self, x: Tensor) -> Tensor:
        return 3 * x


def _named(got: Any, mistakes: dict[str, Tensor]) -> None:
    """Raises NotYet with the first sentence whose mistake would give `got`."""
    for sentence, wrong in mistakes.items():
        alike = isinstance(got, Tensor) and got.shape == wrong.shape and got.dtype == wrong.dtype
        if alike and torch.allclose(got, wrong, atol=1e-5):
            raise NotYet(sentence)


# --- 5.2 --------------------------------------------------------------------------------------------------


def _add_norm(residual, x, dense, dropout, norm) -> Tensor:
    return AddNorm.forward(SimpleNamespace(dense=dense, dropout=dropout, norm=norm), residual, x)  # type: ignore[arg-type]


@check(
    "5.2",
    reference=_add_norm,
    hints=(
        "Dropout may erase what is new in this step, and never what the residual brings from below.",
        "x is (B, T, I), dense makes it (B, T, D): only then has it the residual's shape.",
        "norm of (residual + dropout of (dense of x)).",
    ),
)
def add_norm(answer):
    residual, x = torch.randn(B, T, D), torch.randn(B, T, INNER)
    dense, norm = nn.Linear(INNER, D), _norm()
    new, nothing = dense(x), torch.zeros_like(residual)
    mode, drops = "in evaluation mode", "in training mode with p = 1"
    for what, dropout, mistakes in (
        (
            f"{mode} the output", nn.Dropout(0.5).eval(),
            {
                f"{mode} the residual is missing from the output": norm(new),
                f"{mode} the output is the sum without its norm": residual + new,
                f"{mode} only one part of the sum is normalised; the norm comes last": residual + norm(new),
            },
        ),
        (
            f"{drops} the output, which should be LN(residual),", nn.Dropout(1.0),
            {
                f"{drops} the residual is gone: what has dropout erased?": norm(nothing),
                f"{drops} dense's bias is left: dropout comes before dense": norm(residual + dense.bias),
                f"{drops} nothing is dropped": norm(residual + new),
                f"{drops} the output is 0: dropout comes after the norm": nothing,
            },
        ),
        ("with a dropout that only scales, the output", _Triple(), {}),
    ):  # fmt: skip
        got = call(answer, residual, x, dense, dropout, norm)
        _named(got, mistakes)
        compare(got, _add_norm(residual, x, dense, dropout, norm), what)


# --- 5.3 --------------------------------------------------------------------------------------------------


def _bert_layer(h, mask, attention, attention_norm, feed_forward, feed_forward_norm) -> Tensor:
    parts = SimpleNamespace(
        attention=attention,
        attention_norm=attention_norm,
        feed_forward=feed_forward,
        feed_forward_norm=feed_forward_norm,
    )
    return Layer.forward(parts, h, mask)[0]  # type: ignore[arg-type]


PARTS = ("attention", "attention_norm", "feed_forward", "feed_forward_norm")


@check(
    "5.3",
    reference=_bert_layer,
    hints=(
        "Follow the two rows of the picture: each ends in add & norm, and each residual is what entered its row.",
        "attention(h, mask) returns two things, the heads (B, T, D) and weights that are not needed here. "
        "feed_forward gives (B, T, I); both norms give (B, T, D).",
        "heads, _ = attention of (h, mask); a = attention_norm of (what entered, heads); "
        "return feed_forward_norm of (what entered this row, feed_forward of a).",
    ),
)
def bert_layer(answer):
    inputs = mutations.random_inputs()
    h = torch.randn(*inputs.ids.shape, mutations.SMALL.hidden_size, dtype=torch.float64)
    layer: Any = mutations.random_bert().layers[0]
    parts = {name: getattr(layer, name) for name in PARTS}
    got = call(answer, h, inputs.mask, **parts)
    want = _bert_layer(h, inputs.mask, **parts)
    if isinstance(got, tuple):
        raise NotYet("it returns a tuple where one tensor is expected: the attention weights stay inside")
    if isinstance(got, Tensor) and got.shape == want.shape and got.isfinite().all():
        full = inputs.mask.all(1)
        if torch.allclose(got[full], want[full]) and not torch.allclose(got[~full], want[~full]):
            raise NotYet(
                "a row without padding is right, and a padded row is not: does the mask reach attention?"
            )
    heads, _ = layer.attention(h, inputs.mask)
    a = layer.attention_norm(h, heads)
    first = "the first row of the picture is right;"
    mistakes = {
        f"{first} what is the residual of the second?": layer.feed_forward_norm(h, layer.feed_forward(a)),
        f"{first} what does feed-forward read?": layer.feed_forward_norm(a, layer.feed_forward(h)),
        f"{first} the second is missing": a,
    }
    swapped = layer.attention_norm(heads, h)
    mistakes["in the first row, which of the two is the residual?"] = layer.feed_forward_norm(
        swapped, layer.feed_forward(swapped)
    )
    _named(got, mistakes)
    compare(got, want)


# --- 5.4 --------------------------------------------------------------------------------------------------


@cache
def _truth() -> dict[str, str]:
    """Measured once a session: mistake -> which test sees it."""
    return mutations.lab()["caught by"].to_dict()


def _measured(mistakes) -> dict[str, str]:
    return {mistake: _truth()[mistake] for mistake in mistakes}


def guessed(answer: Any) -> dict[str, str]:
    """What `answer` itself predicts, right or wrong, for the lab's table: {} if it is no answer yet."""
    try:
        got = answer(list(mutations.MISTAKES))
        return {name: str(got[name]) for name in mutations.MISTAKES if name in got}
    except Exception:  # a student's code may raise anything
        return {}


@check(
    "5.4",
    reference=_measured,
    hints=(
        "The parity test runs in evaluation mode, where dropout does nothing. The oracle looks at three kinds of part, "
        "one by one, with p = 1, where nothing but biases, norms and residuals is left.",
        "What parity cannot see is all about dropout. For each of those mistakes ask what the part gives when every "
        "dropout in it gives 0.",
        "For each mistake: does it change anything when no dropout is there? Then parity. Does it change "
        "attention = 0, add & norm = LN(residual) or embeddings = 0 at p = 1? Then oracle. Both, or neither: say so.",
    ),
)
def predict(answer: Any):
    truth = _truth()
    got = call(answer, list(truth))
    if not isinstance(got, dict):
        raise NotYet(f"a dictionary is expected; this is of type {type(got).__name__}")
    if missing := [name for name in truth if name not in got]:
        raise NotYet(f"without a prediction: {'; '.join(missing)}")
    if unknown := [name for name in got if name not in truth]:
        raise NotYet(f"{unknown[0]!r} is not in the list of mistakes; copy the name")
    if odd := [word for word in got.values() if word not in mutations.VERDICTS]:
        raise NotYet(f"{odd[0]!r} is not one of {', '.join(mutations.VERDICTS)}")
    off = [name for name in truth if got[name] != truth[name]]
    if off:
        raise NotYet(
            f"{len(truth) - len(off)} of {len(truth)} are right; measured otherwise: {'; '.join(off)}"
        )
