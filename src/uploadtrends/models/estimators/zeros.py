"""Counts with more zeros than a Poisson or negative binomial has: zero-inflated and hurdle models.

Zero-inflated (Lambert 1992): with probability pi a zero of its own kind, else a count. Hurdle
(Mullahy 1986): whether there is anything at all, and, if so, a count that is not zero. The terms of
the events are those of the count part; the other part is constant in time. Maximum likelihood, as
R's ``pscl::zeroinfl`` and ``pscl::hurdle``; months are taken as independent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.settings import Settings

LARGEST_THETA = 1e6
_STEP = 1e-4


def fit_zero_inflated(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings, *, negative: bool
) -> Estimate:
    """Fit a zero-inflated count model with constant inflation."""
    return _fit(y, x, offset, _inflated, negative, "zero-inflated")


def fit_hurdle(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings, *, negative: bool
) -> Estimate:
    """Fit a hurdle count model with a constant hurdle."""
    return _fit(y, x, offset, _hurdle, negative, "hurdle")


fit_zero_inflated_poisson = partial(fit_zero_inflated, negative=False)
fit_zero_inflated_negative_binomial = partial(fit_zero_inflated, negative=True)
fit_hurdle_poisson = partial(fit_hurdle, negative=False)
fit_hurdle_negative_binomial = partial(fit_hurdle, negative=True)


def _log_count(y: Array, mean: Array, theta: float) -> Array:
    """Return the log probability of counts; Poisson where theta is infinite."""
    if not np.isfinite(theta):
        return np.asarray(y * np.log(mean) - mean - special.gammaln(y + 1))
    return np.asarray(
        special.gammaln(y + theta)
        - special.gammaln(theta)
        - special.gammaln(y + 1)
        + theta * np.log(theta / (theta + mean))
        + y * np.log(mean / (theta + mean))
    )


def _inflated(y: Array, mean: Array, theta: float, logit: float) -> float:
    share = special.expit(logit)
    none = np.logaddexp(np.log(share), np.log1p(-share) + _log_count(np.zeros_like(y), mean, theta))
    some = np.log1p(-share) + _log_count(y, mean, theta)
    return float(np.where(y == 0, none, some).sum())


def _hurdle(y: Array, mean: Array, theta: float, logit: float) -> float:
    empty = _log_count(np.zeros_like(y), mean, theta)
    some = special.log_expit(logit) + _log_count(y, mean, theta) - np.log1p(-np.exp(empty))
    return float(np.where(y == 0, special.log_expit(-logit), some).sum())


def _fit(
    y: Array,
    x: Array,
    offset: Array,
    likelihood: Callable[[Array, Array, float, float], float],
    negative: bool,
    name: str,
) -> Estimate:
    from statsmodels.tools.numdiff import approx_hess

    n, k = x.shape
    if (y > 0).sum() <= k or not (y == 0).any():
        raise NotEstimableError(
            f"a {name} model needs zeros, and more periods with a count than coefficients"
        )
    orthonormal, triangle = np.linalg.qr(x)
    orthonormal, triangle = orthonormal * np.sqrt(n), triangle / np.sqrt(n)
    start = np.linalg.lstsq(orthonormal, np.log(y + 0.5) - offset, rcond=None)[0]

    def loss(parameters: Array) -> float:
        predictor = np.clip(orthonormal @ parameters[:k] + offset, -30, 30)
        theta = float(np.exp(np.clip(parameters[k + 1], -10, 16))) if negative else np.inf
        value = likelihood(y, np.exp(predictor), theta, float(parameters[k]))
        return -value if np.isfinite(value) else 1e10

    best = None
    for share in (0.5, 0.2, 0.8):
        first = np.concatenate([start, [special.logit(share)], [1.0] * negative])
        found = scipy.optimize.minimize(loss, first, method="BFGS", options={"gtol": 1e-7})
        found = scipy.optimize.minimize(loss, found.x, method="Nelder-Mead", options=_FINE)
        found = scipy.optimize.minimize(loss, found.x, method="BFGS", options={"gtol": 1e-8})
        best = found if best is None or found.fun < best.fun - 1e-9 else best
    assert best is not None  # noqa: S101 - told to the type checker
    theta = float(np.exp(best.x[k + 1])) if negative else np.inf
    # Without overdispersion theta runs away and the information about it with it.
    free = k + 1 + (negative and theta < LARGEST_THETA)
    hessian = approx_hess(
        best.x[:free], lambda p: loss(np.concatenate([p, best.x[free:]])), epsilon=_STEP
    )
    try:
        information = np.linalg.inv(hessian)
    except np.linalg.LinAlgError as error:
        raise NotEstimableError(f"the information of the {name} model is singular") from error
    if not (np.isfinite(information).all() and (np.diag(information) > 0).all()):
        raise NotEstimableError(f"the likelihood of the {name} model has no clear maximum")
    back = np.linalg.inv(triangle)
    mean = np.exp(orthonormal @ best.x[:k] + offset)
    share = float(special.expit(best.x[k]))
    if name == "hurdle":
        present = -np.expm1(_log_count(np.zeros_like(y), mean, theta))
        expected = share * mean / present
    else:
        expected = (1 - share) * mean
    spread = np.sqrt(np.maximum(expected * (1 + mean / theta + mean), 1e-12))
    return Estimate(
        weights=np.ones(1),
        coefficients=(back @ best.x[:k])[None],
        covariance=(back @ information[:k, :k] @ back.T)[None],
        df=np.inf,
        sigma=np.array([np.nan]),
        residuals=(y - expected) / spread,
        raw_residuals=(y - expected) / np.maximum(expected, 1e-12),
        extra={
            "zero_logit": float(best.x[k]),
            "zero_logit_se": float(np.sqrt(information[k, k])),
            "log_likelihood": -float(best.fun),
            # From the mean of the count part to that of all periods.
            "mean_factor": float(expected.sum() / mean.sum()),
            **({"theta": theta, "latent_variance": 1 / theta} if negative else {}),
        },
        notes=(
            f"{name}: the effects are those of the count part; its intervals take the months as "
            "independent and are too short if they are not",
        ),
    )


_FINE: Any = {"xatol": 1e-8, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000}
