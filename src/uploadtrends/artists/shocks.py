"""Step two of the two-step: a change in a series of estimated rates, common shocks integrated out.

``delta = X b + u`` with ``Var u = s^2 R(phi) + Omega``: shocks that a whole platform or group
shares (autoregressive, of unknown size s and persistence phi) on top of the estimation error of
step one. s and phi are integrated over their restricted likelihood. The estimation part of the
variance of any contrast is the clustered variance of a scalar, valid however many periods there
are; a smoothed Omega only weighs the periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.mixture import mixture_interval, mixture_joint, mixture_moments

Prior = Literal["flat", "half"]

PHI = np.append(np.arange(-3, 10) / 10, 0.95)
"""Grid of the shocks' autocorrelation."""
N_SIZES = 20
_FLOOR = 0.02


@dataclass(frozen=True)
class ShockFit:
    """The law of q contrasts: a mixture of normals over the shocks' size and persistence.

    Attributes
    ----------
    weights : numpy.ndarray, shape (g,)
    values : numpy.ndarray, shape (g, q)
    covariance : numpy.ndarray, shape (g, q, q)
    shock_sd, phi : float
        Posterior means.
    p_none : float
        Posterior probability that there are no common shocks (NaN under the flat prior).
    without : tuple of numpy.ndarray, each of shape (q,)
        Contrasts and their standard errors if there were no common shocks.
    """

    weights: Array
    values: Array
    covariance: Array
    shock_sd: float
    phi: float
    p_none: float
    without: tuple[Array, Array]

    def moments(self, j: int) -> tuple[float, float]:
        """Return mean and standard error of contrast `j`."""
        mean, se = mixture_moments(self.weights, self.values[:, j], self._scale(j))
        return float(mean), float(se)

    def interval(self, j: int, confidence: float) -> tuple[float, float, float]:
        """Return the two ends of the interval of contrast `j`, and its two-sided p."""
        low, high, p = mixture_interval(
            confidence, self.weights, self.values[:, j], self._scale(j), np.inf
        )
        return float(low), float(high), float(p)

    def joint(self, which: NDArray[np.intp], df: int) -> dict[str, float]:
        """Test that some contrasts are zero together: F and p.

        Hotelling's T-squared in every component: the clustered part of the covariance has `df`
        degrees of freedom, and the part of the shocks is learnt from no more.
        """
        if not len(which):
            return {"F": float("nan"), "p": float("nan")}
        df_error = df - len(which) + 1
        part = self.covariance[:, which][:, :, which] * (df / df_error)
        statistic, p = mixture_joint(self.weights, self.values[:, which], part, df_error)
        return {"F": float(statistic), "p": float(p)}

    def _scale(self, j: int) -> Array:
        scale: Array = np.sqrt(self.covariance[:, j, j])
        return scale


def smooth_covariance(covariance: Array, position: Array, n_periods: int) -> Array:
    """Return a positive definite stand-in for a noisy clustered covariance, for weights only.

    Its own variances; correlations averaged over all pairs of periods at the same distance and
    tapered to nothing at two thirds of the series.
    """
    size = np.sqrt(np.diag(covariance))
    lag = np.abs(position[:, None] - position[None, :])
    correlation = covariance / np.outer(size, size)
    count = np.bincount(lag.ravel())
    mean = np.bincount(lag.ravel(), weights=correlation.ravel()) / np.maximum(count, 1)
    mean = mean * np.maximum(0, 1 - np.arange(len(mean)) / (2 * n_periods / 3))
    values, vectors = np.linalg.eigh(mean[lag])
    floored = (vectors * np.maximum(values, _FLOOR)) @ vectors.T
    unit = np.sqrt(np.diag(floored))
    smooth: Array = floored / np.outer(unit, unit) * np.outer(size, size)
    return smooth


