"""Shocks that all exposed artists share, around effects of an exposure.

At one date of exposure they are integrated out: the two-step of the artist models. Where the dates
differ, they are learnt from the time before, and say how much wider an interval would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from uploadtrends.artists.cells import cell_effects
from uploadtrends.artists.event_time import loadings_by_event_time
from uploadtrends.artists.exposure_methods import Estimates
from uploadtrends.artists.shocks import Prior, Series, ShockFit, fixed_contrasts, integrate_shocks
from uploadtrends.artists.terms import natural_spline
from uploadtrends.artists.twostep import FEWEST_PER_SIDE
from uploadtrends.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from uploadtrends.arrays import Array


def two_step_exposure(
    frame: pd.DataFrame, *, by_platform: bool, leads: int, lags: int, confidence: float
) -> tuple[Estimates, tuple[str, ...]]:
    """Compare exposed with other artists, log ratios, shocks common to either integrated out.

    Raises
    ------
    InputError
        With more than one date of exposure.
    NotEstimableError
        With fewer than six periods on a side.
    """
    dates = sorted(frame.loc[frame["g"] > 0, "g"].unique())
    if len(dates) != 1:
        raise InputError(
            "the two-step compares at one date of exposure",
            column="method",
            value=f"{len(dates)} dates",
            fix="use method='imputation', or 'callaway-santanna'",
        )
    date = int(dates[0])
    series = _difference(frame)
    before, after = series.position < date - 1, series.position >= date - 1
    if min(before.sum(), after.sum()) < FEWEST_PER_SIDE:
        raise NotEstimableError(
            f"{before.sum()} usable periods before and {after.sum()} after, at least "
            f"{FEWEST_PER_SIDE} of each are needed to tell an effect from common shocks"
        )
    prior: Prior = "flat" if by_platform else "half"
    x = np.column_stack([np.ones(len(after)), after.astype(float)])
    overall = integrate_shocks(series, x, np.array([[0.0, 1.0]]), prior)
    relative = np.clip(series.position - (date - 1), -leads, lags)
    keys, loading = loadings_by_event_time(series, relative)
    line = series.position[before].astype(float)
    fit = fixed_contrasts(
        series, loading, before, np.column_stack([np.ones(len(line)), line - line.mean()]), prior
    )
    moments = [fit.moments(j) for j in range(len(keys))]
    covariance = np.einsum("g,gij->ij", fit.weights, fit.covariance)
    size = np.sqrt(np.diag(covariance))
    found = Estimates(
        np.array(keys),
        np.array([value for value, _ in moments]),
        size,
        covariance / np.outer(size, size),
        overall.moments(0),
        interval=overall.interval(0, confidence),
    )
    return found, _notes(overall, by_platform)


FEWEST_PERIODS = 12
FEWEST_ARTISTS = 10


def shared_shocks(
    frame: pd.DataFrame, overall: tuple[float, float], confidence: float
) -> pd.DataFrame:
    """Say what shocks common to exposed artists would add to the error of their mean effect.

    The difference in log rates between artists not yet exposed and never exposed ones, by period,
    is a straight line plus such shocks plus the artists' own chance. A shock moves the mean effect
    by its share among the exposed rows less its share among the same artists' rows before.

    Parameters
    ----------
    frame : pandas.DataFrame
        As of `outcomes.outcome_frame`, uploads.
    overall : (float, float)
        Mean effect in uploads, and its standard error clustered by artist.
    confidence : float

    Returns
    -------
    pandas.DataFrame
        shock_sd (log points), phi, p_none (probability that there are none), se, low, high (with
        them). Empty with fewer than 12 periods in which ten artists are not yet exposed.
    """
    exposed = frame["g"] > 0
    ahead = frame[exposed & (frame["t"] < frame["g"])]
    many = ahead.groupby("t")["artist"].nunique()
    usable = many.index[many >= FEWEST_ARTISTS]
    if len(usable) < FEWEST_PERIODS or exposed.all():
        return pd.DataFrame()
    rows = frame[~exposed | (frame["t"] < frame["g"])]
    series = _difference(rows[rows["t"].isin(usable)])
    line = series.position - series.position.mean()
    x = np.column_stack([np.ones(len(line)), line])
    fit = integrate_shocks(series, x, np.array([[1.0, 0.0]]), "half")
    after = frame[exposed & (frame["t"] >= frame["g"])]
    periods = np.arange(1, int(frame["t"].max()) + 1)
    loading = np.zeros(len(periods))
    for part, sign in ((after, 1.0), (ahead, -1.0)):
        share = part["t"].value_counts(normalize=True)
        loading += sign * share.reindex(periods).fillna(0).to_numpy()
    correlation = fit.phi ** np.abs(periods[:, None] - periods[None, :])
    level = max(float(after["y"].mean()) - overall[0], 0.0)
    moved = level * fit.shock_sd * float(np.sqrt(loading @ correlation @ loading))
    se = float(np.hypot(overall[1], moved))
    reach = float(stdtrit(frame["artist"].nunique() - 1, (1 + confidence) / 2)) * se
    row = {"shock_sd": fit.shock_sd, "phi": fit.phi, "p_none": fit.p_none, "se": se}
    return pd.DataFrame([row | {"low": overall[0] - reach, "high": overall[0] + reach}])


def _difference(frame: pd.DataFrame) -> Series:
    total = frame.groupby("artist")["y"].transform("sum")
    rows = frame[total > 0].sort_values(["artist", "t"])
    rows = pd.DataFrame(
        {
            "artist": np.unique(rows["artist"], return_inverse=True)[1],
            "period": rows["t"].to_numpy() - 1,
            "label": (rows["g"] > 0).astype(int).to_numpy(),
            "y": rows["y"].to_numpy(dtype=float),
            "tenure": rows["tenure"].to_numpy(dtype=float),
            "weight": 1.0,
            "offset": 0.0,
        }
    )
    spline: Array = natural_spline(rows["tenure"].to_numpy())
    cells = cell_effects(rows, spline, 2, int(frame["t"].max()))
    return Series.of(cells.theta[1] - cells.theta[0], cells.influence[:, 1] - cells.influence[:, 0])


def _notes(fit: ShockFit, by_platform: bool) -> tuple[str, ...]:
    said = f"shocks common to all exposed or all other artists: sd {100 * fit.shock_sd:.0f}%"
    if by_platform:
        return (
            said,
            "whole platforms are exposed: the comparison rests on as many series as there are "
            "platforms, however many artists stand behind them",
        )
    return (f"{said} (probability that there are none: {fit.p_none:.2f})",)
