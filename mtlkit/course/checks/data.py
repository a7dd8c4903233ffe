"""The exercises of 01_data."""

import csv
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from mtlkit.data import Example
from mtlkit.evaluation import pearson

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def row_of(line: str, names: Sequence[str], needed: Sequence[str], where: str) -> dict[str, str]:
    """One line of a tab separated file as {column: text}, without spaces around the texts.

    Raises ValueError, its message beginning with `where`, for an unbalanced quote, a number of fields that is not
    that of `names`, and a column of `needed` without text.
    """
    try:
        (fields,) = csv.reader([line], delimiter="\t", strict=True)
    except csv.Error as error:
        raise ValueError(f"{where}: unbalanced quote ({error})") from None
    if len(fields) != len(names):
        raise ValueError(f"{where}: {len(fields)} fields where the header has {len(names)}")
    row = {name: field.strip() for name, field in zip(names, fields, strict=True)}
    for name in needed:
        if not row[name]:
            raise ValueError(f"{where}: {name} is empty")
    return row


def to_scale(x: Tensor, old: tuple[float, float], new: tuple[float, float]) -> Tensor:
    """Labels x (n,) of the scale `old` = (lowest, highest) on the scale `new`, by the straight line between them."""
    (a, b), (c, d) = old, new
    return c + (x - a) * (d - c) / (b - a)


def cost_of_cutting(labels: Sequence[float]) -> tuple[float, float]:
    """The share of labels that `torch.LongTensor` changes, and the correlation of what it leaves with the labels."""
    scores = torch.tensor(labels, dtype=torch.float64)
    cut = torch.LongTensor(list(labels))
    return (cut != scores).double().mean().item(), pearson(cut, scores)


def words_of(text: str) -> str:
    """The text's words in lower case, in order, one space between them: what is compared when texts are."""
    return " ".join(re.findall(r"\w+", text.lower()))


def shared_pairs(train: Sequence[Example], dev: Sequence[Example]) -> list[int]:
    """The places in `dev` of the pairs that `train` holds too, whichever sentence comes first."""
    there = {frozenset(map(words_of, example.sentences)) for example in train}
    return [i for i, example in enumerate(dev) if frozenset(map(words_of, example.sentences)) in there]


# --- the checks -------------------------------------------------------------------------------------------

NAMES = ["", "id", "sentence1", "sentence2", "is_duplicate"]
NEEDED = ["sentence1", "sentence2", "is_duplicate"]
GOOD = {
    "a plain row": "7\tab1\tIs tea a plant?\tDoes tea grow?\t1.0",
    "a row with a quoted field": '8\tab2\t"Is ""tea"" a plant?"\tDoes tea grow?\t0.0',
    "a row whose field has tripled quotes": '9\tab3\t"""What does """"tea"""" mean?"""\tWhat is tea?\t1.0',
    "a row with an inch sign in a field that no quote opens": '10\tab4\tIs a 5" cup big?\tHow big?\t0.0',
    "a row with spaces around its texts": "11\t ab5\t Is tea a plant? \tDoes tea grow? \t 1.0 ",
    "a row without an id, which is not among the needed columns": "12\t\tIs tea a plant?\tDoes tea grow?\t1.0",
    'a row whose text is the word "None"': "13\tab6\tNone\tNA\t0.0",
}
BAD = {
    "a row whose quote never closes": '14\tab7\t"Is tea a plant?\tDoes tea grow?\t1.0',
    "a row with text after the closing quote": '15\tab8\t"Is tea" a plant?\tDoes tea grow?\t1.0',
    "a row with a field too few": "16\tab9\tIs tea a plant?\t1.0",
    "a row with a field too many": "17\tac1\tIs tea a plant?\tDoes tea grow?\t1.0\t0.0",
    "an empty line": "",
    "a row without a label": "18\tac2\tIs tea a plant?\tDoes tea grow?\t",
    "a row whose second sentence is a space": "19\tac3\tIs tea a plant?\t \t0.0",
}
EMPTY = {"a row without a label": "is_duplicate", "a row whose second sentence is a space": "sentence2"}


