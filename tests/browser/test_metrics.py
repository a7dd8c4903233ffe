from playwright.sync_api import Page

from tests.browser import driver


def test_a_slider_of_02_moves_your_model_past_the_published_ones(page: Page, lab: driver.Lab):
    driver.open_notebook(page, lab, "notebooks/02_metrics_and_floors.ipynb")
    assert driver.run_all(page) == []
    picture = page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    sst = driver.sliders(page).first
    driver.press(page, sst, "End")
    driver.waits_for(picture, "By mean3: your model", before)
    driver.press(page, sst, "Home")
    driver.waits_for(picture, "By norm3: S0 0.669")
    page.locator(".widget-readout").first.get_by_text("0.000").wait_for()
