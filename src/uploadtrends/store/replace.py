"""A new store takes the old one's place only after it has been read back and found whole."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from uploadtrends.errors import StoreError
from uploadtrends.store.lock import explain

Checksums = dict[str, tuple[int, int]]


def checksums(con: duckdb.DuckDBPyConnection, catalogue: str | None = None) -> Checksums:
    """Return the number of rows of every table and the sum of their hashes."""
    if catalogue is None:
        catalogue = str(con.execute("SELECT current_database()").fetchall()[0][0])
    names = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND database_name = ? "
        "ORDER BY table_name",
        [catalogue],
    ).fetchall()
    sums = " UNION ALL ".join(
        f"SELECT '{name}', count(*), coalesce(sum(hash(t)::HUGEINT), 0) "
        f'FROM "{catalogue}"."{name}" t'
        for (name,) in names
    )
    rows = con.execute(sums).fetchall() if names else []
    return {str(name): (int(count), int(total)) for name, count, total in rows}


def file_checksums(path: Path) -> Checksums:
    """Return the checksums of a store on disk.

    Raises
    ------
    StoreError
        It cannot be read.
    """
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            return checksums(con)
    except duckdb.Error as error:
        raise explain(error, path) from error


def put_in_place(draft: Path, path: Path, expected: Checksums) -> None:
    """Read a finished draft back, compare it with what was put in, and rename it to `path`.

    Parameters
    ----------
    draft : Path
        A closed store, with nothing left in its write-ahead log.
    path : Path
        The store that it replaces.
    expected : dict
        `checksums` of the draft before it was closed.

    Raises
    ------
    StoreError
        The draft does not hold what was put in; `path` is as it was.
    """
    log = _log(draft)
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"'{path}' was left as it was: its successor was not written to the end. Fix: free "
            "some space and run the same command again"
        )
    if file_checksums(draft) != expected:
        raise StoreError(
            f"'{path}' was left as it was: its successor reads back otherwise than it was written. "
            "Fix: check the disk, free some space, and run the same command again"
        )
    sync(draft)
    if os.name == "posix":
        draft.chmod(0o600)
    _log(path).unlink(missing_ok=True)  # it belongs to the file that goes
    draft.replace(path)
    if os.name == "posix":
        sync(path.parent)


def shrinks(draft: Checksums, path: Path) -> str:
    """Say what a draft holds less of than the store at `path`; "" when nothing or no such store."""
    if not path.is_file():
        return ""
    now = file_checksums(path)
    less = [
        f"{draft[name][0]:,} of {count:,} {name} rows"
        for name, (count, _) in now.items()
        if name in ("artist", "upload", "credit", "series") and draft.get(name, (0, 0))[0] < count
    ]
    return ", ".join(less)


def sync(path: Path) -> None:
    """Make sure the bytes are on disk before a name points to them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
