"""Is this the right model? Tests calibrated by simulation under the fitted null; they bind.

Nominal p values of residual tests are wrong after the errors were fitted: in correct fits they fire
in a fifth of all series. Here every statistic is held against series drawn from the fitted errors
and fitted anew, and all of them together have one level. A series that fails gets the status
exploratory, so that nothing is claimed of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.brief import p_text
from uploadtrends.models.estimators import averaged, families
from uploadtrends.models.shapes import KINDS, Shape, shapes
from uploadtrends.series.grid import period_name, periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.estimators.estimate import Estimate
    from uploadtrends.models.preparation import Prepared

LEVEL = 0.04
"""Of all tests together; a correct model is called exploratory this often."""
SHARES = {
    "variance": 0.15,
    "autocorrelation": 0.1,
    "seasonal variance": 0.2,
    "seasonal autocorrelation": 0.1,
    "shape of the effect": 0.45,
}
"""Of `LEVEL`, by how much each test needs it: a wrong shape is found last and harms most."""
SHAPE_LEVEL = 0.05
"""Of the test of the shape alone, which is said and does not bind."""
WORTH_DRAWING = 0.10
"""Nominal p of the best statistic above which no draws are needed."""
METHODS = ("reml-averaged", "reml-ar1", "ols-hac", "prais-winsten", "arma", "ar1-plus-noise")
CLEAR = 0.15
"""p of all tests together after the first hundred draws above which no more are drawn."""
_BATCHES = 4
_TOGETHER = 4
"""Series whose draws are looked at together: they stay in the processor's cache."""
_LEAST = 30
"""Periods below which these tests have no power to speak of."""


SHAPE_COLUMNS = ("event", "kind", "periods", "statistic", "p_nominal", "how")


