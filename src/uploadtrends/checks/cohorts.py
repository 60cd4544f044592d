"""Placebo cohorts: does the same cohort recipe show the same shape where nothing happened?

A cohort fixed at a date can only lose active members, and the artists who came later can only add
up. Sorting artists by a cut in 2022 therefore makes "senior artists decline, new artists rise" out
of nothing at all (Barbosa et al. 2016, on cohorts and Simpson's paradox). This check applies the
recipe of arXiv 2406.08739, Figure 1, at other years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.checks.cohort_shape import (
    monthly_values,
    readings,
    shape_shown,
    yearly_mean,
)
from uploadtrends.checks.cohort_windows import (
    Between,
    Recipe,
    Window,
    eligible,
    why_not,
    years_to_try,
)
from uploadtrends.checks.outcome import Check, CheckOutcome, Status
from uploadtrends.errors import InputError
from uploadtrends.panel import Panel
from uploadtrends.result import Call

if TYPE_CHECKING:
    import pandas as pd


QUESTION = (
    "Does 'senior artists decline, new artists rise' appear with the same rule at cut years with "
    "no event?"
)
RULE = (
    "A draw shows the shape when the least-squares line through the number of active senior "
    "artists falls over the window and the one through the new artists rises from the cut on; a "
    "year shows it when nine draws of ten do."
)
_ENOUGH_DRAWS = 0.9
_FEWEST_ARTISTS = 50
# So many silent placebo years leave room for a rate of .45 (95% bound), not for the usual case.
_FEWEST_YEARS = 5
_OTHER_MINIMA = (2, 5, 10, 20)
_COLUMNS = [
    *("platform", "instrument", "cut_year", "kind", "status", "reason"),
    *("eligible_artists", "drawn_artists", "senior_artists", "new_artists"),
    *("senior_first_year", "senior_last_year"),
    *("senior_change", "senior_change_low", "senior_change_high", "new_last_year"),
    *("share_of_draws", "share_resampled", "share_by_uploads"),
    *("share_if_between_senior", "share_if_between_new", "shown"),
]


def placebo_cohorts(
    panel: Any = None,
    *,
    cut_years: Sequence[int] | None = None,
    actual_years: Sequence[int] = (2022,),
    events_from: str = "2022-04-01",
    n_artists: int = 250,
    window_months: int = 34,
    months_before: int = 12,
    min_uploads: int = 5,
    between: Between = "drop",
    n_draws: int = 200,
    seed: int = 0,
) -> Check | CheckOutcome:
    """Apply the apparent cohort recipe of the paper at years in which nothing happened.

    For each cut year: artists with at least `min_uploads` works by the end of the window are
    eligible, `n_artists` of them are drawn at random, `n_draws` times. Senior artists came before
    the window; new ones came after the cut.

    Parameters
    ----------
    panel : Panel, optional
        A monthly panel with artists, or a result that was fitted to one. Without it the check is
        returned, ready for ``result.check(...)``. Each instrument is judged on its own.
    cut_years : sequence of int, optional
        The cut is on 1 January. Default: every year whose window the data cover.
    actual_years : sequence of int
        Shown for comparison where the data cover them; never counted as placebo.
    events_from : str
        A window that ends on this day or later is no placebo. Default: DALL-E 2, the first image
        generator that artists at large heard of.
    n_artists, window_months, months_before : int
        The recipe of the paper: 250 artists, 34 months of which 12 lie before the cut.
    min_uploads : int
        Stands in for the paper's "more than 2,000 followers", which most data do not have. Like a
        number of followers today it is reached by the end of the window, so that it selects those
        who stayed active.
    between : {"drop", "senior", "new"}
        What becomes of those who came inside the window before the cut. The paper does not say;
        the other two readings are in the table.
    n_draws, seed : int
        Draws, and the seed of the generator.

    Returns
    -------
    CheckOutcome or Check
        `table` has one row per platform and year; changes are in percent (last twelve months
        against the first twelve), with the 95% interval over artists drawn with replacement.
        `figure_data["monthly"]`: platform, instrument, cut_year, kind, unit, group,
        month_in_window, month, value (of the first draw), mean, low, high (95% of draws).
        `figure_data["sensitivity"]`: how many placebo years show the shape under other minima of
        uploads and other readings of `between`.

    Notes
    -----
    *Failed* when more than one placebo year in twenty shows the shape with 95% confidence
    (Clopper-Pearson, one-sided; neighbouring windows overlap, so that this is approximate);
    *passed* when none of at least five does; otherwise *not informative*.
    """
    settings: dict[str, Any] = {
        "cut_years": None if cut_years is None else [int(year) for year in cut_years],
        "actual_years": [int(year) for year in actual_years],
        "events_from": events_from,
        "n_artists": n_artists,
        "window_months": window_months,
        "months_before": months_before,
        "min_uploads": min_uploads,
        "between": between,
        "n_draws": n_draws,
        "seed": seed,
    }
    _validate(settings)
    if panel is None:
        return Check("placebo_cohorts", QUESTION, _run, settings)
    return _run(panel, **settings)


def _validate(settings: dict[str, Any]) -> None:
    for name in ("n_artists", "window_months", "months_before", "min_uploads", "n_draws"):
        if settings[name] < 1:
            raise InputError("must be at least 1", column=name, value=settings[name])
    if settings["window_months"] < settings["months_before"] + 12:
        raise InputError(
            "the window must go on for a year after the cut",
            column="window_months",
            value=settings["window_months"],
        )
    if settings["between"] not in ("drop", "senior", "new"):
        raise InputError(
            "unknown reading of the recipe",
            column="between",
            value=settings["between"],
            fix="'drop', 'senior' or 'new'",
        )


def _run(target: Any, **settings: Any) -> CheckOutcome:
    import pandas as pd

    panel = target if isinstance(target, Panel) else getattr(target, "data", None)
    if not isinstance(panel, Panel) or not panel.has_artists():
        return CheckOutcome(
            name="placebo_cohorts",
            question=QUESTION,
            status="not applicable",
            table=pd.DataFrame(columns=_COLUMNS),
            text="Placebo cohorts need single artists; these data hold only totals.",
            figure_data={},
            call=Call.of(settings, target, function="placebo_cohorts"),
        )
    if panel.period != "month":
        raise InputError(
            "placebo cohorts are counted by month",
            column="period",
            value=panel.period,
            fix="build the panel with period='month'",
        )
    recipe = Recipe(
        **settings
        | {
            "cut_years": None if settings["cut_years"] is None else tuple(settings["cut_years"]),
            "actual_years": tuple(settings["actual_years"]),
        }
    )
    table, monthly = _all_cuts(panel, recipe)
    sensitivity = _sensitivity(panel, recipe)
    status, text = _verdict(table, sensitivity, recipe)
    call = Call.of(settings, panel, function="placebo_cohorts")
    return CheckOutcome(
        name="placebo_cohorts",
        question=QUESTION,
        status=status,
        table=table,
        text=text,
        figure_data={"monthly": monthly, "sensitivity": sensitivity},
        call=call,
    )


def _all_cuts(panel: Panel, recipe: Recipe) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    rows, monthly = [], [pd.DataFrame()]
    for lane in sorted(panel.records.spans["lane"].unique()):
        for year in years_to_try(panel, lane, recipe):
            row, values = _one_cut(panel, lane, year, recipe)
            rows.append(row)
            monthly += [] if values is None else [values]
    return pd.DataFrame(rows, columns=_COLUMNS), pd.concat(monthly, ignore_index=True)


def _one_cut(
    panel: Panel, lane: str, year: int, recipe: Recipe
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    import polars as pl

    months = recipe.months(year)
    edge = panel.records.lanes.row(by_predicate=pl.col("lane") == lane, named=True)
    row: dict[str, Any] = {
        "platform": lane,
        "instrument": edge["instrument"],
        "cut_year": year,
        "kind": "placebo" if recipe.is_placebo(year) else "actual",
        "status": "ok",
        "reason": "",
        "shown": False,
    }
    reason = why_not(panel, lane, months)
    if reason:
        return row | {"status": "refused", "reason": reason}, None
    window = eligible(panel, lane, year, recipe)
    n_eligible = len(window.uploads)
    row |= {"eligible_artists": n_eligible, "drawn_artists": min(recipe.n_artists, n_eligible)}
    if n_eligible < _FEWEST_ARTISTS:
        reason = f"only {n_eligible} artists qualify; at least {_FEWEST_ARTISTS} are needed"
        return row | {"status": "refused", "reason": reason}, None
    seen = panel.records.complete.filter((pl.col("lane") == lane) & pl.col("period").is_in(months))
    numbers, values = _draw(window, seen.sort("period")["complete"].to_numpy(), recipe)
    for name in ("platform", "instrument", "cut_year", "kind"):
        values[name] = row[name]
    return row | numbers, values


def _draw(
    window: Window, usable: NDArray[np.bool_], recipe: Recipe
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Draw artists again and again; return the numbers of the table and the monthly values."""
    rng = np.random.default_rng([recipe.seed, window.cut_year])
    n_eligible = len(window.uploads)
    n = min(recipe.n_artists, n_eligible)
    drawn = np.zeros((recipe.n_draws, n_eligible))
    resampled = np.zeros_like(drawn)
    for i in range(recipe.n_draws):
        drawn[i, rng.choice(n_eligible, size=n, replace=False)] = 1
        resampled[i] = np.bincount(rng.integers(n_eligible, size=n), minlength=n_eligible)
    active = (window.uploads > 0).astype(float)
    gap = np.where(usable, 1.0, np.nan)
    masks = readings(window.group)
    senior, new = masks[recipe.between]

    def counts(weights: Array, what: Array, mask: NDArray[np.bool_]) -> Array:
        return weights[:, mask] @ what[mask] * gap

    def share(weights: Array, what: Array, reading: Between = recipe.between) -> float:
        old, young = masks[reading]
        both = counts(weights, what, old), counts(weights, what, young)
        return float(np.mean(shape_shown(*both, recipe.months_before)))

    first, last = slice(0, 12), slice(len(usable) - 12, None)
    artists = counts(drawn, active, senior)
    again = counts(resampled, active, senior)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = 100 * (yearly_mean(again, last) / yearly_mean(again, first) - 1)
    finite = change[np.isfinite(change)]
    low, high = np.quantile(finite, [0.025, 0.975]) if finite.size else (np.nan, np.nan)
    start, end = yearly_mean(artists, first).mean(), yearly_mean(artists, last).mean()
    shown = share(drawn, active)
    numbers: dict[str, Any] = {
        "senior_artists": float(drawn[:, senior].sum(axis=1).mean()),
        "new_artists": float(drawn[:, new].sum(axis=1).mean()),
        "senior_first_year": float(start),
        "senior_last_year": float(end),
        "senior_change": float(100 * (end / start - 1)) if start else np.nan,
        "senior_change_low": float(low),
        "senior_change_high": float(high),
        "new_last_year": float(yearly_mean(counts(drawn, active, new), last).mean()),
        "share_of_draws": shown,
        "share_resampled": share(resampled, active),
        "share_by_uploads": share(drawn, window.uploads),
        "share_if_between_senior": share(drawn, active, "senior"),
        "share_if_between_new": share(drawn, active, "new"),
        "shown": shown >= _ENOUGH_DRAWS,
    }
    groups = {"senior": senior, "new": new}
    return numbers, monthly_values(window.months, window.uploads, drawn, groups, gap)


