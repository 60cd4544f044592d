"""From the parsed rows of a table to the stage tables: works, credits, artists."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from uploadtrends.sources.moments import quote
from uploadtrends.sources.reading.rows import SEPARATOR

if TYPE_CHECKING:
    import duckdb

_KEPT = ("published_at", "date_precision", "status", "instrument")
_OPTIONAL = {
    **{"arrived_at": "TIMESTAMP", "kind": "VARCHAR", "media_count": "INTEGER"},
    **{"is_mature": "BOOLEAN", "ai_label": "BOOLEAN"},
}
"""Columns that `parsed` has where the table has them; NULL elsewhere."""


def stage_works(
    con: duckdb.DuckDBPyConnection,
    *,
    platform: str,
    joined_basis: str,
    fields: Collection[str],
    shared: bool,
) -> None:
    """Fill the stage tables from `parsed`, whose rows are all good.

    `fields` are those that the table has; works are `shared` where `settle_repeats` says so.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW works AS {_works(fields)}")
    given = [*_KEPT, *(name for name in _OPTIONAL if name in fields)]
    columns = [f"arg_max({name}, position) AS {name}" if shared else name for name in given]
    columns += [
        f"CAST(NULL AS {kind}) AS {name}" for name, kind in _OPTIONAL.items() if name not in fields
    ]
    if shared:
        grouped, updated, without = " GROUP BY upload_id", "max(updated_at)", "count(artist_id) = 0"
    else:
        grouped, updated, without = "", "updated_at", "artist_id IS NULL"
    # A view, so that a wide table is not written twice; `settle_repeats` left one row a work.
    con.execute("DROP TABLE temp.stage_upload")
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW stage_upload AS SELECT {quote(platform)} AS platform, "
        "upload_id, published_at, 'published' AS date_basis, date_precision, "
        "CAST(NULL AS BIGINT) AS date_error_seconds, arrived_at, kind, media_count, is_mature, "
        "ai_label, CASE WHEN ai_label IS NULL THEN NULL ELSE 'as given' END AS ai_basis, status, "
        "instrument, unattributed, CAST(NULL AS VARCHAR) AS source_platform, "
        "CAST(NULL AS VARCHAR) AS source_key, updated_at "
        f"FROM (SELECT upload_id, {', '.join(columns)}, {updated} AS updated_at, "
        f"CASE WHEN {without} THEN 'none' END AS unattributed FROM temp.works{grouped})"
    )
    if "artist_id" in fields:
        _stage_credits(con, platform, shared=shared)
        _stage_artists(con, joined_basis, fields)


def _works(fields: Collection[str]) -> str:
    """Return the query with one row a work and artist."""
    if "uploads" in fields:
        key = "concat_ws(':', instrument, artist_id, CAST(CAST(published_at AS DATE) AS VARCHAR)"
        # Several counts of a day, each with its time: the numbers of its works go on.
        last = (
            "CAST(sum(uploads) OVER (PARTITION BY instrument, artist_id, CAST(published_at AS DATE)"
            " ORDER BY published_at) AS BIGINT)"
        )
        return (
            f"SELECT * REPLACE ({key}, CAST(copy AS VARCHAR)) AS upload_id) FROM "
            "(SELECT *, unnest(range(last - CAST(uploads AS BIGINT) + 1, last + 1)) AS copy "
            f"FROM (SELECT *, {last} AS last FROM temp.parsed))"
        )
    if "upload_id" in fields:
        return "SELECT * FROM temp.parsed"
    # Without ids, a work is known by its artist and date, and by how many came before it.
    return (
        "SELECT * REPLACE (md5(concat_ws(chr(31), instrument, artist_id, published_at, "
        "row_number() OVER (PARTITION BY instrument, artist_id, published_at ORDER BY position)"
        ")) AS upload_id) FROM temp.parsed"
    )


def _stage_credits(con: duckdb.DuckDBPyConnection, platform: str, *, shared: bool) -> None:
    mark = f"chr({ord(SEPARATOR)})"
    lists = con.sql(
        f"SELECT count(*) FROM temp.parsed WHERE contains(artist_id, {mark})"
    ).fetchall()[0][0]
    if not shared and not lists:
        con.execute(
            "INSERT INTO temp.stage_credit SELECT ?, upload_id, artist_id, 1 FROM temp.works "
            "WHERE artist_id IS NOT NULL",
            [platform],
        )
        return
    if not shared:  # `settle_lists` left every name once in a list
        con.execute(
            "INSERT INTO temp.stage_credit SELECT ?, upload_id, unnest(artists), len(artists) FROM "
            f"(SELECT upload_id, string_split(artist_id, {mark}) AS artists FROM temp.works "
            "WHERE artist_id IS NOT NULL)",
            [platform],
        )
        return
    con.execute(
        "INSERT INTO temp.stage_credit SELECT ?, upload_id, artist_id, "
        "count(*) OVER (PARTITION BY upload_id) FROM (SELECT DISTINCT upload_id, "
        f"unnest(string_split(artist_id, {mark})) AS artist_id FROM temp.works "
        "WHERE artist_id IS NOT NULL)",
        [platform],
    )


def _stage_artists(
    con: duckdb.DuckDBPyConnection, joined_basis: str, fields: Collection[str]
) -> None:
    if not {"handle", "joined_at"} & set(fields):
        con.execute(
            "INSERT INTO temp.stage_artist BY NAME SELECT DISTINCT platform, artist_id "
            "FROM temp.stage_credit"
        )
        return
    con.execute(
        "INSERT INTO temp.stage_artist BY NAME SELECT platform, c.artist_id, "
        "arg_max(p.handle, (coalesce(p.updated_at, p.published_at), p.position)) "
        "FILTER (p.handle IS NOT NULL) AS handle, min(p.joined_at) AS joined_at, "
        "CASE WHEN min(p.joined_at) IS NULL THEN NULL ELSE ? END AS joined_basis "
        "FROM (SELECT DISTINCT platform, artist_id FROM temp.stage_credit) c "
        "LEFT JOIN temp.parsed p ON p.artist_id = c.artist_id GROUP BY ALL",
        [joined_basis],
    )
