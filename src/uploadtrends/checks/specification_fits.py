"""Fit many specifications to one series and to draws of its null, in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from uploadtrends.arrays import Array
from uploadtrends.checks.nulls import fit_null
from uploadtrends.checks.working import contrast_row
from uploadtrends.errors import InputError
from uploadtrends.models.estimators import averaged
from uploadtrends.models.estimators.linear import hac_lags
from uploadtrends.models.estimators.mixture import t_cdf
from uploadtrends.models.estimators.reml import (
    PHI_GRID,
    conditional,
    contrast_components,
    fit_batch,
)
from uploadtrends.models.preparation import prepare
from uploadtrends.result import fingerprint
from uploadtrends.series.grid import FEWEST_PERIODS
from uploadtrends.series.named import NamedSeries

if TYPE_CHECKING:
    from uploadtrends.events import EventSet
    from uploadtrends.models.preparation import Prepared
    from uploadtrends.models.settings import Settings

Cell = tuple[str, str]  # unit, seniority rule
SUMMED = ("uploads", "fractional_uploads", "media", "entrants")


@dataclass(frozen=True)
class Specification:
    """One way to analyse a series; every field is a choice somebody could defend."""

    unit: str
    seniority: str
    period: str
    window: str
    scale: str
    terms: tuple[str, ...]
    season: str
    boundary: str
    method: str

    def settings(self, settings: Settings) -> Settings:
        """Return the model's settings under this specification."""
        return replace(
            settings,
            method=self.method,
            scale=self.scale,
            terms=self.terms,
            season=self.season,
            boundary=self.boundary,
        )

    def to_dict(self) -> dict[str, str]:
        """Return the choices as text, one column each."""
        return {
            "unit": self.unit,
            "seniority": self.seniority,
            "period": self.period,
            "window": self.window,
            "scale": self.scale,
            "terms": " + ".join(self.terms),
            "season": self.season,
            "boundary": self.boundary,
            "method": self.method,
        }


@dataclass(frozen=True)
class Curve:
    """All specifications of one series. Axes: specification (s), event (e), draw (b)."""

    events: tuple[str, ...]
    effect: Array
    """(s, e) log ratio; NaN where not estimable."""
    low: Array
    high: Array
    p: Array
    z: Array
    """(s, e) signed normal deviate of p."""
    null_effect: Array
    """(b, s, e) the same in draws without effect."""
    null_z: Array
    n: Array
    """(s,) periods used."""


def fit_specifications(
    platform: str,
    group: str,
    cells: Mapping[Cell, pd.Series],
    specifications: Sequence[Specification],
    events: EventSet,
    settings: Settings,
    names: Sequence[str],
    term: str,
    n_draws: int,
    seed: int,
) -> Curve:
    """Fit every specification to one platform and group, each distinct regression once.

    Choices that lead to the same response and design (a window longer than the data, a boundary
    inside a washout) are one specification, whatever they are called.

    Parameters
    ----------
    cells : mapping of (unit, seniority) to Series
        The series as each unit and seniority rule gives it, on the finest period.
    names : sequence of str
        Block ids, in the order of the answer.
    term : str
        Of the effects table.
    n_draws, seed : int
        Draws of the joint null of all cells, and their seed.
    """
    drawn = _null_draws(platform, group, cells, events, settings, n_draws, seed)
    seen: set[str] = set()
    shape = (len(specifications), len(names))
    answer = {key: np.full(shape, np.nan) for key in ("effect", "low", "high", "p", "z")}
    null = {key: np.full((n_draws, *shape), np.nan) for key in ("effect", "z")}
    used = np.zeros(len(specifications))
    stretches: dict[tuple[Cell, str, str], _Stretch] = {}
    asked: set[Specification] = set()
    for s, spec in enumerate(specifications):
        key = (spec.unit, spec.seniority)
        if key not in cells:
            continue
        at = (key, spec.period, spec.window)
        if at not in stretches:
            stretches[at] = _stretch(cells[key], drawn[key], spec, events)
        stretch = stretches[at]
        if len(stretch.index) < FEWEST_PERIODS:
            continue
        # A window longer than the data is the data: nothing new is asked.
        question = replace(spec, window=f"{len(stretch.index)} from {stretch.index[0]}")
        if question in asked:
            continue
        asked.add(question)
        fitted = _fit_one(platform, group, stretch, spec, events, settings, term, seen)
        if fitted is None:
            continue
        used[s] = fitted["n"]
        for e, name in enumerate(names):
            if name not in fitted["blocks"]:
                continue
            c = fitted["blocks"].index(name)
            for part in answer:
                answer[part][s, e] = fitted[part][0, c]
            null["effect"][:, s, e] = fitted["effect"][1:, c]
            null["z"][:, s, e] = fitted["z"][1:, c]
    return Curve(tuple(names), **answer, null_effect=null["effect"], null_z=null["z"], n=used)


