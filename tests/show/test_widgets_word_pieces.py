"""The widget of notebook 03 shows the pieces of what is typed, whatever is typed."""

import re
from html import unescape

import matplotlib.pyplot as plt
import pytest

from mtlkit.show import widgets

TEXTS = [
    "An unwatchable film?", "  padded  ", "word " * 700, "costs $5 & <b>more</b> \"so\" 'so'", "日本 🎬 great☃",
    '"><script>alert(1)</script>', "$x^2$ \\frac{", "naïve\u0301", "<!-- -->",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_the_picture_follows_the_sentence(minilm_tokenizer, text):
    box = widgets.sentence_pieces(minilm_tokenizer)
    before = box.picture.value
    assert before.startswith("<img")
    box.text.value = text
    encoding = minilm_tokenizer.encode(text)
    assert (box.pieces, box.ids) == (encoding.tokens, encoding.ids)
    assert (box.picture.value != before) == (text != TEXTS[0])
    alt = re.search(r'alt="([^"]*)"', box.picture.value)[1]
    assert unescape(alt) == " ".join(box.answer.split())
    assert not plt.get_fignums(), "figures are closed"


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_typed_stays_text(minilm_tokenizer, text):
    box = widgets.sentence_pieces(minilm_tokenizer, text)
    tags = re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', '""', box.picture.value))
    assert [tag.split()[0].strip("<>") for tag in tags] == ["img", "p", "/p"]


def test_the_sentence_counts_its_pieces(minilm_tokenizer):
    box = widgets.sentence_pieces(minilm_tokenizer, "An unwatchable film? great☃")
    assert box.answer.startswith(
        "The sentence has 7 word pieces, 2 of them inside a word, 1 unknown: [CLS] an un"
    )


def test_an_empty_line_has_its_two_marks(minilm_tokenizer):
    box = widgets.sentence_pieces(minilm_tokenizer, "")
    assert box.pieces == ["[CLS]", "[SEP]"]
    assert box.picture.value.startswith("<img")


def test_typing_draws_nothing_before_enter(minilm_tokenizer):
    assert widgets.sentence_pieces(minilm_tokenizer).text.continuous_update is False
