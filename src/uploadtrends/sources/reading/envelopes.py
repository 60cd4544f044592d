"""Where the records of a document lie: under which names, in what wrappings, by columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from uploadtrends.errors import InputError

RECORD_KEYS = ("id", "idNum", "created_at", "date", "title", "url", "published_at")
"""Keys of a record where nobody said which to expect: what has one of them is no envelope."""
ENVELOPES = (
    *("data", "items", "posts", "results", "illusts", "works", "projects", "contents", "records"),
    *("rows", "tweets", "images", "artworks", "uploads", "nodes", "body", "illustManga", "search"),
    *("illust", "thumbnails", "response", "deviations", "hits", "edges", "result", "children"),
    *("orderedItems", "entries", "feed", "tweet", "post", "node", "_source"),
)
"""Names under which lists of records lie, or single ones, nearest first."""
_COLLECTIONS = ("orderedItems", "entries")
"""Lists in an object with some fields of its own: an outbox of Mastodon, a playlist."""
_DEPTH = 5
_BESIDE = ("novels", "novel")
"""What pixiv gives beside pictures."""


def records_in(value: Any, wanted: Collection[str]) -> list[Any] | None:
    """Return the records that a value holds, in whatever envelope, or None where it is one."""
    found = envelope(value, wanted)
    return found if found is not None else turned(value, wanted)


def envelope(value: Any, wanted: Collection[str], depth: int = _DEPTH) -> list[Any] | None:
    """Return the records in an envelope, or None for what is none.

    Raises
    ------
    InputError
        Two lists in it hold records alike.
    """
    if not isinstance(value, dict) or not depth:
        return None
    if value and all(name.isdigit() for name in value) and (works := listed(value)):
        return works if n_wanted(works[0], wanted) else None
    own = n_wanted(value, wanted)
    filled = sum(value.get(key) is not None for key in set(wanted))
    for key in _COLLECTIONS:
        if (works := listed(value.get(key))) and n_wanted(works[0], wanted) > filled:
            return works
    # A record may lack some of its keys; those of an envelope tell of an object.
    bare = all(isinstance(value[key], dict | list) for key in wanted if key in value)
    lists = {key: found for key, one in value.items() if (found := listed(one)) is not None}
    known = [key for key in ENVELOPES if key in lists]
    strange = [key for key in lists if key not in ENVELOPES and n_wanted(lists[key][0], wanted)]
    held = {key: n_wanted(lists[key][0], wanted) for key in (*known, *strange)}
    if held and (own == 0 or (bare and 2 * own < max(held.values()))):
        best = max(held, key=lambda key: held[key])  # the first of equals
        others = [
            key
            for key, n in held.items()
            if key != best and n == held[best] > 1 and key not in _BESIDE
        ]
        if others and wanted is not RECORD_KEYS:
            raise InputError(
                f"two lists hold records: '{best}' and '{others[0]}'",
                fix="save the one that you mean in a file of its own",
            )
        return _opened(lists[best], wanted)
    if own and bare:  # a path may lead through names that the wrappings have, too
        deeper = (envelope(value[key], wanted, 1) for key in wanted if key in value)
        return next((works for works in deeper if works), None)
    if own:
        return None
    inside = sorted(value, key=lambda key: ENVELOPES.index(key) if key in ENVELOPES else 99)
    for key in inside:
        if (inner := envelope(value[key], wanted, depth - 1)) is not None:
            return inner
    for key in ENVELOPES:
        one = value.get(key)
        if isinstance(one, dict) and n_wanted(one, wanted):
            return [one]  # an answer about one work
        if one == [] and not value.get("error"):
            return []  # the last page
    works = list(value.values())  # by ids of letters
    return works if len(works) > 1 and min(n_wanted(one, wanted) for one in works) > 1 else None


def _opened(works: list[Any], wanted: Collection[str]) -> list[Any]:
    """Take works out of what each of them is wrapped in: ``{"kind": "t3", "data": {...}}``."""
    if n_wanted(works[0], wanted):
        return works
    inside = [envelope(work, wanted, 2) for work in works]
    return [one for work, found in zip(works, inside, strict=True) for one in found or [work]]


def message_of(value: Any) -> dict[str, Any] | None:
    """Return the work in a message of gallery-dl (``-j``): ``[3, address, {...}]``, or None."""
    if isinstance(value, list) and len(value) in (2, 3) and value[0] in (2, 3):
        return value[-1] if isinstance(value[-1], dict) else None
    return None


def n_wanted(value: Any, wanted: Collection[str]) -> int:
    """Count the wanted keys that a value has."""
    return sum(key in value for key in set(wanted)) if isinstance(value, dict) else 0


def listed(value: Any) -> list[Any] | None:
    """Return a list of objects, or works by their ids as one; None for anything else."""
    if isinstance(value, dict) and value and all(name.isdigit() for name in value):
        value = list(value.values())
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value[:5]):
        return value
    return None


def turned(value: Any, wanted: Collection[str]) -> list[dict[str, Any]] | None:
    """Return the rows of a table that lies in JSON by columns, or as `columns` and `data`.

    These are what pandas writes: ``{"id": {"0": 1, "1": 2}, ...}`` by default, lists in the place
    of the inner objects (``orient="list"``), or names and rows apart (``orient="split"``).
    """
    if not isinstance(value, dict):
        return None
    names, data = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(data, list) and data:
        if any(name in wanted for name in names) and all(isinstance(row, list) for row in data):
            return [dict(zip(names, row, strict=False)) for row in data]
        return None
    here = [value[key] for key in wanted if key in value]
    if len(here) < 2:
        return None
    if all(isinstance(column, dict) and column.keys() == here[0].keys() for column in here):
        if not all(key.isdigit() for key in here[0]):
            return None
        alike = {k: v for k, v in value.items() if isinstance(v, dict) and len(v) == len(here[0])}
        return [{name: column.get(row) for name, column in alike.items()} for row in here[0]]
    if all(isinstance(column, list) and len(column) == len(here[0]) > 1 for column in here):
        full = {k: v for k, v in value.items() if isinstance(v, list) and len(v) == len(here[0])}
        return [dict(zip(full, cells, strict=True)) for cells in zip(*full.values(), strict=True)]
    return None
