"""Dates that only the whole store can give: between neighbours, and from other platforms.

What is written here is a function of the rows of the store alone, whatever the order in which they
were loaded; it runs at the end of every load that brought reposts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import polars as pl

LONGEST_GAP_DAYS = 62
"""A pixiv id between neighbours further apart than this is not dated."""

# pixiv ids rise with creation; a later revision of the image only moves the date in its path
# forward. The earliest date at or above an id is therefore a hard upper bound of its creation, and
# the curve of these bounds never falls.
_ANCHORS = """
CREATE OR REPLACE TEMP TABLE pixiv_anchor AS
SELECT id, min(dated) OVER (ORDER BY id DESC ROWS UNBOUNDED PRECEDING) AS dated
FROM (SELECT try_cast(source_key AS BIGINT) AS id, min(published_at) AS dated FROM upload
      WHERE source_platform = 'pixiv' AND date_basis = 'source_url' GROUP BY id)
WHERE id IS NOT NULL
"""

_BETWEEN = """
CREATE OR REPLACE TEMP TABLE redated AS
WITH undated AS (
    SELECT platform, upload_id, arrived_at, try_cast(source_key AS BIGINT) AS id FROM upload
    WHERE source_platform = 'pixiv' AND date_basis IN ('arrival', 'interpolated')
      AND try_cast(source_key AS BIGINT) IS NOT NULL),
below AS (
    SELECT u.*, a.id AS low_id, a.dated AS low FROM undated u
    ASOF LEFT JOIN temp.pixiv_anchor a ON u.id >= a.id),
around AS (
    SELECT b.*, a.id AS high_id, a.dated AS high FROM below b
    ASOF LEFT JOIN temp.pixiv_anchor a ON b.id <= a.id),
estimated AS (
    SELECT *, epoch_us(high) - epoch_us(low) AS gap,
        least(arrived_at, make_timestamp(epoch_us(low) + CASE WHEN high_id > low_id THEN
            CAST((epoch_us(high) - epoch_us(low)) * ((id - low_id) / (high_id - low_id)) AS BIGINT)
            ELSE 0 END)) AS estimate
    FROM around)
SELECT platform, upload_id, arrived_at,
    CASE WHEN gap <= $longest AND low <= arrived_at THEN estimate END AS estimate,
    CAST(ceil(gap / 2e6) AS BIGINT) AS error
FROM estimated
"""

_WRITE = """
UPDATE upload SET published_at = r.published_at, date_basis = r.date_basis,
    date_precision = r.date_precision, date_error_seconds = r.error
FROM (SELECT platform, upload_id, coalesce(estimate, arrived_at) AS published_at,
    CASE WHEN estimate IS NULL THEN 'arrival' ELSE 'interpolated' END AS date_basis,
    CASE WHEN estimate IS NULL OR error <= 1 THEN 'second' WHEN error <= 60 THEN 'minute'
        WHEN error <= 86400 THEN 'day' ELSE 'month' END AS date_precision,
    CASE WHEN estimate IS NOT NULL THEN error END AS error FROM temp.redated) r
WHERE upload.platform = r.platform AND upload.upload_id = r.upload_id
    AND (upload.published_at IS DISTINCT FROM r.published_at
        OR upload.date_basis IS DISTINCT FROM r.date_basis
        OR upload.date_error_seconds IS DISTINCT FROM r.error)
"""

_FROM_OTHER_PLATFORM = """
UPDATE upload SET published_at = original.published_at, date_basis = 'source_url',
    date_precision = original.date_precision, date_error_seconds = NULL
FROM (SELECT platform, upload_id, published_at, date_precision FROM upload
      WHERE date_basis = 'published' AND published_at IS NOT NULL) original
WHERE upload.source_platform = original.platform AND upload.source_key = original.upload_id
    AND (upload.published_at IS DISTINCT FROM original.published_at
        OR upload.date_basis IN ('arrival', 'interpolated'))
    AND original.published_at <= upload.arrived_at + INTERVAL 1 HOUR
"""


def redate(con: duckdb.DuckDBPyConnection) -> int:
    """Date reposts between their neighbours and from their originals; return rows changed.

    Call it inside a transaction.

    Notes
    -----
    A work known by its pixiv id alone is put on the line between the next lower and the next higher
    id with a date, when these are at most 62 days apart. `date_error_seconds` is half their
    distance: the date is never later than the upper neighbour's; it can be earlier than the lower
    one's only where that image was revised.
    """
    reposts = con.sql(
        "SELECT count(*) FILTER (source_platform = 'pixiv'), count(*) FROM upload "
        "WHERE source_platform IS NOT NULL"
    ).fetchall()[0]
    # Originals first: what they date is an anchor for the others, now as at the next load.
    changed = _rows(con, _FROM_OTHER_PLATFORM) if reposts[1] else 0
    if reposts[0]:
        con.execute(_ANCHORS)
        con.execute(_BETWEEN, {"longest": LONGEST_GAP_DAYS * 86_400_000_000})
        changed += _rows(con, _WRITE)
    return changed


def _rows(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    written = con.execute(statement).fetchone()
    return int(written[0]) if written else 0


def repost_lags(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return, by platform and origin, how many reposts carry the artist's own date, and how late.

    Returns
    -------
    polars.DataFrame
        Columns platform, source_platform (null: none that is known), date_basis, uploads, share (of
        the platform's reposts), and the lag from publication to arrival in hours: lag_p10,
        lag_median, lag_p90, lag_p99 (null for date_basis "arrival").
    """
    lag = "CASE WHEN date_basis <> 'arrival' THEN date_diff('second', published_at, arrived_at) END"
    quantiles = ", ".join(
        f"quantile_cont({lag}, {share}) / 3600 AS {label}"
        for share, label in (
            *((0.1, "lag_p10"), (0.5, "lag_median")),
            *((0.9, "lag_p90"), (0.99, "lag_p99")),
        )
    )
    frame: pl.DataFrame = con.sql(
        "SELECT platform, source_platform, date_basis, count(*) AS uploads, "
        "count(*) / sum(count(*)) OVER (PARTITION BY platform) AS share, "
        f"{quantiles} FROM upload WHERE arrived_at IS NOT NULL "
        "GROUP BY platform, source_platform, date_basis ORDER BY platform, uploads DESC"
    ).pl()
    return frame
