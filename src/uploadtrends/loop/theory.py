"""What is known exactly of a Gaussian refitted to its own samples, generation by generation.

Model g is the maximum-likelihood fit N(m_g, v_g) to its training data; model 0 is fitted to n real
draws of N(0, 1). V_g = E v_g is the variance it keeps, D_g = E m_g^2 how far its mean has strayed,
both in units of the true variance. Samples are drawn from N(m_g, lam v_g): lam below 1 is sampling
bias (Alemohammad et al. 2024: quality bought with variety).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number

EXACT = ("replace", "accumulate", "fresh")
"""Regimes with an exact recursion for V and D."""


def gaussian_theory(
    regime: str = "replace",
    *,
    n: int,
    generations: int,
    sampling_bias: float = 1.0,
    fresh: float = 0.1,
) -> pd.DataFrame:
    """Return the exact course of the variance kept and of the drift of the mean.

    Parameters
    ----------
    regime : {"replace", "accumulate", "fresh"}
        Each generation is trained on the last one's samples only; on the real data and the samples
        of all before; on a share of new real data and the last one's samples for the rest.
    n : int
        Samples a generation.
    generations : int
        How often the model is refitted to samples.
    sampling_bias : float
        lam, in (0, 1]; above 1 spreads.
    fresh : float
        Share of new real data each generation, in [0, 1]; for ``"fresh"``.

    Returns
    -------
    pandas.DataFrame
        Index: generation 0 (fitted to real data) to `generations`. Columns: variance (V), drift
        (D). Under ``"replace"`` with lam = 1 they sum to 1: what is lost within one model is found
        between models.

    Raises
    ------
    InputError
        For a regime without an exact result, or a number out of range.

    Notes
    -----
    Replace: V_g = lam V_(g-1) (1 - 1/n), so lam^g (1 - 1/n)^(g+1) (the setting of Shumailov et al.
    2024). Accumulate, with T = g + 1: V_T = V_(T-1) (1 - (1 - lam)/T - lam/(T^2 n)); the limit for
    lam = 1 is sin(pi/sqrt n)/(pi/sqrt n). Fresh: from the law of total variance; the limit for
    large n is f/(1 - lam (1 - f)).

    Examples
    --------
    >>> gaussian_theory("replace", n=270, generations=30).variance.iloc[-1].round(4).item()
    0.8914
    """
    if regime not in EXACT:
        raise InputError(
            "no exact result is known for this regime",
            column="regime",
            value=regime,
            fix=f"one of {', '.join(EXACT)}",
        )
    require_numbers(n, generations, sampling_bias, fresh)
    lam, share = sampling_bias, fresh
    variance, drift = 1 - 1 / n, 1 / n
    rows = [(variance, drift)]
    for generation in range(1, generations + 1):
        if regime == "replace":
            drift += lam * variance / n
            variance *= lam * (1 - 1 / n)
        elif regime == "accumulate":
            size = generation + 1
            drift += lam * variance / (size**2 * n)
            variance *= 1 - (1 - lam) / size - lam / (size**2 * n)
        else:
            second = share + (1 - share) * (lam * variance + drift)
            drift = share / n + (1 - share) ** 2 * drift + (1 - share) * lam * variance / n
            variance = second - drift
        rows.append((variance, drift))
    index = pd.RangeIndex(generations + 1, name="generation")
    return pd.DataFrame(rows, index, ["variance", "drift"])


def require_numbers(n: int, generations: int, sampling_bias: float, fresh: float) -> None:
    """Raise InputError for the first number that no loop can run with."""
    whole_number("n", n, 2)
    whole_number("generations", generations, 1)
    for name, value, good, fix in (
        ("sampling_bias", sampling_bias, sampling_bias > 0, "above 0; 1 is unbiased"),
        ("fresh", fresh, 0 <= fresh <= 1, "a share, from 0 to 1"),
    ):
        if not good:
            raise InputError("a loop cannot run with this", column=name, value=value, fix=fix)


def log_variance_drift(n: int, dimensions: int = 1) -> float:
    """Return the mean change of the log (determinant of the) variance per refit, lam = 1.

    Parameters
    ----------
    n : int
        Samples a generation, more than `dimensions`.
    dimensions : int

    Notes
    -----
    sum over i of psi((n - i)/2) + d log(2/n), from the chi-square law of a sample variance and the
    Bartlett decomposition of a Wishart matrix. Always negative: the median variance falls.

    Examples
    --------
    >>> round(log_variance_drift(270), 5)
    -0.00743
    """
    degrees = (n - np.arange(1, dimensions + 1)) / 2
    return float(special.digamma(degrees).sum() + dimensions * np.log(2 / n))


def log_variance_spread(n: int) -> float:
    """Return the variance of the change of the log variance per refit: psi_1((n - 1)/2)."""
    return float(special.polygamma(1, (n - 1) / 2))


def fresh_needed(keep: float, sampling_bias: float) -> float:
    """Return the share of fresh data that keeps a share of the variance for ever (n large).

    Parameters
    ----------
    keep : float
        Share of the variance to keep, in (0, 1).
    sampling_bias : float
        lam, in (0, 1]. With 1 any share above 0 will do.

    Notes
    -----
    Solves f/(1 - lam (1 - f)) = keep.

    Examples
    --------
    >>> round(fresh_needed(0.9, 0.8), 3)
    0.643
    """
    return keep * (1 - sampling_bias) / (1 - keep * sampling_bias)
