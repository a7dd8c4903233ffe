"""What training on one task leaves for another: data/results/transfer.csv.

    mtlkit compare data/results/schedules/recipes.toml --seeds 3 --out data/results/schedules --keep-models
    python tests/bench/record_transfer.py [--seeds 3]

Takes the encoders of the runs "sst alone", "para alone" and "sts alone", and one that no run has trained, freezes
them, and fits a linear probe for each task: the vector of a sentence, or |u - v| and u * v of a pair, standardised,
and least squares with an L2 penalty of 1000. `score` is on dev. At most 4,000 training
and 2,000 dev examples a task.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlkit.data import Encoded, collate, plan
from mtlkit.heads import MultitaskModel, pooling
from mtlkit.runs import Recipe, build
from mtlkit.runs.recipe import find_task, part
from mtlkit.tasks import Task
from mtlkit.training import autocast, choose_precision, load_model

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "data" / "results" / "schedules"
NAMES = ("sst", "para", "sts")
DATA = Recipe("probe", source="cs224n", train_limit=4000, dev_limit=2000)


@torch.no_grad()
def features(model: MultitaskModel, encoded: Encoded) -> torch.Tensor:
    """(N, D) for single sentences, (N, 2D) for pairs."""
    precision = choose_precision(model.device)
    rows = []
    order = []
    for index in plan(encoded.lengths, 64, None):
        batch = collate(encoded, index).to(model.device)
        with autocast(model.device, precision):
            vectors = pooling.mean(model.encoder(batch.ids, batch.mask, batch.types), batch.mask).float()
        if len(encoded.rows) == 2:
            u, v = vectors.chunk(2)
            vectors = torch.cat([(u - v).abs(), u * v], dim=-1)
        rows.append(vectors.cpu())
        order += index
    return torch.cat(rows)[torch.tensor(order).argsort()]


def probe(model: MultitaskModel, task: Task) -> float:
    """The score on dev of a linear probe fitted on train."""
    model.eval()
    train, dev = (part(DATA, task, split) for split in ("train", "dev"))
    least_squares = RidgeClassifier(alpha=1000) if task.format.whole else Ridge(alpha=1000)
    fitted = make_pipeline(StandardScaler(), least_squares)
    fitted.fit(features(model, train).numpy(), train.labels)
    return task.metric(fitted.predict(features(model, dev).numpy()), dev.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "transfer.csv")
    args = parser.parse_args()
    table = []
    for trained in ("nothing", *NAMES):
        for seed in range(1 if trained == "nothing" else args.seeds):
            model = build(Recipe("model", tasks=[trained if trained in NAMES else "sst"]), seed).model
            if trained in NAMES:
                load_model(RUNS / f"{trained}_alone-{seed}.safetensors", model)
            for name in NAMES:
                row = dict(
                    trained=trained, probed=name, seed=seed, score=round(probe(model, find_task(name)), 4)
                )
                table.append(row)
                print(*row.values(), flush=True)
    pd.DataFrame(table).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
