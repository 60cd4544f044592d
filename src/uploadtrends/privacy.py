"""Pseudonyms for whatever leaves the machine, and the way out for those who want to leave.

Handles stay in the local store and archive. `forget` takes a person out of both for good.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.archive import Archive, packed, unpacked, write_atomically
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sites import site_class
from uploadtrends.errors import InputError
from uploadtrends.pseudonyms import (
    Ledger,
    PersonKeys,
    default_key_path,
    load_key,
    prune,
    pseudonym,
)
from uploadtrends.store import open_store
from uploadtrends.store.loading import load_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from uploadtrends.store import Store

__all__ = ["ForgetReport", "default_key_path", "forget", "load_key", "pseudonym", "pseudonymised"]


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What `forget` removed, by name of hash only.

    Attributes
    ----------
    hash : str
        The keyed hash that stands for the person in the ledger.
    rows : dict of str to int
        Rows removed from the store, by table.
    segments : dict of str to str
        Rewritten archive files and their new sha256.
    files : tuple of str
        Samples and plans that were rewritten.
    unreachable : tuple of str
        Exports on this machine that were made before and may name or count the person.
    """

    platform: str
    hash: str
    rows: dict[str, int]
    segments: dict[str, str]
    files: tuple[str, ...]
    unreachable: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say in plain words what was done, and what remains to be done by hand."""
        rows = ", ".join(f"{n:,} {table} rows" for table, n in self.rows.items() if n)
        lines = [
            f"Forgotten on {self.platform}: {rows or 'no rows'} from the store, "
            f"{len(self.segments)} archive files and {len(self.files)} lists rewritten. Later "
            f"crawls leave this person out (hash {self.hash})."
        ]
        if self.unreachable:
            lines.append("Made before, and not changed; make them again or delete them:")
            lines += [f"  {name}" for name in self.unreachable]
        lines.append("Copies elsewhere (colleagues, backups, publications) cannot be reached.")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def pseudonymised(frame: Any, key: bytes) -> Any:
    """Return a polars frame with pseudonyms for `artist_id`, no handles, and days for times.

    Parameters
    ----------
    frame : polars.DataFrame
        With columns platform and artist_id if it is about artists.
    key : bytes
        From `load_key`.
    """
    import polars as pl

    if "artist_id" in frame.columns:
        if "platform" not in frame.columns:
            raise InputError("pseudonyms need the platform beside the artist", column="platform")
        people = frame.select("platform", "artist_id").unique()
        names = [pseudonym(key, *row) for row in people.iter_rows()]
        people = people.with_columns(pseudonym=pl.Series(names, dtype=pl.String))
        frame = (
            frame.join(people, on=["platform", "artist_id"], how="left", maintain_order="left")
            .with_columns(artist_id=pl.col("pseudonym"))
            .drop("pseudonym")
        )
    if "handle" in frame.columns:
        frame = frame.drop("handle")
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(times).dt.date())


def forget(
    platform: str,
    handle: str,
    *,
    raw: str | Path = "data/raw",
    store: str | Path | None = None,
    derived: str | Path = "data/derived",
    key_file: str | Path | None = None,
) -> ForgetReport:
    """Remove an artist from archive, samples, store and rejects, and leave them out from now on.

    Parameters
    ----------
    platform : str
        artstation, deviantart or danbooru.
    handle : str
        Handle or artist id.
    raw : path
        Folder of the archives.
    store : path, optional
        The DuckDB file; it is rewritten whole, since a database keeps deleted rows' bytes.
    derived : path
        Folder of exports, which are named in the report and not touched.
    key_file : path, optional
        Key of the hashes; see `load_key`.

    Raises
    ------
    InputError
        For an unknown platform or an empty name.
    StoreLockedError
        Another process has the store open; nothing has been changed then.
    """
    people = site_class(platform).people
    if not handle.strip():
        raise InputError("whom to forget? The handle is empty")
    root = Path(raw)
    names = {handle.strip().lower()}
    database = Path(store) if store is not None and Path(store).exists() else None
    rows: dict[str, int] = {}
    if database is not None:
        with open_store(database, read_only=False) as opened:
            names |= _names_in_store(opened, platform, handle)
            names |= _names_in_plans(root / platform, names)
            rows = _clean_store(opened, platform, names)
    else:
        names |= _names_in_plans(root / platform, names)
    stamp = Ledger(root, key_file).add(platform, sorted(names))
    test = Ledger(root, key_file).test(platform)
    assert test is not None  # noqa: S101 (somebody has just been added)
    segments: dict[str, str] = {}
    for folder in sorted(path.parent for path in (root / platform).glob("*/crawl.json")):
        segments |= _clean_archive(folder, test, stamp, people)
    files = _clean_lists(root / platform, test)
    if database is not None:
        with open_store(database, read_only=False) as opened:
            _renew_hashes(opened, segments)
        _rewrite_database(database)
    return ForgetReport(platform, stamp, rows, segments, files, _exports(Path(derived)))


def _names_in_store(store: Store, platform: str, handle: str) -> set[str]:
    found = store.sql(
        "SELECT artist_id, handle FROM artist WHERE platform = $platform "
        "AND (lower(handle) = lower($name) OR lower(artist_id) = lower($name))",
        {"platform": platform, "name": handle.strip()},
    ).fetchall()
    return {str(name).lower() for row in found for name in row if name}


def _names_in_plans(root: Path, names: set[str]) -> set[str]:
    """Return the ids that go with the handles, and the other way round, from crawls and samples."""
    found: set[str] = set()
    for path in root.glob("*/crawl.json"):
        for row in json.loads(path.read_text("utf-8")).get("targets", []):
            pair = {str(row[name]).lower() for name in ("artist_id", "handle") if row.get(name)}
            found |= pair if pair & names else set()
    for path in root.glob("samples/*.csv"):
        for row in csv.DictReader(io.StringIO(path.read_text("utf-8"))):
            pair = {row[name].lower() for name in ("artist_id", "handle") if row.get(name)}
            found |= pair if pair & names else set()
    return found


def _clean_archive(
    folder: Path, test: Callable[[str], bool], stamp: str, people: PersonKeys
) -> dict[str, str]:
    removed = 0

    def change(entry: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal removed
        if entry["subject"] and test(entry["subject"]):
            removed += 1
            return None
        body = unpacked(entry)
        kept = prune(body, test, people)
        if kept == body:
            return entry
        bare = {name: value for name, value in entry.items() if name not in ("body", "base64")}
        return bare | packed(kept)

    with Archive(folder, write=True) as archive:
        changed = archive.rewrite(change)
        plan = archive.read_plan()
        targets = plan.get("targets", [])
        kept = [row for row in targets if not (test(row["handle"]) or test(row["artist_id"]))]
        if len(kept) < len(targets):
            archive.write_plan(plan | {"targets": kept})
    if changed:
        tombstone = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "forgotten": stamp,
            "answers_removed": removed,
            "sha256": changed,
        }
        with (folder / "tombstones.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(tombstone) + "\n")
    return {str(folder / name): digest for name, digest in changed.items()}


def _clean_lists(root: Path, test: Callable[[str], bool]) -> tuple[str, ...]:
    changed: list[str] = []
    for path in sorted(root.glob("samples/*.csv")):
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8")))
        rows = list(reader)
        kept = [row for row in rows if not (test(row["handle"]) or test(row["artist_id"]))]
        if len(kept) < len(rows):
            out = io.StringIO()
            writer = csv.DictWriter(out, reader.fieldnames or [], lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
            write_atomically(path, out.getvalue().encode())
            changed.append(str(path))
    return tuple(changed)


def _clean_store(store: Store, platform: str, names: set[str]) -> dict[str, int]:
    con = store.connection
    given = {"platform": platform, "names": sorted(names)}
    mine = "platform = $platform AND list_contains($names, lower(artist_id))"
    rows: dict[str, int] = {}
    con.execute("BEGIN")
    try:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE leaving AS SELECT DISTINCT platform, upload_id "
            f"FROM credit WHERE {mine}",
            given,
        )
        rows["credit"] = _deleted(con, f"DELETE FROM credit WHERE {mine}", given)
        rows["upload"] = _deleted(
            con,
            "DELETE FROM upload USING (FROM leaving ANTI JOIN credit USING (platform, upload_id)) "
            "gone WHERE upload.platform = gone.platform AND upload.upload_id = gone.upload_id",
        )
        rows["sighting"] = _deleted(con, f"DELETE FROM sighting WHERE {mine}", given)
        rows["artist"] = _deleted(
            con,
            f"DELETE FROM artist WHERE {mine} OR (platform = $platform "
            "AND list_contains($names, lower(handle)))",
            given,
        )
        rows["reject"] = sum(
            _deleted(
                con,
                "DELETE FROM reject WHERE contains(lower(position), $name) "
                "OR contains(lower(excerpt), $name) OR contains(lower(reason), $name)",
                {"name": name},
            )
            for name in sorted(names)
        )
        con.execute("DROP TABLE temp.leaving")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return rows


def _renew_hashes(store: Store, segments: dict[str, str]) -> None:
    """Tell the crawls on record the new hashes of their files, so that they stay known."""
    crawls = store.sql("SELECT crawl_id, raw_path, raw_sha256 FROM crawl").fetchall()
    renewed = {Path(path).resolve(): digest for path, digest in segments.items()}
    for crawl_id, paths, old in crawls:
        files = [Path(path).resolve() for path in paths]
        new = [renewed.get(file, known) for file, known in zip(files, old, strict=True)]
        if new != old:
            source = ArchivedCrawl(Path(paths[0]).parent)
            store.connection.execute(
                "UPDATE crawl SET raw_sha256 = ?, fingerprint = ? WHERE crawl_id = ?",
                [new, load_fingerprint(source, new), crawl_id],
            )


def _deleted(con: Any, statement: str, given: dict[str, Any] | None = None) -> int:
    return int(con.execute(statement, given or {}).fetchone()[0])


def _rewrite_database(path: Path) -> None:
    """Copy the database into a new file that replaces it: deleted rows leave no bytes behind."""
    import duckdb

    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    con = duckdb.connect()
    try:
        con.execute(f"ATTACH '{_quoted(path)}' AS old (READ_ONLY)")
        con.execute(f"ATTACH '{_quoted(draft)}' AS fresh")
        con.execute("COPY FROM DATABASE old TO fresh")
    finally:
        con.close()
    draft.replace(path)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _exports(derived: Path) -> tuple[str, ...]:
    kinds = (".parquet", ".csv", ".html", ".json", ".svg", ".png", ".pdf", ".md", ".xlsx")
    return tuple(str(path) for path in sorted(derived.rglob("*")) if path.suffix in kinds)
