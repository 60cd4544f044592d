"""Where the view of a lane begins and ends, and which periods were seen in full."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from uploadtrends.errors import InputError
from uploadtrends.panel.seniority import Seniority
from uploadtrends.series.periods import floor, grid, polars_step

# A period counts as seen in full when less than this share of it is out of sight.
_TOLERANCE = 0.05
# Below this many works a period, an empty or thin period proves nothing about the instrument.
_ENOUGH_TO_TELL = 10


def lane_edges(lanes: pl.DataFrame, visits: pl.DataFrame, period: str) -> pl.DataFrame:
    """Add the first, last and last fully seen period of each lane.

    With visits on record the view ends where 95% of the platform's artists were still to be
    visited (the crawl takes time); without, at the last work.

    Parameters
    ----------
    lanes : polars.DataFrame
        platform, lane, first_at, last_at, coarse.
    visits : polars.DataFrame
        platform, horizon, artists: how many were last visited then.
    """
    step = polars_step(period)
    # The lower quantile: the last visit that no more than a share of all came before.
    place = (_TOLERANCE * (pl.col("artists").sum().over("platform") - 1)).floor()
    horizon = (
        visits.sort("platform", "horizon")
        .filter(pl.col("artists").cum_sum().over("platform") > place)
        .group_by("platform")
        .agg(seen_to=pl.col("horizon").min())
    )
    lanes = lanes.join(horizon, on="platform", how="left").with_columns(
        # A visit at midnight saw the day before, not the day that begins.
        seen_to=pl.coalesce(pl.col("seen_to") - pl.duration(microseconds=1), "last_at"),
        visited=pl.col("seen_to").is_not_null(),
    )
    first = pl.col("first_at").dt.truncate(step).cast(pl.Date)
    last = pl.max_horizontal("seen_to", "last_at").dt.truncate(step).cast(pl.Date)
    end = pl.col("seen_to").dt.truncate(step).dt.offset_by(step)
    start = pl.col("seen_to").dt.truncate(step)
    missing = (end - pl.col("seen_to")) / (end - start)
    coarse = (pl.col("coarse") > 0) & ~pl.col("visited")
    full = start.cast(pl.Date)
    opening = pl.col("first_at").dt.truncate(step)
    late = (pl.col("first_at") - opening) / (opening.dt.offset_by(step) - opening)
    return lanes.with_columns(
        lane_first=first,
        lane_last=last,
        lane_full=pl.when(coarse | (missing <= _TOLERANCE))
        .then(full)
        .otherwise(full.dt.offset_by(f"-{step}")),
        opens_late=(late > _TOLERANCE) & (pl.col("coarse") == 0),
    )


def calendar(
    lanes: pl.DataFrame,
    period: str,
    rule: Seniority | None,
    start: dt.date | None,
    end: dt.date | None,
) -> pl.DataFrame:
    """Return lane x period inside the window, with the thresholds of a rule by period."""
    parts = []
    for lane, first, last in lanes.select("lane", "lane_first", "lane_last").iter_rows():
        first = first if start is None else max(first, floor(start, period))
        last = last if end is None else min(last, floor(end, period))
        if first <= last:
            parts.append(
                pl.DataFrame({"period": grid(first, last, period)}).insert_column(
                    0, pl.lit(lane).alias("lane")
                )
            )
    schema = {"lane": pl.String, "period": pl.Date}
    days = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    if rule is not None and rule.by_period:
        moments = [dt.datetime(d.year, d.month, d.day) for d in days["period"]]
        cuts = [[moment.date() for moment in rule.thresholds(when)] for when in moments]
        for i in range(len(rule.bands or ("one",))):
            days = days.with_columns(pl.Series(f"cut_{i}", [cut[i] for cut in cuts], dtype=pl.Date))
    return days


def window(lanes: pl.DataFrame, recipe: Mapping[str, Any], rule: Seniority | None) -> pl.DataFrame:
    """Return the `calendar` of a panel's window."""
    start, end = (
        None if recipe[name] is None else dt.date.fromisoformat(recipe[name])
        for name in ("start", "end")
    )
    return calendar(lanes, str(recipe["period"]), rule, start, end)


def completeness(
    totals: pl.DataFrame,
    lanes: pl.DataFrame,
    period: str,
    incomplete: Mapping[str, Sequence[str]] | None,
) -> pl.DataFrame:
    """Return lane, period, complete: whether the period was seen in full.

    A period is incomplete when it lies at an edge that the records do not cover; when, at an edge,
    it holds less than half the works of its three neighbours; when it is empty inside a busy
    stretch; or when the caller says so.

    Parameters
    ----------
    totals : polars.DataFrame
        lane, period, works: every period of every lane, zeros filled, whatever the window shown.
    """
    parts = []
    for (lane,), rows in totals.sort("period").group_by("lane", maintain_order=True):
        edge = lanes.row(by_predicate=pl.col("lane") == lane, named=True)
        works = rows["works"].to_list()
        days = rows["period"].to_list()
        seen = [day <= edge["lane_full"] for day in days]
        if edge["opens_late"] or _thin(works[0], works[1:4]):
            seen[0] = False
        last = sum(day <= edge["lane_full"] for day in days) - 1
        if last > 0 and _thin(works[last], works[max(0, last - 3) : last]):
            seen[last] = False
        for i in range(1, len(works) - 1):
            around = works[max(0, i - 2) : i] + works[i + 1 : i + 3]
            if works[i] == 0 and sum(around) / len(around) >= _ENOUGH_TO_TELL:
                seen[i] = False
        given = {floor(_day(text), period) for text in (incomplete or {}).get(str(lane), ())}
        seen = [ok and day not in given for ok, day in zip(seen, days, strict=True)]
        parts.append(rows.select("lane", "period").with_columns(complete=pl.Series(seen)))
    if not parts:
        return pl.DataFrame(schema={"lane": pl.String, "period": pl.Date, "complete": pl.Boolean})
    return pl.concat(parts)


def _thin(works: float, neighbours: Sequence[float]) -> bool:
    if len(neighbours) < 3:
        return False
    usual = sum(neighbours) / len(neighbours)
    return usual >= _ENOUGH_TO_TELL and works < usual / 2


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError as error:
        raise InputError(
            "not a date", column="incomplete", value=text, fix="write '2023-03' or '2023-03-01'"
        ) from error
