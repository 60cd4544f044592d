"""Under which names and ids a person stands in the data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.archive import Archive, read_plan, unpacked
from uploadtrends.pseudonyms import ANYWHERE, PersonKeys

if TYPE_CHECKING:
    import duckdb


def in_store(con: duckdb.DuckDBPyConnection, platform: str, names: set[str]) -> set[str]:
    """Return the ids that go with handles, and the other way round, as they are written."""
    found = con.execute(
        "SELECT artist_id, handle FROM artist WHERE platform = $platform "
        "AND (list_contains($names, lower(handle)) OR list_contains($names, lower(artist_id)))",
        {"platform": platform, "names": sorted(names)},
    ).fetchall()
    return {str(name) for row in found for name in row if name}


def in_lists(root: Path, names: set[str]) -> set[str]:
    """Return the same from the plans of crawls and from samples."""
    found: set[str] = set()
    for row in _rows(root):
        pair = {str(row[name]).lower() for name in ("artist_id", "handle") if row.get(name)}
        found |= pair if pair & names else set()
    return found


def _rows(root: Path) -> Iterator[dict[str, Any]]:
    for path in root.glob("*/crawl.json"):
        yield from read_plan(path).get("targets", [])
    for path in root.glob("samples/*.csv"):
        yield from csv.DictReader(io.StringIO(path.read_text("utf-8")))


def in_answers(archives: Iterable[Archive], names: set[str], people: PersonKeys) -> set[str]:
    """Return the same from the archived answers: what an object that names the person calls it."""
    keys = (ANYWHERE | people).objects
    found: set[str] = set()
    for archive in archives:
        for entry in archive.entries():
            body = unpacked(entry)
            lowered = body.lower()
            if any(name.encode() in lowered for name in names):
                found |= _named(body, names, keys)
    return found


def _named(body: bytes, names: set[str], keys: Any) -> set[str]:
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return set()
    found: set[str] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            called = {
                str(value[key]).lower()
                for mark, all_ in keys.items()
                if mark in value
                for key in all_
                if isinstance(value.get(key), str | int) and str(value[key])
            }
            found |= called if called & names else set()
    return found
