"""Honest trends: how far an untreated course that bends could carry each estimate.

The outcome is y = X b + d + e, where the untreated course d may bend by at most M in every period:
|d_(t+1) - 2 d_t + d_(t-1)| <= M (Rambachan & Roth 2023 bound slopes of differences between groups
in this way). For an estimate a'y of c'b with a'X = c', and X with intercept and trend, the bias is
kappa'delta, delta the second differences and kappa_s = sum over t > s of a_t (t - s); its worst
case is M times B = sum |kappa_s|. The breakdown is the largest M at which the interval widened for
that bias still leaves out zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators import reml
from uploadtrends.models.estimators.averaged import components, machine
from uploadtrends.models.estimators.estimate import Contrast, alike
from uploadtrends.models.estimators.latent import fit_count_ar1
from uploadtrends.models.estimators.linear import linear_rows
from uploadtrends.models.estimators.mixture import mixture_interval, together, two_sided

if TYPE_CHECKING:
    from uploadtrends.models.design import Design
    from uploadtrends.models.estimators.estimate import Estimate
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
    p: Array, level_like: Array, breaks: Array, curvature: Array, p_bend: Array, same_sign: Array
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
    """What a bend does to contrasts of several series, one entry each (m, c)."""

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
        return _bends_before([self])[0]


def bounds(
    untreated: Sequence[Untreated], contrasts: Array, found: Contrast, level_like: Array
) -> Bounds:
    """Return what a bend does to contrasts (m, c, k) of the coefficients of series of one design.

    `found` is what the models themselves say of them, `level_like` (c,) which are there at once.
    """
    prepared, courses = untreated[0].prepared, untreated[0]._courses
    confidence, positions = prepared.settings.confidence, prepared.design.positions
    estimate, low, high = np.stack([found.estimate, found.low, found.high])
    loadings = [one.estimate.rows for one in untreated]
    # Judged with a trend, also where the model has none.
    trend = prepared.settings.trend
    if plain := [i for i, rows in enumerate(loadings) if rows is None or not trend]:
        lines = _spreads([untreated[i] for i in plain], courses.straight, contrasts[plain])
        estimate[plain], low[plain], high[plain] = _intervals(lines, confidence, contrasts.shape[1])
        for i, line in zip(plain, lines, strict=True):
            loadings[i] = None if line is None else line.rows()
    weights = np.full((*contrasts.shape[:2], positions.size), np.nan)
    for own, lines_of, rows in zip(weights, contrasts, loadings, strict=True):
        if rows is not None:
            own[:] = lines_of @ rows[: lines_of.shape[1]]
    bias = worst_bias(weights, positions)
    fresh = [one for one in untreated if "bend_before" not in vars(one)]
    for one, seen in zip(fresh, _bends_before(fresh) if fresh else (), strict=True):
        vars(one)["bend_before"] = seen
    size, error = np.array([one.bend_before for one in untreated]).T[..., None]
    middle, se = (low + high) / 2, (high - low) / 2 / ndtri((1 + confidence) / 2)
    bend = np.where(level_like, size, size + SLOPE_CAUTION * error)
    p_bend, mean = _tested(_spreads(untreated, courses.bent, contrasts), contrasts.shape[1])
    known = ~np.isnan(estimate)
    return Bounds(
        breakdown=np.where(known, breakdown(middle, se, bias, confidence), np.nan),
        wider=critical_value(bend * bias / se, confidence) * se - (high - low) / 2,
        p_bend=np.where(known, p_bend, np.nan),
        same_sign=known & (np.sign(mean) == np.sign(estimate)),
    )


def _bends_before(untreated: Sequence[Untreated]) -> list[tuple[float, float]]:
    """Return `Untreated.bend_before` of series of one design."""
    courses = untreated[0]._courses
    k = 3 if courses.early is None else courses.early.shape[1]
    lines = np.broadcast_to(np.eye(k)[2], (len(untreated), 1, k))
    spreads = _spreads(untreated, courses.early, lines, courses.before)
    estimate, low, high = _intervals(spreads, 0.95, 1)[..., 0]
    errors = (high - low) / 2 / ndtri(0.975)
    return list(zip(np.abs(estimate).tolist(), errors.tolist(), strict=True))


def _spreads(
    untreated: Sequence[Untreated], x: Array | None, contrasts: Array, rows: Array | slice = ALL
) -> list[Spread | None]:
    """Return contrasts (m, c, k) of fits of the outcomes, or some of their rows, to another design,
    with the errors of the model; None where counts cannot be fitted, or there is no design."""
    found: list[Spread | None] = [None] * len(untreated)
    if x is None:
        return found
    every = [one.prepared for one in untreated]
    positions = every[0].design.positions[rows]
    contrasts = _widened(contrasts, x.shape[1])
    each = (one.choice.scale == "counts" and i for i, one in enumerate(every))
    errors = ((one.choice.method, id(one.spread)) for one in every)
    for places in alike(zip(each, errors, strict=True)):
        y = np.stack([every[i].y[rows] for i in places])
        some = _alike_spreads(every[places[0]], y, x, positions, contrasts[places], rows)
        for i, spread in zip(places, some, strict=True):
            found[i] = spread
    return found


def _alike_spreads(
    prepared: Prepared, y: Array, x: Array, positions: Array, contrasts: Array, rows: Array | slice
) -> Sequence[Spread | None]:
    """Return those of outcomes (m, n) whose errors have the model and the sizes of `prepared`."""
    if prepared.choice.scale == "counts":
        settings = replace(prepared.settings, phi="integrate", quantiles="auto")
        try:
            counts = fit_count_ar1(y[0], x, positions, prepared.fitted_offset[rows], settings)
        except NotEstimableError:
            return [None]
        mixture = counts.weights, *counts.components(contrasts[0])
        return [Spread(*mixture, partial(getattr, counts, "rows"), counts.df)]
    loadings: Callable[[Array], Array]
    if prepared.choice.method == "reml-ar1":
        fit = reml.conditional(y, x, positions, prior=prepared.settings.phi_prior)
        weights, df = fit.weights, float(fit.df)
        centres, scales = reml.contrast_components(fit, contrasts)
        loadings = partial(linear_rows, x, positions, phi=fit.phi)
    else:
        known = machine(prepared.weighted(x, rows), positions)
        y, df = prepared.weighted(y.T, rows).T, float(known.df)
        weights, centres, scales, _ = components(known, y, contrasts)

        def loadings(weights: Array) -> Array:
            return prepared.weighted(known.rows(weights).T, rows).T

    mixtures = zip(weights, centres, scales, strict=True)
    return [Spread(*one, partial(loadings, one[0]), df) for one in mixtures]


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
    """Return contrasts (..., k) of more coefficients, of which the further ones have no part."""
    wide = np.zeros((*contrasts.shape[:-1], k))
    wide[..., : contrasts.shape[-1]] = contrasts
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


def _stacked(
    spreads: Sequence[Spread | None],
) -> Iterator[tuple[list[int], tuple[Array, Array, Array], float]]:
    """Yield places, mixtures and degrees of freedom of those that can be looked at together."""
    there = [(i, one) for i, one in enumerate(spreads) if one is not None]
    for group in alike((one.df, one.weights.size == 1) for _, one in there):
        places, some = zip(*(there[j] for j in group), strict=True)
        mixtures = together([(one.weights, one.centres, one.scales) for one in some])
        yield list(places), mixtures, some[0].df


def _intervals(spreads: Sequence[Spread | None], confidence: float, c: int) -> Array:
    """Return estimate and both ends of the interval (3, m, c); NaN where there is no fit."""
    found = np.full((3, len(spreads), c), np.nan)
    for places, mixtures, df in _stacked(spreads):
        low, high, _ = mixture_interval(confidence, *mixtures, df)
        found[:, places] = (mixtures[0] * mixtures[1]).sum(axis=2), low, high
    return found


def _tested(spreads: Sequence[Spread | None], c: int) -> Array:
    """Return two-sided p and estimate (2, m, c); NaN where there is no fit."""
    found = np.full((2, len(spreads), c), np.nan)
    for places, (weights, centres, scales), df in _stacked(spreads):
        p = two_sided(weights, centres / scales, df)
        found[:, places] = p, (weights * centres).sum(axis=2)
    return found


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
