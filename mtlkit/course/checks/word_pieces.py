"""The exercises of 03_word_pieces."""

from collections import Counter
from itertools import pairwise

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def scores_of_pairs(words):
    """{(a, b): count(ab) / (count(a) count(b))} for words = {tuple of pieces: how often the word occurs}."""
    single: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for pieces, n in words.items():
        for piece in pieces:
            single[piece] += n
        for pair in pairwise(pieces):
            pairs[pair] += n
    return {(a, b): n / (single[a] * single[b]) for (a, b), n in pairs.items()}


def greedy_pieces(word, vocab):
    """The longest piece that `word` begins with, and so on; ["[UNK]"] where none fits, or over 100 characters."""
    pieces, start = [], 0
    if len(word) > 100:
        return ["[UNK]"]
    while start < len(word):
        mark = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocab), None)
        if end is None:
            return ["[UNK]"]
        pieces.append(mark + word[start:end])
        start = end
    return pieces


def one_row(a, b, T, cls=101, sep=102, pad=0):
    """[CLS] a [SEP] b [SEP] and padding up to T places: ids, types and mask, three lists."""
    ids = [cls, *a, sep, *b, sep]
    types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
    empty = T - len(ids)
    return ids + [pad] * empty, types + [0] * empty, [True] * len(ids) + [False] * empty


def word_numbers(offsets, spans):
    """For each piece the number of the word in which it begins; None if it is empty, or begins in no word."""
    numbers = []
    for start, end in offsets:
        inside = (n for n, (left, right) in enumerate(spans) if end > start and left <= start < right)
        numbers.append(next(inside, None))
    return numbers


# --- the checks -------------------------------------------------------------------------------------------

ONCE = {("t", "##o"): 1, ("t", "##h", "##e"): 1, ("s", "##h", "##e"): 1, ("s", "##e", "##e"): 1}
TOY = {("d", "##u", "##l", "##l"): 3, ("d", "##u", "##e"): 5, ("f", "##u", "##l", "##l"): 2, ("a",): 4}


@check(
    "3.1",
    reference=scores_of_pairs,
    hints=(
        "Count first, divide afterwards: how often each piece occurs, and how often each pair of neighbours does. "
        "A word that occurs n times counts n times.",
        "words maps tuples of pieces to whole numbers. itertools.pairwise(pieces) gives a word's pairs. The result "
        "maps pairs (a, b) to floats, and has an entry for each pair that occurs.",
        "for pieces, n in words.items(): add n to each of its pieces, and n to each of its pairs; then "
        "{(a, b): pairs[a, b] / (single[a] * single[b])} for all pairs.",
    ),
)
def pair_scores(answer):
    for words in (ONCE, TOY):
        got, want = call(answer, dict(words)), scores_of_pairs(words)
        if not isinstance(got, dict):
            raise NotYet(f"a dictionary is expected; this is of type {type(got).__name__}")
        if odd := [key for key in got if not isinstance(key, tuple) or len(key) != 2]:
            raise NotYet(f"a key is a pair of pieces, as in ('t', '##o'); {odd[0]!r} is not")
        if extra := sorted(map(str, got.keys() - want.keys())):
            raise NotYet(f"{extra[0]} is in it, but these two do not stand side by side in any word")
        if missing := want.keys() - got.keys():
            raise NotYet(f"{len(missing)} of {len(want)} pairs are missing")
        wrong = sum(abs(got[pair] - want[pair]) > 1e-9 for pair in want)
        if wrong and max(words.values()) > 1:
            raise NotYet(
                f"{wrong} of {len(want)} scores are wrong where words occur more than once: does a word that "
                "occurs n times count n times, in the pair and in both of its pieces?"
            )
        b = Counter(piece for pieces in words for piece in pieces)
        if wrong and all(abs(got[pair] - want[pair] * b[pair[1]] ** 2) < 1e-9 for pair in want):
            raise NotYet("count(b) multiplies the score where it should divide it: are parentheses missing?")
        if wrong:
            raise NotYet(f"{wrong} of {len(want)} scores are wrong, with words that occur once each")


