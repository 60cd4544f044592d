"""Download a dump once, on request: with its size said first, resumable, checked and recorded.

The hosts of dumps are not the collectors' platforms: this is one file, asked for by its address,
with our own name and without any pretence.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock, Timeout

from uploadtrends.errors import CollectError, ConfigurationError, InputError
from uploadtrends.result import file_sha256, package_version
from uploadtrends.sources.protocol import LoadProgress, Progress

if TYPE_CHECKING:
    import requests

ADDRESSES = {
    "danbooru2023": (
        "https://huggingface.co/datasets/nyanko7/danbooru2023/resolve/main/metadata/posts.tar.gz"
    )
}
"""Where the dumps lie that have a name here."""
LARGE = 200_000_000
"""Bytes from which the caller has to agree first."""
_BLOCK = 1 << 20
_PAUSES = (1.0, 5.0, 30.0, 120.0)
_TIMEOUT = (20.0, 60.0)  # connecting, and between two pieces


@dataclass(frozen=True)
class Fetched:
    """A downloaded file.

    Parameters
    ----------
    path : Path
    sha256 : str
    size : int
        Bytes.
    resumed : bool
        Whether part of it came from an earlier, interrupted download.
    """

    path: Path
    sha256: str
    size: int
    resumed: bool


def fetch(
    name: str,
    url: str | None = None,
    raw: str | Path = "data/raw",
    *,
    sha256: str | None = None,
    agree: Callable[[int], bool] | bool = False,
    progress: Progress | None = None,
    pauses: tuple[float, ...] = _PAUSES,
) -> Fetched:
    """Download one file into `raw`/`name`, with a sidecar (.toml) that says where it came from.

    An interrupted download continues where it stopped, in this run and in the next one, as long as
    the server's file is the same (by ETag or date).

    Parameters
    ----------
    name : str
        Name of the dump, such as "danbooru2023".
    url : str, optional
        http(s) address of the file; may be left out for the names in `ADDRESSES`.
    raw : str or Path
        The folder of raw data.
    sha256 : str, optional
        Expected hash (hex); without it the hash is only recorded.
    agree : bool or callable
        Called with the size in bytes (-1: not known) when it is 200 MB or more or not known; the
        download starts when the answer is True.
    progress : callable, optional
    pauses : tuple of float
        Seconds to wait before each new attempt after a failure.

    Raises
    ------
    ConfigurationError
        Not agreed to, or a name or an address that cannot be.
    CollectError
        The server refuses or keeps failing, or the file is not the one expected.
    InputError
        Not enough room on the disk.
    """
    if url is None and name not in ADDRESSES:
        raise ConfigurationError(
            f"no address is known for {name!r}. Fix: give one with --url, or choose from "
            f"{', '.join(ADDRESSES)}"
        )
    if not re.fullmatch(r"[\w.-]*\w", name):
        raise ConfigurationError(f"{name!r} cannot be the name of a folder. Fix: a plain word")
    url = url or ADDRESSES[name]
    parts = urlsplit(url)
    file = Path(parts.path).name
    if parts.scheme not in ("http", "https") or not file:
        raise ConfigurationError(f"{_shown(url)!r} is not the http(s) address of a file")
    folder = Path(raw) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / (file + ".lock"))
        with lock.acquire(timeout=0):
            return _Download(url, folder / file, sha256, agree, progress, pauses).run()
    except Timeout:
        raise CollectError(
            f"another process is downloading '{folder / file}'. Fix: wait until it has finished"
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror or error}", file=folder, fix="choose another folder"
        ) from error


class _Download:
    def __init__(
        self,
        url: str,
        target: Path,
        expected: str | None,
        agree: Callable[[int], bool] | bool,
        progress: Progress | None,
        pauses: tuple[float, ...],
    ) -> None:
        self.url = url
        self.target = target
        self.part = target.with_name(target.name + ".part")
        self.version = target.with_name(target.name + ".part.version")
        self.expected = expected.lower() if expected else None
        self.agree = agree
        self.progress = progress
        self.pauses = pauses
        self.started = time.monotonic()
        self.resumed = False

    def run(self) -> Fetched:
        if self.target.exists() and (done := self._finished()) is not None:
            return done
        import requests

        with requests.Session() as session:
            session.headers["User-Agent"] = f"uploadtrends/{package_version()}"
            session.headers["Accept-Encoding"] = "identity"
            for pause in (*self.pauses, None):
                try:
                    self._attempt(session)
                    break
                except (
                    requests.ConnectionError,
                    requests.Timeout,
                    requests.exceptions.ChunkedEncodingError,
                ) as error:
                    failure: Exception = error
                except requests.RequestException as error:
                    # The library's text may repeat the address; its type says what matters.
                    raise CollectError(
                        f"{_shown(self.url)}: {type(error).__name__}. Fix: check the address"
                    ) from error
                except _TryAgainError as error:
                    failure = error
                if pause is None:
                    raise CollectError(
                        f"{_shown(self.url)}: {type(failure).__name__} after "
                        f"{len(self.pauses) + 1} attempts. What came so far is kept: the same "
                        "command goes on from there"
                    ) from failure
                time.sleep(pause)
        return self._finish()

    def _attempt(self, session: requests.Session) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {}
        if have and self.version.exists():
            headers = {"Range": f"bytes={have}-", "If-Range": self.version.read_text()}
        with session.get(self.url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == 416:  # all of it is there already, or it has shrunk
                if answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                    return
                self.part.unlink(missing_ok=True)
                raise _TryAgainError("the file at the server has changed")
            if answer.status_code >= 500 or answer.status_code == 429:
                raise _TryAgainError(f"status {answer.status_code}")
            if answer.status_code not in (200, 206):
                raise self._refused(answer.status_code)
            start = have if answer.status_code == 206 else 0
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length else None
            self._check_room(start, total)
            self.resumed = self.resumed or start > 0
            tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if tag and not tag.startswith("W/"):
                self.version.write_text(tag)
            else:
                self.version.unlink(missing_ok=True)
            with self.part.open("r+b" if start else "wb") as out:
                out.seek(start)
                out.truncate()
                done = start
                for block in answer.iter_content(_BLOCK):
                    out.write(block)
                    done += len(block)
                    self._tell(done, total)
            if total is not None and done < total:
                raise _TryAgainError(f"ended after {done:,} of {total:,} bytes")

    def _refused(self, status: int) -> CollectError:
        fix = {
            401: "the host wants a login: download the file with your browser and put it there",
            403: "the host wants a login: download the file with your browser and put it there",
            404: "the file has moved: name its new address with --url",
        }.get(status, "try again later")
        return CollectError(
            f"{_shown(self.url)}: the server answers {status}. Fix: {fix} ('{self.target}')"
        )

    def _check_room(self, start: int, total: int | None) -> None:
        size = -1 if total is None else total
        if size < 0 or size >= LARGE:
            agreed = self.agree(size) if callable(self.agree) else self.agree
            if not agreed:
                said = "of unknown size" if size < 0 else f"of {size / 1e9:.1f} GB"
                raise ConfigurationError(
                    f"{_shown(self.url)} is a file {said}. Fix: agree to the download (--yes)"
                )
            self.agree = True
        free = shutil.disk_usage(self.target.parent).free
        if total is not None and total - start > free:
            raise InputError(
                f"{total - start:,} bytes to come, {free:,} free on the disk",
                file=self.target.parent,
                fix="free some space or choose another folder",
            )

    def _tell(self, done: int, total: int | None) -> None:
        if self.progress:
            seconds = time.monotonic() - self.started
            self.progress(LoadProgress("downloading", 0, done, total, seconds))

    def _finished(self) -> Fetched | None:
        """Return the file that is there already, unless it is not the one expected."""
        digest = file_sha256(self.target)
        if self.expected not in (None, digest):
            raise CollectError(
                f"'{self.target}' is there already with another sha256 ({digest}). Fix: move it "
                "away and fetch again"
            )
        return Fetched(self.target, digest, self.target.stat().st_size, resumed=False)

    def _finish(self) -> Fetched:
        digest = file_sha256(self.part)
        size = self.part.stat().st_size
        if self.expected not in (None, digest):
            self.part.unlink()
            self.version.unlink(missing_ok=True)
            raise CollectError(
                f"{_shown(self.url)}: the sha256 is {digest}, not {self.expected}; the file was "
                "removed. Fix: fetch again; if that does not help, the server has another file"
            )
        sidecar = self.target.with_name(self.target.name + ".toml")
        sidecar.write_text(
            f'file = "{self.target.name}"\nsource = "{_shown(self.url)}"\n'
            f'retrieved = "{datetime.now(UTC).date().isoformat()}"\n'
            f'terms = "those of the source; not redistributed"\nsha256 = "{digest}"\n'
            f"bytes = {size}\n",
            encoding="utf-8",
        )
        self.part.replace(self.target)
        self.version.unlink(missing_ok=True)
        return Fetched(self.target, digest, size, self.resumed)


class _TryAgainError(Exception):
    """An answer that another attempt may better."""


def _shown(url: str) -> str:
    """Return an address without a user name, a password or a query, any of which may be secret."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port:
        host += f":{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
