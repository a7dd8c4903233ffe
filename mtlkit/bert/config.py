"""The numbers that fix a BERT's shape."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

_SAME_FOR_EVERY_BERT = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}

_COUNTS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size",
)  # fmt: skip


@dataclass(frozen=True)
class BertConfig:
    """A BERT's shape, under the names of its `config.json`; the defaults are `bert-base-uncased` (110 M parameters).

    Raises ValueError when a size is not a whole number above 0, the heads do not divide the width, or a
    probability is outside [0, 1].
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self):
        for name in _COUNTS:
            if not (isinstance(getattr(self, name), int) and getattr(self, name) > 0):
                raise ValueError(f"{name} is a whole number above 0, not {getattr(self, name)!r}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"{self.num_attention_heads} heads do not divide a width of {self.hidden_size}: every head "
                "needs the same whole number of dimensions"
            )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability in [0, 1], not {getattr(self, name)}")

    @property
    def head_size(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_file(cls, path: str | Path) -> "BertConfig":
        """Read a Hugging Face `config.json`. Raises ValueError for a model that is not a plain BERT encoder."""
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not valid JSON ({error}); fetch the file again") from None
        if not isinstance(values, dict):
            raise ValueError(f"{path}: holds no names and values; fetch the file again")
        if (kind := values.get("model_type", "bert")) != "bert":
            raise ValueError(f"{path}: model_type is {kind!r}; mtlkit builds BERT encoders only")
        for name, value in _SAME_FOR_EVERY_BERT.items():
            if values.get(name, value) != value:
                raise ValueError(f"{path}: {name} is {values[name]!r}; mtlkit's BERT has {value!r}")
        try:
            return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from None
