"""Downloads from a server on this machine that cuts, changes, refuses and lies."""

from __future__ import annotations

import hashlib
import shutil
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from uploadtrends.collect import fetch as fetching
from uploadtrends.collect.fetch import Fetched
from uploadtrends.errors import CollectError, ConfigurationError, InputError

BODY = bytes(range(256)) * 20_000  # 5 MB
SHA256 = hashlib.sha256(BODY).hexdigest()


def fetch(url: str, folder: Path, **settings) -> Fetched:
    """Download into a folder of any name."""
    return fetching.fetch(folder.name, url, folder.parent, **settings)


class Server(ThreadingHTTPServer):
    """Serves BODY as /posts.tar.gz; `faults` are used up one a request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.etag = '"one"'
        self.faults: list[str | int] = []
        self.requests: list[dict[str, str]] = []
        self.ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/posts.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.requests.append(dict(self.headers))
        fault = server.faults.pop(0) if server.faults else None
        if isinstance(fault, int):
            self.send_error(fault)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.body)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if fault != "no length":
            self.send_header("Content-Length", str(len(server.body) - start))
        self.send_header("ETag", server.etag)
        self.end_headers()
        rest = server.body[start:]
        self.wfile.write(rest[: len(rest) // 2] if fault == "cut" else rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {"posts.tar.gz.lock"}


def test_a_file_comes_whole_with_its_sidecar(server: Server, tmp_path: Path) -> None:
    told = []
    done = fetch(server.url, tmp_path / "raw", sha256=SHA256, progress=told.append)
    assert done.path.read_bytes() == BODY
    assert (done.sha256, done.size, done.resumed) == (SHA256, len(BODY), False)
    sidecar = tomllib.loads((tmp_path / "raw" / "posts.tar.gz.toml").read_text())
    assert sidecar["sha256"] == SHA256
    assert sidecar["source"] == server.url
    assert names(tmp_path / "raw") == {"posts.tar.gz", "posts.tar.gz.toml"}
    assert told[-1].bytes_done == told[-1].bytes_total == len(BODY)
    assert server.requests[0]["User-Agent"].startswith("uploadtrends/")
    fetch(server.url, tmp_path / "raw", sha256=SHA256)
    assert len(server.requests) == 1  # it is there: nothing is asked again


def test_a_cut_download_goes_on(server: Server, tmp_path: Path) -> None:
    server.faults = ["cut", 503, "cut"]
    done = fetch(server.url, tmp_path, pauses=(0, 0, 0))
    assert done.path.read_bytes() == BODY
    assert done.resumed
    ranges = [request.get("Range") for request in server.requests]
    assert ranges[0] is None
    assert ranges[1:3] == [f"bytes={2 << 20}-"] * 2  # whole megabytes of the half that came
    assert len(ranges) == 4


def test_another_run_goes_on_too(server: Server, tmp_path: Path) -> None:
    server.faults = ["cut"]
    with pytest.raises(CollectError, match="the same command goes on"):
        fetch(server.url, tmp_path, pauses=())
    assert not (tmp_path / "posts.tar.gz").exists()
    done = fetch(server.url, tmp_path, pauses=())
    assert (done.resumed, done.sha256) == (True, SHA256)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_changed_file_starts_again(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.faults = ["cut"]
    with pytest.raises(CollectError):
        fetch(server.url, tmp_path, pauses=())
    server.body, server.etag, server.ranges = BODY[::-1], '"two"', ranges
    done = fetch(server.url, tmp_path, pauses=())
    assert done.path.read_bytes() == BODY[::-1]
    assert not done.resumed


def test_a_download_that_was_complete_but_for_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "posts.tar.gz.part").write_bytes(BODY)
    (tmp_path / "posts.tar.gz.part.version").write_text('"one"')
    assert fetch(server.url, tmp_path, pauses=()).sha256 == SHA256
    server_requests = len(server.requests)
    assert server_requests == 1


def test_the_wrong_content_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CollectError, match=f"the sha256 is {SHA256}, not 00"):
        fetch(server.url, tmp_path, sha256="00" * 32)
    assert names(tmp_path) == set()


def test_another_file_of_that_name_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    (tmp_path / "posts.tar.gz").write_bytes(b"mine")
    with pytest.raises(CollectError, match="is there already"):
        fetch(server.url, tmp_path, sha256=SHA256)
    assert (tmp_path / "posts.tar.gz").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("status", "message"), [(404, "name its new address"), (401, "wants a login"), (403, "login")]
)
def test_refusals_say_what_to_do(server: Server, tmp_path: Path, status, message) -> None:
    server.faults = [status]
    with pytest.raises(CollectError, match=message):
        fetch(server.url, tmp_path, pauses=(0,))
    assert len(server.requests) == 1


def test_a_server_that_keeps_failing(server: Server, tmp_path: Path) -> None:
    server.faults = [500] * 5
    with pytest.raises(CollectError, match="after 3 attempts"):
        fetch(server.url, tmp_path, pauses=(0, 0))


def test_large_files_need_a_yes(server: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetching, "LARGE", 1_000_000)
    with pytest.raises(ConfigurationError, match=r"of 0\.0 GB.*--yes"):
        fetch(server.url, tmp_path)
    asked = []
    fetch(server.url, tmp_path, agree=lambda size: asked.append(size) or True)
    assert asked == [len(BODY)]


def test_an_unknown_size_needs_a_yes(server: Server, tmp_path: Path) -> None:
    server.faults = ["no length", "no length"]
    with pytest.raises(ConfigurationError, match="unknown size"):
        fetch(server.url, tmp_path)
    assert fetch(server.url, tmp_path, agree=True).sha256 == SHA256


def test_no_room(server: Server, tmp_path: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"5,120,000 bytes to come, 1,000 free"):
        fetch(server.url, tmp_path)


def test_two_at_once(server: Server, tmp_path: Path) -> None:
    from filelock import FileLock

    with (
        FileLock(tmp_path / "posts.tar.gz.lock"),
        pytest.raises(CollectError, match="another process"),
    ):
        fetch(server.url, tmp_path)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://127.0.0.1/", "posts.tar.gz"])
def test_addresses_that_cannot_be(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not the http"):
        fetch(url, tmp_path)


@pytest.mark.parametrize("name", ["..", "a/b", "", "unknown"])
def test_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"folder|no address is known"):
        fetching.fetch(name, None if name == "unknown" else "http://127.0.0.1/x", tmp_path)


def test_secrets_in_an_address_are_never_shown(server: Server, tmp_path: Path) -> None:
    server.faults = [404]
    secret = server.url.replace("http://", "http://me:hunter2@") + "?token=hunter2"
    with pytest.raises(CollectError) as error:
        fetch(secret, tmp_path)
    assert "hunter2" not in str(error.value)
    fetch(secret, tmp_path)
    assert "hunter2" not in (tmp_path / "posts.tar.gz.toml").read_text()