@dataclass(frozen=True)
class Series:
    """Estimated log rates (or the difference of two) by period, with what each artist moves.

    Attributes
    ----------
    values : numpy.ndarray, shape (m,)
    influence : numpy.ndarray, shape (G, m)
    position : numpy.ndarray of int, shape (m,)
        Periods; gaps count.
    working : numpy.ndarray, shape (m, m)
        The estimation covariance that weighs the periods.
    """

    values: Array
    influence: Array
    position: NDArray[np.int64]
    working: Array

    @classmethod
    def of(cls, values: Array, influence: Array, working: Array | None = None) -> Series:
        """Keep the periods that have a value; smooth the covariance unless one is given.

        Parameters
        ----------
        values : numpy.ndarray, shape (T,)
            NaN where there is none.
        influence : numpy.ndarray, shape (G, T)
        working : numpy.ndarray, shape (T,), optional
            Variances of the periods, taken as independent.
        """
        position = np.flatnonzero(np.isfinite(values))
        influence = influence[:, position]
        covariance = influence.T @ influence
        if working is None:
            weigh = smooth_covariance(covariance, position, len(values))
        else:
            own = working[position]
            weigh = np.diag(own * max(float(np.trace(covariance) / own.sum()), 0.5))
        return cls(values[position], influence, position, weigh)

    def only(self, keep: NDArray[np.bool_]) -> Series:
        """Return some of the periods; `keep` has shape (m,)."""
        return Series(
            self.values[keep],
            self.influence[:, keep],
            self.position[keep],
            self.working[np.ix_(keep, keep)],
        )

    def correlation(self, phi: float) -> Array:
        """Return the correlation of shocks between the periods."""
        lag = np.abs(self.position[:, None] - self.position[None, :])
        sign = np.where((phi < 0) & (lag % 2 == 1), -1.0, 1.0)
        correlation: Array = sign * np.abs(phi) ** lag
        return correlation


class _Grid(NamedTuple):
    """Sizes of the shocks and the prior mass of each."""

    size: Array
    mass: Array


def _grid(series: Series, x: Array, prior: Prior) -> _Grid:
    residual = series.values - x @ np.linalg.lstsq(x, series.values, rcond=None)[0]
    spread = np.sqrt(residual @ residual / max(len(residual) - x.shape[1], 1))
    top = 3 * max(float(spread), 1e-6)
    size = top * ((np.arange(1, N_SIZES + 1) - 0.5) / N_SIZES) ** 1.5
    width = np.diff(top * (np.arange(N_SIZES + 1) / N_SIZES) ** 1.5)
    mass = width / width.sum()
    if prior == "flat":
        return _Grid(size, mass)
    return _Grid(np.append(0.0, size), np.append(0.5, 0.5 * mass))


def _phi_prior() -> Array:
    edges = np.r_[PHI[0] - 0.05, (PHI[1:] + PHI[:-1]) / 2, 0.975]
    density = np.diff(edges) / np.sqrt(1 - PHI**2)
    mass: Array = density / density.sum()
    return mass


class _Whitened(NamedTuple):
    """Coordinates in which the working covariance is 1 and the shocks' is diagonal."""

    spread: Array
    rotate: Array


def _whiten(series: Series, phi: float) -> _Whitened:
    inverse = np.linalg.inv(np.linalg.cholesky(series.working))
    spread, vectors = np.linalg.eigh(inverse @ series.correlation(phi) @ inverse.T)
    return _Whitened(np.maximum(spread, 0.0), vectors.T @ inverse)


def _fit(series: Series, x: Array, frame: _Whitened, size: Array) -> tuple[Array, Array, Array]:
    """Return for every size: restricted log-likelihood (s,), coefficients (s, k), loadings.

    The loadings, shape (s, m, k), give the coefficients from the series: ``beta = loading' y``.
    """
    z, zx = frame.rotate @ series.values, frame.rotate @ x
    weight = 1 / (1 + size[:, None] ** 2 * frame.spread)
    weighted = weight[:, :, None] * zx
    gram = zx.T @ weighted
    loading = weighted @ np.linalg.inv(gram)
    beta = z @ loading
    residual = z - beta @ zx.T
    likelihood = -0.5 * (
        np.sum(weight * residual**2 - np.log(weight), axis=1) + np.linalg.slogdet(gram)[1]
    )
    return likelihood, beta, frame.rotate.T @ loading


