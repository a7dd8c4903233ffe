"""Fetching: whatever stops a download, a file is whole or not there, and the next run goes on from there."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from functools import partial
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from urllib.error import URLError

import pytest

import mtlkit.data
from mtlkit import cli
from mtlkit.course import environment
from mtlkit.data import FetchError, blob_id, fetch, load

fetching = import_module("mtlkit.data.fetch")  # the module; in the room, its name is the function's
NAME = "sts-dev.csv"
BODIES = {NAME: bytes(range(256)) * 1000, "quora-dev.csv": b"0\tcafe\t1.0\n" * 300}
WHOLE = len(BODIES[NAME])
HALF = WHOLE // 2


def git_id(content):
    return sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class Host(ThreadingHTTPServer):
    """Serves `bodies` and notes what it is `asked` for; it can be told to send `only` so many bytes, and to hang."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.bodies, self.asked = dict(BODIES), []  # (name, first byte)
        self.only, self.hangs, self.ranges, self.status = None, False, True, None
        self.end = Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}/data"

    def handle_error(self, request, client_address):
        """A client that is gone is what these tests are about."""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        host, name = self.server, self.path.removeprefix("/data/")
        start = int(re.search(r"\d+", self.headers.get("Range", "0")).group())
        host.asked.append((name, start))
        if host.status or name not in host.bodies:
            return self.send_error(host.status or 404)
        start = start if host.ranges else 0
        rest = host.bodies[name][start:]
        if start and not rest:
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: host.only])
        if host.hangs:
            host.end.wait(5)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def host(monkeypatch):
    """A host of two files on this machine, which are all that there is to fetch."""
    monkeypatch.setattr(fetching, "FILES", {name: git_id(body) for name, body in BODIES.items()})
    with Host() as host:
        Thread(target=host.serve_forever, args=(0.01,), daemon=True).start()
        yield host
        host.end.set()
        host.shutdown()


@pytest.fixture
def bring(host, tmp_path):
    """`fetch` from that host to an empty folder."""
    return partial(fetch, tmp_path / "cs224n", host.address, progress=False)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cs224n" / NAME


@pytest.fixture
def part(file):
    """Where the unfinished download lies, in its folder."""
    file.parent.mkdir()
    return file.with_name(f"{NAME}.part")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- what is published ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        (b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
    ],
)
def test_a_blob_id_is_what_git_hash_object_prints(tmp_path, content, id):
    (tmp_path / "file").write_bytes(content)
    assert blob_id(tmp_path / "file") == id


def test_there_is_a_file_for_every_task_and_split():
    stems, splits = ("ids-sst", "sts", "quora"), ("train", "dev", "test-student")
    assert set(fetching.FILES) == {f"{stem}-{split}.csv" for stem in stems for split in splits}


@pytest.mark.parametrize("name", [name for name in fetching.FILES if "quora" not in name])
def test_the_real_files_have_the_published_ids(cs224n, name):
    """Of Quora's files there are several editions."""
    assert blob_id(cs224n / name) == fetching.FILES[name]


# --- a download -------------------------------------------------------------------------------------------


def test_every_file_comes_whole_and_nothing_else_stays(host, bring):
    assert contents(bring()) == BODIES
    assert host.asked == [(name, 0) for name in BODIES]


def test_a_second_run_downloads_nothing_and_says_so(host, bring, capsys):
    bring()
    host.asked.clear()
    bring(progress=True)
    assert host.asked == []
    assert capsys.readouterr().out == "".join(f"{name}: there already\n" for name in BODIES)


def test_a_bar_and_a_line_for_each_file(bring, capsys):
    bring(progress=True)
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"{NAME}: fetched, 0.3 MB", "quora-dev.csv: fetched, 0.0 MB"]
    assert f"{NAME}:   0%" in err


def test_without_progress_nothing_is_printed(bring, capsys):
    bring()
    assert capsys.readouterr() == ("", "")


def test_files_go_where_load_looks_for_them(host, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="mtlkit data fetch"):
        load("sts", "dev", "cs224n")
    assert fetch(base=host.address, progress=False) == mtlkit.data.folder("cs224n") == tmp_path / "cs224n"
    with pytest.raises(FileNotFoundError, match=r"sts-train\.csv.*mtlkit data fetch"):
        load("sts", "train", "cs224n")


# --- a download that stops --------------------------------------------------------------------------------


def test_a_broken_connection_keeps_what_came_and_the_next_run_asks_for_the_rest(host, bring, file):
    host.only = HALF
    with pytest.raises(FetchError, match=rf"{NAME}: the connection broke off, {HALF:,} bytes .* goes on"):
        bring()
    assert contents(file.parent) == {f"{NAME}.part": BODIES[NAME][:HALF]}
    host.only = None
    assert contents(bring()) == BODIES
    assert host.asked == [(NAME, 0), (NAME, HALF), ("quora-dev.csv", 0)]


def test_a_stalled_download_ends_and_goes_on_later(host, bring):
    host.only, host.hangs = HALF, True
    with pytest.raises(FetchError, match=r"nothing came for 0\.1 s, .* the same command again: it goes on"):
        bring(timeout=0.1)
    host.only, host.hangs = None, False
    assert contents(bring()) == BODIES
    assert host.asked[1] == (NAME, HALF)


