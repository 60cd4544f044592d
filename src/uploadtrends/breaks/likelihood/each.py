"""A test for every change of a segmentation, not only for the first.

A wandering series that has passed the gate would be cut to pieces by the partition. Each cut is
therefore tested against the model without it: does the best change between its neighbours gain
more than one does in AR(1) noise with the innovations of this series?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.laws import standardise_rows
from uploadtrends.breaks.likelihood.noise import ar1_from, corrected_rho
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, Base, Kind, scan
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing

N_RESAMPLED = 399
ENOUGH = 15  # exceedances after which the simulation stops (Besag & Clifford 1991)
_BATCH = 57


@dataclass(frozen=True)
class Tested:
    """What became of the cuts of a segmentation.

    Attributes
    ----------
    confirmed : tuple of int
        Rows of the changes that stay, ascending.
    p : dict of int to float
        The p-value of every cut, at the moment it was dropped or at the end.
    sloped : bool
        Whether regimes are lines.
    """

    confirmed: tuple[int, ...]
    p: dict[int, float]
    sloped: bool


@dataclass(frozen=True)
class Segmented:
    """A segmentation fitted with AR(1) errors.

    Attributes
    ----------
    criterion : float
        Minus twice the profile log-likelihood.
    rho : float
    whitened : array of shape (n,)
        Whitened residuals.
    terms : int
        Regression terms.
    """

    criterion: float
    rho: float
    whitened: Array
    terms: int


def regime_columns(times: Array, positions: tuple[int, ...], *, sloped: bool) -> Array:
    """Return a constant (and a line) for every regime, shape (p, n)."""
    n = len(times)
    marks = np.searchsorted(np.asarray(positions), np.arange(n), side="right")
    regimes: Array = (marks[None, :] == np.arange(len(positions) + 1)[:, None]).astype(float)
    if not sloped:
        return regimes
    lengths = regimes.sum(axis=1, keepdims=True)
    centred = times - (regimes @ times / lengths[:, 0])[marks]
    columns: Array = np.concatenate([regimes, regimes * centred])
    return columns


def fit_segmented(
    values: Array, spacing: Spacing, positions: tuple[int, ...], *, sloped: bool
) -> Segmented:
    """Fit constants or lines in all regimes under AR(1) errors."""
    base = Base(spacing, regime_columns(spacing.times, positions, sloped=sloped))
    found = scan(values[None, :], base, ("none",))["none"]
    i = int(found.rho[0])
    residuals = base.residuals_at(i, values[None, :])[0]
    terms = base.basis.shape[1]
    return Segmented(float(found.criterion[0]), float(RHO_GRID[i]), residuals, terms)


def variance_beside_next(values: Array, spacing: Spacing, positions: tuple[int, ...]) -> float:
    """Return the long-run variance beside one step more; infinity where none is worth 3 log n.

    Variance and autocorrelation are those of the best alternative, as in the gate: beside the
    steps known so far, the next one passes for persistence.
    """
    base = Base(spacing, regime_columns(spacing.times, positions, sloped=False))
    found = scan(values[None, :], base, ("none", "step"))
    n, step = spacing.n, found["step"]
    if step.criterion[0] + 3.0 * np.log(n) >= found["none"].criterion[0]:
        return np.inf
    more = tuple(sorted({*positions, int(step.date[0])}))
    fit = fit_segmented(values, spacing, more, sloped=False)
    rho = corrected_rho(fit.rho, n, 3 * len(more) + 1)
    square = float(fit.whitened @ fit.whitened) / (n - fit.terms)
    return max(square, 1e-9) * (1.0 + rho) / (1.0 - rho)


def choose_family(
    values: Array, spacing: Spacing, positions: tuple[int, ...], *, trend: bool
) -> tuple[bool, float]:
    """Tell whether regimes are lines, and the price of the better family (dates not counted)."""
    log_n = float(np.log(spacing.n))
    flat = fit_segmented(values, spacing, positions, sloped=False)
    price = flat.criterion + flat.terms * log_n
    if not trend:
        return False, price
    line = fit_segmented(values, spacing, positions, sloped=True)
    other = line.criterion + line.terms * log_n
    return (False, price) if price <= other else (True, other)


def test_each(
    values: Array,
    spacing: Spacing,
    positions: tuple[int, ...],
    *,
    gate_p: float,
    level: float,
    trend: bool,
    seed: int,
) -> Tested:
    """Test every cut, dropping the least credible one until all that are left are significant.

    The last one left has the p-value of the gate, which asked just that question.

    Parameters
    ----------
    values : array of shape (n,)
        Standardised.
    positions : tuple of int
        Rows of the cuts, ascending.
    gate_p : float
        The p-value of "no change at all".
    level : float
    trend : bool
        Whether regimes may be lines; whether they are is chosen once, for all cuts.
    """
    sloped, _ = choose_family(values, spacing, positions, trend=trend)
    left, p = list(positions), dict.fromkeys(positions, gate_p)
    while len(left) > 1:
        for place, cut in enumerate(left):
            p[cut] = _p_of(values, spacing, tuple(left), place, sloped=sloped, seed=seed)
        worst = max(left, key=p.__getitem__)
        if p[worst] <= level:
            return Tested(tuple(left), p, sloped)
        left.remove(worst)
    for cut in left:
        p[cut] = gate_p
    return Tested(tuple(left), p, sloped)


def _p_of(
    values: Array,
    spacing: Spacing,
    positions: tuple[int, ...],
    place: int,
    *,
    sloped: bool,
    seed: int,
) -> float:
    n, k = spacing.n, len(positions)
    full = fit_segmented(values, spacing, positions, sloped=sloped)
    rho = corrected_rho(full.rho, n, 3 * k + 2 if sloped else 2 * k + 1)
    rest = positions[:place] + positions[place + 1 :]
    base = Base(spacing, regime_columns(spacing.times, rest, sloped=sloped))
    bounds = (0, *positions, n)
    low, high = bounds[place] + MINIMUM_SEGMENT, bounds[place + 2] - MINIMUM_SEGMENT
    observed = _gains(values[None, :], base, low, high, sloped=sloped)[0]
    rng = np.random.default_rng((seed, n, k, place))
    innovations = full.whitened / np.sqrt(np.mean(full.whitened**2))
    exceed = drawn = 0
    while drawn < N_RESAMPLED:
        picked = rng.integers(0, n, size=(n, min(_BATCH, N_RESAMPLED - drawn)))
        noise = np.ascontiguousarray(ar1_from(innovations[picked], spacing, rho).T)
        beyond = _gains(standardise_rows(noise), base, low, high, sloped=sloped) >= observed - 1e-9
        if exceed + int(beyond.sum()) >= ENOUGH:
            last = int(np.flatnonzero(beyond)[ENOUGH - exceed - 1]) + 1
            return ENOUGH / (drawn + last)
        exceed += int(beyond.sum())
        drawn += len(beyond)
    return (1.0 + exceed) / (1.0 + drawn)


def _gains(series: Array, base: Base, low: int, high: int, *, sloped: bool) -> Array:
    """Return what the best change between two rows gains beside a base, less its price."""
    kinds: tuple[Kind, ...] = ("none", "step", "kink", "both") if sloped else ("none", "step")
    found = scan(series, base, kinds, low=low, high=high)
    log_n = np.log(base.spacing.n)
    change = found["step"].criterion
    if sloped:
        change = np.minimum(change, found["kink"].criterion) + log_n
        change = np.minimum(change, found["both"].criterion + 2.0 * log_n)
    gain: Array = found["none"].criterion - change
    return gain
