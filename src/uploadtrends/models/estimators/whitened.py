"""Designs whitened for AR(1) errors at many autocorrelations: all that no outcome changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from uploadtrends.arrays import Array

LONG = 4096
"""Numbers in a design up to which what depends on it alone is kept for the next series."""


@dataclass(frozen=True)
class Whitened:
    """Designs (s, n, k) whitened at each phi: what does not depend on the outcome.

    Cross products of whitened rows are polynomials in r for all rows at the same distance, so the
    sums over rows are made once and not once per phi.
    """

    orthonormal: Array
    """(s, n, k): conditioning no longer depends on the units of y and time."""
    back: Array
    """(s, k, k)"""
    pairs: tuple[Array, ...]
    """The later rows of each distance."""
    factors: Array
    """(g, 1 + 3 pairs) of the sums of cross products: the first row; each distance."""
    inverse: Array
    """(s, g, k, k)"""
    log_determinant: Array
    """(s, g) log |X'V^-1 X| + log |V|."""

    def cross_products(self, residuals: Array) -> tuple[Array, Array]:
        """Return U'u_y (m, g, k) and u_y'u_y (m, g) of residuals (m, n)."""
        x = self.orthonormal
        mixed = partial(np.einsum, "snk,mn->mk" if len(x) == 1 else "mnk,mn->mk")
        start = residuals[:, :1]
        sums, squares = [mixed(x[:, :1], start)], [(start**2).sum(axis=1)]
        for rows in self.pairs:
            now, before = x[:, rows], x[:, rows - 1]
            y_now, y_before = residuals[:, rows], residuals[:, rows - 1]
            sums += [
                mixed(now, y_now),
                mixed(now, y_before) + mixed(before, y_now),
                mixed(before, y_before),
            ]
            squares += [
                (y_now**2).sum(axis=1),
                2 * (y_now * y_before).sum(axis=1),
                (y_before**2).sum(axis=1),
            ]
        rss = self.factors @ np.stack(squares, axis=1)[:, :, None]
        return self.factors @ np.stack(sums, axis=1), rss[:, :, 0]


def whitened(design: Array, distance: Array, phi: Array) -> Whitened:
    """Return designs (n, k) or (s, n, k) whitened at each phi (g,).

    `distance` (n - 1,) is from each row to the next, in whole periods. What is known of one design
    is kept for the next series on it.
    """
    if design.ndim == 2 and design.size <= LONG:
        return _seen(design.tobytes(), design.shape, distance.tobytes(), phi.tobytes())
    return _whitened(design.reshape(-1, *design.shape[-2:]), distance, phi)


@lru_cache(maxsize=32)
def _seen(design: bytes, shape: tuple[int, int], distance: bytes, phi: bytes) -> Whitened:
    """Return a design whitened, from those seen lately."""
    x = np.frombuffer(design).reshape(1, *shape)
    return _whitened(x, np.frombuffer(distance), np.frombuffer(phi))


def _whitened(design: Array, distance: Array, phi: Array) -> Whitened:
    orthonormal, triangle = np.linalg.qr(design)
    products = _products(orthonormal, distance, phi)
    gram = products.factors @ products.sums
    s, k = design.shape[0], design.shape[2]
    inverse, log_determinant = _inverses(gram.reshape(s, phi.size, k, k))
    log_determinant = log_determinant + 2 * np.linalg.slogdet(triangle)[1][:, None]
    return Whitened(
        orthonormal,
        np.linalg.inv(triangle),
        products.pairs,
        products.factors,
        inverse,
        log_determinant + products.log_correlation,
    )


class _Products(NamedTuple):
    """Cross products of columns (s, n, c) whitened at each phi: `factors` @ `sums`."""

    pairs: tuple[Array, ...]
    factors: Array
    """(g, 1 + 3 pairs)"""
    sums: Array
    """(s, 1 + 3 pairs, c c)"""
    log_correlation: Array
    """(g,) log |V|."""


def _products(columns: Array, distance: Array, phi: Array) -> _Products:
    top = columns[:, :1]
    factors, sums, pairs = [np.ones(phi.size)], [top.transpose(0, 2, 1) @ top], []
    log_correlation = np.zeros(phi.size)
    for gap in sorted(set(distance.tolist())):
        rows = np.flatnonzero(distance == gap) + 1
        now, before = columns[:, rows], columns[:, rows - 1]
        r = np.sign(phi) ** gap * np.abs(phi) ** gap
        scale = 1 / (1 - r**2)
        factors += [scale, -r * scale, r**2 * scale]
        cross = now.transpose(0, 2, 1) @ before
        sums += [
            now.transpose(0, 2, 1) @ now,
            cross + cross.transpose(0, 2, 1),
            before.transpose(0, 2, 1) @ before,
        ]
        pairs.append(rows)
        log_correlation += rows.size * np.log1p(-(r**2))
    stacked = np.stack(sums, axis=1).reshape(len(columns), len(sums), -1)
    return _Products(tuple(pairs), np.stack(factors, axis=1), stacked, log_correlation)


def restricted(outcomes: Array, designs: Array, positions: Array, phi: Array) -> Array:
    """Return the restricted log likelihoods (m, g) of series (m, n) on designs (m, n, k).

    By elimination in the cross products of design and outcome: the pivots have the determinant, and
    what is left of the outcome is the sum of squares.
    """
    m, n, k = designs.shape
    orthonormal, triangle = np.linalg.qr(designs)
    fitted = orthonormal @ (orthonormal.transpose(0, 2, 1) @ outcomes[..., None])
    columns = np.concatenate([orthonormal, outcomes[..., None] - fitted], axis=2)
    products = _products(columns, np.diff(positions), phi)
    # Series and phi lie side by side, and every step is a few operations on all of them.
    work = (products.sums.transpose(2, 0, 1) @ products.factors.T).reshape(k + 1, k + 1, -1)
    log_determinant = np.zeros(work.shape[2])
    for i in range(k):
        log_determinant += np.log(work[i, i])
        rest = work[i + 1 :, i + 1 :]
        rest -= work[i + 1 :, i, None] * (work[i, i + 1 :] / work[i, i])
    rss = np.maximum(work[k, k], 1e-290).reshape(m, -1)
    log_determinant = log_determinant.reshape(m, -1) + products.log_correlation
    log_determinant = log_determinant + 2 * np.linalg.slogdet(triangle)[1][:, None]
    df = n - k
    return np.asarray(-0.5 * (df * (np.log(2 * np.pi * rss / df) + 1) + log_determinant))


def _inverses(a: Array) -> tuple[Array, Array]:
    """Return the inverses and log determinants of positive definite matrices (..., k, k).

    Gauss-Jordan over all matrices at once: their number is great and k is small, so that LAPACK
    called once a matrix would be most of the cost of a batch.
    """
    k = a.shape[-1]
    work = np.ascontiguousarray(np.moveaxis(a, (-2, -1), (0, 1)))
    log_determinant = np.zeros(a.shape[:-2])
    for pivot in range(k):
        diagonal = work[pivot, pivot].copy()
        log_determinant += np.log(diagonal)
        work[pivot, pivot] = 1.0
        work[pivot] /= diagonal
        factor = work[:, pivot].copy()
        factor[pivot] = 0.0
        work[:pivot, pivot] = 0.0
        work[pivot + 1 :, pivot] = 0.0
        work -= factor[:, None] * work[pivot]
    return np.moveaxis(work, (0, 1), (-2, -1)), log_determinant
