"""Poisson regression with artist effects by its conditional likelihood.

Given an artist's total, the uploads over the periods are multinomial, and the artist's own level
drops out: the estimates equal those of a Poisson regression with one dummy per artist (Hausman,
Hall & Griliches 1984), without the dummies. Scores and information are sums over artists, so that
errors clustered by artist, the jackknife over artists and the bootstrap of artists come at little
cost. The point estimates are consistent whatever the distribution, as long as the mean is right
(Wooldridge 1999).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError

Index = NDArray[np.int64]


@dataclass(frozen=True)
class ArtistData:
    """Rows sorted by artist.

    Attributes
    ----------
    y : numpy.ndarray, shape (n,)
        Counts (or fractional counts).
    x : numpy.ndarray, shape (n, k)
        Regressors; a column that never varies within an artist has no estimate.
    artist : numpy.ndarray of int, shape (n,)
        Artist of each row, 0 to G - 1, ascending.
    offset : numpy.ndarray, shape (n,)
        Added to the linear predictor.
    weight : numpy.ndarray, shape (G,)
        Weight of each artist.
    """

    y: Array
    x: Array
    artist: Index
    offset: Array
    weight: Array

    @property
    def n_artists(self) -> int:
        """How many artists there are."""
        return len(self.weight)

    def starts(self) -> Index:
        """Return the first row of each artist, shape (G,)."""
        first: Index = np.flatnonzero(np.r_[True, np.diff(self.artist) != 0])
        return first


LONGEST_STEP = 4.0
"""Largest change of a log rate in one step of Newton's method."""


def units(x: Array) -> Array:
    """Return what to divide columns (k,) by: 1, or the largest value of one far from 1, as a dose
    in bytes or in billions."""
    largest = np.abs(x).max(axis=0)
    return np.where((largest > 1e3) | ((largest > 0) & (largest < 1e-3)), largest, 1.0)


@dataclass(frozen=True)
class Moments:
    """What the likelihood looks like at one value of the coefficients.

    Attributes
    ----------
    log_likelihood : float
        Up to a constant.
    scores : numpy.ndarray, shape (G, k)
        Each artist's score, weighted.
    information : numpy.ndarray, shape (k, k)
        Minus the Hessian.
    expected : numpy.ndarray, shape (n,)
        Fitted counts.
    """

    log_likelihood: float
    scores: Array
    information: Array
    expected: Array


def moments(data: ArtistData, beta: Array, weight: Array | None = None) -> Moments:
    """Return likelihood, scores and information at `beta`, shape (k,)."""
    weight = data.weight if weight is None else weight
    starts, artist = data.starts(), data.artist
    eta = data.x @ beta + data.offset
    top = np.maximum.reduceat(eta, starts)
    mass = np.exp(eta - top[artist])
    total = np.add.reduceat(mass, starts)
    share = mass / total[artist]
    uploads = np.add.reduceat(data.y, starts)
    expected = share * uploads[artist]
    log_share = eta - top[artist] - np.log(total)[artist]
    log_likelihood = float(np.sum(weight[artist] * data.y * log_share))
    scores = _sum_by_artist(data, data.x * (data.y - expected)[:, None]) * weight[:, None]
    mean = _sum_by_artist(data, data.x * share[:, None])
    information = data.x.T @ (data.x * (weight[artist] * expected)[:, None])
    information -= mean.T @ (mean * (weight * uploads)[:, None])
    return Moments(log_likelihood, scores, information, expected)


def _sum_by_artist(data: ArtistData, values: Array) -> Array:
    """Sum rows by artist; a sparse product is several times as fast as `add.reduceat` in 2-d."""
    from scipy.sparse import csr_array

    n = len(data.y)
    pointers = np.r_[data.starts(), n]
    indicator = csr_array((np.ones(n), np.arange(n), pointers), shape=(data.n_artists, n))
    total: Array = indicator @ values
    return total


def fit(
    data: ArtistData,
    *,
    start: Array | None = None,
    weight: Array | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 50,
) -> tuple[Array, Moments]:
    """Maximise the conditional likelihood by Newton's method with step halving.

    Returns
    -------
    (numpy.ndarray, Moments)
        The coefficients, shape (k,), and the moments there.

    Raises
    ------
    NotEstimableError
        When the information is singular or the search does not settle (a coefficient that runs
        away: the counts are zero wherever its column is not).
    """
    beta = np.zeros(data.x.shape[1]) if start is None else start.copy()
    now = moments(data, beta, weight)
    _require_rank(now.information)
    for _ in range(max_iterations):
        try:
            step = np.linalg.solve(now.information, now.scores.sum(axis=0))
        except np.linalg.LinAlgError:
            break
        decrement = float(step @ now.scores.sum(axis=0))
        # Far from the maximum a full step can send fitted counts to 0 or beyond all bounds, from
        # where no way leads back.
        scale = min(1.0, LONGEST_STEP / max(float(np.abs(data.x @ step).max()), 1e-300))
        while True:
            after = moments(data, beta + scale * step, weight)
            if after.log_likelihood >= now.log_likelihood - 1e-9 * abs(now.log_likelihood):
                break
            scale /= 2
            if scale < 1e-6:
                raise NotEstimableError("the likelihood could not be increased any further")
        beta, now = beta + scale * step, after
        if decrement < tolerance and scale == 1.0:
            if np.ptp(data.x @ beta) > 18:
                break  # rates that differ by a factor of millions: a separated term
            return beta, now
    raise NotEstimableError(
        "no finite estimate: some term separates zero counts from the others perfectly"
    )


