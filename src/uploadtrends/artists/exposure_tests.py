"""Tests around effects by event time: leads, simultaneous bands, and bends of untreated courses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtrc, fdtri, stdtr, stdtrit

from uploadtrends.arrays import Array
from uploadtrends.artists.exposure_methods import Estimates, exposed_weights
from uploadtrends.models.bends import breakdown, critical_value, worst_bias

_DRAWS = 20_000
_POWER = 0.8
_FEWEST_DF = 3
"""With three artists a side even a single lead is rejected in .10 of parallel panels (300)."""


def simultaneous(correlation: Array | None, k: int, df: int, confidence: float, seed: int) -> float:
    """Return the critical value of sup-t bands; Bonferroni's where no correlation is known.

    Montiel Olea & Plagborg-Moller (2019), with errors that are themselves estimated with `df`
    degrees of freedom.
    """
    if k == 0:
        return float("nan")
    if correlation is None:
        return float(stdtrit(df, 1 - (1 - confidence) / (2 * k)))
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    rng = np.random.default_rng(seed)
    furthest = np.abs(rng.standard_normal((_DRAWS, k)) @ root.T).max(axis=1)
    return float(np.quantile(furthest / np.sqrt(rng.chisquare(df, _DRAWS) / df), confidence))


def event_time_table(
    found: Estimates,
    leads: int,
    lags: int,
    same: dict[str, Any],
    df: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Return effects by relative period with intervals one at a time and simultaneous bands."""
    keep = (found.times >= -leads) & (found.times <= lags)
    quantile = stdtrit(df, (1 + confidence) / 2)
    correlation = None if found.correlation is None else found.correlation[np.ix_(keep, keep)]
    band = simultaneous(correlation, int(keep.sum()), df, confidence, seed)
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
            "p": 2 * stdtr(df, -np.abs(value) / se),
        }
    )
    return table.assign(**same)


def tested_leads(times: Array, leads: int, df: int) -> NDArray[np.bool_]:
    """Tell which estimates a joint test takes: the leads nearest to the base, half of `df`."""
    if df < _FEWEST_DF:
        return np.zeros(len(times), dtype=bool)
    return (times < 0) & (times >= -min(leads, df // 2 + 1))


def leads_zero(
    times: Array, values: Array, covariance: Array, leads: int, df: int
) -> dict[str, float]:
    """Test that the leads are zero together: F, df, df_error, p; NaN where there is none to test.

    A covariance clustered by artist that is put in as though it were known makes a joint test of
    many leads too large: with eleven leads and 110 exposed artists it rejects .09 to .13 of panels
    without any trend, with ten artists nearly all. As a covariance of `df` degrees of freedom it
    gives Hotelling's T-squared: F (df - q + 1) / df has q and df - q + 1 degrees of freedom
    (Pustejovsky & Tipton 2018).

    Parameters
    ----------
    times, values : arrays of shape (k,)
        Periods relative to the event, without the base, and their estimates.
    covariance : array of shape (k, k)
    leads : int
        Most leads that are tested; no more than half of `df` of them, the nearest ones.
    df : int
        Artists on the smaller side, less one.
    """
    lead = tested_leads(times, leads, df)
    q = int(lead.sum())
    if not q:
        return {"F": np.nan, "df": q, "df_error": np.nan, "p": np.nan}
    inverse = np.linalg.pinv(covariance[np.ix_(lead, lead)], hermitian=True)
    df_error = df - q + 1
    f = float(values[lead] @ inverse @ values[lead]) / q * df_error / df
    return {"F": f, "df": q, "df_error": df_error, "p": float(fdtrc(q, df_error, f))}


def pretrend_row(found: Estimates, leads: int, df: int) -> pd.DataFrame:
    """Test that all leads are zero, and say which straight trend the test would find.

    `leads` and `df` as in `leads_zero`.
    """
    from scipy import optimize
    from scipy.stats import ncf

    covariance = found.covariance
    if covariance is None:
        return pd.DataFrame()
    row = leads_zero(found.times, found.values, covariance, leads, df)
    if row["df"] < 2:
        return pd.DataFrame()
    lead = tested_leads(found.times, leads, df)
    part, value = covariance[np.ix_(lead, lead)], found.values[lead]
    inverse = np.linalg.pinv(part, hermitian=True)
    q, df_error = row["df"], row["df_error"]
    # Leads are read against the period before exposure: a trend grows from there.
    line = found.times[lead] + 1.0
    information = float(line @ inverse @ line)
    slope = float(line @ inverse @ value) / information
    critical = fdtri(q, df_error, 0.95)
    # Hotelling's T-squared has the non-centrality of the quadratic form.
    needed = optimize.brentq(lambda nc: ncf.sf(critical, q, df_error, nc) - _POWER, 0.01, 5000.0)
    row |= {
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
