"""What notebook 03 builds is BERT's own tokenizer: on real sentences, odd characters, and rows of pairs."""

import ast
import json
import math
import random
import string
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mtlkit.course.checks.word_pieces import greedy_pieces, one_row, word_numbers
from mtlkit.data import collate, encode, load, plan

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03_word_pieces.ipynb"


@pytest.fixture(scope="module")
def notebook(minilm_tokenizer):
    """The functions that the solved notebook defines, by their names."""
    known = dict(
        Counter=Counter, math=math, pairwise=pairwise, string=string, unicodedata=unicodedata,
        tokenizer=minilm_tokenizer, vocab=minilm_tokenizer.get_vocab(),
    )  # fmt: skip
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]))
            functions = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
            defined = [part for part in functions if not part.args.defaults]
            exec(compile(ast.Module(defined, []), str(NOTEBOOK), "exec"), known)
    return known


@pytest.fixture(scope="module")
def real(cs224n):
    """10,000 sentences drawn from all tasks, and every one with a character that is not ASCII."""
    texts = [
        text
        for task in ("sst", "para", "sts")
        for split in ("train", "dev")
        for example in load(task, split, cs224n, on_bad="report")
        for text in example.sentences
    ]
    return random.Random(0).sample(texts, 10_000) + [text for text in texts if not text.isascii()]


def wrong(notebook, tokenizer, texts):
    """Those of `texts` whose pieces or offsets differ."""
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [
        text
        for text, e in zip(texts, encodings, strict=True)
        if notebook["cut_sentence"](text) != list(zip(e.ids, e.offsets, strict=True))
    ]


def test_ten_thousand_real_sentences_have_the_fast_tokenizers_pieces_and_offsets(
    notebook, minilm_tokenizer, real
):
    notebook = {**notebook, "longest_match": greedy_pieces}
    assert len(real) > 10_000
    assert wrong(notebook, minilm_tokenizer, real) == []


def test_the_notebooks_longest_match_is_the_checks_reference(notebook, minilm_tokenizer, real):
    vocab = minilm_tokenizer.get_vocab()
    words = {word for text in real for word in notebook["words_by_tokenizer"](text)}
    assert len(words) > 10_000
    assert all(notebook["longest_match"](word, vocab) == greedy_pieces(word, vocab) for word in words)


def test_real_pieces_find_their_words(notebook, minilm_tokenizer, real):
    for text, e in zip(real, minilm_tokenizer.encode_batch(real), strict=True):
        own = [(word[0][1], word[-1][1] + 1) for word in notebook["words_v3"](text)]
        assert word_numbers(e.offsets, own) == e.word_ids, text


def test_the_starters_spacing_changes_no_pieces_of_real_pairs(notebook, minilm_tokenizer, real):
    spaced = [notebook["starter_spacing"](text) for text in real]
    before, after = (minilm_tokenizer.encode_batch(texts) for texts in (real, spaced))
    changed = [text for text, a, b in zip(real, before, after, strict=True) if a.ids != b.ids]
    assert all("\u03a3" in text for text in changed), (
        "Python's lower() writes a sigma at a word's end differently"
    )


def test_padding_real_rows_to_512_wastes_over_nine_tenths(cs224n, minilm_tokenizer):
    for task in ("sst", "sts"):
        lengths = encode(load(task, "train", cs224n), minilm_tokenizer, "one").lengths
        assert 1 - sum(lengths) / (512 * len(lengths)) > 0.9
        batches = plan(lengths, 16, torch.Generator().manual_seed(0))
        places = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
        assert 1 - sum(lengths) / places < 0.05


ODD = {
    "empty": "",
    "spaces only": " \t\n\u00a0\u2003 ",
    "accents of both kinds": "Am\u00e9lie Ame\u0301lie \u0130stanbul \u1e9e\u00df",
    "greek": "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "no width": "a\u200bb\u00adc\ufeffd\u0000e",
    "chinese, japanese, korean": "\u65e5\u672c\u8a9e film \u6f22\u5b57 \u30ab\u30bf\u30ab\u30ca \ud55c\uad6d\uc5b4",
    "symbols and emoji": "great\u2603 \U0001f3ac film\U0001f3ac \u20ac5 \u00bd\u00b2",
    "punctuation": "``it's'' \\/ -lrb- \u201cso\u201d \u2014 \u2026 $5 a+b=c ~^|",
    "a word of 100 letters, and of 101": "a" * 100 + " " + "a" * 101,
    "marks alone": "\u0301 a \u0301\u0301",
    "special tokens' letters": "[ CLS ] [ mask ]",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_characters(notebook, minilm_tokenizer, name):
    assert wrong(notebook, minilm_tokenizer, [ODD[name]]) == []


def test_characters_of_most_scripts(notebook, minilm_tokenizer):
    """All of Unicode's first plane that was assigned when the tokenizer's tables were made (Unicode 8 or so)."""
    every = [chr(i) for i in range(0x10000) if unicodedata.category(chr(i)) not in ("Cs", "Cn", "Co")]
    found = wrong(notebook, minilm_tokenizer, ["a" + char + "b" for char in every])
    assert len(found) < 150
    assert not [text for text in found if ord(text[1]) < 0x600]


@pytest.mark.parametrize(("task", "T"), [("para", None), ("sts", 80)])
def test_rows_of_pairs_are_those_of_the_library(notebook, minilm_tokenizer, task, T):
    examples = load(task, "train")
    encoded = encode(examples, minilm_tokenizer, "one")
    batch = collate(encoded, range(len(examples)))
    shown = batch.ids.shape[1]
    for n, example in enumerate(examples):
        a, b = ([number for number, _ in notebook["cut_sentence"](text)] for text in example.sentences)
        ids, types, mask = one_row(a, b, T or shown, 101, 102, 0)
        assert ids[:shown] == batch.ids[n].tolist()
        assert types[:shown] == batch.types[n].tolist()
        assert mask[:shown] == batch.mask[n].tolist()
        assert not any(mask[shown:])
