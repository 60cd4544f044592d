"""The smallest effect that the whole claim rule would claim, by simulation under the fitted null.

A claim needs more than one test: the p adjusted for all rows of all series and events, an estimate
that the bend seen before the event does not undo, the other scale's agreement where the data do not
settle the scale, and a model that passes its own tests. Series are drawn from the fitted errors, an
effect is added, and each condition is looked at as `interrupted_time_series` and `conclude` do.

Kept as the data have them: the bend seen before the event, which no effect touches, and what the
data say about the scale. Checks run beside are not simulated; each may withdraw a claim besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.adequacy import called_wrong
from uploadtrends.models.bends import (
    BEND_P,
    LEAST_BEFORE,
    SHARE,
    Untreated,
    critical_value,
    worst_bias,
)
from uploadtrends.models.estimators.averaged import Machine, components, machine
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.estimators.mixture import mixture_ends, two_sided
from uploadtrends.models.terms import TERMS

if TYPE_CHECKING:
    from uploadtrends.models.fitting import Fit
    from uploadtrends.models.preparation import Prepared

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp] | slice
EVERY = slice(None)
CONDITIONS = ("adjusted test", "bend before", "other scale", "model")
RULE_DRAWS = 200
"""Draws looked at: each is fitted on both scales, at several sizes."""
_SIZES = 1.3 ** np.arange(8)
"""Sizes tried, in those of the one that the test alone would find."""
_CARRIED = 1e-5
"""Members of less than this share of the largest weight say nothing about a power."""


@dataclass(frozen=True)
class Rule:
    """What the rule would claim of one contrast, were there an effect.

    Attributes
    ----------
    side, other : Side, Side or None
        The contrast on the scale of the fit, and on the one that must agree.
    noise : array (m, n)
        Draws of the weighted errors.
    alpha : float
    n_blocks : int
        Series and events that are tested together.
    """

    side: Side
    other: Side | None
    noise: Array
    alpha: float
    n_blocks: int

    @cached_property
    def fits(self) -> Fits:
        """The draws on the scale of the fit."""
        return Fits.of(self.side, self.noise)

    @cached_property
    def sound(self) -> Mask:
        """(m,) whose model passes its own tests."""
        return ~called_wrong(self.side.prepared, self.noise)

    def conditions(self, size: float) -> Mask:
        """Return which draws with an effect of this size meet each of `CONDITIONS`, (4, m)."""
        stands, agrees = self.fits.stands(size), self._agrees(size, EVERY)
        return np.stack([self._within(size, EVERY), stands, agrees, self.sound])

    def _within(self, size: float, rows: Rows) -> Mask:
        """Return whose p holds over all rows of all blocks (`familywise.closed_test`)."""
        fits, q = self.fits, self.fits.free[0]
        found: Mask = self.n_blocks * (max(q - 1, 1) * fits.p(size, rows)) <= self.alpha
        if q > 1:
            found &= self.n_blocks * fits.joint(size, rows) <= self.alpha
        return found

    def _agrees(self, size: float, rows: Rows) -> Mask:
        """Return with which of some draws the other scale agrees."""
        noise, prepared = self.noise[rows], self.side.prepared
        if self.other is None:
            return np.ones(len(noise), dtype=bool)
        shape = prepared.design.fitted @ self.side.step
        drawn = self.side.course + size * shape + noise * self.side.sizes
        beside = Fits.of(self.other, self.other.weigh(self.side.data(drawn)))
        known = beside.p(0.0) <= 1 - prepared.settings.confidence
        stands = beside.stands(0.0)
        undone = known & ~stands & (not prepared.clear)
        turned = known & stands & (np.sign(beside.middle) != np.sign(size))
        found: Mask = ~(undone | turned)
        return found if prepared.decided else found & known & stands

    def smallest(self, start: float, sign: float, target: float) -> float:
        """Return the smallest size of this sign that is claimed in the target share of draws.

        The same draws for every size: the share grows with it, and is interpolated between the
        last size that misses the target and the first that does not. Infinite beyond `_SIZES`.
        """
        low = seen = 0.0
        for size in start * _SIZES:
            share = self._claimed(sign * size, target)
            if share < target:
                low, seen = size, max(seen, share)
                continue
            if low == 0:
                return float(size)
            middle = np.sqrt(low * size)
            between = self._claimed(sign * middle, target)
            if between < target:
                low, seen = middle, max(seen, between)
            else:
                size, share = middle, between
            return float(low + (size - low) * (target - seen) / (share - seen))
        return float("inf")

    def _claimed(self, size: float, target: float) -> float:
        """Return the share claimed; one below the target may be too large."""
        rows = np.flatnonzero(self.sound)  # who fails one condition is not looked at again
        rows = rows[self.fits.stands(size, rows)]
        rows = rows[self._within(size, rows)]
        if len(rows) / len(self.noise) >= target:
            rows = rows[self._agrees(size, rows)]
        return len(rows) / len(self.noise)


@dataclass(frozen=True)
class Side:
    """One contrast of one series on one scale, as the rule looks at it."""

    prepared: Prepared
    event: str
    line: Array
    """(k,) the contrast."""
    untreated: Untreated

    @cached_property
    def step(self) -> Array:
        """(k,) the change of coefficients by which the contrast grows by one: of its first term."""
        terms = self.prepared.design.columns[self.event].values()
        first = next(column for column in terms if self.line[column] != 0)
        return np.asarray(np.eye(self.line.size)[first] / self.line[first])

    @cached_property
    def sizes(self) -> Array:
        """(n,) relative size of the errors."""
        design = self.prepared.design
        spread = self.prepared.spread
        return np.ones(design.positions.size) if spread is None else spread[design.used]

    @cached_property
    def course(self) -> Array:
        """(n,) the outcome expected without the events, on the model's scale."""
        design = self.prepared.design
        return np.asarray(design.counterfactual[design.used] @ self.untreated.estimate.mean)

    def data(self, y: Array) -> Array:
        """Return outcomes on the model's scale in the unit of the data."""
        scale, offset = self.prepared.choice.scale, self.prepared.fitted_offset
        values = y + offset
        if scale == "level":
            return np.asarray(values)
        values = np.exp(np.minimum(values, 300.0))
        return np.asarray(np.maximum(values - 0.5, 0.0) if scale == "counts" else values)

    def weigh(self, data: Array) -> Array:
        """Return data (m, n) on the model's scale, divided by the size of their errors."""
        scale, offset = self.prepared.choice.scale, self.prepared.fitted_offset
        if scale != "level":
            least = self.prepared.span[0] / 2
            data = np.log(
                np.maximum(data, 0.0) + 0.5 if scale == "counts" else np.maximum(data, least)
            )
        return np.asarray((data - offset) / self.sizes)

    @cached_property
    def machine(self) -> Machine:
        """What fits many series to the design of the model."""
        design = self.prepared.design
        return machine(self.prepared.weighted(design.fitted), design.positions)

    @cached_property
    def level_like(self) -> bool:
        """Whether a bend must be outlasted only, and no model with a bend agree."""
        terms = self.prepared.design.columns[self.event]
        later = {column for name, column in terms.items() if not TERMS[name].at_once}
        return not later & set(np.flatnonzero(self.line).tolist())


