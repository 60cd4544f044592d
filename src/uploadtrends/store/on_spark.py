"""Loading on Spark: sources are staged, and works and artists merged, by the code of a store.

Workers stage the sources, each on a DuckDB of its own; a large file of JSON lines in pieces. Spark
then brings together what is about the same work or the same artist, and workers merge that as a
store would, load by load. What only the whole can tell, the dates of reposts, is found here at the
end, from the reposts alone.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from uploadtrends import errors
from uploadtrends.engines.engine import Kept
from uploadtrends.engines.spark import SparkEngine
from uploadtrends.errors import InputError
from uploadtrends.pseudonyms import Ledger
from uploadtrends.result import package_version
from uploadtrends.sources.protocol import Source
from uploadtrends.sources.reading.cells import CASELESS
from uploadtrends.sources.staging import TABLES
from uploadtrends.sources.table import Table
from uploadtrends.store.given import MANIFEST, swap, written_before
from uploadtrends.store.loading import Checked, allowed, refuse, sha256_of
from uploadtrends.store.parquet import COUNTED, FORMAT, empty_tables
from uploadtrends.store.pieces import Staging, merge_rows, pieces_of, schemas, stage_rows
from uploadtrends.store.redating import redate
from uploadtrends.store.report import LoadReport
from uploadtrends.store.tally import Tally
from uploadtrends.store.version import create

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PIECE = 256 << 20
"""Bytes of JSON lines, and of all inputs, that a worker takes at a time."""
_DATES = ("published_at", "date_basis", "date_precision", "date_error_seconds")
_REPOST = ("platform", "upload_id", *_DATES, "arrived_at", "source_platform", "source_key")


def load_on_spark(
    folder: str | Path,
    sources: Sequence[Source],
    session: SparkSession,
    *,
    max_rejects: int | float = 0.05,
    key_file: str | Path | None = None,
) -> list[LoadReport]:
    """Load sources into the Parquet tables of a store; see `build_store`.

    Parameters
    ----------
    folder : str or Path
        New, or an earlier export, which is replaced; or a new address that Spark knows.
    sources : sequence of Source
        Their files lie where all workers find them under the same path.
    session : SparkSession
    max_rejects, key_file
        As in `Store.load`.

    Returns
    -------
    list of LoadReport
    """
    began = time.monotonic()
    address = "://" in str(folder)
    if not address:
        written_before(Path(folder))
    _refuse_folding(sources)
    same = _repeated(sources)
    numbers = {n: k for k, n in enumerate((n for n in range(len(sources)) if n not in same), 1)}
    places = [*([] if address else [Path(folder)]), *(p for s in sources for p in s.inputs())]
    size = sum(path.stat().st_size for path in places if path.is_file())
    engine = SparkEngine(session, {})
    if address and engine.exists(str(folder)):
        raise InputError("there is something", file=str(folder), fix="name a new address")
    buckets = max(2 * session.sparkContext.defaultParallelism, size // PIECE)
    # A forgotten person's works can be told only with all of a file at hand.
    whole = bool(Ledger.beside(places, key_file))
    pieces = [
        piece for n in numbers for piece in pieces_of(n, sources[n], size if whole else PIECE)
    ]
    staging = Staging(buckets, max_rejects, places, key_file)
    spark_schemas = [_spark_schema(one) for one in schemas()]

    numbered = engine.session.range(0, len(pieces), 1, max(1, len(pieces)))
    staged = engine.keep_rows(
        numbered.mapInArrow(partial(stage_rows, pieces=pieces, staging=staging), spark_schemas[0])
    )
    checked = _checked(engine, staged, sources, max_rejects)
    several = [piece.load for piece in pieces if piece.number == 1]
    if several:
        staged, checked = _without_older(engine, staged, checked, several)
    complete = {n: sources[n].credits_complete for n in numbers}

    def merged_in_order(rows: Any) -> Any:  # Spark reads the number of arguments
        return merge_rows(rows, numbers, complete)

    grouped = staged.table[0].where("kind <> 'told'").groupBy("bucket")
    merged = engine.keep_rows(grouped.applyInArrow(merged_in_order, spark_schemas[1]))
    crawls = [_crawl(numbers[n], sources[n], checked[n]) for n in numbers]
    _write(engine, folder, merged, crawls, address=address)
    told = _tell(engine, merged)
    reports = []
    for n, source in enumerate(sources):
        if n in same:
            reports.append(LoadReport(source.name, numbers[same[n]], "unchanged"))
            continue
        seconds = time.monotonic() - began
        reports.append(checked[n].report(source, numbers[n], *told[n], seconds))
    engine.drop(staged, merged)
    return reports


def _refuse_folding(sources: Sequence[Source]) -> None:
    """Stop where a source needs the names that another one has found."""
    folding = Counter(
        source.platform
        for source in sources
        if isinstance(source, Table)
        and "artist_id" in source.columns
        and (
            source.artist_case == "fold"
            or (source.artist_case is None and source.platform.lower() in CASELESS)
        )
    )
    for platform, n in folding.items():
        if n > 1:
            raise InputError(
                f"{n} tables of {platform}, whose names differ in case only by the spelling that "
                "an earlier table has: on Spark no table knows another",
                column="artist_case",
                fix="give them as one source (a folder or a pattern), say artist_case='keep', or "
                "load them without engine=",
            )


def _repeated(sources: Sequence[Source]) -> dict[int, int]:
    """Return the sources that were given before, and where."""
    known: dict[Any, int] = {}
    same = {}
    sizes = [[path.stat().st_size for path in s.inputs() if path.exists()] for s in sources]
    for n, source in enumerate(sources):
        if sizes[n] and sizes.count(sizes[n]) > 1:  # only then is hashing worth it
            hashes = tuple(sha256_of(path) for path in source.inputs())
            key = (source.name, json.dumps(source.parameters(), sort_keys=True), hashes)
            if known.setdefault(key, n) != n:
                same[n] = known[key]
    return same


def _spark_schema(schema: Any) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def _told(engine: SparkEngine, rows: Kept) -> pl.DataFrame:
    return engine.frame("SELECT * FROM rows_told WHERE kind = 'told'", rows_told=rows)


def _checked(
    engine: SparkEngine, staged: Kept, sources: Sequence[Source], max_rejects: int | float
) -> dict[int, Checked]:
    """Return what was staged of each source, or raise what went wrong."""
    found: dict[int, Checked] = {}
    examples: dict[int, list[Any]] = {}
    for load, text in (
        _told(engine, staged).sort("load", "piece").select("load", "told").iter_rows()
    ):
        told = json.loads(text)
        if "error" in told:
            raise getattr(errors, told["error"])(told["message"])
        one = Checked(told["staged"], Tally(**told["tally"]), {}, told["n_forgotten"], str)
        found[load] = _together(found[load], one) if load in found else one
        examples.setdefault(load, []).extend(told["examples"])
    for load, one in found.items():
        read, rejected = one.tally.counts.get("read"), one.staged["reject"]
        if read is not None and rejected > allowed(max_rejects, read):
            refuse(sources[load], rejected, read, examples[load][:3], max_rejects)
    reasons = engine.frame(
        "SELECT load, reject.reason AS reason, count(*) AS n FROM staged WHERE kind = 'reject' "
        "GROUP BY 1, 2",
        staged=staged,
    ).sort("n", "reason", descending=[True, False])
    for load, one in found.items():
        own = reasons.filter(pl.col("load") == load).head(10)
        found[load] = replace(one, reasons=dict(own.select("reason", "n").iter_rows()))
    return found


def _without_older(
    engine: SparkEngine, staged: Kept, checked: Mapping[int, Checked], several: Sequence[int]
) -> tuple[Kept, dict[int, Checked]]:
    """Fold the versions of a work that stood in several pieces of one file, as one piece does."""
    own = f"load IN ({', '.join(map(str, several))})"
    older = engine.keep(
        "SELECT load, piece, platform, upload_id FROM (SELECT load, piece, upload.platform, "
        "upload.upload_id, row_number() OVER (PARTITION BY load, upload.platform, upload.upload_id "
        "ORDER BY upload.updated_at DESC NULLS LAST, piece DESC) AS version "
        f"FROM staged WHERE kind = 'upload' AND {own}) v WHERE version > 1",
        staged=staged,
    )
    folded = dict(
        engine.frame("SELECT load, count(*) AS n FROM older GROUP BY load", older=older).iter_rows()
    )
    if folded:
        kept = " AND ".join(
            f"NOT (kind = '{name}' AND EXISTS (SELECT 1 FROM older o WHERE o.load = s.load "
            f"AND o.piece = s.piece AND o.platform = s.{name}.platform "
            f"AND o.upload_id = s.{name}.upload_id))"
            for name in ("upload", "credit")
        )
        left = engine.keep(f"SELECT * FROM staged s WHERE {kept}", staged=staged, older=older)
        # Artists of older versions alone are not in the file either.
        rows = engine.keep(
            f"SELECT * FROM newest s WHERE NOT (kind = 'artist' AND {own} AND NOT EXISTS ("
            "SELECT 1 FROM newest c WHERE c.kind = 'credit' AND c.load = s.load "
            "AND c.piece = s.piece AND c.credit.platform = s.artist.platform "
            "AND c.credit.artist_id = s.artist.artist_id))",
            newest=left,
        )
        engine.drop(staged, left)
        staged = rows
    engine.drop(older)
    counts = engine.frame(
        "SELECT load, count(artist) AS artist, count(upload) AS upload, count(credit) AS credit "
        "FROM (SELECT DISTINCT load, artist, upload, credit FROM staged "
        f"WHERE kind IN ('artist', 'upload', 'credit') AND {own}) s GROUP BY load",
        staged=staged,
    )
    found = dict(checked)
    for row in counts.to_dicts():
        load = row.pop("load")
        n, one = folded.get(load, 0), found[load]
        told = one.tally.counts
        told = told | {"loaded": told["loaded"] - n, "folded": told.get("folded", 0) + n}
        found[load] = replace(one, tally=replace(one.tally, counts=told), staged=one.staged | row)
    return staged, found


def _together(one: Checked, other: Checked) -> Checked:
    """Add up what was staged of two pieces of one file."""

    def added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
        return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}

    a, b = one.tally, other.tally
    tally = Tally(
        added(a.counts, b.counts),
        added(a.given, b.given),
        added(a.nulled, b.nulled),
        a.examples | b.examples,
        a.rejected + b.rejected,
    )
    return replace(one, staged=added(one.staged, other.staged), tally=tally)


def _tell(engine: SparkEngine, merged: Kept) -> dict[int, tuple[dict[str, int], dict[str, int]]]:
    """Return the rows added and changed by every load, by table."""
    counts: dict[int, tuple[Counter[str], Counter[str]]] = {}
    for text in _told(engine, merged)["told"]:
        for one in json.loads(text):
            sums = counts.setdefault(one["load"], (Counter(), Counter()))
            for into, name in zip(sums, ("added", "changed"), strict=True):
                into.update(one[name])
    return {load: (dict(added), dict(changed)) for load, (added, changed) in counts.items()}


def _crawl(number: int, source: Source, checked: Checked) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None)
    return {
        "crawl_id": number,
        "source": source.name,
        "started_at": getattr(source, "started_at", None) or now,
        "finished_at": getattr(source, "finished_at", None) or now,
        "package_version": package_version(),
        "status": getattr(source, "status", "complete"),
        **{f"n_{name}s": checked.staged[name] for name in ("artist", "upload")},
        "n_rejected": checked.staged["reject"],
        **{f"n_{name}": checked.tally.counts.get(name) for name in ("read", "loaded", "folded")},
    }


def _redated(engine: SparkEngine, merged: Kept) -> pl.DataFrame:
    """Return the dates of reposts that are found otherwise than in their own record."""
    names = ", ".join(f"upload.{name}" for name in _REPOST)
    works = f"SELECT {names} FROM merged WHERE kind = 'upload'"
    query = (
        f"SELECT u.* FROM ({works}) u LEFT SEMI JOIN (SELECT platform, upload_id FROM ({works}) "
        "WHERE source_platform IS NOT NULL UNION SELECT source_platform, source_key "
        f"FROM ({works})) r ON r.platform = u.platform AND r.upload_id = u.upload_id"
    )
    given = pl.from_arrow(engine.session.sql(query, merged=merged.table[0]).toArrow())
    with duckdb.connect() as con:
        create(con)
        con.register("given", given)
        con.execute("INSERT INTO upload BY NAME SELECT * FROM given")
        redate(con)
        chosen = ", ".join(("platform", "upload_id", *_DATES))
        changed: pl.DataFrame = con.sql(
            f"SELECT {chosen} FROM upload EXCEPT SELECT {chosen} FROM given"
        ).pl()
    return changed


def _write(
    engine: SparkEngine,
    folder: str | Path,
    merged: Kept,
    crawls: list[dict[str, Any]],
    *,
    address: bool,
) -> None:
    """Write the tables as an export, with the rejects beside them."""
    growing = str(folder).rstrip("/")
    if not address:
        path = Path(folder)
        growing = str(path.with_name(f".{path.name}.growing-{os.getpid()}"))
    try:
        empty = empty_tables()
        for name in TABLES:
            if name != "upload":
                query = f"SELECT {name}.* FROM merged WHERE kind = '{name}'"
                engine.write(query, f"{growing}/{name}", merged=merged)
        dates = ", ".join(
            f"CASE WHEN d.upload_id IS NULL THEN u.{name} ELSE d.{name} END AS {name}"
            for name in _DATES
        )
        others = ", ".join(f"u.{name}" for name in empty["upload"].columns if name not in _DATES)
        engine.write(
            f"SELECT {others}, {dates} FROM (SELECT upload.* FROM merged WHERE kind = 'upload') u "
            "LEFT JOIN redated d ON d.platform = u.platform AND d.upload_id = u.upload_id",
            f"{growing}/upload",
            merged=merged,
            redated=_redated(engine, merged),
        )
        rows = pl.DataFrame(crawls, schema={n: empty["crawl"].schema[n] for n in crawls[0]})
        engine.write("SELECT * FROM crawls", f"{growing}/crawl", crawls=rows)
        if not address:
            _finish(engine, Path(growing), Path(folder), merged)
    finally:
        if not address:
            shutil.rmtree(growing, ignore_errors=True)


def _finish(engine: SparkEngine, growing: Path, folder: Path, merged: Kept) -> None:
    """Say what is in an export on this machine, and put it in its place."""
    counts = engine.frame("SELECT kind, count(*) AS n FROM merged GROUP BY kind", merged=merged)
    rows = dict(counts.iter_rows())
    for path in [path for path in growing.rglob("*") if path.is_file()]:
        if path.suffix != ".parquet":
            path.unlink()  # Spark's marks and checksums
        else:
            path.chmod(0o600)  # handles are in it
    written = sorted(growing.rglob("*.parquet"))
    manifest = {
        "format": FORMAT,
        "pseudonymous": False,
        "period": None,
        "rows": {name: rows.get(name, 0) for name in COUNTED},
        "files": [path.relative_to(growing).as_posix() for path in written],
        "package_version": package_version(),
    }
    (growing / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    swap(growing, folder)
