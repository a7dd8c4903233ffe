import re

from playwright.sync_api import Page, expect

from tests.browser import driver


def test_the_browser_of_01_goes_through_pairs_by_keyboard(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/01_data.ipynb")
    assert driver.run_all(page) == []
    picture = page.locator(".jupyter-widgets img")
    low, _, place = driver.sliders(page).all()
    first = picture.get_attribute("alt")
    assert "Example 1 of" in first
    driver.press(page, place, "ArrowRight")
    second = picture.get_attribute("alt")
    assert "Example 2 of" in second
    driver.press(page, low, "ArrowRight", times=3)
    expect(picture).to_have_attribute("alt", re.compile("labels from 2.8 to"))  # three answers of the kernel
    assert found(picture.get_attribute("alt")) < found(second)
    page.locator(".widget-dropdown select").select_option("sst")
    expect(picture).to_have_attribute("alt", re.compile("labels from 0.0 to 4.0"))


def found(alt: str) -> int:
    return int(re.search(r"of (\d+) with", alt)[1])
