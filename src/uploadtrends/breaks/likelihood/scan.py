"""Likelihood of one change (or one odd period) at every date under AR(1) errors, for many series.

A base is a set of regression columns (a constant, a line, or those of several regimes). Beside it a
step, a kink, both, or a single odd period are tried at every date. Whitening is linear, so prefix
sums of the residuals about the base give the product with every candidate column: the cost is O(n)
per series and autocorrelation, dates included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing, criterion

MINIMUM_SEGMENT = 3
Kind = Literal["none", "step", "kink", "both", "odd"]
Rho = int | NDArray[np.intp]  # a place in the grid, or several, shape (r, 1)
Dates = int | NDArray[np.intp]
_CELLS = 60_000  # values at a time: keeps the work in the processor's cache
_NOTHING = 1e-9  # share of a column that must be left beside the base


@dataclass(frozen=True)
class Fit:
    """The best model of one kind for each of m series: criterion, rho (place in the grid), date.

    The date is the row of the first period of the new regime, or of the odd period; 0 for the base.
    """

    criterion: Array
    rho: NDArray[np.intp]
    date: NDArray[np.intp]


def prefix_suffix(products: Array) -> Array:
    """Return sums over the rows after each one, from products whose total is zero."""
    sums: Array = np.cumsum(products, axis=-1)
    return np.negative(sums, out=sums)


class Base:
    """Regression columns that stay in the model, and every candidate column beside them.

    Parameters
    ----------
    spacing : Spacing
    columns : array of shape (p, n)
        Their span must hold the constant; for kinks also the time.
    """

    def __init__(self, spacing: Spacing, columns: Array) -> None:
        self.spacing = spacing
        white = spacing.whiten(columns)
        basis = np.linalg.qr(white.transpose(0, 2, 1))[0].transpose(0, 2, 1)
        self.basis: Array = np.ascontiguousarray(basis)

    def residuals_at(self, i: Rho, series: Array) -> Array:
        """Whiten series (m, n) at one rho, or at r of them (r, m, n), and take the base out."""
        white: Array = self.spacing.whiten_at(i, series)
        basis = self.basis[i if isinstance(i, int) else i[:, 0]]
        white -= (white @ basis.swapaxes(-1, -2)) @ basis
        return white

    def step_products(self, i: Rho, residuals: Array) -> Array:
        """Products of every whitened step with residuals (..., n) about the base."""
        found = prefix_suffix(self.spacing.constant[i] * residuals)
        found += residuals / self.spacing.s[i]
        return found

    def kink_products(self, i: Rho, residuals: Array) -> Array:
        """Products of every whitened kink with residuals (..., n) about the base."""
        space = self.spacing
        later = prefix_suffix(space.constant[i] * residuals)
        found = prefix_suffix(space.line[i] * residuals)
        found -= (space.times - 1.0) * later
        found += residuals / space.s[i]
        return found

    def odd_products(self, i: Rho, residuals: Array) -> Array:
        """Products of every whitened single period with residuals (..., n) about the base."""
        space = self.spacing
        found: Array = residuals / space.s[i]
        found[..., :-1] -= space.r[i, 1:] / space.s[i, 1:] * residuals[..., 1:]
        return found

    @cached_property
    def norms(self) -> tuple[Array, Array, Array, Array]:
        """Squared norms beside the base of step, kink, odd, and the product of step and kink.

        Each has shape (rho, n); a column that lies in the base has norm infinity (so that it gains
        nothing).
        """
        space = self.spacing
        g, line, knot = space.constant, space.line, space.times - 1.0
        first = 1.0 / space.s**2

        def after(products: Array) -> Array:
            sums = np.cumsum(products[:, ::-1], axis=1)[:, ::-1]
            return np.concatenate([sums[:, 1:], np.zeros((len(sums), 1))], axis=1)

        gg, gl, ll = after(g * g), after(g * line), after(line * line)
        step = first + gg
        kink = first + ll - 2.0 * knot * gl + knot**2 * gg
        cross = first + gl - knot * gg
        odd = first.copy()
        odd[:, :-1] += (space.r[:, 1:] / space.s[:, 1:]) ** 2
        on_step = self.basis / space.s[:, None] + _after(g[:, None] * self.basis)
        later = _after(g[:, None] * self.basis)
        on_kink = self.basis / space.s[:, None] + _after(line[:, None] * self.basis)
        on_kink -= knot * later
        on_odd = np.stack([self.odd_products(i, self.basis[i]) for i in range(len(RHO_GRID))])
        return (
            _left(step, (on_step**2).sum(axis=1)),
            _left(kink, (on_kink**2).sum(axis=1)),
            _left(odd, (on_odd**2).sum(axis=1)),
            cross - (on_step * on_kink).sum(axis=1),
        )

    @cached_property
    def step_on_base(self) -> Array:
        """Products of every step with the orthonormal base, shape (rho, p, n)."""
        g = self.spacing.constant[:, None]
        found: Array = self.basis / self.spacing.s[:, None] + _after(g * self.basis)
        return found


def _after(products: Array) -> Array:
    """Sums over the rows after each one (rho, p, n)."""
    sums = np.cumsum(products[..., ::-1], axis=-1)[..., ::-1]
    found: Array = np.zeros_like(sums)
    found[..., :-1] = sums[..., 1:]
    return found


def _left(norm: Array, explained: Array) -> Array:
    left = norm - explained
    kept: Array = np.where(left > _NOTHING * norm, left, np.inf)
    return kept


@lru_cache(maxsize=64)
def _regular_base(n: int, sloped: bool) -> Base:
    return plain_base(Spacing.of(np.arange(n)), sloped=sloped, keep=False)


def plain_base(spacing: Spacing, *, sloped: bool, keep: bool = True) -> Base:
    """Return the base of a constant or a line (kept between calls where nothing is missing)."""
    if keep and spacing.regular:
        return _regular_base(spacing.n, sloped)
    one = np.ones(spacing.n)
    return Base(spacing, np.stack([one, spacing.times]) if sloped else one[None, :])


def scan(
    series: Array,
    base: Base,
    kinds: Sequence[Kind],
    *,
    low: int = MINIMUM_SEGMENT,
    high: int | None = None,
) -> dict[Kind, Fit]:
    """Find the best model of each kind for each row of `series` (m, n), of about unit scale.

    Parameters
    ----------
    low, high : int
        First and last row at which a new regime may begin (odd periods: anywhere).
    """
    m, n = series.shape
    last = n - MINIMUM_SEGMENT if high is None else high
    window = slice(low, last + 1)
    chunk = max(1, _CELLS // n)
    found = {kind: _Best(m) for kind in kinds}
    every = np.arange(len(RHO_GRID))[:, None]
    for start in range(0, m, chunk):
        rows = slice(start, min(start + chunk, m))
        # Few values: every rho in one go.
        several = chunk >= len(RHO_GRID) * m
        for i in [every] if several else every[:, None]:
            residuals = base.residuals_at(i, series[rows])
            rss = np.einsum("...ij,...ij->...i", residuals, residuals)
            for kind, (gain, place) in _gains(base, i, residuals, kinds, window).items():
                value = criterion(rss - gain, base.spacing, i)
                found[kind].note(rows, value, i, place)
    return {kind: best.fit for kind, best in found.items()}


class _Best:
    """The smallest criterion so far."""

    def __init__(self, m: int) -> None:
        self.fit = Fit(np.full(m, np.inf), np.zeros(m, np.intp), np.zeros(m, np.intp))

    def note(self, rows: slice, value: Array, rho: NDArray[np.intp], date: Dates) -> None:
        """Keep what is smaller: criteria (r, m) at r rhos, (r, 1), and their dates (r, m)."""
        best = value.argmin(axis=0), np.arange(value.shape[1])
        value, rho = value[best], rho[best[0], 0]
        if not isinstance(date, int):
            date = date[best]
        better = value < self.fit.criterion[rows]
        for kept, new in ((self.fit.criterion, value), (self.fit.rho, rho), (self.fit.date, date)):
            kept[rows] = np.where(better, new, kept[rows])


def _gains(
    base: Base, i: NDArray[np.intp], residuals: Array, kinds: Sequence[Kind], window: slice
) -> dict[Kind, tuple[Array | float, Dates]]:
    found: dict[Kind, tuple[Array | float, Dates]] = {}
    step_norm, kink_norm, odd_norm, cross = (norm[i] for norm in base.norms)
    if "none" in kinds:
        found["none"] = 0.0, 0
    if "odd" in kinds:
        found["odd"] = _largest(base.odd_products(i, residuals) ** 2 / odd_norm, 0)
    if window.stop <= window.start:
        return found
    step = kink = step_gain = None
    if "step" in kinds or "both" in kinds:
        step = base.step_products(i, residuals)[..., window]
        step_gain = step**2 / step_norm[..., window]
    if "step" in kinds and step_gain is not None:
        found["step"] = _largest(step_gain, window.start)
    if "kink" in kinds or "both" in kinds:
        kink = base.kink_products(i, residuals)[..., window]
    if "kink" in kinds and kink is not None:
        found["kink"] = _largest(kink**2 / kink_norm[..., window], window.start)
    if "both" in kinds and step is not None and kink is not None and step_gain is not None:
        ratio = cross[..., window] / step_norm[..., window]
        left = kink_norm[..., window] - ratio * cross[..., window]
        left = np.where(left > _NOTHING * kink_norm[..., window], left, np.inf)
        kink -= ratio * step
        found["both"] = _largest(step_gain + kink**2 / left, window.start)
    return found


def _largest(gain: Array, offset: int) -> tuple[Array, NDArray[np.intp]]:
    return gain.max(axis=-1), gain.argmax(axis=-1) + offset
