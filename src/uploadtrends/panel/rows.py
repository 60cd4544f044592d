"""The artist panel: one row per artist and period while at risk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uploadtrends.panel.engine import DuckDBEngine, Engine
from uploadtrends.panel.queries import artist_panel
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.spans import calendar, entered
from uploadtrends.series.periods import mean_days, polars_step

if TYPE_CHECKING:
    import polars as pl


def artist_rows(
    records: Any,
    rule: Seniority | None,
    recipe: Mapping[str, Any],
    engine: Engine | None = None,
) -> pl.DataFrame:
    """Return the artist panel with zeros filled; see `Panel.artists`."""
    import polars as pl

    period = str(recipe["period"])
    start, end = (
        None if recipe[name] is None else dt.date.fromisoformat(recipe[name])
        for name in ("start", "end")
    )
    days = calendar(records.lanes, period, rule, start, end)
    spans = entered(records.spans, rule, period)
    known = records.cells.filter(pl.col("artist").is_not_null())
    rows = (engine or DuckDBEngine()).frame(
        artist_panel(rule, str(recipe["credit_unit"])), cell=known, span=spans, calendar=days
    )
    step = polars_step(period)
    age = pl.col("period").dt.epoch("d") - pl.col("entry_period").dt.epoch("d")
    if mean_days(period) > 28:
        months = (pl.col("period").dt.year() - pl.col("entry_period").dt.year()) * 12 + (
            pl.col("period").dt.month().cast(pl.Int32)
            - pl.col("entry_period").dt.month().cast(pl.Int32)
        )
        tenure = months.cast(pl.Float64)
    else:
        tenure = age / mean_days("month")
    length = (pl.col("period").dt.offset_by(step) - pl.col("period")).dt.total_days()
    return (
        rows.join(records.complete, on=["lane", "period"], how="left")
        .with_columns(tenure_months=tenure, days=length.cast(pl.Int32))
        .select(
            platform="lane",
            artist_id="artist_id",
            group="grp",
            period="period",
            days="days",
            tenure_months="tenure_months",
            uploads=pl.col("uploads").cast(pl.Float64),
            media=pl.col("media").cast(pl.Float64),
            ai_uploads=pl.col("ai_uploads").cast(pl.Float64),
            ai_unknown=pl.col("ai_unknown").cast(pl.Float64),
            weight="weight",
            complete="complete",
        )
        .sort("platform", "artist_id", "period")
    )
