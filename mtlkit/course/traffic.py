"""What a piece of code costs, on any machine: the numbers that its operations read and write, and ask memory for."""

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Traffic(TorchDispatchMode):
    """Counts the bytes of every tensor operation in its block.

        with Traffic() as traffic:
            loss.backward()

    moved: bytes read or written, each tensor that an operation is given or gives once. made: bytes of new memory, given
    back later or not. A view moves and makes nothing.
    """

    def __init__(self):
        super().__init__()
        self.moved = self.made = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        if not operation.is_view:
            given = {t.data_ptr(): t.nbytes for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
            new = {t.data_ptr(): t.nbytes for t in tree_leaves(out) if isinstance(t, Tensor)}
            self.moved += sum(given.values()) + sum(new.values())
            self.made += sum(size for place, size in new.items() if place not in given)
        return out
