"""Fine-tunes MiniLM on one task at a time, frozen and in full, over several seeds: data/results/single.csv.

    python tests/bench/record_single.py [--tasks sst para sts] [--source mini] [--methods frozen full] [--seeds 5]

One row a run, written as soon as the run has ended; runs that have their row are skipped, and one that was killed goes
on from its last checkpoint (in runs/). Pairs go through the encoder as two sequences, and
the head maps the cosine of their vectors. `score` is the best epoch's on the development
set, `low` and `high` its 95% interval (Wilson; Fisher for the correlation of sts), `seconds_per_epoch` the run's time,
evaluations included, divided by its epochs.
"""

import argparse
import os
import shutil
from pathlib import Path

import pandas as pd
import torch

from mtlkit.bert import Bert, load_tokenizer
from mtlkit.data import Encoded, encode, load
from mtlkit.data.files import whole
from mtlkit.evaluation.intervals import binomial, fisher
from mtlkit.heads import MultitaskModel
from mtlkit.runs.result import commit, machine
from mtlkit.tasks import PARA, SST, STS, Task
from mtlkit.training import Settings, choose_precision, train

ROOT = Path(__file__).resolve().parents[2]
TASKS = {task.name: task for task in (SST, PARA, STS)}
SETTINGS = {  # of each source; the learning rates are peaks, of the encoder and of the head
    "mini": {"full": dict(epochs=2, batch_size=16, lr=2e-4, head_lr=2e-3)},
    "cs224n": {"full": dict(epochs=2, lr=1e-4, head_lr=1e-3)},
}
for source in SETTINGS.values():
    source["frozen"] = dict(source["full"], lr=0.0, head_lr=1e-2)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def add(path: Path, row: dict) -> None:
    """Write the table with one row more, whole or not at all."""
    with whole(path) as beside:
        pd.concat([read(path), pd.DataFrame([row])], ignore_index=True).to_csv(beside, index=False)


def done(path: Path, key: dict) -> bool:
    """Whether a row has all these values."""
    table = read(path)
    return not table.empty and bool((table[list(key)] == pd.Series(key)).all(axis=1).any())


def record(out: Path, task: Task, source: str, method: str, seed: int, data: tuple[Encoded, Encoded]) -> bool:
    """Train once and add the row, unless it is there; False if the run was interrupted."""
    precision = choose_precision(torch.device("cpu"))
    settings = Settings(precision=precision, seed=seed, **SETTINGS[source][method])
    key = dict(
        task=task.name, data=source, method=method, seed=seed, epochs=settings.epochs, batch_size=settings.batch_size,
        lr=settings.head_lr if method == "frozen" else settings.lr, precision=precision,
    )  # fmt: skip
    if done(out, key):
        print(f"{task.name}, {method}, seed {seed}: recorded already")
        return True
    torch.manual_seed(seed)  # the head's start; the encoder's is pretrained
    model = MultitaskModel(Bert.from_pretrained("minilm"), {task.name: task.head(384)})
    model.freeze_encoder(method == "frozen")
    folder = ROOT / "runs" / "record_single" / f"{source}-{task.name}-{method}-{seed}"
    history = train(model, task, *data, settings, folder)
    if history.interrupted:
        return False
    score, n = history.best.score, len(data[1])
    low, high = fisher(score, n) if task is STS else binomial(score, n)
    seconds = history.evaluations[-1].seconds / settings.epochs
    add(
        out,
        dict(
            key, score=round(score, 4), low=round(low, 4), high=round(high, 4), n=n,
            seconds_per_epoch=round(seconds, 1), machine=machine(model.device), torch=torch.__version__,
            commit=commit(),
        ),
    )  # fmt: skip
    shutil.rmtree(folder)
    print(
        f"{task.name}, {method}, seed {seed}: {score:.3f} [{low:.3f}, {high:.3f}], {seconds:.0f} s an epoch"
    )
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--source", default="mini", choices=SETTINGS)
    parser.add_argument("--methods", nargs="+", default=["frozen", "full"], choices=["frozen", "full"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "single.csv")
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    tokenizer = load_tokenizer("minilm")
    for name in args.tasks:
        data = tuple(
            encode(load(name, split, args.source, on_bad="report"), tokenizer) for split in ("train", "dev")
        )
        for seed in range(args.seeds):
            for method in args.methods:
                if not record(args.out, TASKS[name], args.source, method, seed, data):
                    return


if __name__ == "__main__":
    main()
