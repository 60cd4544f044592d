"""Honest trends: how far an untreated course that bends could carry each estimate.

The outcome is y = X b + d + e, where the untreated course d may bend by at most M in every period:
|d_(t+1) - 2 d_t + d_(t-1)| <= M (Rambachan & Roth 2023 bound slopes of differences between groups
in this way). For an estimate a'y of c'b with a'X = c', and X with intercept and trend, the bias is
kappa'delta, delta the second differences and kappa_s = sum over t > s of a_t (t - s); its worst
case is M times B = sum |kappa_s|. The breakdown is the largest M at which the interval widened for
that bias still leaves out zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators import reml
from uploadtrends.models.estimators.averaged import FEW, components, machine
from uploadtrends.models.estimators.latent import fit_count_ar1
from uploadtrends.models.estimators.linear import linear_rows
from uploadtrends.models.estimators.mixture import mixture_interval, two_sided

if TYPE_CHECKING:
    from uploadtrends.models.design import Design
    from uploadtrends.models.estimators.estimate import Contrast, Estimate
    from uploadtrends.models.preparation import Prepared

ALPHA = 0.05
"""Level of the tests that a bend may undo."""
LEAST_BEFORE = 18
"""Periods before the first event without which no change of a slope can be judged."""
SHARE, BEND_P = 0.75, 0.10
"""A row must outlast .75 of the bend seen before the event; a slope or later effect must also keep
its sign with p <= .10 beside a constant bend. From 38 rules and 78 of their refinements, chosen for
at most .06 false claims under every process of validation/honest_trends.py. Half of the bend for
slopes would find at most .05 more of them, and leave steep logistic courses of 120 months unmarked
three times as often (validation/its_public.py); the whole bend would find .01 to .04 less."""
FALLS = "it does not stand beside one that is estimated with it, or on the other scale"
"""Said of a row that outlasts the bend seen before and depends on the trend all the same."""
SLOPE_CAUTION = 0.5
"""Standard errors by which the bend before the event is taken to be larger in honest intervals of
slopes and late effects: with the bend as it is estimated they cover .75 to .83 under bends of .3
and .6, with this .90 and more, as levels do without."""
ALL = slice(None)
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
        at = at - excess / (_density(at - bias) + _density(at + bias))
    return np.asarray(at)


def breakdown(middle: Array, se: Array, bias: Array, confidence: float = 0.95) -> Array:
    """Return the largest bend M at which the interval leaves out zero; 0 where it never does."""
    reach = np.abs(middle) / se
    found = np.zeros(reach.shape)
    clear = reach > ndtri((1 + confidence) / 2)
    reach = reach[clear]
    # P(|N(t, 1)| <= reach) falls in t: where it is `confidence`, reach is the critical value. It is
    # concave left of reach and too small at the start: Newton's method comes down to the root.
    at = reach - ndtri(confidence)
    for _ in range(60):
        excess = ndtr(reach - at) - ndtr(-reach - at) - confidence
        step = excess / (_density(reach + at) - _density(reach - at))
        at = np.maximum(at - step, 0.0)
        if (np.abs(step) <= 1e-14 * reach).all():
            break
    found[clear] = at * se[clear] / np.maximum(bias[clear], np.finfo(float).tiny)
    return found


def _density(at: Array) -> Array:
    return np.asarray(np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi))


def overturned(
    p: Array, level_like: Array, breaks: Array, curvature: float, p_bend: Array, same_sign: Array
) -> Array:
    """Return which significant estimates (p <= `ALPHA`) a bend of the untreated course would undo.

    Where the course before the event could not be judged (`curvature` NaN) that is all of them.
    """
    stands = breaks >= SHARE * curvature
    stands &= level_like | (same_sign & (p_bend <= BEND_P))
    return np.asarray((p <= ALPHA) & ~stands)


def outlasted(breakdown: float, curvature: float) -> bool:
    """Tell whether a row of effects outlasts the bend seen before the event.

    What depends on the trend all the same falls beside a bend that is estimated with it, or on the
    other scale.
    """
    return breakdown >= SHARE * curvature


@dataclass(frozen=True)
class Bounds:
    """What a bend does to some contrasts, one entry each (c,)."""

    breakdown: Array
    """Largest bend, per period squared on the model's scale, that leaves the interval off zero."""
    wider: Array
    """By how much each end of the interval must move to be honest about a bend as large as the
    periods before the event suggest (for slopes and late effects half a standard error more)."""
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

    @property
    def before(self) -> Array:
        """(n,) which fitted rows lie before the first event."""
        return self._courses.before

    @property
    def bent(self) -> Array | None:
        """(n, k + 1) the model's design with a trend and a constant bend; None if too large."""
        return self._courses.bent

    @property
    def curvature(self) -> float:
        """Size of the bend before the first event, per period squared; NaN if it has no data."""
        return self.bend_before[0]

    @cached_property
    def _courses(self) -> _Courses:
        return _courses(self.prepared.design, self.prepared.settings.trend)

    @cached_property
    def bend_before(self) -> tuple[float, float]:
        """The size of the bend before the first event, and its standard error."""
        x = self._courses.early
        fit = None if x is None else self._spread(x, np.eye(x.shape[1])[2:3], self.before)
        if fit is None:
            return float("nan"), float("nan")
        estimate, low, high = (float(part[0]) for part in fit.interval(0.95))
        return abs(estimate), (high - low) / 2 / ndtri(0.975)

    def _spread(self, x: Array, contrasts: Array, rows: Array | slice = ALL) -> Spread | None:
        """Return contrasts (c, k) of a fit of the outcome, or some of its rows, to another design.

        The errors are those of the model; None where counts cannot be fitted.
        """
        prepared = self.prepared
        y, positions = prepared.y[rows], prepared.design.positions[rows]
        contrasts = _widened(contrasts, x.shape[1])
        if prepared.choice.scale == "counts":
            settings = replace(prepared.settings, phi="integrate", quantiles="auto")
            offset = prepared.fitted_offset[rows]
            try:
                counts = fit_count_ar1(y, x, positions, offset, settings)
            except NotEstimableError:
                return None
            loadings = partial(getattr, counts, "rows")
            return Spread(counts.weights, *counts.components(contrasts), loadings, counts.df)
        if prepared.choice.method == "reml-ar1":
            fit = reml.conditional(y, x, positions, prior=prepared.settings.phi_prior)
            centres, scales = reml.contrast_components(fit, contrasts)
            weights = fit.weights[0]
            loadings = partial(linear_rows, x, positions, weights, fit.phi)
            return Spread(weights, centres[0], scales[0], loadings, fit.df)
        known = machine(prepared.weighted(x, rows), positions)
        outcome = prepared.weighted(y, rows)
        weights, centres, scales, _ = components(known, outcome[None], contrasts)
        return Spread(
            weights[0],
            centres[0],
            scales[0],
            lambda: prepared.weighted(known.rows(weights[0]).T, rows).T,
            known.df,
        )

    def bounds(self, contrasts: Array, found: Contrast, level_like: Array) -> Bounds:
        """Return what a bend does to contrasts (c, k) of the model's coefficients.

        `found` is what the model itself says of them, `level_like` (c,) which are there at once.
        """
        confidence, design = self.prepared.settings.confidence, self.prepared.design
        estimate, low, high, rows = found.estimate, found.low, found.high, self.estimate.rows
        courses = self._courses
        if rows is None or not self.prepared.settings.trend:
            # Judged with a trend, also where the model has none.
            straight = courses.straight
            line = None if straight is None else self._spread(straight, contrasts)
            if line is None:
                unknown = np.full(len(contrasts), np.nan)
                return Bounds(unknown, unknown, unknown, np.zeros(len(contrasts), dtype=bool))
            estimate, low, high = line.interval(confidence)
            rows = line.rows()
        middle, se = (low + high) / 2, (high - low) / 2 / ndtri((1 + confidence) / 2)
        assert rows is not None  # noqa: S101 - told to the type checker
        bias = worst_bias(_widened(contrasts, len(rows)) @ rows, design.positions)
        size, error = self.bend_before
        bend = np.where(level_like, size, size + SLOPE_CAUTION * error)
        widest = critical_value(bend * bias / se, confidence) * se
        p_bend, same = np.full(len(contrasts), np.nan), np.zeros(len(contrasts), dtype=bool)
        bent = None if courses.bent is None else self._spread(courses.bent, contrasts)
        if bent is not None:
            p_bend = bent.p
            same = np.sign((bent.weights * bent.centres).sum(axis=1)) == np.sign(estimate)
        return Bounds(
            breakdown=breakdown(middle, se, bias, confidence),
            wider=widest - (high - low) / 2,
            p_bend=p_bend,
            same_sign=same,
        )


