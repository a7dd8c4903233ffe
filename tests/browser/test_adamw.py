from playwright.sync_api import Page

from tests.browser import driver


def shown(page: Page) -> str:
    """The words of the widget's picture, as the page has them."""
    return page.locator(".widget-html img").last.get_attribute("alt") or ""


def test_the_sliders_of_notebook_06_change_the_path(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/06_adamw.ipynb")
    assert driver.run_all(page) == []
    assert shown(page).startswith("AdamW with lr 0.1,")
    for slider, times, words in ((0, 2, "lr 0.126,"), (1, 1, "decay 0.05:"), (2, 3, "beta1 0.87,")):
        driver.press(
            page, driver.sliders(page).nth(slider), "ArrowLeft" if slider == 2 else "ArrowRight", times
        )
        picture = "[...document.querySelectorAll('.widget-html img')].at(-1)"
        page.wait_for_function(f"words => {picture}.alt.includes(words)", arg=words)
