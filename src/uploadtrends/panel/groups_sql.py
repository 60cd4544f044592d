"""Groups, artists and their drawing, in SQL over the tables of `queries`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from uploadtrends.panel.queries import COUNTS, following, lane_of, stamp
from uploadtrends.panel.seniority import Seniority
from uploadtrends.series.periods import sql_period


def group_panel(
    rule: Seniority | None,
    period: str,
    *,
    cut: bool = True,
    only: str | None = None,
    known: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return SQL for the groups by period, over tables `cell`, `span` and `calendar`.

    `cut` says that the calendar leaves out some of the cells' periods; `only` is the lane where
    there is one, which cells then need not name. `known` gives counts that need not be summed: each
    is that of another name, or "0".

    `span` has one row per lane and artist (see `queries.spans`). `calendar` has lane, period and,
    for a rule by period, cut_0, cut_1, ... The group "all" holds every artist, sorted or not; a
    group of NULL holds those that the rule leaves out.
    """
    moving = _rule_sql(rule, "p") if rule is not None and rule.by_period else "p.grp"
    lane = lane_of("c", only)
    inside = ""
    if cut or (rule is not None and rule.by_period):
        inside = f"JOIN calendar k ON k.lane = {lane} AND k.period = c.period"
    summed = [name for name in COUNTS if name not in known]
    sums = ", ".join(f"sum(p.weight * c.{name}) AS {name}" for name in summed)
    counts = {name: f"c.{known.get(name, name)}" for name in COUNTS}
    counts |= {name: "0" for name, same in known.items() if same == "0"}
    at_risk = "CASE WHEN c.period BETWEEN p.risk_start AND p.risk_end THEN p.weight ELSE 0 END"
    entrant = "CASE WHEN c.period = p.entry_period THEN p.weight ELSE 0 END"
    return f"""
        WITH people AS ({sorted_people(rule, period)}),
        counted AS (
            SELECT lane, period, grp, GROUPING(grp) AS every, sum(active) AS active_artists,
                   sum(active_at_risk) AS active_at_risk, sum(entrants) AS entrants,
                   {", ".join(f"sum({name}) AS {name}" for name in summed)}
            FROM (SELECT {lane} AS lane, c.period, {moving} AS grp, sum(p.weight) AS active,
                         sum({at_risk}) AS active_at_risk, sum({entrant}) AS entrants, {sums}
                  FROM cell c JOIN people p ON p.artist = c.artist
                  {inside}
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
               {", ".join(f"coalesce({sql}, 0) AS {name}" for name, sql in counts.items())}
        FROM counted c FULL OUTER JOIN exposed e
        ON c.lane = e.lane AND c.period = e.period AND c.every = e.every
           AND coalesce(c.grp, '') = coalesce(e.grp, '')"""


def sorted_people(rule: Seniority | None, period: str) -> str:
    """Return SQL for the artists of `span` with the moment that a rule looks at, and their group.

    Adds entered, entered_period (from which the rule measures tenure) and grp; without a rule, or
    with one by period, grp is NULL.
    """
    since = "joined_at" if rule is not None and rule.basis == "joined" else "first_upload_at"
    group = "CAST(NULL AS VARCHAR)"
    if rule is not None and not rule.by_period:
        thresholds = [stamp(moment) for moment in rule.thresholds(rule.moment)]
        group = rule.sql(f"s.{since}", "s.censored", stamp(rule.moment), thresholds)
    return (
        f"SELECT s.*, s.{since} AS entered, {sql_period(period, f's.{since}')} AS entered_period, "
        f"{group} AS grp FROM span s"
    )


