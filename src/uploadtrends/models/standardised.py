"""Effect sizes of an interrupted series by least squares, as other tools print them.

For comparison with published analyses (the R package its2es uses these formulas): errors are taken
as independent, which makes the intervals too short under autocorrelation. For anything else use
`interrupted_time_series`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

MODELS = ("full", "level", "slope")
FAMILIES = ("gaussian", "poisson", "quasi-poisson")


@dataclass(frozen=True)
class EffectSize:
    """One effect size with its 95% interval and two-sided p (normal quantiles).

    `name` is ``mean difference`` (average over the periods after, in the unit of the data),
    ``cohens d`` (that, over the spread of the fitted curves with and without the intervention) or
    ``rate ratio``; the interval and p of d are those of simulated
    coefficients.
    """

    name: str
    estimate: float
    low: float
    high: float
    p: float
    se: float = float("nan")


def effect_sizes(
    y: ArrayLike,
    start: int,
    *,
    model: str = "full",
    others: ArrayLike | None = None,
    family: str = "gaussian",
    offset: ArrayLike | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[EffectSize, ...]:
    """Return mean difference and Cohen's d, or the rate ratio of counts.

    Parameters
    ----------
    y : array (n,)
    start : int
        Position of the first period after, from 0.
    model : {"full", "level", "slope"}
        What the intervention changes.
    others : array (n, c), optional
        Further regressors, such as seasonal terms.
    family : {"gaussian", "poisson", "quasi-poisson"}
    offset : array (n,), optional
        Logarithm of the exposure, for counts.
    draws, seed : int
        Of the coefficients, for the interval of d.

    Raises
    ------
    InputError
        If model or family is unknown, or `start` leaves no period on a side.

    Examples
    --------
    >>> y = [5.0, 6.0, 5.5, 6.5, 6.0, 3.0, 3.5, 2.5, 3.0, 3.5]
    >>> [round(size.estimate, 2) for size in effect_sizes(y, 5)]
    [-3.95, -13.86]
    """
    outcome = np.asarray(y, dtype=float)
    n = outcome.size
    if model not in MODELS or family not in FAMILIES or not 1 < start < n - 1:
        raise InputError(
            "unknown model or family, or no periods on one side",
            value=(model, family, start),
            fix=f"model one of {MODELS}, family one of {FAMILIES}",
        )
    time = np.arange(1, n + 1, dtype=float)
    after = (np.arange(n) >= start).astype(float)
    terms = {"level": after, "slope": after * (np.arange(n) - start)}
    mine = [terms[name] for name in ("level", "slope") if model in ("full", name)]
    rest = [] if others is None else list(np.asarray(others, dtype=float).T)
    x = np.column_stack([np.ones(n), time, *rest, *mine])
    middle = (n - start - 1) / 2
    row = np.zeros(x.shape[1])
    row[-len(mine) :] = {"full": [1.0, middle], "level": [1.0], "slope": [middle]}[model]
    beta, covariance = _fitted(outcome, x, family, offset)
    size, se = float(row @ beta), float(np.sqrt(row @ covariance @ row))
    low, high = size - 1.96 * se, size + 1.96 * se
    p = float(2 * special.ndtr(-abs(size) / se))
    if family != "gaussian":
        low, ratio, high = (float(np.exp(value)) for value in (low, size, high))
        return (EffectSize("rate ratio", ratio, low, high, p, se),)
    post = x[after == 1]
    without = post.copy()
    without[:, -len(mine) :] = 0.0

    def standardised(coefficients: Array, difference: Array) -> Array:
        fitted, course = coefficients @ post.T, coefficients @ without.T
        spread = (fitted.var(axis=-1, ddof=1) + course.var(axis=-1, ddof=1)) / 2
        return np.asarray(difference / np.sqrt(spread))

    d = float(standardised(beta[None], np.array([size]))[0])
    drawn = np.random.default_rng(seed).multivariate_normal(beta, covariance, draws)
    values = standardised(drawn, drawn @ row)
    d_low, d_high = np.quantile(values, [0.025, 0.975])
    # Under the null: the same draws about an intervention without effect.
    shifted = drawn.copy()
    shifted[:, -len(mine) :] -= beta[-len(mine) :]
    as_large = float((np.abs(standardised(shifted, shifted @ row)) >= abs(d)).mean())
    return (
        EffectSize("mean difference", size, low, high, p, se),
        EffectSize("cohens d", d, float(d_low), float(d_high), as_large),
    )


def _fitted(y: Array, x: Array, family: str, offset: ArrayLike | None) -> tuple[Array, Array]:
    """Return coefficients and their covariance by statsmodels."""
    import statsmodels.api as sm

    if family == "gaussian":
        fit: Any = sm.OLS(y, x).fit()
    else:
        known = None if offset is None else np.asarray(offset, dtype=float)
        scale = "X2" if family == "quasi-poisson" else None
        model = sm.GLM(y, x, family=sm.families.Poisson(), offset=known)
        fit = model.fit(tol=1e-12, scale=scale)
    return np.asarray(fit.params), np.asarray(fit.cov_params())
