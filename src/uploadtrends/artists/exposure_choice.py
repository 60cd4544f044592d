"""Which method an exposure design allows, on whom, and how far its answer is to be trusted."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from uploadtrends.artists.exposures import Exposure
from uploadtrends.errors import InputError, NotEstimableError

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


def check(method: str, control: str, leads: int, lags: int) -> None:
    """Refuse settings that do not exist."""
    for name, value, allowed in (
        ("method", method, ("auto", *DESCRIBED)),
        ("control", control, ("not yet", "never")),
    ):
        if value not in allowed:
            raise InputError(
                "unknown setting", column=name, value=value, fix=" or ".join(map(repr, allowed))
            )
    if leads < 2 or lags < 0:
        raise InputError(
            "at least two leads (one is the base) and no negative lags", column="leads", value=leads
        )


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
        return "no exposed artist is at risk in these periods"
    if exposed == 1:
        return "one exposed artist: nothing tells an effect from what happened to this one"
    before = frame[(frame["g"] > 0) & (frame["t"] < frame["g"])]
    if before.empty:
        return "no exposed artist is seen before the exposure"
    if others == 0 and (frame["g"].nunique() == 1 or method in ("sun-abraham", "two-step")):
        return "nobody is left to compare with: every artist is exposed"
    return ""


def status(method: str, exposed: int) -> tuple[str, str]:
    """Return how far the answer is to be trusted, and why not further."""
    if method in ("twfe", "poisson-twfe"):
        return "biased", BIASED
    if exposed < FEWEST_EXPOSED:
        return "exploratory", f"only {exposed} exposed artists"
    return "ok", ""


def balanced(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep artists with a row in every period: what this method compares."""
    seen = frame.groupby("artist")["t"].transform("size")
    whole = frame[seen == frame["t"].nunique()]
    left = frame["artist"].nunique() - whole["artist"].nunique()
    if whole.empty or not (whole["g"] > 0).any():
        raise NotEstimableError("no exposed artist is at risk in every period")
    note = f"{left} artists who are not at risk in every period are left out by this method"
    return whole, [note] if left else []
