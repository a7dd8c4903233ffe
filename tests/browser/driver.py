"""A real JupyterLab in a real browser: start it, open a notebook, run it, read what it shows, use its controls.

Commands and outputs go through JupyterLab's own objects (`window.jupyterapp`), because the page draws late and
only in part; what the page alone knows (pictures, messages of broken widgets) is read from the page.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from mtlkit.course import offline

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = [
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PANEL = "[...window.jupyterapp.shell.widgets('main')].find(w => w.sessionContext && w.content?.model)"
CODE = f"[...{PANEL}.content.model.cells].map((cell, number) => [number, cell]).filter(([, c]) => c.type === 'code')"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: `url` without a slash at its end, `token`, and the folder `root` that it shows."""

    url: str
    token: str
    root: Path


def find_browser() -> str | None:
    """The browser's program: $CHROMIUM, or a Chromium or Chrome in one of the usual places."""
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, BROWSERS)]
    return next(filter(None, found), None) or next(filter(os.path.exists, MAC_BROWSERS), None)


@contextlib.contextmanager
def serve(root: Path, private: Path) -> Iterator[Lab]:
    """`make lab` for the course in `root`, without the user's settings: those are in the folder `private`.

    Raises RuntimeError with JupyterLab's last words if it does not start.
    """
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},  # cells that are off screen are drawn too
        "docmanager-extension/plugin": {"autosave": False},
    }
    for name, values in settings.items():
        path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = f"""
from pathlib import Path
from mtlkit.course import lab
lab.start(Path({str(root)!r}), port={port}, browser=False, options=["--LabApp.expose_app_in_browser=True"])
"""
    log = private / "lab.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={
                **offline.environment(),
                **{name: str(private / folder) for name, folder in folders.items()},
            },
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "http://127.0.0.1" in line:
                address, _, token = line.split()[-1].partition("?token=")
                yield Lab(address.partition("/lab/")[0], token, root)
                break
        else:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
    finally:
        process.terminate()  # the server ends its kernels, then itself
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def watch(page: Page, lab: Lab) -> tuple[list[str], list[str]]:
    """Refuse what `page` asks of any host but `lab`. Returns two lists that fill: refused addresses, script errors."""
    refused: list[str] = []
    broken: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith((lab.url, "data:", "blob:")):
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    page.route("**/*", guard)
    page.on("pageerror", lambda error: broken.append(str(error)))
    return refused, broken


def open_notebook(page: Page, lab: Lab, path: str) -> None:
    """Open `path` (relative to the lab's root) and wait until its kernel is idle."""
    page.goto(f"{lab.url}/lab/tree/{path}?token={lab.token}&reset")
    ready = f"() => window.jupyterapp && {PANEL}?.sessionContext.session?.kernel?.status === 'idle'"
    page.wait_for_function(ready, timeout=90_000)


def run_all(page: Page, seconds: float = 300) -> list[str]:
    """Run all cells, wait for the last, and return the errors (see `errors`)."""
    page.set_default_timeout(seconds * 1000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    finished = f"""() => {PANEL}.sessionContext.session.kernel.status === 'idle'
        && ({CODE}.every(([, c]) => !c.sharedModel.source.trim() || c.executionCount !== null)
            || {CODE}.some(([, c]) => c.outputs.toJSON().some(o => o.output_type === 'error')))"""
    page.wait_for_function(finished)
    settle(page)
    return errors(page)


def settle(page: Page) -> None:
    """Wait until the page has drawn what the kernel sent."""
    page.wait_for_function(f"() => {PANEL}.sessionContext.session.kernel.status === 'idle'")
    page.wait_for_timeout(300)


def errors(page: Page) -> list[str]:
    """One line for each error: of a cell, inside an Output widget, of a widget that could not be drawn."""
    found = page.evaluate(f"""() => {CODE}.flatMap(([number, c]) => c.outputs.toJSON()
        .filter(o => o.output_type === 'error').map(o => `cell ${{number}}: ${{o.ename}}: ${{o.evalue}}`))""")
    kinds = ("error", "stderr")
    drawn = page.locator(
        ", ".join(f".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.{kind}']" for kind in kinds)
    )
    texts = [text.strip() for text in drawn.all_inner_texts()]
    found += [f"shown: {text.splitlines()[-1][:200]}" for text in texts if "Error" in text]
    return found + [
        f"widget: {text}" for text in page.get_by_text("Error displaying widget").all_inner_texts()
    ]


def figures(page: Page) -> list[dict]:
    """The pictures below the cells as the page shows them: `width` and `height` in pixels (0 if broken)."""
    return page.locator(".jp-OutputArea-output img").evaluate_all(
        "all => all.map(i => ({width: i.naturalWidth, height: i.naturalHeight}))"
    )


def press(page: Page, control: Locator, key: str, times: int = 1) -> None:
    """Focus a control (a slider's handle, for example) and press `key`, as a reader without a mouse does."""
    control.scroll_into_view_if_needed()
    control.focus()
    for _ in range(times):
        page.keyboard.press(key)
    settle(page)


def waits_for(picture: Locator, alt: str, other_than: str | None = None) -> None:
    """Until the picture's alternative text holds `alt`, and its `src` is another: the kernel answers when it can."""
    expect(picture).to_have_attribute("alt", re.compile(re.escape(alt)), timeout=60_000)
    if other_than is not None:
        expect(picture).not_to_have_attribute("src", other_than, timeout=60_000)


def sliders(page: Page) -> Locator:
    """The handles of all sliders of the notebook, in order."""
    return page.locator(".widget-slider .noUi-handle")
