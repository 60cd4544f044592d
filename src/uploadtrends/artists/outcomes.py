"""Outcomes by artist and period for exposure designs, and the methods that they allow."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.artists.exposed import day_of
from uploadtrends.artists.exposures import LATER, NEVER, TREATED, Exposure
from uploadtrends.errors import InputError
from uploadtrends.limits import one_of
from uploadtrends.panel.ready import KEY, UnitTable, period_grid, place_in, rows_by_period

if TYPE_CHECKING:
    from uploadtrends.arrays import Array
    from uploadtrends.panel import Panel

Method = Literal[
    "auto",
    "two-step",
    "imputation",
    "two-stage",
    "sun-abraham",
    "callaway-santanna",
    "poisson",
    "twfe",
    "poisson-twfe",
]
BIASED = (
    "two-way effects take artists who are already exposed for a comparison: biased when exposure "
    "dates differ and effects grow or differ; shown for comparison only"
)
FEWEST_EXPOSED = 10
"""Artists on a side, below which an answer is exploratory."""
FEWEST_A_COHORT = 3
DESCRIBED = {
    "two-step": "rates by exposure and period, common shocks integrated out",
    "imputation": "imputation (Borusyak, Jaravel & Spiess 2024)",
    "two-stage": "two-stage (Gardner 2022)",
    "sun-abraham": "interaction-weighted (Sun & Abraham 2021)",
    "callaway-santanna": "group-time averages (Callaway & Sant'Anna 2021)",
    "poisson": "Poisson by cohort and period (Wooldridge 2023)",
    "twfe": "two-way fixed effects",
    "poisson-twfe": "Poisson with two-way fixed effects",
}
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
    rows = rows_by_period(panel)
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
    if isinstance(given, Integral) != numbered:
        raise InputError(
            "the window is given as its periods are",
            column=name,
            value=given,
            fix="give a number" if numbered else "write a date, as in 2022-08-01",
        )
    return given if numbered else pd.Timestamp(day_of(name, given))


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


def check(method: str, control: str) -> None:
    """Refuse settings that do not exist."""
    one_of("method", method, ("auto", *DESCRIBED))
    one_of("control", control, ("not yet", "never"))


def chosen(
    method: str, exposure: Exposure, frame: pd.DataFrame, outcome: str, notes: list[str]
) -> str:
    """Return the method for an outcome of a panel."""
    one_date = frame.loc[frame["g"] > 0, "g"].nunique() == 1
    if method == "auto":
        shared = exposure.by_platform or (one_date and outcome == "uploads")
        counted = "poisson" if outcome == "uploads" else "imputation"
        return "two-step" if shared else counted
    if exposure.by_platform and method != "two-step":
        raise InputError(
            "whole platforms are exposed: errors by artist take a platform's shocks for effects",
            column="method",
            value=method,
            fix="use method='two-step', or difference_in_differences",
        )
    counts = ("poisson", "poisson-twfe", *(() if exposure.by_platform else ("two-step",)))
    if method in counts and outcome != "uploads":
        raise InputError(
            "this method is for counts of uploads",
            column="outcome",
            value=outcome,
            fix="use method='imputation'",
        )
    if method != "two-step":
        notes.append(
            "errors are clustered by artist: shocks that all exposed share are not in them"
        )
    return method


def chosen_for_table(method: str, frame: pd.DataFrame, outcome: str, notes: list[str]) -> str:
    """Return the method for a column of a ready table, which may hold numbers of any kind."""
    name = "imputation" if method == "auto" else method
    if name == "two-step":
        raise InputError(
            "the two-step compares uploads of a panel from a store",
            column="method",
            value=method,
            fix="use method='imputation'",
        )
    if name in ("poisson", "poisson-twfe") and (frame["y"] < 0).any():
        raise InputError(
            "a Poisson model needs values of 0 or more",
            column=outcome,
            value=float(frame["y"].min()),
            fix="use method='imputation', which takes any numbers",
        )
    counts = (frame["y"] >= 0).all() and (frame["y"] % 1 == 0).all() and frame["y"].max() > 1
    if method == "auto" and counts:
        notes.append(
            f"'{outcome}' holds counts: where they would move in proportion rather than in "
            "parallel, method='poisson' compares so"
        )
    notes.append("errors are clustered by unit: shocks that all exposed share are not in them")
    return name


def refusal(frame: pd.DataFrame, exposed: int, others: int, method: str) -> str:
    """Return why nothing can be compared; empty if something can."""
    if exposed == 0:
        every = " in every one of" if method == "callaway-santanna" else " in"
        return f"no exposed artist is at risk{every} these periods"
    if exposed == 1:
        return "one exposed artist: nothing tells an effect from what happened to this one"
    before = frame[(frame["g"] > 0) & (frame["t"] < frame["g"])]
    if before.empty:
        return "no exposed artist is seen before the exposure"
    if others == 0 and (frame["g"].nunique() == 1 or method in ("sun-abraham", "two-step")):
        return "nobody is left to compare with: every artist is exposed"
    return ""


def counts(frame: pd.DataFrame) -> tuple[int, int]:
    """Return how many artists are exposed, and how many never are."""
    artists = frame.drop_duplicates("artist")["g"]
    return int((artists > 0).sum()), int((artists == 0).sum())


def comparable(frame: pd.DataFrame) -> int:
    """Return how many artists are never exposed; if none, how many are exposed last."""
    artists = frame.drop_duplicates("artist")["g"]
    return int((artists == (0 if (artists == 0).any() else artists.max())).sum())


def status(method: str, frame: pd.DataFrame) -> tuple[str, str]:
    """Return how far the answer is to be trusted, and why not further."""
    exposed, compared = counts(frame)[0], comparable(frame)
    if method in ("twfe", "poisson-twfe"):
        return "biased", BIASED
    if exposed < FEWEST_EXPOSED:
        return "exploratory", f"only {exposed} exposed artists"
    if compared < FEWEST_EXPOSED:
        return "exploratory", f"only {compared} artists to compare with"
    if method == "poisson":
        before = frame[frame["t"] < frame["g"]].groupby("g")["y"].sum()
        if (before == 0).any():
            return "exploratory", (
                "exposed artists have nothing but zeros before: in proportion to that they would "
                "have stayed at zero, without any doubt"
            )
    each = exposed / frame.loc[frame["g"] > 0, "g"].nunique()
    if method in ("sun-abraham", "poisson") and each < FEWEST_A_COHORT:
        why = f"{each:.1f} artists a date of exposure: this method's errors are too small"
        return "exploratory", f"{why}, see two-stage"
    return "ok", ""


def out_of_reach(frame: pd.DataFrame, index: pd.Index, method: str) -> list[str]:
    """Say which exposed rows have nobody to be compared with, because everybody is exposed."""
    exposed = (frame["g"] > 0) & (frame["t"] >= frame["g"])
    alone = exposed & ~frame["t"].isin(frame.loc[~exposed, "t"])
    if not alone.any() or method in ("twfe", "poisson-twfe"):
        return []
    since = str(index[int(frame.loc[alone, "t"].min()) - 1])[:10]
    return [
        f"{alone.sum()} of {exposed.sum()} exposed rows lie in periods in which everybody is "
        f"exposed (from {since} on): nothing can be said of them, the mean effect is that on the "
        "others"
    ]


def balanced(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Keep artists with a row in every period: what this method compares."""
    seen = frame.groupby("artist")["t"].transform("size")
    whole = frame[seen == frame["t"].nunique()]
    if left := frame["artist"].nunique() - whole["artist"].nunique():
        notes.append(
            f"{left} artists who are not at risk in every period are left out by this method"
        )
    return whole
