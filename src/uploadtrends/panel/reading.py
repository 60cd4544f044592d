"""From a store's tables to the records of a panel, in a handful of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from uploadtrends.engines import Engine
from uploadtrends.engines.engine import Table, drop, hold, keep, numbering
from uploadtrends.errors import InputError
from uploadtrends.panel import queries
from uploadtrends.panel.records import HeldRecords, Records, single_lane, unnamed
from uploadtrends.panel.spans import calendar, completeness, lane_edges
from uploadtrends.series.periods import floor


def read_records(engine: Engine, recipe: Mapping[str, Any]) -> Records:
    """Read everything that a panel needs; the large tables stay on an engine that holds them."""
    period, platforms = recipe["period"], recipe["platforms"]
    moment = "published_at" if recipe["date"] == "published" else "arrived_at"
    works = engine.frame(
        "SELECT platform, instrument, count(*) AS works FROM upload GROUP BY platform, instrument"
    )
    counted = works.filter(pl.col("instrument").is_not_null())
    _require_platforms(engine, platforms)
    chosen = _chosen_instruments(recipe["instrument"], counted)
    counts = counted.group_by("platform").len().filter(pl.col("len") > 1)
    split = sorted(counts["platform"])

    lanes = engine.frame(queries.lanes(period, moment, split, platforms))
    visits, last_visit = _visits(engine)
    if platforms is not None:
        works = works.filter(pl.col("platform").is_in(platforms))
    if works["works"].sum() > lanes["works"].sum():
        unplaced = engine.frame(queries.unplaced(period, moment, platforms))
    else:
        unplaced = pl.DataFrame(schema=_UNPLACED)
    lanes = _edges(lanes, visits, period)
    lanes, renamed, dropped = _kept_lanes(lanes, chosen)

    revisited = visits.height > 0 and visits["n_visits"].max() > 1  # type: ignore[operator]
    seen = {"last_visit": last_visit} if last_visit is not None else {}
    name = keep(engine, queries.names(numbering(engine, "platform", "artist_id"), platforms))
    lanes = _numbered_apart(engine, lanes, name)
    edges = lanes.select(
        "platform",
        pl.col("counted_as").alias("lane"),
        "shift",
        "past",
        "lane_first",
        "lane_last",
        "lane_full",
    )
    tables = {"name": name} | (seen if revisited else {})
    raw = _raw(engine, recipe, lanes, split, moment, set(unplaced["lane"]), tables)
    people = keep(engine, queries.people(), raw=unnamed(raw), name=name, lane_edge=edges)
    weighted = recipe["weights"] == "design"
    if weighted:
        _require_weights(engine, people)
    cells = hold(engine, queries.cells(renamed, dropped), raw=raw) if renamed else raw
    spans = hold(
        engine,
        queries.spans(
            period,
            renamed,
            dropped,
            split=bool(split),
            visited=bool(seen),
            weighted=weighted,
            histories_from=recipe["histories_from"],
        ),
        people=people,
        lane_edge=edges,
        **seen,
    )
    if not getattr(engine, "holds", False):
        spans = spans.sort("artist")  # type: ignore[union-attr]
    lanes = lanes.filter(~pl.col("counted_as").is_in(dropped)).drop(
        "counted_as", "shift", "past", "labels", "media"
    )
    only = single_lane(lanes)
    summed = cells if only is None else unnamed(cells)
    totals = engine.frame(queries.totals(only), cell=summed).sort("lane", "period", "credited")
    drop(engine, people, name, *seen.values(), *([raw] if renamed else []))
    kind = HeldRecords if getattr(engine, "holds", False) else Records
    return kind(
        cells=cells,  # type: ignore[arg-type]
        spans=spans,  # type: ignore[arg-type]
        complete=completeness(_works(totals, lanes, period), lanes, period, recipe["incomplete"]),
        lanes=lanes,
        published=_published(engine, recipe),
        unplaced=unplaced,
        totals=totals,
    )


def _visits(engine: Engine) -> tuple[pl.DataFrame, Table | None]:
    """Return when artists were last visited, and the latest visit to each, if there were any."""
    last = keep(engine, queries.last_visit())
    visits = engine.frame(queries.visit_times(), last_visit=last)
    if visits.height == 0:
        drop(engine, last)
    return (
        visits.filter(pl.col("n_visits") > 0).with_columns(
            pl.col("horizon").cast(pl.Datetime("us"))
        ),
        last if visits.height else None,
    )


def _edges(lanes: pl.DataFrame, visits: pl.DataFrame, period: str) -> pl.DataFrame:
    lanes = lanes.with_columns(
        pl.col("first_at", "last_at").cast(pl.Datetime("us")),
        pl.col("works", "coarse", "taken_down", "labels", "media").cast(pl.Int64),
        instrument=pl.when(pl.col("lane") != pl.col("platform")).then(
            pl.col("lane").str.strip_prefix(pl.col("platform") + "/")
        ),
    ).sort("lane")
    again = visits.group_by("platform").agg(again=(pl.col("n_visits") > 1).any())
    lanes = lanes.join(again, on="platform", how="left", maintain_order="left").with_columns(
        revisited=pl.col("again").fill_null(False) | (pl.col("taken_down") > 0)
    )
    return lane_edges(lanes, visits, period)


def _numbered_apart(engine: Engine, lanes: pl.DataFrame, name: Table) -> pl.DataFrame:
    """Add `shift` and `past`: a lane's artists have numbers from the one to below the other."""
    last = engine.frame("SELECT coalesce(max(artist), 0) AS last FROM name", name=name)["last"][0]
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    n = int(last) + 1
    return lanes.sort("lane", "counted_as").with_columns(shift=place * n, past=(place + 1) * n)


