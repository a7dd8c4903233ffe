"""What holds for every test: shapes in signatures are checked, the network is off, two threads at most."""

import os
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parents[1]

# Before anything imports mtlkit: from here on its annotations are checked at every call, tensor shapes included.
# The hook asks for its checker by module and name; ours takes an int for a float, as PEP 484 says.
sys.modules["checker"] = SimpleNamespace(check=beartype(conf=BeartypeConf(is_pep484_tower=True)))
install_import_hook("mtlkit", "checker.check")

# Every test that wants a server starts one on this machine; any other host is refused.
runpy.run_path(str(ROOT / "mtlkit" / "course" / "guard" / "sitecustomize.py"))
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device here"))


@pytest.fixture(scope="session")
def minilm_tokenizer():
    """The tokenizer of the default encoder; shared, so a test that changes its settings changes a copy."""
    from mtlkit.bert import load_tokenizer

    return load_tokenizer("minilm")


@pytest.fixture(scope="session")
def minilm():
    """The default encoder with its real weights, in evaluation mode; shared, so no test changes it."""
    from mtlkit.bert import Bert

    return Bert.from_pretrained("minilm")


@pytest.fixture(scope="session")
def cs224n() -> Path:
    """The folder that holds `cs224n/`: in $MTLKIT_DATA, else beside the repository; the test is skipped without."""
    named = os.environ.get("MTLKIT_DATA")
    root = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (root / "cs224n").is_dir():
        pytest.skip("the CS224N files are not here: set MTLKIT_DATA to the folder that holds cs224n/")
    return root / "cs224n"
