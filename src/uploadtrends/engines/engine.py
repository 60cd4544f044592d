"""What runs the package's SQL. DuckDB is built in; anything with the same method will do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from uploadtrends.errors import InputError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb
    import polars as pl

MOST_ROWS = 5_000_000
"""Rows of a table on an engine up to which it comes to this process when asked for."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A table that stays on its engine.

    Attributes
    ----------
    engine : Engine
    table : object
        Whatever the engine knows it by.
    """

    engine: Any
    table: Any

    @cached_property
    def rows(self) -> int:
        """Number of rows."""
        answer = self.engine.frame("SELECT count(*) AS rows FROM kept_rows", kept_rows=self)
        return int(answer["rows"][0])

    def collect(self) -> pl.DataFrame:
        """Return the rows, if they are few enough for this process.

        Raises
        ------
        InputError
            If they are not.
        """
        if self.rows > MOST_ROWS:
            raise InputError(
                f"{self.rows:,} rows stay on {self.engine.title}: this asks for every one of them "
                "here",
                fix="draw artists, panel.sample(20_000), and ask that panel; or write the artist "
                "panel with panel.write_artists(folder)",
            )
        return frame_of(self)


@dataclass(frozen=True)
class Files:
    """A table in Parquet files.

    Attributes
    ----------
    folder : str
        Path or address; its files may lie in partitions.
    empty : polars.DataFrame
        The table without rows, for when there are no files.
    """

    folder: str
    empty: pl.DataFrame


Table: TypeAlias = "pl.DataFrame | Kept"


class Engine(Protocol):
    """Runs the panel's queries.

    Only `frame` is needed. An engine may also say ``holds = True`` and give ``keep(query,
    **tables)``, which runs a query and leaves the answer where it is (a `Kept`),
    ``checksum(query, **tables)``, and ``number``, SQL that numbers ordered rows.
    """

    def frame(self, query: str, **tables: Any) -> pl.DataFrame:
        """Return the answer to a query, which may also name the given tables."""


def keep(engine: Engine, query: str, **tables: Table) -> Table:
    """Run a query whose answer another query reads."""
    if hasattr(engine, "keep"):
        answer: Table = engine.keep(query, **tables)
        return answer
    return engine.frame(query, **tables)


def hold(engine: Engine, query: str, **tables: Table) -> Table:
    """Run a query for a table that lives as long as its panel: on the engine, if that holds any."""
    if getattr(engine, "holds", False):
        return keep(engine, query, **tables)
    return engine.frame(query, **tables)


def numbering(engine: Engine, *names: str) -> str:
    """Return SQL that numbers the rows of a subquery ordered by these columns, growing."""
    return str(getattr(engine, "number", f"row_number() OVER (ORDER BY {', '.join(names)}) - 1"))


def frame_of(table: Table) -> pl.DataFrame:
    """Return a table's rows here, wherever it is."""
    if isinstance(table, Kept):
        answer: pl.DataFrame = table.engine.frame("SELECT * FROM kept_rows", kept_rows=table)
        return answer
    return table


class DuckDBEngine:
    """Runs queries on a DuckDB connection; without one, on a private database in memory."""

    title = "DuckDB"
    holds = False
    splits = True
    """Whether a large answer is to be asked for in parts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        import duckdb

        self._con = duckdb.connect() if connection is None else connection.cursor()
        self._names = _names()

    def attach(self, tables: Mapping[str, Any]) -> None:
        """Give tables (polars, or `Files`) the names that queries use."""
        for name, table in tables.items():
            if not isinstance(table, Files):
                self._con.register(name, table)
            elif files := sorted(Path(table.folder).rglob("*.parquet")):
                listed = ", ".join(_quoted(str(file)) for file in files)
                self._con.execute(
                    f"CREATE TEMP VIEW {name} AS "
                    f"FROM read_parquet([{listed}], hive_partitioning = false)"
                )
            else:
                self._con.register(name, table.empty)

    def close(self) -> None:
        """Close the connection."""
        self._con.close()

    def frame(self, query: str, **tables: Any) -> pl.DataFrame:
        """Return the answer to a query, which may also name the given tables."""
        with _Named(self._con, tables):
            answer: pl.DataFrame = self._con.sql(query).pl()
        return answer

    def keep(self, query: str, **tables: Any) -> Kept:
        """Run a query and leave the answer in a temporary table."""
        name = next(self._names)
        with _Named(self._con, tables):
            self._con.execute(f"CREATE TEMP TABLE {name} AS {query}")
        return Kept(self, name)

    def write(self, query: str, path: Path, **tables: Any) -> list[Path]:
        """Write the answer to a Parquet file."""
        from duckdb import Error

        with _Named(self._con, tables):
            try:
                self._con.execute(
                    f"COPY ({query}) TO {_quoted(str(path))} (FORMAT parquet, COMPRESSION zstd)"
                )
            except Error as error:
                raise StoreError(f"'{path}' could not be written: {error}") from error
        return [path]

    def drop(self, *tables: Table) -> None:
        """Give back what kept tables hold."""
        for table in tables:
            if isinstance(table, Kept):
                self._con.execute(f"DROP TABLE IF EXISTS {table.table}")

    def checksum(self, query: str, **tables: Any) -> str:
        """Return the number of rows of an answer and the sum of their hashes."""
        with _Named(self._con, tables):
            row = self._con.sql(
                f"SELECT count(*), sum(hash(t)::HUGEINT) FROM ({query}) t"
            ).fetchall()[0]
        return "-".join(map(str, row))


def drop(engine: Engine, *tables: Table) -> None:
    """Give back what kept tables hold, where the engine can."""
    if hasattr(engine, "drop"):
        engine.drop(*tables)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _names() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"kept_{number}"


class _Named:
    """Tables under the names that a query uses, for as long as it runs."""

    def __init__(self, con: Any, tables: dict[str, Any]) -> None:
        self._con, self._tables = con, tables

    def __enter__(self) -> None:
        for name, table in self._tables.items():
            if isinstance(table, Kept):
                self._con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {table.table}")
            else:
                self._con.register(name, table)

    def __exit__(self, *error: object) -> None:
        for name, table in self._tables.items():
            if isinstance(table, Kept):
                self._con.execute(f"DROP VIEW IF EXISTS {name}")
            else:
                self._con.unregister(name)


def require_engine(engine: str | Engine) -> Engine | None:
    """Return the engine given, or None for the name of one that is made with the data."""
    if engine in ("duckdb", "spark"):
        return None
    if isinstance(engine, str) or not hasattr(engine, "frame"):
        raise InputError(
            "unknown engine",
            column="engine",
            value=engine if isinstance(engine, str) else type(engine).__name__,
            fix="'duckdb', 'spark', a SparkSession, or an object with "
            "frame(query, **tables) -> polars.DataFrame",
        )
    return engine