def clustered_covariance(now: Moments) -> Array:
    """Return the covariance clustered by artist, times G / (G - 1), as R's vcovCL has it."""
    n = len(now.scores)
    bread = np.linalg.inv(now.information)
    meat = now.scores.T @ now.scores
    covariance: Array = bread @ meat @ bread * n / (n - 1)
    return covariance


def _require_rank(information: Array) -> None:
    size = np.sqrt(np.diag(information))
    if not (size > 0).all() or np.linalg.eigvalsh(information / np.outer(size, size))[0] < 1e-10:
        raise NotEstimableError("the terms are collinear within artists")


def _own_information(data: ArtistData, now: Moments) -> Iterator[tuple[int, Array]]:
    """Yield each artist's part of the information, unweighted, shape (k, k)."""
    bounds = np.r_[data.starts(), len(data.y)]
    for i in range(data.n_artists):
        rows = slice(bounds[i], bounds[i + 1])
        x, expected = data.x[rows], now.expected[rows]
        total = expected.sum()
        own = x.T @ (x * expected[:, None])
        if total > 0:
            mean = x.T @ expected
            own -= np.outer(mean, mean) / total
        yield i, own


def jackknife_covariance(data: ArtistData, now: Moments) -> Array:
    """Return the jackknife covariance over artists (CR3), each left out by one Newton step.

    Wider than `clustered_covariance` and safer when artists are few or some weigh much (MacKinnon,
    Nielsen & Webb 2023).
    """
    n, unit = data.n_artists, units(data.x)
    moves = np.empty((n, data.x.shape[1]))
    for i, own in _own_information(data, now):
        rest = (now.information - data.weight[i] * own) / np.outer(unit, unit)
        moves[i] = np.linalg.lstsq(rest, -now.scores[i] / unit, rcond=None)[0] / unit
    centred = moves - moves.mean(axis=0)
    covariance: Array = centred.T @ centred * (n - 1) / n
    return covariance


def bootstrap(data: ArtistData, beta: Array, now: Moments, *, n_draws: int, seed: int) -> Array:
    """Draw artists with replacement; shape (n_draws, k).

    Each draw is re-estimated by one Newton step from the full estimate, which has the same limit
    as a refit (Davidson & MacKinnon 1999; Andrews 2002). NaN where a draw carries no estimate.
    """
    rng = np.random.default_rng(seed)
    n, k = data.n_artists, len(beta)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_draws).astype(float)
    information = np.zeros((n_draws, k * k))
    chunk: list[tuple[int, Array]] = []

    def add() -> None:
        places = [i for i, _ in chunk]
        parts = np.array([own.ravel() * data.weight[i] for i, own in chunk])
        np.add(information, drawn[:, places] @ parts, out=information)
        chunk.clear()

    for i, own in _own_information(data, now):
        chunk.append((i, own))
        if len(chunk) == 256:
            add()
    if chunk:
        add()
    scores = drawn @ now.scores
    draws = np.full((n_draws, k), np.nan)
    for j in range(n_draws):
        try:
            draws[j] = beta + np.linalg.solve(information[j].reshape(k, k), scores[j])
        except np.linalg.LinAlgError:
            continue
    return draws


def randomisation_p(
    data: ArtistData, label: Array, term: Array, *, n_draws: int, seed: int
) -> float:
    """Return the p-value of a group contrast by permuting which artists are in the group.

    Sharp null: the group does not matter to the change at the event. The statistic is the score of
    the contrast, divided by its clustered standard error, in the model without it (so one fit
    serves all permutations).

    Parameters
    ----------
    data : ArtistData
        With the regressors of the model *without* the contrast.
    label : numpy.ndarray, shape (G,)
        1 for artists in the group, 0 for the others.
    term : numpy.ndarray, shape (n,)
        The event's term (0 before, 1 after).
    n_draws, seed : int
        Permutations and their seed.
    """
    now = fit(data)[1]
    starts = data.starts()
    residual = (data.y - now.expected) * data.weight[data.artist]
    raw = np.add.reduceat(term * residual, starts)
    # What the other coefficients would take over: project the term on them within artists.
    share = now.expected / np.maximum(np.add.reduceat(now.expected, starts), 1e-300)[data.artist]
    uploads = np.add.reduceat(data.y, starts) * data.weight
    mean_x = np.add.reduceat(data.x * share[:, None], starts)
    mean_t = np.add.reduceat(term * share, starts)
    weighted = now.expected * data.weight[data.artist]
    cross = np.add.reduceat(data.x * (weighted * term)[:, None], starts)
    cross -= mean_x * (mean_t * uploads)[:, None]
    adjust = np.linalg.solve(now.information, now.scores.T).T

    def statistic(member: Array) -> float:
        slope = member @ cross
        contribution = member * raw - adjust @ slope
        spread = np.sqrt(np.sum((contribution - contribution.mean()) ** 2))
        return float(contribution.sum() / spread) if spread > 0 else 0.0

    observed = abs(statistic(label))
    rng = np.random.default_rng(seed)
    beaten = sum(abs(statistic(rng.permutation(label))) >= observed for _ in range(n_draws))
    return (1 + beaten) / (1 + n_draws)
