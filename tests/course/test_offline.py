import subprocess
import sys

import pytest

from mtlkit.course import offline


def run(code, command=list):
    return subprocess.run(
        command([sys.executable, "-c", code]), env=offline.environment(), capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.create_connection(('192.0.2.1', 80), 5)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))",
        "import urllib.request; urllib.request.urlopen('http://example.org', timeout=5)",
    ],
)
def test_other_hosts_are_refused(code):
    assert "the network is off during this run" in run(code).stderr


LOOPBACK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(("localhost", server.getsockname()[1]), 5)
print("reached", len(socket.if_nameindex()))
"""


def test_this_machine_is_reached():
    assert run(LOOPBACK).stdout.startswith("reached")


def test_where_the_system_permits_it_only_the_loopback_is_there():
    if offline.wrap(["true"]) == ["true"]:
        pytest.skip("this system lets an ordinary user make no network namespace")
    assert run(LOOPBACK, offline.wrap).stdout == "reached 1\n"


def test_a_run_uses_no_more_than_two_threads():
    assert offline.environment()["OMP_NUM_THREADS"] in ("1", "2")
