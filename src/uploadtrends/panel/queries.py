"""The panel in SQL: one definition, in the part of the language that DuckDB and Spark share.

Two queries do the work. `cells` turns works and credits into one row per artist and period with at
least one upload. `group_panel` turns those and the artists' time at risk into groups by period.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from uploadtrends.panel.seniority import Seniority
from uploadtrends.series.periods import precise_enough, sql_period


def text_list(values: Sequence[str]) -> str:
    """Return values as a SQL list of quoted texts."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _dated(period: str, moment: str) -> str:
    """Return the condition under which a work's date can be placed in one period."""
    half = {"day": 43200, "week": 302400, "month": 1314873, "quarter": 3944619}
    limit = half.get(period, 15778476)
    # A repost archive repeats the day of arrival where nothing better is known: that is no date
    # of publication.
    known = " AND coalesce(date_basis, '') <> 'arrival'" if moment == "published_at" else ""
    return (
        f"{moment} IS NOT NULL{known}"
        f" AND (date_precision IS NULL OR date_precision IN ({text_list(precise_enough(period))}))"
        f" AND (date_error_seconds IS NULL OR date_error_seconds <= {limit})"
    )


def _lane(split: Sequence[str]) -> str:
    """Return the label under which a work is counted: its platform, or platform/instrument."""
    if not split:
        return "platform"
    return (
        f"CASE WHEN platform IN ({text_list(split)}) AND instrument IS NOT NULL"
        " THEN platform || '/' || instrument ELSE platform END"
    )


def _works(period: str, moment: str, split: Sequence[str], platforms: Sequence[str] | None) -> str:
    where = _dated(period, moment)
    if platforms is not None:
        where += f" AND platform IN ({text_list(platforms)})"
    return (
        f"SELECT platform, upload_id, {_lane(split)} AS lane, {moment} AS moment, "
        f"{sql_period(period, moment)} AS period, media_count, ai_label, status, last_crawl, "
        f"date_precision FROM upload WHERE {where}"
    )


def lanes(period: str, moment: str, split: Sequence[str], platforms: Sequence[str] | None) -> str:
    """Return SQL for what each lane holds: first and last moment, whether dates are coarse."""
    return (
        "SELECT platform, lane, min(moment) AS first_at, max(moment) AS last_at, "
        "count(*) AS works, "
        "sum(CASE WHEN date_precision IN ('month', 'year') THEN 1 ELSE 0 END) AS coarse, "
        "sum(CASE WHEN status IN ('deleted', 'banned') THEN 1 ELSE 0 END) AS taken_down "
        f"FROM ({_works(period, moment, split, platforms)}) w GROUP BY platform, lane"
    )


_ARRIVED = "WHEN date_basis = 'arrival' THEN 'only the day of arrival is known (date=\"arrived\")' "


def unplaced(period: str, moment: str, platforms: Sequence[str] | None) -> str:
    """Return SQL for the credits that no period can hold, by reason."""
    where = f"NOT ({_dated(period, moment)})"
    if platforms is not None:
        where += f" AND u.platform IN ({text_list(platforms)})"
    return (
        f"SELECT u.platform AS lane, CASE WHEN {moment} IS NULL THEN 'no date' "
        f"{_ARRIVED if moment == 'published_at' else ''}"
        "WHEN date_error_seconds IS NOT NULL THEN 'date too uncertain' "
        "ELSE 'date too coarse' END AS reason, "
        "count(*) AS uploads FROM upload u LEFT JOIN credit c "
        f"ON u.platform = c.platform AND u.upload_id = c.upload_id WHERE {where} GROUP BY 1, 2"
    )


def cells(period: str, moment: str, lane: str, platform: str, *, revisited: bool) -> str:
    """Return SQL for one row per artist and period with uploads, of one lane.

    A work without a credit has a NULL artist_id. `delisted` counts works whose record says so, or
    that were missing from a later complete visit to the artist (`revisited`).
    """
    gone = "w.status IN ('deleted', 'banned')"
    visit = ""
    if revisited:
        gone += " OR w.last_crawl < v.crawl_id"
        visit = "LEFT JOIN last_visit v ON v.platform = c.platform AND v.artist_id = c.artist_id"
    instrument = lane[len(platform) + 1 :]
    only = f" AND instrument = {text_list([instrument])}" if instrument else ""
    return f"""
        SELECT c.artist_id, w.period,
               min(w.moment) AS first_at,
               count(*) AS uploads,
               sum(CAST(1 AS DOUBLE) / coalesce(c.n_artists, 1)) AS fractional_uploads,
               CAST(sum(coalesce(w.media_count, 1)) AS BIGINT) AS media,
               count(CASE WHEN w.ai_label THEN 1 END) AS ai_uploads,
               count(CASE WHEN w.ai_label IS NULL THEN 1 END) AS ai_unknown,
               count(CASE WHEN {gone} THEN 1 END) AS delisted
        FROM ({_works(period, moment, (), (platform,))}{only}) w
        LEFT JOIN credit c ON c.platform = w.platform AND c.upload_id = w.upload_id
        {visit}
        GROUP BY c.artist_id, w.period"""


def last_visit(statuses: str = "'ok', 'truncated', 'incomplete'") -> str:
    """Return SQL for the latest visit to each artist that gave a listing."""
    return f"""
        SELECT platform, artist_id, crawl_id, started_at, cut_off, n_visits FROM (
            SELECT s.platform, s.artist_id, s.crawl_id, k.started_at,
                   (coalesce(s.truncated, FALSE) OR NOT coalesce(s.complete, FALSE)) AS cut_off,
                   count(*) OVER (PARTITION BY s.platform, s.artist_id) AS n_visits,
                   row_number() OVER (PARTITION BY s.platform, s.artist_id
                                      ORDER BY s.crawl_id DESC) AS place
            FROM sighting s JOIN crawl k ON k.crawl_id = s.crawl_id
            WHERE s.status IN ({statuses})) ranked
        WHERE place = 1"""