def look_ahead(prepared: Sequence[Prepared]) -> None:
    """Weigh series of one design together on every course on which each will be fitted."""
    design = prepared[0].design
    asked = [
        one
        for both in prepared
        for one in (both, both.other)
        if one is not None
        and one.design is design
        and one.spread is None
        and (one.choice.method, one.choice.status) == ("reml-averaged", "ok")
    ]
    if len(asked) >= FEW:
        y = np.stack([one.y for one in asked])
        courses = _courses(design, asked[0].settings.trend)
        for x, rows in (
            (design.fitted, ALL),
            (courses.early, courses.before),
            (courses.bent, ALL),
        ):
            if x is not None:
                machine(x, design.positions[rows]).ahead(y[:, rows])


@dataclass(frozen=True)
class _Courses:
    """Designs of other untreated courses; None where there is too little to fit one."""

    before: Array
    """(n,) which fitted rows lie before the first event."""
    early: Array | None
    """Of those rows: intercept, trend, bend, and what of the nuisances these do not span."""
    straight: Array | None
    """The model's own with a trend."""
    bent: Array | None
    """That with a bend."""


def _courses(design: Design, trend: bool) -> _Courses:
    """Return the courses of a design, from those it keeps."""
    if ("courses", trend) not in design.kept:
        design.kept["courses", trend] = _new_courses(design, trend)
    found: _Courses = design.kept["courses", trend]
    return found


