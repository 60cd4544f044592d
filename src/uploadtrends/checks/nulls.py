"""Series as they would look had nothing happened: draws from a fitted AR(1) null.

Event dates are not exchangeable (they crowd, and history does not repeat), so a joint test redraws
the noise and not the dates. What is drawn carries the uncertainty of the autocorrelation and of the
variance, and the correlation between series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.models.estimators import averaged, reml
from uploadtrends.models.estimators.averaged import fit_batch
from uploadtrends.models.estimators.mixture import two_sided
from uploadtrends.models.estimators.reml import conditional

CHUNK = 64
"""Series looked at at once: what they need stays in the processor's cache."""


@dataclass(frozen=True)
class FittedNull:
    """Several series on one calendar, each a mean plus AR(1) errors.

    Attributes
    ----------
    mean : array (j, n)
        Fitted mean of each series in every period (also the missing ones).
    phi : array (g,)
        Grid of autocorrelations.
    weights : array (j, g)
        Posterior weight of each.
    variance : array (j, g)
        Marginal error variance given each.
    df : array (j,)
        Residual degrees of freedom.
    correlation : array (j, j)
        Correlation of the innovations between series.
    missing : array (j, n) of bool
        Periods that were not observed.
    coefficients : tuple of array (k,)
        Of the mean, by series.
    """

    mean: Array
    phi: Array
    weights: Array
    variance: Array
    df: Array
    correlation: Array
    missing: NDArray[np.bool_]
    coefficients: tuple[Array, ...]

    def draw(self, n_draws: int, seed: int | np.random.Generator = 0) -> Array:
        """Return series drawn under the null, shape (n_draws, j, n); missing periods are NaN."""
        return self._with_mean(self.noise(n_draws, seed))

    def _with_mean(self, noise: Array) -> Array:
        drawn: Array = np.where(self.missing, np.nan, self.mean + noise)
        return drawn

    def noise(self, n_draws: int, seed: int | np.random.Generator = 0) -> Array:
        """Return the errors alone, shape (n_draws, j, n), with no period missing."""
        rng = np.random.default_rng(seed)
        j, n = self.mean.shape
        phi, scale = np.empty((n_draws, j)), np.empty((n_draws, j))
        for series in range(j):
            node = rng.choice(len(self.phi), size=n_draws, p=self.weights[series])
            phi[:, series] = self.phi[node]
            spread = self.variance[series, node] * self.df[series]
            scale[:, series] = np.sqrt(spread / rng.chisquare(self.df[series], n_draws))
        values, vectors = np.linalg.eigh(self.correlation)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        innovations = rng.standard_normal((n_draws, n, j)) @ root.T
        noise = np.empty((n_draws, j, n))
        noise[:, :, 0] = innovations[:, 0]
        fresh = np.sqrt(1 - phi**2)
        for t in range(1, n):
            noise[:, :, t] = phi * noise[:, :, t - 1] + fresh * innovations[:, t]
        noise *= scale[:, :, None]
        return noise


def fit_null(outcomes: Array, designs: Array | Sequence[Array]) -> FittedNull:
    """Fit a mean with AR(1) errors to several series on one calendar.

    Parameters
    ----------
    outcomes : array (j, n)
        On the model's scale; NaN where not observed.
    designs : array (n, k), or one such array for each series
        What the mean may contain.

    Returns
    -------
    FittedNull

    Raises
    ------
    InputError
        If a series has fewer than k + 3 observed periods.
    """
    outcomes = np.atleast_2d(np.asarray(outcomes, dtype=float))
    j, n = outcomes.shape
    each = [designs] * j if isinstance(designs, np.ndarray) and designs.ndim == 2 else designs
    missing = np.isnan(outcomes)
    mean, weights, variance, df, coefficients = [], [], [], [], []
    innovations = np.full((j, n), np.nan)
    for series in range(j):
        rows = np.flatnonzero(~missing[series])
        full = np.asarray(each[series], dtype=float)
        if rows.size < full.shape[1] + 3:
            raise InputError(
                f"a null model of {full.shape[1]} terms needs {full.shape[1] + 3} observed periods",
                value=int(rows.size),
                fix="use a longer window or fewer seasonal terms",
            )
        fit = conditional(outcomes[[series]][:, rows], full[rows], positions=rows.astype(float))
        weight = fit.weights[0]
        coefficients.append(weight @ fit.coefficients[0])
        fitted = full @ coefficients[-1]
        residual = outcomes[series] - fitted
        phi = float(weight @ fit.phi)
        innovations[series, 1:] = residual[1:] - phi * residual[:-1]
        mean.append(fitted)
        weights.append(weight)
        variance.append(fit.variance[0])
        df.append(float(fit.df))
    return FittedNull(
        np.array(mean),
        fit.phi,
        np.array(weights),
        np.array(variance),
        np.array(df),
        _correlation(innovations),
        missing,
        tuple(coefficients),
    )


