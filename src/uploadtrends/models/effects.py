"""From coefficients to effects: terms, horizons, cumulative; in units and in percent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.events import Block
from uploadtrends.models.bends import ALPHA, LEAST_BEFORE, Untreated, overturned
from uploadtrends.models.cumulative import cumulative, left_out, summed
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.inspect.one_sided import one_sided, opened
from uploadtrends.models.terms import TERMS
from uploadtrends.models.units import relative_and_absolute, unit_of
from uploadtrends.series.grid import period_name, periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.estimators.estimate import Contrast, Estimate
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


_TEXT = (
    "platform",
    "group",
    "event",
    "label",
    "term",
    "unit",
    "method",
    "status",
    "reason",
    "depends_on",
    "starts",
    "until",
    "other_scale",
)
_MIXED = ("periods", "extrapolated")
"""Whole numbers or truth values where there are any, else NaN."""


def tabulated(rows: list[dict[str, Any]], **replaced: Array) -> pd.DataFrame:
    """Return rows as a table (columns as `COLUMNS`), some columns replaced.

    A column is not made by itself: pandas takes longer to look at forty short lists than the model
    takes to be fitted.
    """
    n = len(rows)
    numbers = [name for name in COLUMNS if name not in _TEXT and name not in _MIXED]
    block = np.array([[row[name] for row in rows] for name in numbers], dtype=float)
    columns: dict[str, Any] = dict(zip(numbers, block, strict=True)) | replaced
    text = pd.Series([row[name] for name in _TEXT for row in rows]).array
    columns |= {name: text[i * n : (i + 1) * n] for i, name in enumerate(_TEXT)}
    columns |= {name: [row[name] for row in rows] for name in _MIXED}
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


def effect_table(
    prepared: Prepared, estimate: Estimate | None, *, bends: bool = True
) -> pd.DataFrame:
    """Return one row per block and effect of one series (columns as `COLUMNS`).

    `bends` fills what depends on the untreated course; it takes two more fits.
    """
    return tabulated(effect_rows(prepared, estimate, bends=bends))


def effect_rows(
    prepared: Prepared, estimate: Estimate | None, *, bends: bool = True, brief: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of `effect_table`; `brief` leaves out percents that would need draws."""
    rows: list[dict[str, Any]] = []
    refused = prepared.choice.status == "refused" or estimate is None
    dropped = {block.id: reason for block, reason in prepared.design.dropped}
    untreated: Untreated | None = None
    beside = _other_scale(prepared) if bends and not refused else {}
    for block in prepared.blocks:
        if refused:
            rows += _empty(prepared, block, "refused", prepared.choice.reason)
        elif block.id in dropped:
            rows += _empty(prepared, block, "not estimable", dropped[block.id])
        else:
            assert estimate is not None  # noqa: S101 - told to the type checker
            untreated = untreated or (Untreated(prepared, estimate) if bends else None)
            rows += _block_rows(prepared, estimate, block, untreated, brief=brief)
            for row in rows:
                if row["event"] == block.id and row["term"] in beside.get(block.id, {}):
                    _set_beside(row, beside[block.id][row["term"]], prepared)
    return opened(rows, prepared.settings.alternative)


