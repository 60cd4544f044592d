"""What an export gives away, and the folder it stands in."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import quote

if TYPE_CHECKING:
    import duckdb

MANIFEST = "export.json"


def read_manifest(file: Path) -> dict[str, Any]:
    """Read what an export says about itself.

    Raises
    ------
    InputError
        When it is damaged.
    """
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(manifest["rows"], dict):
            raise TypeError("rows")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"what an export says about itself cannot be read ({type(error).__name__})",
            file=file,
            fix="export again into another folder",
        ) from None
    return dict(manifest)


def unique_artists(con: duckdb.DuckDBPyConnection, folder: Path) -> list[dict[str, Any]]:
    """Count, by platform, the artists whom nobody shares the dates with.

    Returns
    -------
    list of dict
        platform, artists, by_first_and_last (date), by_all_dates.
    """
    if not all(list(folder.glob(f"{table}/**/*.parquet")) for table in ("upload", "credit")):
        return []
    works, credits = (
        f"read_parquet({quote(f'{folder}/{table}/**/*.parquet')}, hive_partitioning=false)"
        for table in ("upload", "credit")
    )
    rows = con.execute(
        "WITH person AS (SELECT c.platform, c.artist_id, min(d) AS low, max(d) AS high, "
        "sum(hash(d)::HUGEINT) AS dates FROM (SELECT platform, upload_id, "
        f"coalesce(arrived_at, published_at) AS d FROM {works}) u JOIN {credits} c "
        "USING (platform, upload_id) GROUP BY ALL), "
        "alike AS (SELECT platform, count(*) OVER (PARTITION BY platform, low, high) AS ends, "
        "count(*) OVER (PARTITION BY platform, dates) AS whole FROM person) "
        "SELECT platform, count(*), count(*) FILTER (ends = 1), count(*) FILTER (whole = 1) "
        "FROM alike GROUP BY platform ORDER BY platform"
    ).fetchall()
    names = ("platform", "artists", "by_first_and_last", "by_all_dates")
    return [dict(zip(names, row, strict=True)) for row in rows]


def written_before(folder: Path) -> list[Path]:
    """Return the files of an earlier export in this folder.

    Raises
    ------
    InputError
        The folder holds anything else: it is never deleted.
    """
    if not folder.exists():
        return []
    manifest = folder / MANIFEST
    there = [path for path in folder.rglob("*") if not path.is_dir()] if folder.is_dir() else []
    ours: set[Path] = set()
    if manifest.is_file():
        named = read_manifest(manifest).get("files")
        # Exports of 0.1 do not say what they wrote.
        ours = {folder / name for name in named} if named else {*folder.glob("*/*/*.parquet")}
        ours.add(manifest)
    others = [path for path in there if path not in ours]
    if others or not folder.is_dir():
        raise InputError(
            "the folder holds other things" if folder.is_dir() else "this is no folder",
            file=folder,
            value=others[0].relative_to(folder).as_posix() if others else None,
            fix="name a new or empty folder, or move them away",
        )
    return sorted(ours)


def swap(growing: Path, folder: Path) -> None:
    """Put a finished export in the place of an earlier one."""
    before = written_before(folder)
    away = folder.with_name(f".{folder.name}.replaced-{os.getpid()}")
    if folder.exists():
        folder.replace(away)
    try:
        growing.replace(folder)
    except OSError:
        if away.exists():
            away.replace(folder)
        raise
    if away.exists():
        _remove(away, [away / path.relative_to(folder) for path in before])


def _remove(folder: Path, files: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for path in sorted((one for one in folder.rglob("*") if one.is_dir()), reverse=True):
        path.rmdir()
    folder.rmdir()


def remove_abandoned(folder: Path) -> None:
    """Clear up after exports that were killed: put back what was moved, drop what was half done."""
    for away in folder.parent.glob(f".{folder.name}.replaced-*"):
        if _alive(away):
            continue
        if folder.exists():
            shutil.rmtree(away, ignore_errors=True)
        else:
            away.replace(folder)
    for growing in folder.parent.glob(f".{folder.name}.growing-*"):
        if not _alive(growing):
            shutil.rmtree(growing, ignore_errors=True)


def _alive(path: Path) -> bool:
    number = path.name.rpartition("-")[2]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return int(number) != os.getpid()