def _placebo(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["kind"] == "placebo") & (table["status"] == "ok")]


def _sensitivity(panel: Panel, recipe: Recipe) -> pd.DataFrame:
    """Count the placebo years that show the shape under other readings of the recipe."""
    import pandas as pd

    rows = []
    for minimum in sorted({recipe.min_uploads, *_OTHER_MINIMA}):
        for between in ("drop", "senior", "new"):
            other = replace(
                recipe,
                min_uploads=minimum,
                between=between,
                n_draws=min(recipe.n_draws, 50),
            )
            table = _all_cuts(panel, other)[0]
            placebo = _placebo(table)
            real = table[(table["kind"] == "actual") & (table["status"] == "ok")]
            rows.append(
                {
                    "min_uploads": minimum,
                    "between": between,
                    "years": len(placebo),
                    "years_shown": int(placebo["shown"].sum()),
                    "smallest_change": placebo["senior_change"].min(),
                    "largest_change": placebo["senior_change"].max(),
                    "actual_change": real["senior_change"].mean(),
                }
            )
    return pd.DataFrame(rows)


def _verdict(table: pd.DataFrame, sensitivity: pd.DataFrame, recipe: Recipe) -> tuple[Status, str]:
    """Return the status and one sentence."""
    from scipy.stats import beta

    placebo = _placebo(table)
    years, shown = len(placebo), int(placebo["shown"].sum())
    if years == 0:
        return "not applicable", "No cut year without an event has a window that the data cover."
    least = float(beta.ppf(0.05, shown, years - shown + 1)) if shown else 0.0
    status: Status = "not informative"
    if least > 0.05:
        status = "failed"
    elif shown == 0 and years >= _FEWEST_YEARS:
        status = "passed"
    span = f"{placebo['cut_year'].min()} to {placebo['cut_year'].max()}"
    other = sensitivity[sensitivity["years"] > 0]
    share = (other["years_shown"] / other["years"]).agg(["min", "max"]) * 100
    text = (
        "With the paper's apparent recipe, 'senior artists decline, new artists rise' appears at "
        f"{shown} of {years} cut years whose windows end before {recipe.events_from[:7]} ({span}; "
        f"{recipe.n_draws} draws of {recipe.n_artists} artists; under other readings of the recipe "
        f"at {share['min']:.0f} to {share['max']:.0f}% of such years)"
    )
    real = table[(table["kind"] == "actual") & (table["status"] == "ok")]
    for row in real.itertuples():
        low, high = placebo["senior_change"].min(), placebo["senior_change"].max()
        where = "within" if low <= row.senior_change <= high else "outside"
        text += (
            f"; at {row.cut_year} the active seniors change by {row.senior_change:.0f}%, {where} "
            f"the range of those years ({low:.0f} to {high:.0f}%)"
        )
    text += {
        "failed": ", so that the shape alone is no evidence of an event",
        "passed": "",
        "not informative": ": too few years to tell",
    }[status]
    return status, text + (
        f". At least {recipe.min_uploads} uploads by the end of the window stand in for the "
        "paper's number of followers."
    )
