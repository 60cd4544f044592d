"""What is counted, in SQL: one definition for every engine, in DuckDB's words.

`names` numbers the artists, `counted` turns works and credits into one row per artist and period
with at least one upload, and `spans` says when each artist was at risk. `groups_sql` turns those
into groups by period and into the artist panel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from uploadtrends.panel.seniority import Duration
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


def _works(
    period: str,
    moment: str,
    split: Sequence[str],
    platforms: Sequence[str] | None,
    *,
    placed: bool = False,
) -> str:
    where = "TRUE" if placed else _dated(period, moment)
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
        "sum(CASE WHEN status IN ('deleted', 'banned') THEN 1 ELSE 0 END) AS taken_down, "
        "count(ai_label) AS labels, count(CASE WHEN media_count <> 1 THEN 1 END) AS media "
        f"FROM ({_works(period, moment, split, platforms)}) w GROUP BY platform, lane"
    )


def shared() -> str:
    """Return SQL for the platforms on which artists share works."""
    return "SELECT DISTINCT platform FROM credit WHERE n_artists <> 1"


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


def names(number: str, platforms: Sequence[str] | None) -> str:
    """Return SQL that gives every artist with a credit a number, in the order of names."""
    where = "" if platforms is None else f" WHERE platform IN ({text_list(platforms)})"
    return (
        f"SELECT CAST({number} AS BIGINT) AS artist, d.platform, d.artist_id FROM (SELECT DISTINCT "
        f"platform, artist_id FROM credit{where} ORDER BY platform, artist_id) d"
    )


COUNTS = ("uploads", "fractional_uploads", "media", "ai_uploads", "ai_unknown", "delisted")


def counted(
    period: str,
    moment: str,
    lane: str,
    platform: str,
    *,
    shift: int,
    split: bool,
    revisited: bool,
    placed: bool,
    absent: Collection[str],
) -> str:
    """Return SQL for one row per artist (a number) and period with uploads, of one lane.

    A query a lane keeps the grouping narrow, and numbers keep what follows fast. A work without a
    credit has a NULL artist.

    Parameters
    ----------
    period, moment, lane, platform : str
        What is counted.
    shift : int
        Added to the numbers of `name`, so that an artist has another one in every lane.
    split : bool
        The platform has a lane an instrument.
    revisited : bool
        `delisted` counts works whose record says so; with this also those that were missing from
        a later complete visit to the artist (`last_visit`).
    placed : bool
        The date of every work on the platform can be placed in a period.
    absent : collection of str
        Counts that are known without looking at single works: nobody shares a work, or none has a
        label, is of several media, was taken down. Each aggregate takes as long as all of a join.
    """
    gone = "w.status IN ('deleted', 'banned')"
    visit, visited = "", ""
    if revisited:
        gone += " OR w.last_crawl < c.visit"
        visited = ", CASE WHEN NOT v.cut_off THEN v.crawl_id END AS visit"
        visit = "LEFT JOIN last_visit v ON v.platform = c.platform AND v.artist_id = c.artist_id"
    only = ""
    if split:
        instrument = lane[len(platform) + 1 :]
        held = f"= {text_list([instrument])}" if instrument else "IS NULL"
        only = f" AND instrument {held}"
    none = "CAST(0 AS BIGINT)"
    known = {
        "fractional_uploads": (
            "sum(CAST(1 AS DOUBLE) / coalesce(c.n_artists, 1))",
            "CAST(count(*) AS DOUBLE)",
        ),
        "media": ("CAST(sum(coalesce(w.media_count, 1)) AS BIGINT)", "count(*)"),
        "ai_uploads": ("count(CASE WHEN w.ai_label THEN 1 END)", none),
        "ai_unknown": ("count(CASE WHEN w.ai_label IS NULL THEN 1 END)", "count(*)"),
        "delisted": (f"count(CASE WHEN {gone} THEN 1 END)", none),
    }
    counts = ", ".join(f"{sql[name in absent]} AS {name}" for name, sql in known.items())
    return f"""
        SELECT {text_list([lane])} AS lane, c.artist, w.period,
               min(w.moment) AS first_at, count(*) AS uploads, {counts}
        FROM ({_works(period, moment, (), (platform,), placed=placed)}{only}) w
        LEFT JOIN (SELECT c.upload_id, c.n_artists, n.artist + {shift} AS artist{visited}
                   FROM credit c
                   JOIN (SELECT * FROM name WHERE platform = {text_list([platform])}) n
                   ON n.artist_id = c.artist_id
                   {visit}
                   WHERE c.platform = {text_list([platform])}) c
        ON c.upload_id = w.upload_id
        GROUP BY c.artist, w.period"""


def cells(renamed: Mapping[str, str], dropped: Sequence[str]) -> str:
    """Return SQL for the counts of the lanes that are kept, over `raw` (all of `counted`)."""
    return (
        f"SELECT {_renamed('lane', renamed)} AS lane, artist, period, first_at, "
        f"{', '.join(COUNTS)} FROM raw{_without('lane', dropped)}"
    )


def people() -> str:
    """Return SQL for one row per lane and artist, over `raw`, `name` and `lane_edge`.

    An artist's lane is known by the number, from `shift` on and before `past`.
    """
    return (
        "SELECT r.artist, e.platform, e.lane, n.artist_id, r.first_at, r.last_active "
        "FROM (SELECT artist, min(first_at) AS first_at, max(period) AS last_active "
        "FROM raw WHERE artist IS NOT NULL GROUP BY artist) r "
        "JOIN lane_edge e ON r.artist >= e.shift AND r.artist < e.past "
        "JOIN name n ON n.artist = r.artist - e.shift"
    )


def last_visit(statuses: str = "'ok', 'truncated', 'incomplete'") -> str:
    """Return SQL for the latest visit to each artist that gave a listing.

    Where none did, the latest that broke off: what it saw is in the store, and is cut off.
    """
    listed = f"s.status IN ({statuses})"
    return f"""
        SELECT platform, artist_id, crawl_id, started_at, cut_off, n_visits FROM (
            SELECT s.platform, s.artist_id, s.crawl_id, k.started_at,
                   (coalesce(s.truncated, FALSE) OR NOT coalesce(s.complete, FALSE)) AS cut_off,
                   count(CASE WHEN {listed} THEN 1 END)
                       OVER (PARTITION BY s.platform, s.artist_id) AS n_visits,
                   row_number() OVER (PARTITION BY s.platform, s.artist_id ORDER BY
                       CASE WHEN {listed} THEN 0 ELSE 1 END, s.crawl_id DESC) AS place
            FROM sighting s JOIN crawl k ON k.crawl_id = s.crawl_id
            WHERE {listed} OR s.status IN ('error', 'throttled', 'blocked')) ranked
        WHERE place = 1"""


def totals(lane: str | None = None) -> str:
    """Return SQL for the counts of a lane by period, with and without an artist, over `cell`.

    With the name of the only lane, nothing is sorted by lanes.
    """
    sums = ", ".join(f"CAST(sum({name}) AS DOUBLE) AS {name}" for name in COUNTS)
    return (
        f"SELECT {lane_of('c', lane)} AS lane, c.period, c.artist IS NOT NULL AS credited, {sums} "
        "FROM cell c GROUP BY 1, 2, 3"
    )


def lane_of(table: str, only: str | None) -> str:
    """Return SQL for the lane of a row: the only one, or the table's own."""
    return f"{table}.lane" if only is None else text_list([only])


