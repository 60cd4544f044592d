"""From records to group rows: run the query, fill the zeros, set the flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from uploadtrends.engines import DuckDBEngine
from uploadtrends.panel.groups_sql import group_panel
from uploadtrends.panel.records import single_lane, unnamed
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.spans import window
from uploadtrends.series.periods import grid, polars_step

if TYPE_CHECKING:
    from uploadtrends.engines import Engine
    from uploadtrends.panel.records import Records

_COUNTS = (
    "uploads",
    "fractional_uploads",
    "media",
    "active_artists",
    "at_risk_artists",
    "entrants",
    "silent",
    "ai_uploads",
    "ai_unknown",
    "delisted",
)


def sorted_groups(
    records: Records, rule: Seniority | None, recipe: Mapping[str, Any], engine: Engine | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the group rows of the artists, and what no group holds."""
    period = str(recipe["period"])
    days = window(records.lanes, recipe, rule)
    cut = recipe["start"] is not None or recipe["end"] is not None
    only = single_lane(records.lanes)
    tables = records.tables | {"calendar": days}
    if only is not None:
        tables["cell"] = unnamed(tables["cell"])
    known = _known(records.totals)
    query = group_panel(rule, period, cut=cut, only=only, known=known)
    rows = (engine or DuckDBEngine()).frame(query, **tables)
    left = rows.filter(pl.col("grp").is_null())
    rows = rows.filter(
        pl.col("grp").is_not_null() & ((pl.col("grp") == "all") | (rule is not None))
    )
    free = records.totals.filter(~pl.col("credited")).join(days, on=["lane", "period"], how="semi")
    rows = _with_unattributed(rows, free)
    filled = _fill(rows, days, records, period)
    return filled, _excluded(records, days, left if rule is not None else left.clear())


def _known(totals: pl.DataFrame) -> dict[str, str]:
    """Return the counts that are 0, or the uploads, in every cell, as their sums tell.

    None of them is below 0 or, in these two, above the uploads.
    """
    sums = totals.sum()
    nothing = [name for name in ("ai_uploads", "ai_unknown", "delisted") if not sums[name][0]]
    whole = ("fractional_uploads", "ai_unknown")
    every = [name for name in whole if sums[name][0] == sums["uploads"][0]]
    return dict.fromkeys(nothing, "0") | dict.fromkeys(every, "uploads")


def _with_unattributed(rows: pl.DataFrame, free: pl.DataFrame) -> pl.DataFrame:
    """Add works without a credit: a group of their own, and part of "all"."""
    rows = rows.with_columns(pl.col(name).cast(pl.Float64) for name in _COUNTS)
    if free.height == 0:
        return rows
    sums = ["uploads", "fractional_uploads", "media", "ai_uploads", "ai_unknown", "delisted"]
    alone = free.select("lane", "period", *sums)
    parts = [alone.with_columns(grp=pl.lit(name)) for name in ("all", "unattributed")]
    stacked = pl.concat([rows, *parts], how="diagonal")
    return stacked.group_by("lane", "period", "grp").agg(pl.col(name).sum() for name in _COUNTS)


def _fill(rows: pl.DataFrame, days: pl.DataFrame, records: Records, period: str) -> pl.DataFrame:
    """Put a row of zeros where a group was silent, from its first entrant on."""
    step = polars_step(period)
    some = pl.sum_horizontal("uploads", "at_risk_artists", "entrants") > 0
    begins = rows.filter(some).group_by("lane", "grp").agg(begins=pl.col("period").min())
    frame = (
        begins.join(days.select("lane", "period"), on="lane")
        .filter((pl.col("period") >= pl.col("begins")) | (pl.col("grp") == "all"))
        .join(rows, on=["lane", "grp", "period"], how="left")
        .join(records.complete, on=["lane", "period"], how="left")
        .join(records.lanes.select("lane", "instrument"), on="lane")
        .with_columns(pl.col(name).fill_null(0.0) for name in _COUNTS)
    )
    length = pl.col("period").dt.offset_by(step) - pl.col("period")
    return frame.select(
        platform="lane",
        group="grp",
        period="period",
        days=length.dt.total_days().cast(pl.Int32),
        **{name: pl.col(name) for name in _COUNTS},
        complete="complete",
        interpolated=pl.lit(False),
        instrument="instrument",
        unit=pl.lit("uploads"),
        low=pl.lit(None, dtype=pl.Float64),
        high=pl.lit(None, dtype=pl.Float64),
        origin=pl.lit("artists"),
    )


def _excluded(records: Records, days: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    outside = records.totals.join(days, on=["lane", "period"], how="anti")
    parts = [
        records.unplaced.select("lane", "reason", pl.col("uploads").cast(pl.Float64)),
        outside.group_by("lane")
        .agg(pl.col("uploads").sum())
        .select("lane", pl.lit("outside the window").alias("reason"), "uploads"),
        left.group_by("lane")
        .agg(pl.col("uploads").sum().cast(pl.Float64))
        .select("lane", pl.lit("left out by the seniority rule").alias("reason"), "uploads"),
    ]
    stacked = pl.concat(parts).filter(pl.col("uploads") > 0)
    return stacked.rename({"lane": "platform"}).sort("platform", "reason")


def published_groups(published: pl.DataFrame, made: pl.DataFrame, period: str) -> pl.DataFrame:
    """Return published series as group rows; a name that artists' groups use gets a suffix."""
    if published.height == 0:
        return made.clear()
    taken = made.select("platform", "group").unique().with_columns(taken=pl.lit(True))
    several = pl.col("series_id").n_unique().over("platform", "grouping") > 1
    rows = (
        published.with_columns(
            group=pl.when(several)
            .then(pl.format("{} ({})", "grouping", "series_id"))
            .otherwise("grouping")
        )
        .join(taken, on=["platform", "group"], how="left")
        .with_columns(
            group=pl.when(pl.col("taken"))
            .then(pl.format("{} (published)", "group"))
            .otherwise("group")
        )
    )
    step = polars_step(period)
    frames = [made.clear()]
    for (platform, group), part in rows.group_by(["platform", "group"], maintain_order=True):
        held = part["period"].sort()
        full = (
            grid(held[0], held[-1], period)
            .to_frame()
            .join(part, on="period", how="left")
            .sort("period")
        )
        length = pl.col("period").dt.offset_by(step) - pl.col("period")
        frames.append(
            full.select(
                platform=pl.lit(platform),
                group=pl.lit(group),
                period="period",
                days=length.dt.total_days().cast(pl.Int32),
                uploads=pl.col("value").cast(pl.Float64),
                complete=pl.col("value").is_not_null(),
                interpolated=pl.col("interpolated").fill_null(False),
                instrument=pl.lit(None, dtype=pl.String),
                unit=pl.col("unit").forward_fill().backward_fill(),
                low=pl.col("low").cast(pl.Float64),
                high=pl.col("high").cast(pl.Float64),
                origin=pl.lit("published"),
            )
        )
    return pl.concat(frames, how="diagonal")