def artist_panel(
    rule: Seniority | None,
    count: str,
    period: str,
    *,
    named: bool,
    identify: bool = True,
    numbers: tuple[int, int] | None = None,
) -> str:
    """Return SQL for one row per artist and period at risk, over the tables of `group_panel`.

    Parameters
    ----------
    rule : Seniority or None
        Artists that it leaves out have no rows.
    count : str
        Which count is `uploads`: "uploads" or "fractional_uploads".
    period : str
        Of the panel.
    named : bool
        With the columns of `Panel.artists`; else with the numbers of artist and calendar row, for
        names to be put to them afterwards (sorting and joining numbers is several times faster).
    identify : bool
        Whether a named artist has the name, or the number.
    numbers : (int, int), optional
        First and last number of the artists wanted.
    """
    group = "p.grp" if rule is not None else "'all'"
    if rule is not None and rule.by_period:
        group = _rule_sql(rule, "p")
    moving = rule is not None and rule.by_period
    keys = "CAST(r.artist AS BIGINT) AS artist, r.place" + (", r.grp" if moving else "")
    if named:
        keys = (
            'r.lane AS platform, r.artist_id, r.grp AS "group", r.period, r.days, '
            "r.tenure AS tenure_months"
        )
    tenure = "CAST(k.months - (year(p.entry_period) * 12 + month(p.entry_period)) AS DOUBLE)"
    if period in ("week", "day"):
        tenure = "CAST(date_diff('day', p.entry_period, k.period) AS DOUBLE) / 30.436875"
    counts = {"uploads": count} | dict.fromkeys(("media", "ai_uploads", "ai_unknown"), "")
    kinds = dict.fromkeys(counts, "DOUBLE" if named else "INTEGER")
    if count == "fractional_uploads":
        kinds["uploads"] = "DOUBLE"
    shown = ", ".join(
        f"CAST(coalesce(c.{column or name}, 0) AS {kinds[name]}) AS {name}"
        for name, column in counts.items()
    )
    name = "p.artist_id" if identify else "CAST(p.artist AS VARCHAR) AS artist_id"
    held = ""
    if named:
        held = f"p.lane, {name}, k.period, k.days, k.complete, {tenure} AS tenure, p.weight, "
    wanted = "" if numbers is None else f"WHERE artist BETWEEN {numbers[0]} AND {numbers[1]}"
    end = ", r.weight, r.complete" if named else ""
    return f"""
        SELECT {keys}, {", ".join(f"r.{name}" for name in counts)}{end} FROM (
            SELECT p.artist, k.place, {held}{group} AS grp, {shown}
            FROM (SELECT * FROM ({sorted_people(rule, period)}) s {wanted}) p
            JOIN calendar k ON k.lane = p.lane AND k.period BETWEEN p.risk_start AND p.risk_end
            LEFT JOIN cell c ON c.artist = p.artist AND c.period = k.period) r
        WHERE r.grp IS NOT NULL"""


def at_risk(rule: Seniority | None, period: str, bucket: int) -> str:
    """Return SQL for the rows of the artist panel by runs of so many artist numbers.

    Over `span` and `calendar`. With a rule by period, those that it leaves out are counted, too.
    """
    within = "p.grp IS NOT NULL" if rule is not None and not rule.by_period else "TRUE"
    return f"""
        SELECT CAST(floor(p.artist / CAST({bucket} AS DOUBLE)) AS BIGINT) AS bucket,
               count(*) AS n
        FROM ({sorted_people(rule, period)}) p
        JOIN calendar k ON k.lane = p.lane AND k.period BETWEEN p.risk_start AND p.risk_end
        WHERE {within} GROUP BY 1 ORDER BY 1"""


def exits(periods: int | None, period: str) -> str:
    """Return SQL for the spans that end after so many silent periods; None for no such end."""
    end = "seen_end"
    if periods is not None:
        end = f"least(seen_end, {following(period, 'last_active', periods)})"
    names = ", ".join(f"{end} AS risk_end" if name == "risk_end" else name for name in _SPAN)
    return f"SELECT {names} FROM span"


_SPAN = (
    "artist",
    "platform",
    "lane",
    "artist_id",
    "first_upload_at",
    "joined_at",
    "entry_period",
    "risk_start",
    "risk_end",
    "seen_end",
    "last_active",
    "censored",
    "weight",
)


def content() -> tuple[str, str]:
    """Return SQL for what `cell` and `span` hold, the same whatever the order of sums and numbers.

    Floats have ten digits: the last ones of a sum depend on its order.
    """
    counts = ", ".join("c." + name for name in COUNTS if name != "fractional_uploads")
    spans = ", ".join("s." + name for name in _SPAN if name not in ("artist", "weight"))
    return (
        f"SELECT s.platform, s.artist_id, c.lane, c.period, c.first_at, {counts}, "
        "printf('%.9e', c.fractional_uploads) AS fractional_uploads "
        "FROM cell c LEFT JOIN span s ON s.artist = c.artist",
        f"SELECT {spans}, printf('%.9e', s.weight) AS weight FROM span s",
    )


FEATURES = ("came", "gone", "present", "active", "uploads")


