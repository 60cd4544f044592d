"""Honest trends: how far an untreated course that bends could carry each estimate.

The outcome is y = X b + d + e, where the untreated course d may bend by at most M in every period:
|d_(t+1) - 2 d_t + d_(t-1)| <= M (Rambachan & Roth 2023 bound slopes of differences between groups
in this way). For an estimate a'y of c'b with a'X = c', and X with intercept and trend, the bias is
kappa'delta, delta the second differences and kappa_s = sum over t > s of a_t (t - s); its worst
case is M times B = sum |kappa_s|. The breakdown is the largest M at which the interval widened for
that bias still leaves out zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.averaged import fit_averaged
from uploadtrends.models.estimators.latent import fit_count_ar1
from uploadtrends.models.estimators.linear import fit_reml

if TYPE_CHECKING:
    from uploadtrends.models.estimators.estimate import Estimate
    from uploadtrends.models.preparation import Prepared

ALPHA = 0.05
"""Level of the tests that a bend may undo."""
LEAST_BEFORE = 18
"""Periods before the first event without which no change of a slope can be judged."""
SHARE_LEVEL, SHARE_SLOPE, BEND_P = 0.75, 0.5, 0.10
"""A level must outlast .75 of the bend seen before the event; a slope or later effect half of it,
and keep its sign with p <= .10 beside a constant bend. From 38 rules and 78 of their refinements,
chosen for at most .06 false claims under every process of validation/honest_trends.py."""
_FREE_DF = 4
"""Residual degrees of freedom needed to say how the course bent before the event."""


def worst_bias(weights: Array, positions: Array) -> Array:
    """Return B = sum |kappa_s| of estimates a'y, so that M B bounds their bias.

    Parameters
    ----------
    weights : array (..., n)
        a, orthogonal to a line apart from what the contrast takes up.
    positions : array (n,)
        Calendar positions in whole periods; second differences are bounded between the first and
        the last of them, observed or not.
    """
    places = (positions - positions[0]).astype(int)
    grid = np.zeros((*weights.shape[:-1], int(places[-1]) + 1))
    grid[..., places] = weights
    after = np.cumsum(grid[..., ::-1], axis=-1)[..., ::-1]
    kappa = np.cumsum(after[..., ::-1], axis=-1)[..., ::-1] - after
    return np.asarray(np.abs(kappa[..., 1:-1]).sum(axis=-1))


def critical_value(bias: Array, confidence: float = 0.95) -> Array:
    """Return the `confidence` quantile of |N(bias, 1)|, for intervals of bounded bias.

    Armstrong & Kolesar (2018). Newton's method from above, where the distribution is concave.
    """
    bias = np.abs(np.asarray(bias, dtype=float))
    at = np.maximum(bias + ndtri(confidence), ndtri((1 + confidence) / 2))
    for _ in range(8):
        excess = ndtr(at - bias) - ndtr(-at - bias) - confidence
        density = (np.exp(-0.5 * (at - bias) ** 2) + np.exp(-0.5 * (at + bias) ** 2)) / np.sqrt(
            2 * np.pi
        )
        at = at - excess / density
    return np.asarray(at)


def breakdown(middle: Array, se: Array, bias: Array, confidence: float = 0.95) -> Array:
    """Return the largest bend M at which the interval leaves out zero; 0 where it never does."""
    reach = np.abs(middle) / se
    # P(|N(t, 1)| <= reach) falls in t: where it is `confidence`, reach is the critical value.
    low, high = np.zeros_like(reach), reach.copy()
    for _ in range(50):
        at = (low + high) / 2
        inside = ndtr(reach - at) - ndtr(-reach - at) > confidence
        low, high = np.where(inside, at, low), np.where(inside, high, at)
    found = low * se / np.maximum(bias, np.finfo(float).tiny)
    return np.where(reach > ndtri((1 + confidence) / 2), found, 0.0)


def overturned(
    p: Array, level_like: Array, breaks: Array, curvature: float, p_bend: Array, same_sign: Array
) -> Array:
    """Return which significant estimates (p <= `ALPHA`) a bend of the untreated course would undo.

    Where the course before the event could not be judged (`curvature` NaN) that is all of them.
    """
    share = np.where(level_like, SHARE_LEVEL, SHARE_SLOPE)
    stands = breaks >= share * curvature
    stands &= level_like | (same_sign & (p_bend <= BEND_P))
    return np.asarray((p <= ALPHA) & ~stands)


@dataclass(frozen=True)
class Bounds:
    """What a bend does to some contrasts, one entry each (c,)."""

    breakdown: Array
    """Largest bend, per period squared on the model's scale, that leaves the interval off zero."""
    wider: Array
    """By how much each end of the interval must move to be honest about a bend as large as the
    periods before the event suggest."""
    p_bend: Array
    """p of the contrast beside a constant bend of all periods."""
    same_sign: Array


