"""Is this the right model? Tests calibrated by simulation under the fitted null; they bind.

Nominal p values of residual tests are wrong after the errors were fitted: in correct fits they fire
in a fifth of all series. Here every statistic is held against series drawn from the fitted errors
and fitted anew, and all of them together have one level. A series that fails gets the status
exploratory, so that nothing is claimed of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.brief import p_text
from uploadtrends.models.estimators import averaged, families
from uploadtrends.models.shapes import Shape, shapes
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
KINDS = {"gradual": 0.56, "early": 0.22, "transient": 0.22}
"""Of `SHAPE_LEVEL`. Each kind is held against its own draws, since with short stretches before or
after the event an early or a passing effect has an F that is large by chance far more often than
that of an onset; and an onset counts only where it has the sign of the effect.

Found (150 series of 36, 60 and 120 months, AR(.4) errors, level, slope and season fitted): falls by
3 sd that come over 6 months .26, .35, .69, where the tests that bind find .05, .11, .32, and a
two-sided test that knows the months and the errors .22, .48, .69; by 6 sd .47, .80, 1.00 (.07, .25,
.91; .67, .97, 1.00). Over 3 months .38, .31, .53 (.31, .42, .51), over 12 at 60 and 120 months .13,
.70 (.34, .77). Of steps, bends and nothing .03."""
WORTH_DRAWING = 0.10
"""Nominal p of the best statistic above which no draws are needed."""
METHODS = ("reml-averaged", "reml-ar1", "ols-hac", "prais-winsten", "arma", "ar1-plus-noise")
CLEAR = 0.15
"""p of all tests together after the first hundred draws above which no more are drawn."""
_BATCHES = 4
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


def judge(prepared: Prepared, estimate: Estimate | None) -> Adequacy:
    """Test a fitted series; see the module."""
    nothing = Adequacy()
    if estimate is None or not prepared.design.blocks or prepared.choice.status == "refused":
        return nothing
    if prepared.choice.scale == "counts":
        return _judge_counts(nothing, prepared, estimate)
    tests = _tests(prepared)
    return nothing if tests is None else tests.run(estimate)


def called_wrong(prepared: Prepared, drawn: Array) -> NDArray[np.bool_]:
    """Return which of many series (m, n), drawn under the fitted null, would fail the tests.

    They are held against each other, so that `LEVEL` of them do. `drawn` is divided by the size of
    the errors.
    """
    tests = None if prepared.choice.scale == "counts" else _tests(prepared)
    if tests is None or tests.positions[-1] >= families.DENSE:
        return np.zeros(len(drawn), dtype=bool)
    weights = averaged.machine(tests.x, tests.positions).weights(drawn)[0]
    names, found, _ = tests.statistics(drawn, weights)
    smallest = (_share_as_large(found) / [SHARES[name] for name in names]).min(axis=1)
    return np.asarray(smallest <= np.quantile(smallest, LEVEL))


def _tests(prepared: Prepared) -> _Tests | None:
    """Return the tests of a fit of Gaussian errors; None where there are none."""
    design = prepared.design
    n, k = design.fitted.shape
    if prepared.choice.method not in METHODS or n < _LEAST or n - k < 12:
        return None
    key = ("shapes", prepared.settings.terms, prepared.settings.onset_periods)
    if key not in design.kept:
        design.kept[key] = shapes(prepared)
    return _Tests(prepared, design.kept[key])


def _judge_counts(nothing: Adequacy, prepared: Prepared, estimate: Estimate) -> Adequacy:
    """Mark what is known to cover too seldom: a latent process near a unit root."""
    phi = estimate.phi.get("estimate", 0.0)
    if prepared.choice.method != "count-ar1" or phi <= NEAR_LATENT:
        return nothing
    reason = (
        f"the latent process is close to a unit root (autocorrelation {phi:.2f}), where intervals "
        "of counts cover only 90 to 92%"
    )
    return replace(nothing, reason=reason, p=0.0)


NEAR_LATENT = 0.75
"""Posterior mean of the latent autocorrelation above which counts are exploratory: at a true .4 it
is passed by one series in twenty at most (36 to 120 months, mean 30)."""


def _share_as_large(values: Array) -> Array:
    """Return, for each of the values (m, s), the share of its column that is no smaller."""
    smaller = [np.searchsorted(np.sort(one), one) for one in values.T]
    return np.asarray((len(values) - np.stack(smaller, axis=1)) / len(values))


class _Draws:
    """Series under the null of one fit, drawn when asked for."""

    def __init__(self, tests: _Tests, known: averaged.Machine, weights: Array) -> None:
        self.tests, self.known = tests, known
        place = (tests.positions - tests.positions[0]).astype(int)
        rho = averaged.mean_correlation(weights, int(place[-1]) + 1)
        self.root = np.linalg.cholesky(rho[np.abs(np.subtract.outer(place, place))])
        self.rng = np.random.default_rng(20220822)
        self.batches: list[tuple[Array, Array]] = []
        """Statistics of all tests, and of each kind of shape."""

    def held_against(self, own: Array, shares: Array, which: int) -> tuple[Array, float]:
        """Return the p of each statistic (1, s) and of the smallest of them over its share."""
        every = own
        for batch in range(_BATCHES):
            if batch == len(self.batches):
                y = self.rng.standard_normal((100, len(self.root))) @ self.root.T
                found = self.tests.statistics(y, self.known.weights(y)[0])[1]
                self.batches.append((found, self.tests.by_kind))
            every = np.concatenate([every, self.batches[batch][which]])
            rank = _share_as_large(every)
            smallest = (rank / shares).min(axis=1)
            together = float((smallest <= smallest[0]).mean())
            # A first hundred that shows nothing needs no more.
            if together > CLEAR:
                break
        return rank[0], together


class _Tests:
    """The statistics of one series and of draws under its null, side by side."""

    def __init__(self, prepared: Prepared, tried: tuple[Shape, ...]) -> None:
        self.design = design = prepared.design
        self.x, self.y = prepared.weighted(design.fitted), prepared.weighted(prepared.y)
        self.positions = design.positions
        self.tried = tried
        self.own_shapes: Array = np.zeros(0)
        self.own_signed: Array = np.zeros(0)
        self.by_kind: Array = np.zeros((1, 0))
        self.df = 0
        self.kind: Array = np.array([shape.kind for shape in tried])
        self.kinds = tuple(kind for kind in KINDS if kind in self.kind)
        self.direction: Array = np.zeros(len(tried))
        self.candidates = None
        if tried:
            columns = np.column_stack([s.column[design.used] for s in tried])
            self.candidates = prepared.weighted(columns)
        first = min(design.onsets[block.id].touched for block in design.blocks)
        self.after = self.positions >= first
        if "annual wave" not in design.kept:
            phase = 2 * np.pi * (design.index[design.used].day_of_year.to_numpy() - 1) / 365.25
            design.kept["annual wave"] = np.column_stack([np.cos(phase), np.sin(phase)])
        self.season = design.kept["annual wave"]
        per_year = periods_per_year(design.index)
        self.unit = period_name(design.index)
        self.year = round(per_year) if 2 < per_year <= 53 else 0

    def run(self, estimate: Estimate) -> Adequacy:
        """Compare the series with its draws; without any where nothing is near to significant."""
        self._set_direction(estimate)
        known = averaged.machine(self.x, self.positions)
        weights, _, _ = known.weights(self.y[None])
        names, own, nominal = self.statistics(self.y[None], weights)
        kinds, nominal_kinds = self.by_kind, self._nominal_by_kind()
        shares = np.array([SHARES[name] for name in names])
        others = self._shape_rows()
        p = np.full(len(names), np.nan)
        together = min(1.0, float(nominal.min()) * len(names))
        p_shape = 1.0
        if self.positions[-1] < families.DENSE:
            draws = _Draws(self, known, weights[0])
            if nominal.min() < WORTH_DRAWING:
                p, together = draws.held_against(own, shares, 0)
            if nominal_kinds < WORTH_DRAWING:
                _, p_shape = draws.held_against(kinds, self._kind_shares, 1)
        checks = zip(names, own[0].tolist(), nominal[0].tolist(), p.tolist(), strict=True)
        reason = hint = ""
        if together <= LEVEL:
            worst = int(np.argmin(np.where(np.isnan(p), nominal[0], p) / shares))
            best = max(others, key=lambda shape: shape[3])[-1] if others else ""
            reason = self._reason(names[worst], float(own[0, worst]), together, best)
        elif p_shape <= SHAPE_LEVEL:
            best = others[int(np.argmax(self.own_signed))][-1]
            hint = f"the effect may have another shape: {best} fits better than what was fitted "
            hint += f"(calibrated {p_text(p_shape)}, of the shape alone)"
        return Adequacy(tuple(checks), together, reason, p_shape, hint, others)

    def _set_direction(self, estimate: Estimate) -> None:
        """Keep the sign of the mean effect, which an onset must share."""
        for i, shape in enumerate(self.tried):
            if shape.kind == "gradual":
                rows = self.design.effect_rows(shape.block, self.design.after(shape.block))
                self.direction[i] = np.sign(rows.mean(axis=0) @ estimate.mean)

    @property
    def _kind_shares(self) -> Array:
        return np.array([KINDS[kind] for kind in self.kinds])

    def _nominal_by_kind(self) -> float:
        """Return p of the shape alone without draws: the smallest of a kind over its share."""
        if not self.tried:
            return 1.0
        several = np.array([(self.kind == kind).sum() for kind in self.kinds])
        sides = np.where(np.array(self.kinds) == "gradual", 0.5, 1.0)
        p = several * sides * special.fdtrc(1, self.df - 1, self.by_kind[0])
        return float(min(1.0, (p / self._kind_shares).min()))

    def _shape_rows(self) -> tuple[tuple[str, str, int, float, float, str], ...]:
        """Return every other shape with its F; filled while the series' own are computed."""
        values = self.own_shapes
        nominal = special.fdtrc(1, self.df - 1, values)
        return tuple(
            (s.block, s.kind, s.periods, float(f), float(p), s.how(self.unit))
            for s, f, p in zip(self.tried, values, nominal, strict=True)
        )

    def statistics(self, y: Array, weights: Array) -> tuple[list[str], Array, Array]:
        """Return names, statistics (m, s) and nominal p (m, s) of series with these weights."""
        place = (self.positions - self.positions[0]).astype(int)
        rho = weights @ families.correlations(int(place[-1]) + 1)
        columns = self.x if self.candidates is None else np.hstack([self.x, self.candidates])
        if place[-1] + 1 == place.size and (len(y) > 8 or place.size >= families.DENSE):
            white = families.whitened_series(y, columns, rho)
        else:
            matrices = rho[:, np.abs(np.subtract.outer(place, place))]
            together = np.concatenate(
                [np.broadcast_to(columns, (len(y), *columns.shape)), y[..., None]], axis=2
            )
            white = np.linalg.solve(np.linalg.cholesky(matrices), together)
        k = self.x.shape[1]
        basis, _ = np.linalg.qr(white[..., :k])
        rest = white[..., k:] - basis @ (basis.transpose(0, 2, 1) @ white[..., k:])
        e, others = rest[..., -1], rest[..., :-1]
        df = y.shape[1] - k
        e = e / np.sqrt((e**2).sum(axis=1, keepdims=True) / df)
        parts = [self._variance(e), self._autocorrelation(e)]
        if self.year:
            parts += [self._seasonal_variance(e), self._seasonal_correlation(e)]
        if self.candidates is not None:
            parts.append(self._shapes(e, others, df))
        names = [name for name, _, _ in parts]
        return names, np.stack([s for _, s, _ in parts], 1), np.stack([p for *_, p in parts], 1)

    def _variance(self, e: Array) -> tuple[str, Array, Array]:
        before, after = e[:, ~self.after], e[:, self.after]
        ratio = np.log((after**2).mean(axis=1) / (before**2).mean(axis=1))
        spread = np.sqrt(2 / before.shape[1] + 2 / after.shape[1])
        return "variance", np.abs(ratio), 2 * special.ndtr(-np.abs(ratio) / spread)

    def _autocorrelation(self, e: Array) -> tuple[str, Array, Array]:
        n = e.shape[1]
        lags = min(10, n // 5)
        r = np.stack([(e[:, lag:] * e[:, :-lag]).mean(axis=1) for lag in range(1, lags + 1)], 1)
        statistic = n * (r**2).sum(axis=1)
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

    def _shapes(self, e: Array, others: Array, df: int) -> tuple[str, Array, Array]:
        """Return the largest F of another shape beside the model's own; keeps that of each kind."""
        size = np.maximum((others**2).sum(axis=1), 1e-12)
        cross = np.einsum("mnc,mn->mc", others, e)
        share = cross**2 / size / df
        squared = (df - 1) * share / np.maximum(1 - share, 1e-12)
        signed = np.where(cross * self.direction < 0, 0.0, squared)
        self.by_kind = np.stack([signed[:, self.kind == kind].max(1) for kind in self.kinds], 1)
        if len(e) == 1:
            self.own_shapes, self.own_signed, self.df = squared[0], signed[0], df
        best = squared.max(axis=1)
        p = np.minimum(1, others.shape[2] * special.fdtrc(1, df - 1, best))
        return "shape of the effect", best, p

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
