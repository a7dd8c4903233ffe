from playwright.sync_api import Page

from tests.browser import driver


def test_another_order_chosen_in_09_shows_what_was_forgotten_in_it(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/09_many_tasks.ipynb")
    assert driver.run_all(page) == []
    slider = driver.sliders(page).first
    picture = page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    for key, order in (("Home", "sst, para, sts"), ("ArrowRight", "sst, sts, para")):
        driver.press(page, slider, key)
        page.locator(f'.jupyter-widgets img[alt*="in the order {order} "]').wait_for()
        page.locator(".widget-readout").get_by_text(order).wait_for()
        assert "below its best" in picture.get_attribute("alt")
    assert picture.get_attribute("src") != before
