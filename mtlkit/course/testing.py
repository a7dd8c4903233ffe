"""The whole test run, one part after the other: what `make test` shows."""

import os
import subprocess
import sys
import time

from mtlkit.course import offline
from mtlkit.course.environment import ROOT, say

NBVAL = [
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=300",
    "--nbval-sanitize-with=tests/notebooks/sanitize.cfg",
]
# A worker a core, one thread each: two that share a core wait for one another.
WORKERS = ["-n", str(min(4, os.cpu_count() or 1)), "--dist"]
# Each command is what follows `python`. Parts run one after the other, so that no two crowd each other out.
# loadfile: the cells of a notebook follow one another.
PARTS = {
    "lint": [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-logo"],
    ],
    "types": [["-m", "mypy"]],
    "pytest": [["-m", "pytest", *WORKERS, "load"]],
    "nbval": [["-m", "pytest", *WORKERS, "loadfile", *NBVAL, "notebooks"]],
}


def run(only: list[str] | None = None) -> int:
    """Run the parts in `only`, or all, to the end, and print their seconds; returns 1 if one failed, else 0."""
    seconds: dict[str, float] = {}
    failed = set()
    for part in only or PARTS:
        start = time.perf_counter()
        for command in PARTS[part]:
            say(f"\n{part}: {' '.join(command)}")
            if run_command(part, command):
                failed.add(part)
        seconds[part] = time.perf_counter() - start
    say("\npart     seconds")
    for part, spent in [*seconds.items(), ("all", sum(seconds.values()))]:
        bad = failed if part == "all" else failed & {part}
        say(f"{part:8} {spent:7.0f}  {'FAILED' if bad else 'passed'}")
    return int(bool(failed))


def run_command(part: str, command: list[str]) -> int:
    """Run one command in the repository with the network off; returns its exit status."""
    command = [sys.executable, *command]
    if part == "nbval":  # in a network namespace too; the browser tests need the real user, for the sandbox
        command = offline.wrap(command)
    threads = {"OMP_NUM_THREADS": "1"} if "-n" in command else {}
    return subprocess.call(command, cwd=ROOT, env={**offline.environment(), **threads})
