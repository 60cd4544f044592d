"""Which model when nothing else is asked for, and the sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.settings import COUNT_METHODS, Settings
from uploadtrends.series.grid import FEWEST_PERIODS

EXPLORATORY_POINTS = 24
"""Below this a result is labelled exploratory."""
LOG_MEAN = 10.0
MAX_ZEROS = 0.20


@dataclass(frozen=True)
class Choice:
    """Method, scale and status of one series, with the reasons in words."""

    method: str
    scale: str
    status: str
    rule: str
    reason: str = ""


def scales(values: Array, settings: Settings) -> tuple[str, ...]:
    """Return the scales that the data may choose from: one, or one with a logarithm and "level".

    Counts with a mean below 10 or a zero have a log link ("counts"), other positive series a
    logarithm ("log"). An offset has no place on the scale of the data.
    """
    if settings.scale != "auto":
        return (settings.scale,)
    if settings.method in COUNT_METHODS:
        return ("counts",)
    if settings.method == "structural" or values.size == 0:
        return ("level",)
    counts, zeros, mean = _facts(values)
    difference = settings.control_as == "difference" and settings.control is not None
    found = "level"
    if values.min() > 0 and (mean >= LOG_MEAN or not counts):
        found = "log"
    elif counts and settings.method == "auto" and not (difference and zeros > 0):
        found = "counts"
    offset = settings.offset is not None or settings.exposure is not None
    offset |= settings.control is not None and settings.control_as == "offset"
    if found == "level":
        return ("level",)
    return (found,) if offset else (found, "level")


def _facts(values: Array) -> tuple[bool, float, float]:
    """Whether these are counts, the share of zeros, and the mean."""
    counts = bool((values >= 0).all() and (values == np.round(values)).all())
    return counts, float((values == 0).mean()), float(values.mean())


def choose(
    values: Array, settings: Settings, has_artists: bool = False, *, scale: str = "", why: str = ""
) -> Choice:
    """Decide how a series is modelled on a scale.

    `reml-averaged` unless the scale is counts, `count-ar1` there; `reml-ar1` where ``errors`` or a
    setting of phi asks for it. Fewer than 12 points are refused, fewer than 24 labelled
    exploratory, and so are counts with a mean below 10 or more than 20% zeros.

    Parameters
    ----------
    values : array (n,)
        Observed values.
    settings : Settings
    has_artists : bool
        Whether artist rows exist, so that an artist-level model could be fitted instead.
    scale, why : str
        One of `scales`, the first by default; why it was taken.
    """
    n = values.size
    counts, zeros, mean = _facts(values) if n else (False, 0.0, 0.0)
    scale = scale or scales(values, settings)[0]
    why_scale = why or ("scale as asked" if settings.scale != "auto" else _ONLY[scale])
    method = settings.method
    if method == "auto":
        method = "count-ar1" if scale == "counts" else _gaussian(settings)
        why = (
            "counts with autocorrelation"
            if scale == "counts"
            else "its intervals hold under autocorrelation, fast or slow, in short series"
        )
        rule = f"{method} on the {_SCALE[scale]} ({why_scale}; {why})."
    else:
        rule = f"{method} on the {_SCALE[scale]} (method as asked; {why_scale})."
    problem = _refusal(values, scale, n)
    if problem:
        return Choice(method, scale, "refused", rule, problem)
    status, reasons = "ok", []
    if n < EXPLORATORY_POINTS:
        reasons.append(f"{n} points, fewer than {EXPLORATORY_POINTS}")
    asked = settings.scale == "level" or settings.method not in ("auto", *COUNT_METHODS)
    if counts and not asked and (mean < LOG_MEAN or zeros > MAX_ZEROS):
        reasons.append(f"mean count {mean:.1f}, {zeros:.0%} zeros")
        if has_artists:
            rule += " Artist rows exist: the artist-level model is the better choice for this."
    if reasons:
        status = "exploratory"
    return Choice(method, scale, status, rule, "; ".join(reasons))


_SCALE = {"log": "log scale", "level": "scale of the data", "counts": "counts"}
_ONLY = {
    "log": "positive, with an offset",
    "level": "no logarithm can be taken of it",
    "counts": "counts",
}


def _gaussian(settings: Settings) -> str:
    """Return the default for series that are no counts; what only AR(1) errors know asks for it."""
    only_ar1 = settings.phi != "integrate" or settings.phi_prior != "arcsine"
    return "reml-ar1" if only_ar1 or settings.errors == "ar1" else "reml-averaged"


def _refusal(values: Array, scale: str, n: int) -> str:
    if n < FEWEST_PERIODS:
        return f"{n} observed periods, at least {FEWEST_PERIODS} needed"
    if not values.any():
        return "every value is zero"
    if np.ptp(values) == 0:
        return f"the series never changes (always {values[0]:g})"
    if scale == "log" and values.min() <= 0:
        return 'a value is not positive, so the log scale cannot be used; use scale="counts"'
    if scale == "counts" and values.min() < 0:
        return 'a value is negative, so it is no count; use scale="level"'
    return ""
