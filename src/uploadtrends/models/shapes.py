"""Shapes that an effect may have instead of a step: gradual, early, transient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.series.grid import periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.onset import Onset
    from uploadtrends.models.preparation import Prepared

MONTHS = (3, 6, 12)
_LEAST_BEFORE, _LEAST_AFTER = 6, 4


@dataclass(frozen=True)
class Shape:
    """One other shape of one block's level change."""

    block: str
    kind: str
    """``"gradual"``, ``"early"`` or ``"transient"``."""
    periods: int
    column: Array
    """(N,)"""

    def how(self, unit: str) -> str:
        """Say the shape and how to fit it."""
        span = f"{self.periods} {unit}s"
        return {
            "gradual": f"an onset over {span} (onset_periods={self.periods})",
            "early": f"a change {span} before the event (date it there, or leave them out)",
            "transient": f"a change that lasts {span} (terms with pulse, "
            f"pulse_periods={self.periods})",
        }[self.kind]


def shapes(prepared: Prepared) -> tuple[Shape, ...]:
    """Return the shapes worth trying beside each block's own level change."""
    design, settings = prepared.design, prepared.settings
    if "level" not in settings.terms:
        return ()
    per_month = periods_per_year(design.index) / 12
    spans = sorted({max(2, round(months * per_month)) for months in MONTHS})
    found = []
    for block in design.blocks:
        for span in spans:
            for kind, column in _columns(design.onsets[block.id], span, len(design.index)):
                if kind == "gradual" and span == settings.onset_periods:
                    continue
                if kind == "transient" and "pulse" in settings.terms:
                    continue
                if _adds(column[design.used], design.fitted):
                    found.append(Shape(block.id, kind, span, column))
    return tuple(found)


def _columns(onset: Onset, span: int, n: int) -> list[tuple[str, Array]]:
    found = []
    if n - onset.first_full >= span + _LEAST_AFTER:
        found.append(("gradual", np.minimum(np.cumsum(onset.step) / span, 1.0)))
        later = np.concatenate([np.zeros(span), onset.step[:-span]])
        found.append(("transient", onset.step - later))
    if onset.touched - span >= _LEAST_BEFORE:
        found.append(("early", np.concatenate([onset.step[span:], np.ones(span)])))
    return found


def _adds(column: Array, x: Array) -> bool:
    """Tell whether a column is not in the span of the design."""
    basis, _ = np.linalg.qr(x)
    left = column - basis @ (basis.T @ column)
    return bool(left @ left > 1e-6 * (column @ column))
