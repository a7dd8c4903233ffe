"""CS224N's six submission files from the best seed of `data/results/best`: data/results/best/predictions/.

    mtlkit compare data/results/best/recipes.toml --seeds 3 --out data/results/best --keep-models
    python tests/bench/record_submission.py

The best seed has the highest mean of the three dev scores. The files are validated against the examples before they
count; the dev files are scored again from what was written.
"""

from pathlib import Path

from mtlkit.bert import load_tokenizer
from mtlkit.data import encode, load
from mtlkit.evaluation import read_predictions, score, validate, write_predictions
from mtlkit.runs import build, read_recipes, read_result, scores
from mtlkit.training import choose_precision, load_model, predict

BEST = Path(__file__).resolve().parents[2] / "data" / "results" / "best"


def main() -> None:
    results = [read_result(path) for path in BEST.glob("*.json")]
    kept = scores(results).query("chosen and task == 'mean3'").set_index("seed").score
    seed = int(kept.idxmax())
    (recipe,) = read_recipes(BEST / "recipes.toml")
    built = build(recipe, seed)
    load_model(BEST / f"{recipe.slug}-{seed}.safetensors", built.model)
    precision, tokenizer = choose_precision(built.model.device), load_tokenizer(recipe.encoder)
    print(f"seed {seed} of {len(kept)}, dev mean3 {kept[seed]:.4f}")
    for task in built.tasks:
        for split, name in (("dev", "dev"), ("test-student", "test")):
            examples = load(task.name, split, recipe.source, on_bad="report")
            outputs = predict(built.model, task, encode(examples, tokenizer), precision=precision)
            path = BEST / "predictions" / f"{task.name}-{name}-output.csv"
            path.parent.mkdir(exist_ok=True)
            write_predictions(
                path, task.format, [e.id for e in examples], task.decode(outputs).numpy().round(4)
            )
            validate(read_predictions(path, task.format), examples, task.format)
            print(path.name, len(examples), score(path, examples, task.format) if name == "dev" else "")


if __name__ == "__main__":
    main()