CHILD = """
import sys, types
room = types.ModuleType("mtlkit.data")  # the real one imports torch, which takes longer than this test
room.__path__ = [sys.argv[1]]
sys.modules["mtlkit.data"] = room
from mtlkit.data import fetch as module
module.FILES = {sys.argv[4]: sys.argv[5]}
module.fetch(sys.argv[2], sys.argv[3])
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_killed_download_is_resumed(host, bring, part, name):
    host.only, host.hangs = HALF, True
    room = Path(fetching.__file__).parent
    command = [sys.executable, "-c", CHILD, room, part.parent, host.address, NAME, git_id(BODIES[NAME])]
    with subprocess.Popen(
        command, cwd=room.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        while not (part.exists() and part.stat().st_size):
            assert child.poll() is None
            time.sleep(0.005)
        child.send_signal(getattr(signal, name))
    kept = part.stat().st_size
    assert list(contents(part.parent)) == [part.name]
    host.only, host.hangs = None, False
    assert contents(bring()) == BODIES
    assert host.asked[1] == (NAME, kept)


def test_killed_before_the_renaming_there_is_nothing_left_to_download(host, bring, part):
    part.write_bytes(BODIES[NAME])
    assert contents(bring()) == BODIES
    assert host.asked == [("quora-dev.csv", 0)]


def test_a_server_without_ranges_sends_all_of_it_anew(host, bring, part):
    part.write_bytes(BODIES[NAME][:HALF])
    host.ranges = False
    assert contents(bring()) == BODIES
    assert host.asked == [(NAME, HALF), ("quora-dev.csv", 0)]


@pytest.mark.parametrize("size", [HALF, WHOLE, WHOLE + 1])
def test_a_part_of_something_else_is_thrown_away(host, bring, part, size):
    part.write_bytes(b"x" * size)
    assert contents(bring()) == BODIES
    assert host.asked[:2] == [(NAME, size), (NAME, 0)]


# --- a download that fails --------------------------------------------------------------------------------


def test_other_bytes_than_published_are_not_kept(host, bring, file):
    host.bodies[NAME] = b"<html>Please log in</html>"
    ids = f"{git_id(host.bodies[NAME])}, not {git_id(BODIES[NAME])}"
    with pytest.raises(FetchError, match=rf"{host.address}/{NAME} .*{ids}"):
        bring()
    assert contents(file.parent) == {}


def test_a_missing_file_is_named_with_its_address(host, bring, tmp_path):
    del host.bodies[NAME]
    with pytest.raises(FetchError, match=rf"^{NAME}: {host.address}/{NAME} answers 404 .*moved"):
        bring()
    assert contents(tmp_path) == {}


def test_a_busy_server_leaves_the_part_as_it_is(host, bring, part):
    part.write_bytes(BODIES[NAME][:HALF])
    host.status = 503
    with pytest.raises(FetchError, match=r"answers 503 .*try later"):
        bring()
    assert part.stat().st_size == HALF


OFFLINE = r"cannot be reached \((?s:.*)Check the network(?s:.*)set MTLKIT_DATA"


def test_a_refused_connection_says_what_to_do(tmp_path):
    with Host() as host:
        address = host.address
    with pytest.raises(FetchError, match=OFFLINE):
        fetch(tmp_path, address, progress=False)


def test_a_server_that_never_answers_counts_as_unreachable(tmp_path):
    with Host() as host, pytest.raises(FetchError, match=OFFLINE):  # it listens, and nobody serves
        fetch(tmp_path, host.address, progress=False, timeout=0.05)


def test_a_python_without_certificates_is_told_so(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise URLError(ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] no issuer"))

    monkeypatch.setattr(fetching, "urlopen", fail)
    with pytest.raises(FetchError, match=r"Install Certificates\.command"):
        fetch(tmp_path, progress=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
def test_a_full_disk_is_named(bring, part):
    part.symlink_to("/dev/full")
    with pytest.raises(FetchError, match=rf"{NAME}: No space left on device; free some space"):
        bring()


def test_a_folder_that_cannot_be_made_is_named(host, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match=rf"file.cs224n.{NAME}: .*--to"):
        fetch(tmp_path / "file" / "cs224n", host.address, progress=False)


# --- files that differ ------------------------------------------------------------------------------------


def test_a_file_that_differs_is_left_alone_and_named_with_both_ids(host, bring, file):
    file.parent.mkdir()
    file.write_bytes(b"mine")
    ids = f"{git_id(b'mine')}, not {git_id(BODIES[NAME])}"
    with pytest.raises(FetchError, match=rf"{re.escape(str(file))} .*{ids}(?s:.*)--force"):
        bring()
    assert (file.read_bytes(), host.asked) == (b"mine", [])


def test_force_replaces_it_and_no_other(host, bring, file):
    file.with_name("quora-dev.csv").parent.mkdir()
    file.with_name("quora-dev.csv").write_bytes(BODIES["quora-dev.csv"])
    file.write_bytes(b"mine")
    assert contents(bring(force=True)) == BODIES
    assert host.asked == [(NAME, 0)]


def test_a_forced_download_that_fails_leaves_the_old_file(host, bring, file):
    file.parent.mkdir()
    file.write_bytes(b"mine")
    host.only = HALF
    with pytest.raises(FetchError):
        bring(force=True)
    assert file.read_bytes() == b"mine"


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(environment, "ensure", lambda *_: None)
    return lambda *options: cli.main(["data", "fetch", *map(str, options)])


def test_the_command_passes_its_options_on(host, command, file, monkeypatch, capsys):
    monkeypatch.setattr(mtlkit.data, "fetch", partial(fetch, base=host.address))
    file.parent.mkdir()
    file.write_bytes(b"mine")
    assert command("--to", file.parent) == 1
    assert command("--to", file.parent, "--force") == 0
    assert contents(file.parent) == BODIES
    assert f"All files are in {file.parent}" in capsys.readouterr().out


def test_off_line_the_command_prints_one_message(command, tmp_path, capsys):
    assert command("--to", tmp_path) == 1
    assert re.fullmatch(rf"\n{fetching.BASE}/ids-sst-train\.csv {OFFLINE}.*\n", capsys.readouterr().err)
