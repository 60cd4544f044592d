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

    One step of Fisher scoring from the regression to free effects by group and period, so that a
    period without any transition has a finite value.

    Returns
    -------
    theta : numpy.ndarray, shape (C, T)
        NaN where nobody was at risk.
    influence : numpy.ndarray, shape (G, C, T)
        Jackknifed by one Neumann term.
    variance : numpy.ndarray, shape (C, T)
    """
    n_cells, n_periods = len(design.labels), len(design.index)
    n_artists = int(design.rows["artist"].max()) + 1
    artist = fit.rows["artist"].to_numpy()
    code = fit.rows["label"].to_numpy() * n_periods + fit.rows["period"].to_numpy()
    n_points = n_cells * n_periods
    mu = np.exp(np.clip(fit.x @ fit.beta, -30.0, 3.0))
    chance = -np.expm1(-mu)
    score = mu / chance * (fit.y - chance)
    information = mu**2 * (1 - chance) / chance
    total = np.bincount(code, weights=information, minlength=n_points)
    start = _smooth_part(design, fit)
    seen = np.flatnonzero(total > 0)
    theta = np.full(n_points, np.nan)
    step = np.bincount(code, weights=score, minlength=n_points)
    theta[seen] = start.ravel()[seen] + step[seen] / total[seen]
    influence = np.zeros((n_artists, n_points))
    share = np.divide(1.0, total[code], out=np.zeros(len(code)), where=total[code] > 0)
    np.add.at(influence, (artist, code), score * share * (1 + information * share))
    counted = len(np.unique(artist))
    influence *= np.sqrt((counted - 1) / counted)
    variance = np.divide(1.0, total, out=np.full(n_points, np.nan), where=total > 0)
    shape = (n_cells, n_periods)
    return theta.reshape(shape), influence.reshape(n_artists, *shape), variance.reshape(shape)


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
