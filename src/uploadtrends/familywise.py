"""Adjusted p values that hold over a family of tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError


def holm(p_values: ArrayLike) -> Array:
    """Return Holm's (1979) step-down p values; NaN stays NaN and is not counted as a test.

    Raises
    ------
    InputError
        If a value lies outside [0, 1].

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan")]).tolist()
    [0.02, 0.04, nan]
    """
    p = np.asarray(p_values, dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise InputError("p values lie between 0 and 1", value=p[(p < 0) | (p > 1)].tolist())
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def closed_test(p_rows: ArrayLike, p_joint: ArrayLike, n_terms: ArrayLike, n_blocks: int) -> Array:
    """Return p values of all rows of several blocks, adjusted for their number.

    A row is a linear form in the q coefficients of its block. Under the block's joint null a false
    row needs a false joint test; otherwise at most q - 1 independent rows are truly null. So
    max(p_joint, (q - 1) p_row) controls any false row within a block (Marcus, Peritz & Gabriel
    1976; Shaffer 1986), and times the number of blocks, a union bound, over all blocks under any
    dependence.

    Parameters
    ----------
    p_rows, p_joint, n_terms : array_like, shape (rows,)
        Each row's own p, that of its block's coefficients together, and their number q. With one
        coefficient its p is the joint one.
    n_blocks : int
        Blocks of all series that are tested together.

    Examples
    --------
    >>> closed_test([0.004, 0.03], [0.01, 0.01], [2, 2], 1).tolist()
    [0.01, 0.03]
    """
    rows, joint = np.asarray(p_rows, dtype=float), np.asarray(p_joint, dtype=float)
    q = np.asarray(n_terms)
    within = np.where(q == 1, rows, np.maximum(joint, (q - 1) * rows))
    adjusted: Array = np.minimum(n_blocks * within, 1.0)
    return adjusted
