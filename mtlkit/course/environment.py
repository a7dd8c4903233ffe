"""Makes `.venv` with what `constraints.txt` pins, and goes on inside it.

Only the standard library is used, and nothing that an old Python cannot parse: this file is what tells
the owner of an old Python what to do.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
NEEDED_GB = 3.0  # measured: 1.8 GB installed for `lab`, 2.1 for `test`, and what pip unpacks on the way
CUDA_GB = 9.0  # the same with torch's CUDA build
DISK_FULL = re.compile("No space left|Errno 28|Disk quota exceeded")
NO_NETWORK = re.compile(
    "NewConnectionError|ConnectTimeout|ReadTimeout|Max retries|timed out|ProxyError|SSLError|Could not fetch URL"
    "|Connection (refused|reset|broken)|name resolution|Name or service|unreachable"
)
SEARCHING = re.compile("is looking at multiple versions of")


class SetupError(Exception):
    """A set-up step failed; the message says what to do."""


def ensure(extras: "set[str]", arguments: "list[str]", here: bool = False, torch_index: str = "") -> None:
    """Return if this interpreter has what `extras` need; else make `.venv` and run `mtlkit arguments` in it.

    here: never make `.venv`. torch_index: the package index that torch comes from, if not the usual one.
    Raises SetupError.
    """
    check_python()
    check_root()
    venv = ROOT / ".venv"
    if is_ours(venv) and stamp_covers(venv, extras):
        return
    if here or not (is_ours(venv) and read_stamp(venv)):  # conda's, or one that its owner made
        lacking = missing(extras)
        if not lacking:
            return
        if here:
            raise SetupError(
                f"This Python ({sys.executable}) lacks {', '.join(lacking)}.\n"
                f'Install what the course needs: pip install -e ".[{",".join(sorted(extras))}]"\n'
                "or leave out --here, and an environment of its own is made in .venv."
            )
    go_on_in(build(venv, extras, torch_index), arguments)


def check_python() -> None:
    """Raises SetupError if this Python is too old; names a newer one if there is one on the path."""
    if sys.version_info[:2] >= OLDEST:
        return
    wanted = ".".join(map(str, OLDEST))
    newer = next(
        (name for name in (f"python3.{n}" for n in range(14, OLDEST[1] - 1, -1)) if runs(name)), None
    )
    advice = f"This machine has one: use  make lab PYTHON={newer}  or  {newer} -m mtlkit lab"
    if newer is None:
        advice = (
            "Install one from python.org, or with your system's packages, or with conda (see environment.yml);\n"
            f"then name it:  make lab PYTHON=python{wanted}"
        )
    raise SetupError(
        f"Python {wanted} or newer is needed; {sys.executable} is {sys.version.split()[0]}.\n{advice}"
    )


def runs(name: str) -> bool:
    """Whether the command `name` exists and starts (a version manager's stand-in exists, but may not start)."""
    path = shutil.which(name)
    return path is not None and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0


def check_root() -> None:
    """Raises SetupError unless this file lies in a clone of the repository."""
    for name in ("pyproject.toml", "constraints.txt", "notebooks"):
        if not (ROOT / name).exists():
            raise SetupError(
                f"The course needs its repository, but {ROOT} has no {name}.\n"
                "Go to the folder that you cloned and run  make lab  there."
            )


def is_ours(venv: Path) -> bool:
    """Whether the running interpreter belongs to `venv`."""
    return venv.exists() and os.path.samefile(sys.prefix, str(venv))


def missing(extras: "set[str]") -> "list[str]":
    """The requirements in pyproject.toml, those of `extras` included, that this interpreter does not meet."""
    import tomllib  # not in Python 3.10

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = list(project["dependencies"])
    for extra in sorted(extras):
        required += project["optional-dependencies"][extra]
    return [line for line in required if not is_met(line)]


def is_met(requirement: str) -> bool:
    """Whether a requirement of the form `name>=1.2` is installed."""
    from importlib import metadata  # not in Python 3.7

    name, _, bound = requirement.partition(">=")
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return numbers(version) >= numbers(bound)


def numbers(version: str) -> "list[int]":
    """`2.13.0+cpu` -> [2, 13, 0]."""
    return [int(part) for part in re.findall(r"\d+", version.split("+")[0])]


# --- building ---------------------------------------------------------------------------------------------


def build(venv: Path, extras: "set[str]", torch_index: str = "") -> Path:
    """Make `venv` if it is not there, install what its stamp does not cover, and return its interpreter.

    What is installed for other extras stays. Raises SetupError.
    """
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and stamp_covers(venv, extras):
        return python
    start = time.time()
    check_disk(venv.parent, torch_index)
    extras = extras | set(read_stamp(venv).get("extras", []))
    if python.exists():
        say("The pinned packages have changed; bringing .venv up to date")
        (venv / "stamp.json").unlink(missing_ok=True)
    else:
        say(f"Making {venv} (once; about 2 minutes and 2 GB, more where torch comes with CUDA)")
        make_venv(venv)
    index = (
        ["--no-deps", "--index-url", torch_index] if torch_index else []
    )  # that index may have torch alone
    log = venv / "setup.log"
    log.write_text("", encoding="utf-8")
    pip(python, ["torch", *index], log, "torch")
    pip(python, ["--editable", f"{ROOT}[{','.join(sorted(extras))}]"], log, "the other packages")
    (venv / "stamp.json").write_text(json.dumps({"pins": pins(), "extras": sorted(extras)}), encoding="utf-8")
    say(f"The environment is ready ({time.time() - start:.0f} s).")
    return python


def pins() -> str:
    """What decides the contents of the environment, as a hash; a moved repository counts as changed."""
    files = [(ROOT / name).read_bytes() for name in ("constraints.txt", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*files, str(ROOT).encode()])).hexdigest()


