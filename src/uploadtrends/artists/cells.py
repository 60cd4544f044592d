"""Step one of the two-step: the rate of every cell in every period, with each artist's influence.

A cell is a group (or a platform). Its log rates by period are parameters of a Poisson regression
with artist effects; the artists' own levels drop out by conditioning on their totals (Hausman, Hall
& Griliches 1984). The dummies are never formed: scores and information are sums over artists. What
comes out is a set of time series and, for every artist, what they add to each of its points, so
that the clustered variance of any linear combination is a sum of squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError

if TYPE_CHECKING:
    import pandas as pd

Index = NDArray[np.int64]

_TOLERANCE = 1e-9
_MOST_ITERATIONS = 60
_LONGEST_STEP = 4.0


@dataclass(frozen=True)
class CellEffects:
    """Log rates by cell and period, up to one constant a cell.

    Attributes
    ----------
    theta : numpy.ndarray, shape (C, T)
        NaN where nobody of the cell uploaded anything.
    influence : numpy.ndarray, shape (G, C, T)
        What each artist moves; the sum over artists of the squared influence on a contrast is its
        variance, clustered by artist (jackknifed by one Neumann term).
    dropped : tuple of int
        Further regressors that the cell and period effects explain.
    """

    theta: Array
    influence: Array
    dropped: tuple[int, ...] = ()


def cell_effects(
    rows: pd.DataFrame,
    regressors: Array,
    n_cells: int,
    n_periods: int,
    *,
    jackknife: bool = True,
) -> CellEffects:
    """Estimate the log rate of every cell in every period.

    Parameters
    ----------
    rows : pandas.DataFrame
        artist (ascending, 0 to G - 1), period, label (the cell), y, weight, offset.
    regressors : numpy.ndarray, shape (n, k)
        Further terms with common coefficients, such as a spline of tenure.
    n_cells, n_periods : int
    jackknife : bool
        One Neumann term towards leaving each artist out; else the factor G / (G - 1).

    Raises
    ------
    NotEstimableError
        When Newton's method does not settle.
    """
    step = _Likelihood(rows, regressors, n_cells, n_periods)
    dropped = step.drop_explained()
    step.maximise()
    theta = np.full(n_cells * n_periods, np.nan)
    theta[step.alive] = step.theta
    influence = np.zeros((step.n_artists, n_cells * n_periods))
    influence[:, step.alive] = step.influence(jackknife)
    return CellEffects(
        theta.reshape(n_cells, n_periods),
        influence.reshape(step.n_artists, n_cells, n_periods),
        dropped,
    )


@dataclass(frozen=True)
class _Component:
    """Cells that share artists, and nothing with other cells: one block of the information."""

    artists: Index
    points: Index
    """Which cell-periods."""
    rows: Index
    place: tuple[Index, Index]
    """Of each row: artist and cell-period within the component."""


class _Likelihood:
    """The conditional likelihood, its parameters and its factored information."""

    def __init__(self, rows: pd.DataFrame, regressors: Array, n_cells: int, n_periods: int) -> None:
        y = rows["y"].to_numpy(dtype=float)
        code = rows["label"].to_numpy() * n_periods + rows["period"].to_numpy()
        n_points = n_cells * n_periods
        weight = rows["weight"].to_numpy(dtype=float)
        total = np.bincount(code, weights=weight * y, minlength=n_points)
        self.alive = np.flatnonzero(total > 0)
        keep = total[code] > 0
        renumber = np.full(n_points, -1)
        renumber[self.alive] = np.arange(len(self.alive))
        self.n_artists = int(rows["artist"].max()) + 1
        self.y, self.weight = y[keep], weight[keep]
        self.x = regressors[keep]
        self.offset = rows["offset"].to_numpy(dtype=float)[keep]
        self.artist = rows["artist"].to_numpy()[keep]
        self.point = renumber[code[keep]]
        self.uploads = np.bincount(self.artist, weights=self.y, minlength=self.n_artists)
        self.starts = np.flatnonzero(np.r_[True, np.diff(self.artist) != 0])
        self.components = self._components(rows["label"].to_numpy()[keep])
        at_risk = np.bincount(self.point, weights=self.weight * np.exp(self.offset))
        self.theta = np.log(total[self.alive] / at_risk)
        self.gamma = np.zeros(self.x.shape[1])
        self.expected = self._expected()[0]

    def _components(self, label: Index) -> list[_Component]:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = self.n_artists
        links = coo_array(
            (np.ones(len(label)), (self.artist, n + label)), shape=(n + label.max() + 1,) * 2
        )
        part = connected_components(links, directed=False)[1][self.artist]
        found = []
        for number in np.unique(part):
            mine = np.flatnonzero(part == number)
            artists, own = np.unique(self.artist[mine], return_inverse=True)
            points, at = np.unique(self.point[mine], return_inverse=True)
            found.append(_Component(artists, points, mine, (own, at)))
        return found

    def _expected(self) -> tuple[Array, float]:
        """Return the expected uploads of every row, and the log-likelihood."""
        eta = self.theta[self.point] + self.x @ self.gamma + self.offset
        first = np.zeros(self.n_artists)
        first[self.artist[self.starts]] = np.maximum.reduceat(eta, self.starts)
        eta = eta - first[self.artist]
        mass = np.exp(eta)
        total = np.bincount(self.artist, weights=mass, minlength=self.n_artists)[self.artist]
        likelihood = float(np.sum(self.weight * self.y * (eta - np.log(total))))
        return mass / total * self.uploads[self.artist], likelihood

    def _by_artist(self, values: Array) -> Array:
        """Sum values times each regressor by artist, shape (G, k)."""
        total = np.zeros((self.n_artists, self.x.shape[1]))
        for j, column in enumerate(self.x.T):
            total[:, j] = np.bincount(
                self.artist, weights=values * column, minlength=self.n_artists
            )
        return total

    def drop_explained(self) -> tuple[int, ...]:
        """Drop regressors that depend on the cell and period effects or on those before them."""
        self._factor()
        size = np.einsum("n,nk->k", self.weight * self.expected, self.x**2)
        left, kept = self.schur.copy(), []
        for j in range(len(size)):
            if left[j, j] > 1e-8 * max(size[j], 1e-300):
                kept.append(j)
                left = left - np.outer(left[:, j], left[j]) / left[j, j]
        dropped = tuple(sorted(set(range(len(size))) - set(kept)))
        self.x, self.gamma = self.x[:, kept], np.zeros(len(kept))
        return dropped

    def maximise(self) -> None:
        """Newton's method with step halving."""
        self.expected, likelihood = self._expected()
        for _ in range(_MOST_ITERATIONS):
            self._factor()
            gap = self.weight * (self.y - self.expected)
            score = np.bincount(self.point, weights=gap, minlength=len(self.theta))
            own = self.x.T @ gap
            move, turn = self._solve(score[:, None], own[:, None])
            theta, gamma, move, turn = self.theta, self.gamma, move[:, 0], turn[:, 0]
            gain = float(score @ move + own @ turn)
            reach = np.abs(move[self.point] + self.x @ turn).max()
            scale = min(1.0, _LONGEST_STEP / max(float(reach), 1e-300))
            full = scale == 1.0
            while True:
                self.theta, self.gamma = theta + scale * move, gamma + scale * turn
                self.expected, after = self._expected()
                if after >= likelihood - 1e-9 * abs(likelihood):
                    break
                scale /= 2
                if scale < 1e-6:
                    raise NotEstimableError("the likelihood could not be increased any further")
            likelihood = after
            if gain < _TOLERANCE and full:
                self._factor()
                return
        raise NotEstimableError("no finite estimate of the rates by group and period")

    def _factor(self) -> None:
        """Factor the information at the present expected counts, component by component."""
        from scipy.linalg import cho_factor, cho_solve

        weighted = self.weight * self.expected
        diagonal = np.bincount(self.point, weights=weighted, minlength=len(self.theta))
        share = np.divide(1.0, self.uploads, out=np.zeros(self.n_artists), where=self.uploads > 0)
        self.share = share
        moment = self._by_artist(self.expected)
        by_artist = np.zeros(self.n_artists)
        by_artist[self.artist] = self.weight
        cross = np.zeros((len(self.theta), self.x.shape[1]))
        for j, column in enumerate(self.x.T):
            cross[:, j] = np.bincount(self.point, weights=weighted * column, minlength=len(cross))
        self.blocks = []
        self.solved_cross = np.zeros_like(cross)
        for part in self.components:
            table = np.zeros((len(part.artists), len(part.points)))
            table[part.place] = self.expected[part.rows]
            scaled = table * (by_artist * share)[part.artists, None]
            information = -scaled.T @ table
            information[np.diag_indices_from(information)] += diagonal[part.points]
            # One constant a component is not identified: this fixes the sum of its effects.
            information += diagonal[part.points].mean() / len(part.points)
            cross[part.points] -= scaled.T @ moment[part.artists]
            self.blocks.append(cho_factor(information))
            self.solved_cross[part.points] = cho_solve(self.blocks[-1], cross[part.points])
        self.cross = cross
        own = self.x.T @ (self.x * weighted[:, None])
        own -= moment.T @ (moment * (by_artist * share)[:, None])
        self.schur = own - cross.T @ self.solved_cross

    def _solve(self, points: Array, own: Array) -> tuple[Array, Array]:
        """Solve the information for right-hand sides (P, m) and (k, m)."""
        from scipy.linalg import cho_solve

        solved = np.zeros_like(points)
        for part, block in zip(self.components, self.blocks, strict=True):
            solved[part.points] = cho_solve(block, points[part.points])
        if not len(own):
            return solved, own
        turn = np.linalg.solve(self.schur, own - self.cross.T @ solved)
        return solved - self.solved_cross @ turn, turn

    def influence(self, jackknife: bool) -> Array:
        """Return each artist's influence on every cell-period, shape (G, P)."""
        moves, turns = self._moves(self.weight * (self.y - self.expected))
        n = self.n_artists
        if not jackknife:
            return np.asarray(moves * np.sqrt(n / (n - 1)))
        # One Neumann term of the artist's own information: what leaving them out entirely moves.
        line = np.einsum("nk,nk->n", self.x, turns[self.artist]) + moves[self.artist, self.point]
        mean = np.bincount(self.artist, weights=self.expected * line, minlength=self.n_artists)
        line -= (mean * self.share)[self.artist]
        more = self._moves(self.weight * self.expected * line)[0]
        return np.asarray((moves + more) * np.sqrt((n - 1) / n))

    def _moves(self, score: Array) -> tuple[Array, Array]:
        """Solve the information for each artist's part of a score, (G, P) and (G, k)."""
        from scipy.linalg import cho_solve

        moves = np.zeros((self.n_artists, len(self.theta)))
        own = self._by_artist(score)
        for part, block in zip(self.components, self.blocks, strict=True):
            table = np.zeros((len(part.artists), len(part.points)))
            table[part.place] = score[part.rows]
            moves[np.ix_(part.artists, part.points)] = cho_solve(block, table.T).T
            own[part.artists] -= table @ self.solved_cross[part.points]
        if not own.shape[1]:
            return moves, own
        turns = np.linalg.solve(self.schur, own.T).T
        return moves - turns @ self.solved_cross.T, turns
