import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import driver

PLANE = "svg.gradient-plane"
SLOWEST = 1000  # milliseconds from a move of the mouse to the new numbers: some 30 where nothing else runs
WATCH = f"""() => {{
    const svg = document.querySelector('{PLANE}');
    let moved = null, said = svg.getAttribute('aria-label');
    window.waits = [];
    addEventListener('pointermove', () => {{ moved ??= performance.now(); }}, true);
    new MutationObserver(() => {{
        const now = svg.getAttribute('aria-label');
        if (now === said || moved === null) return;
        window.waits.push(performance.now() - moved);
        [said, moved] = [now, null];
    }}).observe(svg, {{ attributes: true }});
}}"""


@pytest.fixture
def console(page: Page) -> Iterator[list[str]]:
    """What the page's console calls an error; JupyterLab's own answers of 404 (no workspace yet) are none of ours."""
    found: list[str] = []

    def heard(message) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            found.append(message.text)

    page.on("console", heard)
    yield found
    assert found == []


def said(page: Page) -> str:
    """The lab in words: the label of its picture."""
    return page.locator(PLANE).get_attribute("aria-label") or ""


def place(page: Page, arrow: int) -> tuple[float, float]:
    """Where the page has the tip of an arrow."""
    x, y = (page.locator(f"{PLANE} .handle{arrow}").get_attribute("aria-valuetext") or "").split(", ")
    return float(x), float(y)


def row(page: Page, name: str) -> list[str]:
    """The numbers beside a name in the table."""
    return (
        page.locator("table.products tr", has_text=re.compile(f"^{name}"))
        .first.locator("td")
        .all_inner_texts()[1:]
    )


def drag(page: Page, arrow: int, x: float, y: float, steps: int = 15) -> None:
    """Take the tip of an arrow with the mouse to (x, y) of the plane."""
    plane = page.locator(PLANE).bounding_box()
    tip = page.locator(f"{PLANE} .handle{arrow}").bounding_box()
    assert plane
    assert tip
    unit = plane["width"] / 6  # the plane shows -3 to 3
    start = tip["x"] + tip["width"] / 2, tip["y"] + tip["height"] / 2
    end = plane["x"] + plane["width"] / 2 + unit * x, plane["y"] + plane["height"] / 2 - unit * y
    page.mouse.move(*start)
    page.mouse.down()
    for k in range(1, steps + 1):
        page.mouse.move(*(a + (b - a) * k / steps for a, b in zip(start, end, strict=True)))
        page.wait_for_timeout(40)
    page.mouse.up()


def waits_for_words(page: Page, words: str) -> None:
    expect(page.locator(PLANE)).to_have_attribute("aria-label", re.compile(re.escape(words)), timeout=60_000)


def slider(page: Page, name: str) -> Locator:
    """The slider with this description."""
    return page.locator(".widget-slider", has=page.get_by_text(name, exact=True))


def dot(a: tuple[float, float], b: tuple[float, float]) -> float:
    return a[0] * b[0] + a[1] * b[1]


def test_arrows_are_dragged_and_the_valley_is_changed_in_notebook_13(
    page: Page, lab: driver.Lab, console: list[str], tmp_path: Path
):
    driver.open_notebook(page, lab, "notebooks/13_gradient_surgery.ipynb")
    assert driver.run_all(page) == []
    plane = page.locator(PLANE)
    plane.scroll_into_view_if_needed()

    # the mouse takes the third arrow to (-0.5, -1.0), and numbers and sliders go along
    page.evaluate(WATCH)
    old = row(page, "g3")
    drag(page, 2, -0.5, -1.0)
    first, second, third = (place(page, arrow) for arrow in range(3))
    assert third == pytest.approx((-0.5, -1.0), abs=0.03)
    waits_for_words(page, f"g1.g3 = {dot(first, third):.2f}, ")
    waits_for_words(page, f"g2.g3 = {dot(second, third):.2f}, ")
    assert row(page, "g3") != old
    assert row(page, "g1·g3")[0] == f"{dot(first, third):.2f}"
    expect(slider(page, "g3 x").locator(".widget-readout")).to_have_text(f"{third[0]:.2f}".replace("-", "−"))
    assert statistics.median(page.evaluate("() => window.waits")) < SLOWEST

    # the keyboard moves it on
    driver.press(page, page.locator(f"{PLANE} .handle2"), "ArrowRight", 3)
    assert place(page, 2) == pytest.approx((third[0] + 0.3, third[1]), abs=0.011)
    driver.press(page, page.locator(f"{PLANE} .handle2"), "Shift+ArrowUp")
    assert place(page, 2) == pytest.approx((third[0] + 0.3, third[1] + 0.01), abs=0.011)
    waits_for_words(page, f"g1.g3 = {dot(first, place(page, 2)):.2f}, ")

    # a slider moves it too
    before = place(page, 0)
    driver.press(page, slider(page, "g1 y").locator(".noUi-handle"), "ArrowRight", 2)
    expect(page.locator(f"{PLANE} .handle0")).to_have_attribute(
        "aria-valuetext", f"{before[0]:.2f}, {before[1] + 0.02:.2f}", timeout=60_000
    )

    # Algorithm 1, step by step: by its slider, then by its player
    step = page.locator(".widget-hbox:has(> .widget-play) .noUi-handle")
    driver.press(page, step, "Home")
    waits_for_words(page, "Step 0 of 7")
    expect(page.locator(".said")).to_contain_text("nothing is projected yet")
    driver.press(page, step, "ArrowRight")
    waits_for_words(page, "Step 1 of 7")
    assert page.locator("span.lit").all_inner_texts() == ["g1′·g2", "(g1′·g2 / g2·g2)", "g2"]
    expect(page.locator(".said")).to_contain_text(f"= {dot(place(page, 0), second):.2f}")
    page.locator(".widget-play button").first.click()
    waits_for_words(page, "Step 3 of 7")
    page.locator(".widget-play button").first.click()

    # a preset puts all of it to new places, and takes no notice of what the page's sliders round
    page.locator(".widget-dropdown select").first.select_option("from my model")
    waits_for_words(page, "sst.para = ")
    driver.settle(page)
    assert page.locator(".widget-dropdown select").first.input_value() == "from my model"
    expect(plane).to_contain_text(re.compile(r"of each length: \d+% of sst"))
    page.locator(".jp-OutputArea-output", has=plane).last.screenshot(path=tmp_path / "lab.png")

    # and the valley follows its sliders and boxes
    explorer = page.locator(".jp-OutputArea-output", has=page.locator(".widget-checkbox")).last
    picture = explorer.locator("img")
    source = picture.get_attribute("src")
    driver.press(page, slider(page, "start θ1").locator(".noUi-handle"), "ArrowRight", 2)
    driver.waits_for(picture, "CAGrad ends at", other_than=source)
    page.get_by_label("CAGrad").uncheck()
    expect(picture).not_to_have_attribute("alt", re.compile("CAGrad ends at"), timeout=60_000)
    expect(picture).to_have_attribute("alt", re.compile("PCGrad ends at"))
    driver.settle(page)
    explorer.screenshot(path=tmp_path / "valley.png")
