"""Which other series of a call could serve as a control, and whether they are fit for it.

A good control halves the interval of a slope; no way of inference comes near that. Offered are
series of platforms that the event does not concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import Block, EventSet
from uploadtrends.models.estimators import averaged
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.preparation import prepare
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
    "width_ratio",
    "fit",
    "reason",
)
ALPHA = 0.05


def offered(fits: Sequence[Fit]) -> pd.DataFrame:
    """Return one row a series, block and possible control (columns as `COLUMNS`)."""
    rows = [
        _one(fit, block, other)
        for fit in fits
        for block in fit.blocks
        for other in fits
        if other is not fit and other.platform != fit.platform and not _concerned(block, other)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _concerned(block: Block, fit: Fit) -> bool:
    return not fit.platform or any(event.concerns(fit.platform) for event in block.events)


def _one(fit: Fit, block: Block, other: Fit) -> dict[str, Any]:
    row: dict[str, Any] = {
        "platform": fit.platform,
        "group": fit.group,
        "event": block.id,
        "control": other.name,
        "p_parallel": np.nan,
        "p_untouched": np.nan,
        "width_ratio": np.nan,
        "fit": False,
        "reason": "",
    }
    control = other.observed.reindex(fit.observed.index)
    log = fit.scale == "log"
    if fit.scale == "counts" or control.isna().any() or (log and (control <= 0).any()):
        return row | {"reason": "it does not cover every period, or counts are modelled"}
    try:
        row["p_parallel"] = _parallel(fit, np.log(control) if log else control)
        row["p_untouched"] = _untouched(fit, block, other)
        row["width_ratio"] = _width_ratio(fit, block, control)
    except (InputError, NotEstimableError) as error:
        return row | {"reason": str(error)}
    reasons = [
        why
        for name, why in (
            ("p_parallel", "the two moved apart before the event"),
            ("p_untouched", "it changed at the event itself"),
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


def _untouched(fit: Fit, block: Block, other: Fit) -> float:
    """Return joint p of the same event's terms in the control."""
    everywhere = EventSet(replace(event, platforms=("all",)) for event in block.events)
    prepared = prepare(other.prepared.item, everywhere, fit.prepared.settings)
    design = prepared.design
    if prepared.choice.status == "refused" or not design.blocks:
        raise InputError("the event cannot be estimated in it")
    members = list(design.columns[design.blocks[0].id].values())
    return estimate(prepared).joint(np.eye(design.matrix.shape[1])[members])[1]


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
