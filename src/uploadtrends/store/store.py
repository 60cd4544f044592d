"""Open, query and load the store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from uploadtrends.errors import InputError, StoreError
from uploadtrends.pseudonyms import load_key, pseudonym
from uploadtrends.sources.protocol import Progress, Source
from uploadtrends.store.content import content_hash
from uploadtrends.store.export import export_parquet
from uploadtrends.store.loading import FinishedError, load
from uploadtrends.store.lock import cannot_write, explain
from uploadtrends.store.redating import repost_lags
from uploadtrends.store.report import LoadReport
from uploadtrends.store.version import create, require_current

if TYPE_CHECKING:
    import polars as pl

WRITER_MEMORY = "1GB"


def open_store(
    path: str | Path,
    *,
    read_only: bool = True,
    memory_limit: str | None = None,
    temp_directory: str | Path | None = None,
    threads: int | None = None,
) -> Store:
    """Open the store at `path`.

    Parameters
    ----------
    path : str or Path
        The DuckDB file. With `read_only=False` it is created when absent.
    read_only : bool
        Read-only stores can be open in many processes at once; a writable one in only one.
    memory_limit : str, optional
        DuckDB's memory limit, such as "4GB". Default: 1 GB for a writable store, so that a load of
        any size stays below 2 GB of resident memory; DuckDB's own default for a read-only one.
    temp_directory : str or Path, optional
        Where DuckDB spills what does not fit. Default: beside the store, named after it with
        ".tmp".
    threads : int, optional
        Threads that DuckDB uses. Default: one per core.

    Raises
    ------
    StoreError
        No store at `path` (when `read_only`), or it cannot be read.
    StoreLockedError
        Another process has it open; the message names the process.

    See Also
    --------
    build_store : Makes a store from sources.
    Store : What is opened.

    Examples
    --------
    >>> import tempfile, pathlib, uploadtrends as ut
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.duckdb"
    >>> with ut.open_store(path, read_only=False) as store:
    ...     store.sql("SELECT count(*) FROM upload").fetchall()
    [(0,)]
    """
    return Store(
        Path(path),
        read_only=read_only,
        memory_limit=memory_limit,
        temp_directory=temp_directory,
        threads=threads,
    )


class Store:
    """The local DuckDB database; open it with `open_store`. A context manager.

    Attributes
    ----------
    path : Path
    read_only : bool

    See Also
    --------
    open_store : Opens one.
    build_panel : Counts what is in it.

    Examples
    --------
    >>> import tempfile, pathlib, uploadtrends as ut
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.duckdb"
    >>> with ut.open_store(path, read_only=False) as store:
    ...     store.sql("SELECT count(*) FROM artist").fetchall()
    [(0,)]
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = True,
        memory_limit: str | None = None,
        temp_directory: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._con: duckdb.DuckDBPyConnection | None = None
        if read_only and not path.is_file():
            raise StoreError(
                f"no store at '{path}'. Fix: build it first (`make figures`, or "
                "`uploadtrends load --help`), or pass read_only=False to create an empty one"
            )
        if not read_only:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error
        settings: dict[str, str | int] = {
            "temp_directory": str(temp_directory or path.with_name(path.name + ".tmp"))
        }
        limit = memory_limit or (None if read_only else WRITER_MEMORY)
        if limit:
            settings["memory_limit"] = limit
        if threads:
            settings["threads"] = threads
        if not read_only:
            # A load keeps no order: rows carry their own dates and keys.
            settings["preserve_insertion_order"] = "false"
        new = not read_only and not path.exists()
        try:
            self._con = duckdb.connect(str(path), read_only=read_only)
            if new and os.name == "posix":
                path.chmod(0o600)  # it will hold handles
            for name, value in settings.items():
                self._con.execute(f"SET {name} = ?", [value])
            require_current(self._con, path)
            if not read_only:
                create(self._con)
        except StoreError:
            self.close()
            raise
        except duckdb.Error as error:
            self.close()
            raise explain(error, path) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = "closed" if self._con is None else "read-only" if self.read_only else "writable"
        return f"<Store '{self.path}' ({mode})>"

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection behind this store."""
        if self._con is None:
            raise StoreError(f"the store '{self.path}' is closed. Fix: open it again")
        return self._con

    def close(self) -> None:
        """Close the file; a closed store can be closed again."""
        if self._con is not None:
            self._con.close()
            self._con = None

    def sql(
        self, query: str, params: Sequence[Any] | dict[str, Any] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Run a query and return a DuckDB relation (`.pl()`, `.df()`, `.fetchall()`)."""
        return self.connection.sql(query, params=params)

    def tables(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        names = [
            row[0]
            for row in self.sql(
                "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY table_name"
            ).fetchall()
        ]
        return {name: self.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in names}

    def summary(self) -> pl.DataFrame:
        """Return one row a platform: artists, uploads, first and last date, series, crawls.

        Returns
        -------
        polars.DataFrame
            Columns platform, artists, uploads, first_date, last_date, series_values.
        """
        frame: pl.DataFrame = self.sql(
            """
            WITH platforms AS (
                SELECT platform FROM artist UNION SELECT platform FROM upload
                UNION SELECT platform FROM series),
            uploads AS (
                SELECT platform, count(*) AS uploads,
                    min(coalesce(arrived_at, published_at)) AS low,
                    max(coalesce(arrived_at, published_at)) AS high FROM upload GROUP BY platform),
            artists AS (SELECT platform, count(*) AS artists FROM artist GROUP BY platform),
            published AS (
                SELECT platform, count(*) AS n, min(period) AS low, max(period) AS high
                FROM series GROUP BY platform)
            SELECT platform, coalesce(artists, 0) AS artists, coalesce(uploads, 0) AS uploads,
                CAST(least(u.low, p.low) AS DATE) AS first_date,
                CAST(greatest(u.high, p.high) AS DATE) AS last_date,
                coalesce(p.n, 0) AS series_values
            FROM platforms LEFT JOIN uploads u USING (platform)
                LEFT JOIN artists USING (platform) LEFT JOIN published p USING (platform)
            ORDER BY platform
            """
        ).pl()
        return frame

    def content_hash(self) -> str:
        """Return a hash of the content, independent of the order of rows and loads."""
        return content_hash(self.connection)

    def repost_lags(self) -> pl.DataFrame:
        """Return how many reposts carry the artist's own date, and how late they arrived.

        Returns
        -------
        polars.DataFrame
            Columns platform, source_platform, date_basis, uploads, share, lag_p10, lag_median,
            lag_p90, lag_p99 (hours from publication to arrival).
        """
        return repost_lags(self.connection)

    def to_parquet(
        self,
        folder: str | Path,
        *,
        identify: bool = False,
        key_file: str | Path | None = None,
        period: str = "day",
        progress: Progress | None = None,
    ) -> Path:
        """Write the store to Parquet, partitioned by platform: for Spark, or for others.

        Parameters
        ----------
        folder : str or Path
            New, or an earlier export, which is replaced.
        identify : bool
            Real ids, handles and times. Without it: pseudonyms, no handles, times cut to the
            `period`; then an artist's first upload is known to the day only, and so is seniority.
        key_file : path, optional
            Key of the pseudonyms; see `pseudonyms.load_key`.
        period : {"day", "month"}
            To what times are cut.
        progress : callable, optional
            Called after every table.

        Returns
        -------
        Path
            The folder. `uploadtrends.build_panel` reads it.
        """
        hide = None if identify else partial(pseudonym, load_key(key_file))
        return export_parquet(self, folder, hide, period=period, progress=progress)

    def load(
        self,
        source: Source,
        *,
        max_rejects: int | float = 0.05,
        progress: Progress | None = None,
        key_file: str | Path | None = None,
        store_path: Path | None = None,
    ) -> LoadReport:
        """Read a source and merge it into the store, in one transaction.

        Either all of it is in the store afterwards or nothing is. Loading the same files with the
        same parameters again changes nothing.

        Parameters
        ----------
        source : Source
            What to load, for example `sources.table.Table(...)`.
        max_rejects : int or float
            How many input rows may be unreadable: a share of all rows when below 1, else a number.
        progress : callable, optional
            Called with a `LoadProgress` now and then.
        key_file : path, optional
            Key of the list of forgotten people, who are left out; see `pseudonyms.load_key`.
        store_path : Path, optional
            Where this store will be put when it is finished; a list near that place holds.

        Raises
        ------
        TooManyRejectsError
            More rows than that were unreadable; the message shows the most frequent reasons.
        StoreError
            The store is read-only, locked or its disk is full.
        InputError
            The source as a whole cannot be read.
        """
        if self.read_only:
            raise StoreError(
                f"the store '{self.path}' is open read-only. Fix: open_store(path, read_only=False)"
            )
        if max_rejects < 0:
            raise InputError("max_rejects must not be negative", value=max_rejects)
        con = self.connection
        try:
            return load(
                con,
                source,
                max_rejects=max_rejects,
                progress=progress,
                places=[store_path or self.path],
                key_file=key_file,
            )
        except duckdb.Error as error:
            raise explain(error, self.path) from error
        except FinishedError:
            raise KeyboardInterrupt(
                f"interrupted, but this load had just ended: all of it is in '{self.path}'"
            ) from None
        except (KeyboardInterrupt, RuntimeError) as error:
            # DuckDB says Ctrl-C with a RuntimeError when it saw it first.
            if isinstance(error, RuntimeError) and "interrupted" not in str(error):
                raise
            raise KeyboardInterrupt(
                f"interrupted: nothing of this load is in '{self.path}'. The same command starts "
                "it again; what was loaded before it stays and is not read twice"
            ) from None