def features(
    rule: Seniority | None, period: str, count: str, lane: str, lengths: tuple[int, int]
) -> str:
    """Return SQL for what each artist adds, a period, to the two windows of a decomposition.

    Over `cell`, `span`, `reach` (the share of each window that lies after an entry, or a last
    upload, in a period) and `compared` (period, side: 0 before, 1 after).

    Parameters
    ----------
    lane : str
        As a SQL literal.
    lengths : (int, int)
        Periods in each window.
    """
    group = "p.grp" if rule is not None else "'all artists'"
    shown, inside = [], []
    for side, length in enumerate(lengths):
        came, left = f"b.came_{side}", f"z.gone_{side}"
        values = (
            came,
            left,
            f"({came} - {left})",
            f"coalesce(i.active_{side}, 0) / CAST({length} AS DOUBLE)",
            f"coalesce(i.uploads_{side}, 0) / CAST({length} AS DOUBLE)",
        )
        shown += [
            f"p.weight * {value} AS {name}_{side}"
            for name, value in zip(FEATURES, values, strict=True)
        ]
        for name, value in (("active", "1"), ("uploads", f"c.{count}")):
            inside.append(
                f"sum(CASE WHEN w.side = {side} THEN {value} ELSE 0 END) AS {name}_{side}"
            )
    return f"""
        SELECT p.artist, p.platform, p.artist_id, {group} AS grp, {", ".join(shown)}
        FROM ({sorted_people(rule, period)}) p
        JOIN reach b ON b.period = p.entry_period
        JOIN reach z ON z.period = p.last_active
        LEFT JOIN (SELECT c.artist, {", ".join(inside)}
                   FROM cell c JOIN compared w ON w.period = c.period
                   WHERE c.lane = {lane} AND c.artist IS NOT NULL GROUP BY c.artist) i
        ON i.artist = p.artist
        WHERE p.lane = {lane} AND {group} IS NOT NULL"""


def drawn(platform: str, artist: str, seed: int) -> str:
    """Return SQL for an artist's place in the draw of a seed: 32 hexadecimal digits, any engine."""
    return f"md5(concat('{int(seed)}', ':', {platform}, ':', {artist}))"


def chosen(artists: int, seed: int) -> str:
    """Return SQL for the artists of `span` that come first in a draw, so many a lane.

    `known` is the number of artists in the lane.
    """
    names = ", ".join(_SPAN)
    return f"""
        SELECT {", ".join(f"s.{name}" for name in _SPAN)}, n.known
        FROM (SELECT {names}, row_number() OVER (PARTITION BY lane
                                                 ORDER BY {drawn("platform", "artist_id", seed)},
                                                          artist_id) AS place FROM span) s
        JOIN (SELECT lane, count(*) AS known FROM span GROUP BY lane) n ON n.lane = s.lane
        WHERE s.place <= {int(artists)}"""


DRAWN_UNITS = (*COUNTS, "active_artists")


def drawn_moments(rule: Seniority | None, period: str, unit: str) -> str:
    """Return SQL for total and sum of squares of what artists add to a group in a period.

    Over the tables of `group_panel`, whose cells are of artists in a sample.
    """
    value = "p.weight" if unit == "active_artists" else f"p.weight * c.{unit}"
    group = "p.grp"
    if rule is not None and rule.by_period:
        group = _rule_sql(rule, "p")
    where = "" if rule is None else " WHERE every = 1 OR grp IS NOT NULL"
    return f"""
        SELECT lane, period, CASE WHEN every = 1 THEN 'all' ELSE grp END AS grp, total, squares
        FROM (SELECT lane, period, grp, GROUPING(grp) AS every, sum(value) AS total,
                     sum(value * value) AS squares
              FROM (SELECT c.lane, c.period, {group} AS grp, CAST({value} AS DOUBLE) AS value
                    FROM cell c JOIN ({sorted_people(rule, period)}) p ON p.artist = c.artist
                    JOIN calendar k ON k.lane = c.lane AND k.period = c.period) v
              GROUP BY GROUPING SETS ((lane, period){", (lane, period, grp)" if rule else ""})) m
        {where}"""


def _rule_sql(rule: Seniority, table: str) -> str:
    """Return the group of an artist by the period of the calendar `k`."""
    cuts = [f"k.cut_{i}" for i in range(len(rule.bands or ("one",)))]
    return rule.sql(f"{table}.entered_period", f"{table}.censored", "k.period", cuts)