@dataclass(frozen=True)
class Untreated:
    """The untreated course of one series: how it bent before the event, and what that carries."""

    prepared: Prepared
    estimate: Estimate

    @cached_property
    def periods(self) -> int:
        """Calendar periods from the first to the last that enter the fit."""
        positions = self.prepared.design.positions
        return int(positions[-1] - positions[0]) + 1

    @cached_property
    def before(self) -> Array:
        """(n,) which fitted rows lie before the first event."""
        design = self.prepared.design
        first = min((design.onsets[b.id].touched for b in design.blocks), default=0)
        return np.asarray(design.positions < first)

    @cached_property
    def curvature(self) -> float:
        """Size of the bend before the first event, per period squared; NaN if it has no data."""
        design = self.prepared.design
        mine = {c for terms in design.columns.values() for c in terms.values()}
        others = [c for c in range(design.matrix.shape[1]) if c not in mine]
        time = design.positions[self.before]
        if not time.size:
            return float("nan")
        centred = time - time.mean()
        parts = [np.ones(time.size), centred, centred**2 / 2]
        x = _independent(parts, design.fitted[self.before][:, others])
        if time.size - x.shape[1] < _FREE_DF:
            return float("nan")
        fit = self._fit(x, self.before)
        line = np.zeros((1, x.shape[1]))
        line[0, 2] = 1.0
        return float("nan") if fit is None else abs(float(fit.contrast(line).estimate[0]))

    @cached_property
    def _line(self) -> Estimate | None:
        """The estimate that is judged: with a trend, also where the model has none."""
        if self.prepared.settings.trend and self.estimate.rows is not None:
            return self.estimate
        design = self.prepared.design
        x = design.fitted
        if not self.prepared.settings.trend:
            x = np.column_stack([x, design.positions - design.positions.mean()])
        return self._fit(x)

    @cached_property
    def _bent(self) -> Estimate | None:
        """The model beside a constant bend of all periods."""
        design = self.prepared.design
        time = design.positions - design.positions.mean()
        parts = [design.fitted, time**2 / 2]
        if not self.prepared.settings.trend:
            parts.append(time)
        return self._fit(np.column_stack(parts))

    def _fit(self, x: Array, rows: Array | None = None) -> Estimate | None:
        """Fit the outcome, or some of its rows, to another design with the same errors."""
        prepared = self.prepared
        rows = np.ones(x.shape[0], dtype=bool) if rows is None else rows
        y, positions = prepared.y[rows], prepared.design.positions[rows]
        scaled = x / np.maximum(np.abs(x).max(axis=0), 1e-300)
        if x.shape[0] - x.shape[1] < 3 or np.linalg.matrix_rank(scaled) < x.shape[1]:
            return None
        settings = replace(prepared.settings, phi="integrate", quantiles="auto")
        try:
            if prepared.choice.scale == "counts":
                offset = prepared.fitted_offset[rows]
                return fit_count_ar1(y, x, positions, offset, settings)
            fit = fit_reml if prepared.choice.method == "reml-ar1" else fit_averaged
            return fit(y, x, positions, settings)
        except NotEstimableError:
            return None

    def bounds(self, contrasts: Array) -> Bounds:
        """Return what a bend does to contrasts (c, k) of the model's coefficients."""
        confidence = self.prepared.settings.confidence
        c = contrasts.shape[0]
        unknown = np.full(c, np.nan)
        if self._line is None or self._line.rows is None:
            return Bounds(unknown, unknown, unknown, np.zeros(c, dtype=bool))
        wide = _widened(contrasts, self._line)
        found = self._line.contrast(wide, confidence)
        middle = (found.low + found.high) / 2
        se = (found.high - found.low) / 2 / ndtri((1 + confidence) / 2)
        bias = worst_bias(wide @ self._line.rows, self.prepared.design.positions)
        widest = critical_value(self.curvature * bias / se, confidence) * se
        p_bend, same = unknown, np.zeros(c, dtype=bool)
        if self._bent is not None:
            bent = self._bent.contrast(_widened(contrasts, self._bent), confidence)
            p_bend, same = bent.p, np.sign(bent.estimate) == np.sign(found.estimate)
        return Bounds(
            breakdown=breakdown(middle, se, bias, confidence),
            wider=widest - (found.high - found.low) / 2,
            p_bend=p_bend,
            same_sign=same,
        )


def _widened(contrasts: Array, estimate: Estimate) -> Array:
    """Return contrasts with zeros for the columns that were added at the end of the design."""
    added = estimate.coefficients.shape[1] - contrasts.shape[1]
    return np.pad(contrasts, ((0, 0), (0, added)))


def _independent(parts: list[Array], others: Array) -> Array:
    """Return the parts, and those of the other columns that they and each other do not span."""
    kept = [part / np.linalg.norm(part) for part in parts]
    basis, _ = np.linalg.qr(np.column_stack(kept))
    columns = list(parts)
    for column in others.T:
        size = np.linalg.norm(column)
        left = column - basis @ (basis.T @ column)
        left -= basis @ (basis.T @ left)
        if size > 0 and np.linalg.norm(left) > 1e-7 * size:
            columns.append(column)
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
    return np.column_stack(columns)
