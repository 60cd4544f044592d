"""Where the panel's SQL runs. DuckDB is built in; anything with the same method will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import polars as pl


class Engine(Protocol):
    """Runs the panel's queries."""

    def frame(self, query: str, **tables: pl.DataFrame) -> pl.DataFrame:
        """Return the answer to a query, which may also name the given tables."""


class DuckDBEngine:
    """Runs queries on a DuckDB connection; without one, on a private database in memory."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        import duckdb

        self._con = duckdb.connect() if connection is None else connection.cursor()

    def frame(self, query: str, **tables: pl.DataFrame) -> pl.DataFrame:
        """Return the answer to a query, which may also name the given tables."""
        for name, table in tables.items():
            self._con.register(name, table)
        try:
            answer: pl.DataFrame = self._con.sql(query).pl()
        finally:
            for name in tables:
                self._con.unregister(name)
        return answer


def require_engine(engine: str | Engine) -> Engine | None:
    """Return the engine given, or None for the name of the built-in one."""
    if engine == "duckdb":
        return None
    if isinstance(engine, str) or not hasattr(engine, "frame"):
        raise InputError(
            "unknown engine",
            column="engine",
            value=engine if isinstance(engine, str) else type(engine).__name__,
            fix="'duckdb', or an object with frame(query, **tables) -> polars.DataFrame",
        )
    return engine
