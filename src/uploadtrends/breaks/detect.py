"""The public verb: where did a series change, if at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.by_ruptures import ruptures_positions
from uploadtrends.breaks.changes import Change, SeriesChanges, UnusualPeriod
from uploadtrends.breaks.likelihood.posterior import credible_interval
from uploadtrends.breaks.likelihood.unusual import Odd
from uploadtrends.breaks.regime_fit import Cut, Regimes, calibrated_regimes, varies_not
from uploadtrends.breaks.result import ChangePoints
from uploadtrends.breaks.season import find_season, seasonal_component, without_step
from uploadtrends.breaks.segmentation import described, descriptive_regimes
from uploadtrends.breaks.settings import ChangePointSettings
from uploadtrends.breaks.wording import Finding
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.gaps import mostly_missing
from uploadtrends.series.grid import FEWEST_PERIODS, frequency
from uploadtrends.series.named import NamedSeries, named_series
from uploadtrends.series.steps import step_of
from uploadtrends.threads import one_thread


@one_thread
def change_points(
    data: Any,
    *,
    cost: Any = "auto",
    penalty: str | float = "calibrated",
    search: Literal["pelt", "binseg", "bottom-up", "window", "dynp", "kernel"] | None = None,
    n_changes: int | None = None,
    trend: bool = True,
    scale: Literal["level", "log"] = "level",
    confidence: float = 0.95,
    min_size: int | None = None,
    season: Literal["auto"] | bool = "auto",
    unit: str = "uploads",
    groups: str | Sequence[str] | None = None,
    platforms: str | Sequence[str] | None = None,
    seed: int = 0,
    week: str | None = None,
    labels: str = "auto",
    complete_to: Any = None,
) -> ChangePoints:
    """Find when a series changed its level or course, with intervals, or find nothing.

    The calibrated default asks, in this order: is any single period odd (it is named and set
    aside)? Is there any change beyond what a series with this autocorrelation, and if need be this
    drift, shows by chance? Does a dated change explain it clearly better than a smooth course? Is
    each change of the best segmentation needed beside the others?

    Parameters
    ----------
    data : pandas.Series, mapping of Series, pandas.DataFrame or Panel
        Any regular frequency; see `uploadtrends.series.grid.as_regular_series`.
    penalty : {"calibrated", "mbic", "bic", "crops"} or float
        ``"calibrated"`` holds false alarms at ``1 - confidence`` per series whether or not the
        series is autocorrelated or drifts. The others are descriptive: they say where the best
        segmentation cuts, not whether there is anything to cut. ``"crops"`` takes the
        segmentation that is optimal over the widest range of penalties (`penalty_path`).
    search : {"pelt", "binseg", "bottom-up", "window", "dynp", "kernel"}, optional
        Run this search of ruptures instead (Truong et al. 2020), with our dates, gaps and printing:
        descriptive, penalty BIC unless said otherwise. ``"kernel"`` takes the kernel as `cost`
        (linear, rbf, cosine).
    n_changes : int, optional
        With a search: the number of changes instead of a penalty (``"dynp"`` needs it).
    cost : str or object
        ``"auto"`` (straight-line regimes with AR(1) errors when calibrated, means otherwise),
        ``"mean"``, ``"mean_variance"``, ``"linear"``, ``"poisson"``, ``"negative_binomial"``,
        ``"autoregressive"``, or a cost object (of `uploadtrends.breaks.costs` or of ruptures).
        With a search also ruptures' own names, such as ``"l1"``, ``"l2"``, ``"rbf"``.
    trend : bool
        Whether a straight line counts as "no change" and regimes may slope. False means: the
        series is known to have no drift; more power for level shifts, and no smooth course is
        considered.
    scale : {"level", "log"}
        ``"log"`` analyses logarithms: changes are then factors, and slopes growth rates per
        period. All values must be positive.
    confidence : float
        Coverage of the date intervals (all of one series at once: Bonferroni), and one minus the
        false alarms to tolerate.
    min_size : int, optional
        Shortest regime in observed periods (3 by default when calibrated, else what the cost
        needs).
    season : "auto" or bool
        Remove a stable season (effects of months, quarters, weekdays or hours) first. ``"auto"``:
        when there are three full cycles and the season is beyond doubt (`find_season`).
    unit : str
        What to take from a panel.
    groups, platforms : iterable of str, optional
        Keep only these series.
    week, labels, complete_to : optional
        How the dates of the index are read, as in `interrupted_time_series`.
    seed : int
        Seed of the simulated null laws; the same seed gives the same answer.

    Returns
    -------
    ChangePoints
        Dates are the first period of the new regime; confirmed changes only, everything else of
        the best segmentation is in ``further``. A series of fewer than 12 observed periods, or
        with more than half of them missing, is refused with its reason. Missing periods are left
        out of the likelihood when calibrated; other penalties and searches bridge them by straight
        lines.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.

    See Also
    --------
    interrupted_time_series : What changed at dates that are known.
    monitor : Whether new periods still belong to the old.
    structural_breaks : The tests of econometrics.

    Examples
    --------
    >>> import pandas as pd
    >>> flow = [9.0, 11, 10, 9, 11, 10, 9, 10, 4, 5, 6, 5, 4, 5, 6, 4, 5, 6]
    >>> index = pd.date_range("2021-01-01", periods=18, freq="MS")
    >>> change_points(pd.Series(flow, index)).to_frame()["date"].dt.strftime("%Y-%m").tolist()
    ['2021-09']
    """
    settings = ChangePointSettings(
        cost=cost,
        penalty=penalty,
        search=search,
        n_changes=n_changes,
        trend=trend,
        scale=scale,
        confidence=confidence,
        min_size=min_size,
        season=season,
        unit=unit,
        seed=seed,
        week=week,
        labels=labels,
        complete_to=complete_to,
    )
    settings.check()
    chosen = named_series(
        data,
        unit=unit,
        groups=groups,
        platforms=platforms,
        week=week,
        labels=labels,
        complete_to=complete_to,
    )
    call = Call.of(settings, *chosen, function="change_points")
    fits = tuple(_one(named, settings) for named in chosen)
    return ChangePoints(fits=fits, confidence=confidence, call=call)


def _one(named: NamedSeries, settings: ChangePointSettings) -> SeriesChanges:
    whole = named.values
    blank = SeriesChanges(
        platform=named.platform,
        group=named.group,
        observed=whole,
        fitted=pd.Series(dtype=float),
        changes=(),
        status="refused",
        reason="",
        sentence="",
        p=float("nan"),
        cost=settings.cost_name,
        penalty=settings.penalty_name,
        season="none",
        autocorrelation=float("nan"),
    )
    refusal = _refusal(whole, settings.min_size)
    if refusal:
        sentence = f"{named.name}: not analysed, because {refusal}."
        return replace(blank, reason=refusal, sentence=sentence)
    inside = np.flatnonzero(whole.notna())
    series = whole.iloc[inside[0] : inside[-1] + 1]
    steady = series.dropna().to_numpy()
    if varies_not(steady):
        return replace(
            blank,
            observed=series,
            fitted=pd.Series(float(steady[0]), series.index),
            status="no change",
            reason="the series never varies",
            sentence=f"{named.name}: no change; the series never varies.",
            p=1.0,
        )
    found = _analysed(named.name, series, blank, settings)
    return replace(found, sentence=f"{found.sentence} Periods: {named.calendar}.")


def _analysed(
    name: str, series: pd.Series, blank: SeriesChanges, settings: ChangePointSettings
) -> SeriesChanges:
    scaled = _log(name, series) if settings.scale == "log" else series
    removed, season = _season(scaled, settings.season)
    found = _regimes(scaled, removed, settings)
    place = _Places(series, removed, settings, found)
    fit = replace(
        blank,
        observed=series,
        fitted=pd.Series(place.units(found.fitted + removed), series.index),
        changes=tuple(place.change(cut) for cut in found.cuts),
        further=tuple(place.change(cut) for cut in found.further),
        unusual=tuple(place.unusual(one) for one in found.odd),
        status=_STATUS[found.label] if settings.calibrated else "ok" if found.cuts else "no change",
        p=found.p,
        season=season,
        autocorrelation=found.autocorrelation,
        label=found.label,
    )
    said = Finding(name, fit, found.null, place.when(found.best), settings.confidence)
    missing = int(series.isna().sum())
    return replace(
        fit,
        reason=said.reason(missing, descriptive=not settings.calibrated),
        sentence=said.sentence(growth=settings.scale == "log"),
    )


_STATUS = {
    "": "no change",
    "change": "ok",
    "change or smooth course": "undecided",
    "smooth bend": "smooth",
}


def _regimes(scaled: pd.Series, removed: Array, settings: ChangePointSettings) -> Regimes:
    values = scaled.to_numpy() - removed
    if varies_not(values[np.isfinite(values)], unit=scaled.abs().max()):
        values = values * 0.0 + np.nanmean(values)  # a season and nothing else, but for rounding
    if settings.calibrated:
        rows = np.flatnonzero(np.isfinite(values))
        counts = settings.scale == "level" and bool((scaled.dropna() % 1 == 0).all())
        counts = counts and bool((scaled.dropna() >= 0).all())
        return calibrated_regimes(
            values[rows],
            rows,
            trend=settings.trend,
            level=1.0 - settings.confidence,
            minimum=settings.min_size,
            seed=settings.seed,
            season=removed[rows] if counts else None,
        )
    known = np.flatnonzero(np.isfinite(values))
    values = np.interp(np.arange(len(values)), known, values[known])
    if settings.search is None:
        return descriptive_regimes(
            values,
            cost="mean" if settings.cost_name == "mean" else settings.cost,
            penalty=settings.penalty,
            minimum=settings.min_size,
            seed=settings.seed,
        )
    cost, positions = ruptures_positions(
        values,
        settings.search,
        cost=settings.cost,
        penalty=settings.price,
        n_changes=settings.n_changes,
        min_size=settings.min_size,
    )
    return described(values, positions, cost, max(cost.min_size, settings.min_size or 1), 0)


def _refusal(series: pd.Series, shortest: int | None) -> str:
    observed = int(series.notna().sum())
    if observed < FEWEST_PERIODS:
        return f"it has {observed} observed periods and {FEWEST_PERIODS} are needed"
    if shortest is not None and observed < 2 * shortest:
        return f"two regimes of min_size {shortest} do not fit into its {observed} observed periods"
    return mostly_missing(series)


def _log(name: str, series: pd.Series) -> pd.Series:
    low = series.min()
    if low <= 0:
        raise InputError(
            f"the logarithm needs positive values ({name})",
            column="scale",
            value=float(low),
            fix='use scale="level", or leave out the periods at or below zero',
        )
    logged: pd.Series = np.log(series)
    return logged


def _season(series: pd.Series, wanted: str | bool) -> tuple[Array, str]:
    """Return what to subtract, and what was done in words."""
    calendar = step_of(frequency(series.index)).cycle
    if wanted is False:
        return np.zeros(len(series)), "none"
    values = without_step(series.to_numpy(), calendar) if calendar else series.to_numpy()
    if wanted is True:
        if calendar is None or len(values) < 2 * calendar:
            raise InputError(
                "no season can be removed from this series",
                column="season",
                value=f"{len(values)} periods",
                fix='use season="auto"',
            )
        period: int | None = calendar
    else:
        rows = np.flatnonzero(np.isfinite(values))
        period = find_season(values[rows] - values[rows].mean(), calendar, rows)
    if period is None:
        return np.zeros(len(values)), "none found"
    return seasonal_component(values, period), f"effects of a {period}-period season removed"


class _Places:
    """From rows of the analysis to periods of the series, and from its scale to the units."""

    def __init__(
        self, series: pd.Series, removed: Array, settings: ChangePointSettings, found: Regimes
    ) -> None:
        self.index, self.removed = pd.DatetimeIndex(series.index), removed
        known = series.notna().to_numpy(copy=True)
        self.rows = np.flatnonzero(known) if settings.calibrated else np.arange(len(series))
        # An odd period is as good as missing: a change beside it may have begun in it.
        known[self.rows[[one.row for one in found.odd]]] = False
        self.series, self.known = series, known
        self.log = settings.scale == "log"
        # All intervals of a series hold at once (Bonferroni), where changes are tested at all.
        shared = max(len(found.cuts), 1) if settings.calibrated else 1
        self.confidence = 1.0 - (1.0 - settings.confidence) / shared

    def units(self, values: Any) -> Any:
        """Return values of the analysis in units of the series."""
        return np.exp(values) if self.log else values

    def when(self, row: int | None) -> pd.Timestamp | None:
        """Return the period of a row."""
        return None if row is None else self.index[self.rows[row]]

    def unusual(self, one: Odd) -> UnusualPeriod:
        """Return an odd period with its date."""
        at = int(self.rows[one.row])
        expected = float(self.units(one.expected + self.removed[at]))
        return UnusualPeriod(self.index[at], float(self.series.iloc[at]), expected)

    def change(self, cut: Cut) -> Change:
        """Return a change with its dates and levels."""
        at = int(self.rows[cut.row])
        low, high = self._interval(cut, at)
        places, weights = cut.posterior
        kept = weights > 1e-4
        before, after = self.removed[at - 1], self.removed[at]
        return Change(
            date=self.index[at],
            low=self.index[low],
            high=self.index[high],
            before=float(self.units(cut.before + before)),
            after=float(self.units(cut.after + after)),
            slope_before=cut.slope_before,
            slope_after=cut.slope_after,
            position=at,
            probability=pd.Series(weights[kept], self.index[self.rows[places[kept]]]),
            p=cut.p,
        )

    def _interval(self, cut: Cut, at: int) -> tuple[int, int]:
        low, high = credible_interval(cut.posterior, self.confidence)
        first, last = min(int(self.rows[low]), at), max(int(self.rows[high]), at)
        # A change inside a gap could be anywhere in it: the interval covers the whole gap.
        while first > 1 and not self.known[first - 1]:
            first -= 1
        while not self.known[last] and last < len(self.known) - 1:
            last += 1
        return first, last