def read_stamp(venv: Path) -> dict:
    try:
        return json.loads((venv / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def stamp_covers(venv: Path, extras: "set[str]") -> bool:
    stamp = read_stamp(venv)
    return stamp.get("pins") == pins() and extras <= set(stamp.get("extras", []))


def check_disk(folder: Path, torch_index: str) -> None:
    """Raises SetupError if `folder` has no room; warns where torch's CUDA build would not fit."""
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < NEEDED_GB:
        raise SetupError(
            f"{folder} has {free:.1f} GB free; the environment needs about {NEEDED_GB:.0f} GB.\n"
            "Free some space, or clone the repository to a larger disk, then run the same command again."
        )
    if free < CUDA_GB and sys.platform == "linux" and not torch_index:
        say(
            f"{folder} has {free:.1f} GB free. If torch comes with CUDA here (about 6 GB), that will not do;\n"
            "without a GPU, stop and run  make lab TORCH_INDEX=...  with PyTorch's address for CPU builds."
        )


def make_venv(venv: Path) -> None:
    """An empty environment at `venv`. Raises SetupError."""
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )
        if result.returncode == 0:
            return
        if "ensurepip" not in result.stdout:
            raise SetupError(f"{' '.join(command)} failed:\n{result.stdout.strip()[-500:]}")
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    raise SetupError(
        f"This Python ({sys.executable}) cannot make environments: its venv module is not complete.\n"
        f"On Debian or Ubuntu:  sudo apt-get install {package}\n"
        "elsewhere, install Python from python.org; then run the same command again."
    )


def pip(python: Path, arguments: "list[str]", log: Path, what: str) -> None:
    """`pip install arguments` under the constraints, its output in `log`. Raises SetupError."""
    say(f"Installing {what}")
    command = [str(python), "-m", "pip", "install", "--constraint", str(ROOT / "constraints.txt")]
    command += ["--progress-bar", "off", *arguments]
    env = {**os.environ, "PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    lines: "list[str]" = []
    searching = False
    output: "dict[str, Any]" = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "universal_newlines": True,
        "errors": "replace",
    }
    with log.open("a", encoding="utf-8") as file, subprocess.Popen(command, env=env, **output) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            file.write(line)
            show_progress(lines[-1])
            if SEARCHING.search(line) and not searching:
                searching = True
                say(
                    "pip tries several versions of a package: some pin in constraints.txt cannot be had for Python "
                    "{}.{} here.\nIf this takes more than a few minutes, stop it (Ctrl-C), remove .venv, and name "
                    "another Python, for example  make lab PYTHON=python3.12".format(*sys.version_info[:2])
                )
    show_progress("")
    if process.returncode:
        raise SetupError(
            f"Set-up stopped while installing {what}.\n{explain(lines)}\nAll that pip said: {log}"
        )


def explain(lines: "list[str]") -> str:
    """Two or three lines that say why pip failed and what to do, from what it printed."""
    text = "\n".join(lines)
    errors = [line for line in lines if line.startswith("ERROR:")][:2]
    if DISK_FULL.search(text):
        return (
            "The disk is full. Free some space (pip cache purge helps), then run the same command again.\n"
            "Without a GPU, torch needs a third of the space with TORCH_INDEX=... (PyTorch's CPU builds)."
        )
    if NO_NETWORK.search(text):
        return (
            "The package index cannot be reached. Check the network (and HTTPS_PROXY or PIP_INDEX_URL, if you\n"
            "need them), then run the same command again: it goes on where it stopped."
        )
    if "No matching distribution found" in text:
        version = "{}.{}".format(*sys.version_info[:2])
        return "\n".join(
            [
                *errors,
                f"There may be no build for Python {version} on this system. Python 3.11 to 3.13 are well covered:",
                "remove .venv and name another one, for example  make lab PYTHON=python3.12",
            ]
        )
    return "\n".join(errors or lines[-3:])


# --- small things -----------------------------------------------------------------------------------------


def say(text: str) -> None:
    print(text, flush=True)


def show_progress(line: str) -> None:
    """Where pip is, on one line of the terminal that is written over; nothing where output goes to a file."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {line.strip()[:90]}" if line else "\r\033[K", end="", flush=True)


def go_on_in(python: Path, arguments: "list[str]") -> None:
    """Run `mtlkit arguments` with `python` in place of this process."""
    command = [str(python), "-m", "mtlkit", *arguments]
    sys.stdout.flush()
    if os.name == "nt":  # there, exec returns to the shell at once
        sys.exit(subprocess.call(command))
    os.execv(str(python), command)
