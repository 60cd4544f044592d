"""From coefficients to effects: terms, horizons, cumulative; in units and in percent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.events import Block
from uploadtrends.models.bends import ALPHA, LEAST_BEFORE, Untreated, overturned
from uploadtrends.models.terms import TERMS
from uploadtrends.series.grid import period_name, periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.estimators.estimate import Estimate
    from uploadtrends.models.preparation import Prepared

COLUMNS = (
    "platform",
    "group",
    "event",
    "label",
    "term",
    "estimate",
    "se",
    "low",
    "high",
    "relative",
    "relative_low",
    "relative_high",
    "absolute",
    "absolute_low",
    "absolute_high",
    "p",
    "p_joint",
    "p_adjusted",
    "p_holm",
    "df",
    "unit",
    "method",
    "status",
    "reason",
    "depends_on",
    "breakdown",
    "curvature_before",
    "p_bend",
    "low_honest",
    "high_honest",
    "periods",
    "starts",
    "until",
    "extrapolated",
    "other_scale",
    "other_estimate",
    "other_low",
    "other_high",
    "other_p",
    "minimum_detectable",
)
"""Columns of an effects table; see `InterruptedTimeSeries`."""


def effect_table(
    prepared: Prepared, estimate: Estimate | None, *, bends: bool = True
) -> pd.DataFrame:
    """Return one row per block and effect of one series (columns as `COLUMNS`).

    `bends` fills what depends on the untreated course; it takes two more fits.
    """
    rows: list[dict[str, Any]] = []
    refused = prepared.choice.status == "refused" or estimate is None
    dropped = {block.id: reason for block, reason in prepared.design.dropped}
    untreated: Untreated | None = None
    for block in prepared.blocks:
        if refused:
            rows += _empty(prepared, block, "refused", prepared.choice.reason)
        elif block.id in dropped:
            rows += _empty(prepared, block, "not estimable", dropped[block.id])
        else:
            assert estimate is not None  # noqa: S101 - told to the type checker
            untreated = untreated or (Untreated(prepared, estimate) if bends else None)
            rows += _block_rows(prepared, estimate, block, untreated)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _frame(prepared: Prepared, block: Block, term: str, status: str, reason: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row.update(
        platform=prepared.item.platform,
        group=prepared.item.group,
        event=block.id,
        label=block.label,
        term=term,
        unit=_unit(prepared, term),
        method=prepared.choice.method,
        status=status,
        reason=reason,
        depends_on="",
        starts=block.start.isoformat(),
        until=prepared.until,
        extrapolated=False,
        other_scale="",
    )
    return row


def _empty(prepared: Prepared, block: Block, status: str, reason: str) -> list[dict[str, Any]]:
    return [_frame(prepared, block, term, status, reason) for term in prepared.settings.terms]


def _unit(prepared: Prepared, term: str) -> str:
    period = period_name(prepared.design.index)
    unit = prepared.settings.unit
    if term == "cumulative":
        return unit
    plain = prepared.choice.scale == "level"
    rate = f"{unit} a {period}" if plain else "log ratio"
    return f"{rate}, per {period}" if term == "slope" else rate


def _block_rows(
    prepared: Prepared, estimate: Estimate, block: Block, untreated: Untreated | None
) -> list[dict[str, Any]]:
    design, settings = prepared.design, prepared.settings
    status = prepared.choice.status
    reason = "; ".join(part for part in (prepared.choice.reason, block.reason) if part)
    first = design.onsets[block.id].first_full
    n = len(design.index)

    wanted: list[tuple[str, Array, int | None]] = [
        (term, design.term_row(block.id, term), first if term != "slope" else None)
        for term in settings.terms
    ]
    beyond = []
    shortest = 12 / periods_per_year(design.index)
    for months in settings.horizons:
        if months < 0.95 * shortest:
            continue  # shorter than a period: the row would only repeat another
        place = design.horizon(block.id, months)
        if place is None:
            beyond.append(months)
        else:
            wanted.append((f"effect_{months}m", design.effect_rows(block.id, [place]), place))
    wanted.append(("effect_end", design.effect_rows(block.id, [n - 1]), n - 1))

    contrast = estimate.contrast(np.concatenate([row for _, row, _ in wanted]), settings.confidence)
    relatives = _relative_and_absolute(prepared, estimate, wanted, contrast.estimate)
    rows = []
    for i, (term, _, _) in enumerate(wanted):
        row = _frame(prepared, block, term, status, reason)
        row.update(
            estimate=contrast.estimate[i],
            se=contrast.se[i],
            low=contrast.low[i],
            high=contrast.high[i],
            p=contrast.p[i],
            df=estimate.df,
            minimum_detectable=contrast.minimum_detectable[i],
            **relatives[i],
        )
        if prepared.choice.scale == "level":
            if "absolute" in relatives[i]:
                row["absolute_low"], row["absolute_high"] = row["low"], row["high"]
        else:
            row["relative"], row["relative_low"], row["relative_high"] = (
                100 * np.expm1(value)
                for value in (contrast.estimate[i], contrast.low[i], contrast.high[i])
            )
        rows.append(row)
    total, weights, size = _cumulative(prepared, estimate, block, status, reason)
    rows.append(total)
    members = list(design.columns[block.id].values())
    _, joint, _ = estimate.joint(np.eye(design.matrix.shape[1])[members])
    for row in rows:
        row["p_joint"] = joint if len(members) > 1 else row["p"]
    if untreated is not None:
        lines = np.concatenate([*(row for _, row, _ in wanted), weights])
        _judge(rows, untreated, lines, "slope" in design.columns[block.id], size)
    unit = period_name(design.index)
    for months in beyond:
        left = n - first
        why = f"the data end {left} {unit}{'s' if left != 1 else ''} after the change"
        rows.append(_frame(prepared, block, f"effect_{months}m", "not estimable", why))
    return rows


def _quantiles(values: Array, confidence: float) -> Array:
    tail = (1 - confidence) / 2
    return np.asarray(np.quantile(values, [tail, 1 - tail], axis=0))


def _relative_and_absolute(
    prepared: Prepared,
    estimate: Estimate,
    wanted: list[tuple[str, Array, int | None]],
    centre: Array,
) -> list[dict[str, float]]:
    """Return relative (level scale) or absolute (log link) effects; quantiles of seeded draws."""
    confidence = prepared.settings.confidence
    places = np.array([0 if place is None else place for _, _, place in wanted])
    every, point_of, beta = _drawn(prepared, estimate, places)
    factor = smearing(prepared, estimate)
    found: list[dict[str, float]] = []
    for i, (_, row, place) in enumerate(wanted):
        if place is None:
            found.append({})
            continue
        change = beta @ row[0]
        base = every[:, i]
        base_point = float(point_of[i])
        if prepared.choice.scale == "level":
            found.append(
                {
                    "absolute": float(centre[i]),
                    **_percent(change, base, centre[i], base_point, confidence),
                }
            )
        else:
            values = factor * np.exp(base) * np.expm1(change)
            point = factor * np.exp(base_point) * np.expm1(centre[i])
            found.append(_named("absolute", float(point), _quantiles(values, confidence)))
    return found


def _percent(
    change: Array, base: Array, point: float, base_point: float, confidence: float
) -> dict[str, float]:
    """Return the change in percent of the counterfactual, where that is surely positive."""
    if not base_point > 0 or (base <= 0).mean() > (1 - confidence) / 2:
        return {}
    ends = _quantiles(100 * change / np.where(base > 0, base, np.nan), confidence)
    if np.isnan(ends).any():
        ends = np.nanquantile(
            100 * change / np.where(base > 0, base, np.nan),
            [(1 - confidence) / 2, (1 + confidence) / 2],
        )
    return _named("relative", 100 * point / base_point, ends)


def _named(kind: str, point: float, ends: Array) -> dict[str, float]:
    return {kind: float(point), f"{kind}_low": float(ends[0]), f"{kind}_high": float(ends[1])}


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


def _drawn(prepared: Prepared, estimate: Estimate, places: Array) -> tuple[Array, Array, Array]:
    """Return draws (DRAWS, p) of the predictor without the events at `places`, its mean (p,), and
    the draws of the coefficients."""
    rows, offset, covariance = untreated(prepared, estimate)
    beta, _ = estimate.draws
    base = beta @ rows[places].T + offset[places]
    if covariance is not None:
        values, vectors = np.linalg.eigh(covariance[np.ix_(places, places)])
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        base = base + np.random.default_rng(20220823).standard_normal(base.shape) @ root.T
    return base, estimate.mean @ rows[places].T + offset[places], beta


def smearing(prepared: Prepared, estimate: Estimate) -> float:
    """Return the factor from exp(predictor) to the mean: Duan's (1983) on the log scale, the share
    of periods with a count for models of zeros, else 1."""
    if prepared.choice.scale != "log":
        return estimate.extra.get("mean_factor", 1.0)
    return float(np.exp(estimate.raw_residuals).mean())


def _cumulative(
    prepared: Prepared, estimate: Estimate, block: Block, status: str, reason: str
) -> tuple[dict[str, Any], Array, float]:
    """Sum the effect over the observed periods from the event to the end.

    Returns the row; the linear contrast (1, k) that it amounts to, the mean of the effects weighted
    by the counterfactual on the log scale; and the sum's derivative by that contrast.
    """
    design, confidence = prepared.design, prepared.settings.confidence
    places = np.flatnonzero(design.used)
    places = places[places >= design.onsets[block.id].touched]
    effect = design.effect_rows(block.id, places)
    row = _frame(prepared, block, "cumulative", status, reason)
    base, base_point, beta = _drawn(prepared, estimate, places)
    size = 1.0
    weights = effect.sum(axis=0)[None]
    if prepared.choice.scale == "level":
        contrast = estimate.contrast(weights, confidence)
        row.update(
            estimate=contrast.estimate[0],
            se=contrast.se[0],
            low=contrast.low[0],
            high=contrast.high[0],
            p=contrast.p[0],
            minimum_detectable=contrast.minimum_detectable[0],
            **_percent(
                beta @ effect.sum(axis=0),
                base.sum(axis=1),
                contrast.estimate[0],
                float(base_point.sum()),
                confidence,
            ),
        )
    else:
        factor = smearing(prepared, estimate)
        start = factor * np.exp(base)
        change = (start * np.expm1(beta @ effect.T)).sum(axis=1)
        start_point = factor * np.exp(base_point)
        point = float((start_point * np.expm1(estimate.mean @ effect.T)).sum())
        reached = start_point * np.exp(estimate.mean @ effect.T)
        size = float(reached.sum())
        weights = (reached @ effect / size)[None]
        low, high = _quantiles(change, confidence)
        below = float((change < 0).mean())
        row.update(
            estimate=point,
            se=float(change.std()),
            low=float(low),
            high=float(high),
            # Seeded draws resolve no p below 2 / DRAWS.
            p=float(max(2 * min(below, 1 - below), 2 / change.size)),
            minimum_detectable=float(change.std() * (1.959964 + 0.841621)),
            **_percent(change, start.sum(axis=1), point, float(start_point.sum()), confidence),
        )
    row["df"] = estimate.df
    row["absolute"], row["absolute_low"], row["absolute_high"] = (
        row["estimate"],
        row["low"],
        row["high"],
    )
    return row, weights, size


def _judge(
    rows: list[dict[str, Any]], untreated: Untreated, lines: Array, slope: bool, size: float
) -> None:
    """Fill in what a bend of the untreated course does to each row of a block.

    `lines` holds the contrast of each row; `size` turns that of the last one, the cumulative
    effect, into its unit.
    """
    found = untreated.bounds(lines)
    at_once = {"effect_1m", *(name for name, term in TERMS.items() if term.at_once)}
    level_like = [not slope or row["term"] in at_once for row in rows]
    p = np.array([row["p"] for row in rows])
    undone = overturned(
        p, np.array(level_like), found.breakdown, untreated.curvature, found.p_bend, found.same_sign
    )
    if untreated.before.sum() < LEAST_BEFORE:
        undone |= (p <= ALPHA) & ~np.array(level_like)
    factor = np.ones(len(rows))
    factor[-1] = size
    for i, row in enumerate(rows):
        row.update(
            breakdown=found.breakdown[i],
            curvature_before=untreated.curvature,
            p_bend=found.p_bend[i],
            low_honest=row["low"] - factor[i] * found.wider[i],
            high_honest=row["high"] + factor[i] * found.wider[i],
            periods=untreated.periods,
        )
        if undone[i]:
            row["depends_on"] = depends_on(row["depends_on"], "trend")


def depends_on(already: str, also: str) -> str:
    """Return what a row depends on when one more thing would overturn it."""
    return also if already in ("", also) else "both"
