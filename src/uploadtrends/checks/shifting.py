"""Moving events along the calendar, and cutting windows around them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.events import Block, Event

# Pieces of a `pandas.DateOffset` that move a date by one period.
_STEP = {
    "YS": ("months", 12),
    "QS": ("months", 3),
    "MS": ("months", 1),
    "W-MON": ("days", 7),
    "D": ("days", 1),
    "h": ("hours", 1),
}


def shifted(block: Block, periods: int, freq: str) -> tuple[Event, ...]:
    """Return the block's events moved by whole periods, ids kept.

    Parameters
    ----------
    block : Block
    periods : int
        Negative: earlier.
    freq : str
        Of the series: YS, QS, MS, W-MON or D.

    Raises
    ------
    InputError
        If the frequency is not one of these.
    """
    import pandas as pd

    from uploadtrends.events import Event

    if freq not in _STEP:
        raise InputError(
            "events cannot be moved along this calendar",
            value=freq,
            fix="use annual, quarterly, monthly, weekly or daily data",
        )
    unit, size = _STEP[freq]
    offset = pd.DateOffset(**{unit: size * periods})  # type: ignore[arg-type]
    moved = []
    for event in block.events:
        date: dt.date = (pd.Timestamp(event.start) + offset).date()
        text = date.isoformat() if event.precision == "day" else f"{date:%Y-%m}"
        moved.append(
            Event(
                text,
                event.label,
                id=event.id,
                category=event.category,
                platforms=event.platforms,
                source="placebo",
            )
        )
    return tuple(moved)


def touched(block: Block, index: pd.DatetimeIndex) -> tuple[int, int]:
    """Return the first and last period that a block's dates fall into (clipped to the index)."""
    import numpy as np
    import pandas as pd

    first, last = (
        int(np.clip(index.searchsorted(pd.Timestamp(day), side="right") - 1, 0, len(index) - 1))
        for day in (block.start, block.end)
    )
    return first, last


def block_of(fit: Any, event: str) -> Block | None:
    """Return the block of a fit with that id."""
    return next((block for block in fit.blocks if block.id == event), None)


def fit_of(result: Any, platform: str, group: str) -> Any:
    """Return the fit of one series.

    Raises
    ------
    InputError
        If the result has none.
    """
    for fit in result.fits:
        if fit.platform == platform and fit.group == group:
            return fit
    raise InputError("the result has no such series", value={"platform": platform, "group": group})
