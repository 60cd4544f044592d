"""Which other series of a call could serve as a control, and whether they are fit for it.

A good control halves the interval of a slope; no way of inference comes near that. Offered are
series of platforms that the event does not concern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.brief import p_text
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import Block, EventSet
from uploadtrends.models.estimators import averaged, families
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.preparation import Prepared, prepare
from uploadtrends.series.grid import FEWEST_PERIODS

if TYPE_CHECKING:
    from uploadtrends.models.fitting import Fit

COLUMNS = (
    "platform",
    "group",
    "event",
    "control",
    "p_parallel",
    "p_untouched",
    "own_term",
    "own_change_low",
    "own_change_high",
    "own_minimum",
    "own_share",
    "p_break",
    "width_ratio",
    "scale",
    "fit",
    "reason",
)
ALPHA = 0.05


def offered(fits: Sequence[Fit]) -> pd.DataFrame:
    """Return one row a series, block and possible control (columns as `COLUMNS`)."""
    breaks: dict[str, float] = {}
    rows = [
        _one(fit, block, other, breaks)
        for fit in fits
        for block in fit.blocks
        for other in fits
        if other is not fit and other.platform != fit.platform and not _concerned(block, other)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _concerned(block: Block, fit: Fit) -> bool:
    return not fit.platform or any(event.concerns(fit.platform) for event in block.events)


def _one(fit: Fit, block: Block, other: Fit, breaks: dict[str, float]) -> dict[str, Any]:
    """Return one row; `breaks` keeps p of each control's own break, by its name."""
    row: dict[str, Any] = {
        "platform": fit.platform,
        "group": fit.group,
        "event": block.id,
        "control": other.name,
        "p_parallel": np.nan,
        "p_untouched": np.nan,
        "own_term": "",
        "own_change_low": np.nan,
        "own_change_high": np.nan,
        "own_minimum": np.nan,
        "own_share": np.nan,
        "p_break": np.nan,
        "width_ratio": np.nan,
        "scale": "",
        "fit": False,
        "reason": "",
    }
    control = other.observed.reindex(fit.observed.index)
    log = fit.scale == "log"
    if fit.scale == "counts" or control.isna().any() or (log and (control <= 0).any()):
        return row | {"reason": "it does not cover every period, or counts are modelled"}
    try:
        row["p_parallel"] = _parallel(fit, np.log(control) if log else control)
        row |= _untouched(fit, block, other)
        if other.name not in breaks:
            breaks[other.name] = _own_break(other)
        row["p_break"] = breaks[other.name]
        row["width_ratio"] = _width_ratio(fit, block, control)
    except (InputError, NotEstimableError) as error:
        return row | {"reason": str(error)}
    reasons = [
        why
        for name, why in (
            ("p_parallel", "the two moved apart before the event"),
            ("p_untouched", "it changed at the event itself"),
            ("p_break", "it has a break of its own"),
        )
        if not row[name] > ALPHA
    ]
    if row["width_ratio"] >= 1:
        reasons.append("it makes no interval shorter")
    return row | {"fit": not reasons, "reason": "; ".join(reasons)}


def _parallel(fit: Fit, control: pd.Series) -> float:
    """Return p of a drift between the two before the first event."""
    design = fit.prepared.design
    first = min(design.onsets[block.id].touched for block in fit.blocks)
    rows = design.positions < first
    positions = design.positions[rows]
    gap = fit.prepared.y[rows] - control.to_numpy(float)[design.used][rows]
    if rows.sum() < FEWEST_PERIODS:
        raise InputError(f"fewer than {FEWEST_PERIODS} periods before the event")
    x = np.column_stack([np.ones(rows.sum()), positions - positions.mean()])
    found = averaged.fit_batch(gap, x, np.array([[0.0, 1.0]]), positions=positions)
    return float(found.p[0, 0])


def _untouched(fit: Fit, block: Block, other: Fit) -> dict[str, Any]:
    """Return joint p of the same event's terms in the control, and what of the change it may hide.

    That is of the term of which the series studied says most: the control's interval, the smallest
    change that its test finds with 80% power, and the largest share of the change studied that the
    interval holds.
    """
    everywhere = EventSet(replace(event, platforms=("all",)) for event in block.events)
    prepared = prepare(other.prepared.item, everywhere, fit.prepared.settings)
    design = prepared.design
    if prepared.choice.status == "refused" or not design.blocks:
        raise InputError("the event cannot be estimated in it")
    assert fit.estimate is not None  # noqa: S101 - a fit with blocks has one
    confidence, mine = fit.prepared.settings.confidence, fit.prepared.design.columns[block.id]
    studied = fit.estimate.contrast(np.eye(fit.prepared.design.matrix.shape[1])[[*mine.values()]])
    place = int(np.argmin(studied.p))
    members = list(design.columns[design.blocks[0].id].values())
    fitted = estimate(prepared)
    lines = np.eye(design.matrix.shape[1])[members]
    own = fitted.contrast(lines[place : place + 1], confidence)
    change = float(studied.estimate[place]) / _unit(fit.prepared)
    low, high = float(own.low[0]), float(own.high[0])
    return {
        "scale": prepared.choice.scale,
        "p_untouched": fitted.joint(lines)[1],
        "own_term": list(mine)[place],
        "own_change_low": low,
        "own_change_high": high,
        "own_minimum": float(own.minimum_detectable[0]),
        "own_share": max((high if change > 0 else low) / _unit(prepared) / change, 0.0),
    }


