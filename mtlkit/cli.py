"""`mtlkit lab | student | test | notebooks | data fetch`: what `make` calls; `mtlkit run | compare`: training.

It starts on a bare Python, so what is not in the standard library is imported only where `.venv` is there.
"""

import argparse
import os
import sys

from mtlkit.course import environment

NEEDS = {
    "lab": {"offline"},
    "notebooks": {"offline"},
    "test": {"offline", "dev"},
    "data": {"offline"},
    "run": {"offline"},
    "compare": {"offline"},
}  # extras; student: none at all


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="mtlkit",
        description="Multi-task learning with BERT, in notebooks.",
        epilog="The first run makes .venv with the pinned packages; later ones start in seconds.",
    )
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    texts = {
        "lab": "make the student copies in work/ and open them in JupyterLab",
        "student": "make the student copies in work/; edited ones are left alone",
        "notebooks": "execute the notebooks in place and write their outputs",
        "test": "run lint, types, tests and every notebook",
        "data": "`data fetch` brings the real CS224N files; a stopped download goes on where it was",
        "run": "train what a recipe (a small TOML file) says; a stopped run goes on where it was",
        "compare": "train several recipes over several seeds under an equal budget: one table, one figure",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in NEEDS:
            command.add_argument(
                "--here", action="store_true", help="use this Python as it is; never make .venv"
            )
            command.add_argument(
                "--torch-index",
                default=os.environ.get("TORCH_INDEX", ""),
                metavar="URL",
                help="where torch comes from, for example PyTorch's CPU builds",
            )
        if name == "lab":
            command.add_argument("--port", type=int, help="default: the first free one from 8888 on")
            command.add_argument("--no-browser", action="store_true", help="print the address only")
            command.add_argument("options", nargs="*", help="after --, further options for JupyterLab")
        elif name == "student":
            command.add_argument(
                "--fresh",
                nargs="+",
                default=(),
                metavar="NAME",
                help="also write the newest version of these beside an edited copy, as NAME.new.ipynb",
            )
        elif name == "notebooks":
            command.add_argument("names", nargs="*", help="some of them, for example 05 (default: all)")
        elif name == "test":
            command.add_argument("--only", action="append", choices=("lint", "types", "pytest", "nbval"))
        elif name == "data":
            command.add_argument("action", choices=("fetch",))
            command.add_argument("--to", metavar="FOLDER", help="default: $MTLKIT_DATA/cs224n or data/cs224n")
            command.add_argument(
                "--force", action="store_true", help="replace files that differ from the published ones"
            )
        elif name in ("run", "compare"):
            command.add_argument("files", nargs="+", metavar="RECIPE.toml", help="files of one or more runs")
            command.add_argument(
                "--out", default="runs", metavar="FOLDER", help="where results go (default: runs)"
            )
            command.add_argument(
                "--budget", type=int, metavar="N", help="examples each run sees, all tasks together"
            )
            command.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
            command.add_argument("--keep-models", action="store_true", help="keep each run's weights too")
            seeds = dict(run="the seed (default: 0)", compare="how many seeds (default: 3)")[name]
            command.add_argument(
                "--seed" if name == "run" else "--seeds",
                type=int,
                default=0 if name == "run" else 3,
                help=seeds,
            )
    return top


def main(arguments: "list[str] | None" = None) -> int:
    """Run one command; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        environment.check_python()
        chosen = parser().parse_args(arguments)
        if chosen.command in NEEDS:
            environment.ensure(NEEDS[chosen.command], arguments, chosen.here, chosen.torch_index)
        else:
            environment.check_root()
        return globals()[chosen.command](chosen)
    except environment.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
    return 1


def lab(chosen: argparse.Namespace) -> int:
    from mtlkit.course import lab

    lab.start(port=chosen.port, browser=not chosen.no_browser, options=chosen.options)
    return 0


def student(chosen: argparse.Namespace) -> int:
    from mtlkit.course import student

    for line in student.make(environment.ROOT / "notebooks", environment.ROOT / "work", chosen.fresh):
        print(line)
    return 0


def notebooks(chosen: argparse.Namespace) -> int:
    from mtlkit.course import notebooks

    failed = 0
    try:
        paths = notebooks.find(chosen.names, environment.ROOT / "notebooks")
    except ValueError as error:
        raise environment.SetupError(str(error)) from None
    for path in paths:
        try:
            print(f"{path.name:40} {notebooks.execute(path):4.0f} s", flush=True)
        except RuntimeError as error:
            failed += 1
            print(error, file=sys.stderr, flush=True)
    return failed


def test(chosen: argparse.Namespace) -> int:
    from mtlkit.course import testing

    return testing.run(chosen.only)


def data(chosen: argparse.Namespace) -> int:
    from mtlkit.data import FetchError, fetch

    try:
        print(f"All files are in {fetch(chosen.to, force=chosen.force)}")
    except FetchError as error:
        raise environment.SetupError(str(error)) from None
    return 0


def run(chosen: argparse.Namespace) -> int:
    from dataclasses import replace

    from mtlkit import runs

    def train(recipes):
        for recipe in recipes:
            recipe = replace(recipe, budget=chosen.budget or recipe.budget)
            progress = sys.stderr.isatty()
            result = runs.run(recipe, chosen.seed, chosen.out, progress, chosen.keep_models, chosen.device)
            if result is None:
                raise KeyboardInterrupt
            print(runs.line(result), flush=True)

    return _with_recipes(chosen.files, train)


def compare(chosen: argparse.Namespace) -> int:
    from mtlkit import runs

    def train(recipes):
        keep, device = chosen.keep_models, chosen.device
        done = runs.compare(recipes, chosen.seeds, chosen.budget, chosen.out, keep_models=keep, device=device)
        if done.empty:
            raise KeyboardInterrupt
        from mtlkit.data.files import whole
        from mtlkit.show import figures, plots

        with whole(os.path.join(chosen.out, "comparison.png")) as beside:
            beside.write_bytes(figures.png(plots.comparison(done)))
        figures.table(
            done[["run", "task", "score", "low", "high", "difference", "floor", "seeds", "seconds"]]
        )
        print(f"{chosen.out}: comparison.csv, comparison.png, scores.csv")

    return _with_recipes(chosen.files, train)


def _with_recipes(files: "list[str]", train) -> int:
    """Read the recipes and train; what is wrong with them is told in one line."""
    from mtlkit import runs

    try:
        train([recipe for file in files for recipe in runs.read_recipes(file)])
    except (ValueError, FileNotFoundError) as error:
        raise environment.SetupError(str(error)) from None
    return 0
