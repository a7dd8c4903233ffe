"""The widget of 03_word_pieces."""

import html
import warnings

import ipywidgets
import matplotlib.pyplot as plt
from tokenizers import Tokenizer

from ..figures import image
from ..plots import word_pieces


class SentencePieces(ipywidgets.VBox):
    """A line to type a sentence in, and below it its word pieces, as soon as Enter is pressed.

    `text` is the line, `pieces` and `ids` what became of it, `picture` the HTML below (the boxes, and the same as
    text, for letters that the picture's font lacks), `answer` a sentence. All can be read from Python, and setting
    `text.value` is as good as typing.
    """

    def __init__(self, tokenizer: Tokenizer, text: str):
        self.tokenizer = tokenizer
        self.text = ipywidgets.Text(
            text, description="Sentence", continuous_update=False, layout=ipywidgets.Layout(width="95%")
        )
        self.picture = ipywidgets.HTML()
        super().__init__([self.text, self.picture])
        self.text.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        encoding = self.tokenizer.encode(self.text.value)
        self.pieces, self.ids = encoding.tokens, encoding.ids
        inner = len(self.pieces) - sum(encoding.special_tokens_mask)
        split = sum(word_pieces.piece_kind(piece) == "inside" for piece in self.pieces)
        unknown = self.pieces.count("[UNK]")
        self.answer = (
            f"The sentence has {inner} word pieces, {split} of them inside a word, {unknown} unknown: "
            + " ".join(self.pieces[: word_pieces.MOST])
        )
        fig = word_pieces.piece_boxes(self.pieces, self.ids)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the text below has it
            picture = image(fig, self.answer)
        plt.close(fig)
        self.picture.value = f"{picture}<p>{html.escape(' '.join(self.answer.split()))}</p>"


def sentence_pieces(tokenizer: Tokenizer, text: str = "An unwatchable film?") -> SentencePieces:
    """A widget: type a sentence, press Enter, and see its word pieces and their ids."""
    return SentencePieces(tokenizer, text)
