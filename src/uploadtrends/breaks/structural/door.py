"""One door to every structural test, for one series or for every series of a panel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import Any, Literal

import pandas as pd

from uploadtrends.breaks.structural.f_tests import chow, over_dates
from uploadtrends.breaks.structural.multiple import bai_perron
from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralBreaks, StructuralTest
from uploadtrends.breaks.structural.processes import TYPES, fluctuation
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.named import NamedSeries, named_series
from uploadtrends.signatures import unknown

TESTS: dict[str, Callable[..., StructuralTest | BaiPerron]] = {
    **{f"{kind}-F": partial(over_dates, kind) for kind in ("sup", "ave", "exp")},
    "Chow": chow,
    **{kind: partial(fluctuation, kind=kind) for kind in TYPES},
    "Bai-Perron": bai_perron,
}


def structural_breaks(
    data: Any,
    test: str = "sup-F",
    *,
    regressors: Any = "constant",
    covariance: Literal["ols", "hac"] = "ols",
    date: str | dt.date | None = None,
    trim: float | None = None,
    start: float | str | dt.date | None = None,
    end: float | str | dt.date | None = None,
    window: float | None = None,
    functional: str | None = None,
    root_boundary: bool | None = None,
    level: float | None = None,
    min_size: float | None = None,
    max_breaks: int | None = None,
    breaks: int | None = None,
    criterion: Literal["bic", "lwz"] | None = None,
    confidence: float | None = None,
    unit: str = "uploads",
    groups: str | Sequence[str] | None = None,
    platforms: str | Sequence[str] | None = None,
) -> StructuralTest | BaiPerron | StructuralBreaks:
    """Test whether a regression on time (or on anything) is the same throughout.

    Parameters
    ----------
    data : pandas.Series, mapping of Series, pandas.DataFrame or Panel
        Regular, without missing periods.
    test : str
        ``"sup-F"``, ``"ave-F"``, ``"exp-F"`` (one break at an unknown date), ``"Chow"`` (at a
        stated one, with ``date=``), ``"Bai-Perron"`` (several breaks, with intervals), or a
        fluctuation test: ``"Rec-CUSUM"``, ``"OLS-CUSUM"``, ``"Rec-MOSUM"``, ``"OLS-MOSUM"``,
        ``"RE"``, ``"ME"``, ``"Score-CUSUM"``, ``"Score-MOSUM"``, ``"Poisson-CUSUM"``,
        ``"Poisson-MOSUM"``. Case does not matter.
    regressors : {"constant", "trend"} or pandas.DataFrame
        What may change.
    covariance : {"ols", "hac"}
        ``"hac"`` for autocorrelated errors.
    date : date-like, optional
        Of the Chow test.
    trim, start, end : optional
        Of the F tests, `trim` also of score tests by ``functional="sup-lm"``: see `sup_f`.
    window, functional, root_boundary, level : optional
        Of fluctuation tests: see `fluctuation`.
    min_size, max_breaks, breaks, criterion, confidence : optional
        Of Bai-Perron: see `bai_perron`.
    unit, groups, platforms : optional
        Which series of a panel, as in `change_points`.

    Returns
    -------
    StructuralTest or BaiPerron
        For one pandas Series.
    StructuralBreaks
        For anything else: one test for each of its series.

    Raises
    ------
    InputError
        If the test is unknown, a setting is none of this test's, or the data cannot be used.

    See Also
    --------
    change_points : dated changes that a smooth course and autocorrelation do not explain.

    Examples
    --------
    >>> import pandas as pd
    >>> flow = [9.0, 11, 10, 9, 11, 10, 9, 10, 4, 5, 6, 5, 4, 5, 6, 4, 5, 6]
    >>> series = pd.Series(flow, pd.date_range("2021-01-01", periods=18, freq="MS"))
    >>> found = structural_breaks(series, "OLS-CUSUM")
    >>> found.p < 0.01, f"{found.date:%Y-%m}"
    (True, '2021-09')
    """
    said = dict(locals())
    chosen = {"unit", "groups", "platforms"}
    run = _of_test(
        test,
        {
            name: value
            for name, value in said.items()
            if name not in {"data", "test", *chosen} and value is not None
        },
    )
    if isinstance(data, pd.Series):
        return run(data)
    series = named_series(data, **{name: said[name] for name in chosen})
    tests = tuple(run(item.values) for item in series)
    call = Call.of(said, *_values(series), function="structural_breaks")
    names = tuple((item.platform, item.group) for item in series)
    return StructuralBreaks(names, tests, call)


def _values(series: list[NamedSeries]) -> list[pd.Series]:
    return [item.values.rename(item.name) for item in series]


STRUCCHANGE = {"breakpoints": "Bai-Perron", "Fstats": "sup-F", "efp": "OLS-CUSUM"}
"""Functions of R's package by the test that they stand for here."""


def _of_test(test: str, options: dict[str, Any]) -> Callable[..., StructuralTest | BaiPerron]:
    """Return the test with its settings, all of which it must know."""
    known = {name.lower(): name for name in TESTS}
    name = known.get(str(test).lower())
    if name is None:
        here = STRUCCHANGE.get(str(test))
        said = f"{test} of strucchange is {here} here; " if here else ""
        fix = f"{said}use {', '.join(TESTS)}"
        raise InputError("unknown test", column="test", value=test, fix=fix)
    parameters = signature(TESTS[name]).parameters
    settings = [key for key in parameters if key not in ("series", "kind")]
    for key in options:
        if key not in settings:
            raise unknown(key, settings, f"{name} has no such setting", column="setting")
    if name == "Chow" and "date" not in options:
        raise InputError(
            "the Chow test asks about one stated date", column="date", value=None, fix="add date="
        )
    return partial(TESTS[name], **options)
