"""Works that are no longer listed: what two or more crawls of the same artists can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import duckdb


class Queryable(Protocol):
    """A store, as far as it is needed here."""

    def sql(self, query: str, params: Any = None) -> duckdb.DuckDBPyRelation:
        """Run a query."""
        ...


# A visit says something about every work seen before it when it went through the whole history,
# or when it found the account gone. Feeds and saved pages show excerpts and say nothing.
# A crawl that was loaded before it was finished and again afterwards is one crawl.
_WORKS = """
WITH one_crawl AS (
    SELECT crawl_id, max(crawl_id) OVER (PARTITION BY source,
        coalesce(json_extract_string(parameters, '$.crawl'), CAST(crawl_id AS VARCHAR))) AS asked_in
    FROM crawl),
visit AS (
    SELECT platform, artist_id, asked_in, complete,
        status IN ('not_found', 'inactive') AS gone
    FROM sighting JOIN one_crawl USING (crawl_id)),
last_visit AS (
    SELECT platform, artist_id, max(asked_in) AS asked_in, arg_max(gone, asked_in) AS gone
    FROM visit WHERE complete OR gone GROUP BY ALL),
first_visit AS (SELECT platform, artist_id, min(asked_in) AS asked_in FROM visit GROUP BY ALL),
seen AS (
    SELECT u.*, f.asked_in AS first_seen, l.asked_in AS last_seen FROM upload u
    JOIN one_crawl f ON u.first_crawl = f.crawl_id JOIN one_crawl l ON u.last_crawl = l.crawl_id)
SELECT u.platform, c.artist_id, u.upload_id, u.published_at, u.first_seen, u.last_seen,
    l.asked_in, u.last_seen < l.asked_in AND NOT l.gone AS missing,
    u.last_seen < l.asked_in AND l.gone AS account_gone,
    u.last_seen >= l.asked_in AND u.status IN ('deleted', 'banned') AS marked
FROM seen u JOIN credit c USING (platform, upload_id)
    JOIN last_visit l USING (platform, artist_id)
    JOIN first_visit f USING (platform, artist_id)
WHERE f.asked_in < l.asked_in AND u.first_seen < l.asked_in
    AND coalesce(u.instrument, '') NOT IN ('rss', 'saved page')
"""

_PERIODS = ("day", "week", "month", "quarter", "year")


def delisted(
    store: Queryable,
    *,
    period: str = "month",
    groups: pl.DataFrame | None = None,
    platforms: tuple[str, ...] | None = None,
) -> pl.DataFrame:
    """Count works that an earlier crawl saw and the latest visit to their artist did not.

    Why a work is gone (deleted, hidden, or the artist left) the data cannot tell, except that the
    artist's account was no longer found. Artists visited only once, or whose latest visit did not
    get through the history, are left out.

    Parameters
    ----------
    store : Store
        With the sightings of two or more crawls.
    period : {"day", "week", "month", "quarter", "year"}
        Of the publication of the works.
    groups : polars.DataFrame, optional
        Columns platform, artist_id, group (for example seniority). Default: one group, "all".
    platforms : tuple of str, optional
        Default: all.

    Returns
    -------
    polars.DataFrame
        platform, group, period (start; null where the date is unknown), n_works (seen before),
        n_missing (no longer listed, artist still there), n_account_gone (artist no longer there),
        n_marked (listed, but marked deleted or banned), share (of the three in n_works).
    """
    if period not in _PERIODS:
        raise InputError("not a period", value=period, fix=f"one of {', '.join(_PERIODS)}")
    works = store.sql(_WORKS).pl()
    if platforms is not None:
        works = works.filter(pl.col("platform").is_in(list(platforms)))
    if groups is None:
        works = works.with_columns(group=pl.lit("all"))
    else:
        works = works.join(
            groups.select("platform", "artist_id", "group"), on=["platform", "artist_id"]
        )
    unit = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}[period]
    # A work of several artists counts once in each of their groups.
    distinct = works.unique(["platform", "group", "upload_id"])
    counted: pl.DataFrame = (
        distinct.with_columns(period=pl.col("published_at").dt.truncate(unit).cast(pl.Date))
        .group_by("platform", "group", "period")
        .agg(
            n_works=pl.len(),
            n_missing=pl.col("missing").sum(),
            n_account_gone=pl.col("account_gone").sum(),
            n_marked=pl.col("marked").sum(),
        )
        .with_columns(
            share=(pl.col("n_missing") + pl.col("n_account_gone") + pl.col("n_marked"))
            / pl.col("n_works")
        )
        .sort("platform", "group", "period")
    )
    return counted


def delisted_works(store: Queryable) -> pl.DataFrame:
    """Return the works themselves, one row a work and artist, for those who look closer.

    Returns
    -------
    polars.DataFrame
        platform, artist_id, upload_id, published_at, first_seen, last_seen (crawls), asked_in
        (crawl of the latest visit), missing, account_gone, marked; only rows where one is true.
    """
    works: pl.DataFrame = store.sql(_WORKS).pl()
    return works.filter(pl.col("missing") | pl.col("account_gone") | pl.col("marked")).sort(
        "platform", "artist_id", "upload_id"
    )
