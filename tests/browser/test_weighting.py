from playwright.sync_api import Page

from tests.browser import driver


def shown(page: Page) -> str:
    """The words of the widget's picture, as the page has them."""
    return page.locator(".widget-html img").last.get_attribute("alt") or ""


def test_the_sliders_of_notebook_11_move_the_minimum(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/11_loss_weighting.ipynb")
    assert driver.run_all(page) == []
    assert shown(page).startswith("Weights A 0.49, B 0.49, C 0.02, C's loss times 25:")
    for slider, key, times, words in (
        (2, "ArrowRight", 9, "Weights A 0.40, B 0.40, C 0.20,"),
        (3, "ArrowLeft", 4, "times 1:"),
    ):
        driver.press(page, driver.sliders(page).nth(slider), key, times)
        picture = "[...document.querySelectorAll('.widget-html img')].at(-1)"
        page.wait_for_function(f"words => {picture}.alt.includes(words)", arg=words)
