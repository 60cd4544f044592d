"""Restricted likelihood averaged over families of errors: the default for Gaussian series.

Given a member of `families` everything is closed form, as in `reml`; the restricted likelihood
times the prior weighs t distributions with n - k degrees of freedom. All that does not depend on
the outcome is kept by design: a fit is then a few matrix products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators import families
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import UNIT_ROOT_WARNING, degrees
from uploadtrends.models.estimators.reml import (
    CARRIED,
    NEAR_UNIT_ROOT,
    BatchFit,
    Intervals,
    in_pieces,
    intervals,
    near_unit_root_note,
)
from uploadtrends.models.settings import Settings

FEW = 8
"""Series of one design from which on the packed form is faster."""


@dataclass(frozen=True)
class Machine:
    """Everything about one design that does not depend on the outcome."""

    orthonormal: Array
    """(n, k)"""
    maps: Array
    """(g, k, n) from the outcome to the coefficients given the member."""
    covariance: Array
    """(g, k, k), to be multiplied by the variance."""
    log_fixed: Array
    """(g,) log prior - (log |V| + log |X'V^-1 X|) / 2."""
    quadratic: Callable[[Array], Array]
    """From residuals (m, n) to r'(V^-1 - V^-1 X A^-1 X'V^-1) r of every member (m, g)."""
    df: int
    known: dict[bytes, tuple[Array, Array, Array]] = field(default_factory=dict)
    """What `weights` says of single series that are asked for again."""

    def weights(self, outcomes: Array) -> tuple[Array, Array, Array]:
        """Return weights (m, g), marginal variances (m, g), and which series are noiseless."""
        if len(outcomes) > 1:
            return self._weights(outcomes)
        # The fit and the tests of its model ask for the same one.
        key = outcomes.tobytes()
        if key not in self.known:
            self.known.clear()
            self.known[key] = self._weights(outcomes)
        return self.known[key]

    def ahead(self, outcomes: Array) -> None:
        """Weigh series (m, n) that will be asked for one by one: one product instead of many."""
        parts = zip(*(part[:, None] for part in self._weights(outcomes)), strict=True)
        self.known.clear()
        self.known.update(zip(map(np.ndarray.tobytes, outcomes), parts, strict=True))

    def _weights(self, outcomes: Array) -> tuple[Array, Array, Array]:
        residuals = outcomes - (outcomes @ self.orthonormal) @ self.orthonormal.T
        noiseless = (residuals**2).sum(axis=1) <= 1e-22 * (outcomes**2).sum(axis=1)
        rss = np.maximum(self.quadratic(residuals), 1e-290)
        logs = self.log_fixed - 0.5 * self.df * np.log(rss)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True), rss / self.df, noiseless

    def rows(self, weights: Array) -> Array:
        """Return the coefficients as linear combinations of the outcome (k, n), averaged."""
        return np.asarray(np.tensordot(weights, self.maps, axes=(0, 0)))


def machine(design: Array, positions: Array) -> Machine:
    """Return the machine of a design, from the store of those seen lately."""
    design = np.ascontiguousarray(design, dtype=float)
    positions = np.ascontiguousarray(positions, dtype=float)
    return _machine(design.tobytes(), positions.tobytes(), design.shape)


@lru_cache(maxsize=12)
def _machine(design: bytes, places: bytes, shape: tuple[int, int]) -> Machine:
    x, positions = np.frombuffer(design).reshape(shape), np.frombuffer(places)
    orthonormal, triangle = np.linalg.qr(x)
    short = positions[-1] - positions[0] < families.DENSE
    if short:
        inverse, log_determinant = families.inverse_correlations(positions)
        weighted = inverse @ orthonormal
    else:
        weighted, log_determinant = families.solve(orthonormal, positions)
    # A member that was left out has zeros; its weight is zero whatever its coefficients are.
    gram = orthonormal.T @ weighted
    gram[np.isinf(log_determinant)] = np.eye(shape[1])
    bread = np.linalg.inv(gram)
    back = np.linalg.inv(triangle)
    whole = partial(np.matmul, inverse) if short else partial(_solved, positions)
    quadratic = partial(_quadratic, whole, weighted, bread)
    return Machine(
        orthonormal=orthonormal,
        maps=(back @ bread) @ weighted.transpose(0, 2, 1),
        covariance=back @ bread @ back.T,
        log_fixed=families.members().log_prior
        - 0.5 * (log_determinant + np.linalg.slogdet(gram)[1]),
        quadratic=_dense(quadratic, orthonormal, positions) if short else quadratic,
        df=shape[0] - shape[1],
    )


