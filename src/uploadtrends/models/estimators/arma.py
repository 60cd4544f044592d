"""Regression with ARMA errors by exact maximum likelihood, from several starts.

The Gaussian likelihood is evaluated from the Cholesky factor of the errors' correlation, with the
regression coefficients and the variance in closed form, so that only the ARMA parameters are
searched. SARIMAX searches all of them at once and can stop far from the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.arima import fit_arima
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import autocorrelation, least_squares
from uploadtrends.models.settings import Settings

DENSE = 200
"""Most periods for which the dense likelihood is the faster one; then it is that of `arima`."""
AGREEMENT = 1e-3
"""Starts agree when their log-likelihoods differ by less than this."""
_STARTS = (0.0, 0.5, -0.4)


@dataclass(frozen=True)
class _Problem:
    """Regressors and outcome of the observed rows, and their distances in the calendar."""

    x: Array
    y: Array
    lags: Array
    """(n, n) whole periods between rows; a gap needs no filling."""
    p: int

    def whitened(self, arma: Array) -> tuple[Array, float]:
        """Return [x | y] with white errors of the innovations' scale, and log det V."""
        from statsmodels.tsa.arima_process import arma_acovf

        ar, ma = arma[: self.p], arma[self.p :]
        covariance = arma_acovf(np.r_[1.0, -ar], np.r_[1.0, ma], int(self.lags.max()) + 1)
        root = np.linalg.cholesky(covariance[self.lags])
        columns = np.column_stack([self.x, self.y])
        # Not scipy's solve_triangular: its BLAS starts threads for the smallest of systems.
        white = np.linalg.solve(root, columns)
        return white, float(2 * np.log(np.diag(root)).sum())

    def log_likelihood(self, arma: Array, beta: Array | None = None) -> tuple[float, Array, float]:
        """Return the log-likelihood, the coefficients and the variance (concentrated out)."""
        white, log_determinant = self.whitened(arma)
        if beta is None:
            beta, _, _ = least_squares(white[:, -1], white[:, :-1])
        left = white[:, -1] - white[:, :-1] @ beta
        n = left.size
        variance = float(left @ left / n)
        value = -0.5 * (n * (np.log(2 * np.pi * variance) + 1) + log_determinant)
        return value, beta, variance


def fit_arma(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Regress with ARMA(p, q) errors (R: ``arima(order = c(p, 0, q), xreg = ...)``).

    Standard errors come from the numerical Hessian of coefficients and ARMA parameters together,
    and intervals use normal quantiles, as R's do. Gaps in the calendar are missing values.

    Raises
    ------
    NotEstimableError
        If fewer than two starts reach the best likelihood, or the information is singular.
    """
    from statsmodels.tools.numdiff import approx_hess

    p, q = settings.arma_order
    n, k = x.shape
    if n > DENSE:
        return fit_arima(y, x, positions, replace(settings, order=(p, 0, q), seasonal=None))
    orthonormal, triangle = np.linalg.qr(x)
    first, _, residuals = least_squares(y, orthonormal)
    unit = float(residuals.std())
    lags = np.abs(positions[:, None] - positions).astype(int)
    problem = _Problem(orthonormal, residuals / unit, lags, p)

    arma = _search(problem, residuals, p, q)
    value, beta, variance = problem.log_likelihood(arma)

    def at(parameters: Array) -> float:
        return problem.log_likelihood(parameters[k:], parameters[:k])[0]

    try:
        hessian = approx_hess(np.concatenate([beta, arma]), at, epsilon=1e-3)
        information = np.linalg.inv(-hessian)
    except (np.linalg.LinAlgError, ValueError) as error:
        raise NotEstimableError(f"the information of ARMA({p},{q}) is singular") from error
    spread = np.diag(information)
    if not (np.isfinite(spread).all() and (spread > 0).all()):
        raise NotEstimableError(
            f"the information of ARMA({p},{q}) is singular: its parameters cancel or lie at the "
            "edge; use a lower order"
        )
    white, _ = problem.whitened(arma)
    back = np.linalg.inv(triangle)
    coefficients = back @ (first + beta * unit)
    raw = y - x @ coefficients
    extra = {
        "sigma2": variance * unit**2,
        "log_likelihood": value - n * np.log(unit),
        **{f"ar{i + 1}": float(arma[i]) for i in range(p)},
        **{f"ar{i + 1}_se": float(np.sqrt(spread[k + i])) for i in range(p)},
        **{f"ma{i + 1}": float(arma[p + i]) for i in range(q)},
    }
    return Estimate(
        weights=np.ones(1),
        coefficients=coefficients[None],
        covariance=(back @ information[:k, :k] @ back.T * unit**2)[None],
        df=float(n - k) if settings.quantiles == "t" else np.inf,
        sigma=np.array([raw.std()]),
        residuals=(white[:, -1] - white[:, :-1] @ beta) / np.sqrt(variance),
        raw_residuals=raw,
        phi={"estimate": float(arma[0])} if p else {},
        extra=extra,
        notes=("maximum likelihood takes the ARMA parameters as known: intervals are too short",),
    )


def _search(problem: _Problem, residuals: Array, p: int, q: int) -> Array:
    """Return the ARMA parameters at the optimum that at least two starts agree on."""
    from statsmodels.tsa.statespace.tools import constrain_stationary_univariate as constrain

    if p + q == 0:
        return np.zeros(0)

    def natural(free: Array) -> Array:
        ar = constrain(free[:p]) if p else free[:0]
        ma = -constrain(free[p:]) if q else free[:0]
        return np.concatenate([ar, ma])

    def loss(free: Array) -> float:
        try:
            value = problem.log_likelihood(natural(free))[0]
        except np.linalg.LinAlgError:
            # At the edge of stationarity the correlation is singular to rounding.
            return 1e10
        return -value if np.isfinite(value) else 1e10

    estimated = float(np.clip(autocorrelation(residuals, 1)[0], -0.9, 0.9))
    found = []
    for start in (estimated, *_STARTS):
        free = np.zeros(p + q)
        free[0] = start / np.sqrt(1 - start**2)
        if q and p:
            free[p] = -free[0] / 2
        found.append(
            scipy.optimize.minimize(
                loss, free, method="L-BFGS-B", options={"ftol": 1e-12, "gtol": 1e-6, "maxiter": 200}
            )
        )
    best = min(found, key=lambda fit: float(fit.fun))
    reached = sum(float(fit.fun - best.fun) < AGREEMENT for fit in found)
    if reached < 2:
        raise NotEstimableError(
            f"the ARMA({p},{q}) likelihood has several optima: only {reached} of {len(found)} "
            "starts reached the best; use a lower order or method reml-ar1"
        )
    return natural(np.asarray(best.x))
