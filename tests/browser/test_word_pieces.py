from playwright.sync_api import Page

from tests.browser import driver


def test_a_typed_sentence_shows_its_pieces(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/03_word_pieces.ipynb")
    assert driver.run_all(page) == []
    line = page.get_by_label("Sentence")
    picture = page.locator(".widget-html-content img")
    before = picture.get_attribute("alt")
    driver.press(page, line, "Control+a")
    page.keyboard.type("overworked & <b>unread</b>")
    driver.press(page, line, "Enter")
    page.wait_for_function(
        "before => document.querySelector('.widget-html-content img').alt !== before", arg=before
    )
    assert "[CLS] over ##work ##ed & < b > un ##rea ##d < / b > [SEP]" in (picture.get_attribute("alt") or "")
    assert page.locator(".widget-html-content b").count() == 0
    assert driver.errors(page) == []