def _renamed(lane: str, renamed: Mapping[str, str]) -> str:
    arms = " ".join(
        f"WHEN {text_list([old])} THEN {text_list([new])}" for old, new in renamed.items()
    )
    return f"CASE {lane} {arms} ELSE {lane} END" if arms else lane


def _without(lane: str, dropped: Sequence[str]) -> str:
    return f" WHERE {lane} NOT IN ({text_list(dropped)})" if dropped else ""


# An artist first seen this soon after the records begin may have been there before.
_BURN_IN = Duration(months=12)


def spans(
    period: str,
    renamed: Mapping[str, str],
    dropped: Sequence[str],
    *,
    split: bool,
    visited: bool,
    weighted: bool,
    histories_from: Mapping[str, str],
) -> str:
    """Return SQL for one row per lane and artist: entry, time at risk, censoring, weight.

    Risk starts in the period after the first upload on the platform (whatever the instrument) and
    ends with the last period before the artist's latest visit ended the view. Over `people`,
    `artist`, `lane_edge` (what `lane_edges` returns) and, if there were visits, `last_visit`.
    """
    first = "p.first_at"
    if split:  # whichever instrument saw it first
        first = "min(p.first_at) OVER (PARTITION BY p.platform, p.artist_id)"
    horizon, cut_off, visit = "CAST(NULL AS TIMESTAMP)", "FALSE", ""
    if visited:
        horizon, cut_off = "v.started_at", "coalesce(v.cut_off, FALSE)"
        visit = "LEFT JOIN last_visit v ON v.platform = p.platform AND v.artist_id = p.artist_id"
    censored = "cut_off"
    for platform, since in histories_from.items():
        early = stamp(_BURN_IN.after(dt.datetime.fromisoformat(since)))
        censored += f" OR (platform = {text_list([platform])} AND first_upload_at < {early})"
    weight = "coalesce(design_weight, 1.0)" if weighted else "1.0"
    # The last period that ended before the visit.
    seen_to = previous(period, sql_period(period, "horizon"))
    end = f"least(coalesce({seen_to}, lane_full), lane_last)"
    entry = sql_period(period, "first_upload_at")
    return f"""
        SELECT artist, platform, {_renamed("lane", renamed)} AS lane, artist_id, first_upload_at,
               joined_at, {entry} AS entry_period,
               greatest({following(period, entry)}, lane_first) AS risk_start,
               {end} AS risk_end, {end} AS seen_end, last_active, {censored} AS censored,
               CAST({weight} AS DOUBLE) AS weight
        FROM (SELECT artist, platform, lane, artist_id, last_active, joined_at, horizon, cut_off,
                     design_weight, lane_first, lane_last, lane_full,
                     CASE WHEN joined_basis = 'first_listing' THEN least(first_at, joined_at)
                          ELSE first_at END AS first_upload_at
              FROM (SELECT p.artist, p.platform, p.lane, p.artist_id, p.last_active,
                           {first} AS first_at, a.joined_at, a.joined_basis, a.design_weight,
                           {horizon} AS horizon, {cut_off} AS cut_off,
                           e.lane_first, e.lane_last, e.lane_full
                    FROM people p
                    JOIN lane_edge e ON e.lane = p.lane
                    LEFT JOIN artist a ON a.platform = p.platform AND a.artist_id = p.artist_id
                    {visit}) known) s{_without("lane", dropped)}"""


