"""A table of several platforms, one column of which names them: each load takes one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.cells import something
from uploadtrends.sources.staging import create_stage_tables, drop_stage_tables, tally
from uploadtrends.sources.tabular import Reading, cells, read_rows

WITHOUT = "no platform"
"""Why a row that names none is rejected, whichever platform is loaded."""


def platforms_in(path: Path, column: str, reading: Reading | None = None) -> list[str]:
    """Return the platforms that a column of a file names, in the order of the alphabet."""
    con = duckdb.connect()
    try:
        create_stage_tables(con)
        read_rows(con, path, [column], reading=reading)
        return _named(con, cells([column])[column])
    finally:
        drop_stage_tables(con)
        con.close()


def keep_platform(
    con: duckdb.DuckDBPyConnection, file: Path, columns: Sequence[str], column: str, platform: str
) -> None:
    """Delete the rows of other platforms from `input_rows`: to this load they are not read.

    Raises
    ------
    InputError
        No row is of this platform.
    """
    cell = cells(columns)[column]
    found = _named(con, cell)
    if platform not in found:
        raise InputError(
            "no row is of this platform",
            file=file,
            column=column,
            value=platform,
            fix=f"platform={found[0]!r}, one of {', '.join(found)}" if found else "fill the column",
        )
    others = f"{something(cell)} <> $1"
    (n,) = con.sql(
        f"SELECT count(*) FROM temp.input_rows WHERE {others}", params=[platform]
    ).fetchall()[0]
    con.execute(f"DELETE FROM temp.input_rows WHERE {others}", [platform])
    tally(con, "read", -n)


def _named(con: duckdb.DuckDBPyConnection, cell: str) -> list[str]:
    rows = con.sql(
        f"SELECT DISTINCT {something(cell)} AS name FROM temp.input_rows "
        "WHERE name IS NOT NULL ORDER BY name"
    ).fetchall()
    return [name for (name,) in rows]
