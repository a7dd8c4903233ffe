"""The gradient of the word table, kept from step to step."""

import torch

from ..heads import MultitaskModel


class WordTableGradient:
    """While open, on a CPU, the word table has one dense gradient that every step uses again.

    A batch reads some hundred of the table's 30,522 rows, yet a backward pass makes a new gradient of all of them:
    47 MB for MiniLM, fetched from the system and filled with zeros. With `sparse` the backward pass hands over the
    rows that were read, and torch adds them into the gradient that is there. The numbers are the same.
    """

    def __init__(self, model: MultitaskModel):
        self.word = model.encoder.embeddings.word
        self.gradient: torch.Tensor | None = None

    def __enter__(self) -> "WordTableGradient":
        weight = self.word.weight
        if weight.device.type == "cpu" and weight.requires_grad:
            self.word.sparse = True
            self.gradient = weight.grad = torch.zeros_like(weight)
        return self

    def gather(self) -> None:
        """After gradient surgery, which leaves the rows that were read: the same numbers in the one dense gradient."""
        found = self.word.weight.grad
        if self.gradient is not None and found is not None and found.is_sparse:
            self.word.weight.grad = self.gradient.index_copy_(0, found.indices()[0], found.values())

    def clear(self) -> None:
        """After `optimizer.zero_grad()`: zeros instead of None, in the same memory."""
        if self.gradient is not None:
            self.word.weight.grad = self.gradient.zero_()

    def __exit__(self, *_) -> None:
        if self.gradient is not None:
            self.word.sparse = False
            self.gradient = self.word.weight.grad = None
