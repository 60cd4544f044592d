"""Hazards by group and period, one Newton step from a regression, and their change at an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.artists.twostep import TwoStep, answers, compare

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.artists.design import ArtistDesign, Spec

METHOD = "complementary log-log by group and period, common shocks integrated out"


@dataclass(frozen=True)
class HazardFit:
    """A complementary log-log regression by artist and period.

    Attributes
    ----------
    rows : pandas.DataFrame
        artist, period, label; one row per artist and period at risk.
    y : numpy.ndarray, shape (n,)
        Whether it happened.
    x : numpy.ndarray, shape (n, k)
    spread : numpy.ndarray of bool, shape (k,)
        Columns that vary and were fitted.
    beta, covariance : numpy.ndarray
        Clustered by artist.
    tenure : numpy.ndarray of int
        Columns that differ between artists of one group and period: tenure, length of the silence.
    groups : slice
        Columns of the groups; column 0 is the intercept.
    offset : int
        First column of the design's own terms.
    failed : str
        Why there is no fit; empty if there is one.
    """

    rows: pd.DataFrame
    y: Array
    x: Array
    spread: NDArray[np.bool_]
    beta: Array
    covariance: Array
    tenure: NDArray[np.int64]
    groups: slice
    offset: int
    failed: str


def margin_answers(
    design: ArtistDesign, spec: Spec, margin: str, fit: HazardFit, confidence: float
) -> TwoStep:
    """Estimate how the hazards by group and period change at the events."""
    if fit.failed:
        found = answers(design, spec, [], confidence, failed=fit.failed)
    else:
        theta, influence, variance = period_hazards(design, fit)
        series = compare(design, spec, theta, influence, variance)
        found = answers(design, spec, series, confidence)
    effects = found.effects.assign(term=margin, unit="log hazard ratio", method=METHOD)
    return TwoStep(effects, found.shocks, found.notes)


def period_hazards(design: ArtistDesign, fit: HazardFit) -> tuple[Array, Array, Array]:
    """Return log hazards by group and period, each artist's influence, and working variances.

    One step of Fisher scoring from the regression to free effects by group and period, beside the
    course over tenure, so that a period without any transition has a finite value.

    Returns
    -------
    theta : numpy.ndarray, shape (C, T)
        NaN where nobody was at risk.
    influence : numpy.ndarray, shape (G, C, T)
        Jackknifed by one Neumann term.
    variance : numpy.ndarray, shape (C, T)
    """
    n_cells, n_periods = len(design.labels), len(design.index)
    artist = fit.rows["artist"].to_numpy()
    code = fit.rows["label"].to_numpy() * n_periods + fit.rows["period"].to_numpy()
    tenure = fit.x[:, fit.tenure]
    mu = np.exp(np.clip(fit.x @ fit.beta, -30.0, 3.0))
    chance = -np.expm1(-mu)
    information = mu**2 * (1 - chance) / chance
    score = mu / chance * (fit.y - chance)
    step = _Step.of(artist, code, n_cells * n_periods, tenure, information)
    points, course = step.solve(score)
    theta = np.where(step.total > 0, _smooth_part(design, fit).ravel(), np.nan) + points.sum(axis=0)
    # One Neumann term: without this artist the information is smaller, too.
    carried = points[step.artist, code] + (tenure * course[step.artist]).sum(axis=1)
    again, _ = step.solve(information * carried)
    counted = len(points)
    influence = np.zeros((int(design.rows["artist"].max()) + 1, points.shape[1]))
    influence[np.unique(artist)] = (points + again) * np.sqrt((counted - 1) / counted)
    variance = np.divide(1.0, step.total, out=np.full(theta.size, np.nan), where=step.total > 0)
    shape = (n_cells, n_periods)
    return theta.reshape(shape), influence.reshape(-1, *shape), variance.reshape(shape)


@dataclass(frozen=True)
class _Step:
    """Fisher scoring of effects by group and period together with the course over tenure.

    Were that course held fixed, a cohort that ages through the window would seem better known than
    it is. The effects' part of the information is diagonal and is eliminated.
    """

    artist: NDArray[np.int64]
    """(n,) places among those with rows."""
    code: NDArray[np.int64]
    """(n,) group and period."""
    tenure: Array
    """(n, q)"""
    total: Array
    """(p,) information on each effect."""
    cross: Array
    """(p, q)"""
    left: Array
    """(q, q) inverse information on the course, the effects eliminated."""

    @classmethod
    def of(
        cls,
        artist: NDArray[np.int64],
        code: NDArray[np.int64],
        points: int,
        tenure: Array,
        information: Array,
    ) -> _Step:
        """Sum the information."""
        total = np.bincount(code, weights=information, minlength=points)
        weighted = information[:, None] * tenure
        cross = np.zeros((points, tenure.shape[1]))
        np.add.at(cross, code, weighted)
        whole = weighted.T @ tenure
        left = whole - cross.T @ (cross / np.where(total > 0, total, 1.0)[:, None])
        size = np.sqrt(np.maximum(np.diag(whole), np.finfo(float).tiny))
        inverse = np.linalg.pinv(left / np.outer(size, size), rcond=1e-8, hermitian=True)
        place = np.unique(artist, return_inverse=True)[1]
        return cls(place, code, tenure, total, cross, inverse / np.outer(size, size))

    def solve(self, score: Array) -> tuple[Array, Array]:
        """Return each artist's step of the effects (G, p) and of the course (G, q)."""
        n = int(self.artist.max()) + 1
        own = np.zeros((n, self.total.size))
        np.add.at(own, (self.artist, self.code), score)
        own /= np.where(self.total > 0, self.total, 1.0)
        slopes = np.zeros((n, self.tenure.shape[1]))
        np.add.at(slopes, self.artist, score[:, None] * self.tenure)
        course = (slopes - own @ self.cross) @ self.left
        share = self.cross / np.where(self.total > 0, self.total, 1.0)[:, None]
        return own - course @ share.T, course


def _smooth_part(design: ArtistDesign, fit: HazardFit) -> Array:
    """Return the regression's own log hazards by group and period, tenure apart; (C, T)."""
    n_cells, n_periods = len(design.labels), len(design.index)
    own = np.zeros((n_cells, n_periods))
    label, period = fit.rows["label"].to_numpy(), fit.rows["period"].to_numpy()
    # The design's terms are the same for all artists of a group in a period.
    own[label, period] = fit.x[:, fit.offset :] @ fit.beta[fit.offset :]
    own += fit.beta[0]
    own[1:] += fit.beta[fit.groups][:, None]
    return own
