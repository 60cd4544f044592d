"""Interrupted time series with intervals that hold under autocorrelation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.models.columns.named import Resolved, by_name
from uploadtrends.models.estimators.correlated import gls
from uploadtrends.models.fitting import Fit
from uploadtrends.models.result import InterruptedTimeSeries, run
from uploadtrends.models.settings import Settings
from uploadtrends.models.standardised import effect_sizes
from uploadtrends.series.named import named_series

__all__ = ["Fit", "InterruptedTimeSeries", "effect_sizes", "gls", "interrupted_time_series"]


def interrupted_time_series(
    data: Any,
    events: Any,
    *,
    method: str = "auto",
    errors: str = "averaged",
    terms: Sequence[str] = ("level", "slope"),
    scale: str = "auto",
    season: str | int | None = "auto",
    boundary: str = "exposure",
    ramp_start: int = 0,
    onset_periods: int = 1,
    pulse_periods: int = 1,
    lag: int = 0,
    washout: Any = None,
    trend: bool = True,
    control: str | pd.Series | Mapping[Any, pd.Series] | None = None,
    control_as: str = "covariate",
    covariates: str | Sequence[str] | pd.DataFrame | None = None,
    formula: str | None = None,
    offset: pd.Series | None = None,
    exposure: str | None = None,
    confounders: Any = (),
    instrument: str = "window",
    instrument_breaks: Any = (),
    holidays: str | None = None,
    merge: bool = True,
    horizons: Sequence[int] = (1, 3, 6, 12),
    unit: str = "uploads",
    platforms: str | Sequence[str] | None = None,
    groups: str | Sequence[str] | None = None,
    confidence: float = 0.95,
    alternative: str = "two-sided",
    phi: str = "integrate",
    phi_prior: str = "arcsine",
    quantiles: str = "auto",
    hac_lags: int | None = None,
    covariance: str = "model",
    arma_order: tuple[int, int] = (1, 0),
    order: tuple[int, int, int] = (1, 0, 0),
    seasonal: tuple[int, int, int, int] | None = None,
    week: str | None = None,
    labels: str = "auto",
    complete_to: Any = None,
) -> InterruptedTimeSeries:
    """Estimate what changed at the events, with intervals that hold under autocorrelation.

    Parameters
    ----------
    data : pandas.Series, DataFrame, dict of Series, or Panel
        Regular series of any step (minutes to decades), index of dates; the calendar of the index
        is kept (fiscal quarters, weeks from Sunday, business days, local days of a time zone). A
        missing period is a gap and is kept as one. A DataFrame has one series a column.
    events : date, Event, EventSet, or a list of these
        ``"2022-08-22"`` for a day, ``"2022-08"`` when only the month is known, a time of day for
        hourly data, a `pandas.Period` or ``"2022-08-22/2022-09-02"`` for a span. Events within six
        months of each other become one block with one effect (``merge=False`` keeps them apart).
    method : str
        ``"auto"``, ``"reml-averaged"``, ``"reml-ar1"``, ``"ols-hac"``, ``"prais-winsten"``,
        ``"arma"``, ``"arima"``, ``"poisson"``, ``"quasi-poisson"``, ``"negative-binomial"``,
        ``"count-ar1"``, ``"zero-inflated-poisson"``, ``"zero-inflated-negative-binomial"``,
        ``"hurdle-poisson"``, ``"hurdle-negative-binomial"``, ``"ar1-plus-noise"`` or
        ``"structural"`` (with ``trend=False`` the model of CausalImpact). Auto takes ``count-ar1``
        for counts and the restricted likelihood with ``errors`` otherwise.
    errors : {"averaged", "ar1"}
        Error model of ``"auto"``: averaged over AR(1), AR(1) plus white noise and long memory, or
        AR(1) alone (shorter intervals that cover too seldom where the noise is slower than that).
    terms : sequence of {"level", "slope", "pulse"}
        What changes at an event.
    scale : {"auto", "level", "log", "counts"}
        Auto: what the data say, by restricted likelihood: the scale of the data against the
        logarithm (a log link where counts have a zero or a mean below 10), and how the variance
        goes with the mean on each. Where log likelihoods differ by less than 2 (5 from 365 values
        on) both are computed, and a row whose claim stands on one of them alone has ``depends_on``
        "scale". A stated scale has errors of one size.
    season : {"auto", "none", "harmonics", "dummies"} or int
        Auto: two annual harmonics where there are 24 months before the first event, else none.
        With more than 26 periods a year the whole span is judged: two harmonics from 24 months on,
        12 of them before the event, and status exploratory where fewer than 24 lie before it
        (``monthly`` of the result asks months then). Days have days of the week, too, and hours
        their hour.
    boundary : {"exposure", "inclusive", "exclude"}
        The period that holds an event is weighted by its share of days after, counted wholly as
        after, or left out.
    ramp_start : int
        Value of the slope term in the first full period after the event: 0 or 1.
    onset_periods : int
        Periods until the level change is complete (1: at once).
    pulse_periods : int
        Length of the pulse term.
    lag : int
        Periods by which every effect starts late.
    washout : int, (start, end) or a list of those, optional
        Periods left out after each event, or windows of dates left out.
    trend : bool
        Whether there is a linear trend.
    control : str, Series or dict of Series, optional
        A comparison series, or the name of a column (of a panel's series: ``"platform/group"``),
        which is no outcome then. It enters ``control_as`` ``"covariate"``, ``"difference"`` (on the
        log scale: ratio) or ``"offset"``.
    covariates : DataFrame, str or list of str, optional
        Further regressors by date, or names of columns, which are no outcomes then.
    formula : str, optional
        Further terms as in R, by formulaic: ``"log(price) + C(month)"``. It may name covariates,
        columns of the data, and ``time`` (periods from 0), ``month``, ``quarter``, ``year`` and
        ``weekday``; covariates that it names enter by its terms only.
    offset : Series, optional
        Exposure, for instance active artists; its logarithm enters with coefficient 1.
    exposure : {None, "days"}
        Also account for the length of the periods.
    confounders : events, optional
        Each gets a level change of its own that is not reported as an effect.
    instrument : {"window", "term"}
        Where a panel was counted by several instruments: keep the window of one, or add a level
        change at each change of instrument.
    instrument_breaks : dates, optional
        First periods of new instruments, for data that are no panel.
    holidays : str, optional
        Public holidays of a country or one of its parts as a regressor, such as ``"DE"`` or
        ``"DE-BY"``: days of them in a period (hours of such a day: 1). Needs
        ``uploadtrends[holidays]``.
    merge : bool
        Whether crowded events are merged into blocks.
    horizons : sequence of int
        Months after the change at which the effect is reported.
    unit : str
        What the series counts; for a panel, which of its units to take.
    platforms, groups : str or list of str, optional
        Keep only these series.
    confidence : float
        Of all intervals.
    alternative : {"two-sided", "greater", "less"}
        One-sided: ``p`` is that of no change against one in this direction only, and the intervals
        of effects are open on its side. Only for a direction that was fixed before looking.
    phi : {"integrate", "maximum"}
        For ``reml-ar1``: integrate the autocorrelation out, or plug in its REML estimate (as
        R's ``nlme::gls`` does; its intervals are too short).
    phi_prior : {"arcsine", "uniform"}
        Of the autocorrelation, where it is integrated out. Uniform gives shorter intervals of
        slopes in short series and covers less where the autocorrelation is above .7.
    quantiles : {"auto", "t", "normal"}
        Of the intervals, where the method leaves a choice.
    hac_lags : int, optional
        Bandwidth of Newey-West; by default floor(4 (n/100)^(2/9)).
    covariance : {"model", "hac"}
        For Poisson, quasi-Poisson and negative binomial regression.
    arma_order : (int, int)
        Autoregressive and moving-average order of ``"arma"``.
    order : (int, int, int)
        p, d, q of ``"arima"``; differences take out the intercept (d = 2: the trend too).
    seasonal : (int, int, int, int), optional
        P, D, Q and the season's length of ``"arima"``, such as ``(0, 1, 1, 12)``.
    week : {"MON", ..., "SUN"}, optional
        First day of a week, for weekly stamps. By default a stamp is the first day of its week.
    labels : {"auto", "start", "end"}
        Whether a date of the index names the first or the last day (hour, ...) of its period.
        Auto: the last day of a month ends a period, every other date starts one or lies within.
    complete_to : date, optional
        The data are complete up to and including this day; periods that end later are left out.

    Returns
    -------
    InterruptedTimeSeries
        ``effects`` (the table), ``summary()``, ``plot()``, ``fits``.

    Raises
    ------
    InputError
        If the data, the events or a setting cannot be used as given. A series too short or an
        event with too little data around it is no error: its rows say so.

    See Also
    --------
    change_points : When a series changed, without looking at events.
    compare : The same question by other methods.
    artist_model : Differences between groups of artists.

    Examples
    --------
    >>> import pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2020-01-01", periods=48, freq="MS")
    >>> series = pd.Series([50 + i % 7 - 9 * (i > 30) for i in range(48)], index)
    >>> result = ut.interrupted_time_series(series, "2022-08-01", scale="level")
    >>> float(result.effects.set_index("term").estimate["level"].round(1))
    -8.3
    """
    said = dict(locals())
    chosen = as_events(events)
    if not len(chosen):
        raise InputError("no events given", column="events", fix='give a date such as "2022-08-22"')
    calendar = {"unit": unit, "week": week, "labels": labels, "complete_to": complete_to}
    names = None
    if by_name(control, covariates, formula):
        names = Resolved(named_series(data, **calendar))
        said["control"] = names.control(control)
        said["covariates"] = names.covariates(covariates, formula)
    settings = Settings(**{item.name: said[item.name] for item in fields(Settings)})
    series = named_series(data, platforms=platforms, groups=groups, **calendar)
    return run(series if names is None else names.outcomes(series), chosen, settings, data)
