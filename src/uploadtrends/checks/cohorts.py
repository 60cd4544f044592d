"""Placebo cohorts: does the same cohort recipe show the same shape where nothing happened?

A cohort fixed at a date can only lose active members, and the artists who came later can only add
up. Sorting artists by a cut in 2022 therefore makes "senior artists decline, new artists rise" out
of nothing at all (Barbosa et al. 2016, on cohorts and Simpson's paradox). This check applies the
recipe of arXiv 2406.08739, Figure 1, at other years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.checks.check import Check, Sketch, Weight, Whole, at_once
from uploadtrends.checks.drawings.cohorts import cohorts_drawn
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.recipe.shape import (
    monthly_values,
    readings,
    shape_shown,
)
from uploadtrends.checks.recipe.sizes import FEWEST_SENIORS, Change, change_of
from uploadtrends.checks.recipe.verdict import judge
from uploadtrends.checks.recipe.windows import (
    Between,
    Recipe,
    Window,
    eligible,
    platform_lanes,
    usable_months,
    why_not,
    years_to_try,
)
from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number
from uploadtrends.panel import Panel

RULE = (
    "A draw shows the shape when the least-squares line through the number of active senior "
    "artists falls over the window and the one through the new artists rises from the cut on; a "
    "year shows it when nine draws of ten do."
)
_ENOUGH_DRAWS = 0.9
_OTHER_MINIMA = (2, 5, 10, 20)
_COLUMNS = [
    *("platform", "instrument", "cut_year", "kind", "status", "reason"),
    *("eligible_artists", "drawn_artists", "senior_artists", "new_artists"),
    *("senior_first_year", "senior_last_year"),
    *("senior_change", "senior_change_low", "senior_change_high", "new_last_year"),
    *("share_of_draws", "shown"),
]
_READINGS: tuple[Between, ...] = ("drop", "senior")


@dataclass(frozen=True, repr=False)
class PlaceboCohorts(Check):
    """Apply the apparent cohort recipe of the paper at years in which nothing happened.

    For each cut year: artists with at least `min_uploads` works by the end of the window are
    eligible. Senior artists came before the window; new ones came after the cut. The check asks
    by how much more the active seniors decline at the actual cut than at the others.

    Parameters
    ----------
    panel : Panel, optional
        A monthly panel with artists, or a result that was fitted to one. Without it the check is
        returned, ready for ``result.check(...)``. Each instrument is judged on its own.
    cut_years : sequence of int, optional
        The cut is on 1 January. Default: every year whose window the data cover.
    actual_years : sequence of int, optional
        Compared with the others where the data cover them; never counted as placebo. Default: the
        year of the panel's own seniority cut, or that of `events_from`.
    events_from : str, optional
        A window that ends in this month or later is no placebo. Default: the first event of the
        result; a panel alone names no event, and then every other year counts as without one.
    n_artists, window_months, months_before : int
        The recipe of the paper: 34 months of which 12 lie before the cut, 250 artists. The verdict
        uses all eligible artists; draws of `n_artists` are for the figure.
    min_uploads : int
        Stands in for the paper's "more than 2,000 followers", which most data do not have. Like a
        number of followers today it is reached by the end of the window, so that it selects those
        who stayed active.
    between : {"drop", "senior", "new"}
        What becomes of those who came inside the window before the cut. The paper does not say;
        the other two readings are in the table.
    n_draws, seed : int
        Draws, and the seed of the generator.

    Notes
    -----
    `table` has one row per platform and year, all eligible artists counted; changes are in
    percent (active seniors, last twelve months against the first twelve), with the 95%
    interval over artists. `share_of_draws` and `shown` describe the shape: seniors decline
    and newcomers rise. `figure_data["monthly"]`: platform, instrument, cut_year, kind, unit,
    group, month_in_window, month, value (of the first draw), mean, low, high (95% of draws).
    `figure_data["contrasts"]`: platform, quantity (placebo years, excess, actual cut, excess
    given a drift), change, low, high (percent), p, verdict. `figure_data["sensitivity"]`: the
    same under other minima of uploads, with those in between left out or counted as senior.

    The log changes of all years are compared jointly: artists who are senior at several cuts make
    them covary, overlapping windows share their months' effects, and shocks between years of
    unknown size are integrated out. *Passed*: the actual cut's decline exceeds that of the other
    years (the 95% interval of the excess is below zero, and it does not vanish when the other
    years drift). *Failed*: otherwise, if the years without an event fall by 10% or more by
    themselves (the recipe makes the shape), or an excess of -30% can be excluded. *Not
    informative*: neither. *Not applicable*: fewer than four cut years without an event that have
    30 seniors, or no decline at the actual cut.

    See Also
    --------
    placebo_dates : Other dates rather than other cuts.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> ut.placebo_cohorts(ut.build_panel(people), actual_years=[2021]).status
    'not applicable'
    """

    name: ClassVar[str] = "placebo_cohorts"
    question: ClassVar[str] = (
        "Do senior artists decline more at this cut year than the same rule makes them decline at "
        "cut years with no event?"
    )
    applies_to: ClassVar[Literal["models", "panel"]] = "panel"
    weight: ClassVar[Weight | None] = Weight(
        "withdraws",
        "the same cohort recipe shows the same shape at cut years with no event",
        needed_for="consistent with an effect of",
        about="trends of cohorts",
        rank=2,
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(
        cohorts_drawn, "Senior and new artists around years without an event"
    )

    _: KW_ONLY
    cut_years: Sequence[int] | None = None
    actual_years: Sequence[int] | None = None
    events_from: str | None = None
    n_artists: int = 250
    window_months: int = 34
    months_before: int = 12
    min_uploads: int = 5
    between: Between = "drop"
    n_draws: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle(
            cut_years=None if self.cut_years is None else tuple(map(int, self.cut_years)),
            actual_years=None if self.actual_years is None else tuple(map(int, self.actual_years)),
        )
        for name in ("n_artists", "window_months", "months_before", "min_uploads", "n_draws"):
            self._settle(**{name: whole_number(name, getattr(self, name), 1)})
        if self.window_months < max(self.months_before + 12, 24):
            raise InputError(
                "the window must go on for a year after the cut and hold two years",
                column="window_months",
                value=self.window_months,
            )
        if self.between not in ("drop", "senior", "new"):
            raise InputError(
                "unknown reading of the recipe",
                column="between",
                value=self.between,
                fix="'drop', 'senior' or 'new'",
            )

    def run(self, target: Any) -> CheckOutcome:
        """Return the outcome for a panel, or a result that was fitted to one; see `Check`."""
        panel = target if isinstance(target, Panel) else getattr(target, "data", None)
        if not isinstance(panel, Panel) or not panel.has_artists():
            text = "Placebo cohorts need single artists; these data hold only totals."
            empty = pd.DataFrame(columns=_COLUMNS)
            return self.found(target, "not applicable", empty, text, {})
        if panel.period != "month":
            raise InputError(
                "placebo cohorts are counted by month",
                column="period",
                value=panel.period,
                fix="build the panel with period='month'",
            )
        recipe = Recipe(**self.parameters | _event(self, target, panel))
        table, monthly, changes = _all_cuts(panel, recipe)
        own = judge(recipe.min_uploads, recipe.between, changes)
        status, text = own.verdict()
        layers = {
            "monthly": monthly,
            "contrasts": own.table(),
            "sensitivity": _sensitivity(panel, recipe),
        }
        return self.found(panel, status, table, _text(table, text, recipe), layers)


placebo_cohorts = at_once(PlaceboCohorts)


def _event(check: PlaceboCohorts, target: Any, panel: Panel) -> dict[str, Any]:
    """Return from when on there were events, and the years of the cut that is tested."""
    first, years = check.events_from, check.actual_years
    if first is None:
        first = min((event.date for event in getattr(target, "events", ())), default=None)
        first = None if first is None else f"{first}-01"[:7]
    if years is None:
        rule = panel.seniority
        if rule is not None and not rule.by_period:
            years = (rule.moment.year,)
        else:
            years = () if first is None else (int(first[:4]),)
    return {"events_from": first, "actual_years": years}


Changes = dict[str, list[Change]]
"""By platform."""


def _all_cuts(panel: Panel, recipe: Recipe) -> tuple[pd.DataFrame, pd.DataFrame, Changes]:
    rows, monthly, changes = [], [pd.DataFrame()], _by_platform(panel)
    for lane, platform in platform_lanes(panel):
        for year in years_to_try(panel, lane, recipe):
            row, values, change = _one_cut(panel, lane, year, recipe)
            rows.append(row)
            monthly += [] if values is None else [values]
            changes[platform] += [] if change is None else [change]
    return (
        pd.DataFrame(rows, columns=_COLUMNS),
        pd.concat(monthly, ignore_index=True),
        {name: _one_a_year(found) for name, found in changes.items()},
    )


def _by_platform(panel: Panel) -> Changes:
    return {platform: [] for _, platform in platform_lanes(panel)}


def _one_a_year(changes: list[Change]) -> list[Change]:
    """Where two instruments hold a year, keep the one with more seniors."""
    best: dict[int, Change] = {}
    for change in changes:
        known = best.get(change.year)
        if known is None or len(change.influence) > len(known.influence):
            best[change.year] = change
    return [best[year] for year in sorted(best)]


def _one_cut(
    panel: Panel, lane: str, year: int, recipe: Recipe
) -> tuple[dict[str, Any], pd.DataFrame | None, Change | None]:
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
        return row | {"status": "refused", "reason": reason}, None, None
    window = eligible(panel, lane, year, recipe)
    usable = usable_months(panel, lane, window)
    change = _change(lane, window, usable, recipe, recipe.between)
    seniors = int(readings(window.group)[recipe.between][0].sum())
    row |= {"eligible_artists": len(window.uploads), "senior_artists": seniors}
    if change is None:
        why = (
            f"{seniors} senior artists qualify; at least {FEWEST_SENIORS} are needed"
            if seniors < FEWEST_SENIORS
            else "no senior artist is active in the first or the last year of the window"
        )
        return row | {"status": "refused", "reason": why}, None, None
    numbers, values = _describe(window, usable, recipe)
    for name in ("platform", "instrument", "cut_year", "kind"):
        values[name] = row[name]
    return row | numbers | _percent(change), values, change


def _change(
    lane: str, window: Window, usable: NDArray[np.bool_], recipe: Recipe, between: Between
) -> Change | None:
    senior = readings(window.group)[between][0]
    if senior.sum() < FEWEST_SENIORS:
        return None
    return change_of(
        window.cut_year,
        window.months[0].year * 12 + window.months[0].month,
        not recipe.is_placebo(window.cut_year),
        [name for name, chosen in zip(window.artists, senior, strict=True) if chosen],
        (window.uploads[senior] > 0).astype(float),
        usable,
        lane,
    )


def _percent(change: Change) -> dict[str, float]:
    """Return the change in percent with the 95% interval over artists."""
    moved = np.array(list(change.influence.values()))
    reach = 1.959964 * float(np.sqrt(moved @ moved * len(moved) / (len(moved) - 1)))
    ends = {"": 0.0, "_low": -reach, "_high": reach}
    return {
        f"senior_change{end}": float(100 * np.expm1(change.value + by)) for end, by in ends.items()
    }


def _describe(
    window: Window, usable: NDArray[np.bool_], recipe: Recipe
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return sizes, the shape over repeated draws of artists, and what the figure draws."""
    rng = np.random.default_rng([recipe.seed, window.cut_year])
    n_eligible = len(window.uploads)
    n = min(recipe.n_artists, n_eligible)
    drawn = np.zeros((recipe.n_draws, n_eligible))
    for i in range(recipe.n_draws):
        drawn[i, rng.choice(n_eligible, size=n, replace=False)] = 1
    active = (window.uploads > 0).astype(float)
    gap = np.where(usable, 1.0, np.nan)
    senior, new = readings(window.group)[recipe.between]

    def counts(mask: NDArray[np.bool_]) -> Array:
        return np.asarray(drawn[:, mask] @ active[mask] * gap)

    def mean(mask: NDArray[np.bool_], months: slice) -> float:
        return float(np.nanmean(active[mask].sum(axis=0)[months] * gap[months]))

    first, last = slice(0, 12), slice(len(usable) - 12, None)
    shown = float(np.mean(shape_shown(counts(senior), counts(new), recipe.months_before)))
    numbers: dict[str, Any] = {
        "drawn_artists": n,
        "new_artists": int(new.sum()),
        "senior_first_year": mean(senior, first),
        "senior_last_year": mean(senior, last),
        "new_last_year": mean(new, last),
        "share_of_draws": shown,
        "shown": shown >= _ENOUGH_DRAWS,
    }
    groups = {"senior": senior, "new": new}
    return numbers, monthly_values(window.months, window.uploads, drawn, groups, gap)


