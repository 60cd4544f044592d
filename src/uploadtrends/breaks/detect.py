"""The public verb: where did a series change, if at all?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.changes import Change, SeriesChanges
from uploadtrends.breaks.posterior import credible_interval
from uploadtrends.breaks.regime_fit import Regimes, calibrated_regimes
from uploadtrends.breaks.result import ChangePoints
from uploadtrends.breaks.season import PERIODS, find_season, seasonal_component
from uploadtrends.breaks.segmentation import descriptive_regimes
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.grid import FREQUENCIES, frequency, stamp
from uploadtrends.series.named import NamedSeries, named_series

MINIMUM_OBSERVED = 12
MAXIMUM_MISSING = 0.5
SHORT_REGIME = 4


def change_points(
    data: Any,
    *,
    cost: Any = "auto",
    penalty: str | float = "calibrated",
    trend: bool = True,
    confidence: float = 0.95,
    min_size: int | None = None,
    season: Literal["auto"] | bool = "auto",
    unit: str = "uploads",
    groups: str | Sequence[str] | None = None,
    platforms: str | Sequence[str] | None = None,
    seed: int = 0,
) -> ChangePoints:
    """Find when a series changed its level or course, with intervals, or find nothing.

    Parameters
    ----------
    data : pandas.Series, mapping of Series, pandas.DataFrame or Panel
        Annual to hourly; see `uploadtrends.series.grid.as_regular_series`.
    penalty : {"calibrated", "mbic", "bic", "crops"} or float
        ``"calibrated"`` holds false alarms at ``1 - confidence`` per series whether or not the
        series is autocorrelated or drifts. The others are descriptive: they say where the best
        segmentation cuts, not whether there is anything to cut. ``"crops"`` takes the
        segmentation that is optimal over the widest range of penalties (`penalty_path`).
    cost : str or object
        ``"auto"`` (straight-line regimes with AR(1) errors when calibrated, means otherwise),
        ``"mean"``, ``"mean_variance"``, ``"linear"``, ``"poisson"``, ``"negative_binomial"``,
        ``"autoregressive"``, or a cost object (of `uploadtrends.breaks.costs` or of ruptures).
    trend : bool
        Whether a straight line counts as "no change" and regimes may slope. False means: the
        series is known to have no drift; more power for level shifts.
    confidence : float
        Coverage of the date intervals, and one minus the false alarms to tolerate.
    min_size : int, optional
        Shortest regime in periods (3 by default when calibrated, else what the cost needs).
    season : "auto" or bool
        Remove a stable season (effects of months, quarters, weekdays or hours) first. ``"auto"``:
        when there are three full cycles and the season is beyond doubt (`find_season`).
    unit : str
        What to take from a panel.
    groups, platforms : iterable of str, optional
        Keep only these series.
    seed : int
        Seed of the simulated null laws; the same seed gives the same answer.

    Returns
    -------
    ChangePoints
        Dates are the first period of the new regime. A series of fewer than 12 observed periods,
        or with more than half of them missing, is refused with its reason. Gaps are bridged by
        straight lines: a change inside a long gap becomes a ramp and may be missed.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> flow = [9.0, 11, 10, 9, 11, 10, 9, 10, 4, 5, 6, 5, 4, 5, 6, 4, 5, 6]
    >>> index = pd.date_range("2021-01-01", periods=18, freq="MS")
    >>> change_points(pd.Series(flow, index)).to_frame()["date"].dt.strftime("%Y-%m").tolist()
    ['2021-09']
    """
    if not 0.5 <= confidence < 1.0:
        raise InputError(
            "confidence must lie in [0.5, 1)", column="confidence", value=confidence, fix="use 0.95"
        )
    if min_size is not None and min_size < 2:
        raise InputError("a regime needs 2 periods", column="min_size", value=min_size)
    if season not in ("auto", True, False):
        raise InputError("unknown season", column="season", value=season, fix="auto, True or False")
    if penalty == "calibrated" and not _is_auto(cost):
        raise InputError(
            "the calibrated penalty has its own cost",
            column="cost",
            value=cost,
            fix='leave cost="auto", or say penalty="mbic"',
        )
    chosen = named_series(data, unit=unit, groups=groups, platforms=platforms)
    parameters = {
        "cost": cost if isinstance(cost, str) else _cost_name(cost, penalty),
        "penalty": penalty,
        "trend": trend,
        "confidence": confidence,
        "min_size": min_size,
        "season": season,
        "unit": unit,
        "seed": seed,
    }

    fits = tuple(_one(named, {**parameters, "cost": cost}) for named in chosen)
    call = Call.of(parameters | {"cost": cost}, *chosen, function="change_points")
    return ChangePoints(fits=fits, confidence=confidence, call=call)


def _one(named: NamedSeries, settings: dict[str, Any]) -> SeriesChanges:
    platform, group, series = named.platform, named.group, named.values
    known = series.notna().to_numpy()
    refusal = _refusal(known)
    labels = {
        "platform": platform,
        "group": group,
        "cost": _cost_name(settings["cost"], settings["penalty"]),
        "penalty": str(settings["penalty"]),
    }
    name = named.name
    empty = pd.Series(dtype=float)
    if refusal:
        return SeriesChanges(
            **labels,
            observed=series,
            fitted=empty,
            changes=(),
            status="refused",
            reason=refusal,
            sentence=f"{name}: not analysed, because {refusal}.",
            p=float("nan"),
            season="none",
            autocorrelation=float("nan"),
        )
    inside = np.flatnonzero(known)
    series = series.iloc[inside[0] : inside[-1] + 1]
    known = series.notna().to_numpy()
    values = np.interp(np.arange(len(series)), np.flatnonzero(known), series[known].to_numpy())
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return SeriesChanges(
            **labels,
            observed=series,
            fitted=pd.Series(values, series.index),
            changes=(),
            status="no change",
            reason="the series never varies",
            sentence=f"{name}: no change; the series never varies.",
            p=1.0,
            season="none",
            autocorrelation=float("nan"),
        )
    removed, season = _season(values, series, settings["season"])
    counts = bool((values >= 0).all() and (series.dropna() % 1 == 0).all())
    found = _regimes(values - removed, counts, settings)
    changes = tuple(_changes(found, series, known, settings["confidence"]))
    reason = _caution(found, settings) if changes else _why_nothing(found, series)
    if missing := int((~known).sum()):
        reason = "; ".join(filter(None, (reason, f"{missing} missing periods interpolated")))
    return SeriesChanges(
        **labels,
        observed=series,
        fitted=pd.Series(found.fitted + removed, series.index),
        changes=changes,
        status="ok" if changes else "no change",
        reason=reason,
        sentence=_sentence(name, changes, found, series, settings["confidence"]),
        p=found.p,
        season=season,
        autocorrelation=found.autocorrelation,
    )


def _regimes(values: Array, counts: bool, settings: dict[str, Any]) -> Regimes:
    if settings["penalty"] == "calibrated":
        return calibrated_regimes(
            values,
            trend=settings["trend"],
            level=1.0 - settings["confidence"],
            minimum=settings["min_size"],
            seed=settings["seed"],
            counts=counts,
        )
    return descriptive_regimes(
        values,
        cost="mean" if _is_auto(settings["cost"]) else settings["cost"],
        penalty=settings["penalty"],
        minimum=settings["min_size"],
        seed=settings["seed"],
    )


def _is_auto(cost: Any) -> bool:
    return isinstance(cost, str) and cost == "auto"


def _refusal(known: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    observed = int(known.sum())
    if observed < MINIMUM_OBSERVED:
        return f"it has {observed} observed periods and {MINIMUM_OBSERVED} are needed"
    inside = np.flatnonzero(known)
    missing = 1.0 - observed / (inside[-1] - inside[0] + 1)
    if missing > MAXIMUM_MISSING:
        return f"{missing:.0%} of its periods are missing"
    return ""


def _cost_name(cost: Any, penalty: str | float) -> str:
    if _is_auto(cost):
        return "linear-ar1" if penalty == "calibrated" else "mean"
    return cost if isinstance(cost, str) else str(getattr(cost, "model", type(cost).__name__))


def _season(values: Array, series: pd.Series, wanted: str | bool) -> tuple[Array, str]:
    """Return what to subtract, and what was done in words."""
    calendar = PERIODS.get(frequency(series.index))
    if wanted is False:
        return np.zeros(len(values)), "none"
    if wanted is True:
        if calendar is None or len(values) < 2 * calendar:
            raise InputError(
                "no season can be removed from this series",
                column="season",
                value=f"{len(values)} periods",
                fix='use season="auto"',
            )
        period: int | None = calendar
    else:
        period = find_season(values - values.mean(), calendar)
    if period is None:
        return np.zeros(len(values)), "none found"
    return seasonal_component(values, period), f"effects of a {period}-period season removed"


def _changes(
    found: Regimes,
    series: pd.Series,
    known: np.ndarray[Any, np.dtype[np.bool_]],
    confidence: float,
) -> Iterator[Change]:
    index = series.index
    for i, (date, posterior) in enumerate(zip(found.positions, found.posteriors, strict=True)):
        low, high = credible_interval(posterior, confidence)
        low, high = min(low, date), max(high, date)
        # A change inside a gap could be anywhere in it: the interval covers the whole gap.
        while low > 1 and not known[low - 1]:
            low -= 1
        while not known[high] and high < len(known) - 1:
            high += 1
        places, weights = posterior
        kept = weights > 1e-4
        yield Change(
            date=index[date],
            low=index[low],
            high=index[high],
            before=float(found.fitted[date - 1]),
            after=float(found.fitted[date]),
            slope_before=found.slopes[i],
            slope_after=found.slopes[i + 1],
            position=date,
            probability=pd.Series(weights[kept], index[places[kept]]),
        )


def _caution(found: Regimes, settings: dict[str, Any]) -> str:
    bounds = (0, *found.positions, len(found.fitted))
    shortest = min(high - low for low, high in pairwise(bounds))
    if settings["penalty"] == "calibrated" or shortest >= SHORT_REGIME:
        return ""
    return (
        f"descriptive: the shortest regime has {shortest} periods; a larger min_size asks for "
        "changes that last"
    )


def _why_nothing(found: Regimes, series: pd.Series) -> str:
    if found.best is None:
        return "the penalty outweighs every segmentation"
    kind = "a constant" if found.null == "constant" else "a straight line"
    date = stamp(series.index[found.best], frequency(series.index))
    return (
        f"the best single change ({date}) is no larger than {kind} with autocorrelation "
        f"{found.autocorrelation:.2f} shows by chance (p = {found.p:.2f})"
    )


def _sentence(
    name: str,
    changes: tuple[Change, ...],
    found: Regimes,
    series: pd.Series,
    confidence: float,
) -> str:
    freq = frequency(series.index)
    if not changes:
        return f"{name}: no change found; {_why_nothing(found, series)}."
    unit = FREQUENCIES[freq]
    parts = []
    for change in changes:
        text = (
            f"{stamp(change.date, freq)} ({confidence:.0%} interval {stamp(change.low, freq)} to "
            f"{stamp(change.high, freq)}), from {change.before:.3g} to {change.after:.3g}"
        )
        if change.slope_before != change.slope_after:
            text += f" and from {change.slope_before:+.2g} to {change.slope_after:+.2g} per {unit}"
        parts.append(text)
    chance = "" if np.isnan(found.p) else f" (any change at all: p = {found.p:.2g})"
    return f"{name}: changed at {'; '.join(parts)}{chance}."