def _null_draws(
    platform: str,
    group: str,
    cells: Mapping[Cell, pd.Series],
    events: EventSet,
    settings: Settings,
    n_draws: int,
    seed: int,
) -> dict[Cell, Array]:
    """Draw every cell's series without event effects, jointly; (n_draws, n) each."""
    if not n_draws:
        return {key: np.empty((0, len(series))) for key, series in cells.items()}
    positive = all((series.dropna() > 0).all() for series in cells.values())
    base = replace(settings, method="reml-ar1", scale="log" if positive else "level")
    prepared = {
        key: prepare(NamedSeries(platform, group, series), events, base)
        for key, series in cells.items()
    }
    grid = next(iter(cells.values())).index
    for series in cells.values():
        grid = grid.union(series.index)
    outcomes = np.full((len(cells), len(grid)), np.nan)
    designs, places = [], []
    for j, one in enumerate(prepared.values()):
        place = grid.get_indexer(one.observed.index)
        outcomes[j, place[one.design.used]] = one.y
        wide = np.zeros((len(grid), one.design.matrix.shape[1]))
        wide[place] = one.design.matrix
        designs.append(wide)
        places.append(place)
    null = fit_null(outcomes, designs)
    noise = null.noise(n_draws, seed)
    drawn = {}
    for j, (key, one) in enumerate(prepared.items()):
        mean = one.design.counterfactual @ null.coefficients[j] + one.offset
        values = mean + noise[:, j, places[j]]
        values = np.exp(values) if positive else values
        drawn[key] = np.where(np.isnan(one.observed.to_numpy(dtype=float)), np.nan, values)
    return drawn


@dataclass(frozen=True)
class _Stretch:
    """The periods of a cell in one window: the series (row 0) and its null draws (the others)."""

    index: pd.DatetimeIndex
    values: Array


def _stretch(series: pd.Series, drawn: Array, spec: Specification, events: EventSet) -> _Stretch:
    """Return what a specification's period and window leave of a cell."""
    values = np.concatenate([series.to_numpy(dtype=float)[None], drawn])
    index = pd.DatetimeIndex(series.index)
    if spec.period == "quarter":
        index, values = _by_quarter(index, values, spec.unit in SUMMED)
    keep = _inside(index, events, spec.window)
    return _Stretch(index[keep], values[:, keep])


def _fit_one(
    platform: str,
    group: str,
    stretch: _Stretch,
    spec: Specification,
    events: EventSet,
    settings: Settings,
    term: str,
    seen: set[str],
) -> dict[str, Any] | None:
    """Fit one specification to a series and its null draws.

    None if it cannot be fitted, or is among those seen already.
    """
    values = stretch.values
    part = pd.Series(values[0], index=stretch.index)
    try:
        prepared = prepare(NamedSeries(platform, group, part), events, spec.settings(settings))
    except InputError:
        return None
    blocks = tuple(block.id for block in prepared.design.blocks)
    lines = {block: contrast_row(prepared.design, block, term) for block in blocks}
    found = {block: line for block, line in lines.items() if line is not None}
    if prepared.choice.status == "refused" or not found:
        return None
    used = prepared.design.used
    if spec.scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            outcomes = np.log(values[:, used]) - prepared.offset[used]
    else:
        outcomes = values[:, used] - prepared.offset[used]
    if not np.isfinite(outcomes).all():
        return None
    parts = (outcomes[0], prepared.design.fitted, *found.values())
    digest = fingerprint(spec.method, spec.scale, *(np.ascontiguousarray(part) for part in parts))
    if digest in seen:
        return None
    seen.add(digest)
    answer = _estimates(outcomes, prepared, found, spec)
    return {**answer, "blocks": list(found), "n": int(used.sum())}


def _estimates(
    outcomes: Array, prepared: Prepared, lines: Mapping[str, Array], spec: Specification
) -> dict[str, Array]:
    """Return effect (log ratio), interval, p and z; axes draw, block. Intervals: first row only."""
    design = prepared.design
    x, positions = design.fitted, design.positions
    # Under each effect's row its counterfactual level, to turn differences into ratios.
    levels = [design.counterfactual[[design.onsets[block].first_full]] for block in lines]
    contrasts = np.concatenate([*lines.values(), *levels])
    count = len(lines)
    fit = {"ols-hac": ols_hac_batch, "reml-ar1": reml_batch}.get(spec.method, averaged_batch)
    estimate, low, high, p = fit(outcomes, x, contrasts, positions, count)
    effect = estimate[:, :count]
    if spec.scale == "level":
        with np.errstate(divide="ignore", invalid="ignore"):
            level = estimate[:, count:]
            level = np.where(level > 0, level, np.nan)
            effect = np.log1p(np.maximum(effect / level, -0.999))
            low, high = (np.log1p(np.maximum(end / level[:1], -0.999)) for end in (low, high))
    p = np.clip(p, 1e-300, 1.0)
    z = np.sign(estimate[:, :count]) * -ndtri(p / 2)
    return {"effect": effect, "low": low, "high": high, "p": p, "z": z}


