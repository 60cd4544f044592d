"""When the periods of a series were observed, and AR(1) whitening over the gaps between them.

A missing period is left out, never filled: two neighbours d periods apart correlate by rho^d. All
autocorrelations of `RHO_GRID` are kept side by side, so that one pass serves every one of them.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array

RHO_GRID: Array = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


class Spacing:
    """Observed periods of one series, and what whitening needs to know of them.

    With d the periods since the row before, ``r = rho^d`` (0 in the first row) and
    ``s = sqrt(1 - r^2)``: whitened values ``(v_i - r_i v_(i-1)) / s_i`` have unit variance and are
    independent where the v are AR(1) with unit variance.

    Attributes
    ----------
    times : array of shape (n,)
        Observed periods, counted from the first one and centred.
    r, s : arrays of shape (rho, n)
    constant, line : arrays of shape (rho, n)
        The whitened constant and the whitened time.
    log_det : array of shape (rho,)
        ``sum over i >= 2 of log(1 - r_i^2)``.
    """

    def __init__(self, times: Array) -> None:
        gaps = np.diff(times)
        self.times: Array = times - times.mean()
        self.n = len(times)
        self.r: Array = np.zeros((len(RHO_GRID), self.n))
        self.r[:, 1:] = RHO_GRID[:, None] ** gaps
        self.s: Array = np.sqrt(1.0 - self.r**2)
        self.log_det: Array = 2.0 * np.log(self.s).sum(axis=1)
        self.constant: Array = self.whiten(np.ones(self.n))
        self.line: Array = self.whiten(self.times)

    @staticmethod
    def of(times: Array) -> Spacing:
        """Return the spacing of these periods (ascending whole numbers), kept if without gaps."""
        regular = len(times) == times[-1] - times[0] + 1
        return _regular(len(times)) if regular else Spacing(np.asarray(times, dtype=float))

    @cached_property
    def regular(self) -> bool:
        """Whether no period is missing."""
        return bool(self.times[-1] - self.times[0] == self.n - 1)

    @cached_property
    def key(self) -> tuple[int, ...]:
        """What identifies the spacing: its length alone where nothing is missing."""
        if self.regular:
            return (self.n,)
        return (self.n, *(np.flatnonzero(np.diff(self.times) > 1).tolist()))

    def whiten(self, values: Array) -> Array:
        """Whiten values (..., n) at every autocorrelation: shape (rho, ..., n)."""
        every = np.arange(len(RHO_GRID)).reshape(-1, *(1,) * (values.ndim - 1))
        return self.whiten_at(every, values)

    def whiten_at(self, i: int | NDArray[np.intp], values: Array) -> Array:
        """Whiten values (..., n) at one autocorrelation of the grid, or at several (r, 1, ...)."""
        white: Array = values / self.s[i]
        white[..., 1:] -= self.r[i, 1:] / self.s[i, 1:] * values[..., :-1]
        return white


@lru_cache(maxsize=64)
def _regular(n: int) -> Spacing:
    return Spacing(np.arange(n, dtype=float))


def criterion(rss: Array, spacing: Spacing, i: int | NDArray[np.intp]) -> Array:
    """Return ``n log(RSS / n) + log det``, minus twice the profile log-likelihood, kept finite."""
    n = spacing.n
    value: Array = n * np.log(np.maximum(rss, 1e-12 * n) / n) + spacing.log_det[i]
    return value
