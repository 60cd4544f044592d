"""The verb that watches new periods: has a series left the course of its history?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import Base, scan
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.breaks.likelihood.unusual import find_odd
from uploadtrends.breaks.monitoring.result import Monitored, Monitoring
from uploadtrends.breaks.monitoring.simulated import watch_autocorrelated
from uploadtrends.breaks.regime_fit import calibrated_regimes
from uploadtrends.breaks.season import find_season, seasonal_component
from uploadtrends.breaks.structural.monitoring import MONITORING_TYPES, MonitoringType, watch
from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.limits import inside, whole_number
from uploadtrends.result import Call
from uploadtrends.series.grid import FEWEST_PERIODS, frequency, moment, period_of, stamp
from uploadtrends.series.named import NamedSeries, named_series
from uploadtrends.series.steps import step_of

HORIZON = 24  # new periods for which the boundary is made, where nothing else is said


@dataclass(frozen=True)
class _Settings:
    """Settings of one call."""

    test: MonitoringType
    covariance: str
    level: float
    trend: bool
    season: str | bool
    horizon: int | None
    window: float
    period: float
    seed: int


def monitor(
    history: Any,
    new: Any,
    *,
    test: MonitoringType = "OLS-CUSUM",
    covariance: Literal["ar1", "hac", "ols"] = "ar1",
    level: float = 0.05,
    trend: bool = False,
    season: Literal["auto"] | bool = "auto",
    horizon: int | None = None,
    window: float = 1.0,
    period: float = 10.0,
    unit: str = "uploads",
    groups: str | Sequence[str] | None = None,
    platforms: str | Sequence[str] | None = None,
    seed: int = 0,
) -> Monitoring:
    """Watch new periods for a departure from the course of the history.

    Run it again every period with all new periods so far: the boundary is made for looking again
    and again (Chu, Stinchcombe & White 1996), so that all looks together raise a false alarm in
    `level` of the series.

    Parameters
    ----------
    history : pandas.Series, mapping of Series, pandas.DataFrame or Panel
        Periods without a change, at least 12 observed; or all periods, if `new` is a date.
    new : date-like, or of the kind of `history`
        A day in the first period to watch (everything before that period is history), or the new
        periods themselves.
    test : {"OLS-CUSUM", "OLS-MOSUM", "RE", "ME"}
        Cumulated errors, moving sums of them (quicker for changes long after the history's end),
        recursive or moving estimates (with ``covariance="ols"`` or ``"hac"``).
    covariance : {"ar1", "hac", "ols"}
        ``"ar1"``: boundary simulated for this history's length and autocorrelation.
        ``"hac"``, ``"ols"``: boundaries of R package strucchange, with the long-run or the plain
        standard deviation of the history; the latter raises false alarms under autocorrelation.
    level : float
        False alarms to tolerate in one series.
    trend : bool
        Whether the history's straight line goes on (True) or its level.
    season : "auto" or bool
        Whether the course has effects of months, quarters, weekdays or hours; ``"auto"``: if the
        history leaves no doubt (three full cycles).
    horizon : int, optional
        Number of new periods for which an ``"ar1"`` boundary is made: 24, or the next multiple of
        24 that holds all of them.
    window, period : float
        Moving windows of R's boundaries: share of the history (.25, .5, 1; any with ``"ar1"``), and
        how long the boundary holds in lengths of the history (2, 4, 6, 8, 10).
    unit : str
        What to take from a panel.
    groups, platforms : iterable of str, optional
        Keep only these series.
    seed : int
        Of the simulated boundary.

    Returns
    -------
    Monitoring
        One row a series: alarm or not, since when, and how the change began.

    Raises
    ------
    InputError
        If an argument or the data cannot be used, or a series has no new period.

    See Also
    --------
    change_points : Changes in a whole series.

    Examples
    --------
    >>> import pandas as pd
    >>> values = [9.0, 11, 10, 9, 11, 10, 9, 10, 11, 9, 10, 10, 9, 11, 10, 9, 4, 5, 4, 5]
    >>> series = pd.Series(values, pd.date_range("2022-09-01", periods=20, freq="MS"))
    >>> monitor(series, "2024-01").alarms["alarm"].dt.strftime("%Y-%m").tolist()
    ['2024-01']
    """
    call = Call.of(locals(), history, new, function="monitor")
    inside("level", level, fix="use .05")
    seed = whole_number("seed", seed)
    if horizon is not None:
        horizon = whole_number("horizon", horizon, 1)
    if test not in MONITORING_TYPES:
        fix = f"use {', '.join(MONITORING_TYPES)}"
        raise InputError("unknown test", column="test", value=test, fix=fix)
    if covariance not in ("ar1", "hac", "ols"):
        fix = 'use "ar1", "hac" or "ols"'
        raise InputError("unknown covariance", column="covariance", value=covariance, fix=fix)
    if covariance == "ar1" and not test.startswith("OLS"):
        raise InputError(
            f"{test} has no boundary under autocorrelated errors",
            column="covariance",
            value=covariance,
            fix='use test="OLS-CUSUM", or covariance="hac"',
        )
    settings = _Settings(test, covariance, level, trend, season, horizon, window, period, seed)
    chosen = {"unit": unit, "groups": groups, "platforms": platforms}
    pieces = _pieces(history, new, chosen)
    fits = tuple(_one(named, first, settings) for named, first in pieces)
    return Monitoring(fits=fits, level=level, test=test, covariance=covariance, call=call)


def _pieces(history: Any, new: Any, chosen: dict[str, Any]) -> list[tuple[NamedSeries, int]]:
    """Return every series, history and new periods together, and the place of the first new one."""
    known = named_series(history, **chosen)
    if isinstance(new, str | dt.date | np.datetime64 | pd.Period):
        start = as_events(new)[0]
        return [(item, _first_from(item.values, start.at or start.start)) for item in known]
    latest = {(item.platform, item.group): item for item in named_series(new, **chosen)}
    if isinstance(history, pd.Series) and isinstance(new, pd.Series):  # whatever they are called
        latest = {(known[0].platform, known[0].group): next(iter(latest.values()))}
    if strange := [item.name for key, item in latest.items() if key not in map(_key, known)]:
        raise InputError(
            "a new series has no history",
            column="new",
            value=strange[0],
            fix=f"use the names of the history: {', '.join(item.name for item in known)}",
        )
    found = []
    for item in known:
        more = latest.get(_key(item))
        if more is None:
            raise InputError(
                "a series has no new periods",
                column="new",
                value=item.name,
                fix="give its new periods, or leave it out of the history",
            )
        indices = [pd.DatetimeIndex(one.values.index) for one in (item, more)]
        grids = [(frequency(index), index.tz) for index in indices]
        if grids[0] != grids[1]:
            raise InputError(
                "the new periods are of another frequency or time zone than the history",
                column="new",
                value=grids[1][0],
                fix=f"aggregate to {grids[0][0]}, time zone {grids[0][1]}",
            )
        after = more.values[more.values.index > item.values.index[-1]]
        if len(after) < len(more.values):
            raise InputError(
                "the new periods begin within the history",
                column="new",
                value=f"{more.values.index[0]:%Y-%m-%d}",
                fix="give the new periods only, or all periods as history and a date as new",
            )
        whole = pd.concat([item.values, after]).asfreq(indices[0].freq)
        found.append((NamedSeries(item.platform, item.group, whole), len(item.values)))
    return found


def _key(item: NamedSeries) -> tuple[str, str]:
    return item.platform, item.group


def _first_from(series: pd.Series, start: Any) -> int:
    """Return the place of the period that holds a day or time, or of the first one after it."""
    index = pd.DatetimeIndex(series.index)
    place = period_of(index, start)
    return int(index.searchsorted(moment(index, start))) if place is None else place


def _one(named: NamedSeries, first: int, settings: _Settings) -> Monitored:
    series = named.values
    known = series.notna().to_numpy()
    blank = Monitored(named.platform, named.group, series, first)
    observed = int(known[:first].sum())
    if observed < FEWEST_PERIODS:
        return blank.refused(
            f"its history has {observed} observed periods and {FEWEST_PERIODS} are needed"
        )
    if not known[first:].any():
        return blank.refused("it has no new period")
    values = series.to_numpy()
    if np.ptp(values[:first][known[:first]]) == 0.0:
        return blank.refused("its history never varies")
    frame = _Frame.of(series, first, settings)
    if frame.history <= frame.design.shape[1] + 4:
        return blank.refused("its history is too short for this course")
    return _watched(blank, frame, settings)


def _watched(blank: Monitored, frame: _Frame, settings: _Settings) -> Monitored:
    n, m = frame.history, len(frame.rows)
    response, design = frame.values, frame.design[:m]
    rho, p = float("nan"), float("nan")
    if settings.covariance == "ar1":
        found = watch_autocorrelated(
            response,
            frame.design,
            frame.rows,
            n,
            frame.ahead,
            moving=settings.test == "OLS-MOSUM",
            window=settings.window,
            level=settings.level,
            seed=settings.seed,
        )
        process, boundary, alarm = found.process, found.boundary[: m - n], found.alarm
        rho, p = found.rho, found.p
    else:
        seen = watch(
            response,
            design,
            n,
            settings.test,
            level=settings.level,
            window=settings.window,
            period=settings.period,
            covariance="hac" if settings.covariance == "hac" else "ols",
        )
        one = seen.process.shape[1] == 1 and settings.test.startswith("OLS")
        process = seen.process[:, 0] if one else seen.statistic
        boundary, alarm = seen.boundary, seen.alarm
    index = pd.DatetimeIndex(blank.observed.index)
    watched = index[frame.rows[n:]]
    began = None
    if alarm is not None:
        place = _beginning(response, frame.rows, design, n)
        began = index[frame.rows[place]]
    return blank.finished(
        process=pd.Series(process, watched),
        boundary=pd.Series(boundary, watched),
        fitted=pd.Series(frame.course, index),
        alarm=None if alarm is None else watched[alarm],
        began=began,
        autocorrelation=rho,
        p=p,
        reason=frame.reason,
    )


def _beginning(values: Array, rows: NDArray[np.intp], design: Array, history: int) -> int:
    """Return the row at which the change most likely began, late in the history at the earliest."""
    spread = float(values.std()) or 1.0
    base = Base(Spacing.of(rows), design.T)
    standard = ((values - values.mean()) / spread)[None, :]
    low = history - history // 4
    found = scan(standard, base, ("step",), low=low, high=len(values) - 1)
    return int(found["step"].date[0])


@dataclass(frozen=True, eq=False)
class _Frame:
    """Observed rows of one series and their regressors, up to the horizon."""

    values: Array
    rows: NDArray[np.intp]
    history: int
    ahead: Array
    design: Array
    course: Array
    reason: str

    @classmethod
    def of(cls, series: pd.Series, first: int, settings: _Settings) -> _Frame:
        """Lay out one series: history without odd periods, then everything new."""
        values = series.to_numpy()
        rows = np.flatnonzero(np.isfinite(values))
        past = rows[rows < first]
        calendar = step_of(frequency(series.index)).cycle
        cycle = _cycle(values[past], past, calendar, settings.season)
        odd = find_odd(values[past], past, trend=settings.trend) if cycle is None else []
        gone = past[[one.row for one in odd]] if odd else past[:0]
        rows = np.setdiff1d(rows, gone)
        history = len(past) - len(gone)
        m = len(series) - first
        horizon = settings.horizon or HORIZON * -(-m // HORIZON)
        if horizon < m:
            raise InputError(
                "the horizon is shorter than the new periods",
                column="horizon",
                value=horizon,
                fix=f"give at least {m}",
            )
        ahead = np.arange(len(series), first + horizon)
        design = _design(np.concatenate([rows, ahead]), past, cycle, trend=settings.trend)
        fitted = np.linalg.lstsq(design[:history], values[rows[:history]], rcond=None)[0]
        every = _design(np.arange(len(series)), past, cycle, trend=settings.trend)
        notes = [] if cycle is None else [f"course with effects of {cycle} periods"]
        if len(gone):
            dates = ", ".join(stamp(series.index[row], frequency(series.index)) for row in gone)
            notes.append(f"unusual periods of the history set aside: {dates}")
        if caution := _caution(
            values[rows[:history]], rows[:history], series.index, cycle, settings
        ):
            notes.append(caution)
        if missing := int(np.isnan(values).sum()):
            notes.append(f"{missing} missing periods left out")
        return cls(values[rows], rows, history, ahead, design, every @ fitted, "; ".join(notes))


def _cycle(
    values: Array, rows: NDArray[np.intp], calendar: int | None, wanted: str | bool
) -> int | None:
    if wanted is False or calendar is None:
        return None
    if wanted is True:
        return calendar
    found = find_season(values - values.mean(), calendar, rows)
    return calendar if found == calendar else None


def _design(
    rows: NDArray[np.intp], past: NDArray[np.intp], cycle: int | None, *, trend: bool
) -> Array:
    """Return a constant, a line on request, and effects of the phases seen in the history."""
    columns = [np.ones(len(rows))]
    if trend:
        columns.append((rows - past.mean()) / len(past))
    if cycle is not None:
        phases = np.unique(past % cycle)
        columns += [(rows % cycle == phase).astype(float) for phase in phases[1:]]
    return np.stack(columns, axis=1)


def _caution(
    values: Array,
    rows: NDArray[np.intp],
    index: pd.Index[Any],
    cycle: int | None,
    settings: _Settings,
) -> str:
    """Say so if the history is not what it is taken for: one course without a change."""
    if len(rows) < FEWEST_PERIODS:
        return ""
    if cycle is not None:
        whole = np.full(int(rows[-1]) + 1, np.nan)
        whole[rows] = values
        values = values - seasonal_component(whole, cycle)[rows]
    found = calibrated_regimes(
        values, rows - rows[0], trend=True, level=0.05, minimum=None, seed=settings.seed
    )
    if found.label and found.best is not None:
        when = stamp(index[rows[found.best]], frequency(index))
        return f"caution: the history itself changes, near {when}; a later start may be better"
    if found.null == "line" and not settings.trend:
        return "caution: the history drifts; trend=True carries its line on"
    return ""
