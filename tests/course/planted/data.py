"""Wrong answers to 01_data, most of them from the course's starter code, public forks and reports."""

import csv

import torch

from mtlkit.course.checks.data import cost_of_cutting, row_of, shared_pairs, to_scale, words_of
from mtlkit.evaluation import pearson


def split_only(line, names, needed, where):
    """Quotes stay as they are."""
    fields = line.split("\t")
    if len(fields) != len(names):
        raise ValueError(f"{where}: {len(fields)} fields")
    row = {name: field.strip() for name, field in zip(names, fields, strict=True)}
    for name in needed:
        if not row[name]:
            raise ValueError(f"{where}: {name} is empty")
    return row


def strips_quotes(line, names, needed, where):
    row = split_only(line, names, needed, where)
    return {name: text.strip('"') for name, text in row.items()}


def not_strict(line, names, needed, where, strict=False, strip=True):
    (fields,) = csv.reader([line], delimiter="\t", strict=strict)
    if len(fields) != len(names):
        raise ValueError(f"{where}: {len(fields)} fields")
    row = {name: field.strip() if strip else field for name, field in zip(names, fields, strict=True)}
    for name in needed:
        if not row[name].strip():
            raise ValueError(f"{where}: {name} is empty")
    return row


def swallows(line, names, needed, where):
    try:
        return row_of(line, names, needed, where)
    except ValueError:
        pass


def short_rows_pass(line, names, needed, where):
    (fields,) = csv.reader([line], delimiter="\t", strict=True)
    return {name: field.strip() for name, field in zip(names, fields, strict=False)}


def none_is_missing(line, names, needed, where):
    row = row_of(line, names, needed, where)
    if any(text in ("None", "NA", "nan") for text in row.values()):
        raise ValueError(f"{where}: a text is missing")
    return row


def all_needed(line, names, needed, where):
    return row_of(line, names, names[1:], where)


def no_column(line, names, needed, where):
    try:
        return row_of(line, names, needed, where)
    except ValueError:
        raise ValueError(f"{where}: bad row") from None


def no_place(line, names, needed, where):
    try:
        return row_of(line, names, needed, where)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{where}: ")) from None


def asserts(line, names, needed, where):
    try:
        return row_of(line, names, needed, where)
    except ValueError as error:
        raise AssertionError(str(error)) from None


def empty_passes(line, names, needed, where):
    return row_of(line, names, [], where)


def csv_error_escapes(line, names, needed, where):
    return not_strict(line, names, needed, where, strict=True)


def in_place(x, old, new):
    return x.sub_(old[0]).mul_((new[1] - new[0]) / (old[1] - old[0])).add_(new[0])


def with_labels(change):
    def cut(labels):
        share, r = cost_of_cutting(labels)
        scores = torch.tensor(labels, dtype=torch.float64)
        return change(share, r, scores)

    return cut


def in_order_only(train, dev):
    there = {tuple(map(words_of, e.sentences)) for e in train}
    return [i for i, e in enumerate(dev) if tuple(map(words_of, e.sentences)) in there]


def one_sentence(train, dev):
    there = {words_of(s) for e in train for s in e.sentences}
    return [i for i, e in enumerate(dev) if any(words_of(s) in there for s in e.sentences)]


def both_sentences(train, dev):
    there = {words_of(s) for e in train for s in e.sentences}
    return [i for i, e in enumerate(dev) if all(words_of(s) in there for s in e.sentences)]


def to_the_letter(train, dev):
    there = {frozenset(e.sentences) for e in train}
    return [i for i, e in enumerate(dev) if frozenset(e.sentences) in there]


def as_one_text(train, dev):
    there = {" ".join(sorted(words_of(" ".join(e.sentences)).split())) for e in train}
    return [
        i for i, e in enumerate(dev) if " ".join(sorted(words_of(" ".join(e.sentences)).split())) in there
    ]


def bags_of_words(train, dev):
    def bag(example):
        return frozenset(" ".join(sorted(words_of(s).split())) for s in example.sentences)

    there = set(map(bag, train))
    return [i for i, e in enumerate(dev) if bag(e) in there]