@dataclass(frozen=True)
class Fits:
    """Many series of one side, and what becomes of them when an effect is added."""

    side: Side
    weights: Array
    """(m, g)"""
    centres: Array
    """(m, g) of the contrast."""
    scales: Array
    middle: Array
    """(m,) of the contrast's interval."""
    se: Array
    reach: Array
    """(m,) what |middle| must exceed to outlast the bend seen before the event."""
    quadratic: tuple[Array, Array, Array]
    """b'S^-1 b, b'S^-1 d and d'S^-1 d (m, g): the block's coefficients, their covariance, and what
    an effect of one adds to them."""
    bent: tuple[Array, Array, Array, int] | None
    """Weights, centres and scales (m, g) of the contrast beside a constant bend, and their df."""

    @classmethod
    def of(cls, side: Side, y: Array) -> Fits:
        """Fit series (m, n), divided by the size of their errors."""
        design, known = side.prepared.design, side.machine
        confidence = side.prepared.settings.confidence
        members = list(design.columns[side.event].values())
        lines = np.concatenate([side.line[None], np.eye(side.line.size)[members]])
        weights, variances, _ = known.weights(y)
        kept = weights.max(axis=0) > _CARRIED
        maps, covariance = known.maps[kept], known.covariance[kept]
        weights = weights[:, kept] / weights[:, kept].sum(axis=1, keepdims=True)
        variances = variances[:, kept]
        rows = lines @ maps
        centres = np.tensordot(y, rows, axes=(1, 2)).transpose(0, 2, 1)
        unit = side.line @ covariance @ side.line
        scales = np.sqrt(unit * variances)
        low, high = mixture_ends(
            confidence, weights[:, None], centres[:, :1], scales[:, None], known.df
        )
        se = (high - low)[:, 0] / 2 / special.ndtri((1 + confidence) / 2)
        bias = worst_bias(weights @ rows[:, 0] / side.sizes, design.positions)
        bend = SHARE * side.untreated.curvature
        reach = critical_value(bend * bias / se, confidence) * se
        inverse = np.linalg.inv(covariance[:, members][:, :, members])
        values, added = centres[:, 1:].transpose(2, 0, 1), side.step[members]
        towards = values @ inverse
        quadratic = [
            (towards * values).sum(axis=2),
            towards @ added,
            (inverse @ added @ added)[:, None],
        ]
        return cls(
            side,
            weights,
            centres[:, 0],
            scales,
            (low + high)[:, 0] / 2,
            se,
            reach,
            tuple(part.T / variances for part in quadratic),
            None if side.level_like else _beside_a_bend(side, y),
        )

    @property
    def free(self) -> tuple[int, int]:
        """Coefficients of the block, and residual degrees of freedom."""
        return len(self.side.prepared.design.columns[self.side.event]), self.side.machine.df

    def p(self, size: float, rows: Rows = EVERY) -> Array:
        """Return p of the contrast in draws `rows` (r,), once an effect of this size is added."""
        offset = (self.centres[rows] + size) / self.scales[rows]
        return two_sided(self.weights[rows], offset, self.side.machine.df, far_out=False)

    def joint(self, size: float, rows: Rows = EVERY) -> Array:
        """Return p (r,) of the block's coefficients together, as `mixture_joint`."""
        q, df = self.free
        squared, cross, own = (part[rows] for part in self.quadratic)
        statistic = (squared + 2 * size * cross + size**2 * own) / q
        return np.asarray((self.weights[rows] * special.fdtrc(q, df, statistic)).sum(axis=1))

    def stands(self, size: float, rows: Rows = EVERY) -> Mask:
        """Return which no bend undoes, once an effect of this size is added."""
        middle = self.middle[rows] + size
        found = np.asarray(np.abs(middle) >= self.reach[rows])
        if self.side.level_like:
            return found
        if self.bent is None or self.side.untreated.before.sum() < LEAST_BEFORE:
            return np.zeros(len(middle), dtype=bool)
        weights, centres, scales, df = self.bent
        weights, centres, scales = weights[rows], centres[rows], scales[rows]
        found &= np.sign((weights * centres).sum(axis=1) + size) == np.sign(middle)
        offset = (centres[found] + size) / scales[found]
        found[found] = two_sided(weights[found], offset, df, far_out=False) <= BEND_P
        return found


