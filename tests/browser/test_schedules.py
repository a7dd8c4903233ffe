from playwright.sync_api import Page

from tests.browser import driver


def shown(page: Page) -> str:
    """The words of the widget's picture, as the page has them."""
    return page.locator(".widget-html img").last.get_attribute("alt") or ""


def test_the_sliders_of_notebook_10_bend_the_schedule(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/10_schedules.ipynb")
    assert driver.run_all(page) == []
    assert shown(page).startswith("alpha from 1.00 to 0.20 in 10 epochs")
    for slider, key, times, words in (
        (1, "ArrowRight", 2, "to 0.30 in 10 epochs"),
        (2, "ArrowLeft", 3, "in 7 epochs"),
        (0, "ArrowLeft", 1, "alpha from 0.95"),
    ):
        driver.press(page, driver.sliders(page).nth(slider), key, times)
        picture = "[...document.querySelectorAll('.widget-html img')].at(-1)"
        page.wait_for_function(f"words => {picture}.alt.includes(words)", arg=words)
