from playwright.sync_api import Page

from tests.browser import driver


def shown(page: Page) -> str:
    """The words of the widget's picture, as the page has them."""
    return page.locator(".widget-html img").last.get_attribute("alt") or ""


def wait_for(page: Page, words: str) -> None:
    picture = "[...document.querySelectorAll('.widget-html img')].at(-1)"
    page.wait_for_function(f"words => {picture}.alt.startsWith(words)", arg=words)


def test_keys_scrub_through_the_run_of_notebook_12(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/12_gradient_conflict.ipynb")
    assert driver.run_all(page) == []
    assert ", layers.4: cosines sst and para" in shown(page)
    slider = driver.sliders(page).last
    driver.press(page, slider, "Home")
    wait_for(page, "Step 1 of ")
    first = shown(page)
    driver.press(page, slider, "ArrowRight", 2)
    wait_for(page, "Step 3 of ")
    assert shown(page) != first
    page.locator(".widget-dropdown select").first.select_option("encoder")
    page.wait_for_function(
        "() => /^Step 3 of \\d+, encoder: /.test([...document.querySelectorAll('.widget-html img')].at(-1).alt)"
    )
