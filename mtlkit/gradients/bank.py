"""One gradient a task: where they are kept, what they say of one another, and how they become one gradient."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

CHUNK = 2**18  # parameters at a time on the CPU: what is written stays in its cache meanwhile
BLOCK = 2**13  # parameters whose products are summed up in float32; blocks are summed up in float64
LARGE = 4096  # rows of an embedding, of which a batch reads few


def part_of(name: str) -> str:
    """The part of the model that a parameter belongs to: its name up to the first number, or else its first word.

    "layers.3.attention.query.weight" is of "layers.3", "embeddings.word.weight" of "embeddings".
    """
    words = name.split(".")
    numbers = [i for i, word in enumerate(words) if word.isdigit()]
    return ".".join(words[: numbers[0] + 1]) if numbers else words[0]


def dots(rows: Float[Tensor, "K n"]) -> Float[Tensor, "K K"]:
    """All dot products of the rows, in float64: products of matrices with few rows are fast when many go at once."""
    K, n = rows.shape
    whole = n // BLOCK * BLOCK
    blocks, rest = rows[:, :whole].view(K, -1, BLOCK).transpose(0, 1), rows[:, whole:]
    return (blocks @ blocks.mT).double().sum(0) + (rest @ rest.T).double()


class Bank:
    """For each of K tasks a row with its gradient for the P parameters that the tasks share.

        with bank.task("sst"):
            loss.backward()

    What the block's backward passes find for a shared parameter goes into the row of "sst"; a parameter that is not
    shared gets its ordinary `.grad`. Blocks of one task add up. `gram` and `write` see the tasks that had a block since
    `clear`, in the order of their first blocks. A task whose loss reaches nothing that is shared has a row of zeros.

    shared: a module, or parameters by name; what is frozen stays out. Rows are of float32, or float64 as the model is.
    Of a large embedding on the CPU only what some batch has read is kept. The `.grad` of a shared parameter is
    replaced by `write`, not added to. Raises ValueError if nothing is shared, or everything that is shared is frozen.
    """

    def __init__(self, shared: nn.Module | Mapping[str, nn.Parameter]):
        modules = shared.modules() if isinstance(shared, nn.Module) else ()
        self.shared = dict(shared.named_parameters()) if isinstance(shared, nn.Module) else dict(shared)
        if not self.shared:
            raise ValueError(
                "no shared parameters: give the module that all tasks share, or parameters by name"
            )
        self.embeddings = {
            id(part.weight)
            for part in modules
            if isinstance(part, nn.Embedding) and part.num_embeddings >= LARGE
        }
        self.layout: tuple[str, ...] = ()  # what is trained
        self.rows = self.result = torch.empty(0)
        self.clear()

    def clear(self) -> None:
        """Forget all tasks."""
        self.tasks: list[str] = []
        self.seen: list[set[str]] = []  # the parameters that each task has a gradient for
        self.read: list[dict[str, Tensor]] = []  # each task's gradients for tables, sparse
        self.sparse: set[str] = set()  # the tables whose gradients came sparse
        self._compact: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """While open, backward passes go into the row of task `name`. After an error inside, the bank is clear."""
        k = self._number(name)
        hooks = []
        for each in self.layout:
            self.shared[each].grad = None
            hook = self._taker(each, k)
            hooks.append(self.shared[each].register_post_accumulate_grad_hook(hook))
        try:
            yield
        except BaseException:
            self.clear()
            raise
        finally:
            for hook in hooks:
                hook.remove()
        for each in self.places.keys() - self.seen[k]:
            self.rows[k, self.places[each]].zero_()
        self._compact = {}

    def gram(self) -> Float[Tensor, "N K K"]:
        """The Gram matrix G_ij = g_i . g_j of each part of the model (`parts`, N of them), in float64 on the CPU.

        Their sum over the parts is the Gram matrix of the whole gradients.
        """
        K = len(self.tasks)
        found = torch.zeros(len(self.parts), K, K, dtype=torch.float64)
        with torch.autocast(self.rows.device.type, enabled=False):  # where the caller has it on
            for part, rows, _ in self._blocks():
                found[part] += dots(rows).cpu()
        return found

    @torch.no_grad()
    def write(self, weights: Float[Tensor, "*N K"], divide: float = 1.0) -> None:
        """Make (sum_i w_i g_i) / divide the `.grad` of the shared parameters.

        weights: (K,), or (N, K) with other weights for each part. Weights of 1 give the plain sum of the rows, in
        the tasks' order, to the last bit. The rows stay. Where no task has a gradient, `.grad` stays None.
        """
        weights = weights.broadcast_to(len(self.parts), len(self.tasks)).tolist()
        for part, rows, out in self._blocks(CHUNK if self.rows.device.type == "cpu" else 2**62):
            first, *others = weights[part]
            torch.mul(rows[0], first, out=out)
            for row, weight in zip(rows[1:], others, strict=True):
                out.add_(row, alpha=weight)
            if divide != 1:
                out.div_(divide)
        for name in set().union(*self.seen):
            p = self.shared[name]
            if name in self.places:
                p.grad = self.result[self.places[name]].view_as(p).to(p.dtype)
                continue
            ids, _, made = self._compact[name]
            made = made.view(len(ids), -1).to(p.dtype)
            grad = torch.sparse_coo_tensor(
                ids[None], made, p.shape, check_invariants=False, is_coalesced=True
            )
            p.grad = grad if name in self.sparse else grad.to_dense()

    def row(self, name: str) -> dict[str, Tensor]:
        """A copy of the gradient of task `name`, by parameter. Raises ValueError for a task without a block."""
        k, found = self.tasks.index(name), {}
        for each in self.layout:
            p = self.shared[each]
            if each in self.places:
                found[each] = self.rows[k, self.places[each]].view_as(p).clone()
            else:
                found[each] = self.read[k][each].to_dense() if each in self.read[k] else torch.zeros_like(p)
        return found

    def _number(self, name: str) -> int:
        """The row of a task; a new one if it has none."""
        if not self.tasks:
            self._lay_out()
        if name not in self.tasks:
            self.tasks.append(name)
            self.seen.append(set())
            self.read.append({})
            if len(self.tasks) > len(self.rows):
                self.rows = torch.cat([self.rows, torch.empty_like(self.result)[None]])
        return self.tasks.index(name)

    def _lay_out(self) -> None:
        """Give each parameter its place in a row, part after part; anew only if something was frozen or moved."""
        trained = [name for name, p in self.shared.items() if p.requires_grad]
        if not trained:
            raise ValueError("every shared parameter is frozen: there is no gradient to operate on")
        self.parts = list(dict.fromkeys(map(part_of, trained)))
        layout = tuple(sorted(trained, key=lambda name: self.parts.index(part_of(name))))
        p = self.shared[layout[0]]
        dtype, device = torch.promote_types(p.dtype, torch.float32), p.device
        if (layout, dtype, device) == (self.layout, self.rows.dtype, self.rows.device):
            return
        self.layout = layout
        self.places: dict[str, slice] = {}
        self.spans = []  # from where to where each part goes
        end = 0
        for part in self.parts:
            begin = end
            for name in layout:
                p = self.shared[name]
                if part_of(name) == part and not (id(p) in self.embeddings and p.device.type == "cpu"):
                    self.places[name] = slice(end, end := end + p.numel())
            self.spans.append((begin, end))
        self.rows = torch.empty(0, end, dtype=dtype, device=device)
        self.result = torch.empty(end, dtype=dtype, device=device)

    def _taker(self, name: str, k: int):
        """A hook that moves a gradient from `.grad` into row k as soon as it is there; its memory is free at once."""

        @torch.no_grad()
        def take(p: nn.Parameter) -> None:
            assert p.grad is not None, "one task's block is open inside another's"
            gradient, p.grad = p.grad, None
            if name in self.places:
                gradient = gradient.to_dense() if gradient.is_sparse else gradient
                place = self.rows[k, self.places[name]].view_as(p)
                place.add_(gradient) if name in self.seen[k] else place.copy_(gradient)
            else:
                if gradient.is_sparse:
                    self.sparse.add(name)
                else:
                    gradient = gradient.to_sparse(1)
                before = self.read[k].get(name)
                self.read[k][name] = (gradient if before is None else before + gradient).coalesce()
            self.seen[k].add(name)

        return take

    def _blocks(self, step: int = 2**62) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(part, all rows' next n parameters (K, n), where their combination goes (n,)), until all P were there.

        n: of a whole part, or `step` at most.
        """
        K = len(self.tasks)
        for part, (begin, end) in enumerate(self.spans):
            for i in range(begin, end, step):
                yield part, self.rows[:K, i : min(i + step, end)], self.result[i : min(i + step, end)]
        for name in self.layout:
            if name not in self.places and any(name in read for read in self.read):
                yield self.parts.index(part_of(name)), *self._table(name)[1:]

    def _table(self, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Of a large embedding: the U rows that some task read, their gradients (K, U D), and room for one (U D,)."""
        if name not in self._compact:
            read = [found.get(name) for found in self.read]
            ids = torch.cat([r.indices()[0] for r in read if r is not None]).unique()
            width = self.shared[name].shape[1]
            rows = torch.zeros(len(self.tasks), len(ids), width, dtype=self.rows.dtype)
            for row, found in zip(rows, read, strict=True):
                if found is not None:
                    row[torch.searchsorted(ids, found.indices()[0])] = found.values().to(row.dtype)
            rows = rows.flatten(1)
            self._compact[name] = ids, rows, torch.empty_like(rows[0])
        return self._compact[name]
