"""Results of a study's steps, kept by what they depend on: change one event, rerun what uses it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pickle
import secrets
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, TypeVar

from uploadtrends.errors import ConfigurationError
from uploadtrends.pseudonyms import Ledger, default_key_path, load_key
from uploadtrends.result import file_sha256, fingerprint

T = TypeVar("T")
CACHE = ".cache"  # folder beside a study's results
KEPT = 8
"""Results kept of one step: as many event dates can take turns without a step run twice."""
ROOM = 2 * 2**30
"""Bytes kept of one step, whatever their number; the newest result is always kept."""
BIG = 64 * 2**20  # files above this are told apart by size and time instead of content

LIBRARIES = (
    "duckdb",
    "matplotlib",
    "numpy",
    "pandas",
    "polars",
    "pyfixest",
    "ruptures",
    "scipy",
    "statsmodels",
)
_DRAWING = ("matplotlib",)
"""Libraries that change no number."""
ROOM_OF_PAGES = ("figures", "report")
"""Rooms that estimate nothing: what they say changes no number."""
_ELSEWHERE = ("cli", "demo")


@cache
def code_fingerprint(*, pages: bool = False) -> str:
    """Return a hash of the code, of the libraries and of the Python that compute the numbers.

    With ``pages=True`` that of everything that draws and prints them, style sheets among it.
    """
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.suffix in {".py", ".sql", ".csv", ".toml"}:
            drawn = inside.parts[0] in ROOM_OF_PAGES
            counts = inside.parts[0] not in _ELSEWHERE and (pages or not drawn)
        else:
            counts = pages and path.suffix in {".html", ".js", ".css"}
        if counts:
            digest.update(inside.as_posix().encode())
            digest.update(path.read_bytes())
    digest.update(python_version().encode())
    for library in LIBRARIES:
        if pages or library not in _DRAWING:
            digest.update(f"{library}{version(library)}".encode())
    return digest.hexdigest()


def file_fingerprint(path: Path) -> str:
    """Return the sha256 of a file, or a hash of its size and time when it is very large."""
    status = path.stat()
    if status.st_size > BIG:
        return fingerprint(["large", status.st_size, status.st_mtime_ns])
    return file_sha256(path)


class StepCache:
    """Results of steps in one folder, by the content of what they depend on.

    Several results of a step are kept (`KEPT`, `ROOM`), those used last: whoever asks about two
    dates in turn computes each once.

    Results are pickled, and a pickle can run code when it is read. So each stands behind a digest
    under a key that lies in the user's own folder: what was changed, or made elsewhere, is not
    unpickled but computed again.

    Parameters
    ----------
    folder : Path or None
        Where results are kept. None keeps nothing.
    announce : callable, optional
        Called as ``announce(step, state, seconds)`` with state ``"running"``, ``"done"`` or
        ``"cached"``.
    """

    def __init__(
        self, folder: Path | None, announce: Callable[[str, str, float], None] | None = None
    ) -> None:
        self._folder = folder
        self._announce = announce or (lambda *_: None)
        places = [] if folder is None else [folder.parent]
        # Who asked to be forgotten since must not come back from a kept result.
        self._forgotten = Ledger.beside(places).digest()
        self.keys: dict[str, str] = {}
        self.recomputed: list[str] = []

    @property
    def folder(self) -> Path | None:
        """Where results are kept."""
        return self._folder

    def expected_seconds(self) -> dict[str, float]:
        """Return how long each step took when it last ran."""
        if self._folder is None or not (self._folder / "seconds.json").exists():
            return {}
        try:
            seconds = json.loads((self._folder / "seconds.json").read_text("utf-8"))
            return {str(name): float(value) for name, value in seconds.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # only the progress display asks

    def forget(self, name: str) -> None:
        """Drop what is kept of a step, so that it runs again."""
        if self._folder is not None:
            for kept in self._folder.glob(f"{_stem(name)}-*.pickle"):
                kept.unlink()

    def noted(self, name: str) -> Any:
        """Return what `note` kept under a name; None when nothing is kept, or not by us."""
        found = None if self._folder is None else _read(self._folder / f"{name}.noted")
        return None if found is None else found[0]

    def note(self, name: str, value: Any) -> None:
        """Keep a value from run to run, whatever it depends on."""
        if self._folder is not None:
            private(self._folder)
            path, content = self._folder / f"{name}.noted", pickle.dumps(value, protocol=5)
            write_privately(path, _digest(path.name, content) + content)

    def step(self, name: str, depends_on: Any, compute: Callable[[], T], shown: str = "") -> T:
        """Return the step's result, computed only if nothing it depends on was seen before.

        `shown` is what the step is announced as, where it is run twice.
        """
        found = self.seen(name, depends_on)
        if found is not None:
            self._announce(shown or name, "cached", 0.0)
            value: T = found[0]
            return value
        self._announce(shown or name, "running", 0.0)
        began = time.perf_counter()
        value = compute()
        self.done(name, depends_on, value, time.perf_counter() - began, shown)
        return value

    def seen(self, name: str, depends_on: Any) -> tuple[Any] | None:
        """Return the step's kept result in a tuple; None where it is to be computed."""
        kept = self._place(name, depends_on)
        found = None if kept is None else _read(kept)
        if found is not None and kept is not None:
            kept.touch()  # the oldest goes first
        return found

    def under(self, name: str, key: str) -> tuple[Any] | None:
        """Return what is kept of a step under a key of `keys`, in a tuple; None for nothing."""
        return None if self._folder is None else _read(self._folder / _file(name, key))

    def done(self, name: str, depends_on: Any, value: Any, seconds: float, shown: str = "") -> None:
        """Keep a result that was computed elsewhere, in so many seconds."""
        self.recomputed.append(name)
        self._announce(shown or name, "done", seconds)
        kept = self._place(name, depends_on)
        if kept is not None and self._folder is not None:
            self._keep(name, kept, value)
            times = self.expected_seconds() | {name: round(seconds, 3)}
            text = json.dumps(times, indent=1, sort_keys=True)
            write_privately(self._folder / "seconds.json", text.encode())

    def keep(self, name: str, depends_on: Any, value: Any) -> None:
        """Keep a value that is no step of a run."""
        kept = self._place(name, depends_on)
        if kept is not None:
            self._keep(name, kept, value)

    def _place(self, name: str, depends_on: Any) -> Path | None:
        key = fingerprint(name, code_fingerprint(), depends_on, self._forgotten)
        self.keys[name] = key
        return None if self._folder is None else self._folder / _file(name, key)

    def _keep(self, name: str, kept: Path, value: Any) -> None:
        assert self._folder is not None  # noqa: S101 - for the type checker
        self._folder.mkdir(parents=True, exist_ok=True)
        private(self._folder)
        content = pickle.dumps(value, protocol=5)
        write_privately(kept, _digest(kept.name, content) + content)
        self._make_room(name, kept)

    def _make_room(self, name: str, newest: Path) -> None:
        assert self._folder is not None  # noqa: S101 - for the type checker
        others = [path for path in self._folder.glob(f"{_stem(name)}-*.pickle") if path != newest]
        others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        size = newest.stat().st_size
        for number, path in enumerate(others, start=2):
            size += path.stat().st_size
            if number > KEPT or size > ROOM:
                path.unlink(missing_ok=True)