def double_loop(train, dev):
    """A place for each row of train that holds the pair."""
    return [i for i, e in enumerate(dev) for other in train if shared_pairs([other], [e])]


def once_each(train, dev):
    places = {frozenset(map(words_of, dev[i].sentences)): i for i in shared_pairs(train, dev)}
    return sorted(places.values())


PLANTED = {
    "strict_row": {
        "splits at tabs, quotes stay": split_only,
        "strips quotes from the ends": strips_quotes,
        "csv's default: an open quote passes": not_strict,
        "csv.Error comes through": csv_error_escapes,
        "except: pass (the starter code)": swallows,
        "short rows pass": short_rows_pass,
        "None and NA are taken for missing (pandas' default)": none_is_missing,
        "every column is needed": all_needed,
        "does not name the column": no_column,
        "does not name file and line": no_place,
        "an AssertionError": asserts,
        "empty labels pass": empty_passes,
        "spaces stay": lambda *a: not_strict(*a, strict=True, strip=False),
        "a list of fields": lambda *a: list(row_of(*a).values()),
    },
    "rescale": {
        "shifted only": lambda x, old, new: x - old[0] + new[0],
        "x * 5 / 5: the range's length forgotten": lambda x, old, new: x * new[1] / old[1],
        "5 (x - 1) / 5": lambda x, old, new: (x - old[0]) * new[1] / old[1],
        "to 0-1 whatever is asked": lambda x, old, new: (x - old[0]) / (old[1] - old[0]),
        "cut at the ends of the new scale": lambda x, old, new: x.clamp(*new),
        "right, then cut at the ends": lambda x, old, new: to_scale(x, old, new).clamp(*new),
        "the data's own ends": lambda x, old, new: to_scale(x, (x.min().item(), x.max().item()), new),
        "whole numbers": lambda x, old, new: to_scale(x, old, new).round(),
        "changes its input": in_place,
        "the new scale's low end forgotten": lambda x, old, new: to_scale(x, old, new) - new[0],
        "the other way round": lambda x, old, new: to_scale(x, new, old),
        "a list": lambda x, old, new: to_scale(x, old, new).tolist(),
    },
    "cutting": {
        "rounds": with_labels(lambda share, r, x: (share, pearson(x.round(), x))),
        "rounds, for both": with_labels(
            lambda share, r, x: ((x.round() != x).double().mean().item(), pearson(x.round(), x))
        ),
        "the share that stays": with_labels(lambda share, r, x: (1 - share, r)),
        "a count": with_labels(lambda share, r, x: (share * len(x), r)),
        "percent": with_labels(lambda share, r, x: (100 * share, r)),
        "r squared": with_labels(lambda share, r, x: (share, r * r)),
        "exchanged": with_labels(lambda share, r, x: (r, share)),
        "only the correlation": with_labels(lambda share, r, x: r),
        "tensors": with_labels(lambda share, r, x: (torch.tensor(share), torch.tensor(r))),
        "labels compared with themselves": with_labels(lambda share, r, x: (share, 1.0)),
        "rounds up": with_labels(lambda share, r, x: (share, pearson(x.ceil(), x))),
    },
    "overlap": {
        "in one order only": in_order_only,
        "one shared sentence is enough": one_sentence,
        "both sentences, from different pairs": both_sentences,
        "to the letter": to_the_letter,
        "the words of both as one bag": as_one_text,
        "a bag of words each": bags_of_words,
        "each pair once": once_each,
        "a place for each row of train that holds the pair": double_loop,
        "places in train": lambda train, dev: shared_pairs(dev, train),
        "a count": lambda train, dev: len(shared_pairs(train, dev)),
        "the examples": lambda train, dev: [dev[i] for i in shared_pairs(train, dev)],
        "nothing found": lambda train, dev: [],
    },
}

TOLD = {  # words that the verdict must have
    "rescale": {"right, then cut at the ends": "beyond its scale"},
    "cutting": {"exchanged": "the share comes first", "the share that stays": "labels which stay"},
    "overlap": {"a place for each row of train that holds the pair": "the place 0 is given"},
}
