"""The cumulative effect: summed over the observed periods from the event to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.units import (
    at_shares,
    beyond,
    drawn,
    expected,
    mean_factor,
    named,
    percent,
)
from uploadtrends.series.grid import period_name

if TYPE_CHECKING:
    from uploadtrends.events import Block
    from uploadtrends.models.estimators.estimate import Contrast, Estimate
    from uploadtrends.models.preparation import Prepared


def summed(prepared: Prepared, estimate: Estimate, block: Block) -> tuple[Array, float]:
    """Return the linear contrast (1, k) that the cumulative effect amounts to, and its derivative.

    On the log scale the contrast is the mean of the effects weighted by what was reached.
    """
    places = places_of(prepared, block)
    effect = prepared.design.effect_rows(block.id, places)
    if prepared.choice.scale == "level":
        return effect.sum(axis=0)[None], 1.0
    start = mean_factor(prepared, estimate) * np.exp(expected(prepared, estimate, places))
    reached = start * np.exp(estimate.mean @ effect.T)
    size = float(reached.sum())
    return (reached @ effect / size)[None], size


def places_of(prepared: Prepared, block: Block) -> Array:
    """Return the used periods from the event on."""
    places = np.flatnonzero(prepared.design.used)
    return places[places >= prepared.design.onsets[block.id].touched]


def cumulative(
    prepared: Prepared,
    estimate: Estimate,
    block: Block,
    contrast: Contrast,
    brief: bool,
) -> dict[str, Any]:
    """Sum the effect over the observed periods from the event to the end; return what its row says
    beyond the last of `contrast`, which is the sum itself on the scale of the data.

    `brief` leaves out percents that would need draws.
    """
    confidence = prepared.settings.coverage
    places = places_of(prepared, block)
    effect = prepared.design.effect_rows(block.id, places)
    if prepared.choice.scale == "level":
        if brief:
            return {}
        base, base_point, beta = drawn(prepared, estimate, places, total=True)
        ends, width = (base_point.min(), base_point.max()), float(np.ptp(prepared.y))
        sizes = percent(
            (effect.sum(axis=0) @ beta)[None],
            base,
            contrast.estimate[-1:],
            base_point.sum(keepdims=True),
            confidence,
            (contrast.low[-1:], contrast.high[-1:]),
        )
        return sizes | {"extrapolated": beyond(*ends, np.zeros(1), prepared, width)}
    base, base_point, beta = drawn(prepared, estimate, places)
    factor = mean_factor(prepared, estimate)
    np.exp(np.minimum(base, 300.0, out=base), out=base)
    start = factor * base.sum(axis=0)
    change = factor * _grown(base, effect, beta) - start
    share = 100 * change / start
    start_point = factor * np.exp(base_point)
    point = (start_point * np.expm1(estimate.mean @ effect.T)).sum()
    tail = (1 - confidence) / 2
    # The mean and variance of a sum of exponentials explode with the noise: quantiles.
    low, left, median, right, high = at_shares(change, (tail, 0.158655, 0.5, 0.841345, 1 - tail))
    below = float((change < 0).mean())
    reach = (right - left) / 2
    # One component plugs its variance parameters in: its own point, as others publish.
    middle = median if estimate.weights.size > 1 else point
    return {
        **{"estimate": middle, "se": reach, "low": low, "high": high},
        # Seeded draws resolve no p below 2 / DRAWS.
        "p": max(2 * min(below, 1 - below), 2 / change.size),
        "minimum_detectable": reach * (1.959964 + 0.841621),
        "extrapolated": beyond(start_point.min(), start_point.max(), np.zeros(1), prepared),
        **{"absolute": middle, "absolute_low": low, "absolute_high": high},
        **named("relative", share, confidence, (low, high)),
    }


def _grown(base: Array, effect: Array, beta: Array) -> Array:
    """Return the sum over periods of draws `base` (p, draws) times exp(effect @ beta).

    By Horner's rule: one exponential for a run of periods in which the effect grows by the same.
    """
    steps, total = np.diff(effect, axis=0), base[-1].copy()
    with np.errstate(over="ignore"):
        for i in range(len(steps) - 1, -1, -1):
            if i == len(steps) - 1 or (steps[i] != steps[i + 1]).any():
                factor = np.exp(steps[i] @ beta)
            total *= factor
            total += base[i]
        total *= np.exp(effect[0] @ beta)
    return np.asarray(np.minimum(total, np.exp(600.0)))


def left_out(prepared: Prepared, block: Block) -> str:
    """Say over how many periods the sum is, where some are missing; else nothing."""
    design = prepared.design
    known = places_of(prepared, block).size
    after = len(design.index) - design.onsets[block.id].touched
    unit = period_name(design.index)
    said = f"the sum is over {known} of the {after} {unit}s from the event on"
    return f"{said}, {after - known} are missing" if after > known else ""