def censored(platform: str) -> str:
    """Return SQL for the number of artists of a lane, and of those that are left-censored."""
    return (
        "SELECT count(*) AS artists, count(CASE WHEN censored THEN 1 END) AS cut FROM span "
        f"WHERE lane = {text_list([platform])}"
    )


def unweighted() -> str:
    """Return SQL for the number of artists with works whose design weight is unknown."""
    return (
        "SELECT count(*) AS artists FROM (SELECT DISTINCT platform, artist_id FROM people) p "
        "LEFT JOIN artist a ON a.platform = p.platform AND a.artist_id = p.artist_id "
        "WHERE a.design_weight IS NULL"
    )


def visit_times() -> str:
    """Return SQL for when artists were last visited, over `last_visit`."""
    return (
        "SELECT platform, started_at AS horizon, max(n_visits) AS n_visits, "
        "count(CASE WHEN n_visits > 0 THEN 1 END) AS artists FROM last_visit "
        "GROUP BY platform, started_at"
    )


_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def following(period: str, day: str, n: int = 1) -> str:
    """Return SQL for the first day of the n-th period after the one that begins on `day`."""
    length = _MONTHS.get(period)
    step = f"{length * n} MONTH" if length else f"{n * (7 if period == 'week' else 1)} DAY"
    return f"CAST({day} + INTERVAL {step} AS DATE)"


def previous(period: str, day: str) -> str:
    """Return SQL for the first day of the period before the one that begins on `day`."""
    return following(period, day).replace(" + INTERVAL", " - INTERVAL")


def stamp(moment: dt.datetime) -> str:
    """Return a moment as a SQL literal."""
    return f"TIMESTAMP '{moment.isoformat(' ')}'"
