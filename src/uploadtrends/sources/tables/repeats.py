"""Rows of a table that tell of the same work: repeats fold, a newer version wins.

The rules are those of the store between files (see `store.merge`). Of rows with the same work and
artist the newest stays: by `updated_at`, else by its place in the file. Of artists of the same work
those of an older version go with it; otherwise they share the work. A work id that two artists have
at two dates is no work of both: the rows after the first are rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uploadtrends.sources.moments import quote
from uploadtrends.sources.staging import tally

if TYPE_CHECKING:
    import duckdb

TWO_ARTISTS = "this work id has another artist and another date in an earlier row"
TOTALS = ("total", "totals", "grand total", "sum", "all", "gesamt", "summe", "somme", "合計")
A_TOTAL = "a row of totals: it counts all other artists of its period again"
TWO_COUNTS = "this artist and period has another count in an earlier row"


def settle_repeats(con: duckdb.DuckDBPyConnection, *, counts: bool, ids: bool) -> bool:
    """Delete from `parsed` what folds, and give a reason to what contradicts; count the folded.

    Returns
    -------
    bool
        Whether some work still has several rows, one an artist.
    """
    before, shared = _rows(con), False
    if counts:
        _settle_counts(con)
    elif ids and _repeated(con, "upload_id"):
        _settle_works(con)
        shared = _repeated(con, "upload_id")
    tally(con, "folded", before - _rows(con))
    return shared


def _rows(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.sql("SELECT count(*) FROM temp.parsed").fetchall()[0][0])


def _repeated(con: duckdb.DuckDBPyConnection, key: str) -> bool:
    # Counting hashes is cheaper than sorting, and a collision only makes us sort in vain.
    found = con.sql(
        f"SELECT count(*) - count(DISTINCT hash({key})) FROM temp.parsed WHERE reason IS NULL"
    ).fetchall()[0][0]
    return bool(found)


def _settle_counts(con: duckdb.DuckDBPyConnection) -> None:
    key = "artist_id, published_at, instrument"
    named = f"lower(artist_id) IN ({', '.join(quote(word) for word in TOTALS)})"
    if con.sql(f"SELECT bool_or({named}) FROM temp.parsed").fetchall()[0][0]:
        every = "sum(uploads) OVER (PARTITION BY published_at, instrument)"
        _reject(con, f"{named} AND uploads > 0 AND 2 * uploads = {every}", A_TOTAL)
    if not _repeated(con, f"({key})"):
        return
    same = f"PARTITION BY {key}, uploads"
    _fold(con, f"row_number() OVER ({same} ORDER BY position) > 1")
    _reject(con, f"row_number() OVER (PARTITION BY {key} ORDER BY position) > 1", TWO_COUNTS)


def _settle_works(con: duckdb.DuckDBPyConnection) -> None:
    newest = "ORDER BY updated_at DESC NULLS LAST, position DESC"
    _fold(con, f"row_number() OVER (PARTITION BY upload_id, artist_id {newest}) > 1")
    work = "OVER (PARTITION BY upload_id)"
    _fold(con, f"updated_at < max(updated_at) {work}")
    # A row without an artist adds nothing beside one that has some.
    _fold(con, f"artist_id IS NULL AND count(artist_id) {work} > 0")
    first = "first_value(published_at) OVER (PARTITION BY upload_id ORDER BY position)"
    _reject(con, f"published_at IS DISTINCT FROM {first}", TWO_ARTISTS)


def _fold(con: duckdb.DuckDBPyConnection, older: str) -> None:
    con.execute(
        "DELETE FROM temp.parsed WHERE position IN (SELECT position FROM "
        f"(SELECT position, {older} AS older FROM temp.parsed WHERE reason IS NULL) WHERE older)"
    )


def _reject(con: duckdb.DuckDBPyConnection, wrong: str, reason: str) -> None:
    con.execute(
        "UPDATE temp.parsed SET reason = ?, excerpt = concat_ws(',', upload_id, artist_id, "
        f"published_at) WHERE position IN (SELECT position FROM (SELECT position, {wrong} AS wrong "
        "FROM temp.parsed WHERE reason IS NULL) WHERE wrong)",
        [reason],
    )
