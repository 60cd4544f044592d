"""One Kalman pass over many columns and many parameter values: AR(1) state observed with noise."""

from __future__ import annotations

import numpy as np

from uploadtrends.arrays import Array


def filtered_products(
    columns: Array, noise: Array, phi: Array, variance: Array, positions: Array
) -> tuple[Array, Array]:
    """Return Z' V^-1 Z and log det V, where V = diag(noise) + variance * R(phi).

    R(phi) is the stationary AR(1) correlation matrix phi**|distance|; the filter is linear, so
    every column of Z is filtered with the same gains.

    Parameters
    ----------
    columns : array (m, n, c)
        Z for each of m series.
    noise : array (m, n)
    phi : array (g,)
    variance : array (m, g)
        Marginal variance of the AR(1) state.
    positions : array (n,)
        Calendar positions; a gap of d periods decays by phi**d.

    Returns
    -------
    products : array (m, g, c, c)
    log_determinant : array (m, g)
    """
    m, n, c = columns.shape
    white = np.empty((n, m, phi.size, c))
    state = np.zeros((m, phi.size, c))
    uncertain = variance.copy()
    log_determinant = np.zeros((m, phi.size))
    for t in range(n):
        if t:
            distance = positions[t] - positions[t - 1]
            r = np.sign(phi) ** distance * np.abs(phi) ** distance
            state *= r[:, None]
            uncertain = r**2 * uncertain + variance * (1 - r**2)
        total = uncertain + noise[:, t, None]
        innovation = columns[:, t, None, :] - state
        white[t] = innovation / np.sqrt(total)[..., None]
        log_determinant += np.log(total)
        gain = uncertain / total
        state += gain[..., None] * innovation
        uncertain *= 1 - gain
    stacked = white.transpose(1, 2, 3, 0)
    return stacked @ stacked.transpose(0, 1, 3, 2), log_determinant
