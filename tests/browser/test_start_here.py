from playwright.sync_api import Page

from tests.browser import driver


def test_the_first_notebook_opens_runs_and_shows_its_figure(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "work/00_start_here.ipynb")
    assert driver.run_all(page) == []
    assert any(figure["width"] > 300 and figure["height"] > 200 for figure in driver.figures(page))


def test_an_error_in_a_cell_is_seen(page: Page, lab: driver.Lab):
    (lab.root / "work" / "broken.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],'
        ' "source": "1 / 0"}], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},'
        ' "nbformat": 4, "nbformat_minor": 5}'
    )
    driver.open_notebook(page, lab, "work/broken.ipynb")
    assert "ZeroDivisionError" in " ".join(driver.run_all(page, seconds=30))
