"""Runs a program with the network off, so that what a notebook shows was made without one.

Two measures. Everywhere, an audit hook in every Python that the program starts (`guard/sitecustomize.py`)
refuses to look up or reach any host but this machine: an audit hook cannot be removed, and covers every
library that uses Python's sockets. On Linux, where the system lets an ordinary user make a network namespace,
the program also runs in one that holds nothing but the loopback, which covers native code too.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

GUARD = Path(__file__).with_name("guard")


def environment() -> dict[str, str]:
    """This process's environment variables, with the guard on and two threads a process, unless OMP_NUM_THREADS is set.

    More threads than cores wait for one another: tests that run side by side set it to 1.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or str(min(2, os.cpu_count() or 1))
    path = [str(GUARD), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
    }


def wrap(command: list[str]) -> list[str]:
    """`command` in a network namespace of its own where the system permits it, else unchanged."""
    prefix = ["unshare", "--map-root-user", "--net", sys.executable, str(Path(__file__).resolve())]
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return command
    quiet = subprocess.run([*prefix, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [*prefix, *command] if quiet.returncode == 0 else command


def raise_loopback() -> None:
    """Switch on `lo`, which a new network namespace has, but off (kernels talk to their clients over it)."""
    import fcntl
    import socket
    import struct

    SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


if __name__ == "__main__":
    raise_loopback()
    os.execvp(sys.argv[1], sys.argv[1:])
