"""Effects in units and in percent, from draws of the coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def quantiles(values: Array, confidence: float) -> Array:
    """Return (3, ...): lower end, median and upper end of draws along the last axis."""
    tail = (1 - confidence) / 2
    return at_shares(values, (tail, 0.5, 1 - tail))


def at_shares(values: Array, shares: tuple[float, ...]) -> Array:
    """Return quantiles (s, ...) of draws along the last axis, as `numpy.quantile` has them.

    The processor sorts several numbers at once, which is six times faster than looking for some.
    """
    ordered = np.sort(values, axis=-1)
    place = np.array(shares) * (values.shape[-1] - 1)
    before = place.astype(int)
    low = np.moveaxis(ordered[..., before], -1, 0)
    high = np.moveaxis(ordered[..., np.minimum(before + 1, values.shape[-1] - 1)], -1, 0)
    return np.asarray(low + (high - low) * (place - before).reshape(-1, *[1] * (low.ndim - 1)))


def relative_and_absolute(
    prepared: Prepared,
    estimate: Estimate,
    wanted: list[tuple[str, Array, int]],
    contrast: Contrast,
) -> list[dict[str, float]]:
    """Return relative (level scale) or absolute (log link) effects: quantiles of seeded draws.

    The draws' median is the estimate (their mean would grow with the noise), and their interval
    leaves out zero exactly where that of the contrast does. A slope's is its size in the first full
    period after the event.
    """
    confidence = prepared.settings.coverage
    places = np.array([place for _, _, place in wanted])
    every, points, beta = drawn(prepared, estimate, places)
    factor = mean_factor(prepared, estimate)
    changes = np.concatenate([row for _, row, _ in wanted]) @ beta
    if prepared.choice.scale == "level":
        middles = points
        known = np.array([term != "slope" for term, _, _ in wanted])
        found = _percents(changes, every, contrast, points, known, confidence)
    else:
        middles = factor * np.exp(points)
        every = np.minimum(every, 300.0)
        values = factor * (np.exp(every + np.minimum(changes, 300.0)) - np.exp(every))
        ends = quantiles(values, confidence)
        found = [
            _named("absolute", ends[:, i], (middle * np.expm1(low), middle * np.expm1(high)))
            for i, (middle, low, high) in enumerate(
                zip(middles, contrast.low, contrast.high, strict=False)
            )
        ]
    for sizes, middle in zip(found, middles, strict=True):
        sizes["extrapolated"] = beyond(middle, middle, sizes["absolute"], prepared)
    return found


def _percents(
    changes: Array,
    bases: Array,
    contrast: Contrast,
    points: Array,
    known: Array,
    confidence: float,
) -> list[dict[str, Any]]:
    """Return each change and, for those `known` and with a positive base, its percent of that."""
    whole = (bases.min(axis=1) > 0) & known & (points > 0)
    ends = np.full((3, len(points)), np.nan)
    if whole.any():
        ends[:, whole] = quantiles(100 * changes[whole] / bases[whole], confidence)
    found: list[dict[str, Any]] = []
    for i, estimate in enumerate(contrast.estimate[: len(points)]):
        sizes: dict[str, Any] = {"absolute": float(estimate)}
        limits = (contrast.low[i], contrast.high[i])
        if whole[i]:
            scaled = (100 * limits[0] / points[i], 100 * limits[1] / points[i])
            sizes |= _named("relative", ends[:, i], scaled)
            sizes["relative"] = 100 * estimate / points[i]
        elif known[i]:
            sizes |= percent(changes[i], bases[i], estimate, float(points[i]), confidence, limits)
        found.append(sizes)
    return found


def beyond(
    least: float, most: float, size: float, prepared: Prepared, width: float | None = None
) -> bool:
    """Whether a counterfactual, from its `least` to its `most`, or an effect of this size lies
    outside the data by more than a `width`, by default their own."""
    low, high = prepared.span
    width = high - low if width is None else width
    return bool(least < low - width or most > high + width or abs(size) > 2 * width)


def percent(
    change: Array,
    base: Array,
    point: float,
    base_point: float,
    confidence: float,
    ends: tuple[float, float],
) -> dict[str, float]:
    """Return the change in percent of the counterfactual, where that is surely positive."""
    if not base_point > 0 or (base <= 0).mean() > (1 - confidence) / 2:
        return {}
    kept = base > 0
    found = named(
        "relative",
        100 * change[kept] / base[kept],
        confidence,
        (100 * ends[0] / base_point, 100 * ends[1] / base_point),
    )
    return found | {"relative": 100 * point / base_point}


def named(kind: str, draws: Array, confidence: float, ends: tuple[float, ...]) -> dict[str, float]:
    """Return median and interval of draws; an end on the wrong side of zero is that of `ends`."""
    return _named(kind, quantiles(draws, confidence), ends)


def _named(kind: str, found: Array, ends: tuple[float, ...]) -> dict[str, float]:
    low, middle, high = (float(value) for value in found)
    if (low > 0) != (ends[0] > 0):
        low = ends[0]
    if (high < 0) != (ends[1] < 0):
        high = ends[1]
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
