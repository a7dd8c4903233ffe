"""The cost of a PCGrad step: mtlkit.gradients against the plain summed step and two other ways to write PCGrad.

    python tests/bench/bench_surgery.py [--rounds 12] [--csv FILE] [--bert-base] [--device cuda] [--growth]

plain: three forwards, one backward of the summed loss. ours: `gradients.Surgery` with a conflict log, streamed.
torchjd: `backward` and `jac_to_grad` with PCGrad, one loss after the other, on the shared parameters; the heads'
gradients from torch.autograd.grad. flatten: the widely copied way: a backward pass a task, its gradients flattened
into one vector, cloned, projected as full vectors. All: the same encoder, heads, batches of 16 examples of the mini
data, dropout, clipping, fused AdamW. Single steps of the four alternate, so that a busy machine slows all. Memory: the
largest that a process of its own reaches, less that of the plain step's.
--growth: our step with 2 to 16 tasks. --bert-base: an encoder of BERT-base's shape with random weights.
data/results/surgery_cost.csv was written with --growth --csv.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time

import pandas as pd
import torch
from torch import nn

from mtlkit.bert import Bert, BertConfig, load_tokenizer
from mtlkit.data import collate, encode, load
from mtlkit.gradients import ConflictLog, PCGrad, Surgery
from mtlkit.heads import MultitaskModel
from mtlkit.tasks import PARA, SST, STS
from mtlkit.training import autocast, layerwise_groups
from mtlkit.training.word_table import WordTableGradient

BATCH = 16
TASKS = (SST, PARA, STS)


class Side:
    """A model in training, and one step of it: `step(batches)`."""

    table = False  # mtlkit's training keeps one dense gradient for the word table

    def __init__(self, args, K: int = 3):
        torch.manual_seed(0)
        self.device, self.precision = torch.device(args.device), args.precision
        encoder = Bert(BertConfig()) if args.bert_base else Bert.from_pretrained("minilm")
        self.tasks = {f"{TASKS[k % 3].name}{k}": TASKS[k % 3] for k in range(K)}
        heads = {name: task.head(encoder.config.hidden_size) for name, task in self.tasks.items()}
        self.model = MultitaskModel(encoder, heads).to(self.device).train()
        groups = layerwise_groups(self.model, 5e-5, 1e-3)
        self.parameters = [p for group in groups for p in group["params"]]
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.word_table = WordTableGradient(self.model)
        if self.table:
            self.word_table.__enter__()
        self.outside = 0.0  # seconds that are neither forward nor backward

    def loss(self, name: str, batch) -> torch.Tensor:
        with autocast(self.device, self.precision):
            outputs = self.model(batch, name)
        return self.tasks[name].loss(outputs.float(), batch.labels)

    def step(self, batches) -> None:
        self.backward(batches)
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.table:
            self.word_table.clear()

    def backward(self, batches) -> None:
        raise NotImplementedError


class Plain(Side):
    table = True

    def backward(self, batches):
        torch.stack([self.loss(name, batch) for name, batch in batches.items()]).sum().backward()


class Ours(Side):
    table = True

    def __init__(self, args, K=3):
        super().__init__(args, K)
        self.surgery = Surgery(self.model.encoder, PCGrad(), log=ConflictLog())

    def backward(self, batches):
        losses = {}
        for name, batch in batches.items():
            with self.surgery.task(name):
                loss = self.loss(name, batch)
                loss.backward()
            losses[name] = loss.item()
        start = self.now()
        self.surgery.apply(losses)
        self.word_table.gather()
        self.outside += self.now() - start

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


class TorchJD(Side):
    def backward(self, batches):
        from torchjd.aggregation import PCGrad
        from torchjd.autojac import backward, jac_to_grad

        shared = [p for p in self.model.encoder.parameters() if p.requires_grad]
        losses = [self.loss(name, batch) for name, batch in batches.items()]
        heads = list(self.model.heads.parameters())
        backward(losses, inputs=shared, retain_graph=True, parallel_chunk_size=1)
        used = [p for p in shared if getattr(p, "jac", None) is not None]
        jac_to_grad(used, PCGrad())
        own = torch.autograd.grad(torch.stack(losses).sum(), heads, allow_unused=True)
        for p, gradient in zip(heads, own, strict=True):
            p.grad = gradient


class Flatten(Side):
    """Written from the paper's description, as public implementations do it."""

    def backward(self, batches):
        vectors, has, shapes = [], [], [p.shape for p in self.parameters]
        for name, batch in batches.items():
            self.optimizer.zero_grad()
            self.loss(name, batch).backward()
            parts = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in self.parameters]
            vectors.append(torch.cat([part.flatten() for part in parts]))
            has.append(torch.cat([torch.full_like(p, p.grad is not None).flatten() for p in self.parameters]))
        projected = [vector.clone() for vector in vectors]
        for g in projected:
            others = list(vectors)
            random.shuffle(others)
            for h in others:
                dot = torch.dot(g, h)
                if dot < 0:
                    g -= dot / (h.norm() ** 2) * h
        shared = torch.stack(has).prod(0).bool()
        merged = torch.zeros_like(projected[0])
        merged[shared] = torch.stack([g[shared] for g in projected]).sum(0)
        merged[~shared] = torch.stack([g[~shared] for g in projected]).sum(0)
        place = 0
        for p, shape in zip(self.parameters, shapes, strict=True):
            p.grad = merged[place : place + shape.numel()].view(shape).clone()
            place += shape.numel()


