"""Smooth courses that a dated change has to beat: exponential, logistic, quadratic and cubic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import Base, plain_base
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing, criterion

RATES = (-6.0, -4.5, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.5, 6.0)
CENTRES = tuple(0.10 + 0.05 * i for i in range(17))
# From .08 on, the middle four fifths of a rise take a third of the series or more.
WIDTHS = (0.08, 0.128, 0.208, 0.32)


@dataclass(frozen=True)
class Course:
    """The smooth course that fits best.

    Attributes
    ----------
    criterion : float
        Minus twice the profile log-likelihood, plus log n per parameter.
    columns : array of shape (p, n)
        Its regression columns.
    rho : float
    """

    criterion: float
    columns: Array
    rho: float

    def fitted(self, values: Array, spacing: Spacing) -> Array:
        """Return the course itself, fitted under its AR(1) errors, shape (n,)."""
        i = int(np.argmin(np.abs(RHO_GRID - self.rho)))
        design = spacing.whiten_at(i, self.columns).T
        coefficients, *_ = np.linalg.lstsq(design, spacing.whiten_at(i, values), rcond=None)
        course: Array = coefficients @ self.columns
        return course


class _Family:
    """Candidate columns on one base, with what they have left beside it at every rho."""

    def __init__(self, base: Base, plain: Array, candidates: Array, prices: Array) -> None:
        self.base, self.plain, self.candidates, self.prices = base, plain, candidates, prices
        space = base.spacing
        self.left, self.norm = [], []
        for i in range(len(RHO_GRID)):
            left = base.residuals_at(i, candidates)
            norm = np.einsum("ij,ij->i", left, left)
            self.left.append(left)
            self.norm.append(np.where(norm > 1e-9 * space.n, norm, np.inf))

    def best(self, values: Array) -> tuple[float, int, float]:
        """Return the smallest priced criterion, which candidate has it, and at which rho."""
        found = []
        for i in range(len(RHO_GRID)):
            residual = self.base.residuals_at(i, values[None, :])[0]
            gain = (self.left[i] @ residual) ** 2 / self.norm[i]
            found.append(criterion(residual @ residual - gain, self.base.spacing, i) + self.prices)
        table = np.array(found)
        at, which = np.unravel_index(int(np.argmin(table)), table.shape)
        return float(table[at, which]), int(which), float(RHO_GRID[at])


def smooth_course(values: Array, spacing: Spacing) -> Course:
    """Return the best of all smooth courses for standardised values (n,)."""
    found = []
    for family in _families(spacing):
        price, which, rho = family.best(values)
        found.append((price, family, which, rho))
    price, family, which, rho = min(found, key=lambda item: item[0])
    return Course(price, np.vstack([family.plain, family.candidates[which]]), rho)


def _families(spacing: Spacing) -> tuple[_Family, ...]:
    return _regular_families(spacing.n) if spacing.regular else _make(spacing)


@lru_cache(maxsize=64)
def _regular_families(n: int) -> tuple[_Family, ...]:
    return _make(Spacing.of(np.arange(n)))


def _make(spacing: Spacing) -> tuple[_Family, ...]:
    log_n = float(np.log(spacing.n))
    u = (spacing.times - spacing.times[0]) / (spacing.times[-1] - spacing.times[0])
    exponentials = np.array([np.exp(a * u) / np.exp(max(a, 0.0)) for a in RATES])
    logistics = np.array([1.0 / (1.0 + np.exp((c - u) / w)) for c in CENTRES for w in WIDTHS])
    on_constant = np.vstack([exponentials, logistics])
    prices = log_n * np.repeat([3.0, 4.0], [len(exponentials), len(logistics)])
    square, cube = (2.0 * u - 1.0) ** 2, (2.0 * u - 1.0) ** 3
    on_line = np.vstack([square, logistics])
    one = np.ones(spacing.n)
    quadratic = np.stack([one, spacing.times, square])
    return (
        _Family(plain_base(spacing, sloped=False), one[None, :], on_constant, prices),
        _Family(
            plain_base(spacing, sloped=True),
            np.stack([one, spacing.times]),
            on_line,
            log_n * np.repeat([3.0, 5.0], [1, len(logistics)]),
        ),
        _Family(Base(spacing, quadratic), quadratic, cube[None, :], np.array([4.0 * log_n])),
    )