def averaged_batch(
    outcomes: Array, x: Array, contrasts: Array, positions: Array, count: int
) -> tuple[Array, Array, Array, Array]:
    """Return estimates (m, c), intervals of the first row (1, count) and p-values (m, count)."""
    first = averaged.fit_batch(outcomes[:1], x, contrasts[:count], positions=positions)
    known = averaged.machine(x, positions)
    weights, centres, scales, _ = averaged.components(known, outcomes, contrasts)
    weights = weights[:, None, :]
    estimate = (weights * centres).sum(axis=-1)
    below = (weights * t_cdf(-centres[:, :count] / scales[:, :count], known.df)).sum(axis=-1)
    return estimate, first.low, first.high, 2 * np.minimum(below, 1 - below)


def reml_batch(
    outcomes: Array, x: Array, contrasts: Array, positions: Array, count: int
) -> tuple[Array, Array, Array, Array]:
    """Return estimates (m, c), intervals of the first row (1, count) and p-values (m, count)."""
    first = fit_batch(outcomes[:1], x, contrasts[:count], positions=positions)
    # Every other point of the grid: the p-values of draws need no more.
    fit = conditional(outcomes, x, positions, PHI_GRID[::2])
    centres, scales = contrast_components(fit, contrasts)
    weights = fit.weights[:, None, :]
    estimate = (weights * centres).sum(axis=-1)
    standard = -centres[:, :count] / scales[:, :count]
    below = (weights * t_cdf(standard, fit.df)).sum(axis=-1)
    p = 2 * np.minimum(below, 1 - below)
    return estimate, first.low, first.high, p


def ols_hac_batch(
    outcomes: Array, x: Array, contrasts: Array, positions: Array, count: int
) -> tuple[Array, Array, Array, Array]:
    """Least squares with Newey-West errors for many outcomes on one design.

    Only the contrasts' variances are formed: with a = X (X'X)^-1 c, the sandwich of c'b is a
    weighted sum of autocovariances of a_t e_t (Newey & West 1987), times n / (n - k).
    Returns as `reml_batch`.
    """
    n, k = x.shape
    orthonormal, triangle = np.linalg.qr(x)
    influence = orthonormal @ np.linalg.solve(triangle.T, contrasts.T)
    estimate = outcomes @ influence
    residuals = outcomes - (outcomes @ orthonormal) @ orthonormal.T
    at = (positions - positions[0]).astype(int)
    scores = np.zeros((len(outcomes), count, at[-1] + 1))
    scores[:, :, at] = residuals[:, None, :] * influence[:, :count].T[None]
    variance = (scores**2).sum(axis=-1)
    lags = hac_lags(n)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * (scores[..., lag:] * scores[..., :-lag]).sum(axis=-1)
    se = np.sqrt(np.maximum(variance, np.finfo(float).tiny) * n / (n - k))
    p = 2 * stdtr(n - k, -np.abs(estimate[:, :count]) / se)
    reach = stdtrit(n - k, 0.975) * se[:1]
    return estimate, estimate[:1, :count] - reach, estimate[:1, :count] + reach, p


def _by_quarter(index: Any, values: Array, summed: bool) -> tuple[Any, Array]:
    """Add up (or average) the months of each quarter that is wholly there."""
    starts = np.flatnonzero(index.month.isin((1, 4, 7, 10)))
    starts = starts[starts + 2 < len(index)]
    if not len(starts):
        return index[:0], values[:, :0]
    months = values[:, starts[:, None] + np.arange(3)]
    quarters = months.sum(axis=-1) if summed else months.mean(axis=-1)
    return pd.date_range(index[starts[0]], periods=len(starts), freq="QS"), quarters


def _inside(index: Any, events: EventSet, window: str) -> NDArray[np.bool_]:
    """Return the periods within so many months of the first and the last event."""
    if window == "all":
        return np.ones(len(index), dtype=bool)
    months = pd.DateOffset(months=int(window.split()[0]))
    first = pd.Timestamp(min(event.start for event in events)) - months
    last = pd.Timestamp(max(event.end for event in events)) + months
    inside: NDArray[np.bool_] = np.asarray((index >= first) & (index <= last))
    return inside