def _correlation(innovations: Array) -> Array:
    """Return pairwise correlations, made positive semi-definite by clipping eigenvalues."""
    j = len(innovations)
    matrix = np.eye(j)
    for a in range(j):
        for b in range(a):
            both = ~np.isnan(innovations[a]) & ~np.isnan(innovations[b])
            if both.sum() < 3:
                continue
            x, y = innovations[a, both], innovations[b, both]
            x, y = x - x.mean(), y - y.mean()
            norm = np.sqrt((x @ x) * (y @ y))
            # A constant series has no innovations to correlate.
            matrix[a, b] = matrix[b, a] = (x @ y) / norm if norm > 1e-12 else 0.0
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < 0:
        matrix = (vectors * np.clip(values, 0, None)) @ vectors.T
        spread = np.sqrt(np.diag(matrix))
        matrix = matrix / np.outer(spread, spread)
    return matrix


def detection(
    outcome: Array,
    design: Array,
    contrasts: Array,
    *,
    positions: Array | None = None,
    alpha: float = 0.05,
    n_draws: int = 999,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Return how far an interval reaches when nothing happened, from the fitted error process.

    An effect of size d shifts both ends of the interval by exactly d (the estimator is linear given
    the autocorrelation, and the likelihood of the autocorrelation does not depend on d), so one set
    of draws gives the power at every effect size.

    Parameters
    ----------
    outcome : array (n,)
        The observed rows, on the model's scale.
    design : array (n, k)
        Including the event terms.
    contrasts : array (c, k)
    positions : array (n,), optional
        Calendar positions of the rows.
    alpha : float
        Level of the two-sided test.
    n_draws, seed : int
        Number of simulated series, and their seed.

    Returns
    -------
    low, high : array (n_draws, c)
        Ends of the intervals in the simulated series without effect.
    """
    places = np.arange(len(outcome)) if positions is None else np.asarray(positions)
    noise = errors(outcome, design, places, n_draws, seed)
    fit = fit_batch(noise, design, contrasts, positions=places.astype(float), confidence=1 - alpha)
    return fit.low, fit.high


def errors(outcome: Array, design: Array, positions: Array, n_draws: int, seed: int) -> Array:
    """Return draws (n_draws, n) of the errors of one series, from the fit of its design.

    Parameters
    ----------
    outcome : array (n,)
    design : array (n, k)
    positions : array (n,)
        Calendar positions of the rows.
    n_draws, seed : int
    """
    rows = np.asarray(positions).astype(int)
    rows = rows - rows[0]
    full = np.full(rows[-1] + 1, np.nan)
    full[rows] = outcome
    wide = np.zeros((len(full), design.shape[1]))
    wide[rows] = design
    return np.asarray(fit_null(full, wide).noise(n_draws, seed)[:, 0, rows])


def p_values(outcomes: Array, design: Array, contrasts: Array, positions: Array) -> Array:
    """Return the p-values (m, c) of `averaged.fit_batch`, without the ends of its intervals.

    The ends take most of the time of a fit, and a comparison of statistics has no use for them.

    Parameters
    ----------
    outcomes : array (m, n)
    design : array (n, k)
    contrasts : array (c, k)
    positions : array (n,)
    """
    known = averaged.machine(design, positions)
    found = []
    for start in range(0, len(outcomes), CHUNK):
        part = outcomes[start : start + CHUNK]
        weights, centres, scales, noiseless = averaged.components(known, part, contrasts)
        carried = weights.max(axis=0) > reml.CARRIED
        offset = centres[..., carried] * (1 / scales[..., carried])
        p = two_sided(weights[:, None, carried], offset, known.df)
        p[noiseless] = np.nan
        found.append(p)
    return np.concatenate(found)


def power_at(low: Array, high: Array, effects: Array) -> Array:
    """Return the share of draws in which each effect would have been found, shape (e,)."""
    sizes = np.asarray(effects, dtype=float)[:, None]
    found: Array = ((low + sizes > 0) | (high + sizes < 0)).mean(axis=1)
    return found


def smallest_detectable(low: Array, high: Array, power: float = 0.8) -> float:
    """Return the smallest effect, of either sign, found with the given power.

    The larger of the two directions, so that the statement holds for rises and falls.
    """
    rise, fall = np.quantile(-low, power), np.quantile(high, power)
    return float(max(rise, fall, 0.0))


def joint_p(z: Array, null: Array, alpha: float) -> tuple[float, float]:
    """Return the p-value of the largest |z|, and the single-test level it amounts to."""
    largest = null.max(axis=1)
    p = float((1 + (largest >= z.max()).sum()) / (1 + len(largest)))
    return p, float(2 * ndtr(-np.quantile(largest, 1 - alpha)))
