"""Examples -> padded tensors: tokenise once, put sentences of like length together, pad to the longest of the batch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from jaxtyping import Bool, Int, Shaped
from tokenizers import Tokenizer
from torch import Tensor

from .read import Example

POOL = 50  # batches are cut from pools of at most this many batches' examples, sorted by length


@dataclass(frozen=True)
class Encoded:
    """Tokenised examples. `rows[side][i]` are example i's word-piece numbers, `types[side][i]` its token types;
    there are two sides where pairs are read as two sequences, else one."""

    rows: tuple[list[list[int]], ...]
    types: tuple[list[list[int]], ...]
    labels: list[int | float] | None
    ids: list[str]
    pad: int = 0
    truncated: int = 0  # sequences cut to max_length

    def __len__(self):
        return len(self.ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example (of its longer side)."""
        return [max(map(len, sides)) for sides in zip(*self.rows, strict=True)]


@dataclass(frozen=True)
class Batch:
    """B examples. For pairs read as two sequences the B left sides come first, then the B right sides, so that
    one pass of the encoder sees them all: N = 2B rows; otherwise N = B."""

    ids: Int[Tensor, "N T"]
    mask: Bool[Tensor, "N T"]
    types: Int[Tensor, "N T"]
    labels: Shaped[Tensor, " B"] | None
    index: Int[Tensor, " B"]  # which examples these are
    padded: bool  # False: every row is full, and attention needs no mask

    def to(self, device: torch.device | str) -> "Batch":
        labels = None if self.labels is None else self.labels.to(device)
        return replace(
            self,
            ids=self.ids.to(device),
            mask=self.mask.to(device),
            types=self.types.to(device),
            labels=labels,
        )


def encode(
    examples: Sequence[Example], tokenizer: Tokenizer, pairing: str = "two", max_length: int = 512
) -> Encoded:
    """Tokenise once, before training.

    pairing: "two" gives each sentence of a pair its own sequence, [CLS] a [SEP] and [CLS] b [SEP];
    "one" puts both into one, [CLS] a [SEP] b [SEP], with token types 0 and 1 (as BERT was trained).
    Single sentences are the same either way. Sequences over `max_length` tokens are cut: [SEP] stays, the longer
    sentence of a pair gives first. Raises ValueError for an unknown pairing, no examples, mixed ones, or a
    max_length that leaves no room for words.
    """
    if pairing not in ("one", "two"):
        raise ValueError(f'pairing is "one" or "two", not {pairing!r}')
    if not examples:
        raise ValueError("no examples to encode")
    if len({len(example.sentences) for example in examples}) > 1:
        raise ValueError("single sentences and pairs do not mix in one data set")
    labels = [example.label for example in examples if example.label is not None]
    if labels and len(labels) < len(examples):
        raise ValueError("some examples have labels and some have none")
    if pairing == "one":
        texts = [[e.sentences if len(e.sentences) > 1 else e.sentences[0] for e in examples]]
    else:
        texts = [list(side) for side in zip(*(e.sentences for e in examples), strict=True)]
    tokenizer = Tokenizer.from_str(tokenizer.to_str())  # the caller's keeps its own truncation and padding
    tokenizer.no_padding()
    pair = isinstance(texts[0][0], tuple)
    least = tokenizer.num_special_tokens_to_add(pair) + 1 + pair  # a word piece of each sentence
    if max_length < least:
        raise ValueError(f"max_length is at least {least} here, not {max_length}")
    tokenizer.enable_truncation(max_length)
    sides = [tokenizer.encode_batch(side) for side in texts]
    return Encoded(
        tuple([e.ids for e in side] for side in sides),
        tuple([e.type_ids for e in side] for side in sides),
        labels or None,
        [e.id for e in examples],
        tokenizer.token_to_id("[PAD]") or 0,
        sum(bool(e.overflowing) for side in sides for e in side),
    )


