"""Build a store anew and put it in place in one step, under the feet of open notebooks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from uploadtrends.errors import StoreError
from uploadtrends.sources.protocol import Progress, Source
from uploadtrends.store.lock import cannot_write, writer_lock
from uploadtrends.store.report import LoadReport
from uploadtrends.store.store import Store


def build_store(
    path: str | Path,
    sources: Iterable[Source],
    *,
    max_rejects: int | float = 0.05,
    memory_limit: str | None = None,
    temp_directory: str | Path | None = None,
    threads: int | None = None,
    wait: float = 0.0,
    progress: Progress | None = None,
) -> list[LoadReport]:
    """Load the sources into a new store that replaces the one at `path` when all went well.

    The new store grows in a file beside `path` and takes its place atomically; until then, and when
    anything fails, the old one stays. Processes that have the old one open keep reading it.

    Parameters
    ----------
    path : str or Path
        The DuckDB file to build or replace.
    sources : iterable of Source
        Loaded in this order.
    max_rejects, progress
        As in `Store.load`.
    memory_limit, temp_directory, threads
        As in `open_store`.
    wait : float
        Seconds to wait for another process that builds the same store.

    Returns
    -------
    list of LoadReport
        One per source.

    Raises
    ------
    StoreLockedError
        Another process is building this store; the message names it.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    growing = path.with_name(path.name + ".building")
    with writer_lock(path, wait=wait):
        _remove(growing)  # what an earlier, killed build left behind
        try:
            with Store(
                growing,
                read_only=False,
                memory_limit=memory_limit,
                temp_directory=temp_directory,
                threads=threads,
            ) as store:
                reports = [
                    store.load(source, max_rejects=max_rejects, progress=progress)
                    for source in sources
                ]
            _sync(growing)
            growing.replace(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        finally:
            _remove(growing)
    return reports


def _remove(growing: Path) -> None:
    try:
        growing.unlink(missing_ok=True)
        growing.with_name(growing.name + ".wal").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove '{growing}': {error.strerror}. Fix: remove it") from error
    shutil.rmtree(growing.with_name(growing.name + ".tmp"), ignore_errors=True)


def _sync(path: Path) -> None:
    """Make sure the bytes are on disk before the name points to them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
