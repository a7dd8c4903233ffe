import os
from pathlib import Path

import pytest

from mtlkit.data.sources import DATA


@pytest.fixture(scope="session")
def cs224n(tmp_path_factory) -> Path:
    """The folder that holds `cs224n/`: in $MTLKIT_DATA, else beside the repository; the test is skipped without."""
    named = os.environ.get("MTLKIT_DATA")
    root = Path(named) if named else DATA.parents[1] / "shared" / "data"
    if not (root / "cs224n").is_dir():
        pytest.skip("the CS224N files are not here: set MTLKIT_DATA to the folder that holds cs224n/")
    return root / "cs224n"
