"""Outcomes by artist and period for exposure designs, on one grid of periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.artists.exposures import LATER, NEVER, TREATED, Exposure
from uploadtrends.errors import InputError
from uploadtrends.panel.ready import KEY, UnitTable, artist_rows, period_grid, place_in

if TYPE_CHECKING:
    from uploadtrends.arrays import Array
    from uploadtrends.panel import Panel

OUTCOMES = ("uploads", "active", "silent", "removals", "ai_share")
UNITS = {
    "uploads": "uploads a {}",
    "active": "share of artists active in a {}",
    "silent": "share of artists silent for three {}s",
    "removals": "works of a {} no longer listed",
    "ai_share": "share of labelled works made by AI",
}
_SILENCE = 3


def outcome_frame(
    panel: Panel | UnitTable,
    exposure: Exposure,
    outcome: str,
    start: str | int | None,
    end: str | int | None,
    notes: list[str],
) -> tuple[pd.DataFrame, pd.Index]:
    """Return columns artist, t, year, g, y, tenure, platform, and the periods that t counts from 1.

    Only artists who are exposed inside the panel, later, or never; g is 0 for the last two. What
    else is left out is said in `notes`. Without year and tenure where they are not known.

    Raises
    ------
    InputError
        For an unknown outcome, or one that the panel does not hold.
    """
    ready = isinstance(panel, UnitTable)
    if not ready and outcome not in OUTCOMES:
        raise InputError(
            "unknown outcome", column="outcome", value=outcome, fix=f"one of {', '.join(OUTCOMES)}"
        )
    rows = artist_rows(panel)
    if isinstance(panel, UnitTable):
        rows = rows.assign(y=panel.measured(outcome, "outcome"))
    else:
        rows = rows[rows["complete"]]
    for name, bound, keep in (("start", start, "ge"), ("end", end, "le")):
        if bound is not None:
            rows = rows[getattr(rows["period"], keep)(_bound(panel, name, bound))]
    kinds = exposure.table[exposure.table["kind"].isin([TREATED, NEVER, LATER])]
    rows = rows.merge(kinds, on=KEY, how="inner").sort_values([*KEY, "period"])
    if rows.empty:
        raise InputError("no artist is at risk in any complete period of the window")
    index = period_grid(panel, rows["period"])
    exposed = (rows["kind"] == TREATED) & (rows["treated_from"] <= index[-1]).fillna(False)
    frame = pd.DataFrame(
        {
            "artist": rows.groupby(KEY, sort=False).ngroup().to_numpy(),
            "t": place_in(index, rows["period"]) + 1,
            "g": np.where(exposed, np.maximum(place_in(index, rows["treated_from"]) + 1, 1), 0),
            "y": rows["y"] if ready else _values(panel, rows, outcome),
            "platform": rows["platform"].to_numpy(),
        }
    )
    if index.dtype.kind == "M":
        frame["year"] = rows["period"].dt.year.to_numpy()
    if "tenure_months" in rows:
        frame["tenure"] = rows["tenure_months"].to_numpy()
    if exposure.by_upload:
        frame = frame[frame["t"] != frame["g"]]
    missing = ~np.isfinite(frame["y"])
    if ready and missing.any():
        notes.append(f"{missing.sum()} rows without a value of '{outcome}' are left out")
    frame = frame[~missing]
    known = frame.groupby("artist")["t"].transform("min") < frame["g"]
    late = frame[(frame["g"] > 0) & ~known]
    if len(late):
        notes.append(
            f"{late['artist'].nunique()} exposed artists have no value from before: left out"
        )
    return frame.drop(late.index).reset_index(drop=True), index


def _bound(panel: Panel | UnitTable, name: str, given: str | int) -> Any:
    """Return the start or the end of the window as one of the panel's kind of periods."""
    numbered = isinstance(panel, UnitTable) and panel.numbered
    if isinstance(given, int) != numbered:
        raise InputError(
            "the window is given as its periods are",
            column=name,
            value=given,
            fix="give a number" if numbered else "write a date, as in 2022-08-01",
        )
    return given if numbered else pd.Timestamp(given)


def _values(panel: Any, rows: pd.DataFrame, outcome: str) -> Array:
    uploads = rows["uploads"].to_numpy(dtype=float)
    if outcome == "uploads":
        return uploads
    if outcome == "active":
        return (uploads > 0).astype(float)
    if outcome == "ai_share":
        known = uploads - rows["ai_unknown"].to_numpy(dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(known > 0, rows["ai_uploads"].to_numpy(dtype=float) / known, np.nan)
    if outcome == "silent":
        grouped = rows.assign(quiet=uploads == 0).groupby(KEY, sort=False)["quiet"]
        ahead = [grouped.shift(-step) for step in range(_SILENCE)]
        table = pd.concat(ahead, axis=1)
        known = table.notna().all(axis=1)
        silent = table.fillna(False).astype(bool).all(axis=1)
        return np.where(known, silent.astype(float), np.nan)
    return _removals(panel, rows)


def _removals(panel: Any, rows: pd.DataFrame) -> Array:
    cells = panel.records.cells
    if "delisted" not in cells.columns or not cells["delisted"].sum():
        raise InputError(
            "these data do not say which works are no longer listed",
            column="outcome",
            value="removals",
            fix="crawl the artists a second time, or load a table with the works' status",
        )
    gone = (
        cells.filter(pl.col("artist").is_not_null())
        .join(panel.records.spans.select("lane", "artist", "artist_id"), on=["lane", "artist"])
        .select(platform="lane", artist_id="artist_id", period="period", gone="delisted")
        .to_pandas()
    )
    gone["period"] = pd.to_datetime(gone["period"])
    found = rows[[*KEY, "period"]].merge(gone, on=[*KEY, "period"], how="left")["gone"]
    return found.fillna(0).to_numpy(dtype=float)
