"""Who is writing: one process at a time, and the others are told which."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from uploadtrends.errors import StoreError, StoreLockedError


@contextmanager
def writer_lock(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the right to replace the file at `path`.

    The lock belongs to the process and vanishes with it, however it dies. A second process waits up
    to `wait` seconds and then raises `StoreLockedError`, naming the holder.
    """
    holder = path.with_name(path.name + ".lock.pid")
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=wait, poll_interval=0.1)
    except Timeout:
        with suppress(OSError):
            raise StoreLockedError(
                f"process {holder.read_text()} is building '{path}'. Fix: wait until it has "
                "finished, or stop it; what is there now stays readable meanwhile"
            ) from None
        raise StoreLockedError(
            f"another process is building '{path}'. Fix: wait until it has finished"
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with suppress(OSError):  # it only helps others to say who is at work
            holder.write_text(str(os.getpid()))
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def cannot_write(path: Path, error: OSError | Exception) -> StoreError:
    """Put a refusal of the operating system into words."""
    return StoreError(
        f"cannot write to '{path.parent}': {getattr(error, 'strerror', None) or error}. "
        "Fix: choose a folder you may write to, with room on its disk"
    )


_DAMAGE = (
    *("not a valid duckdb database", "serializ", "corrupt", "checksum", "internal error", "wal"),
    *("failed to read", "could not read", "invalid block", "not a database", "fatal error"),
    *("invalid unicode", "out of range", "does not exist"),
)
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


def explain(error: Exception, path: Path) -> Exception:
    """Turn DuckDB's error on the file at `path` into ours, with what to do about it.

    Errors that we know nothing better about are returned as a `StoreError` with DuckDB's text.
    """
    text = str(error)
    lowered = text.lower()
    if holder := _HOLDER.search(text):
        return StoreLockedError(
            f"process {holder['pid']} ({Path(holder['program']).name}) has '{path}' open. Fix: "
            "close it there (in a notebook: store.close()), or rebuild with build_store(), which "
            "does not need the lock"
        )
    if "different configuration" in lowered:
        return StoreLockedError(
            f"this Python process ({os.getpid()}) has '{path}' open in another mode. Fix: close "
            "that store first (store.close()), or open both with the same read_only"
        )
    if (
        "no space left" in lowered
        or "file too large" in lowered
        or "disk quota" in lowered
        or "max_temp_directory" in lowered
    ):
        return StoreError(
            f"the disk is full: '{path}' was left as it was. Fix: free some space, or name another "
            f"folder with temp_directory= ({text.splitlines()[0]})"
        )
    if "permission denied" in lowered or "read-only file system" in lowered:
        return StoreError(
            f"no permission to write '{path}'. Fix: choose a folder you may write to, or open the "
            "store with read_only=True"
        )
    if "out of memory" in lowered or "could not allocate" in lowered:
        return StoreError(
            f"DuckDB needs more than its memory limit. Fix: open the store with a larger "
            f"memory_limit, for example '4GB' ({text.splitlines()[0]})"
        )
    if any(word in lowered for word in _DAMAGE):
        return StoreError(
            f"'{path}' is not a store that this DuckDB can read: {text.splitlines()[0]}. Fix: move "
            "it away and build it again from data/raw (uploadtrends rebuild)"
        )
    return StoreError(
        f"'{path}': {text.splitlines()[0]}. Fix: if nothing else explains it, move the file away "
        "and build it again from data/raw (uploadtrends rebuild)"
    )
