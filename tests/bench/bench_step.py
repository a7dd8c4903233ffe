"""Sentences a second of fine-tuning: mtlkit's training step against the same training with transformers.BertModel.

    python tests/bench/bench_step.py [--tasks sst [para sts]] [--json FILE] [--rounds 6] [--steps 10] [--parts]

ours: mtlkit.training's own step: bfloat16, fused attention, batches of 32 examples of like length.
theirs: transformers.BertModel, eager attention, float32, random batches of 32 padded to the longest, torch's AdamW.
Both: the same weights, heads, dropout, sentences, learning rates and gradient clipping; with several tasks a step sums
their losses, a batch each; pairs go through the encoder as two sequences. Blocks of steps alternate, so that a busy
machine slows both. Uses the real files if MTLKIT_DATA is set, else the mini set.
"""

import argparse
import json
import os
import statistics
import time
from contextlib import contextmanager

import torch
from torch import nn

from mtlkit.bert import Bert, load_tokenizer
from mtlkit.bert.model import BertOutput
from mtlkit.bert.weights import find
from mtlkit.data import Summed, collate, encode, load
from mtlkit.heads import MultitaskModel
from mtlkit.tasks import PARA, SST, STS
from mtlkit.training import Settings
from mtlkit.training.run import Run

BATCH = 32
TASKS = {task.name: task for task in (SST, PARA, STS)}


def heads(names) -> dict[str, nn.Module]:
    return {name: TASKS[name].head(384) for name in names}


class Ours:
    """mtlkit.training, one step at a time."""

    def __init__(self, data, precision="bfloat16"):
        torch.manual_seed(0)
        model = MultitaskModel(Bert.from_pretrained("minilm"), heads(data))
        tasks = {name: TASKS[name] for name in data}
        schedule = Summed({name: len(part) for name, part in data.items()}, BATCH, 1)
        self.run = Run(model, tasks, data, data, Settings(precision=precision), None, schedule)
        self.run.started = time.perf_counter()
        self.run.table.__enter__()
        self.run.total, self.run.warmup = 10**6, 10**5  # learning rates that do not run out
        self.data = data

    def step(self) -> int:
        """One update; returns the number of sentences."""
        batches = {name: stream.next_index() for name, stream in self.run.streams.items()}
        self.run.update(batches)
        return sum(len(index) * len(self.data[name].rows) for name, index in batches.items())


class Theirs:
    """The training loop one would write with transformers and torch alone."""

    def __init__(self, data):
        from transformers import BertModel

        torch.manual_seed(0)
        self.encoder = BertModel.from_pretrained(find("minilm"), attn_implementation="eager").train()
        self.heads = nn.ModuleDict(heads(data)).train()
        self.parameters = [*self.encoder.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=5e-5, weight_decay=0.01)
        self.generator = torch.Generator().manual_seed(0)
        self.data, self.queues = data, {name: [] for name in data}

    def next_index(self, name) -> list[int]:
        if not self.queues[name]:
            order = torch.randperm(len(self.data[name]), generator=self.generator)
            self.queues[name] = [index.tolist() for index in order.split(BATCH)]
        return self.queues[name].pop()

    def step(self) -> int:
        total, sentences = 0.0, 0
        for name, data in self.data.items():
            batch = collate(data, self.next_index(name))
            output = self.encoder(batch.ids, batch.mask.long(), batch.types)
            outputs = self.heads[name](BertOutput(output.last_hidden_state, output.pooler_output), batch.mask)
            total = total + TASKS[name].loss(outputs, batch.labels)
            sentences += len(batch.ids)
        total.item()
        total.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return sentences


def speed(side, steps: int) -> float:
    """Sentences a second over `steps` steps."""
    start = time.perf_counter()
    sentences = sum(side.step() for _ in range(steps))
    return sentences / (time.perf_counter() - start)


def parts(ours: Ours, steps: int) -> dict[str, float]:
    """Milliseconds a step in each part of our training step (timers around it; a part holds no other)."""
    from mtlkit.training import run

    spent: dict[str, float] = {}

    @contextmanager
    def timed(owner, name, label):
        whole = getattr(owner, name)

        def wrapped(*args, **kwargs):
            start = time.perf_counter()
            try:
                return whole(*args, **kwargs)
            finally:
                spent[label] = spent.get(label, 0) + time.perf_counter() - start

        setattr(owner, name, wrapped)
        try:
            yield
        finally:
            setattr(owner, name, whole)

    optimizer = ours.run.optimizer
    with (
        timed(run, "collate", "collate"),
        timed(ours.run.model, "forward", "forward"),
        timed(torch.Tensor, "backward", "backward"),
        timed(nn.utils, "clip_grad_norm_", "clip"),
        timed(optimizer, "step", "optimizer"),
        timed(ours.run, "clear_gradients", "zero_grad"),
    ):
        start = time.perf_counter()
        for _ in range(steps):
            ours.step()
        spent["all"] = time.perf_counter() - start
    return {label: 1000 * seconds / steps for label, seconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["sst"], choices=TASKS)
    parser.add_argument("--rounds", type=int, default=6, help="pairs of blocks")
    parser.add_argument("--steps", type=int, default=10, help="steps a block")
    parser.add_argument("--limit", type=int, help="use the first N examples only")
    parser.add_argument("--json", help="also write the numbers to this file")
    parser.add_argument("--parts", action="store_true", help="also say where our step spends its time")
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    source = "cs224n" if os.environ.get("MTLKIT_DATA") else "mini"
    tokenizer = load_tokenizer("minilm")
    data = {
        name: encode(load(name, "train", source, on_bad="report")[: args.limit], tokenizer)
        for name in args.tasks
    }
    ours, theirs = Ours(data), Theirs(data)
    for side in (ours, theirs):
        speed(side, 3)  # warm up
    rounds = []
    for i in range(args.rounds):
        pair = {}
        for name, side in (
            (("ours", ours), ("theirs", theirs)) if i % 2 else (("theirs", theirs), ("ours", ours))
        ):
            pair[name] = speed(side, args.steps)
        pair["ratio"] = pair["ours"] / pair["theirs"]
        rounds.append(pair)
        print(f"round {i + 1}: {pair['ours']:.0f} / {pair['theirs']:.0f} = {pair['ratio']:.2f}", flush=True)
    middle = {key: statistics.median(r[key] for r in rounds) for key in ("ours", "theirs", "ratio")}
    low, high = min(r["ratio"] for r in rounds), max(r["ratio"] for r in rounds)
    print(
        f"{source}, {', '.join(args.tasks)}, {torch.get_num_threads()} threads: mtlkit {middle['ours']:.0f} "
        f"sentences/s, transformers {middle['theirs']:.0f}; ratio {middle['ratio']:.2f} "
        f"(median of {args.rounds} rounds, {low:.2f} to {high:.2f})"
    )
    if args.parts:
        spent = parts(ours, args.steps * 2)
        print("milliseconds a step: " + ", ".join(f"{label} {ms:.1f}" for label, ms in spent.items()))
    if args.json:
        record = dict(
            middle,
            low=low,
            high=high,
            source=source,
            tasks=args.tasks,
            rounds=rounds,
            threads=torch.get_num_threads(),
        )
        with open(args.json, "w") as file:
            json.dump(dict(record, torch=torch.__version__), file, indent=1)


if __name__ == "__main__":
    main()