_SUMS = (
    "uploads",
    "fractional_uploads",
    "media",
    "ai_uploads",
    "ai_unknown",
    "delisted",
)


def group_panel(rule: Seniority | None) -> str:
    """Return SQL for the groups by period, over tables `cell`, `span` and `calendar`.

    `span` has one row per lane and artist: artist (number), entered (the moment that the rule
    looks at) and its entered_period, entry_period, risk_start, risk_end, censored, weight.
    `calendar` has lane, period and, for a rule by period, cut_0, cut_1, ... The group "all" holds
    every artist, sorted or not; a group of NULL holds those that the rule leaves out.
    """
    fixed, moving = "nullif('', '')", "p.grp"
    if rule is not None and rule.by_period:
        moving = _rule_sql(rule, "p")
    elif rule is not None:
        fixed = _rule_sql(rule, "s")
    sums = ", ".join(f"sum(p.weight * c.{name}) AS {name}" for name in _SUMS)
    at_risk = "CASE WHEN c.period BETWEEN p.risk_start AND p.risk_end THEN p.weight ELSE 0 END"
    entrant = "CASE WHEN c.period = p.entry_period THEN p.weight ELSE 0 END"
    return f"""
        WITH people AS (SELECT s.*, {fixed} AS grp FROM span s),
        counted AS (
            SELECT lane, period, grp, GROUPING(grp) AS every, sum(active) AS active_artists,
                   sum(active_at_risk) AS active_at_risk, sum(entrants) AS entrants,
                   {", ".join(f"sum({name}) AS {name}" for name in _SUMS)}
            FROM (SELECT c.lane, c.period, {moving} AS grp, sum(p.weight) AS active,
                         sum({at_risk}) AS active_at_risk, sum({entrant}) AS entrants, {sums}
                  FROM cell c JOIN people p ON p.artist = c.artist
                  JOIN calendar k ON k.lane = c.lane AND k.period = c.period
                  GROUP BY 1, 2, 3) c
            GROUP BY GROUPING SETS ((lane, period), (lane, period, grp))),
        crowd AS (
            SELECT lane, grp, entered_period, censored, risk_start, risk_end,
                   sum(weight) AS artists
            FROM people GROUP BY lane, grp, entered_period, censored, risk_start, risk_end),
        exposed AS (
            SELECT lane, period, grp, GROUPING(grp) AS every, sum(artists) AS at_risk_artists
            FROM (SELECT p.lane, k.period, {moving} AS grp, p.artists
                  FROM crowd p JOIN calendar k
                  ON k.lane = p.lane AND k.period BETWEEN p.risk_start AND p.risk_end) r
            GROUP BY GROUPING SETS ((lane, period), (lane, period, grp)))
        SELECT coalesce(c.lane, e.lane) AS lane, coalesce(c.period, e.period) AS period,
               CASE WHEN coalesce(c.every, e.every) = 1 THEN 'all'
                    ELSE coalesce(c.grp, e.grp) END AS grp,
               coalesce(c.active_artists, 0) AS active_artists,
               coalesce(e.at_risk_artists, 0) AS at_risk_artists,
               coalesce(c.entrants, 0) AS entrants,
               coalesce(e.at_risk_artists, 0) - coalesce(c.active_at_risk, 0) AS silent,
               {", ".join(f"coalesce(c.{name}, 0) AS {name}" for name in _SUMS)}
        FROM counted c FULL OUTER JOIN exposed e
        ON c.lane = e.lane AND c.period = e.period AND c.every = e.every
           AND coalesce(c.grp, '') = coalesce(e.grp, '')"""


def _stamp(moment: dt.datetime) -> str:
    return f"TIMESTAMP '{moment.isoformat(' ')}'"


def artist_panel(rule: Seniority | None, count: str) -> str:
    """Return SQL for one row per artist and period at risk, over the tables of `group_panel`.

    Parameters
    ----------
    rule : Seniority or None
        Artists that it leaves out have no rows.
    count : str
        Which count is `uploads`: "uploads" or "fractional_uploads".
    """
    group = "'all'" if rule is None else _rule_sql(rule, "s")
    return f"""
        SELECT * FROM (
            SELECT s.lane, s.artist_id, {group} AS grp, k.period, s.entry_period, s.weight,
                   coalesce(c.{count}, 0) AS uploads, coalesce(c.media, 0) AS media,
                   coalesce(c.ai_uploads, 0) AS ai_uploads,
                   coalesce(c.ai_unknown, 0) AS ai_unknown
            FROM span s
            JOIN calendar k ON k.lane = s.lane AND k.period BETWEEN s.risk_start AND s.risk_end
            LEFT JOIN cell c ON c.artist = s.artist AND c.period = k.period) r
        WHERE grp IS NOT NULL"""


def _rule_sql(rule: Seniority, table: str) -> str:
    """Return the group of an artist, by a fixed date or by the period of the calendar `k`."""
    if rule.by_period:
        cuts = [f"k.cut_{i}" for i in range(len(rule.bands or ("one",)))]
        return rule.sql(f"{table}.entered_period", f"{table}.censored", "k.period", cuts)
    return fixed_rule_sql(rule, table)


def fixed_rule_sql(rule: Seniority, table: str) -> str:
    """Return SQL for the group of an artist in the span `table`, under a rule at a date."""
    thresholds = [_stamp(moment) for moment in rule.thresholds(rule.moment)]
    return rule.sql(f"{table}.entered", f"{table}.censored", _stamp(rule.moment), thresholds)
