"""Wrong answers to the exercises of 03_word_pieces, some of them from public forks, libraries' threads and a report."""

from collections import Counter
from itertools import pairwise
from math import log

import torch

from mtlkit.course.checks.word_pieces import greedy_pieces, one_row, scores_of_pairs, word_numbers


def counted(words, *, times=True, single_times=True, across=False, first_only=False):
    """Counts of pieces and pairs, with a switch for each way to miscount."""
    single, pairs = Counter(), Counter()
    for pieces, n in words.items():
        for piece in set(pieces) if first_only else pieces:
            single[piece] += n if single_times else 1
        for pair in set(pairwise(pieces)):
            pairs[pair] += n if times else 1
        if across:
            pairs[pieces[-1], pieces[0]] += n
    return single, pairs


def scored(score=lambda n, a, b, total: n / (a * b), **switches):
    def answer(words):
        single, pairs = counted(words, **switches)
        total = sum(single.values())
        return {(a, b): score(n, single[a], single[b], total) for (a, b), n in pairs.items()}

    return answer


def shortest_first(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        for end in range(start + 1, len(word) + 1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                pieces.append(piece)
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces


def matched(word, vocab, *, mark=True, unknown="word", limit=100, strip=False):
    """Greedy longest match, with a switch for each way to go wrong."""
    pieces, start = [], 0
    if limit and len(word) > limit:
        return ["[UNK]"]
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start and mark else "") + word[start:end]
            if piece in vocab:
                pieces.append(piece.removeprefix("##") if strip else piece)
                start = end
                break
        else:
            if unknown == "word":
                return ["[UNK]"]
            if unknown == "rest":
                return [*pieces, "[UNK]"]
            if unknown == "letter":
                pieces.append("[UNK]")
                start += 1
            elif unknown == "leave":
                return pieces
    return pieces


def matching(**switches):
    return lambda word, vocab: matched(word, vocab, **switches)


def fewest_pieces(word, vocab):
    """Looks for the best split, which greedy matching does not."""
    best = {0: []}
    for end in range(1, len(word) + 1):
        for start in range(end):
            piece = ("##" if start else "") + word[start:end]
            if (
                start in best
                and piece in vocab
                and (end not in best or len(best[start]) + 1 < len(best[end]))
            ):
                best[end] = [*best[start], piece]
    return best.get(len(word), ["[UNK]"]) if len(word) <= 100 else ["[UNK]"]


def stands_still(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        end = len(word)
        while end > start and word[start:end] not in vocab:
            end -= 1
        pieces.append(word[start:end])
    return pieces


def concatenated(a, b, T, cls, sep, pad):
    """Two padded rows one after the other, as several public forks have it."""
    half = (T + 1) // 2
    first = [cls, *a, sep]
    ids = (first + [pad] * (half - len(first)) + [*b, sep])[:T]
    ids += [pad] * (T - len(ids))
    return ids, [0] * T, [i != pad for i in ids]


def second_cls(a, b, T, cls, sep, pad):
    ids = [cls, *a, sep, cls, *b, sep]
    ids += [pad] * (T - len(ids))
    return ids[:T], [0] * (len(a) + 2) + [1] * (T - len(a) - 2), [i != pad for i in ids[:T]]


def no_second_sep(a, b, T, cls, sep, pad):
    ids = [cls, *a, sep, *b]
    empty = T - len(ids)
    types = [0] * (len(a) + 2) + [1] * len(b) + [0] * empty
    return ids + [pad] * empty, types, [True] * len(ids) + [False] * empty


def extends_a(a, b, T, cls, sep, pad):
    a.append(sep)
    return one_row(a[:-1], b, T, cls, sep, pad)


def row(change):
    """The right row, changed: change(ids, types, mask, number of tokens, len(a))."""

    def answer(a, b, T, cls, sep, pad):
        return change(*one_row(a, b, T, cls, sep, pad), len(a) + len(b) + 3, len(a))

    return answer


def numbered(*, empty=True, place="start", inclusive=False, none=None):
    """For each piece a word, with a switch for each way to go wrong."""

    def answer(offsets, spans):
        found = []
        for start, end in offsets:
            at = start if place == "start" else max(end - 1, 0)
            inside = [n for n, (left, right) in enumerate(spans) if left <= at < right + inclusive]
            found.append(none if empty and start == end else inside[0] if inside else none)
        return found

    return answer


def contained(offsets, spans):
    found = []
    for start, end in offsets:
        inside = [n for n, (left, right) in enumerate(spans) if left <= start < end <= right]
        found.append(inside[0] if inside else None)
    return found


def one_after_the_other(offsets, spans):
    """The n-th piece belongs to the n-th word: right until a word has two pieces."""
    numbers, n = [], 0
    for start, end in offsets:
        numbers.append(min(n, len(spans) - 1) if end > start else None)
        n += end > start
    return numbers


def as_tensors(a, b, T, cls, sep, pad):
    return tuple(torch.tensor(part) for part in one_row(a, b, T, cls, sep, pad))


PLANTED = {
    "pair_scores": {
        "counts only, which is BPE": scored(lambda n, a, b, total: n),
        "divided by the sum": scored(lambda n, a, b, total: n / (a + b)),
        "divided by the first piece": scored(lambda n, a, b, total: n / a),
        "precedence: n / a * b": scored(lambda n, a, b, total: n / a * b),
        "a logarithm": scored(lambda n, a, b, total: log(n * total / (a * b))),
        "every word counts once": scored(times=False, single_times=False),
        "words count n times in pairs only": scored(single_times=False),
        "words count n times in pieces only": scored(times=False),
        "a repeated piece counts once": scored(first_only=True),
        "pairs across words": scored(across=True),
        "the best pair only": lambda words: max(scores_of_pairs(words), key=scores_of_pairs(words).get),
        "pieces joined": lambda words: {a + b[2:]: s for (a, b), s in scores_of_pairs(words).items()},
        "rare pairs left out": lambda words: {p: s for p, s in scores_of_pairs(words).items() if s < 0.2},
    },
    "longest_match": {
        "shortest first": shortest_first,
        "without ##": matching(mark=False),
        "## taken off again": matching(strip=True),
        "[UNK] for the rest of the word only": matching(unknown="rest"),
        "[UNK] letter by letter": matching(unknown="letter"),
        "the rest left out": matching(unknown="leave"),
        "words of any length": matching(limit=0),
        "words below 100 letters": matching(limit=99),
        "the fewest pieces": fewest_pieces,
        "never moves on": stands_still,
        "a string": lambda word, vocab: " ".join(greedy_pieces(word, vocab)),
        "letters": lambda word, vocab: list(word),
    },
    "pair_row": {
        "PAD in the middle (seen in public forks)": concatenated,
        "a second [CLS]": second_cls,
        "all types 0 (a starter's placeholder)": row(lambda i, t, m, n, a: (i, [0] * len(t), m)),
        "the first [SEP] has type 1": row(lambda i, t, m, n, a: (i, [*t[: a + 1], 1, *t[a + 2 :]], m)),
        "the last [SEP] has type 0": row(lambda i, t, m, n, a: (i, [*t[: n - 1], 0, *t[n:]], m)),
        "padding has type 1": row(lambda i, t, m, n, a: (i, t[:n] + [1] * (len(t) - n), m)),
        "mask all True": row(lambda i, t, m, n, a: (i, t, [True] * len(m))),
        "mask the wrong way round": row(lambda i, t, m, n, a: (i, t, [not x for x in m])),
        "the mask leaves out special tokens": row(lambda i, t, m, n, a: (i, t, [False, *m[1:]])),
        "no padding": row(lambda i, t, m, n, a: (i[:n], t[:n], m[:n])),
        "padding on the left": row(lambda i, t, m, n, a: (i[n:] + i[:n], t[n:] + t[:n], m[n:] + m[:n])),
        "no second [SEP]": no_second_sep,
        "changes what it was given": extends_a,
        "ids only": row(lambda i, t, m, n, a: i),
        "tensors": as_tensors,
    },
    "words_of_pieces": {
        "[CLS] and [SEP] fall into the first word": numbered(empty=False),
        "by the piece's last character": numbered(place="end"),
        "a word's end counts as inside": numbered(inclusive=True),
        "only pieces that lie wholly in a word": contained,
        "-100 in the place of None": numbered(none=-100),
        "one piece, one word": one_after_the_other,
        "special tokens left out": lambda offsets, spans: [n for n in word_numbers(offsets, spans) if n is not None],
        "the spans themselves": lambda offsets, spans: [
            None if n is None else spans[n] for n in word_numbers(offsets, spans)
        ],
    },
}  # fmt: skip

TOLD = {  # words that the verdict must have
    "pair_scores": {
        "precedence: n / a * b": "parentheses",
        "a repeated piece counts once": "words that occur once each",
        "every word counts once": "a word that occurs n times count n times",
    },
    "longest_match": {
        "shortest first": "a longer piece than 'a' fits",
        "without ##": "begins with ##",
        "## taken off again": "begins with ##",
        "words of any length": "of 101 letters (over 100 it is one [UNK]): it gives 51 pieces,",
        "words below 100 letters": "of 100 letters (only more are too many): it gives ['[UNK]'],",
    },
    "pair_row": {"tensors": "three lists are expected; ids is of type Tensor"},
}