@dataclass(frozen=True)
class Adequacy:
    """What the residuals and the shape of the effect say about the model."""

    checks: tuple[tuple[str, float, float, float], ...] = ()
    p: float = 1.0
    """Of all tests together."""
    reason: str = ""
    """What is wrong, in words; empty while `p` is above `LEVEL`."""
    p_shape: float = 1.0
    """Of the shape of the effect alone; 1 where it is nowhere near, or was not tested."""
    hint: str = ""
    """Which other shape fits better, where `p_shape` is at most `SHAPE_LEVEL`, and `p` is not."""
    others: tuple[tuple[str, str, int, float, float, str], ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row a test: check, statistic, p_nominal, p (against the draws; NaN if not drawn)."""
        columns = ["check", "statistic", "p_nominal", "p"]
        return pd.DataFrame(list(self.checks), columns=columns)

    @property
    def shapes(self) -> pd.DataFrame:
        """Other shapes of the effect, one row each: event, kind, periods, statistic (F beside the
        model's own shape), p_nominal, and how to fit it."""
        return pd.DataFrame(list(self.others), columns=list(SHAPE_COLUMNS))


def judge(fits: Sequence[tuple[Prepared, Estimate | None]]) -> list[Adequacy]:
    """Test fitted series of one design; see the module."""
    found = [Adequacy()] * len(fits)
    tested: dict[int, tuple[Prepared, Estimate]] = {}
    for i, (prepared, estimate) in enumerate(fits):
        if estimate is None or not prepared.design.blocks or prepared.choice.status == "refused":
            continue
        if prepared.choice.scale == "counts":
            found[i] = _judge_counts(prepared, estimate)
        elif _testable(prepared):
            tested[i] = prepared, estimate
    together = list(tested.values())
    if together:
        for i, one in zip(tested, _Tests(together[0][0]).run(together), strict=True):
            found[i] = one
    return found


def called_wrong(prepared: Prepared, drawn: Array) -> NDArray[np.bool_]:
    """Return which of many series (m, n), drawn under the fitted null, would fail the tests.

    They are held against each other, so that `LEVEL` of them do. `drawn` is divided by the size of
    the errors.
    """
    tested = prepared.choice.scale != "counts" and _testable(prepared)
    if not tested or prepared.design.positions[-1] >= families.DENSE:
        return np.zeros(len(drawn), dtype=bool)
    tests = _Tests(prepared)
    found = tests.statistics(drawn, tests.known.weights(drawn)[0])
    smallest = (_share_as_large(found.values) / found.shares).min(axis=1)
    return np.asarray(smallest <= np.quantile(smallest, LEVEL))


def _testable(prepared: Prepared) -> bool:
    """Tell whether there are tests of a fit of Gaussian errors."""
    n, k = prepared.design.fitted.shape
    return prepared.choice.method in METHODS and n >= _LEAST and n - k >= 12


def _judge_counts(prepared: Prepared, estimate: Estimate) -> Adequacy:
    """Mark what is known to cover too seldom: a latent process near a unit root."""
    phi = estimate.phi.get("estimate", 0.0)
    if prepared.choice.method != "count-ar1" or phi <= NEAR_LATENT:
        return Adequacy()
    reason = (
        f"the latent process is close to a unit root (autocorrelation {phi:.2f}), where intervals "
        "of counts cover only 90 to 92%"
    )
    return Adequacy(reason=reason, p=0.0)


NEAR_LATENT = 0.75
"""Posterior mean of the latent autocorrelation above which counts are exploratory: at a true .4 it
is passed by one series in twenty at most (36 to 120 months, mean 30)."""


def _share_as_large(values: Array) -> Array:
    """Return, for each of the values (m, s), the share of its column that is no smaller."""
    smaller = [np.searchsorted(np.sort(one), one) for one in values.T]
    return np.asarray((len(values) - np.stack(smaller, axis=1)) / len(values))


@lru_cache(maxsize=4)
def _innovations(n: int) -> Array:
    """Return seeded normal variates (batches, 100, n): the same for every series of a length."""
    return np.random.default_rng(20220822).standard_normal((_BATCHES, 100, n))


@dataclass
class _Held:
    """Statistics of one series held against those of series drawn under its null."""

    every: Array
    """(1 + draws, s), its own first."""
    shares: Array
    """(s,)"""
    together: float
    """p of the smallest of them over its share."""
    open: bool
    """Whether draws are needed."""
    p: Array | float = np.nan
    """(s,) of each statistic."""

    def add(self, drawn: Array) -> None:
        """Take more draws in, if they are needed."""
        if self.open:
            self.every = np.concatenate([self.every, drawn])
            rank = _share_as_large(self.every)
            smallest = (rank / self.shares).min(axis=1)
            self.p, self.together = rank[0], float((smallest <= smallest[0]).mean())
            # A first hundred that shows nothing needs no more.
            self.open = self.together <= CLEAR


class _Statistics(NamedTuple):
    """Statistics (s) of series (m) of one design."""

    names: tuple[str, ...]
    values: Array
    """(m, s)"""
    nominal: Array
    """(m, s) p values as if the errors were known."""
    shapes: Array
    """(m, c) F of each other shape beside the model's own."""
    sides: Array
    """(m, c) to which side the series has it."""

    @property
    def shares(self) -> Array:
        """(s,) of `LEVEL`."""
        return np.array([SHARES[name] for name in self.names])

    def signed(self, signs: Array) -> Array:
        """Return F of each shape, 0 where it lies on the wrong side."""
        return np.where(self.sides * signs < 0, 0.0, self.shapes)

    def some(self, rows: Any) -> _Statistics:
        """Return those of some series."""
        return _Statistics(self.names, *(part[rows] for part in self[1:]))


class _Tests:
    """The statistics of series of one design and of draws under their nulls, side by side."""

    def __init__(self, prepared: Prepared) -> None:
        self.design = design = prepared.design
        self.positions = design.positions
        self.place = (design.positions - design.positions[0]).astype(int)
        x = prepared.weighted(design.fitted)
        self.known = averaged.machine(x, self.positions)
        key = ("shapes", prepared.settings.terms, prepared.settings.onset_periods)
        if key not in design.kept:
            design.kept[key] = shapes(prepared)
        self.tried: tuple[Shape, ...] = design.kept[key]
        self.kind = np.array([shape.kind for shape in self.tried])
        self.kinds = tuple(kind for kind in KINDS if kind in self.kind)
        self.kind_shares = np.array([KINDS[kind] for kind in self.kinds])
        # At right angles to each other, so that sums of products lose no digits.
        basis = self.known.orthonormal
        others = np.reshape([s.column[design.used] for s in self.tried], (-1, len(x)))
        others = prepared.weighted(others.T)
        self.columns = np.hstack([basis, others - basis @ (basis.T @ others)])
        self.k = x.shape[1]
        first = min(design.onsets[block.id].touched for block in design.blocks)
        self.after = self.positions >= first
        if "annual wave" not in design.kept:
            phase = 2 * np.pi * (design.index[design.used].day_of_year.to_numpy() - 1) / 365.25
            design.kept["annual wave"] = np.column_stack([np.cos(phase), np.sin(phase)])
        self.season = design.kept["annual wave"]
        per_year = periods_per_year(design.index)
        self.unit = period_name(design.index)
        self.year = round(per_year) if 2 < per_year <= 53 else 0

    def run(self, fits: Sequence[tuple[Prepared, Estimate]]) -> list[Adequacy]:
        """Compare series with their draws; without any where nothing is near to significant."""
        y = np.stack([prepared.weighted(prepared.y) for prepared, _ in fits])
        signs = np.stack([self._signs(estimate) for _, estimate in fits])
        weights = self.known.weights(y)[0]
        own = self.statistics(y, weights)
        kinds = self._by_kind(own, signs)
        least = np.stack([own.nominal.min(axis=1), self._nominal_by_kind(kinds)])
        near = (least < WORTH_DRAWING) & (self.positions[-1] < families.DENSE)
        held = [
            (
                _Held(values[None], own.shares, min(1.0, p * len(own.names)), bool(draw)),
                _Held(of_kind[None], self.kind_shares, 1.0, bool(draw_kinds)),
            )
            for values, of_kind, p, (draw, draw_kinds) in zip(
                own.values, kinds, least[0].tolist(), near.T, strict=True
            )
        ]
        for noise in _innovations(y.shape[1]) if near.any() else ():
            waiting = [i for i, both in enumerate(held) if any(one.open for one in both)]
            for i, drawn in zip(waiting, self._drawn(noise, weights[waiting]), strict=True):
                held[i][0].add(drawn.values)
                held[i][1].add(self._by_kind(drawn, signs[i]))
        return [self._said(own.some(i), signs[i], *both) for i, both in enumerate(held)]

    def _drawn(self, noise: Array, weights: Array) -> Iterator[_Statistics]:
        """Yield the statistics of draws from noise (d, n) under the null of each series."""
        place = self.place
        lags = np.abs(np.subtract.outer(place, place))
        for start in range(0, len(weights), _TOGETHER):
            rho = averaged.mean_correlation(weights[start : start + _TOGETHER], int(place[-1]) + 1)
            roots = np.linalg.cholesky(rho[:, lags])
            y = (noise @ roots.transpose(0, 2, 1)).reshape(-1, noise.shape[1])
            found = self.statistics(y, self.known.weights(y)[0])
            for i in range(0, len(y), len(noise)):
                yield found.some(slice(i, i + len(noise)))

    def _said(self, own: _Statistics, signs: Array, held: _Held, of_kind: _Held) -> Adequacy:
        """Return what the tests of one series say."""
        p = np.broadcast_to(held.p, own.values.shape)
        numbers = np.stack([own.values, own.nominal, p], axis=1).tolist()
        checks = tuple((name, *row) for name, row in zip(own.names, numbers, strict=True))
        others = tuple(
            (s.block, s.kind, s.periods, float(f), float(p), s.how(self.unit))
            for s, f, p in zip(self.tried, own.shapes, self._nominal(own.shapes), strict=True)
        )
        reason = hint = ""
        if held.together <= LEVEL:
            worst = int(np.argmin(np.where(np.isnan(p), own.nominal, p) / own.shares))
            best = max(others, key=lambda shape: shape[3])[-1] if others else ""
            name, statistic, *_ = checks[worst]
            reason = self._reason(name, statistic, held.together, best)
        elif of_kind.together <= SHAPE_LEVEL:
            best = others[int(np.argmax(own.signed(signs)))][-1]
            hint = f"the effect may have another shape: {best} fits better than what was fitted "
            hint += f"(calibrated {p_text(of_kind.together)}, of the shape alone)"
        return Adequacy(checks, held.together, reason, of_kind.together, hint, others)

    def _signs(self, estimate: Estimate) -> Array:
        """Return the sign of the mean effect, which an onset must share; 0 for other shapes."""
        signs = np.zeros(len(self.tried))
        for i, shape in enumerate(self.tried):
            if shape.kind == "gradual":
                rows = self.design.effect_rows(shape.block, self.design.after(shape.block))
                signs[i] = np.sign(rows.mean(axis=0) @ estimate.mean)
        return signs

    def _by_kind(self, found: _Statistics, signs: Array) -> Array:
        """Return the largest F of each kind of shape (m, kinds)."""
        signed = found.signed(signs)
        largest = [signed[:, self.kind == kind].max(axis=1) for kind in self.kinds]
        return np.stack(largest, axis=1) if largest else signed

    def _nominal(self, f: Array) -> Array:
        return np.asarray(special.fdtrc(1, len(self.positions) - self.k - 1, f))

    def _nominal_by_kind(self, kinds: Array) -> Array:
        """Return p of the shape alone without draws: the smallest of a kind over its share (m,)."""
        several = np.array([(self.kind == kind).sum() for kind in self.kinds])
        sides = np.where(np.array(self.kinds) == "gradual", 0.5, 1.0)
        p = several * sides * self._nominal(kinds)
        return np.asarray((p / self.kind_shares).min(axis=1, initial=1.0))

    def statistics(self, y: Array, weights: Array) -> _Statistics:
        """Return the statistics of series (m, n) with these weights."""
        place = self.place
        rho = weights @ families.correlations(int(place[-1]) + 1)
        white = np.ascontiguousarray(families.whitened_series(y, self.columns, rho, place))
        k, df = self.k, y.shape[1] - self.k
        sums = white.transpose(0, 2, 1) @ white
        fitted = np.linalg.solve(sums[:, :k, :k], sums[:, :k, k:])
        left = sums[:, k:, k:] - sums[:, k:, :k] @ fitted
        size = np.maximum(np.einsum("mcc->mc", left), 1e-12)
        e = white[..., -1] - (white[..., :k] @ fitted[..., -1:])[..., 0]
        e = e / np.sqrt(size[:, -1:] / df)
        parts = [self._variance(e), self._autocorrelation(e)]
        if self.year:
            parts += [self._seasonal_variance(e), self._seasonal_correlation(e)]
        sides = left[:, :-1, -1]
        share = sides**2 / size[:, :-1] / size[:, -1:]
        squared = (df - 1) * share / np.maximum(1 - share, 1e-12)
        if self.tried:
            best = squared.max(axis=1)
            nominal = np.minimum(1, len(self.tried) * self._nominal(best))
            parts.append(("shape of the effect", best, nominal))
        names, values, nominal = zip(*parts, strict=True)
        return _Statistics(names, np.stack(values, 1), np.stack(nominal, 1), squared, sides)

    def _variance(self, e: Array) -> tuple[str, Array, Array]:
        before, after = e[:, ~self.after], e[:, self.after]
        ratio = np.log((after**2).mean(axis=1) / (before**2).mean(axis=1))
        spread = np.sqrt(2 / before.shape[1] + 2 / after.shape[1])
        return "variance", np.abs(ratio), 2 * special.ndtr(-np.abs(ratio) / spread)

    def _autocorrelation(self, e: Array) -> tuple[str, Array, Array]:
        n = e.shape[1]
        lags = min(10, n // 5)
        r = [np.einsum("mn,mn->m", e[:, k:], e[:, :-k]) / (n - k) for k in range(1, lags + 1)]
        statistic = n * np.square(r).sum(axis=0)
        return "autocorrelation", statistic, special.chdtrc(lags - 1, statistic)

    def _seasonal_variance(self, e: Array) -> tuple[str, Array, Array]:
        # Sizes, not their logarithms or squares: the most power against three times the noise.
        size = np.abs(e)
        size = size - size.mean(axis=1, keepdims=True)
        x = self.season - self.season.mean(axis=0)
        fitted = size @ x @ np.linalg.inv(x.T @ x) @ x.T
        statistic = size.shape[1] * (fitted**2).sum(axis=1) / (size**2).sum(axis=1)
        return "seasonal variance", statistic, special.chdtrc(2, statistic)

    def _seasonal_correlation(self, e: Array) -> tuple[str, Array, Array]:
        n = e.shape[1]
        if n < 2.5 * self.year:
            return "seasonal autocorrelation", np.zeros(len(e)), np.ones(len(e))
        r = (e[:, self.year :] * e[:, : -self.year]).sum(axis=1) / (e**2).sum(axis=1)
        statistic = np.abs(r) * np.sqrt(n)
        return "seasonal autocorrelation", statistic, 2 * special.ndtr(-statistic)

    def _reason(self, name: str, statistic: float, p: float, how: str) -> str:
        said = {
            "variance": "the noise is of another size after the event, by a factor of "
            f"{np.exp(statistic / 2):.1f}",
            "autocorrelation": "autocorrelation is left in the residuals",
            "seasonal variance": "the size of the noise depends on the season",
            "seasonal autocorrelation": "the residuals repeat themselves after a year",
            "shape of the effect": "a step is not what the data show",
        }[name]
        if name == "shape of the effect":
            said += f": {how} fits better"
        return f"{said} (calibrated {p_text(p)})"
