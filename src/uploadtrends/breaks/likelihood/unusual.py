"""Single odd periods: named, set aside, and never dated as a change.

A month that is 40% complete, or one feast day, is no new regime. Before any change is looked for,
one-period effects compete with changes; a winner becomes a missing period (a dummy and a gap have
the same likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import pdtr, pdtrc, stdtrit

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import Base, Fit, Kind, plain_base, scan
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.series.grid import FEWEST_PERIODS

LEVEL = 0.01
COUNT_LEVEL = 0.005
STANDS_OUT = 3.0  # residual standard deviations from the neighbouring periods
SHARE = 12  # at most one period in twelve
_KINDS: tuple[Kind, ...] = ("none", "step", "kink", "both", "odd")


@dataclass(frozen=True)
class Odd:
    """One odd period: its row among the observed ones, and what the model expected there."""

    row: int
    expected: float


@dataclass(frozen=True)
class _Model:
    """Columns (p, n) of a model and its criterion beside an odd period and without."""

    columns: Array
    without: float
    odd: Fit


def find_odd(
    values: Array, times: Array, *, season: Array | None = None, trend: bool = True
) -> list[Odd]:
    """Return the odd periods of a series, the most conspicuous first, at most one in twelve.

    Parameters
    ----------
    values : array of shape (n,)
        Observed values.
    times : array of shape (n,)
        When they were observed (whole numbers).
    season : array of shape (n,), optional
        For whole-number series, what a season adds to `values` (zeros where none was removed):
        values plus this are the counts, and an odd one must be improbable for a Poisson count too.
    trend : bool
        Whether lines compete as well.

    Returns
    -------
    list of Odd
        Rows of `values`; what was expected in its units.
    """
    kept = np.arange(len(values))
    found: list[Odd] = []
    while len(found) < len(values) // SHARE and len(kept) >= FEWEST_PERIODS:
        part = None if season is None else season[kept]
        one = _one(values[kept], times[kept], part, trend=trend)
        if one is None:
            break
        found.append(Odd(int(kept[one.row]), one.expected))
        kept = np.delete(kept, one.row)
    return found


def _one(values: Array, times: Array, season: Array | None, *, trend: bool) -> Odd | None:
    spread = float(values.std())
    if spread == 0.0:
        return None
    standard = (values - values.mean()) / spread
    model = _competing(standard, Spacing.of(times), trend=trend)
    if model is None:
        return None
    row = int(model.odd.date[0])
    level, deviation = _expected(values, model.columns, row)
    beside = [i for i in (row - 1, row + 1) if 0 <= i < len(values)]
    if abs(values[row] - values[beside].mean()) < STANDS_OUT * deviation:
        return None
    if season is not None and not _improbable(values, season, times, model.columns, row):
        return None
    return Odd(row, level)


def _competing(standard: Array, spacing: Spacing, *, trend: bool) -> _Model | None:
    """Return the model beside which an odd period is wanted, or None."""
    n, log_n = spacing.n, float(np.log(spacing.n))
    ones = np.ones(n)
    bases = [ones[None, :], *([np.stack([ones, spacing.times])] if trend else [])]
    fits = []
    for sloped in range(len(bases)):
        kinds = _KINDS if sloped else ("none", "step", "odd")
        fits.append(scan(standard[None, :], plain_base(spacing, sloped=bool(sloped)), kinds))
    prices: dict[Kind, float] = {"none": 1, "step": 2, "odd": 2, "kink": 2, "both": 3}
    priced = {
        (sloped, kind): float(fit.criterion[0]) + (prices[kind] + sloped) * log_n
        for sloped, found in enumerate(fits)
        for kind, fit in found.items()
    }
    odd = min((key for key in priced if key[1] == "odd"), key=priced.__getitem__)
    null = min(value for key, value in priced.items() if key[1] == "none")
    changes = [key for key in priced if key[1] in ("step", "kink", "both")]
    change = min(changes, key=priced.__getitem__)
    if priced[odd] < priced[change]:
        found = fits[odd[0]]
        model = _Model(bases[odd[0]], float(found["none"].criterion[0]), found["odd"])
        if _large(model, n):
            return model
    if priced[change] < null:
        at = int(fits[change[0]][change[1]].date[0])
        columns = _with_change(bases[change[0]], spacing, change[1], at)
        found = scan(standard[None, :], Base(spacing, columns), ("none", "odd"))
        model = _Model(columns, float(found["none"].criterion[0]), found["odd"])
        if _large(model, n):
            return model
    return None


def _large(model: _Model, n: int) -> bool:
    quantile = float(stdtrit(n - 4, 1.0 - LEVEL / (2 * n)))
    gain = model.without - float(model.odd.criterion[0])
    return bool(gain > n * np.log1p(quantile**2 / (n - 4)))


def _with_change(base: Array, spacing: Spacing, kind: Kind, at: int) -> Array:
    columns = list(base)
    if kind in ("step", "both"):
        columns.append((np.arange(spacing.n) >= at).astype(float))
    if kind in ("kink", "both"):
        columns.append(np.maximum(spacing.times - spacing.times[at] + 1.0, 0.0))
    return np.stack(columns)


def _expected(values: Array, columns: Array, row: int) -> tuple[float, float]:
    """Fit the model to the other rows: what it expects there, and its residual deviation."""
    others = np.delete(np.arange(len(values)), row)
    design = columns[:, others].T
    coefficients, *_ = np.linalg.lstsq(design, values[others], rcond=None)
    residual = values[others] - design @ coefficients
    free = max(len(others) - len(columns), 1)
    return float(coefficients @ columns[:, row]), float(np.sqrt(residual @ residual / free))


def _improbable(values: Array, season: Array, times: Array, columns: Array, row: int) -> bool:
    """Whether a Poisson count at the line through the rest of its regime is rarely this odd."""
    n = len(values)
    # Rows of one regime share all columns that do not change with time.
    steps = np.array([c for c in columns if set(np.unique(c)) <= {0.0, 1.0}])
    kinks = np.array([c > 0 for c in columns if c.min() == 0.0 and c.max() > 1.0], dtype=float)
    marks = np.concatenate([part for part in (steps, kinks) if len(part)])
    regime = np.flatnonzero((marks == marks[:, [row]]).all(axis=0))
    others = regime[regime != row]
    if len(others) < 3:
        others = np.delete(np.arange(n), row)
    line = np.polyfit(times[others] - times[row], values[others], 1)
    rate = max(float(line[1]) + float(season[row]), 0.5)
    count = float(np.round(values[row] + season[row]))
    below, above = float(pdtr(count, rate)), float(pdtrc(count - 1, rate)) if count > 0 else 1.0
    return min(below, above) * n < COUNT_LEVEL
