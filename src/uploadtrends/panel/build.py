"""Build a panel from a store (or a simulated population)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from uploadtrends.errors import InputError
from uploadtrends.panel import queries
from uploadtrends.panel.engine import DuckDBEngine, Engine, require_engine
from uploadtrends.panel.panel import Panel
from uploadtrends.panel.records import Records
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.simulated import population_tables
from uploadtrends.panel.spans import artist_spans, completeness, lane_edges
from uploadtrends.series.periods import floor, require_period
from uploadtrends.simulate import Population
from uploadtrends.store import Store, open_store

if TYPE_CHECKING:
    import polars as pl


def build_panel(
    data: Store | Population | str | Path | None,
    *,
    period: str = "month",
    seniority: Seniority | None = None,
    platforms: Sequence[str] | None = None,
    instrument: str | Mapping[str, str] | None = None,
    start: str | None = None,
    end: str | None = None,
    date: Literal["published", "arrived"] = "published",
    credit: Literal["full", "fractional"] = "full",
    weights: Literal["none", "design"] = "none",
    exit_after: int | None = None,
    incomplete: Mapping[str, Sequence[str]] | None = None,
    histories_from: Mapping[str, str] | None = None,
    engine: str | Engine = "duckdb",
) -> Panel:
    """Count uploads by group and period, and by artist and period while at risk.

    Parameters
    ----------
    data : Store, str, Path or Population
        An open store, the path of one, or a simulated population. None with an engine that holds
        the store's tables itself.
    period : {"month", "week", "day", "quarter", "year"}
        Weeks start on Monday.
    seniority : Seniority, optional
        How artists are grouped; without it there is only the group "all".
    platforms : sequence of str, optional
        Only these.
    instrument : str or mapping of platform to str, optional
        Which listing to count where a platform was counted by several. Without it, each is kept
        apart under the name "platform/instrument": no series ever crosses from one to another.
    start, end : str, optional
        First and last day; the periods that hold them are the first and the last. Seniority and
        time at risk use the whole history whatever the window.
    date : {"published", "arrived"}
        Count works when they were published or, for a repost archive, when they arrived there.
    credit : {"full", "fractional"}
        A work by several artists counts once for each, or is split among them.
    weights : {"none", "design"}
        Count artists equally, or by the design weights of the sampling frame.
    exit_after : int, optional
        Sensitivity: end an artist's time at risk after so many silent periods.
    incomplete : mapping of platform to dates, optional
        Periods known to be seen only in part, beyond those found by rule.
    histories_from : mapping of platform to date, optional
        Where a source starts late: artists first seen within a year of that date may have been
        there before, so that their histories are left-censored.
    engine : "duckdb" or Engine
        Where the SQL runs.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        For settings that do not fit each other or the data.
    """
    require_period(period)
    for name, value, allowed in (
        ("date", date, ("published", "arrived")),
        ("credit", credit, ("full", "fractional")),
        ("weights", weights, ("none", "design")),
    ):
        if value not in allowed:
            raise InputError(
                "unknown setting", column=name, value=value, fix=" or ".join(map(repr, allowed))
            )
    recipe: dict[str, Any] = {
        "period": period,
        "platforms": None if platforms is None else list(platforms),
        "instrument": dict(instrument) if isinstance(instrument, Mapping) else instrument,
        "start": _iso(start, "start"),
        "end": _iso(end, "end"),
        "date": date,
        "credit": credit,
        "credit_unit": "uploads" if credit == "full" else "fractional_uploads",
        "weights": weights,
        "exit_after": exit_after,
        "incomplete": {name: list(days) for name, days in (incomplete or {}).items()},
        "histories_from": dict(histories_from or {}),
    }
    if recipe["start"] and recipe["end"] and recipe["start"] > recipe["end"]:
        raise InputError("the window ends before it starts", column="end", value=end)
    given = require_engine(engine)
    with ExitStack() as closing:
        reader = given or _reader(data, closing)
        records = _read(reader, recipe)
    panel = Panel.assemble(records, seniority, recipe, given)
    return panel if exit_after is None else panel.with_exit_after(exit_after)


def _reader(data: Store | Population | str | Path | None, closing: ExitStack) -> Engine:
    if isinstance(data, Population):
        import duckdb

        con = closing.enter_context(duckdb.connect())
        for name, table in population_tables(data).items():
            con.register(name, table)
        return _Registered(con)
    if isinstance(data, str | Path):
        data = closing.enter_context(open_store(data))
    if not isinstance(data, Store):
        raise InputError(
            "a panel is built from a store",
            value=type(data).__name__,
            fix="pass what open_store(...) returns, or its path",
        )
    return DuckDBEngine(data.connection)


class _Registered(DuckDBEngine):
    """An engine on a connection whose registered tables a cursor would not see."""

    def __init__(self, connection: Any) -> None:
        self._con = connection


def _read(engine: Engine, recipe: Mapping[str, Any]) -> Records:
    """Read everything the panel needs in a handful of queries."""
    import polars as pl

    period, platforms = recipe["period"], recipe["platforms"]
    moment = "published_at" if recipe["date"] == "published" else "arrived_at"
    counted = engine.frame(
        "SELECT platform, instrument FROM upload GROUP BY platform, instrument"
    ).filter(pl.col("instrument").is_not_null())
    _require_platforms(engine, platforms)
    keep = _chosen_instruments(recipe["instrument"], counted)
    counts = counted.group_by("platform").len().filter(pl.col("len") > 1)
    split = sorted(counts["platform"])

    visits = engine.frame(queries.last_visit()).rename({"started_at": "horizon"})
    visits = visits.with_columns(pl.col("horizon").cast(pl.Datetime("us")))
    revisited = bool((visits["n_visits"] > 1).any()) if visits.height else False
    lanes = engine.frame(queries.lanes(period, moment, split, platforms))
    tables = {"last_visit": visits} if revisited else {}
    cells, people = _cells(engine, period, moment, lanes, tables)
    unplaced = engine.frame(queries.unplaced(period, moment, platforms))
    artists = engine.frame(
        "SELECT platform, artist_id, joined_at, joined_basis, design_weight FROM artist"
    )
    artists = _weighted(artists, people, recipe["weights"])
    lanes = lanes.with_columns(
        pl.col("first_at", "last_at").cast(pl.Datetime("us")),
        instrument=pl.when(pl.col("lane") != pl.col("platform")).then(
            pl.col("lane").str.strip_prefix(pl.col("platform") + "/")
        ),
    )
    again = (
        visits.group_by("platform").agg(again=(pl.col("n_visits") > 1).any())
        if visits.height
        else pl.DataFrame(schema={"platform": pl.String, "again": pl.Boolean})
    )
    lanes = lanes.join(again, on="platform", how="left").with_columns(
        revisited=pl.col("again").fill_null(False) | (pl.col("taken_down") > 0)
    )
    lanes = lane_edges(lanes, visits.select("platform", "artist_id", "horizon"), period)
    spans = artist_spans(
        people,
        artists,
        visits.select("platform", "artist_id", "horizon", "cut_off"),
        lanes,
        period=period,
        histories_from=recipe["histories_from"],
    )
    cells, spans, lanes = _keep_instruments(cells, spans, lanes, keep)
    return Records(
        cells=cells,
        spans=spans,
        complete=completeness(_totals(cells, lanes, period), lanes, period, recipe["incomplete"]),
        lanes=lanes,
        published=_published(engine, recipe),
        unplaced=unplaced,
    )


def _cells(
    engine: Engine,
    period: str,
    moment: str,
    lanes: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one row per lane, artist (a number) and period, and one per lane and artist.

    A query a lane keeps the grouping narrow; numbers in place of names keep what follows fast.
    """
    import polars as pl

    counts = ("uploads", "media", "ai_uploads", "ai_unknown", "delisted")
    cell_schema: dict[str, Any] = {"lane": pl.String, "artist": pl.UInt32, "period": pl.Date}
    cell_schema |= dict.fromkeys(counts, pl.Int64) | {"fractional_uploads": pl.Float64}
    person_schema: dict[str, Any] = {"artist": pl.UInt32, "platform": pl.String, "lane": pl.String}
    person_schema |= {"artist_id": pl.String, "first_at": pl.Datetime("us"), "last_active": pl.Date}
    cells, people = [pl.DataFrame(schema=cell_schema)], [pl.DataFrame(schema=person_schema)]
    n_artists = 0
    for platform, lane in lanes.select("platform", "lane").sort("lane").iter_rows():
        query = queries.cells(period, moment, lane, platform, revisited=bool(tables))
        part = engine.frame(query, **tables)
        names = {"platform": pl.lit(platform), "lane": pl.lit(lane)}
        persons = (
            part.filter(pl.col("artist_id").is_not_null())
            .group_by("artist_id")
            .agg(pl.col("first_at").min(), last_active=pl.col("period").max())
            .sort("artist_id")
            .with_row_index("artist", offset=n_artists)
            .with_columns(**names)
        )
        n_artists += persons.height
        numbered = part.join(persons.select("artist_id", "artist"), on="artist_id", how="left")
        numbered = numbered.with_columns(lane=pl.lit(lane))
        for frames, frame, schema in (
            (cells, numbered, cell_schema),
            (people, persons, person_schema),
        ):
            frames.append(frame.select(pl.col(name).cast(kind) for name, kind in schema.items()))
    return pl.concat(cells), pl.concat(people)