def _other_scale(prepared: Prepared) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of the other scale, where the data chose between two: block, then term."""
    other = prepared.other
    if other is None or other.choice.status == "refused":
        return {}
    try:
        fitted = estimate(other)
    except NotEstimableError:
        return {}
    known = [block for block in other.design.blocks if block.id in prepared.design.columns]
    untreated = Untreated(other, fitted)
    return {
        block.id: {
            row["term"]: row for row in _block_rows(other, fitted, block, untreated, brief=True)
        }
        for block in known
    }


def _set_beside(row: dict[str, Any], other: dict[str, Any], prepared: Prepared) -> None:
    """Put the other scale's answer beside a row; where they disagree it depends on the scale.

    A scale claims a change where it is significant and no bend of the untreated course undoes it.
    What a bend on either scale undoes depends on the trend, unless the data are clear about the
    scale: a course that bends by a constant share is no constant bend of the data. Beyond that they
    disagree where they claim changes of opposite sign, or where the data cannot tell the scales
    apart and only one claims a change.
    """
    row.update(
        other_scale=prepared.other.choice.scale if prepared.other else "",
        other_estimate=other["absolute"],
        other_low=other["absolute_low"],
        other_high=other["absolute_high"],
        other_p=other["p"],
    )
    level = 1 - prepared.settings.confidence
    claims = [one["p"] <= level and not one["depends_on"] for one in (row, other)]
    turned = all(claims) and row["estimate"] * other["estimate"] < 0
    undone = other["p"] <= level and other["depends_on"] and not prepared.clear
    if claims[0] and undone:
        row["depends_on"] = "trend"
    elif turned or (not prepared.decided and claims[0] != claims[1]):
        row["depends_on"] = depends_on(row["depends_on"], "scale")


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
    unit = unit_of(prepared)
    if term == "cumulative":
        return unit
    plain = prepared.choice.scale == "level"
    rate = f"{unit} a {period}".strip() if plain else "log ratio"
    return f"{rate}, per {period}" if term == "slope" else rate


def _block_rows(
    prepared: Prepared,
    estimate: Estimate,
    block: Block,
    untreated: Untreated | None,
    *,
    brief: bool = False,
) -> list[dict[str, Any]]:
    """Return the rows of a block; `brief` leaves out percents where they would need draws."""
    design, settings = prepared.design, prepared.settings
    status = prepared.choice.status
    reason = "; ".join(part for part in (prepared.choice.reason, block.reason) if part)
    first = design.onsets[block.id].first_full
    n = len(design.index)

    wanted: list[tuple[str, Array, int]] = [
        (term, design.term_row(block.id, term), first) for term in settings.terms
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

    total, size = summed(prepared, estimate, block)
    lines = np.concatenate([*(row for _, row, _ in wanted), total])
    contrast = estimate.contrast(lines, settings.coverage)
    brief &= prepared.choice.scale == "level"
    relatives: list[dict[str, Any]] = (
        [{"absolute": float(value)} for value in contrast.estimate[:-1]]
        if brief
        else relative_and_absolute(prepared, estimate, wanted, contrast)
    )
    rows = []
    frame = _frame(prepared, block, "", status, reason)
    for i, (term, _, _) in enumerate(wanted):
        row = frame | {"term": term, "unit": _unit(prepared, term)}
        row.update(
            estimate=contrast.estimate[i],
            se=contrast.se[i],
            low=contrast.low[i],
            high=contrast.high[i],
            p=one_sided(contrast.p[i], contrast.estimate[i], settings.alternative),
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
    reason = "; ".join(part for part in (reason, left_out(prepared, block)) if part)
    unit = _unit(prepared, "cumulative")
    rows.append(frame | {"term": "cumulative", "unit": unit, "reason": reason})
    rows[-1].update(cumulative(prepared, estimate, block, contrast, brief))
    total_p, size_of_it = rows[-1]["p"], rows[-1]["estimate"]
    rows[-1]["p"] = one_sided(total_p, size_of_it, settings.alternative)
    members = list(design.columns[block.id].values())
    _, joint, _ = estimate.joint(np.eye(design.matrix.shape[1])[members])
    for row in rows:
        row["p_joint"] = joint if len(members) > 1 else row["p"]
    if untreated is not None:
        _judge(rows, untreated, lines, contrast, "slope" in design.columns[block.id], size)
    unit = period_name(design.index)
    for months in beyond:
        left = n - first
        why = f"the data end {left} {unit}{'s' if left != 1 else ''} after the change"
        rows.append(_frame(prepared, block, f"effect_{months}m", "not estimable", why))
    return rows


def _judge(
    rows: list[dict[str, Any]],
    untreated: Untreated,
    lines: Array,
    contrast: Contrast,
    slope: bool,
    size: float,
) -> None:
    """Fill in what a bend of the untreated course does to each row of a block.

    `lines` holds the contrast of each row, `contrast` what is known of it; `size` turns that of the
    last one, the cumulative effect, into its unit.
    """
    at_once = {"effect_1m", *(name for name, term in TERMS.items() if term.at_once)}
    level_like = np.array([not slope or row["term"] in at_once for row in rows])
    found = untreated.bounds(lines, contrast, level_like)
    p = np.array([row["p"] for row in rows])
    undone = overturned(
        p, level_like, found.breakdown, untreated.curvature, found.p_bend, found.same_sign
    )
    if untreated.before.sum() < LEAST_BEFORE:
        undone |= (p <= ALPHA) & ~level_like
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
