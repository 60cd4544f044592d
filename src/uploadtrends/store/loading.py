"""One load: stage, check, merge in one transaction, write down where it came from."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.result import package_version
from uploadtrends.sources.dates import DAY_OR_MONTH, two_readings
from uploadtrends.sources.protocol import LoadProgress, Progress, Source
from uploadtrends.sources.reading.passes import Pass, pass_over, running
from uploadtrends.sources.staging import (
    TABLES,
    create_stage_tables,
    drop_stage_tables,
    excerpts,
)
from uploadtrends.sources.watched import watched
from uploadtrends.store.forgotten import leave_out
from uploadtrends.store.merge import merge
from uploadtrends.store.redating import redate
from uploadtrends.store.report import LoadReport
from uploadtrends.store.tally import Tally

_T = TypeVar("_T")
SMALL = 256 << 20
"""Inputs up to this size are hashed before they are read, so that known ones are not read again;
larger ones are hashed while they are read, unless something was loaded with these settings."""
READER = 4
"""Rises when the same file is read otherwise than before, so that it is read again."""


def load(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    max_rejects: int | float,
    progress: Progress | None,
    places: Sequence[Path] = (),
    key_file: str | Path | None = None,
) -> LoadReport:
    """Load a source through a writable connection; see `Store.load`."""
    started, clock = _now(), time.monotonic()
    inputs = [Path(path) for path in source.inputs()]
    create_stage_tables(con)
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        passes = {path: pool.submit(_passed, path) for path in inputs}

        def hashed() -> list[str]:
            return [passes[path].result().sha256 for path in inputs]

        size = sum(path.stat().st_size for path in inputs if path.exists())
        small = size <= SMALL or _loaded_like_this(con, source)
        if small and (known := _known(con, source, hashed())) is not None:
            return LoadReport(source.name, known, "unchanged")
        with running(passes):
            source.stage(con, progress)
        hashes = hashed()
        if not small and (known := _known(con, source, hashes)) is not None:
            return LoadReport(source.name, known, "unchanged")
        checked = check(con, source, max_rejects, [*places, *inputs], key_file)
        bare, staged = checked.bare, checked.staged
        record = [
            source.name,
            bare(json.dumps(source.parameters(), sort_keys=True)),
            [bare(str(path)) for path in inputs],
            hashes,
            package_version(),
            staged["artist"],
            staged["upload"],
            staged["reject"],
            load_fingerprint(source, hashes) if hashes else None,
            getattr(source, "started_at", None) or started,
            getattr(source, "finished_at", None),
            getattr(source, "status", "complete"),
            *checked.tally.columns(checked.reasons),
        ]

        def tick(_: float) -> None:
            if progress:
                seconds = time.monotonic() - clock
                rows = staged["upload"] + staged["series"]
                progress(LoadProgress("merging", rows, seconds=seconds))

        complete = source.credits_complete
        crawl_id, added, changed = _transaction(con, lambda: _write(con, record, complete), tick)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        with suppress(Exception):  # the connection may be what failed
            drop_stage_tables(con)
    seconds = time.monotonic() - clock
    return checked.report(source, crawl_id, added, changed, seconds)


@dataclass(frozen=True)
class Checked:
    """What a source put into the stage tables, after the checks and without forgotten people.

    Attributes
    ----------
    staged : dict of str to int
        Rows by table.
    tally : Tally
    reasons : dict of str to int
        How often each reason for a reject occurs.
    n_forgotten : int
    bare : callable
        Takes forgotten names out of a text.
    """

    staged: dict[str, int]
    tally: Tally
    reasons: dict[str, int]
    n_forgotten: int
    bare: Callable[[str], str]

    def report(
        self,
        source: Source,
        crawl_id: int,
        added: dict[str, int],
        changed: dict[str, int],
        seconds: float,
    ) -> LoadReport:
        """Say what the load did."""
        counts = self.tally.counts
        return LoadReport(
            source=source.name,
            crawl_id=crawl_id,
            status="loaded",
            staged=self.staged,
            added=added,
            changed=changed,
            n_rejected=self.staged["reject"],
            n_forgotten=self.n_forgotten,
            reject_reasons=self.reasons,
            seconds=seconds,
            n_read=counts.get("read"),
            n_loaded=counts.get("loaded"),
            n_folded=counts.get("folded"),
            unattributed=counts.get("unattributed"),
            nulled={field: n for field, n in self.tally.nulled.items() if n},
        )


def check(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    max_rejects: int | float,
    places: Sequence[Path],
    key_file: str | Path | None,
) -> Checked:
    """Check what a source has staged, and take forgotten people out of it.

    Raises
    ------
    TooManyRejectsError
        More rows or values than allowed cannot be read.
    InputError
        The records do not add up.
    """
    staged = _staged(con)
    tally = Tally.of(con, staged["reject"])
    tally.check_sum(source)
    reasons = _check_rejects(con, source, staged, tally, max_rejects)
    tally.check_fields(source, max_rejects)
    key = key_file or getattr(source, "key_file", None)
    n_forgotten, bare = leave_out(con, places, key)
    if n_forgotten:
        staged = _staged(con)
    return Checked(staged, tally, reasons, n_forgotten, bare)


class FinishedError(KeyboardInterrupt):
    """Ctrl-C came while the transaction was being committed: all of the load is in."""


def _transaction(
    con: duckdb.DuckDBPyConnection, work: Callable[[], _T], tick: Callable[[float], None]
) -> _T:
    """Do the work in one transaction: all of it or nothing, also where Ctrl-C comes.

    The rollback is left to this thread: it runs when nothing interrupts the connection any more.
    """
    committed: list[_T] = []

    def all_of_it() -> None:
        con.execute("BEGIN")
        done = work()
        con.execute("COMMIT")
        committed.append(done)

    try:
        watched(con, all_of_it, tick)
    except BaseException as error:
        if not committed:
            with suppress(duckdb.Error):  # the failure may have ended the transaction already
                con.execute("ROLLBACK")
            raise
        raise FinishedError from error
    return committed[0]


def _write(
    con: duckdb.DuckDBPyConnection, record: list[Any], credits_complete: bool
) -> tuple[int, dict[str, int], dict[str, int]]:
    """Merge and record."""
    name, parameters, paths, hashes, version, *counts = record[:8]
    fingerprint, started, ended, status, *tallied = record[8:]
    crawl_id = _one(con, "SELECT coalesce(max(crawl_id), 0) + 1 FROM crawl")[0]
    added, changed = merge(con, crawl_id, credits_complete=credits_complete)
    redate(con)
    covers = _one(
        con,
        "SELECT min(coalesce(arrived_at, published_at)), "
        f"max(coalesce(arrived_at, published_at)) FROM upload WHERE last_crawl = {crawl_id}",
    )
    con.execute(
        "INSERT INTO crawl (crawl_id, source, parameters, started_at, finished_at, raw_path, "
        "raw_sha256, package_version, status, n_artists, n_uploads, n_rejected, covers_from, "
        "covers_to, fingerprint, n_read, n_loaded, n_folded, tally) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(crawl_id, name, parameters, started, ended or _now(), paths, hashes, version),
            *(status, *counts, *covers, fingerprint, *tallied),
        ],
    )
    return crawl_id, added, changed


def _check_rejects(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    staged: dict[str, int],
    tally: Tally,
    max_rejects: int | float,
) -> dict[str, int]:
    """Return how often each reason occurs, or refuse the load when there are too many."""
    rejected = staged["reject"]
    if not rejected:
        return {}
    read = tally.counts.get("read") or rejected + max(staged["upload"], staged["series"])
    if rejected > allowed(max_rejects, read):
        examples = con.sql(EXAMPLES).fetchall()
        refuse(source, rejected, read, examples, max_rejects, excerpts(con, DAY_OR_MONTH))
    return dict(con.sql(REASONS.format("temp.stage_reject")).fetchall())


EXAMPLES = "SELECT position, reason, excerpt FROM temp.stage_reject ORDER BY rowid LIMIT 3"
REASONS = "SELECT reason, count(*) AS n FROM {} GROUP BY reason ORDER BY n DESC, reason LIMIT 10"


def refuse(
    source: Source,
    rejected: int,
    read: int,
    examples: Sequence[tuple[str, str, str]],
    max_rejects: int | float,
    dates: Sequence[str] | None = None,
) -> None:
    """Say that too many rows cannot be read, with some of them.

    Of the `dates` whose order of day and month is in doubt (by default those among the examples)
    all decide which order is offered.
    """
    shown = "; ".join(f"{position}: {reason} ({text})" for position, reason, text in examples)
    if dates is None:
        dates = [text for _, why, text in examples if why == DAY_OR_MONTH]
    way_out = two_readings(dates) or "correct the file or its column mapping"
    raise TooManyRejectsError(
        f"{source.name}: {rejected:,} of about {read:,} input rows cannot be read ({shown}); "
        f"nothing was loaded. Fix: {way_out}, or allow more with max_rejects "
        f"(now {max_rejects})"
    )


def allowed(max_rejects: int | float, read: int) -> float:
    """Return how many of the rows read may be unreadable."""
    return max_rejects if max_rejects >= 1 else max_rejects * read


def _known(con: duckdb.DuckDBPyConnection, source: Source, hashes: list[str]) -> int | None:
    """Return the crawl that loaded the same thing before, if any."""
    if not hashes:
        return None
    rows = con.sql(
        "SELECT crawl_id FROM crawl WHERE fingerprint = ?",
        params=[load_fingerprint(source, hashes)],
    ).fetchall()
    return int(rows[0][0]) if rows else None


def _loaded_like_this(con: duckdb.DuckDBPyConnection, source: Source) -> bool:
    """Tell whether a source with these settings was loaded before, maybe this very file."""
    found = con.sql(
        "SELECT 1 FROM crawl WHERE source = $1 AND parameters = $2 LIMIT 1",
        params=[source.name, json.dumps(source.parameters(), sort_keys=True)],
    ).fetchall()
    return bool(found)


def load_fingerprint(source: Source, hashes: list[str]) -> str:
    """Return what identifies a load: source, parameters, hashes of its files, and the reader."""
    text = json.dumps([source.name, source.parameters(), hashes, READER], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file: of a large one, what `fetch` wrote down when it checked it."""
    return _passed(path).sha256


def _passed(path: Path) -> Pass:
    try:
        if path.stat().st_size > SMALL and (known := _fetched_sha256(path)) is not None:
            return Pass(known)
        return pass_over(path)
    except OSError as error:
        raise InputError(
            f"cannot read the file: {error.strerror}", file=path, fix="check the path"
        ) from error


def _fetched_sha256(path: Path) -> str | None:
    sidecar = path.with_name(path.name + ".toml")
    with suppress(OSError, tomllib.TOMLDecodeError):
        noted, file = sidecar.stat(), path.stat()
        about = tomllib.loads(sidecar.read_text(encoding="utf-8"))
        digest = about.get("sha256")
        # Raw files are never changed in place; one that was is newer or of another size.
        if (
            isinstance(digest, str)
            and about.get("bytes") == file.st_size
            and noted.st_mtime_ns >= file.st_mtime_ns
        ):
            return digest
    return None


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = con.sql(query).fetchall()[0]
    return row


def _staged(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counts = ", ".join(f"(SELECT count(*) FROM temp.stage_{table})" for table in TABLES)
    return dict(zip(TABLES, _one(con, f"SELECT {counts}"), strict=True))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
