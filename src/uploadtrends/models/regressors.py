"""What else enters a model, put on its grid: controls, covariates, offsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.models.settings import Settings
from uploadtrends.series.grid import as_regular_series, days, frequency, period_ends
from uploadtrends.series.named import NamedSeries, of_series
from uploadtrends.series.steps import step_of


def control_of(item: NamedSeries, settings: Settings, index: pd.DatetimeIndex) -> Array | None:
    """Return the control of a series (N,), or None where none was given."""
    control: Any = settings.control
    if control is None:
        return None
    if isinstance(control, Mapping):
        # Names of series are text.
        control = {key if isinstance(key, tuple) else str(key): control[key] for key in control}
        for key in ((item.platform, item.group), item.group, item.platform):
            if key in control:
                control = control[key]
                break
        else:
            raise InputError(
                "no control series for this one",
                column="control",
                value=item.name,
                fix="give one Series for all, or a dict with this name as key",
            )
    return _align(control, index, "control", settings)


def covariates_of(settings: Settings, index: pd.DatetimeIndex) -> list[tuple[str, Array]]:
    """Return names and columns (N,) of the covariates given."""
    found = [] if settings.holidays is None else [("holidays", holidays(settings.holidays, index))]
    if settings.covariates is None:
        return found
    given: Any = settings.covariates
    if not isinstance(given, pd.Series | pd.DataFrame | Mapping):
        raise InputError(
            "covariates come by date",
            column="covariates",
            value=type(given).__name__,
            fix="give a DataFrame or Series with the dates of the data, or names of its columns",
        )
    frame = given.to_frame(given.name or "covariate") if isinstance(given, pd.Series) else given
    names = list(map(str, frame))
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                "two covariates have names that read the same",
                column=name,
                fix="give each a name of its own, or drop one",
            )
    return found + [
        (name, _align(frame[key], index, name, settings))
        for name, key in zip(names, frame, strict=True)
    ]


def holidays(where: str, index: pd.DatetimeIndex) -> Array:
    """Return the days of public holidays in every period (N,); 1 for every hour of such a day.

    Parameters
    ----------
    where : str
        Country, or country and part: "DE", "DE-BY", "US-CA", as package `holidays` names them.
    index : DatetimeIndex with freq

    Raises
    ------
    InputError
        If the package is missing, does not know the place, or no holiday lies in the data.
    """
    try:
        import holidays as calendars
    except ImportError:
        raise InputError(
            "holidays need a package that is not installed",
            column="holidays",
            value=where,
            fix="pip install 'uploadtrends[holidays]'",
        ) from None
    country, _, part = where.partition("-")
    ends = period_ends(index)
    years = range(index[0].year, ends[-1].year + 1)
    try:
        known = calendars.country_holidays(country, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise InputError(
            f"unknown country or part of it: {error}",
            column="holidays",
            value=where,
            fix='a code such as "DE" or "DE-BY"',
        ) from None
    feasts = pd.DatetimeIndex(sorted(known)).tz_localize(index.tz)
    # A period holds the holidays that begin in it; an hour has one if its day is one.
    if (step_of(frequency(index)).seconds or 86_400) < 86_400:
        count = index.normalize().isin(feasts).astype(float)
    else:
        count = (feasts.searchsorted(ends) - feasts.searchsorted(index)).astype(float)
    if not count.any():
        raise InputError("no public holiday lies in the data", column="holidays", value=where)
    return np.asarray(count)


def _align(series: Any, index: pd.DatetimeIndex, name: str, settings: Settings) -> Array:
    if isinstance(series, pd.DataFrame) and series.shape[1] == 1:
        series = series.iloc[:, 0]
    if not isinstance(series, pd.Series):
        raise InputError(
            "expected a pandas Series with dates",
            column=name,
            value=type(series).__name__,
            fix="give it the same index as the data",
        )
    try:
        regular = as_regular_series(series, week=settings.week, labels=settings.labels)
    except InputError as error:
        raise of_series(error, name) from None
    found = frequency(pd.DatetimeIndex(regular.index))
    if found != frequency(index):
        raise InputError(
            "the series has another frequency than the data",
            column=name,
            value=found,
            fix=f"aggregate it to {frequency(index)}",
        )
    aligned: Array = regular.reindex(index).to_numpy(dtype=float)
    if np.isnan(aligned).all():
        raise InputError("the series does not overlap the data", column=name)
    return aligned


def logarithm(values: Array, name: str) -> Array:
    """Return the logarithm of positive values.

    Raises
    ------
    InputError
        If one is not positive.
    """
    known = values[~np.isnan(values)]
    if (known <= 0).any():
        raise InputError(
            "a value is not positive, so its logarithm cannot be used",
            column=name,
            value=float(known.min()),
            fix='use scale="level", or add nothing and choose another control',
        )
    return np.asarray(np.log(values))


def offset_of(
    series: pd.Series, control: Array | None, scale: str, settings: Settings
) -> tuple[Array, list[str]]:
    """Return the known part of the linear predictor and what it stands for."""
    index = pd.DatetimeIndex(series.index)
    total = np.zeros(len(index))
    notes = []
    logs = scale in ("log", "counts")
    if control is not None and settings.control_as == "difference":
        total = total + (logarithm(control, "control") if logs else control)
        notes.append(
            "outcome relative to the control series (ratio)"
            if logs
            else "outcome minus the control series"
        )
    for name, values in (
        ("control", control if settings.control_as == "offset" else None),
        (
            "offset",
            None if settings.offset is None else _align(settings.offset, index, "offset", settings),
        ),
        ("exposure", days(index) / days(index).mean() if settings.exposure == "days" else None),
    ):
        if values is None:
            continue
        if not logs:
            raise InputError(
                "an offset needs the log scale or counts",
                column=name,
                value=f'scale "{scale}"',
                fix='use scale="log", or divide the series by it first',
            )
        total = total + logarithm(values, name)
        notes.append(f"{name} as offset (logarithm, coefficient 1)")
    return total, notes
