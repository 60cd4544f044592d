"""Moving events along the calendar, and cutting windows around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.events import Event
from uploadtrends.series.grid import moment, moved
from uploadtrends.series.steps import step_of

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.events import Block


def shifted(block: Block, periods: int, freq: str) -> tuple[Event, ...]:
    """Return the block's events moved by whole periods, ids kept.

    Parameters
    ----------
    block : Block
    periods : int
        Negative: earlier.
    freq : str
        Of the series (`uploadtrends.series.grid.frequency`).
    """
    fine = (step_of(freq).seconds or 86_400) < 86_400
    found = []
    for event in block.events:
        first = moved(event.at or event.start, freq, periods)
        date: Any = first if fine and event.precision in ("day", "moment") else first.date()
        if event.precision in ("month", "year"):
            date = first.strftime("%Y-%m" if event.precision == "month" else "%Y")
        elif event.precision == "span":
            date = f"{first:%Y-%m-%d}/{moved(event.end, freq, periods):%Y-%m-%d}"
        found.append(
            Event(
                date,
                event.label,
                id=event.id,
                category=event.category,
                platforms=event.platforms,
                source="placebo",
            )
        )
    return tuple(found)


def touched(block: Block, index: pd.DatetimeIndex) -> tuple[int, int]:
    """Return the first and last period that a block's dates fall into (clipped to the index)."""
    import numpy as np

    first, last = (
        int(np.clip(index.searchsorted(moment(index, day), side="right") - 1, 0, len(index) - 1))
        for day in (block.begins, block.ends)
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