def _sensitivity(panel: Panel, recipe: Recipe) -> pd.DataFrame:
    """Judge the same years under other readings of the recipe."""
    parts = []
    for minimum in sorted({recipe.min_uploads, *_OTHER_MINIMA}):
        other = replace(recipe, min_uploads=minimum)
        found = {between: _by_platform(panel) for between in _READINGS}
        for lane, platform in platform_lanes(panel):
            for year in years_to_try(panel, lane, recipe):
                if why_not(panel, lane, recipe.months(year)):
                    continue
                window = eligible(panel, lane, year, other)
                usable = usable_months(panel, lane, window)
                for between in _READINGS:
                    change = _change(lane, window, usable, other, between)
                    found[between][platform] += [] if change is None else [change]
        for between, changes in found.items():
            once = {name: _one_a_year(years) for name, years in changes.items()}
            parts.append(judge(minimum, between, once).wide())
    return pd.concat(parts, ignore_index=True)


def _text(table: pd.DataFrame, verdict: str, recipe: Recipe) -> str:
    """Return the verdict and how often the shape alone appears."""
    placebo = table[(table["kind"] == "placebo") & (table["status"] == "ok")]
    text = verdict
    if len(placebo):
        text += (
            f" The shape alone, 'senior artists decline, new artists rise', appears at "
            f"{int(placebo['shown'].sum())} of {len(placebo)} cut years "
            + (
                "(no date of a first event was given)."
                if recipe.events_from is None
                else f"whose windows end before {recipe.events_from[:7]}."
            )
        )
    return text + (
        f" At least {recipe.min_uploads} uploads by the end of the window stand in for the "
        "paper's number of followers."
    )