class Watched(dict):
    """A vocabulary that notes how often it is asked, so that a search without end is ended."""

    asked = 0

    def _ask(self):
        self.asked += 1
        if self.asked > 20_000:
            raise NotYet("it asks the vocabulary without end: does `start` move on after each piece?")

    def __contains__(self, piece):
        self._ask()
        return super().__contains__(piece)

    def get(self, piece, default=None):
        self._ask()
        return super().get(piece, default)


PIECES = ("a", "ab", "b", "##a", "##b", "##bc", "##bca", "##ab", "##abd", "##d", "abd", "ca", "##aa", "aa")
CASES = {  # a word, and what it is a case of
    "a": "a word that is one piece",
    "abab": "a word of two pieces",
    "abdabd": "a word with a piece within a longer piece",
    "ba": "a word whose second letter is a piece of both kinds",
    "abda": "a word that begins with its longest piece",
    "cc": "a word with no piece at all",
    "ac": "a word whose end fits no piece",
    "abc": "a word that only a shorter first piece could save (nothing is taken back: it is [UNK])",
    "aca": "a word that goes on with what is a piece only at a word's beginning",
    "a" * 101: "a word of 101 letters (over 100 it is one [UNK])",
    "a" * 100: "a word of 100 letters (only more are too many)",
}


@check(
    "3.2",
    reference=greedy_pieces,
    hints=(
        "Try the whole rest of the word first, then one letter less, and so on; take the first that is in the "
        "vocabulary, and go on behind it. What is taken stays taken.",
        "word is a string, vocab anything that `in` works with. Every piece but a word's first is looked up with ## "
        "before it. The result is a list of strings.",
        "start = 0; while start < len(word): for end from len(word) down to start + 1: look up word[start:end], with "
        '## if start > 0; if it is there, append it and start = end; if nothing was there, return ["[UNK]"].',
    ),
)
def longest_match(answer):
    vocab = Watched({piece: number for number, piece in enumerate(PIECES)})
    for word, case in CASES.items():
        vocab.asked = 0
        got, want = call(answer, word, vocab), greedy_pieces(word, PIECES)
        where = f"for {case}" + (f" ({word!r}, vocabulary: {', '.join(PIECES)})" if len(word) < 10 else "")
        if not isinstance(got, list) or any(not isinstance(piece, str) for piece in got):
            raise NotYet(f"{where}: a list of strings is expected; this is {got!r:.60}")
        if got != want and "[UNK]" in got and len(got) > 1:
            raise NotYet(
                f"{where}: it gives {got}; where a part fits nothing, the whole word becomes one [UNK]"
            )
        if got != want:
            raise NotYet(f"{where}: it gives {_short(got)}{_of_pieces(got, want)}")


def _short(pieces):
    return str(pieces) if len(pieces) < 8 else f"{len(pieces)} pieces"


def _of_pieces(got, want):
    """What is wrong with the pieces, where it has a name."""
    if got == ["[UNK]"] or want == ["[UNK]"] or not got:
        return ", which is not right"
    if any(not piece.startswith("##") for piece in got[1:]):
        return "; every piece but the first begins with ##"
    n = next((n for n, (mine, right) in enumerate(zip(got, want, strict=False)) if mine != right), None)
    if n is not None and want[n].startswith(got[n]):
        return f"; a longer piece than {got[n]!r} fits there"
    return ", which is not right"


