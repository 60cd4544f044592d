"""The settings of an interrupted time series, checked before anything is fitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.limits import inside, one_of, whole_number
from uploadtrends.models.terms import TERMS

if TYPE_CHECKING:
    import pandas as pd

METHODS = (
    "auto",
    "reml-averaged",
    "reml-ar1",
    "ols-hac",
    "prais-winsten",
    "arma",
    "arima",
    "poisson",
    "quasi-poisson",
    "negative-binomial",
    "count-ar1",
    "ar1-plus-noise",
    "structural",
    "zero-inflated-poisson",
    "zero-inflated-negative-binomial",
    "hurdle-poisson",
    "hurdle-negative-binomial",
)
COUNT_METHODS = (
    "poisson",
    "quasi-poisson",
    "negative-binomial",
    "count-ar1",
    "zero-inflated-poisson",
    "zero-inflated-negative-binomial",
    "hurdle-poisson",
    "hurdle-negative-binomial",
)
Window = tuple[dt.date | str, dt.date | str]


@dataclass(frozen=True)
class Settings:
    """Everything that decides how one series is modelled; see `interrupted_time_series`."""

    method: str = "auto"
    errors: str = "averaged"
    terms: tuple[str, ...] = ("level", "slope")
    scale: str = "auto"
    season: str | int | None = "auto"
    boundary: str = "exposure"
    ramp_start: int = 0
    onset_periods: int = 1
    pulse_periods: int = 1
    lag: int = 0
    washout: int | Window | Sequence[Window] | None = None
    trend: bool = True
    control: pd.Series | Mapping[Any, pd.Series] | None = None
    control_as: str = "covariate"
    covariates: pd.DataFrame | None = None
    formula: str | None = None
    offset: pd.Series | None = None
    exposure: str | None = None
    confounders: Any = ()
    instrument: str = "window"
    instrument_breaks: tuple[Any, ...] = ()
    holidays: str | None = None
    merge: bool = True
    horizons: tuple[int, ...] = (1, 3, 6, 12)
    unit: str = "uploads"
    confidence: float = 0.95
    alternative: str = "two-sided"
    phi: str = "integrate"
    phi_prior: str = "arcsine"
    quantiles: str = "auto"
    hac_lags: int | None = None
    covariance: str = "model"
    arma_order: tuple[int, int] = (1, 0)
    order: tuple[int, int, int] = (1, 0, 0)
    seasonal: tuple[int, int, int, int] | None = None
    week: str | None = None
    labels: str = "auto"
    complete_to: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(dict.fromkeys(_tuple(self.terms))))
        months = dict.fromkeys(whole_number("horizons", h, 1) for h in _tuple(self.horizons))
        object.__setattr__(self, "horizons", tuple(months))
        for name, least in (
            ("ramp_start", 0),
            ("lag", 0),
            ("onset_periods", 1),
            ("pulse_periods", 1),
            ("hac_lags", 0),
        ):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        if isinstance(self.washout, int | float):
            object.__setattr__(self, "washout", whole_number("washout", self.washout))
        object.__setattr__(self, "instrument_breaks", _tuple(self.instrument_breaks))
        object.__setattr__(self, "arma_order", tuple(self.arma_order))
        object.__setattr__(self, "order", tuple(self.order))
        if self.seasonal is not None:
            object.__setattr__(self, "seasonal", tuple(self.seasonal))
        for name, length, example in (
            ("arma_order", 2, '(1, 0); for differences method="arima", order=(1, 1, 0)'),
            ("order", 3, "(1, 0, 0)"),
            ("seasonal", 4, "(0, 1, 1, 12)"),
        ):
            given = getattr(self, name)
            if given is not None and (
                len(given) != length or any(not isinstance(part, int) or part < 0 for part in given)
            ):
                raise InputError(
                    f"{name} takes {length} whole numbers of at least 0",
                    column=name,
                    value=given,
                    fix=example,
                )
        one_of("method", self.method, METHODS)
        for term in self.terms:
            one_of("terms", term, tuple(TERMS))
        if not self.terms:
            raise InputError("no terms to estimate", column="terms", fix='use ("level", "slope")')
        if self.seasonal is not None and any(self.seasonal[:3]) and self.seasonal[3] < 2:
            raise InputError(
                "a season has at least 2 periods",
                column="seasonal",
                value=self.seasonal,
                fix="write the periods of a cycle last, as in (0, 1, 1, 12)",
            )
        one_of("errors", self.errors, ("averaged", "ar1"))
        one_of("scale", self.scale, ("auto", "level", "log", "counts"))
        one_of("boundary", self.boundary, ("exposure", "inclusive", "exclude"))
        one_of("control_as", self.control_as, ("covariate", "difference", "offset"))
        one_of("phi", self.phi, ("integrate", "maximum"))
        one_of("phi_prior", self.phi_prior, ("arcsine", "uniform"))
        one_of("quantiles", self.quantiles, ("auto", "t", "normal"))
        one_of("alternative", self.alternative, ("two-sided", "greater", "less"))
        one_of("covariance", self.covariance, ("model", "hac"))
        one_of("instrument", self.instrument, ("window", "term"))
        one_of("exposure", self.exposure, (None, "days"))
        if self.season not in (None, "auto", "none", "dummies", "harmonics") and not (
            isinstance(self.season, int)
            and not isinstance(self.season, bool)
            and 0 <= self.season <= 6
        ):
            raise InputError(
                "unknown seasonal terms",
                column="season",
                value=self.season,
                fix='use "auto", "none", "harmonics", "dummies" or a number of harmonics',
            )
        # The one end of a one-sided interval is that of a two-sided one.
        inside("confidence", self.confidence, 0.0 if self.alternative == "two-sided" else 0.5)
        if self.method in COUNT_METHODS and self.scale not in ("auto", "counts"):
            raise InputError(
                f"{self.method} models counts",
                column="scale",
                value=self.scale,
                fix='leave scale="auto" or choose another method',
            )
        if self.scale == "counts" and self.method not in ("auto", *COUNT_METHODS):
            raise InputError(
                f"{self.method} does not model counts",
                column="scale",
                value=self.scale,
                fix='use method="count-ar1", or scale "log" or "level"',
            )

    @property
    def coverage(self) -> float:
        """Of the two-sided interval whose one end is the bound of a one-sided one."""
        return self.confidence if self.alternative == "two-sided" else 2 * self.confidence - 1


def _tuple(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, str) or not hasattr(given, "__iter__") else tuple(given)
