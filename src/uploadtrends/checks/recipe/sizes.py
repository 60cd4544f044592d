"""How much seniors fall at a cut year, and by how much more at the actual one than at the others.

``D_y`` is the log ratio of the seniors' mean active months in the last twelve months of a window
to the first twelve. All eligible artists count; artists who are senior at several cuts make their
years covary. Between years there are shocks of unknown size tau, correlated where windows overlap:
``D = X b + v`` with ``Var v = tau^2 C + Omega``, tau integrated out over its restricted likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.checks.outcome import Status
from uploadtrends.models.estimators.mixture import mixture_interval, mixture_moments

FEWEST_YEARS = 4
FEWEST_SENIORS = 30
_RECIPE_FALL = np.log(0.9)
"""Years without an event that fall by this much by themselves make the recipe fail."""
_EXCLUDED_FALL = np.log(0.7)
_DRIFT_P = 0.2
_PHI_MONTHS = 0.6
_SIZES = 24


@dataclass(frozen=True)
class Change:
    """The seniors' change at one cut year.

    Attributes
    ----------
    year : int
    first_month : int
        Of the window, counted from year 0.
    months : int
        Length of the window.
    actual : bool
        Whether this is a cut with the event, no placebo.
    value : float
        Log ratio of last to first twelve months.
    influence : dict of str to float
        Artist -> what it moves.
    lane : str
        Where it was counted.
    """

    year: int
    first_month: int
    months: int
    actual: bool
    value: float
    influence: dict[str, float]
    lane: str = ""


@dataclass(frozen=True)
class Interval:
    """An estimate on the log scale with its 95% interval and p."""

    estimate: float
    low: float
    high: float
    p: float

    def percent(self) -> str:
        """Write it in percent."""
        value, low, high = (100 * np.expm1(x) for x in (self.estimate, self.low, self.high))
        return f"{value:+.0f}% [{low:+.0f}, {high:+.0f}]"


@dataclass(frozen=True)
class Sizes:
    """What the years say together; contrasts are None without an actual cut year.

    Attributes
    ----------
    placebo : Interval
        Mean change at the cut years without an event.
    excess, actual, excess_with_drift : Interval, optional
        What the actual cut adds; its change; what it adds to a linear drift over the cut years.
    tau : float
        Posterior mean of the shocks between years.
    """

    placebo: Interval
    excess: Interval | None
    actual: Interval | None
    excess_with_drift: Interval | None
    tau: float


def change_of(
    year: int,
    first_month: int,
    actual: bool,
    artists: Sequence[str],
    active: Array,
    usable: NDArray[np.bool_],
    lane: str = "",
) -> Change | None:
    """Return the seniors' change at one cut year; None where nobody is active in a year of it.

    Parameters
    ----------
    artists : sequence of str
        The seniors.
    active : numpy.ndarray, shape (n, months)
        1 in months with an upload.
    usable : numpy.ndarray of bool, shape (months,)
        Months seen in full.
    """
    n = active.shape[1]
    first = active[:, :12][:, usable[:12]].mean(axis=1)
    last = active[:, n - 12 :][:, usable[n - 12 :]].mean(axis=1)
    if first.sum() <= 0 or last.sum() <= 0:
        return None
    moved = last / last.sum() - first / first.sum()
    return Change(
        year=year,
        first_month=first_month,
        months=n,
        actual=actual,
        value=float(np.log(last.sum() / first.sum())),
        influence=dict(zip(artists, moved.tolist(), strict=True)),
        lane=lane,
    )


def compare_years(changes: Sequence[Change], confidence: float = 0.95) -> Sizes:
    """Compare the actual cut with the others; needs at least three placebo years."""
    values = np.array([change.value for change in changes])
    estimation = sampling_covariance(changes)
    actual = np.array([float(change.actual) for change in changes])
    years = np.array([float(change.year) for change in changes])
    overlap = _overlap(changes)
    ones = np.ones(len(values))
    if not actual.any():
        (placebo,), tau = _contrasts(
            values, estimation, overlap, ones[:, None], np.eye(1), confidence
        )
        return Sizes(placebo, None, None, None, tau)
    x = np.column_stack([ones, actual])
    wanted = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    (placebo, excess, whole), tau = _contrasts(values, estimation, overlap, x, wanted, confidence)
    drift = np.column_stack([x, years - years.mean()])
    drifted = None
    if len(values) > drift.shape[1] and np.linalg.matrix_rank(drift) == drift.shape[1]:
        (drifted,), _ = _contrasts(
            values, estimation, overlap, drift, np.array([[0.0, 1.0, 0.0]]), confidence
        )
    return Sizes(placebo, excess, whole, drifted, tau)


def sampling_covariance(changes: Sequence[Change]) -> Array:
    """Return the covariance of the changes over artists, who may be senior at several cuts."""
    artists = sorted({artist for change in changes for artist in change.influence})
    place = {artist: i for i, artist in enumerate(artists)}
    moved = np.zeros((len(artists), len(changes)))
    for j, change in enumerate(changes):
        moved[[place[artist] for artist in change.influence], j] = list(change.influence.values())
    n = len(artists)
    covariance: Array = moved.T @ moved * n / max(n - 1, 1)
    return covariance


def _overlap(changes: Sequence[Change]) -> Array:
    """Return the correlation of the changes if months have AR(.6) effects common to all."""
    begin = min(change.first_month for change in changes)
    span = max(change.first_month + change.months for change in changes) - begin
    weights = np.zeros((len(changes), span))
    for row, change in zip(weights, changes, strict=True):
        start, end = change.first_month - begin, change.first_month - begin + change.months
        row[start : start + 12] -= 1 / 12
        row[end - 12 : end] += 1 / 12
    months = np.arange(span)
    common = weights @ _PHI_MONTHS ** np.abs(months[:, None] - months[None, :]) @ weights.T
    size = np.sqrt(np.diag(common))
    overlap: Array = common / np.outer(size, size)
    return overlap


def _contrasts(
    values: Array, estimation: Array, overlap: Array, x: Array, contrasts: Array, confidence: float
) -> tuple[list[Interval], float]:
    residual = values - x @ np.linalg.lstsq(x, values, rcond=None)[0]
    spread = np.sqrt(residual @ residual / max(len(values) - x.shape[1], 1))
    top = 3 * max(float(spread), float(np.sqrt(np.diag(estimation).mean())))
    tau = top * ((np.arange(1, _SIZES + 1) - 0.5) / _SIZES) ** 1.5
    mass = np.diff(top * (np.arange(_SIZES + 1) / _SIZES) ** 1.5)
    log_weight, centres, scales = [], [], []
    for size in tau:
        variance = size**2 * overlap + estimation
        solved = np.linalg.solve(variance, x)
        gram = x.T @ solved
        inverse = np.linalg.inv(gram)
        beta = inverse @ (solved.T @ values)
        rest = values - x @ beta
        log_weight.append(
            -0.5
            * (
                np.linalg.slogdet(variance)[1]
                + np.linalg.slogdet(gram)[1]
                + rest @ np.linalg.solve(variance, rest)
            )
        )
        centres.append(contrasts @ beta)
        scales.append(np.sqrt(np.diag(contrasts @ inverse @ contrasts.T)))
    logs = np.array(log_weight) + np.log(mass)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    centre, scale = np.array(centres).T, np.array(scales).T
    same = np.broadcast_to(weights, centre.shape)
    low, high, p = mixture_interval(confidence, same, centre, scale, np.inf)
    mean, _ = mixture_moments(same, centre, scale)
    found = [Interval(*map(float, row)) for row in zip(mean, low, high, p, strict=True)]
    return found, float(weights @ tau)


def verdict(sizes: Sizes) -> tuple[Status, str]:
    """Return the status of the check, and in a word why."""
    recipe = sizes.placebo.high < _RECIPE_FALL
    if sizes.excess is None or sizes.actual is None:
        return ("failed", "recipe") if recipe else ("not applicable", "no actual cut year")
    if sizes.actual.high >= 0:
        return "not applicable", "no decline to explain"
    drift = sizes.excess_with_drift
    if sizes.excess.high < 0 and drift is not None and drift.estimate < 0 and drift.p <= _DRIFT_P:
        return "passed", "an excess"
    if recipe:
        return "failed", "recipe"
    if sizes.excess.low > _EXCLUDED_FALL:
        return "failed", "no excess"
    return "not informative", "the years differ too much"
