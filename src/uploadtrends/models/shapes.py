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

KINDS = {"gradual": 0.56, "early": 0.22, "transient": 0.22}
"""Of the level of the test of the shape alone. Each kind is held against its own draws, since with
short stretches before or after the event an early or a passing effect has an F that is large by
chance far more often than that of an onset; and an onset counts only where it has the sign of the
effect.

Found (150 series of 36, 60 and 120 months, AR(.4) errors, level, slope and season fitted): falls by
3 sd that come over 6 months .26, .35, .69, where the tests that bind find .05, .11, .32, and a
two-sided test that knows the months and the errors .22, .48, .69; by 6 sd .47, .80, 1.00 (.07, .25,
.91; .67, .97, 1.00). Over 3 months .38, .31, .53 (.31, .42, .51), over 12 at 60 and 120 months .13,
.70 (.34, .77). Of steps, bends and nothing .03."""
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
