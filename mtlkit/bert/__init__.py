"""BERT, built from its parts, and pretrained weights for it."""

from .config import BertConfig
from .model import Bert, BertOutput
from .weights import load_tokenizer

__all__ = ["Bert", "BertConfig", "BertOutput", "load_tokenizer"]