@check(
    "3.3",
    reference=one_row,
    hints=(
        "First the row without padding; the types follow from where the first [SEP] stands; the padding comes last, in "
        "all three lists.",
        "a and b are lists of whole numbers without special tokens. The row has 1 + len(a) + 1 + len(b) + 1 tokens, of "
        "which the first len(a) + 2 have type 0. All three lists have T entries.",
        "ids = [cls, *a, sep, *b, sep]; types = [0] * (len(a) + 2) + [1] * (len(b) + 1); empty = T - len(ids); then "
        "add pad, 0 and False `empty` times, and return ids, types, mask.",
    ),
)
def pair_row(answer):
    for a, b, T in (([11, 12], [21], 6), ([11, 12, 13], [21, 22], 12), ([11], [21, 22, 23, 24], 9)):
        mine = list(a), list(b)
        got = call(answer, *mine, T, 1, 2, 9)
        if mine != (a, b):
            raise NotYet("it changes the lists that it was given: build new ones")
        if not isinstance(got, (tuple, list)) or len(got) != 3:
            raise NotYet("three lists are expected: ids, types, mask")
        rows = list(got)
        case = f"for a = {a}, b = {b}, T = {T}, [CLS] = 1, [SEP] = 2, [PAD] = 9: "
        for name, row in zip(("ids", "types", "mask"), rows, strict=True):
            if not isinstance(row, list):
                raise NotYet(f"three lists are expected; {name} is of type {type(row).__name__}")
            if len(row) != T:
                raise NotYet(f"{case}{name} has {len(row)} entries, not T")
        look(rows, len(a) + len(b) + 3, case)
        for name, row, want in zip(("ids", "types", "mask"), rows, one_row(a, b, T, 1, 2, 9), strict=True):
            compare(row, want, f"{case}{name}")


def look(rows, tokens, case):
    """Raises NotYet for what is wrong with a row in a way that has a name."""
    ids, types, mask = rows
    if ids.count(1) > 1:
        raise NotYet(f"{case}there are two [CLS] in {ids}; a pair in one row has one")
    if 9 in ids[:tokens]:
        raise NotYet(f"{case}[PAD] stands before the last token in {ids}; padding comes last")
    if ids.count(2) != 2:
        raise NotYet(f"{case}there are {ids.count(2)} [SEP] in {ids}: each sentence ends in one")
    if not any(types):
        raise NotYet(f"{case}all types are 0: the encoder could not tell the two sentences apart")
    if any(types[tokens:]):
        raise NotYet(f"{case}padding has type 1 in {types}; ours has 0 there")
    if any(mask[tokens:]):
        raise NotYet(f"{case}the mask says True at padding: {mask}")


@check(
    "3.4",
    reference=word_numbers,
    hints=(
        "A piece belongs to the word in which its first character stands. [CLS], [SEP] and padding have no character "
        "at all: their two offsets are equal.",
        "offsets has a pair of numbers for each piece, spans one for each word; both end before their second number. "
        "The result is a list with an entry for each piece: a whole number, or None.",
        "for start, end in offsets: None if start == end; else the n with spans[n][0] <= start < spans[n][1], and None "
        "if there is no such n.",
    ),
)
def words_of_pieces(answer):
    cases = {
        "He sang.": ([(0, 0), (0, 2), (3, 7), (7, 8), (0, 0)], [(0, 2), (3, 7), (7, 8)]),
        "unseen, too": ([(0, 0), (0, 2), (2, 6), (6, 7), (8, 11), (0, 0)], [(0, 6), (6, 7), (8, 11)]),
        "don't": ([(0, 0), (0, 3), (3, 4), (4, 5), (0, 0), (0, 0)], [(0, 2), (2, 5)]),
        "+ ok": ([(0, 1), (2, 4)], [(2, 4)]),
    }
    for sentence, (offsets, spans) in cases.items():
        got, want = call(answer, list(offsets), list(spans)), word_numbers(offsets, spans)
        case = f"for {sentence!r}, with offsets {offsets} and words {spans},"
        if not isinstance(got, (list, tuple)) or len(got) != len(offsets):
            raise NotYet(f"{case} a list with an entry for each of {len(offsets)} pieces is expected")
        for n, (mine, right, (start, end)) in enumerate(zip(got, want, offsets, strict=True)):
            if mine == right and isinstance(mine, bool) is False:
                continue
            if start == end:
                raise NotYet(f"{case} piece {n} has no character, and yet it gets {mine!r}")
            raise NotYet(f"{case} piece {n} gets {mine!r}, which is not right")