def collate(encoded: Encoded, index: Sequence[int]) -> Batch:
    """The batch of these examples, padded on the right to its own longest row."""
    rows = [side[i] for side in encoded.rows for i in index]
    types = [side[i] for side in encoded.types for i in index]
    T = max(map(len, rows))
    ids = torch.tensor([row + [encoded.pad] * (T - len(row)) for row in rows])
    mask = torch.tensor([[True] * len(row) + [False] * (T - len(row)) for row in rows])
    types = torch.tensor([row + [0] * (T - len(row)) for row in types])
    labels = None if encoded.labels is None else torch.tensor([encoded.labels[i] for i in index])
    return Batch(ids, mask, types, labels, torch.tensor(list(index)), bool(min(map(len, rows)) < T))


def plan(
    lengths: Sequence[int], batch_size: int, generator: torch.Generator | None, drop_last=False
) -> list[list[int]]:
    """Which examples go into which batch: every example once.

    With a generator: shuffled, cut into pools of 50 batches (fewer in small data, so that there are 4 pools), each
    pool sorted by length and cut into batches, the batches shuffled. So a batch holds like lengths (little padding)
    and its examples still differ every epoch.
    Without: sorted by length, for evaluation.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is at least 1, not {batch_size}")
    n = len(lengths)
    order = list(range(n)) if generator is None else torch.randperm(n, generator=generator).tolist()
    quarter = math.ceil(
        n / (4 * batch_size)
    )  # batches: one pool of all data would give the same ones every epoch
    pool = n if generator is None else min(POOL, quarter) * batch_size
    batches = []
    for start in range(0, n, max(pool, 1)):
        chunk = sorted(order[start : start + pool], key=lambda i: lengths[i])
        batches += [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
    if drop_last:
        batches = [batch for batch in batches if len(batch) == batch_size]
    if generator is not None:
        batches = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
    return batches


class Batches:
    """One pass over a data set at a time: `for batch in batches`. A new pass draws a new plan from `generator`.

    encoded: what `encode` gave. batch_size: examples a batch. generator: the source of the shuffle (None: in order
    of length, for evaluation).
    """

    def __init__(self, encoded: Encoded, batch_size: int, generator: torch.Generator | None = None):
        self.encoded, self.batch_size, self.generator = encoded, batch_size, generator

    def __len__(self) -> int:
        return len(self.plan_lengths())

    def plan_lengths(self) -> list[int]:
        return [len(batch) for batch in plan(self.encoded.lengths, self.batch_size, None)]

    def __iter__(self) -> Iterator[Batch]:
        for index in plan(self.encoded.lengths, self.batch_size, self.generator):
            yield collate(self.encoded, index)


class StreamState(TypedDict):
    """The generator's state at the start of the running pass, and how many of its batches have been handed out."""

    generator: Tensor
    place: int


class Stream:
    """Batches without end, as lists of examples: pass after pass, every pass a new `plan`.

    encoded: what `encode` gave. batch_size: examples a batch. generator: the source of the shuffle, which no one
    else may draw from, or a restored stream would not go on as the stored one. Raises ValueError for no examples.
    """

    def __init__(self, encoded: Encoded, batch_size: int, generator: torch.Generator):
        if not len(encoded):
            raise ValueError("a stream needs at least one example")
        self.encoded, self.batch_size, self.generator = encoded, batch_size, generator
        self._lengths = encoded.lengths
        self._begin()

    def _begin(self) -> None:
        self._start, self._place = self.generator.get_state(), 0
        self._pass = plan(self._lengths, self.batch_size, self.generator)

    def next_index(self) -> list[int]:
        """The examples of the next batch, for `collate`."""
        if self._place == len(self._pass):
            self._begin()
        self._place += 1
        return self._pass[self._place - 1]

    def state(self) -> StreamState:
        """Where the stream stands; taking it changes nothing."""
        return {"generator": self._start, "place": self._place}

    def restore(self, state: StreamState) -> None:
        """Go on where `state` was taken, exactly, in a stream of the same data and batch size. Raises ValueError
        for a place that no pass of this stream has."""
        place = state["place"]
        if not 0 <= place <= len(self._pass):
            raise ValueError(
                f"the state is at batch {place} and a pass has {len(self._pass)} here: "
                "restore it with the data and batch size that it was taken with"
            )
        self.generator.set_state(state["generator"])
        self._begin()
        self._place = place
