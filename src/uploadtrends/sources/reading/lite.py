"""SQLite files as they lie there, with what their write-ahead log holds."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import name
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.forms import pending
from uploadtrends.sources.reading.rows import Rows

_TOLD = 50_000
"""Rows from one word about the progress to the next."""


@contextmanager
def open_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading, without a change to the file or its folder.

    A database beside its log or journal is copied with it: only a writer could read the log in
    place, and the rows in it are as good as the others.
    """
    logs = pending(path)
    if not logs:
        _check_length(path)
    with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
        if logs:
            copy = Path(folder) / path.name
            for file in (path, *logs):
                shutil.copyfile(file, copy.with_name(file.name))
            uri = copy.as_uri()
        else:
            uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as lite:
            lite.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            try:
                yield lite
            except sqlite3.DatabaseError as error:
                raise InputError(
                    f"the database cannot be read ({error})", file=path, fix="download it again"
                ) from error


def _check_length(path: Path) -> None:
    """SQLite takes the missing end of a file for zeros: compare with the length that it states."""
    with path.open("rb") as handle:
        head = handle.read(100)
    page = int.from_bytes(head[16:18], "big")
    stated = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
    # The length is to be trusted where the two counters of changes agree.
    if head[24:28] == head[92:96] and path.stat().st_size < stated:
        raise InputError(
            f"the database is cut short: {path.stat().st_size:,} of {stated:,} bytes",
            file=path,
            fix="download it again",
        )


def table_of(path: Path, table: str | None) -> str:
    """Return the table to read: the one that is named, or the only one.

    Raises
    ------
    InputError
        There are several, or no such table.
    """
    with open_sqlite(path) as lite:
        tables = [
            row[0]
            for row in lite.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
    if table is None and len(tables) == 1:
        return str(tables[0])
    if table is None or table not in tables:
        raise InputError(
            "name the table to read" if table is None else "no such table",
            file=path,
            value=table,
            fix=f"table= one of: {', '.join(tables) or '(the database is empty)'}",
        )
    return table


def sqlite_columns(path: Path, table: str) -> list[str]:
    """Return the names of a table's columns."""
    with open_sqlite(path) as lite:
        rows = lite.execute(f"PRAGMA table_xinfo({name(table)})")
        return [row[1] for row in rows if row[6] != 1]  # 1: hidden; 2, 3: generated


def _decoded(cell: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in cell)


def read_sqlite(
    rows: Rows,
    path: Path,
    columns: Sequence[str],
    table: str,
    progress: Progress | None = None,
) -> None:
    """Add the rows of a table to `rows`."""
    wanted = ", ".join(f"CAST({name(text)} AS TEXT)" for text in columns)
    limited = f" LIMIT {rows.limit}" if rows.limit else ""
    with open_sqlite(path) as lite:
        [(n,)] = lite.execute(f"SELECT count(*) FROM {name(table)}").fetchall()
        cursor = lite.execute(f"SELECT {wanted} FROM {name(table)}{limited}")
        for number, row in enumerate(cursor, 1):
            if progress and number % _TOLD == 0:
                size = path.stat().st_size
                progress(LoadProgress("reading", number, int(size * number / max(1, n)), size))
            if all(cell is None or cell.isascii() or _decoded(cell) for cell in row):
                rows.add(row)
            else:
                rows.reject(f"row {number}", "not UTF-8", [str(cell) for cell in row])
    rows.records += min(n, rows.limit) if rows.limit else n
