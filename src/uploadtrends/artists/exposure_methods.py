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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return estimator.fit(frame, **_COLUMNS, **settings)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise NotEstimableError(f"the estimator refused these data ({error})") from error


def treated_counts(frame: pd.DataFrame) -> pd.Series:
    """Return the number of exposed rows by period relative to the exposure."""
    some = frame[(frame["g"] > 0) & (frame["t"] >= frame["g"])]
    counts: pd.Series = (some["t"] - some["g"]).value_counts()
    return counts


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


def _weighted(
    frame: pd.DataFrame, times: Array, values: Array, errors: Array, correlation: Array | None
) -> tuple[float, float]:
    """Return the mean over exposed rows from estimates by relative period."""
    counts = treated_counts(frame)
    weights = np.array([float(counts.get(int(k), 0)) if k >= 0 else 0.0 for k in times])
    weights /= weights.sum()
    if correlation is None:
        return float(weights @ values), float("nan")
    spread = weights * errors
    return float(weights @ values), float(np.sqrt(spread @ correlation @ spread))


def _grouped(effects: Any) -> dict[int, tuple[float, float]]:
    return {
        int(key): (float(row.get("effect", row.get("att"))), float(row["se"]))
        for key, row in (effects or {}).items()
    }


def imputation(frame: pd.DataFrame, leads: int) -> Estimates:
    """Impute untreated outcomes from untreated rows (Borusyak, Jaravel & Spiess 2024)."""
    library = require_library()
    result = _fitted(library.ImputationDiD(pretrends=True), frame, aggregate="all")
    times, values, errors, _ = _by_event(result)
    second = _two_stage(frame)
    known = {int(k): i for i, k in enumerate(second.times)}
    keep = np.array([int(k) in known for k in times])
    where = [known[int(k)] for k in times[keep]]
    correlation = second.correlation
    return Estimates(
        times[keep],
        values[keep],
        errors[keep],
        None if correlation is None else correlation[np.ix_(where, where)],
        (float(result.overall_att), float(result.overall_se)),
        _grouped(result.group_effects),
        _by_year(library.ImputationDiD(), frame),
        joint=_two_stage_leads(frame, leads),
    )


def two_stage(frame: pd.DataFrame, leads: int) -> Estimates:
    """Residualise by untreated rows, then regress on exposure (Gardner 2022)."""
    years = _by_year(require_library().TwoStageDiD(), frame)
    return replace(_two_stage(frame), years=years, joint=_two_stage_leads(frame, leads))


def _estimates(result: Any) -> Estimates:
    """Take event-time, overall and group effects from a fitted result of the library."""
    times, values, errors, correlation = _by_event(result)
    return Estimates(
        times,
        values,
        errors,
        correlation,
        (float(result.overall_att), float(result.overall_se)),
        _grouped(result.group_effects),
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
    times, values, errors, correlation = _by_event(result)
    return Estimates(
        times,
        values,
        errors,
        correlation,
        _weighted(frame, times, values, errors, correlation),
        _cohort_means(frame, result.cohort_effects, "effect"),
    )


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


def _cohort_means(frame: pd.DataFrame, effects: Any, name: str) -> dict[int, tuple[float, float]]:
    """Return each cohort's mean over its exposed periods; no standard error is known."""
    found: dict[int, list[float]] = {}
    for (cohort, relative), row in effects.items():
        if relative >= 0:
            found.setdefault(int(cohort), []).append(float(row[name]))
    return {cohort: (float(np.mean(values)), float("nan")) for cohort, values in found.items()}


def poisson(frame: pd.DataFrame, leads: int) -> Estimates:
    """Poisson with effects by cohort and period, in uploads (Wooldridge 2023).

    Effects come from all unexposed rows. Leads come from a second fit that takes the last `leads`
    periods before exposure for exposed ones, too, and are read against the last of them.
    """
    library = require_library()
    estimator = library.WooldridgeDiD(method="poisson", control_group="not_yet_treated")
    result = _fitted(estimator, frame)
    for kind in ("event_study", "group", "calendar"):
        result.aggregate(kind)
    times, values, covariance = _poisson_event_times(result)
    joint = _poisson_leads(frame, leads)
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
    return _rebased(times, values, covariance)


def _rebased(times: Array, values: Array, covariance: Array) -> Estimates | None:
    """Read estimates by relative period against the one before exposure."""
    base = times == -1
    if base.sum() != 1 or (times < -1).sum() < 2:
        return None
    against = (np.eye(len(times)) - base.astype(float)[None, :])[~base]
    covariance = against @ covariance @ against.T
    errors = np.sqrt(np.diag(covariance))
    return Estimates(
        times[~base],
        against @ values,
        errors,
        covariance / np.outer(errors, errors),
        (float("nan"), float("nan")),
    )


def _poisson_leads(frame: pd.DataFrame, leads: int) -> Estimates | None:
    def fit(rows: pd.DataFrame, reach: int) -> tuple[Array, Array, Array]:
        estimator = require_library().WooldridgeDiD(
            method="poisson", control_group="not_yet_treated", anticipation=reach
        )
        return _poisson_event_times(_fitted(estimator, rows))

    return _against_last(frame, leads, fit)


def _two_stage_leads(frame: pd.DataFrame, leads: int) -> Estimates | None:
    def fit(rows: pd.DataFrame, reach: int) -> tuple[Array, Array, Array]:
        estimator = require_library().TwoStageDiD(anticipation=reach)
        times, values, errors, correlation = _by_event(
            _fitted(estimator, rows, aggregate="event_study"), base=-1 - reach
        )
        if correlation is None:
            raise NotEstimableError("no covariance of the leads")
        return times, values, correlation * np.outer(errors, errors)

    return _against_last(frame, leads, fit)


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
