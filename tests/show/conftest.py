from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    """No figure outlives its test."""
    yield
    plt.close("all")
