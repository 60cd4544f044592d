"""Outcomes by artist and period for exposure designs, on one grid of periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.artists.exposures import LATER, NEVER, TREATED, Exposure
from uploadtrends.errors import InputError
from uploadtrends.series.periods import pandas_frequency

if TYPE_CHECKING:
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
_KEY = ["platform", "artist_id"]


def outcome_frame(
    panel: Panel, exposure: Exposure, outcome: str, start: str | None, end: str | None
) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """Return columns artist, t, year, g, y, tenure, platform, and the periods that t counts from 1.

    Only artists who are exposed inside the panel, later, or never; g is 0 for the last two.

    Raises
    ------
    InputError
        For an unknown outcome, or one that the panel does not hold.
    """
    if outcome not in OUTCOMES:
        raise InputError(
            "unknown outcome", column="outcome", value=outcome, fix=f"one of {', '.join(OUTCOMES)}"
        )
    rows = panel.artists.to_pandas()
    rows = rows[rows["complete"]].assign(period=lambda frame: pd.to_datetime(frame["period"]))
    for bound, keep in ((start, rows["period"].ge), (end, rows["period"].le)):
        if bound is not None:
            rows = rows[keep(pd.Timestamp(bound)).reindex(rows.index)]
    kinds = exposure.table[exposure.table["kind"].isin([TREATED, NEVER, LATER])]
    rows = rows.merge(kinds, on=_KEY, how="inner").sort_values([*_KEY, "period"])
    if rows.empty:
        raise InputError("no artist is at risk in any complete period of the window")
    index = pd.date_range(
        rows["period"].min(), rows["period"].max(), freq=pandas_frequency(panel.period)
    )
    t = np.searchsorted(index.to_numpy(), rows["period"].to_numpy()) + 1
    g = np.searchsorted(index.to_numpy(), rows["treated_from"].to_numpy()) + 1
    exposed = (rows["kind"] == TREATED) & (rows["treated_from"] <= index[-1])
    frame = pd.DataFrame(
        {
            "artist": rows.groupby(_KEY, sort=False).ngroup().to_numpy(),
            "t": t,
            "year": rows["period"].dt.year.to_numpy(),
            "g": np.where(exposed, g, 0),
            "y": _values(panel, rows, outcome),
            "tenure": rows["tenure_months"].to_numpy(),
            "platform": rows["platform"].to_numpy(),
        }
    )
    if exposure.by_upload:
        frame = frame[frame["t"] != frame["g"]]
    return frame[np.isfinite(frame["y"])].reset_index(drop=True), index


def _values(panel: Panel, rows: pd.DataFrame, outcome: str) -> np.ndarray:
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
        grouped = rows.assign(quiet=uploads == 0).groupby(_KEY, sort=False)["quiet"]
        ahead = [grouped.shift(-step) for step in range(_SILENCE)]
        table = pd.concat(ahead, axis=1)
        known = table.notna().all(axis=1)
        silent = table.fillna(False).astype(bool).all(axis=1)
        return np.where(known, silent.astype(float), np.nan)
    return _removals(panel, rows)


def _removals(panel: Panel, rows: pd.DataFrame) -> np.ndarray:
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
    found = rows[[*_KEY, "period"]].merge(gone, on=[*_KEY, "period"], how="left")["gone"]
    return found.fillna(0).to_numpy(dtype=float)