@check(
    "1.1",
    reference=row_of,
    hints=(
        "Python's csv module knows the rule for quotes; with strict=True it says so when they do not fit. Give it one "
        "line at a time, then no quote can reach into the next row.",
        "line is one string; csv.reader([line], ...) gives one list of fields; the result is a dictionary with a key "
        "for every name.",
        'try: (fields,) = csv.reader([line], delimiter="\\t", strict=True), except csv.Error: raise ValueError with '
        "`where`; compare len(fields) with len(names); strip; for name in needed: raise if row[name] is empty.",
    ),
)
def strict_row(answer):
    for number, (what, line) in enumerate(GOOD.items(), 2):
        where = f"quora-dev.csv, line {number}"
        try:
            got = call(answer, line, NAMES, NEEDED, where)
        except (ValueError, csv.Error) as error:
            raise NotYet(f"{what} is refused: {error}") from None
        if isinstance(got, dict) and got.keys() == set(NAMES):
            off = [
                name
                for name, text in row_of(line, NAMES, NEEDED, where).items()
                if got[name] != text and isinstance(got[name], str)
            ]
            if off and all(got[name].strip() == got[name].strip().strip('"') != got[name] for name in off):
                raise NotYet(f"{what}: spaces are left around {off[0]}")
            if off:
                raise NotYet(f"{what}: {off[0]} comes out as {got[off[0]]!r}")
        compare(got, row_of(line, NAMES, NEEDED, where), f"{what}: the output")
    for number, (what, line) in enumerate(BAD.items(), 20):
        where = f"quora-train.csv, line {number}"
        message = refusal(answer, what, line, where)
        if not message.startswith(where):
            raise NotYet(
                f"{what}: the error says {message[:80]!r}; it should begin with the file and the line"
            )
        if what in EMPTY and EMPTY[what] not in message:
            raise NotYet(f"{what}: the error does not say which column is empty")


def refusal(answer, what, line, where) -> str:
    """The message with which `answer` refuses a bad line. Raises NotYet if it does not refuse it."""
    try:
        got = answer(line, NAMES, NEEDED, where)
    except ValueError as error:
        return str(error)
    except (csv.Error, LookupError, AssertionError, TypeError) as error:
        raise NotYet(
            f"{what}: it raises {type(error).__name__} where a ValueError that names file and line is expected"
        ) from None
    lost = "is dropped without a word" if got is None else "passes as if it were good"
    raise NotYet(f"{what} {lost}; a ValueError is expected")


@check(
    "1.2",
    reference=to_scale,
    hints=(
        "How far along its old scale is a label, as a share of the way? Go the same share along the new one.",
        "x and the result are (n,); a, b, c, d are numbers.",
        "share = (x - a) / (b - a); return c + share * (d - c)",
    ),
)
def rescale(answer):
    for old, new in (((1.0, 5.0), (0.0, 5.0)), ((0.0, 4.0), (0.0, 1.0)), ((0.0, 1.0), (-1.0, 1.0))):
        (a, b), (c, d) = old, new
        case = (
            f"from {a:g}-{b:g} to {c:g}-{d:g}"
            if c >= 0
            else f"from {a:g}-{b:g} to a scale from {c:g} to {d:g}"
        )
        ends = call(answer, torch.tensor([a, b]), old, new)
        compare(ends, torch.zeros(2), f"{case} the output", atol=float("inf"))  # its type and shape
        for name, end, want in (("lowest", ends[0], c), ("highest", ends[1], d)):
            if abs(float(end) - want) > 1e-5:
                raise NotYet(f"{case} the {name} label becomes {float(end):g}")
        beyond = torch.tensor([a - (b - a) / 2, (a + b) / 2, 2 * b - a])
        got = call(answer, beyond, old, new)
        if torch.allclose(got, to_scale(beyond, old, new).clamp(c, d)):
            raise NotYet(
                f"{case} a label beyond its scale is moved to the end: that hides a wrong label; "
                "the straight line goes on"
            )
        x = a + (b - a) * torch.tensor(
            [0.25, 0.5, 0.625]
        )  # without the ends: they must not come from the data
        compare(
            call(answer, x, old, new), to_scale(x, old, new), f"{case} labels between the ends: the output"
        )
        compare(got, to_scale(beyond, old, new), f"{case} labels beyond the ends: the output")


