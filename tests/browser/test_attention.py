from playwright.sync_api import Page

from tests.browser import driver


def test_the_weights_follow_the_sliders(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/04_attention.ipynb")
    assert driver.run_all(page) == []
    length, temperature = (driver.sliders(page).nth(number) for number in (0, 1))
    driver.press(page, length, "ArrowLeft", 2)
    page.locator("img[alt^='With 6 of 8 tokens real and temperature 0.25']").wait_for()
    driver.press(page, temperature, "ArrowRight", 3)
    shown = page.locator("img[alt^='With 6 of 8 tokens real and temperature 1.00']")
    shown.wait_for()
    assert "padding has weight 0.00" in (shown.get_attribute("alt") or "")
