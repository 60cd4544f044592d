"""DuckDB within a memory limit: what is large lies in a file."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uploadtrends.engines.engine import DuckDBEngine, Kept, _Named, _quoted
from uploadtrends.errors import InputError


class DiskEngine(DuckDBEngine):
    """Runs queries on a DuckDB file of its own, and leaves large answers there.

    Parameters
    ----------
    memory_limit : str
        Such as "2GB".
    folder : str or Path, optional
        Where the file and what DuckDB spills lie; by default in the machine's folder for temporary
        files. Everything there is deleted with the engine.
    """

    title = "disk"
    holds = True

    def __init__(self, memory_limit: str, folder: str | Path | None = None) -> None:
        import duckdb

        place = Path(tempfile.mkdtemp(prefix="uploadtrends-", dir=folder))
        self._con = duckdb.connect(str(place / "panel.duckdb"))
        try:
            self._con.execute("SET memory_limit = ?", [memory_limit])
        except duckdb.Error as error:
            self._con.close()
            shutil.rmtree(place, ignore_errors=True)
            raise InputError(
                "not a size", column="memory_limit", value=memory_limit, fix="write '2GB'"
            ) from error
        self._con.execute("SET temp_directory = ?", [str(place / "spilled")])
        self._con.execute("SET preserve_insertion_order = false")
        self._numbers = 0
        self._ending = weakref.finalize(self, _end, self._con, place)

    def attach(self, tables: Mapping[str, Any]) -> None:
        """Give tables the names that queries use; "" is a whole DuckDB file, read only."""
        store = tables.get("")
        if store is None:
            super().attach(tables)
            return
        self._con.execute(f"ATTACH {_quoted(str(store))} AS attached (READ_ONLY)")
        names = self._con.sql(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'attached'"
        ).fetchall()
        for (name,) in names:
            self._con.execute(f"CREATE TEMP VIEW {name} AS FROM attached.{name}")

    def detach(self) -> None:
        """Let go of an attached store, so that another process can write to it."""
        self._con.execute("DETACH DATABASE IF EXISTS attached")

    def keep(self, query: str, **tables: Any) -> Kept:
        """Run a query and leave the answer in a table of the file."""
        self._numbers += 1
        name = f"kept_{self._numbers}"
        with _Named(self._con, tables):
            self._con.execute(f"CREATE TABLE {name} AS {query}")
        return Kept(self, name)

    def close(self) -> None:
        """Delete the file."""
        self._ending()


def _end(con: Any, place: Path) -> None:
    con.close()
    shutil.rmtree(place, ignore_errors=True)
