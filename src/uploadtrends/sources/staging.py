"""The temporary tables between a source and the store, and the way to fill them from records."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from uploadtrends.records import Artist, Credit, Record, Reject, Sighting, Upload
from uploadtrends.sources.moments import remove_functions
from uploadtrends.sources.protocol import LoadProgress, Progress

if TYPE_CHECKING:
    import duckdb

TABLES = ("artist", "upload", "credit", "sighting", "series", "reject")
_RECORD_TABLE: dict[type, str] = {
    Artist: "artist",
    Upload: "upload",
    Credit: "credit",
    Sighting: "sighting",
    Reject: "reject",
}
EXCERPT_LENGTH = 200


def create_stage_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the empty temporary tables `stage_artist`, ... in place of old ones.

    The connection is put into UTC, whatever the machine's zone: a cast to and from TIMESTAMPTZ
    would else give another month on another machine.
    """
    con.execute("SET TimeZone = 'UTC'")
    con.execute(files("uploadtrends.sources").joinpath("stage.sql").read_text("utf-8"))


def drop_stage_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Give back what the temporary tables hold, those that a source made for itself included."""
    remove_functions(con)
    for kind in ("view", "table"):
        names = con.execute(f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE temporary").fetchall()
        for (name,) in names:
            con.execute(f'DROP {kind} IF EXISTS temp."{name}"')


def stage_records(
    con: duckdb.DuckDBPyConnection,
    records: Iterable[Record],
    *,
    progress: Progress | None = None,
    batch_size: int = 20_000,
) -> int:
    """Put records into the stage tables in batches.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        A connection on which `create_stage_tables` has run.
    records : iterable of Artist, Upload, Credit, Sighting or Reject
        In any order; read once, never held all at once.
    progress : callable, optional
        Called after every batch.
    batch_size : int
        Records held in memory at a time.

    Returns
    -------
    int
        The number of records staged.
    """
    started = time.monotonic()
    waiting: dict[type, list[Any]] = {kind: [] for kind in _RECORD_TABLE}
    n_waiting = n_done = 0
    for record in records:
        try:
            waiting[type(record)].append(record)
        except KeyError:
            raise TypeError(
                f"a source may yield {', '.join(kind.__name__ for kind in _RECORD_TABLE)}; "
                f"got {type(record).__name__}"
            ) from None
        n_waiting += 1
        if n_waiting >= batch_size:
            _flush(con, waiting)
            n_done, n_waiting = n_done + n_waiting, 0
            if progress:
                seconds = time.monotonic() - started
                progress(LoadProgress("reading", rows=n_done, seconds=seconds))
    _flush(con, waiting)
    return n_done + n_waiting


@cache
def _columns(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _flush(con: duckdb.DuckDBPyConnection, waiting: dict[type, list[Any]]) -> None:
    import pyarrow as pa

    for kind, records in waiting.items():
        if not records:
            continue
        names = _columns(kind)
        batch = pa.table({name: [getattr(row, name) for row in records] for name in names})
        con.register("staged_batch", batch)
        table = f"stage_{_RECORD_TABLE[kind]}"
        con.execute(f"INSERT INTO temp.{table} BY NAME SELECT * FROM staged_batch")
        con.unregister("staged_batch")
        records.clear()


def tally(
    con: duckdb.DuckDBPyConnection, what: str, n: int, field: str = "", example: str | None = None
) -> None:
    """Write down a count of the load, to be added up with those of the same name.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    what : {"read", "loaded", "folded", "given", "nulled", "unattributed"}
        `read` are the records in the input, counted apart from the reading of them; `loaded` and
        `folded` are what became of them, beside the rows of `stage_reject`. `given` and `nulled`
        are the values of an optional field and those among them that could not be read.
    n : int
    field : str
        The field, for `given` and `nulled`.
    example : str, optional
        One of the values that could not be read.
    """
    con.execute("INSERT INTO temp.stage_tally VALUES (?, ?, ?, ?)", [what, field, n, example])


def excerpts(con: duckdb.DuckDBPyConnection, reason: str, most: int = 10_000) -> list[str]:
    """Return what rejects of one reason looked like, in the order of the file."""
    rows = con.sql(
        "SELECT excerpt FROM temp.stage_reject WHERE reason = $1 ORDER BY rowid LIMIT $2",
        params=[reason, most],
    ).fetchall()
    return [str(text) for (text,) in rows]


@contextmanager
def setting(con: duckdb.DuckDBPyConnection, option: str, value: str) -> Iterator[None]:
    """Change a DuckDB setting for a while."""
    before = con.execute("SELECT current_setting(?)", [option]).fetchall()[0][0]
    con.execute(f"SET {option} = ?", [value])
    try:
        yield
    finally:
        con.execute(f"SET {option} = ?", [before])