def _new_courses(design: Design, trend: bool) -> _Courses:
    first = min((design.onsets[b.id].touched for b in design.blocks), default=0)
    before = np.asarray(design.positions < first)
    x, time = design.fitted, design.positions - design.positions.mean()
    straight = x if trend else np.column_stack([x, time])
    early = None
    if before.any():
        mine = {c for terms in design.columns.values() for c in terms.values()}
        others = [c for c in range(design.matrix.shape[1]) if c not in mine]
        centred = design.positions[before] - design.positions[before].mean()
        parts = [np.ones(centred.size), centred, centred**2 / 2]
        early = _independent(parts, x[before][:, others])
        early = early if centred.size - early.shape[1] >= _FREE_DF else None
    return _Courses(
        before,
        *(
            one if one is not None and _full_rank(one) else None
            for one in (early, straight, np.column_stack([straight, time**2 / 2]))
        ),
    )


def _full_rank(x: Array) -> bool:
    scaled = x / np.maximum(np.abs(x).max(axis=0), 1e-300)
    return bool(x.shape[0] - x.shape[1] >= 3 and np.linalg.matrix_rank(scaled) == x.shape[1])


def _widened(contrasts: Array, k: int) -> Array:
    """Return contrasts (c, k) of more coefficients, of which the further ones have no part."""
    wide = np.zeros((len(contrasts), k))
    wide[:, : contrasts.shape[1]] = contrasts
    return wide


@dataclass(frozen=True)
class Spread:
    """Contrasts of one fit as mixtures: weights (g,), centres and scales (c, g)."""

    weights: Array
    centres: Array
    scales: Array
    rows: Callable[[], Array | None]
    """(k, n) the coefficients as linear combinations of the outcome, when asked for."""
    df: float

    def interval(self, confidence: float) -> tuple[Array, Array, Array]:
        """Return estimate and both ends of the interval, (c,) each."""
        weights = self.weights[None]
        low, high, _ = mixture_interval(confidence, weights, self.centres, self.scales, self.df)
        return (self.weights * self.centres).sum(axis=1), low, high

    @property
    def p(self) -> Array:
        """(c,) two-sided."""
        return two_sided(self.weights[None], self.centres / self.scales, self.df)


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