def _keep_instruments(
    cells: pl.DataFrame, spans: pl.DataFrame, lanes: pl.DataFrame, keep: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Keep one instrument of the platforms named, under the platform's own name."""
    import polars as pl

    for platform, name in keep.items():
        own = pl.col("platform") == platform
        wanted = f"{platform}/{name}"
        there = lanes.filter(own)["lane"].to_list()
        if wanted not in there:  # the only instrument of its platform: not split
            named = pl.when(own).then(pl.lit(name)).otherwise("instrument")
            lanes = lanes.with_columns(instrument=named)
            continue
        others = [lane for lane in there if lane != wanted]
        cells, spans, lanes = (
            frame.filter(~pl.col("lane").is_in(others)).with_columns(
                lane=pl.col("lane").replace({wanted: platform})
            )
            for frame in (cells, spans, lanes)
        )
    return cells, spans, lanes


def _totals(cells: pl.DataFrame, lanes: pl.DataFrame, period: str) -> pl.DataFrame:
    import polars as pl

    from uploadtrends.panel.spans import calendar

    works = cells.group_by("lane", "period").agg(works=pl.col("uploads").sum().cast(pl.Float64))
    days = calendar(lanes, period, None, None, None)
    return days.join(works, on=["lane", "period"], how="left").with_columns(
        pl.col("works").fill_null(0.0)
    )


def _published(engine: Engine, recipe: Mapping[str, Any]) -> pl.DataFrame:
    where, platforms = f"frequency = '{recipe['period']}'", recipe["platforms"]
    for edge, side in (("start", ">="), ("end", "<=")):
        if recipe[edge] is not None:
            first = floor(dt.date.fromisoformat(recipe[edge]), recipe["period"])
            where += f" AND period {side} DATE '{first}'"
    if platforms is not None:
        where += f" AND platform IN ({queries.text_list(platforms)})"
    return engine.frame(
        "SELECT series_id, platform, grouping, period, value, unit, low, high, interpolated "
        f"FROM series WHERE {where} ORDER BY series_id, period"
    )


def _weighted(artists: pl.DataFrame, people: pl.DataFrame, weights: str) -> pl.DataFrame:
    import polars as pl

    if weights == "none":
        return artists.with_columns(design_weight=pl.lit(1.0))
    wanted = people.select("platform", "artist_id").unique()
    known = artists.join(wanted, on=["platform", "artist_id"], how="semi")
    missing = wanted.height - int(known["design_weight"].is_not_null().sum())
    if missing:
        raise InputError(
            f"{missing} artists have no design weight",
            column="weights",
            value="design",
            fix="use weights='none', restrict platforms=, or load the weights of the sample",
        )
    return artists


def _require_platforms(engine: Engine, platforms: Sequence[str] | None) -> None:
    import polars as pl

    if platforms is None:
        return
    known = engine.frame("SELECT platform FROM upload UNION SELECT platform FROM series")
    for platform in platforms:
        if known.filter(pl.col("platform") == platform).height == 0:
            raise InputError(
                "the store has nothing on this platform",
                column="platforms",
                value=platform,
                fix=f"use some of {', '.join(sorted(known['platform'])) or 'none: load data'}",
            )


def _chosen_instruments(
    instrument: str | Mapping[str, str] | None, counted: pl.DataFrame
) -> dict[str, str]:
    import polars as pl

    if instrument is None:
        return {}
    pairs = list(instrument.items()) if isinstance(instrument, Mapping) else []
    if isinstance(instrument, str):
        there = counted.filter(pl.col("instrument") == instrument)["platform"]
        pairs = [(platform, instrument) for platform in there] or [("", instrument)]
    for platform, name in pairs:
        found = counted.filter(pl.col("instrument") == name)
        if platform:
            found = found.filter(pl.col("platform") == platform)
        if found.height == 0:
            known = sorted(counted["instrument"].unique())
            raise InputError(
                "no works were counted by this instrument",
                column="instrument",
                value=name,
                fix=f"use one of {', '.join(known)}" if known else "leave instrument= out",
            )
    return dict(pairs)


def _iso(text: str | None, column: str) -> str | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError as error:
        raise InputError(
            "not a date", column=column, value=text, fix="write it as 2022-01-01"
        ) from error
