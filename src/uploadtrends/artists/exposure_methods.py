"""The estimators of the literature on staggered exposure, through the libraries that have them.

diff-diff: Callaway & Sant'Anna (2021), Sun & Abraham (2021), imputation (Borusyak, Jaravel & Spiess
2024), two-stage (Gardner 2022), Wooldridge's Poisson (2023), Goodman-Bacon's decomposition (2021).
pyfixest: two-way effects. Each adapter turns a panel with
columns artist, t, g (first exposed t; 0: never) and y into the same shape of answer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg

from uploadtrends.arrays import Array
from uploadtrends.artists.fit import FARTHEST, SEPARATED
from uploadtrends.errors import InputError, NotEstimableError

_COLUMNS = {"outcome": "y", "unit": "artist", "time": "t", "first_treat": "g"}


@dataclass(frozen=True)
class Estimates:
    """What an estimator says.

    Attributes
    ----------
    times : numpy.ndarray of int, shape (k,)
        Periods relative to the exposure, without the base.
    values, errors : numpy.ndarray, shape (k,)
    correlation : numpy.ndarray, shape (k, k), optional
        Between the estimates, for simultaneous bands and joint tests.
    overall : (float, float)
        Mean effect over all exposed rows, and its standard error.
    cohorts, years : dict
        First exposed period, or calendar year -> (estimate, standard error).
    interval : (float, float, float), optional
        Ends and p of the overall effect, where they are not those of t.
    joint : Estimates, optional
        Leads and effects of one fit against the period before exposure, for tests of the leads and
        bounds on trends, where `values` are not read so.
    """

    times: Array
    values: Array
    errors: Array
    correlation: Array | None
    overall: tuple[float, float]
    cohorts: dict[int, tuple[float, float]] = field(default_factory=dict)
    years: dict[int, tuple[float, float]] = field(default_factory=dict)
    interval: tuple[float, float, float] | None = None
    joint: Estimates | None = None

    @property
    def covariance(self) -> Array | None:
        """Of the estimates by relative period."""
        if self.correlation is None:
            return None
        return np.asarray(self.correlation * np.outer(self.errors, self.errors))


def require_library() -> Any:
    """Return diff-diff, or say how to get it."""
    try:
        import diff_diff
    except ImportError as error:
        raise InputError(
            "this method needs the package diff-diff",
            column="method",
            fix="pip install 'uploadtrends[did]', or use method='twfe' or 'two-step'",
        ) from error
    return diff_diff


def _fitted(estimator: Any, frame: pd.DataFrame, **settings: Any) -> Any:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = estimator.fit(frame, **_COLUMNS, **settings)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise NotEstimableError(f"the estimator refused these data ({error})") from error
    for message in (str(warning.message) for warning in said):
        if "not converge" in message:
            raise NotEstimableError(f"the estimator did not converge ({message})")
    return found


def exposed_weights(frame: pd.DataFrame, times: Array) -> Array:
    """Return the share of exposed rows at each relative period; 0 before the exposure."""
    relative = frame.loc[(frame["g"] > 0) & (frame["t"] >= frame["g"]), ["t", "g"]]
    counts = (relative["t"] - relative["g"]).value_counts()
    weights = counts.reindex(times).fillna(0).to_numpy(dtype=float)
    return np.asarray(weights / weights.sum())


def _by_event(result: Any, base: int = -1) -> tuple[Array, Array, Array, Array | None]:
    """Return relative periods, estimates, errors and correlation; the base is left out."""
    effects = result.event_study_effects
    times = np.array(sorted(int(k) for k in effects if np.isfinite(effects[k]["se"])))
    times = np.array([k for k in times if effects[k]["se"] > 0 and k != base])
    values = np.array([float(effects[k]["effect"]) for k in times])
    errors = np.array([float(effects[k]["se"]) for k in times])
    covariance = getattr(result, "event_study_vcov", None)
    if covariance is None:
        return times, values, errors, None
    place = {int(k): i for i, k in enumerate(result.event_study_vcov_index)}
    where = [place[int(k)] for k in times]
    part = np.asarray(covariance)[np.ix_(where, where)]
    size = np.sqrt(np.diag(part))
    return times, values, errors, part / np.outer(size, size)


def _grouped(effects: Any) -> dict[int, tuple[float, float]]:
    return {
        int(key): (float(row.get("effect", row.get("att"))), float(row["se"]))
        for key, row in (effects or {}).items()
    }


def imputation(frame: pd.DataFrame, leads: int) -> Estimates:
    """Impute untreated outcomes from untreated rows (Borusyak, Jaravel & Spiess 2024)."""
    library = require_library()
    settings = {"aux_partition": _partition(frame)}
    result = _fitted(library.ImputationDiD(pretrends=True, **settings), frame, aggregate="all")
    second = _two_stage(frame)
    found, correlation = _estimates(result), second.correlation
    keep = np.isin(found.times, second.times)
    if correlation is not None:
        where = np.searchsorted(second.times, found.times[keep])
        correlation = correlation[np.ix_(where, where)]
    return replace(
        found,
        times=found.times[keep],
        values=found.values[keep],
        errors=found.errors[keep],
        correlation=correlation,
        years=_by_year(library.ImputationDiD(**settings), frame),
        joint=_against_last(frame, leads, _two_stage_leads),
    )


_LARGE_COHORT = 10


def _partition(frame: pd.DataFrame) -> str:
    """Return over whom effects are averaged, so that what is left of a row counts as error.

    Cohort and period, as Borusyak, Jaravel & Spiess (2024, section 4.3) do, makes the errors too
    small by the root of (n - 1) / n where a cohort has n artists; then, as they say, coarser: all
    cohorts at one period since the exposure.
    """
    cohorts = frame.loc[frame["g"] > 0].groupby("g")["artist"].nunique()
    return "cohort_horizon" if cohorts.mean() >= _LARGE_COHORT else "horizon"


def two_stage(frame: pd.DataFrame, leads: int) -> Estimates:
    """Residualise by untreated rows, then regress on exposure (Gardner 2022)."""
    years = _by_year(require_library().TwoStageDiD(), frame)
    return replace(
        _two_stage(frame), years=years, joint=_against_last(frame, leads, _two_stage_leads)
    )


def _estimates(result: Any) -> Estimates:
    """Take event-time, overall and group effects from a fitted result of the library."""
    times, values, errors, correlation = _by_event(result)
    return Estimates(
        times,
        values,
        errors,
        correlation,
        (float(result.overall_att), float(result.overall_se)),
        _grouped(getattr(result, "group_effects", None)),
    )


def _two_stage(frame: pd.DataFrame) -> Estimates:
    library = require_library()
    result = _fitted(library.TwoStageDiD(pretrends=True), frame, aggregate="all")
    return _estimates(result)


def _by_year(estimator: Any, frame: pd.DataFrame) -> dict[int, tuple[float, float]]:
    """Return the mean effect of every year that has exposed rows.

    Untreated outcomes are learnt from all unexposed rows, so that a fit to these and one year's
    exposed rows gives that year's mean with its own standard error.
    """
    if "year" not in frame:
        return {}
    exposed = (frame["g"] > 0) & (frame["t"] >= frame["g"])
    found = {}
    for year in sorted(frame.loc[exposed, "year"].unique()):
        rows = frame[~exposed | (frame["year"] == year)]
        try:
            result = _fitted(estimator, rows)
        except NotEstimableError:
            continue
        found[int(year)] = float(result.overall_att), float(result.overall_se)
    return found


def sun_abraham(frame: pd.DataFrame) -> Estimates:
    """Interact cohorts with relative periods, never exposed as controls (Sun & Abraham 2021)."""
    library = require_library()
    result = _fitted(library.SunAbraham(), frame)
    found = _estimates(result)
    weights = exposed_weights(frame, found.times)
    variance = np.nan if found.covariance is None else weights @ found.covariance @ weights
    overall = float(weights @ found.values), float(np.sqrt(variance))
    return replace(found, overall=overall, cohorts=_cohort_means(result.cohort_effects))


def callaway_santanna(frame: pd.DataFrame, control: str) -> Estimates:
    """Average two-by-two comparisons by cohort and period (Callaway & Sant'Anna 2021)."""
    library = require_library()
    settings = {"estimation_method": "reg", "control_group": control}
    found = _estimates(_fitted(library.CallawaySantAnna(**settings), frame, aggregate="all"))
    # Its leads are changes from period to period; a trend is seen against one base.
    fixed = library.CallawaySantAnna(**settings, base_period="universal")
    times, values, errors, correlation = _by_event(_fitted(fixed, frame, aggregate="event_study"))
    joint = replace(found, times=times, values=values, errors=errors, correlation=correlation)
    return replace(found, joint=joint)


def _cohort_means(effects: Any) -> dict[int, tuple[float, float]]:
    """Return each cohort's mean over its exposed periods; no standard error is known."""
    found: dict[int, list[float]] = {}
    for (cohort, relative), row in effects.items():
        if relative >= 0:
            found.setdefault(int(cohort), []).append(float(row["effect"]))
    return {cohort: (float(np.mean(values)), float("nan")) for cohort, values in found.items()}


def poisson(frame: pd.DataFrame, leads: int) -> Estimates:
    """Poisson with effects by cohort and period, in uploads (Wooldridge 2023).

    Effects come from all unexposed rows. Leads come from a second fit that takes the last `leads`
    periods before exposure for exposed ones, too, and are read against the last of them.
    """
    library = require_library()
    frame = _nearly_zero(frame)
    estimator = library.WooldridgeDiD(method="poisson", control_group="not_yet_treated")
    result = _fitted(estimator, frame)
    for kind in ("event_study", "group", "calendar"):
        result.aggregate(kind)
    times, values, covariance = _poisson_event_times(result)
    joint = _against_last(frame, leads, _poisson_leads)
    if joint is not None:
        before = joint.times < 0
        lead_covariance = joint.covariance
        assert lead_covariance is not None  # noqa: S101 - told to the type checker
        times = np.concatenate([joint.times[before], times])
        values = np.concatenate([joint.values[before], values])
        # Two fits: bands that take them for independent are too wide, never too narrow
        # (Royen 2014, the Gaussian correlation inequality).
        covariance = linalg.block_diag(lead_covariance[np.ix_(before, before)], covariance)
    errors = np.sqrt(np.diag(covariance))
    return Estimates(
        times,
        values,
        errors,
        covariance / np.outer(errors, errors),
        (float(result.overall_att), float(result.overall_se)),
        _grouped(result.group_effects),
        _mean_by_year(frame, _grouped(result.calendar_effects)),
        joint=joint,
    )


def _nearly_zero(frame: pd.DataFrame) -> pd.DataFrame:
    """Put 1e-10 for 0 where a cohort has nothing but zeros in a period.

    Its coefficient runs to minus infinity, and the library takes 200 steps instead of 30; the
    estimates are the same to 1e-10.
    """
    empty = frame.groupby(["g", "t"])["y"].transform("sum") == 0
    return frame.assign(y=frame["y"].mask(empty & (frame["g"] > 0), 1e-10))


def _poisson_event_times(result: Any) -> tuple[Array, Array, Array]:
    """Return relative periods, mean effects of their cells, and their covariance."""
    keys = list(result._gt_keys)
    relative = np.array([int(t - g) for g, t in keys])
    cells = np.array([float(result._gt_weights.get(key, 0)) for key in keys])
    effects = np.array([float(result.group_time_effects[key]["att"]) for key in keys])
    times = np.unique(relative[cells > 0])
    weights = np.where(relative == times[:, None], cells, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    covariance = weights @ np.asarray(result._gt_vcov) @ weights.T
    known = np.diag(covariance) > 0
    return times[known], (weights @ effects)[known], covariance[np.ix_(known, known)]


_BASE = 3  # periods before the leads that have to be left
_Fit = Callable[[pd.DataFrame, int], tuple[Array, Array, Array]]


def _against_last(frame: pd.DataFrame, leads: int, fit: _Fit) -> Estimates | None:
    """Return leads and effects of one fit, against the last period before exposure.

    The last `leads` periods before exposure count as exposed, so that leads and effects are read
    against the same earlier periods: a straight trend is a straight line through both.
    """
    starts = frame.loc[frame["g"] > 0].groupby("artist")["g"].first()
    reach = min(leads, int(starts.median()) - 1 - _BASE)
    if reach < 2:
        return None
    rows = frame[(frame["g"] == 0) | (frame["g"] > reach + _BASE)]
    try:
        times, values, covariance = fit(rows, reach)
    except NotEstimableError:
        return None
    base = times == -1
    if base.sum() != 1 or (times < -1).sum() < 2:
        return None
    against = (np.eye(len(times)) - base.astype(float)[None, :])[~base]
    covariance = against @ covariance @ against.T
    errors = np.sqrt(np.diag(covariance))
    if not (errors > 0).all():
        return None
    correlation = covariance / np.outer(errors, errors)
    return Estimates(times[~base], against @ values, errors, correlation, (np.nan, np.nan))


def _poisson_leads(rows: pd.DataFrame, reach: int) -> tuple[Array, Array, Array]:
    estimator = require_library().WooldridgeDiD(
        method="poisson", control_group="not_yet_treated", anticipation=reach
    )
    return _poisson_event_times(_fitted(estimator, rows))


def _two_stage_leads(rows: pd.DataFrame, reach: int) -> tuple[Array, Array, Array]:
    result = _fitted(
        require_library().TwoStageDiD(anticipation=reach), rows, aggregate="event_study"
    )
    times, values, errors, correlation = _by_event(result, base=-1 - reach)
    if correlation is None:
        raise NotEstimableError("no covariance of the leads")
    return times, values, correlation * np.outer(errors, errors)


def _mean_by_year(
    frame: pd.DataFrame, periods: dict[int, tuple[float, float]]
) -> dict[int, tuple[float, float]]:
    """Return the mean of a year's periods by exposed rows; no standard error is known."""
    if "year" not in frame:
        return {}
    exposed = frame[(frame["g"] > 0) & (frame["t"] >= frame["g"])]
    counts = exposed.groupby(["year", "t"]).size()
    found = {}
    for year in sorted(exposed["year"].unique()):
        rows = [(n, periods[int(t)][0]) for t, n in counts[year].items() if int(t) in periods]
        if rows:
            weights, values = np.array(rows, dtype=float).T
            found[int(year)] = float(weights @ values / weights.sum()), float("nan")
    return found


def twfe(frame: pd.DataFrame, *, counts: bool = False) -> Estimates:
    """Regress on exposure with artist and period effects: for comparison only."""
    import pyfixest

    exposed = (frame["g"] > 0) & (frame["t"] >= frame["g"])
    rows = frame.assign(treated=exposed.astype(float))
    fit = pyfixest.fepois if counts else pyfixest.feols
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit("y ~ treated | artist + t", data=rows, vcov={"CRV1": "artist"})
    row = model.tidy().loc["treated"]
    nothing = np.zeros(0)
    overall = float(row["Estimate"]), float(row["Std. Error"])
    if counts and abs(overall[0]) > FARTHEST:
        raise NotEstimableError(SEPARATED)
    return Estimates(nothing.astype(int), nothing, nothing, None, overall)


def bacon(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what two-way effects average (Goodman-Bacon 2021): comparison, weight, estimate."""
    result = _fitted(require_library().BaconDecomposition(), frame)
    kinds = {
        "exposed vs never exposed": "treated_vs_never",
        "earlier vs later exposed": "earlier_vs_later",
        "later vs already exposed (not a comparison with untreated)": "later_vs_earlier",
    }
    rows = [
        {
            "comparison": name,
            "weight": float(getattr(result, f"total_weight_{key}")),
            "estimate": float(getattr(result, f"weighted_avg_{key}") or np.nan),
        }
        for name, key in kinds.items()
    ]
    return pd.DataFrame(rows)