@check(
    "1.3",
    reference=cost_of_cutting,
    hints=(
        "Make the mistake on purpose, then compare what it leaves with what was there.",
        "labels is a list of n floats; torch.LongTensor(labels) is (n,); the result is two floats, the share first.",
        "scores = torch.tensor(labels); cut = torch.LongTensor(labels); share = (cut != scores).float().mean().item(); "
        "return share, pearson(cut, scores)",
    ),
)
def cutting(answer):
    few = [0.0, 0.4, 1.0, 1.6, 2.5, 3.0, 3.8, 4.4, 4.8, 5.0]
    fifths = [i / 5 for i in range(26)]
    late = [0.9, 1.9, 2.9, 3.9, 4.9, 0.0, 5.0]
    for what, labels in (
        ("ten labels", few),
        ("0.0, 0.2, 0.4 up to 5.0", fifths),
        ("labels that end in .9", late),
    ):
        got = call(answer, list(labels))
        if not (isinstance(got, (tuple, list)) and len(got) == 2):
            raise NotYet("two numbers are expected, the share and the correlation: return share, r")
        for name, value in zip(("share", "correlation"), got, strict=True):
            if isinstance(value, Tensor) or not isinstance(value, (int, float)):
                raise NotYet(f"the {name} is of type {type(value).__name__}; a float is expected")
        share, r = cost_of_cutting(labels)
        if abs(got[0] - r) < 1e-5 < abs(got[0] - share) and abs(got[1] - r) > 1e-5:
            raise NotYet(f"for {what} the first number is the correlation: the share comes first")
        if abs(got[0] - (1 - share)) < 1e-6 and abs(share - 0.5) > 1e-6:
            raise NotYet(
                f"for {what} the share is that of the labels which stay; those which change are asked for"
            )
        if got[0] > 1:
            raise NotYet(f"for {what} the share is above 1: divide by the number of labels")
        rounded = torch.tensor(labels, dtype=torch.float64).round()
        if abs(got[1] - r) > 1e-5 and abs(got[1] - pearson(rounded, labels)) < 1e-5:
            raise NotYet("it rounds; LongTensor drops what stands behind the point")
        compare(float(got[0]), share, f"for {what} the share")
        compare(float(got[1]), r, f"for {what} the correlation")


def _pairs(*rows: tuple[str, str]) -> list[Example]:
    return [Example(str(i), row, 0.0) for i, row in enumerate(rows)]


TRAIN = _pairs(
    ("A dog runs.", "A cat sleeps."),
    ("It rains in Rome.", "Rome is wet."),
    ("A man plays a flute.", "A man plays a guitar."),
    ("The sky is blue.", "The sky is blue."),
    ("He sold it.", "She bought it."),
    ("Rome is wet.", "It rains in Rome."),  # once more, exchanged
)
DEV = {
    "a pair that train holds as it is": ("It rains in Rome.", "Rome is wet."),
    "a new pair": ("A bird sings.", "A fish swims."),
    "a pair that train holds the other way round": ("A cat sleeps.", "A dog runs."),
    "a pair of which train holds one sentence only": ("A dog runs.", "A bird sings."),
    "two sentences that train holds in two different pairs": ("A dog runs.", "He sold it."),
    "a pair that differs in capitals and punctuation only": ("he sold it", "She bought it!"),
    "a pair with the words of both sentences exchanged": ("A man plays a dog.", "A flute runs."),
    "one sentence twice, as train has it": ("The sky is blue.", "The sky is blue."),
    "one sentence twice, which train has only beside another": ("Rome is wet.", "Rome is wet."),
    "the words of a pair in another order": ("A flute plays a man.", "A man plays a guitar."),
    "a pair that an earlier row of dev has too": ("Rome is wet.", "It rains in Rome."),
}


@check(
    "1.4",
    reference=shared_pairs,
    hints=(
        "What is the same for (a, b) and (b, a)? Something without an order.",
        "A frozenset of two texts can stand in a set. The result is a list of places in dev, each a number from 0.",
        "there = {frozenset of words_of(sentence) for both sentences, for each example of train}; "
        "return [i for i, example in enumerate(dev) if its frozenset is in there]",
    ),
)
def overlap(answer):
    dev = _pairs(*DEV.values())
    got = call(answer, list(TRAIN), dev)
    if isinstance(got, (set, tuple, range)):
        got = sorted(got)
    if not isinstance(got, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in got):
        raise NotYet(
            f"a list of places in dev is expected; this is of type {type(got).__name__}, or holds others"
        )
    if strange := [i for i in got if i not in range(len(dev))]:
        raise NotYet(f"it gives the place {strange[0]}, and dev has {len(dev)} pairs")
    if twice := [i for i in got if got.count(i) > 1]:
        raise NotYet(
            f"the place {twice[0]} is given {got.count(twice[0])} times: train holds some pairs more than once"
        )
    want = shared_pairs(TRAIN, dev)
    for i, what in enumerate(DEV):
        if (i in got) != (i in want):
            raise NotYet(f"{what} is {'missed' if i in want else 'taken for shared'}")
    compare(got, want, "the list of places")
    none = call(answer, [], dev)
    compare(list(none), [], "with an empty training set the list")