def _raw(
    engine: Engine,
    recipe: Mapping[str, Any],
    lanes: pl.DataFrame,
    split: Sequence[str],
    moment: str,
    unplaced: Collection[str],
    tables: Mapping[str, Table],
) -> Table:
    shared = set(engine.frame(queries.shared())["platform"])
    parts = []
    for lane in lanes.to_dicts() or [dict.fromkeys(lanes.columns, 0) | _NO_LANE]:
        platform = lane["platform"]
        absent = {
            "fractional_uploads": platform not in shared,
            "media": not lane["media"],
            "ai_uploads": not lane["labels"],
            "ai_unknown": not lane["labels"],
            "delisted": not lane["taken_down"] and "last_visit" not in tables,
        }
        parts.append(
            queries.counted(
                recipe["period"],
                moment,
                lane["counted_as"],
                platform,
                shift=lane["shift"],
                split=platform in split,
                revisited="last_visit" in tables,
                placed=platform not in unplaced,
                absent=[name for name, known in absent.items() if known],
            )
        )
    if len(parts) == 1 and not getattr(engine, "holds", False):
        # A text a row comes from there several times slower than it is made here.
        named = pl.lit(lane["counted_as"], dtype=pl.String).alias("lane")
        columns = ", ".join(("artist", "period", "first_at", *queries.COUNTS))
        cells = engine.frame(f"SELECT {columns} FROM ({parts[0]}) c", **tables)
        return cells.select(named, pl.all())
    return hold(engine, " UNION ALL ".join(parts), **tables)


_UNPLACED = {"lane": pl.String, "reason": pl.String, "uploads": pl.Int64}
_NO_LANE = {"platform": "", "counted_as": ""}


def _kept_lanes(
    lanes: pl.DataFrame, chosen: Mapping[str, str]
) -> tuple[pl.DataFrame, dict[str, str], list[str]]:
    """Return lanes with `counted_as`, which of those get the platform's own name, and which go.

    One instrument of the platforms named is kept, under the platform's own name.
    """
    lanes = lanes.with_columns(counted_as=pl.col("lane"))
    renamed: dict[str, str] = {}
    dropped: list[str] = []
    for platform, name in chosen.items():
        own = pl.col("platform") == platform
        wanted = f"{platform}/{name}"
        there = lanes.filter(own)["lane"].to_list()
        if wanted not in there:  # the only instrument of its platform: not split
            named = pl.when(own).then(pl.lit(name)).otherwise("instrument")
            lanes = lanes.with_columns(instrument=named)
            continue
        renamed[wanted] = platform
        dropped += [lane for lane in there if lane != wanted]
    lane = pl.when(pl.col("counted_as").is_in(dropped)).then("lane")
    return (
        lanes.with_columns(lane=lane.otherwise(pl.col("lane").replace(renamed))),
        renamed,
        dropped,
    )


def _works(totals: pl.DataFrame, lanes: pl.DataFrame, period: str) -> pl.DataFrame:
    works = totals.group_by("lane", "period").agg(works=pl.col("uploads").sum())
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


def _require_weights(engine: Engine, people: Table) -> None:
    missing = int(engine.frame(queries.unweighted(), people=people)["artists"][0])
    if missing:
        raise InputError(
            f"{missing} artists have no design weight",
            column="weights",
            value="design",
            fix="use weights='none', restrict platforms=, or load the weights of the sample",
        )


def _require_platforms(engine: Engine, platforms: Sequence[str] | None) -> None:
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