def _solved(positions: Array, columns: Array) -> Array:
    return families.solve(columns, positions)[0]


def _quadratic(
    whole: Callable[[Array], Array], weighted: Array, bread: Array, residuals: Array
) -> Array:
    """Return r'P r; `whole` returns V^-1 of columns, every member."""
    mixed = weighted.transpose(0, 2, 1) @ residuals.T
    mixed = (mixed * (bread @ mixed)).sum(axis=1)
    return np.asarray(((whole(residuals.T) * residuals.T).sum(axis=1) - mixed).T)


def _dense(
    few: Callable[[Array], Array], orthonormal: Array, positions: Array
) -> Callable[[Array], Array]:
    """Return r'P r; that of a few series by `few`. That of many from squares of what is left in
    some directions, which members share that differ in their share of noise alone; the directions
    are made when they are first worth their time."""
    known = lru_cache(maxsize=1)(partial(_directions, orthonormal, positions))

    def quadratic(residuals: Array) -> Array:
        if len(residuals) < FEW:
            return few(residuals)
        found = np.empty((len(residuals), families.members().phi.size))
        for of, directions, precisions in known():
            left = residuals @ directions
            found[:, of] = np.square(left, out=left) @ precisions
        return found

    return quadratic


def _directions(orthonormal: Array, positions: Array) -> list[tuple[Array, Array, Array]]:
    """Return groups of members (s,), directions (n, n - k) and precisions (n - k, s) with P the sum
    of each direction's square times its precision."""
    chosen, place = families.members(), (positions - positions[0]).astype(int)
    rho = families.correlations(int(place[-1]) + 1)
    lags = np.abs(np.subtract.outer(place, place))
    complement = np.linalg.qr(orthonormal, mode="complete")[0][:, orthonormal.shape[1] :]
    found = []
    for plain in np.flatnonzero(chosen.share == 0):
        of, middle = np.array([plain]), complement.T @ rho[plain][lags] @ complement
        if chosen.phi[plain]:
            of = np.flatnonzero(chosen.phi == chosen.phi[plain])
        if of.size == 1:
            root, precisions = np.linalg.cholesky(np.linalg.inv(middle)), np.ones((len(middle), 1))
        else:
            values, root = np.linalg.eigh(middle)
            precisions = 1 / (np.outer(values, 1 - chosen.share[of]) + chosen.share[of])
        found.append((of, complement @ root, precisions))
    return found


