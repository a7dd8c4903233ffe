from playwright.sync_api import Page

from tests.browser import driver


def test_the_sliders_and_the_button_of_08_change_its_pictures(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/08_sentence_pairs.ipynb")
    assert driver.run_all(page) == []
    roc, error = (page.locator(".jupyter-widgets img").nth(i) for i in (0, 1))
    before = roc.get_attribute("src")
    handles = driver.sliders(page)
    driver.press(page, handles.first, "End")
    driver.waits_for(roc, ": 0 of 306 pairs are called 1", before)
    before = error.get_attribute("src")
    driver.press(page, handles.nth(1), "End")  # the label 0, predicted as 5
    driver.waits_for(error, "Six predictions with Pearson", before)
    page.get_by_text("Puzzle 2 of 3").wait_for()
    page.get_by_role("button", name="Next puzzle").press("Enter")
    page.get_by_text("Puzzle 3 of 3").wait_for()