def _unit(prepared: Prepared) -> float:
    """Return what, about, is a change of one hundred percent on the scale of a fit."""
    return float(prepared.observed.abs().mean()) if prepared.choice.scale == "level" else 1.0


HALF = 0.5
"""A control that may have felt as much of the change studied is no more than a possible one."""


def said(row: Mapping[Any, Any]) -> str:
    """Say of a row of `offered` that is fit what the control does, and what it may hide."""

    def size(column: str) -> str:
        value = row[column]
        return f"{100 * np.expm1(value):+.0f}%" if row["scale"] == "log" else f"{value:+.3g}"

    sure = row["own_share"] < HALF
    of = "" if row["own_term"] == "level" else f" of {row['own_term']}"
    least = float(row["own_minimum"])
    seen = f"{100 * np.expm1(least):.0f}%" if row["scale"] == "log" else f"{least:.3g}"
    end = (
        "so much of an effect on both would be hidden, and no test of the control can tell."
        if sure
        else f"that holds {_much(row['own_share'])} the change studied, and so much of an effect "
        "on both would be hidden. Use it only if you know that the event did not reach it."
    )
    between = f"{size('own_change_low')} and {size('own_change_high')}"
    return (
        f"A control {'is' if sure else 'may be'} at hand for {row['platform']} {row['group']} at "
        f"{row['event']}: {row['control']}, which the event does not concern, makes its interval "
        f"{100 * (1 - row['width_ratio']):.0f}% shorter (control=; parallel before p = "
        f"{row['p_parallel']:.2f}, unchanged at the event {p_text(row['p_untouched'])}, where a "
        f"change by {seen} would have been seen with 80% power). Its own change{of} there lies "
        f"between {between}: {end}"
    )


def _much(share: float) -> str:
    return f"{share:.0%} of" if share < 1 else "all of"


def _own_break(other: Fit) -> float:
    """Return p of a step at some unknown date of the control, against draws without any.

    The largest F over all dates beside trend and season, errors averaged over families.
    """
    design = other.prepared.design
    mine = {c for terms in design.columns.values() for c in terms.values()}
    plain = [c for c in range(design.matrix.shape[1]) if c not in mine]
    x, positions, y = design.fitted[:, plain], design.positions, other.prepared.y
    dates = positions[_FROM_THE_ENDS:-_FROM_THE_ENDS]
    steps = (positions[:, None] >= dates).astype(float)
    known = averaged.machine(x, positions)
    weights = known.weights(y[None])[0]
    place = (positions - positions[0]).astype(int)
    rho = averaged.mean_correlation(weights[0], int(place[-1]) + 1)
    root = np.linalg.cholesky(rho[np.abs(np.subtract.outer(place, place))])
    drawn = np.random.default_rng(20220822).standard_normal((_DRAWS, y.size)) @ root.T
    every = np.concatenate([y[None], drawn])
    columns, own = np.hstack([x, steps]), known.weights(every)[0]
    rhos = own @ families.correlations(int(place[-1]) + 1)
    white = families.whitened_series(every, columns, rhos, place)
    k = x.shape[1]
    basis, _ = np.linalg.qr(white[..., :k])
    rest = white[..., k:] - basis @ (basis.transpose(0, 2, 1) @ white[..., k:])
    e, others = rest[..., -1], rest[..., :-1]
    size = np.maximum((others**2).sum(axis=1), 1e-12)
    largest = (np.einsum("mnc,mn->mc", others, e) ** 2 / size).max(axis=1) / (e**2).sum(axis=1)
    return float((largest >= largest[0]).mean())


_FROM_THE_ENDS = 6
_DRAWS = 199


def _width_ratio(fit: Fit, block: Block, control: pd.Series) -> float:
    """Return the width of the slope's (or first term's) interval with the control over without."""
    settings = replace(fit.prepared.settings, control=control, control_as="covariate")
    events = EventSet(event for each in fit.blocks for event in each.events)
    beside = prepare(fit.prepared.item, events, settings)
    term = "slope" if "slope" in settings.terms else settings.terms[0]
    widths = []
    for prepared, known in ((beside, None), (fit.prepared, fit.estimate)):
        line = prepared.design.term_row(block.id, term)
        found = (known or estimate(prepared)).contrast(line, settings.confidence)
        widths.append(float(found.high[0] - found.low[0]))
    return widths[0] / widths[1]
