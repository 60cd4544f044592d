"""When each artist was at risk of uploading, and which periods were seen in full."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError
from uploadtrends.panel.seniority import Duration, Seniority
from uploadtrends.series.periods import floor, grid, polars_step

if TYPE_CHECKING:
    import polars as pl

# A period counts as seen in full when less than this share of it is out of sight.
_TOLERANCE = 0.05
# Below this many works a period, an empty or thin period proves nothing about the instrument.
_ENOUGH_TO_TELL = 10
# An artist first seen this soon after the records begin may have been there before.
_BURN_IN = Duration(months=12)


def artist_spans(
    people: pl.DataFrame,
    artists: pl.DataFrame,
    visits: pl.DataFrame,
    lanes: pl.DataFrame,
    *,
    period: str,
    histories_from: Mapping[str, str] | None,
) -> pl.DataFrame:
    """Return one row per lane and artist: entry, time at risk, censoring, weight.

    Risk starts in the period after the first upload on the platform (whatever the instrument) and
    ends with the last period before the artist's latest visit ended the view.

    Parameters
    ----------
    people : polars.DataFrame
        artist (a number), platform, lane, artist_id, first_at, last_active (a period).
    artists, visits, lanes : polars.DataFrame
        The store's artists with their weights, the latest visits, and what `lane_edges` returns.

    Returns
    -------
    polars.DataFrame
        artist, platform, lane, artist_id, first_upload_at, joined_at, entry_period,
        risk_start, risk_end, seen_end, last_active, censored, weight.
    """
    import polars as pl

    step = polars_step(period)
    spans = people
    listed = pl.when(pl.col("joined_basis") == "first_listing").then(pl.col("joined_at"))
    first = pl.col("first_at")
    if lanes["lane"].n_unique() > lanes["platform"].n_unique():
        first = first.min().over("platform", "artist_id")  # whichever instrument saw it first
    if visits.height:
        spans = spans.join(visits, on=["platform", "artist_id"], how="left")
    else:
        nothing = {name: pl.lit(None, dtype=visits.schema[name]) for name in ("horizon", "cut_off")}
        spans = spans.with_columns(**nothing)
    spans = (
        spans.join(artists, on=["platform", "artist_id"], how="left")
        .join(lanes.select("lane", "lane_first", "lane_last", "lane_full"), on="lane")
        .with_columns(
            first_upload_at=pl.min_horizontal(first, listed),
            censored=pl.col("cut_off").fill_null(False),
        )
    )
    for platform, since in (histories_from or {}).items():
        early = _BURN_IN.after(dt.datetime.fromisoformat(since))
        spans = spans.with_columns(
            censored=pl.col("censored")
            | ((pl.col("platform") == platform) & (pl.col("first_upload_at") < early))
        )
    entry = pl.col("first_upload_at").dt.truncate(step).cast(pl.Date)
    # The last period that ended before the visit.
    seen_to = pl.col("horizon").dt.truncate(step).cast(pl.Date).dt.offset_by(f"-{step}")
    end = pl.min_horizontal(pl.coalesce(seen_to, "lane_full"), pl.col("lane_last"))
    return (
        spans.with_columns(
            entry_period=entry,
            risk_start=pl.max_horizontal(entry.dt.offset_by(step), pl.col("lane_first")),
            seen_end=end,
            risk_end=end,
            weight=pl.col("design_weight").fill_null(1.0),
        )
        .sort("artist")
        .select(
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
    )


def entered(spans: pl.DataFrame, rule: Seniority | None, period: str) -> pl.DataFrame:
    """Add `entered` and `entered_period`, the moment from which the rule measures tenure."""
    import polars as pl

    column = "joined_at" if rule is not None and rule.basis == "joined" else "first_upload_at"
    return spans.with_columns(
        entered=pl.col(column),
        entered_period=pl.col(column).dt.truncate(polars_step(period)).cast(pl.Date),
    )


def lane_edges(lanes: pl.DataFrame, visits: pl.DataFrame, period: str) -> pl.DataFrame:
    """Add the first, last and last fully seen period of each lane.

    With visits on record the view ends where 95% of the platform's artists were still to be
    visited (the crawl takes time); without, at the last work.
    """
    import polars as pl

    step = polars_step(period)
    horizon = visits.group_by("platform").agg(
        seen_to=pl.col("horizon").quantile(_TOLERANCE, "lower")
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
    import polars as pl

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
    import polars as pl

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
