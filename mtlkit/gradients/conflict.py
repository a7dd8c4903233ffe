"""What clashed, when, by how much: a record of every step's Gram matrices, small enough to keep for a whole run."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..data.files import whole

ENCODER = "encoder"  # in the place of a part's name: all parts together


class ConflictLog:
    """One entry a step: each part's Gram matrix, losses, weights, projection coefficients and their order.

    Everything else is computed from these on demand: cosines, norms, conflicts (a negative cosine between two original
    gradients), the lengths of the plain sum and of what was made of it. `tasks` (K) and `parts` (N) grow as they come;
    a task without a batch in a step is NaN in it. Numbers are float32: a step of 3 tasks and 8 parts takes 0.4 kB.
    """

    def __init__(self):
        self.tasks: list[str] = []
        self.parts: list[str] = []
        self.count = 0  # steps
        self._columns: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self.count

    def add(
        self,
        tasks: Sequence[str],
        parts: Sequence[str],
        grams: Float[Tensor, "N K K"],
        weights: Float[Tensor, "*N K"],
        losses: Mapping[str, float] | None = None,
        method: Callable | None = None,
    ) -> None:
        """One step: of each part the Gram matrix, the weights that were used, the losses (floats by task), and the
        method, whose `coefficients` and `orders` are kept if it has them."""
        self._make_room(tasks, parts)
        k = np.array([self.tasks.index(name) for name in tasks])
        n = np.array([self.parts.index(name) for name in parts])
        s, column = self.count, self._columns
        column["grams"][s][np.ix_(n, k, k)] = grams.numpy()
        column["weights"][s][np.ix_(n, k)] = weights.broadcast_to(len(n), len(k)).numpy()
        column["losses"][s, k] = [(losses or {}).get(name, np.nan) for name in tasks]
        if weights.ndim == 1 and getattr(method, "coefficients", None) is not None:
            column["coefficients"][s][np.ix_(k, k)] = method.coefficients.numpy()
            for i, order in enumerate(method.orders):
                column["orders"][s, k[i], : len(order)] = k[order]
        self.count += 1

    def __getattr__(self, name: str) -> np.ndarray:
        """grams (S, N, K, K), weights (S, N, K), losses (S, K), coefficients (S, K, K), orders (S, K, K - 1; -1: none),
        over S steps."""
        columns = self.__dict__.get("_columns", {})
        if name in columns:
            return columns[name][: self.count]
        raise AttributeError(
            f"a conflict log has no {name!r} (yet); it has {', '.join(columns) or 'no step'}"
        )

    def gram(self, part: str = ENCODER) -> np.ndarray:
        """(S, K, K), float64: of one part, or of the whole encoder, the sum of its parts'."""
        grams = self.grams.astype(np.float64)
        if part != ENCODER:
            return grams[:, self.parts.index(part)]
        absent = np.isnan(grams).all(1)  # a part may have been frozen, then its 0 adds nothing
        return np.where(absent, np.nan, np.nansum(grams, 1))

    def norms(self, part: str = ENCODER) -> np.ndarray:
        """|g_i|, (S, K)."""
        return np.sqrt(np.diagonal(self.gram(part), axis1=1, axis2=2))

    def cosines(self, part: str = ENCODER) -> np.ndarray:
        """(S, K, K), in [-1, 1]; NaN where a gradient is zero or not there."""
        norms = self.norms(part)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.clip(self.gram(part) / (norms[:, :, None] * norms[:, None, :]), -1, 1)

    def pairs(self, parts: Sequence[str] = (ENCODER,)):
        """A row a step, part and pair of tasks: step (from 1), part, task, other, cosine, conflict (a pandas frame)."""
        import pandas as pd

        columns = ["step", "part", "task", "other", "cosine", "conflict"]
        frames = [pd.DataFrame(columns=columns)] if len(self.tasks) < 2 else []
        for part in parts if self.count else ():
            cosines = self.cosines(part)
            for i, j in combinations(range(len(self.tasks)), 2):
                frames.append(
                    pd.DataFrame(
                        {
                            "step": np.arange(1, self.count + 1),
                            "part": part,
                            "task": self.tasks[i],
                            "other": self.tasks[j],
                            "cosine": cosines[:, i, j],
                            "conflict": cosines[:, i, j] < 0,
                        }
                    )
                )
        return pd.concat(frames, ignore_index=True).dropna(subset="cosine").reset_index(drop=True)

    def frame(self, parts: Sequence[str] = (ENCODER,)):
        """A row a step, part and task: step, part, task, loss, norm, weight (of the encoder: the parts' mean), before
        and after (the lengths of the plain sum and of the combination)."""
        import pandas as pd

        frames = []
        for part in parts:
            inside = range(len(self.parts)) if part == ENCODER else [self.parts.index(part)]
            norms, (before, after) = self.norms(part), self.lengths(part)
            weights = self.weights[:, list(inside)]
            there = ~np.isnan(weights)
            for k, task in enumerate(self.tasks):
                frames.append(
                    pd.DataFrame(
                        {
                            "step": np.arange(1, self.count + 1),
                            "part": part,
                            "task": task,
                            "loss": self.losses[:, k],
                            "norm": norms[:, k],
                            "weight": np.nansum(weights[:, :, k], 1) / np.maximum(1, there[:, :, k].sum(1)),
                            "before": before,
                            "after": after,
                        }
                    )
                )
        table = pd.concat(frames, ignore_index=True).dropna(subset="norm")
        return table.sort_values(["step", "part"], kind="stable", ignore_index=True)

    def lengths(self, part: str = ENCODER) -> tuple[np.ndarray, np.ndarray]:
        """|sum_i g_i| and |sum_i w_i g_i| of each step, (S,) each."""
        inside = range(len(self.parts)) if part == ENCODER else [self.parts.index(part)]
        grams, weights = np.nan_to_num(self.grams.astype(np.float64)), np.nan_to_num(self.weights)
        squares = np.zeros((2, self.count))
        for n in inside:
            w = weights[:, n].astype(np.float64)
            squares[0] += grams[:, n].sum((1, 2))
            squares[1] += np.einsum("si,sij,sj->s", w, grams[:, n], w)
        before, after = np.sqrt(np.maximum(squares, 0))
        return before, after

    def state_dict(self) -> dict[str, Tensor]:
        """The columns as tensors, and the names that they belong to as the bytes of JSON."""
        names = json.dumps({"tasks": self.tasks, "parts": self.parts}).encode()
        columns = {
            name: torch.from_numpy(column[: self.count].copy()) for name, column in self._columns.items()
        }
        return {"names": torch.tensor(list(names), dtype=torch.uint8)} | columns

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        names = json.loads(bytes(state["names"].tolist()))
        self.tasks, self.parts = names["tasks"], names["parts"]
        self._columns = {name: column.numpy().copy() for name, column in state.items() if name != "names"}
        self.count = len(self._columns["losses"]) if self._columns else 0

    def save(self, path: str | Path) -> None:
        """Write a safetensors file, whole or not at all."""
        with whole(path) as beside:
            save_file(self.state_dict(), beside)

    @classmethod
    def load(cls, path: str | Path) -> "ConflictLog":
        """Read what `save` wrote. Raises FileNotFoundError, or ValueError for a file that is something else."""
        log = cls()
        try:
            log.load_state_dict(load_file(path))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a conflict log ({error})") from None
        return log

    def _make_room(self, tasks: Sequence[str], parts: Sequence[str]) -> None:
        """Room for one more step and for names that are new."""
        old = {name: column[: self.count] for name, column in self._columns.items()}
        self.tasks += [name for name in tasks if name not in self.tasks]
        self.parts += [name for name in parts if name not in self.parts]
        N, K = len(self.parts), len(self.tasks)
        shapes = dict(
            grams=(N, K, K), weights=(N, K), losses=(K,), coefficients=(K, K), orders=(K, max(K - 1, 0))
        )
        room = len(self._columns["losses"]) if self._columns else 0
        if room > self.count and all(
            self._columns[name].shape[1:] == shape for name, shape in shapes.items()
        ):
            return
        for name, shape in shapes.items():
            kind, empty = (np.int8, -1) if name == "orders" else (np.float32, np.nan)
            self._columns[name] = np.full((max(64, 2 * self.count), *shape), empty, kind)
            if name in old:
                corner = (slice(self.count), *map(slice, old[name].shape[1:]))
                self._columns[name][corner] = old[name]