def _file(name: str, key: str) -> str:
    return f"{_stem(name)}-{key[:24]}.pickle"


def _stem(name: str) -> str:
    return name.replace(" ", "_")


def private(folder: Path) -> None:
    """Make the folder of kept results, which stays out of repositories and backups."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (".gitignore", "*\n"),
        ("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"),
    ):
        if not (folder / name).exists():
            (folder / name).write_text(text)


def write_privately(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, in one step."""
    growing = path.with_name(path.name + ".part")
    growing.unlink(missing_ok=True)
    with os.fdopen(os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    growing.replace(path)


def _read(kept: Path) -> tuple[Any] | None:
    """Return a kept result in a tuple, or None where it is absent or not ours."""
    try:
        written = kept.read_bytes()
    except OSError:
        return None
    size = hashlib.sha256().digest_size
    if not hmac.compare_digest(written[:size], _digest(kept.name, written[size:])):
        kept.unlink(missing_ok=True)
        return None
    try:
        return (pickle.loads(written[size:]),)  # noqa: S301 - the digest says that we wrote it
    except Exception:  # a library that has changed since may raise anything
        kept.unlink(missing_ok=True)
        return None


def _digest(name: str, content: bytes) -> bytes:
    return hmac.new(_key(), name.encode() + b"\0" + content, hashlib.sha256).digest()


@cache
def _key() -> bytes:
    """Return the key of the digests; where none can be kept, one that ends with this process."""
    try:
        return load_key(default_key_path().with_name("cache.key"))
    except (OSError, ConfigurationError):
        return secrets.token_bytes(32)
