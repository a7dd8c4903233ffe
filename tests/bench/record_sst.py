"""Fine-tunes MiniLM on SST, frozen and in full, over several seeds, and records each run in data/results/sst.csv.

    python tests/bench/record_sst.py [--source cs224n|mini] [--seeds 3] [--epochs 3] [--limit N] [--out FILE]

One row a run, written as soon as the run has ended; runs that have their row are skipped, and one that was killed goes
on from its last checkpoint (in runs/). `accuracy` is the best epoch's on the development set, `low` and `high` its 95%
interval (Wilson), `seconds_per_epoch` the run's time, evaluations included, divided by its epochs.
"""

import argparse
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import torch

from mtlkit.bert import Bert, load_tokenizer
from mtlkit.data import encode, load
from mtlkit.evaluation.intervals import binomial
from mtlkit.heads import ClassificationHead, MultitaskModel
from mtlkit.tasks import SST
from mtlkit.training import Settings, choose_precision, train

ROOT = Path(__file__).resolve().parents[2]
METHODS = {  # peak learning rates of encoder and head
    "frozen": dict(lr=0.0, head_lr=1e-2),
    "full": dict(lr=1e-4, head_lr=1e-3),
}


def machine() -> str:
    """Processor and number of cores."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {torch.get_num_threads()} cores"


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def add(path: Path, row: dict) -> None:
    """Write the table with one row more, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        pd.concat([read(path), pd.DataFrame([row])], ignore_index=True).to_csv(beside, index=False)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def done(path: Path, key: dict) -> bool:
    """Whether a row has all these values."""
    table = read(path)
    return not table.empty and bool((table[list(key)] == pd.Series(key)).all(axis=1).any())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", default="cs224n" if os.environ.get("MTLKIT_DATA") else "mini")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--limit", type=int, help="use the first N rows only; not recorded unless --out is given"
    )
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.limit and not args.out:
        parser.error("a run on part of the data needs a file of its own: --out FILE")
    out = args.out or ROOT / "data" / "results" / "sst.csv"
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    tokenizer = load_tokenizer("minilm")
    train_data, dev_data = (
        encode(load("sst", split, args.source, on_bad="report")[: args.limit], tokenizer)
        for split in ("train", "dev")
    )
    precision = choose_precision(torch.device("cpu"))
    for seed in range(args.seeds):
        for method in args.methods:
            settings = Settings(epochs=args.epochs, precision=precision, seed=seed, **METHODS[method])
            key = dict(
                data=args.source, method=method, seed=seed, epochs=args.epochs, batch_size=settings.batch_size,
                lr=settings.head_lr if method == "frozen" else settings.lr, precision=precision,
            )  # fmt: skip
            if done(out, key):
                print(f"{method}, seed {seed}: recorded already")
                continue
            torch.manual_seed(seed)  # the head's start; the encoder's is pretrained
            model = MultitaskModel(
                Bert.from_pretrained("minilm"), {"sst": ClassificationHead(384, SST.outputs)}
            )
            model.freeze_encoder(method == "frozen")
            folder = ROOT / "runs" / "record_sst" / f"{args.source}-{args.limit or 'all'}-{method}-{seed}"
            history = train(model, SST, train_data, dev_data, settings, folder)
            if history.interrupted:
                return
            accuracy = history.best.score
            low, high = binomial(accuracy, len(dev_data))
            seconds = history.evaluations[-1].seconds / args.epochs
            add(
                out,
                dict(
                    key, accuracy=round(accuracy, 4), low=round(low, 4), high=round(high, 4),
                    seconds_per_epoch=round(seconds, 1), machine=machine(), torch=torch.__version__, commit=commit(),
                ),
            )  # fmt: skip
            shutil.rmtree(folder)
            print(f"{method}, seed {seed}: {accuracy:.3f} [{low:.3f}, {high:.3f}], {seconds:.0f} s an epoch")


if __name__ == "__main__":
    main()