SIDES: dict[str, type[Side]] = dict(plain=Plain, ours=Ours, torchjd=TorchJD, flatten=Flatten)


def data(args, K: int = 3):
    """Batches without end, a dict of K tasks each."""
    tokenizer = load_tokenizer("minilm")
    parts = {t.name: encode(load(t.format, "train", "mini", on_bad="report"), tokenizer) for t in TASKS}
    generator = torch.Generator().manual_seed(0)
    while True:
        batches = {}
        for k in range(K):
            name = TASKS[k % 3].name
            index = torch.randint(len(parts[name]), (BATCH,), generator=generator).tolist()
            batches[f"{name}{k}"] = collate(parts[name], index).to(torch.device(args.device))
        yield batches


def timed(side: Side, batches) -> float:
    if side.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    side.step(batches)
    if side.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(args) -> dict:
    """Median seconds of a step by side, and the median of each one's ratio to plain and to ours in the same round."""
    sides = {name: kind(args) for name, kind in SIDES.items()}
    source = data(args)
    for _ in range(2):  # warm up
        batches = next(source)
        for side in sides.values():
            side.step(batches)
    sides["ours"].outside = 0.0
    rounds = []
    for _ in range(args.rounds):
        batches = next(source)
        order = random.sample(list(sides), len(sides))
        rounds.append({name: timed(sides[name], batches) for name in order})
    seconds = {name: statistics.median(r[name] for r in rounds) for name in sides}
    ratios = {
        f"ratio_to_{base}": {name: statistics.median(r[name] / r[base] for r in rounds) for name in sides}
        for base in ("plain", "ours")
    }
    share = sides["ours"].outside / sum(r["ours"] for r in rounds)
    return dict(seconds=seconds, **ratios, surgery_share=share)


def growth(args) -> dict[int, float]:
    """Median seconds of our step by number of tasks."""
    found = {}
    for K in (2, 4, 8, 16):
        side, source = Ours(args, K), data(args, K)
        side.step(next(source))
        found[K] = statistics.median(timed(side, next(source)) for _ in range(max(3, args.rounds // 3)))
    return found


def memory(args) -> dict[str, float]:
    """MB that each side's steps need above the plain one's."""
    peaks = {}
    for name in SIDES:
        command = [
            sys.executable,
            __file__,
            "--measure",
            name,
            "--precision",
            args.precision,
            "--device",
            args.device,
        ]
        done = subprocess.run(
            command + ["--bert-base"] * args.bert_base, capture_output=True, text=True, check=True
        )
        peaks[name] = float(done.stdout.split()[-1])
    return {name: peak - peaks["plain"] for name, peak in peaks.items()}


def measure(args) -> float:
    """The largest memory in MB that this process, or its GPU, needs for a few steps of one side."""
    side, source = SIDES[args.measure](args), data(args)
    for _ in range(4):
        side.step(next(source))
    if args.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    with open("/proc/self/status") as file:  # ru_maxrss would begin with the parent's
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12, help="steps of each side")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], help="default: both")
    parser.add_argument("--bert-base", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--csv", help="also write the table to this file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    if args.measure:
        print(measure(args))
        return
    rows = []
    for precision in [args.precision] if args.precision else ["float32", "bfloat16"]:
        args.precision = precision
        result = compare(args)
        extra = memory(args)
        by_tasks = growth(args) if args.growth else {}
        common = dict(device=args.device, threads=torch.get_num_threads(), precision=precision)
        for step, seconds in result["seconds"].items():
            ratios = {f"to_{other}": result[f"ratio_to_{other}"][step] for other in ("plain", "ours")}
            found = dict(step=step, tasks=3, milliseconds=1000 * seconds, **ratios, extra_mb=extra[step])
            rows.append(common | found)
        for tasks, seconds in by_tasks.items():
            rows.append(common | dict(step="ours", tasks=tasks, milliseconds=1000 * seconds))
        print(f"surgery itself, {precision}: {100 * result['surgery_share']:.1f}% of our step")
    table = pd.DataFrame(rows).round(3)
    print(table.to_string(index=False))
    if args.csv:
        table.to_csv(args.csv, index=False)


if __name__ == "__main__":
    main()
