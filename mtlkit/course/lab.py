"""Starts JupyterLab on the student's copies of the notebooks."""

import os
import secrets
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from mtlkit.course.environment import ROOT, SetupError, say

FIRST = "work/00_start_here.ipynb"
PORT = 8888
SETTINGS = Path(__file__).with_name("lab_settings")


def start(
    root: Path = ROOT, port: int | None = None, browser: bool = True, options: list[str] | None = None
) -> None:
    """Make the student's copies in `root`/work, then serve `root` until interrupted.

    port: as given, or the first free one from 8888 on. browser: open one, if there is a display.
    options: further ones for JupyterLab. Raises SetupError if `port` is taken.
    """
    from mtlkit.course import student

    port = free_port() if port is None else checked(port)
    for line in student.make(root / "notebooks", root / "work"):
        say(line)
    token = os.environ.setdefault("JUPYTER_TOKEN", secrets.token_hex(16))  # not in the list of processes
    os.environ.setdefault(
        "JUPYTER_PREFER_ENV_PATH", "1"
    )  # this environment's kernel, not one in the home folder
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        [str(SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    )
    threading.Thread(target=announce, args=(port, token), daemon=True).start()

    from jupyterlab.labapp import LabApp  # late: a second, and only here

    LabApp.launch_instance([*arguments(root, port, browser and has_display()), *(options or [])])


def arguments(root: Path, port: int, browser: bool) -> list[str]:
    """JupyterLab's command line: this machine only, `root` as its folder, the first notebook open."""
    chosen = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.answer_yes=True",  # one Ctrl-C stops it
        "--ServerApp.log_level=WARN",  # so that the address stays in sight
        "--LabApp.log_level=WARN",
        "--LabApp.extension_manager=readonly",  # the other kind asks a package index
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    return [*chosen, "--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else chosen


def announce(port: int, token: str) -> None:
    """Print the address as soon as the server answers there, this one and no other."""
    while not answers(port, token):
        time.sleep(0.1)
    say(f"\nJupyterLab is at  http://127.0.0.1:{port}/lab/tree/{FIRST}?token={token}\nStop it with Ctrl-C.\n")


def answers(port: int, token: str) -> bool:
    """Whether a Jupyter server answers on `port` of this machine, and knows `token`."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token={token}", timeout=2) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def is_free(port: int) -> bool:
    with socket.socket() as server:
        if os.name != "nt":  # there, this option would take a port that is in use
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int = PORT) -> int:
    """The first free port from `first` on. Raises SetupError if the next hundred are all taken."""
    for port in range(first, first + 100):
        if is_free(port):
            return port
    raise SetupError(f"Ports {first} to {first + 99} are all taken; name a free one with --port.")


def checked(port: int) -> int:
    """`port`, if it is free. Raises SetupError."""
    if not is_free(port):
        raise SetupError(
            f"Port {port} is taken, perhaps by a JupyterLab that still runs (jupyter server list shows them).\n"
            f"Stop that one, or name another port, or leave --port out: the next free one is {free_port(port + 1)}."
        )
    return port


def has_display() -> bool:
    """Whether a browser could show itself here."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
