"""Build a store anew and put it in place in one step, under the feet of open notebooks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from uploadtrends.errors import InputError, StoreError
from uploadtrends.sources.protocol import Progress, Source
from uploadtrends.store.lock import cannot_write, explain, writer_lock
from uploadtrends.store.replace import checksums, put_in_place, shrinks
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
    key_file: str | Path | None = None,
    may_shrink: bool = True,
    engine: str | Any = "duckdb",
) -> list[LoadReport]:
    r"""Load the sources into a new store that replaces the one at `path` when all went well.

    The new store grows in a file beside `path`. When it is complete it is closed, read back and
    compared with what was put in, and only then takes the place of the old one, atomically; until
    then, and when anything fails, the old one stays. Processes that have it open keep reading it.

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
    key_file : path, optional
        Key of the list of forgotten people; see `pseudonyms.load_key`.
    may_shrink : bool
        Whether a store that holds more than the new one is replaced all the same.
    engine : {"duckdb", "spark"} or SparkSession
        On Spark workers read the sources, whose files lie where all of them find them, and `path`
        is a folder (or an address that Spark knows) of Parquet tables with ids, handles and times
        as they are: what `Store.to_parquet(identify=True)` writes of the same store, and the
        rejects. Large files of Danbooru's JSON lines are read in pieces; of anything else one
        worker reads a source, so give one a file. `build_panel(path, engine=...)` counts it.

    Returns
    -------
    list of LoadReport
        One per source.

    Raises
    ------
    StoreLockedError
        Another process is building this store; the message names it.
    StoreError
        The new store would hold less than the old one (with `may_shrink=False`), the disk is full,
        or what was written does not read back; the old store is as it was.

    See Also
    --------
    open_store : Opens what this made.
    build_panel : Counts what is in it.

    Examples
    --------
    >>> import tempfile, pathlib, uploadtrends as ut
    >>> from uploadtrends.sources.table import Table
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "works.csv").write_text("id,who,day\n1,ann,2022-01-05\n2,bob,2022-02-07\n")
    >>> columns = {"upload_id": "id", "artist_id": "who", "published_at": "day"}
    >>> source = Table(folder / "works.csv", columns, platform="mysite")
    >>> _ = ut.build_store(folder / "mine.duckdb", [source])
    >>> ut.build_panel(folder / "mine.duckdb").keys()
    [('mysite', 'all')]
    """
    if engine != "duckdb":
        if not may_shrink or threads or temp_directory or wait or progress:
            raise InputError(
                "Spark has no such setting",
                column="may_shrink, threads, temp_directory, wait, progress",
                fix="leave them out, or load without engine=",
            )
        # Brings polars, which a load into DuckDB does not need.
        from uploadtrends.engines.spark import require_spark
        from uploadtrends.store.on_spark import load_on_spark

        return load_on_spark(
            path,
            list(sources),
            require_spark(engine, memory_limit),
            max_rejects=max_rejects,
            key_file=key_file,
        )
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
                    store.load(
                        source,
                        max_rejects=max_rejects,
                        progress=progress,
                        key_file=key_file,
                        store_path=path,
                    )
                    for source in sources
                ]
                written = checksums(store.connection)
                store.connection.execute("CHECKPOINT")
            if not may_shrink and (less := shrinks(written, path)):
                raise StoreError(
                    f"'{path}' was left as it was: the new store would hold less ({less}). Fix: "
                    "see that all raw data are there, or say that it may shrink (--may-shrink)"
                )
            put_in_place(growing, path, written)
        except duckdb.Error as error:
            raise explain(error, path) from error
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
