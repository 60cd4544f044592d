"""Which layout a store has, and bringing an older one up to date."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb

from uploadtrends.errors import StoreError
from uploadtrends.store.lock import explain, writer_lock

SCHEMA_VERSION = 2
"""1 is the layout of uploadtrends 0.1, whose stores did not say; raised with every new column."""


def schema_version(con: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the layout; 0 for an empty database."""
    tables = {name for (name,) in con.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "about" not in tables:
        return 1 if "upload" in tables else 0
    return int(con.sql("SELECT max(schema_version) FROM about").fetchall()[0][0])


def require_current(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make sure that a store has the layout of this version, or is empty.

    Raises
    ------
    StoreError
        If it is older, with the command that brings it up to date, or newer.
    """
    found = schema_version(con)
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"'{path}' was written by a later version of uploadtrends. Fix: upgrade uploadtrends"
        )
    if 0 < found < SCHEMA_VERSION:
        raise StoreError(
            f"'{path}' was written by an earlier version of uploadtrends. Fix: "
            f"`uploadtrends upgrade --store {path}`"
        )


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are absent, and say which layout they have."""
    con.execute(files("uploadtrends.store").joinpath("schema.sql").read_text(encoding="utf-8"))
    if not con.sql("SELECT count(*) FROM about").fetchall()[0][0]:
        con.execute("INSERT INTO about VALUES (?)", [SCHEMA_VERSION])


def upgrade_store(path: str | Path) -> bool:
    """Bring a store of an earlier version up to date; every row stays.

    A new file takes the place of the old one when all rows are in it; until then, and when anything
    fails, the old one stays as it was.

    Returns
    -------
    bool
        Whether there was anything to do.

    Raises
    ------
    StoreError
        No store at `path`, it is of a later version, or another process writes to it.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"no store at '{path}'. Fix: check the path")
    growing = path.with_name(path.name + ".upgrading")
    with writer_lock(path):
        growing.unlink(missing_ok=True)
        try:
            with duckdb.connect(str(path), read_only=True) as con:
                if schema_version(con) >= SCHEMA_VERSION:
                    require_current(con, path)
                    return False
            with duckdb.connect(str(growing)) as con:
                con.execute("SET preserve_insertion_order = false")
                create(con)
                con.execute(
                    f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS old (READ_ONLY)"
                )
                _copy(con)
            growing.replace(path)
        except duckdb.Error as error:
            raise explain(error, path) from error
        finally:
            growing.unlink(missing_ok=True)
            growing.with_name(growing.name + ".wal").unlink(missing_ok=True)
    return True


def _copy(con: duckdb.DuckDBPyConnection) -> None:
    """Copy every table by the names of its columns; a column that is new is unknown (NULL)."""
    known = con.sql(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'old' "
        "INTERSECT SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = current_database()"
    ).fetchall()
    for table in sorted({table for table, _ in known}):
        columns = ", ".join(f'"{column}"' for name, column in known if name == table)
        con.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM old."{table}"')
