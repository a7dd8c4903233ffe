"""Brings the real CS224N files: resumable, each verified by its git blob id, whole under its name or not there."""

import errno
import hashlib
import os
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from .sources import cs224n_home

COMMIT = "7ac8260577fc12a86c7aaf38918056c30054ef39"
BASE = f"https://raw.githubusercontent.com/gpoesia/minbert-default-final-project/{COMMIT}/data"
FILES = {  # name -> blob id at that commit, as `git ls-tree` prints it
    "ids-sst-train.csv": "9cb7333cb1dae49c2bd2a4b56a24882a6e8704b5",
    "ids-sst-dev.csv": "3171aa629a340809d2db4a50df8f6e5ec9420ab0",
    "ids-sst-test-student.csv": "bbd2313758825f86e24416d6aad64cd93370cf7a",
    "sts-train.csv": "12b17760e7795fee35aeeabc290d5651de02622a",
    "sts-dev.csv": "9392860e584717976b8d817cc40c9e6ceeec27e0",
    "sts-test-student.csv": "25f0cf8fafdd1f82b9e2bb460c708af34341ce60",
    "quora-train.csv": "a3b5546f6a0e65b60a328a5d294d1038f5bed1da",
    "quora-dev.csv": "de7cfa32428fd470b93f778fccc45a619e01336f",
    "quora-test-student.csv": "f257ef00558555afb50819578a58205732b16354",
}
BLOCK = 1 << 16  # bytes
AGAIN = "run the same command again: it goes on from there"


class FetchError(RuntimeError):
    """A file could not be brought; the message names it, what went wrong, and what to do."""


def fetch(
    folder: str | Path | None = None,
    base: str = BASE,
    progress: bool = True,
    force: bool = False,
    timeout: float = 20.0,
) -> Path:
    """Bring the nine CS224N files to `folder` (default: where `load(..., source="cs224n")` looks); returns it.

    Files that are there and right are left alone. What a stopped download has brought stays in NAME.part.
    base: the address of the folder they come from. progress: show a bar, and one line for each file.
    force: replace files that are there but differ. timeout: seconds without a byte after which to give up.
    Raises FetchError.
    """
    folder = cs224n_home() if folder is None else Path(folder).expanduser()
    for name, wanted in FILES.items():
        try:
            done = _ensure(folder / name, wanted, f"{base}/{name}", force, timeout, progress)
        except OSError as error:  # the disk's; the network's are FetchErrors by now
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            fix = "free some space" if full else "make it writable, or choose another folder with --to"
            raise FetchError(f"{folder / name}: {error.strerror}; {fix}, then {AGAIN}") from None
        if progress:
            tqdm.write(f"{name}: {done}")
    return folder


def blob_id(path: str | Path) -> str:
    """Git's id of a file's content: SHA-1 of "blob", the size, a zero byte and the bytes, as 40 hex digits."""
    path = Path(path)
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _ensure(path: Path, wanted: str, address: str, force: bool, timeout: float, progress: bool) -> str:
    """Make `path` the file with the wanted id; returns what was done."""
    if path.exists():
        found = blob_id(path)
        if found == wanted:
            return "there already"
        if not force:
            raise FetchError(
                f"{path} is another file than the published one: its blob id is {found}, not {wanted}.\n"
                "Replace it with --force (force=True), or fetch to another folder with --to."
            )
    part = path.with_name(f"{path.name}.part")
    _complete(part, wanted, address, timeout, progress)
    os.replace(part, path)
    return f"fetched, {path.stat().st_size / 1e6:.1f} MB"


def _complete(part: Path, wanted: str, address: str, timeout: float, progress: bool) -> None:
    """Download what `part` lacks, until it has the wanted id."""
    start = part.stat().st_size if part.exists() else 0
    if start and blob_id(part) == wanted:  # stopped between the last byte and the renaming
        return
    _download(part, start, address, timeout, progress)
    found = blob_id(part)
    if found == wanted:
        return
    part.unlink()
    if start:  # it was the beginning of something else: once more, from nothing
        return _complete(part, wanted, address, timeout, progress)
    raise FetchError(
        f"{address} gave other bytes than were published: their blob id is {found}, not {wanted}; nothing was kept.\n"
        "A network that asks for a login answers with its own page: open the address in a browser, then try again."
    )


def _download(part: Path, start: int, address: str, timeout: float, progress: bool) -> None:
    """Append to `part` what follows byte `start`; a server that knows no ranges sends all of it anew."""
    request = Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=timeout)
    except HTTPError as error:
        error.close()
        if (
            start and error.code == 416
        ):  # the part is longer than the file, so it is not ours: its id will tell
            return
        if error.code == 404:
            fix = "it has moved, or the address is wrong; `git pull` may bring the new one"
        else:
            fix = f"try later; {AGAIN}"
        raise FetchError(f"{part.stem}: {address} answers {error.code} ({error.reason}); {fix}") from None
    except (OSError, HTTPException) as error:
        raise FetchError(_unreachable(address, getattr(error, "reason", error))) from None
    part.parent.mkdir(parents=True, exist_ok=True)
    with response:
        start = start if response.status == 206 else 0
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        bar = tqdm(
            total=total,
            initial=start,
            desc=part.stem,
            unit="B",
            unit_scale=True,
            leave=False,
            disable=not progress,
        )
        with part.open("ab" if start else "wb") as file, bar:
            for block in _blocks(response, start, total, address, timeout):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())  # the renaming must not reach the disk before the bytes


def _blocks(
    response: HTTPResponse, done: int, total: int | None, address: str, timeout: float
) -> Iterator[bytes]:
    """The body as it arrives, `done` bytes of `total` being there. Raises FetchError if it stalls or ends early."""
    reason = "the connection broke off"
    try:
        while done != total and (block := response.read1(BLOCK)):  # read() would wait for a whole block
            done += len(block)
            yield block
        if total in (None, done):
            return
    except TimeoutError:
        reason = f"nothing came for {timeout:g} s"
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
    raise FetchError(f"{address}: {reason}, {done:,} bytes are here; {AGAIN}")


def _unreachable(address: str, reason: object) -> str:
    fix = f"Check the network (and HTTPS_PROXY, if you need one), then {AGAIN};"
    if "CERTIFICATE_VERIFY_FAILED" in str(reason):
        fix = "This Python finds no certificates (on macOS, run its `Install Certificates.command`);"
    return (
        f"{address} cannot be reached ({reason}).\n{fix}\n"
        "or, if you have the files, set MTLKIT_DATA to the folder that holds cs224n/."
    )
