"""Tests around effects by event time: leads, simultaneous bands, and bends of untreated courses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import fdtrc, fdtri, ndtr, ndtri

from uploadtrends.arrays import Array
from uploadtrends.artists.exposure_methods import Estimates, exposed_weights
from uploadtrends.models.bends import breakdown, critical_value, worst_bias

_DRAWS = 20_000
_POWER = 0.8


def simultaneous(correlation: Array | None, k: int, confidence: float, seed: int) -> float:
    """Return the critical value of sup-t bands; Bonferroni's where no correlation is known.

    Montiel Olea & Plagborg-Moller (2019).
    """
    if k == 0:
        return float("nan")
    if correlation is None:
        return float(ndtri(1 - (1 - confidence) / (2 * k)))
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, k)) @ root.T
    return float(np.quantile(np.abs(draws).max(axis=1), confidence))


def event_time_table(
    found: Estimates, leads: int, lags: int, same: dict[str, Any], confidence: float, seed: int
) -> pd.DataFrame:
    """Return effects by relative period with intervals one at a time and simultaneous bands."""
    keep = (found.times >= -leads) & (found.times <= lags)
    quantile = ndtri((1 + confidence) / 2)
    correlation = None if found.correlation is None else found.correlation[np.ix_(keep, keep)]
    band = simultaneous(correlation, int(keep.sum()), confidence, seed)
    value, se = found.values[keep], found.errors[keep]
    table = pd.DataFrame(
        {
            "relative_period": found.times[keep].astype(int),
            "estimate": value,
            "se": se,
            "low": value - quantile * se,
            "high": value + quantile * se,
            "band_low": value - band * se,
            "band_high": value + band * se,
            "p": 2 * ndtr(-np.abs(value) / se),
        }
    )
    return table.assign(**same)


def pretrend_row(found: Estimates, leads: int, df: int, *, plug_in: bool = True) -> pd.DataFrame:
    """Test that all leads are zero, and say which straight trend the test would find.

    A covariance clustered by artist that is put in as though it were known makes a joint test of
    many leads too large: with eleven leads and 110 exposed artists it rejects .09 to .13 of panels
    without any trend. As a covariance of `df` degrees of freedom it gives Hotelling's T-squared:
    F (df - q + 1) / df has q and df - q + 1 degrees of freedom (Pustejovsky & Tipton 2018).

    Parameters
    ----------
    found : Estimates
    leads : int
        Most leads that are tested; no more than half of `df` of them, the nearest ones.
    df : int
        Artists on the smaller side, less one.
    plug_in : bool
        False for a covariance that knows its own uncertainty; then it is F with q and `df`.
    """
    from scipy import optimize
    from scipy.stats import ncf

    reach = min(leads, df // 2 + 1) if plug_in else leads
    lead = (found.times < 0) & (found.times >= -reach)
    covariance = found.covariance
    if covariance is None or lead.sum() < 2:
        return pd.DataFrame()
    part, value = covariance[np.ix_(lead, lead)], found.values[lead]
    inverse = np.linalg.pinv(part, hermitian=True)
    q = int(lead.sum())
    statistic = float(value @ inverse @ value) / q
    # Leads are read against the period before exposure: a trend grows from there.
    line = found.times[lead] + 1.0
    information = float(line @ inverse @ line)
    slope = float(line @ inverse @ value) / information
    df_error = df - q + 1 if plug_in else df
    share = df_error / df
    critical = fdtri(q, df_error, 0.95)
    # Hotelling's T-squared has the non-centrality of the quadratic form.
    needed = optimize.brentq(lambda nc: ncf.sf(critical, q, df_error, nc) - _POWER, 0.01, 5000.0)
    row = {
        "F": share * statistic,
        "df": q,
        "df_error": df_error,
        "p": float(fdtrc(q, df_error, share * statistic)),
        "slope": slope,
        "slope_se": information**-0.5,
        "minimum_detectable_slope": float(np.sqrt(needed / information)),
    }
    return pd.DataFrame([row])


def honest_table(
    found: Estimates, leads: int, frame: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """Bound the mean effect if the untreated difference may bend by so much in every period.

    The mean over exposed rows, less a straight line through leads and base that goes on; the worst
    bias under bounded second differences and its interval as in `models.bends` (Rambachan & Roth
    2023, smoothness restriction; fixed-length intervals of Armstrong & Kolesar 2018).
    """
    keep = found.times >= -leads
    times, covariance = found.times[keep], found.covariance
    if covariance is None or (times < 0).sum() < 3 or not (times >= 0).any():
        return pd.DataFrame()
    covariance, values = covariance[np.ix_(keep, keep)], found.values[keep]
    weights = exposed_weights(frame, times)
    # The base is a lead that is zero without error.
    positions = np.unique(np.append(times, -1))
    at = np.searchsorted(positions, times)
    before = positions < 0
    x = np.column_stack([np.ones(before.sum()), positions[before]])
    ahead = np.array([1.0, float(weights @ times)])
    loading = np.zeros(len(positions))
    loading[at] += weights
    loading[before] -= ahead @ np.linalg.pinv(x)
    used = loading[at]
    value, se = float(used @ values), float(np.sqrt(used @ covariance @ used))
    bias = float(worst_bias(loading, positions.astype(float)))
    seen = _bend(times, values, covariance)
    stands = float(breakdown(np.array(value), np.array(se), np.array(bias), confidence))
    rows = []
    for share in (0.0, 0.5, 1.0, 2.0):
        reach = float(critical_value(np.array(share * seen * bias / se), confidence)) * se
        rows.append(
            {
                "max_bend": share * seen,
                "estimate": value,
                "low": value - reach,
                "high": value + reach,
                "breakdown": stands,
                "seen_before": seen,
            }
        )
    return pd.DataFrame(rows)


def _bend(times: Array, values: Array, covariance: Array) -> float:
    """Return the size of the second difference of a parabola through the leads."""
    lead = times < 0
    inverse = np.linalg.pinv(covariance[np.ix_(lead, lead)], hermitian=True)
    since = times[lead] + 1.0
    x = np.column_stack([since, since**2 / 2])
    return abs(float(np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ values[lead])[1]))
