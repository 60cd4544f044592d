"""Which cut years the data can hold, and the artists that the cohort recipe draws from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.panel import Panel, Seniority

Between = Literal["drop", "senior", "new"]


@dataclass(frozen=True)
class Recipe:
    """How artists are drawn and windows cut; see `placebo_cohorts`."""

    n_artists: int
    window_months: int
    months_before: int
    min_uploads: int
    between: Between
    n_draws: int
    seed: int
    cut_years: tuple[int, ...] | None
    actual_years: tuple[int, ...]
    events_from: str | None

    def months(self, year: int) -> list[dt.date]:
        """Return the first days of the months of the window around 1 January of a year."""
        begin = year * 12 - self.months_before
        window = range(begin, begin + self.window_months)
        return [dt.date(month // 12, month % 12 + 1, 1) for month in window]

    def is_placebo(self, year: int) -> bool:
        """Tell whether the window ends before the first event."""
        if year in self.actual_years or self.events_from is None:
            return year not in self.actual_years
        after = dt.date.fromisoformat(self.events_from[:7] + "-01")
        return self.months(year)[-1] < after


@dataclass(frozen=True)
class Window:
    """One cut year on one lane: who is eligible, their group, their uploads a month."""

    cut_year: int
    months: list[dt.date]
    uploads: Array  # (n_eligible, window_months)
    group: NDArray[np.str_]  # senior, between, new
    artists: tuple[str, ...]


def years_to_try(panel: Panel, lane: str, recipe: Recipe) -> list[int]:
    """Return the cut years to try: those asked for, or all that the lane can hold."""
    edge = panel.records.lanes.row(by_predicate=pl.col("lane") == lane, named=True)
    possible = [
        year
        for year in range(edge["lane_first"].year, edge["lane_last"].year + 1)
        if not why_not(panel, lane, recipe.months(year))
    ]
    actual = [year for year in possible if year in recipe.actual_years]
    if recipe.cut_years is not None:
        return sorted({*recipe.cut_years, *actual})
    return sorted({*(year for year in possible if recipe.is_placebo(year)), *actual})


def why_not(panel: Panel, lane: str, months: list[dt.date]) -> str:
    """Return why the lane cannot hold the window; empty if it can.

    A single month that was not seen in full inside the window is tolerated and stays a gap.
    """
    known = panel.records.complete.filter((pl.col("lane") == lane) & pl.col("period").is_in(months))
    if known.height < len(months):
        return "the window reaches beyond the data"
    edges = known.filter(pl.col("period").is_in([months[0], months[-1]]))
    if not edges["complete"].all():
        return "the window begins or ends in a month not seen in full"
    if (~known["complete"]).sum() > 1:
        return "more than one month of the window was not seen in full"
    return ""


def platform_lanes(panel: Panel) -> list[tuple[str, str]]:
    """Return (lane, platform) of every lane with artists."""
    with_artists = set(panel.records.artist_lanes)
    pairs = panel.records.lanes.select("lane", "platform").iter_rows()
    return sorted((lane, platform) for lane, platform in pairs if lane in with_artists)


def usable_months(panel: Panel, lane: str, window: Window) -> NDArray[np.bool_]:
    """Tell which months of a window were seen in full."""
    seen = panel.records.complete.filter(
        (pl.col("lane") == lane) & pl.col("period").is_in(window.months)
    )
    return np.asarray(seen.sort("period")["complete"].to_numpy())


def eligible(panel: Panel, lane: str, year: int, recipe: Recipe) -> Window:
    """Return the artists that qualify, with their group and uploads by month."""
    months = recipe.months(year)
    cut = f"{year}-01-01"
    rule = Seniority(cut, senior_after=f"{recipe.months_before} months")
    spans = panel.records.spans.filter((pl.col("lane") == lane) & ~pl.col("censored"))
    latest = rule.thresholds(rule.moment)[0]
    first = pl.col("first_upload_at")
    # As `Seniority` sorts: before the window, within it up to the cut, from the cut on.
    spans = spans.with_columns(
        group=pl.when(first >= rule.moment)
        .then(pl.lit("new"))
        .when(first < latest)
        .then(pl.lit("senior"))
        .otherwise(pl.lit("between"))
    )
    cells = panel.records.cells.filter((pl.col("lane") == lane) & (pl.col("period") <= months[-1]))
    totals = cells.group_by("artist").agg(pl.col("uploads").sum())
    chosen = (
        spans.join(totals.filter(pl.col("uploads") >= recipe.min_uploads), on="artist", how="semi")
        .sort("artist_id")
        .with_row_index("place")
    )
    uploads = np.zeros((chosen.height, len(months)))
    inside = cells.join(chosen.select("artist", "place"), on="artist").join(
        pl.DataFrame({"period": months}).with_row_index("month"), on="period"
    )
    uploads[inside["place"].to_numpy(), inside["month"].to_numpy()] = inside["uploads"].to_numpy()
    groups = chosen["group"].to_numpy().astype(str)
    return Window(year, months, uploads, groups, tuple(chosen["artist_id"]))
