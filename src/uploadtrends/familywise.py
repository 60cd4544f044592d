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
