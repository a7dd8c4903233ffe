import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mtlkit.course.environment import ROOT
from tests.browser import driver


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = driver.find_browser()
    if program is None:
        reason = "no Chromium or Chrome here: install one, or name it in the variable CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=driver.FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[driver.Lab]:
    """One JupyterLab for all tests of a worker, on a copy of the notebooks."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    with driver.serve(root, tmp_path_factory.mktemp("private")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, lab: driver.Lab) -> Iterator[Page]:
    """An empty page; the test fails at its end if the page asked another host for anything, or a script broke."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    refused, broken = driver.watch(page, lab)
    yield page
    context.close()
    assert refused == []
    assert broken == []