def fit_averaged(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """REML averaged over AR(1), AR(1) plus noise and long memory, all parameters integrated out."""
    known = machine(x, positions)
    every, variances, _ = known.weights(y[None])
    keep = every[0] > CARRIED * every[0].max()
    weights = every[0, keep] / every[0, keep].sum()
    variance = variances[0, keep]
    coefficients = known.maps[keep] @ y
    raw = y - x @ (weights @ coefficients)
    chosen = families.members()
    near = float(weights[chosen.phi[keep] > NEAR_UNIT_ROOT].sum())
    spread = float(np.sqrt(weights @ variance))
    log_likelihood = (
        known.log_fixed - chosen.log_prior - 0.5 * known.df * (np.log(2 * np.pi * variances[0]) + 1)
    )
    return Estimate(
        weights=weights,
        coefficients=coefficients,
        covariance=known.covariance[keep] * variance[:, None, None],
        df=degrees(settings, known.df),
        sigma=np.sqrt(variance),
        residuals=whitened(raw, positions, every[0]) / spread,
        raw_residuals=raw,
        phi={
            **_autocorrelation(chosen.lag_one[keep], weights, settings.confidence),
            "near_unit_root": near,
        },
        extra={
            "log_likelihood": float(log_likelihood.max()),
            "sigma": spread,
            **{
                f"weight_{family.replace('-', '_')}": float(every[0][chosen.family == family].sum())
                for family in families.FAMILY_WEIGHTS
            },
        },
        rows=known.rows(every[0]),
        notes=(near_unit_root_note(near),) if near > UNIT_ROOT_WARNING else (),
    )


def _autocorrelation(values: Array, weights: Array, confidence: float) -> dict[str, float]:
    """Return mean and interval of the lag-one autocorrelation over the members."""
    order = np.argsort(values)
    edges = np.cumsum(weights[order])
    tail = (1 - confidence) / 2
    low, high = np.interp([tail, 1 - tail], edges, values[order])
    return {"estimate": float(weights @ values), "low": float(low), "high": float(high)}


def mean_correlation(weights: Array, length: int) -> Array:
    """Return the autocorrelation function (length,) averaged over all members' weights (g,)."""
    return np.asarray(weights @ families.correlations(length))


def whitened(rows: Array, positions: Array, weights: Array) -> Array:
    """Return rows (n,) whitened by the averaged correlation: L^-1 rows, V = L L'."""
    place = (positions - positions[0]).astype(int)
    rho = mean_correlation(weights, int(place[-1]) + 1)
    none = np.empty((place.size, 0))
    return families.whitened_series(rows[None], none, rho[None], place)[0, :, 0]


def fit_batch(
    outcomes: Array,
    design: Array,
    contrasts: Array,
    *,
    positions: Array | None = None,
    confidence: float = 0.95,
    chunk: int = 64,
) -> BatchFit:
    """Fit many series (or many designs) at once; arguments and result as `reml.fit_batch`.

    The same numbers as `interrupted_time_series` gives by default; ``phi`` is the posterior mean of
    the lag-one autocorrelation.
    """
    places = np.arange(np.shape(outcomes)[-1]) if positions is None else positions

    def fitted(outcomes: Array, design: Array, contrasts: Array) -> Intervals:
        known, chosen = machine(design.reshape(design.shape[-2:]), places), families.members()
        found, near = components(known, outcomes, contrasts), chosen.phi > NEAR_UNIT_ROOT
        return intervals(confidence, found, known.df, chosen.lag_one, near)

    return in_pieces(fitted, outcomes, design, contrasts, chunk if np.ndim(design) == 2 else 1)


def components(known: Machine, outcomes: Array, contrasts: Array) -> tuple[Array, ...]:
    """Return weights (m, g), centres and scales (m, c, g) of contrasts (c, k), or (m, c, k) where
    every series has its own, and who is noiseless."""
    weights, variances, noiseless = known.weights(outcomes)
    if contrasts.ndim == 3 or len(outcomes) < len(contrasts):
        coefficients = outcomes @ known.maps.transpose(0, 2, 1)
        centres = coefficients.transpose(1, 0, 2) @ contrasts.swapaxes(-1, -2)
        centres = centres.swapaxes(1, 2)
    else:
        rows = contrasts @ known.maps
        centres = np.tensordot(outcomes, rows, axes=(1, 2)).transpose(0, 2, 1)
    flat = contrasts.reshape(-1, contrasts.shape[-1])
    unit = ((flat @ known.covariance) * flat).sum(axis=2).T.reshape(*contrasts.shape[:-1], -1)
    scales = np.sqrt(np.maximum(unit, 0.0) * variances[:, None, :])
    return weights, centres, np.maximum(scales, np.finfo(float).tiny), noiseless
