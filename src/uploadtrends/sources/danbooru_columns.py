"""Danbooru posts in Parquet or Feather, as later dumps come, with the types that JSON would have.

What is particular: times as texts or as timestamps; columns that a dump lacks (`pixiv_id`,
`is_banned`) are unknown; what else is nested or new is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.columnar import parquet_columns
from uploadtrends.sources.watched import watched

if TYPE_CHECKING:
    import duckdb


def read_columns(
    con: duckdb.DuckDBPyConnection,
    files: Iterable[Path],
    *,
    into: str,
    columns: Mapping[str, str],
    select: str,
    reason: str,
    progress: Progress | None = None,
) -> int:
    """Create the temporary table `into` from Parquet files; bad rows go to `stage_reject`.

    The arguments are those of `reading.json_lines.read_json_lines`.

    Returns
    -------
    int
        Number of rows in the files, by their own count.
    """
    paths = list(files)
    total = sum(path.stat().st_size for path in paths)
    n_read = done = 0
    con.execute(f"DROP TABLE IF EXISTS temp.{into}")
    for number, path in enumerate(paths):
        present = parquet_columns(con, path)
        typed = ", ".join(_as(key, kind, present) for key, kind in columns.items())
        scan = f"read_parquet({quote(str(path))})"
        verb = f"INSERT INTO temp.{into}" if number else f"CREATE TEMP TABLE {into} AS"
        query = (
            f"{verb} SELECT {select}, {reason} AS bad, "
            f"{quote(path.name)} || ' row ' || record AS position "
            f"FROM (SELECT row_number() OVER () AS record, {typed} FROM {scan})"
        )

        def tick(share: float, rows: int = n_read, before: int = done, path: Path = path) -> None:
            if progress:
                at = before + int(share * path.stat().st_size)
                progress(LoadProgress("reading", rows, at, total))

        watched(con, lambda query=query: con.execute(query), tick)  # type: ignore[misc]
        n_read += int(
            con.sql(
                f"SELECT sum(num_rows) FROM parquet_file_metadata({quote(str(path))})"
            ).fetchall()[0][0]
        )
        done += path.stat().st_size
    (found,) = con.sql(f"SELECT count(*) FROM temp.{into}").fetchall()[0]
    if found != n_read:
        raise InputError(
            f"{n_read:,} rows but {found:,} were read",
            file=paths[0],
            fix="report this file: rows would have been lost",
        )
    con.execute(
        "INSERT INTO temp.stage_reject SELECT position, bad, "
        f"concat_ws(',', post_id, arrived_at, source) FROM temp.{into} WHERE bad IS NOT NULL"
    )
    con.execute(f"DELETE FROM temp.{into} WHERE bad IS NOT NULL")
    return n_read


def _as(key: str, kind: str, present: list[str]) -> str:
    """Return the SQL of a column with its type, NULL where the file lacks it."""
    if key not in present:
        return f"CAST(NULL AS {kind}) AS {key}"
    if kind == "JSON":
        return f"CASE WHEN {name(key)} IS NOT NULL THEN to_json({name(key)}) END AS {key}"
    return f"try_cast({name(key)} AS {kind}) AS {key}"
