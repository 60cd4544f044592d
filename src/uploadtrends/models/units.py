"""Effects in units and in percent, from draws of the coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uploadtrends.arrays import Array

if TYPE_CHECKING:
    from uploadtrends.models.estimators.estimate import Contrast, Estimate
    from uploadtrends.models.preparation import Prepared


def unit_of(prepared: Prepared) -> str:
    """Return what is counted; empty for a series of which nobody said it."""
    known, asked = prepared.item.values.attrs.get("unit"), prepared.settings.unit
    if known:
        return "" if str(known).startswith("unstated") else str(known)
    return "" if asked == "uploads" and not prepared.item.platform else asked


def at_shares(draws: Array, shares: tuple[float, ...]) -> Array:
    """Return quantiles (s, ...) along the last axis, as `numpy.quantile` has them, of draws that
    are sorted in place.

    The processor sorts several numbers at once, which is six times faster than looking for some.
    """
    draws.sort(axis=-1)
    place = np.array(shares) * (draws.shape[-1] - 1)
    before = place.astype(int)
    low = np.moveaxis(draws[..., before], -1, 0)
    high = np.moveaxis(draws[..., np.minimum(before + 1, draws.shape[-1] - 1)], -1, 0)
    return np.asarray(low + (high - low) * (place - before).reshape(-1, *[1] * (low.ndim - 1)))


def relative_and_absolute(
    prepared: Prepared,
    estimate: Estimate,
    wanted: Sequence[tuple[str, Array, int]],
    contrast: Contrast,
) -> dict[str, Array]:
    """Return columns of relative (level scale) or absolute (log link) effects: quantiles of seeded
    draws, NaN where there is no percent; and whether each lies `beyond` the data.

    The draws' median is the estimate (their mean would grow with the noise), and their interval
    leaves out zero exactly where that of the contrast does. A slope's is its size in the first full
    period after the event.
    """
    confidence, many = prepared.settings.coverage, len(wanted)
    lines = np.concatenate([row for _, row, _ in wanted])
    every, points, beta = drawn(prepared, estimate, np.array([place for *_, place in wanted]))
    if prepared.choice.scale == "level":
        known = np.flatnonzero([term != "slope" for term, *_ in wanted])
        found = _percents(lines[known] @ beta, every[known], contrast, points, known, confidence)
        return found | {"extrapolated": beyond(points, points, contrast.estimate[:many], prepared)}
    factor = mean_factor(prepared, estimate)
    middles = factor * np.exp(points)
    changes = lines @ beta
    np.minimum(every, 300.0, out=every)
    np.minimum(changes, 300.0, out=changes)
    changes += every
    np.exp(changes, out=changes)
    changes -= np.exp(every, out=every)
    changes *= factor
    ends = (middles * np.expm1(end[:many]) for end in (contrast.low, contrast.high))
    found = named("absolute", changes, confidence, tuple(ends))
    return found | {"extrapolated": beyond(middles, middles, found["absolute"], prepared)}


def _percents(
    changes: Array,
    bases: Array,
    contrast: Contrast,
    points: Array,
    known: Array,
    confidence: float,
) -> dict[str, Array]:
    """Return the percents of the `known` of all rows, where a positive base is sure, from their
    draws."""
    found = {f"relative{end}": np.full(len(points), np.nan) for end in ("", "_low", "_high")}
    whole = (bases.min(axis=1) > 0) & (points[known] > 0)
    some = [slice(None)] if whole.all() else [slice(i, i + 1) for i in range(len(known))]
    for part in some:
        rows = known[part]
        middle, low, high = (values[rows] for values in contrast[:1] + contrast[2:4])
        sizes = percent(changes[part], bases[part], middle, points[rows], confidence, (low, high))
        for name, values in sizes.items():
            found[name][rows] = values
    return found


def beyond(
    least: Array, most: Array, size: Array, prepared: Prepared, width: float | None = None
) -> Array:
    """Whether counterfactuals, from their `least` to their `most`, or effects of this size lie
    outside the data by more than a `width`, by default their own."""
    low, high = prepared.span
    width = high - low if width is None else width
    return np.asarray((least < low - width) | (most > high + width) | (np.abs(size) > 2 * width))


def percent(
    change: Array,
    base: Array,
    point: Array,
    base_point: Array,
    confidence: float,
    ends: tuple[Array, Array],
) -> dict[str, Array]:
    """Return changes (r, draws) in percent of their counterfactuals, where those are surely
    positive: in every draw, or for one change in nearly every."""
    kept = base > 0
    if not (base_point > 0).all() or (~kept).mean() > (1 - confidence) / 2:
        return {}
    if not kept.all():
        change, base = change[kept][None], base[kept][None]
    change = np.divide(change, base)
    change *= 100
    limits = tuple(100 * end / base_point for end in ends)
    return named("relative", change, confidence, limits) | {"relative": 100 * point / base_point}


def named(kind: str, draws: Array, confidence: float, ends: tuple[Array, ...]) -> dict[str, Array]:
    """Return median and interval of draws, which are sorted; an end on the wrong side of zero is
    that of `ends`."""
    tail = (1 - confidence) / 2
    low, middle, high = at_shares(draws, (tail, 0.5, 1 - tail))
    low = np.where((low > 0) != (ends[0] > 0), ends[0], low)
    high = np.where((high < 0) != (ends[1] < 0), ends[1], high)
    return {kind: middle, f"{kind}_low": low, f"{kind}_high": high}


def baseline(prepared: Prepared, estimate: Estimate) -> Array:
    """Return (N,) what is added to the design's own prediction: offset, and a level's path."""
    if estimate.wander is None:
        return prepared.offset
    start, slope, _ = estimate.wander.over(_lead(prepared), len(prepared.offset))
    return np.asarray(prepared.offset + start - slope @ estimate.mean)


def untreated(prepared: Prepared, estimate: Estimate) -> tuple[Array, Array, Array | None]:
    """Return the law of the predictor without the events: rows (N, k) of the coefficients, what is
    added to them (N,), and the covariance (N, N) of a wandering level's own noise, if it has one.
    """
    rows, offset = prepared.design.counterfactual, prepared.offset
    if estimate.wander is None:
        return rows, offset, None
    start, slope, covariance = estimate.wander.over(_lead(prepared), len(offset))
    return rows - slope, offset + start, covariance


def _lead(prepared: Prepared) -> int:
    return int(np.flatnonzero(prepared.design.used)[0])


def drawn(
    prepared: Prepared, estimate: Estimate, places: Array, *, total: bool = False
) -> tuple[Array, Array, Array]:
    """Return draws (p, DRAWS) of the predictor without the events at `places`, its mean (p,), and
    the draws of the coefficients (k, DRAWS); `total` sums the draws over places (1, DRAWS)."""
    rows, offset, covariance = untreated(prepared, estimate)
    beta = estimate.draws[0].T

    def added(values: Array) -> Array:
        return values.sum(axis=0, keepdims=True) if total else values

    base = added(rows[places]) @ beta
    base += added(offset[places][:, None])
    if covariance is not None:
        values, vectors = np.linalg.eigh(covariance[np.ix_(places, places)])
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        noise = np.random.default_rng(20220823).standard_normal((base.shape[1], places.size))
        base += added(root) @ noise.T
    return base, expected(prepared, estimate, places), beta


def expected(prepared: Prepared, estimate: Estimate, places: Array) -> Array:
    """Return the mean of the predictor without the events at `places` (p,)."""
    rows, offset, _ = untreated(prepared, estimate)
    return np.asarray(estimate.mean @ rows[places].T + offset[places])


def mean_factor(prepared: Prepared, estimate: Estimate) -> float:
    """Return the share of periods with a count for models of zeros, else 1.

    On the log scale nothing is added for the noise: numbers back in units are medians.
    """
    return 1.0 if prepared.choice.scale == "log" else estimate.extra.get("mean_factor", 1.0)
