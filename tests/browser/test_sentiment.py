from playwright.sync_api import Page

from tests.browser import driver


def test_a_review_typed_into_the_widget_of_07_is_answered(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/07_sentiment.ipynb")
    assert driver.run_all(page) == []
    line = page.locator(".widget-text input")
    picture = page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    line.fill("Two hours of my life that I will never get back.")
    driver.press(page, line, "Enter")
    driver.waits_for(picture, "model calls this review", before)
    line.fill("   ")
    driver.press(page, line, "Enter")
    assert page.get_by_text("Type a review, then press Enter.").is_visible()