def _beside_a_bend(side: Side, y: Array) -> tuple[Array, Array, Array, int] | None:
    x = side.untreated.bent
    if x is None:
        return None
    known = machine(side.prepared.weighted(x), side.prepared.design.positions)
    line = np.append(side.line, np.zeros(x.shape[1] - side.line.size))
    weights, centres, scales, _ = components(known, y, line[None])
    return weights, centres[:, 0], scales[:, 0], known.df


def rule_of(
    fit: Fit, event: str, line: Array, noise: Array, *, alpha: float, n_blocks: int
) -> Rule | None:
    """Return what the rule would claim of a contrast (k,); None where it is not simulated.

    That is for models without a trend, whose bend is judged in another model.
    """
    prepared = fit.prepared
    if fit.estimate is None or not prepared.settings.trend or fit.estimate.wander is not None:
        return None
    other = prepared.other
    beside = None
    if other is not None and other.choice.status != "refused" and event in other.design.columns:
        same = np.array_equal(other.design.used, prepared.design.used)
        if same and other.design.columns == prepared.design.columns:
            try:
                beside = Side(other, event, line, Untreated(other, estimate(other)))
            except NotEstimableError:
                beside = None
    side = Side(prepared, event, line, Untreated(prepared, fit.estimate))
    return Rule(side, beside, noise, alpha, n_blocks)
