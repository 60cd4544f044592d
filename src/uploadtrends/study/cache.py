"""Results of a study's steps, kept by what they depend on: change one event, rerun what uses it."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from uploadtrends.result import fingerprint

T = TypeVar("T")
CACHE = ".cache"  # folder beside a study's results
BIG = 64 * 2**20  # files above this are told apart by size and time instead of content


@cache
def code_fingerprint() -> str:
    """Return a hash of the package's own code and of the libraries that compute the numbers."""
    from importlib.metadata import version

    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".sql", ".csv", ".toml", ".html", ".js", ".css"}:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    for library in ("numpy", "scipy", "statsmodels", "pandas", "polars", "duckdb", "ruptures"):
        digest.update(f"{library}{version(library)}".encode())
    return digest.hexdigest()


def file_fingerprint(path: Path) -> str:
    """Return the sha256 of a file, or a hash of its size and time when it is very large."""
    status = path.stat()
    if status.st_size > BIG:
        return fingerprint(["large", status.st_size, status.st_mtime_ns])
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file of any size, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class StepCache:
    """Pickled results of steps in one folder; a step is recomputed when its key changes.

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
        self.keys: dict[str, str] = {}
        self.recomputed: list[str] = []

    def expected_seconds(self) -> dict[str, float]:
        """Return how long each step took when it last ran."""
        if self._folder is None or not (self._folder / "seconds.json").exists():
            return {}
        seconds: dict[str, float] = json.loads((self._folder / "seconds.json").read_text())
        return seconds

    def forget(self, name: str) -> None:
        """Drop what is kept of a step, so that it runs again."""
        if self._folder is not None:
            for kept in self._folder.glob(f"{_stem(name)}-*.pickle"):
                kept.unlink()

    def step(self, name: str, depends_on: Any, compute: Callable[[], T]) -> T:
        """Return the step's result, computed only if nothing it depends on was seen before."""
        key = fingerprint(name, code_fingerprint(), depends_on)
        self.keys[name] = key
        kept = (
            self._folder / f"{_stem(name)}-{key[:24]}.pickle" if self._folder is not None else None
        )
        if kept is not None and kept.exists():
            try:
                value: T = pickle.loads(kept.read_bytes())  # noqa: S301 - our own files
            except (pickle.UnpicklingError, EOFError, AttributeError, ImportError):
                kept.unlink()
            else:
                self._announce(name, "cached", 0.0)
                return value
        self._announce(name, "running", 0.0)
        began = time.perf_counter()
        value = compute()
        seconds = time.perf_counter() - began
        self.recomputed.append(name)
        self._announce(name, "done", seconds)
        if kept is not None:
            self._keep(name, kept, value, seconds)
        return value

    def _keep(self, name: str, kept: Path, value: Any, seconds: float) -> None:
        assert self._folder is not None  # noqa: S101 - for the type checker
        self._folder.mkdir(parents=True, exist_ok=True)
        self.forget(name)
        growing = kept.with_suffix(".part")
        growing.write_bytes(pickle.dumps(value, protocol=5))
        growing.replace(kept)
        times = self.expected_seconds() | {name: round(seconds, 3)}
        (self._folder / "seconds.json").write_text(json.dumps(times, indent=1, sort_keys=True))


def _stem(name: str) -> str:
    return name.replace(" ", "_")
