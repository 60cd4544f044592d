"""Many platforms, groups and events: p-values adjusted for the whole family of tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uploadtrends.errors import InputError

Array = NDArray[np.float64]


def holm(p_values: ArrayLike) -> Array:
    """Return Holm (1979) step-down p-values; NaN stays NaN and is not counted as a test."""
    return _by_statsmodels(p_values, "holm")


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Return Benjamini-Hochberg (1995) step-up p-values (false discovery rate)."""
    return _by_statsmodels(p_values, "fdr_bh")


def _by_statsmodels(p_values: ArrayLike, method: str) -> Array:
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise InputError("p-values lie between 0 and 1", value=[float(v) for v in p[known]])
    if known.any():
        adjusted[known] = multipletests(p[known], method=method)[1]
    return adjusted


def romano_wolf(statistics: ArrayLike, null_statistics: ArrayLike) -> Array:
    """Return Romano-Wolf (2005, 2016) step-down p-values.

    Each hypothesis is compared with the largest of its own and all less extreme hypotheses'
    statistics under the joint null, so that their dependence is used rather than bounded.

    Parameters
    ----------
    statistics : array_like, shape (n_tests,)
        Observed studentised statistics; the sign is ignored.
    null_statistics : array_like, shape (n_draws, n_tests)
        The same statistics, jointly drawn under the null.

    Returns
    -------
    numpy.ndarray, shape (n_tests,)
        Adjusted p-values, ``(1 + exceedances) / (1 + n_draws)``, monotone in the statistic.

    Raises
    ------
    InputError
        If the shapes do not match.
    """
    observed = np.abs(np.asarray(statistics, dtype=float))
    null = np.abs(np.asarray(null_statistics, dtype=float))
    if null.ndim != 2 or null.shape[1:] != observed.shape:
        raise InputError(
            "the null statistics need one column per test",
            value={"statistics": observed.shape, "null_statistics": null.shape},
        )
    order = np.argsort(-observed, kind="stable")
    # Largest statistic among a hypothesis and all the less extreme ones, for every draw.
    running = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    exceed = (running >= observed[order]).sum(axis=0)
    p = np.maximum.accumulate((1 + exceed) / (1 + len(null)))
    adjusted: Array = np.empty_like(observed)
    adjusted[order] = p
    return adjusted
