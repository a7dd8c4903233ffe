import os
import socket
import sys
import urllib.error
import urllib.request

import pytest

from mtlkit.course import lab
from mtlkit.course.environment import SetupError
from tests.browser import driver


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_an_error_with_a_way_out(taken):
    with pytest.raises(SetupError, match=rf"Port {taken} is taken.*\n.*the next free one is \d+"):
        lab.checked(taken)


def test_without_a_wish_the_next_free_port_is_used(taken):
    assert lab.free_port(taken) > taken


def test_there_may_be_no_free_port(monkeypatch):
    monkeypatch.setattr(lab, "is_free", lambda port: False)
    with pytest.raises(SetupError, match="--port"):
        lab.free_port()


def test_it_serves_this_machine_only_and_opens_the_first_notebook(tmp_path):
    chosen = lab.arguments(tmp_path, 9000, browser=False)
    assert "--ServerApp.ip=127.0.0.1" in chosen
    assert f"--ServerApp.root_dir={tmp_path}" in chosen
    assert "--LabApp.default_url=/lab/tree/work/00_start_here.ipynb" in chosen
    assert ("--allow-root" in chosen) == (os.name != "nt" and os.getuid() == 0)


def test_without_a_display_no_browser_is_opened(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not lab.has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert lab.has_display()


@pytest.mark.slow
def test_the_printed_address_answers_to_its_token_alone_and_the_server_stops(tmp_path):
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    with driver.serve(tmp_path / "course", tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        assert lab.answers(port, running.token)
        assert not lab.answers(port, "another's")
        contents = f"{running.url}/api/contents"
        with urllib.request.urlopen(f"{contents}?token={running.token}", timeout=10) as reply:
            assert b"notebooks" in reply.read()
        with pytest.raises(urllib.error.HTTPError, match="403") as refusal:
            urllib.request.urlopen(contents, timeout=10)
        refusal.value.close()
    assert not lab.answers(port, running.token)