def integrate_shocks(series: Series, x: Array, contrasts: Array, prior: Prior) -> ShockFit:
    """Estimate linear combinations of the coefficients of `x`, common shocks integrated out.

    Parameters
    ----------
    series : Series, of m periods
    x : numpy.ndarray, shape (m, k)
    contrasts : numpy.ndarray, shape (q, k)
    prior : {"flat", "half"}
        Of the size of the shocks: flat, or half of the mass on no shocks at all (for groups of
        one platform, which share its shocks).

    Notes
    -----
    Shocks by autocorrelation -.3 to .95 with the arcsine prior (Berger & Yang 1994) and size 0 to
    three times the residual standard deviation.
    """
    grid = _grid(series, x, prior)
    likelihoods, values, covariances = [], [], []
    for phi in PHI:
        likelihood, beta, loading = _fit(series, x, _whiten(series, phi), grid.size)
        likelihoods.append(likelihood)
        values.append(beta @ contrasts.T)
        covariances.append(_covariance(series, phi, grid.size, loading @ contrasts.T))
    _, beta, loading = _fit(series, x, _whiten(series, 0.0), np.zeros(1))
    alone = _covariance(series, 0.0, np.zeros(1), loading @ contrasts.T)[0]
    return _mixed(
        np.array(likelihoods),
        grid,
        np.concatenate(values),
        np.concatenate(covariances),
        (contrasts @ beta[0], np.sqrt(np.diag(alone))),
    )


def fixed_contrasts(
    series: Series, loading: Array, learn: NDArray[np.bool_], x: Array, prior: Prior
) -> ShockFit:
    """Return the law of fixed linear combinations, the shocks learnt from some periods only.

    Parameters
    ----------
    series : Series, of m periods
    loading : numpy.ndarray, shape (m, q)
    learn : numpy.ndarray of bool, shape (m,)
        The periods whose deviations from a regression on `x`, shape (sum of learn, k), tell how
        large and how persistent the shocks are.
    """
    known = series.only(learn)
    grid = _grid(known, x, prior)
    likelihoods = np.array([_fit(known, x, _whiten(known, phi), grid.size)[0] for phi in PHI])
    same = np.broadcast_to(loading, (len(grid.size), *loading.shape))
    value = series.values @ loading
    covariances = [_covariance(series, phi, grid.size, same) for phi in PHI]
    return _mixed(
        likelihoods,
        grid,
        np.broadcast_to(value, (len(PHI) * len(grid.size), len(value))),
        np.concatenate(covariances),
        (value, np.sqrt(np.sum((series.influence @ loading) ** 2, axis=0))),
    )


def _covariance(series: Series, phi: float, size: Array, loading: Array) -> Array:
    """Return the variance of ``loading' y``, shape (s, q, q): shocks, and artists as clusters."""
    moved = series.influence @ loading
    shock = loading.swapaxes(1, 2) @ series.correlation(phi) @ loading
    total: Array = size[:, None, None] ** 2 * shock + moved.swapaxes(1, 2) @ moved
    return total


def _mixed(
    likelihood: Array, grid: _Grid, values: Array, covariance: Array, without: tuple[Array, Array]
) -> ShockFit:
    log_weight = (likelihood + np.log(grid.mass) + np.log(_phi_prior())[:, None]).ravel()
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    size = np.tile(grid.size, len(PHI))
    none = size == 0
    some = weights * ~none
    return ShockFit(
        weights=weights,
        values=values,
        covariance=covariance,
        shock_sd=float(weights @ size),
        phi=float(some @ np.repeat(PHI, len(grid.size)) / some.sum()),
        p_none=float(weights[none].sum()) if none.any() else float("nan"),
        without=without,
    )
