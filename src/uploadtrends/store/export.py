"""Out to Parquet for others, pseudonymous and to the day, and back in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.result import package_version
from uploadtrends.sources.moments import quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.store.given import (
    MANIFEST,
    read_manifest,
    remove_abandoned,
    swap,
    unique_artists,
    written_before,
)
from uploadtrends.store.lock import cannot_write, explain
from uploadtrends.store.parquet import COUNTED, FORMAT, LOADED, READABLE


class Connected(Protocol):
    """A store, as far as writing it out needs it."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Its connection."""


_MANIFEST = MANIFEST
PERIODS = {"day": ("second", "minute"), "month": ("second", "minute", "day")}
"""To what times can be cut, and which precisions that coarsens."""
# Of visits, what says until when an artist was seen; of crawls, when.
_SHOWN = {
    "sighting": ("platform", "artist_id", "crawl_id", "status", "complete", "truncated"),
    "crawl": ("crawl_id", "started_at"),
}
# Work ids and source addresses lead to the artist on the platform; pseudonyms of both do not.
_TO_THE_DAY = ("published_at", "arrived_at", "updated_at", "joined_at", "started_at")


def export_parquet(
    store: Connected,
    folder: str | Path,
    pseudonym: Callable[[str, str], str] | None,
    *,
    period: str = "day",
    progress: Progress | None = None,
) -> Path:
    """Write the store to Parquet files, partitioned by platform: all that a panel is built from.

    What is written is pseudonymous, not anonymous: whoever knows an artist's dates from elsewhere
    finds the artist by them. ``export.json`` states how many are unique by what is written.

    Parameters
    ----------
    store : Store
    folder : str or Path
        Must not exist, or hold an earlier export and nothing else; that one is replaced when all
        went well.
    pseudonym : callable or None
        From a platform and an id to the pseudonym that stands for it (see `privacy.pseudonym`); it
        is applied to artists and to works, handles are left out, and times are cut to the period.
        None writes everything as it is (`--identify`).
    period : {"day", "month"}
        To what times are cut.

    Returns
    -------
    Path
        The folder: ``artist/platform=.../*.parquet`` and so on, and ``export.json``.

    Raises
    ------
    InputError
        The folder holds other things, or the period is another one.
    """
    folder = Path(folder)
    if period not in PERIODS:
        raise InputError("no such period", column="period", value=period, fix="day or month")
    growing = folder.with_name(f".{folder.name}.growing-{os.getpid()}")
    con = store.connection.cursor()
    try:
        written_before(folder)
        remove_abandoned(folder)
        growing.mkdir(parents=True, mode=0o700)
        if pseudonym is not None:
            _pseudonyms(con, pseudonym)
        counts = {}
        for done, table in enumerate(COUNTED):
            counts[table] = _write(con, table, growing, period if pseudonym is not None else "")
            if progress:
                progress(LoadProgress("writing", sum(counts.values()), done + 1, len(COUNTED)))
        if pseudonym is None:
            for path in growing.rglob("*.parquet"):
                path.chmod(0o600)  # it holds handles
        manifest = {
            "format": FORMAT,
            "pseudonymous": pseudonym is not None,
            "period": period if pseudonym is not None else None,
            "rows": counts,
            "unique": unique_artists(con, growing),
            "files": sorted(
                one.relative_to(growing).as_posix() for one in growing.rglob("*.parquet")
            ),
            "package_version": package_version(),
        }
        (growing / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        swap(growing, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    except duckdb.Error as error:
        raise explain(error, folder) from error
    finally:
        shutil.rmtree(growing, ignore_errors=True)
        con.execute("DROP TABLE IF EXISTS temp.pseudonym")
        con.close()
    return folder


def export_report(folder: str | Path) -> str:
    """Say in plain words what an export gives away."""
    about = ExportedParquet(Path(folder)).parameters()
    if not about["pseudonymous"]:
        return "With real ids, handles and times: give it to nobody who may not have them."
    told = [
        f"{one['platform']}: of {one['artists']:,} artists {one['by_first_and_last']:,} are unique "
        f"by first and last {about.get('period') or 'day'}, {one['by_all_dates']:,} by all dates"
        for one in about.get("unique", [])
    ]
    less = "Fewer are with --period month; --key new keeps two exports from being joined."
    return "\n".join(["Pseudonymous, not anonymous.", *told, less])


def _pseudonyms(con: duckdb.DuckDBPyConnection, pseudonym: Callable[[str, str], str]) -> None:
    """Create `pseudonym`: kind, platform, id, stands_for, for every artist and every work."""
    import pyarrow as pa

    con.execute(
        "CREATE OR REPLACE TEMP TABLE pseudonym "
        "(kind VARCHAR, platform VARCHAR, id VARCHAR, stands_for VARCHAR)"
    )
    for kind, query in {
        "artist": "SELECT platform, artist_id FROM artist UNION SELECT platform, artist_id "
        "FROM credit UNION SELECT platform, artist_id FROM sighting",
        "upload": "SELECT platform, upload_id FROM upload UNION SELECT platform, upload_id "
        "FROM credit",
    }.items():
        reader: Any = con.sql(query).to_arrow_reader(100_000)
        done: list[Any] = []
        for batch in reader:
            platforms: list[str] = batch.column(0).to_pylist()
            ids: list[str] = batch.column(1).to_pylist()
            # A work and an artist may bear the same id; their pseudonyms must not show it.
            prefix = "" if kind == "artist" else "work:"
            named = [pseudonym(p, prefix + i) for p, i in zip(platforms, ids, strict=True)]
            done.append(pa.table({"platform": platforms, "id": ids, "stands_for": named}))
        if done:
            con.register("named", pa.concat_tables(done))
            con.execute(f"INSERT INTO temp.pseudonym SELECT '{kind}', * FROM named")
            con.unregister("named")


def _write(con: duckdb.DuckDBPyConnection, table: str, folder: Path, period: str) -> int:
    """Write one table, pseudonymous and cut to the period where one is given."""
    columns = [row[0] for row in con.sql(f"DESCRIBE {table}").fetchall()]
    kept = [name for name in columns if name in _SHOWN.get(table, columns)]
    query = f"SELECT {', '.join('t.' + name for name in kept)} FROM {table} t"
    if period and table != "series":
        left_out = {"handle", "source_key"}
        shown, joins = [], []
        for name in kept:
            if name in left_out:
                shown.append(f"CAST(NULL AS VARCHAR) AS {name}")
            elif name in _TO_THE_DAY:
                shown.append(f"date_trunc('{period}', t.{name}) AS {name}")
            elif name == "date_precision":
                finer = ", ".join(f"'{one}'" for one in PERIODS[period])
                shown.append(
                    f"CASE WHEN t.date_precision IN ({finer}) THEN '{period}' "
                    "ELSE t.date_precision END AS date_precision"
                )
            elif name in ("artist_id", "upload_id"):
                kind = name.removesuffix("_id")
                shown.append(f"p_{kind}.stands_for AS {name}")
                joins.append(
                    f"JOIN temp.pseudonym p_{kind} ON p_{kind}.kind = '{kind}' "
                    f"AND p_{kind}.platform = t.platform AND p_{kind}.id = t.{name}"
                )
            else:
                shown.append(f"t.{name}")
        query = f"SELECT {', '.join(shown)} FROM {table} t {' '.join(joins)}"
    target = folder / table
    rows = con.sql(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
    if rows and "platform" in kept:
        con.execute(
            f"COPY ({query}) TO {quote(str(target))} (FORMAT parquet, COMPRESSION zstd, "
            "PARTITION_BY (platform), WRITE_PARTITION_COLUMNS true)"
        )
    elif rows:
        target.mkdir()
        file = quote(str(target / "data_0.parquet"))
        con.execute(f"COPY ({query}) TO {file} (FORMAT parquet, COMPRESSION zstd)")
    return int(rows)


@dataclass(frozen=True)
class ExportedParquet:
    """A source that reads what `export_parquet` wrote.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path
    name: ClassVar[str] = "export"
    credits_complete: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """Return the manifest of the export."""
        file = Path(self.path) / _MANIFEST
        if not file.is_file():
            raise InputError(
                "not an export (no export.json)", file=self.path, fix="give the exported folder"
            )
        manifest = read_manifest(file)
        if manifest.get("format") not in READABLE:
            raise InputError(
                "an export of another format", file=file, value=manifest.get("format"), fix="update"
            )
        return manifest

    def inputs(self) -> list[Path]:
        """Return the Parquet files."""
        return sorted(Path(self.path).rglob("*.parquet"))

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables."""
        rows = self.parameters()["rows"]
        for table in LOADED:
            if rows.get(table):
                pattern = quote(f"{self.path}/{table}/**/*.parquet")
                con.execute(
                    f"INSERT INTO temp.stage_{table} BY NAME "
                    "SELECT COLUMNS(lambda c: c NOT IN ('first_crawl', 'last_crawl')) "
                    f"FROM read_parquet({pattern}, hive_partitioning=false)"
                )
        if progress:
            progress(LoadProgress("reading", sum(rows.values())))
