"""Events that stand too close together for the data to tell apart become one block."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.errors import InputError
from uploadtrends.events.event import Event, as_events

if TYPE_CHECKING:
    import pandas as pd

Float = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Block:
    """One event, or several that have no estimate of their own.

    Parameters
    ----------
    events : tuple of Event
        In order of date.
    reason : str
        Why they were merged, and a caution where neighbouring blocks blur this one; else empty.
    """

    events: tuple[Event, ...]
    reason: str = ""

    @property
    def start(self) -> dt.date:
        """The first day on which a member may have happened."""
        return min(event.start for event in self.events)

    @property
    def end(self) -> dt.date:
        """The last day on which a member may have happened."""
        return max(event.end for event in self.events)

    @property
    def begins(self) -> dt.date:
        """The first day, or the time of day of the first event where that is known."""
        first = self.events[0]
        return first.at or self.start

    @property
    def ends(self) -> dt.date:
        """The last day, or the time of day of the last event where that is known."""
        last = max(self.events, key=lambda event: event.end)
        return last.at or self.end

    @property
    def id(self) -> str:
        """The members' ids, joined by ``+``."""
        return "+".join(event.id for event in self.events)

    @property
    def label(self) -> str:
        """The event's label (labels, on one day), or the block's span and size."""
        if not self.crowded:
            return "; ".join(dict.fromkeys(event.label for event in self.events))
        return f"block {self.start:%Y-%m} to {self.end:%Y-%m} ({len(self.events)} events)"

    @property
    def crowded(self) -> bool:
        """Whether this block has events of more than one date."""
        return len({event.date for event in self.events}) > 1


def blocks(
    events: Any,
    index: pd.DatetimeIndex,
    *,
    slope: bool = True,
    phi: float = 0.4,
    max_inflation: float = 2.0,
    window_months: float = 6.0,
) -> tuple[Block, ...]:
    """Merge events that the design cannot tell apart.

    Events whose dates lie within `window_months` of each other are grouped by complete linkage, so
    that no block spans more than that and a chain of events does not become one block. What the
    joint design costs is measured by the standard error of a level change fitted jointly over
    fitted alone, at common error variance and AR(1) parameter `phi`: it depends on the design
    only. A block that still exceeds `max_inflation` because of its neighbours says so in `reason`.

    Parameters
    ----------
    events : anything `as_events` takes
    index : pandas.DatetimeIndex
        Of a series, n periods; without a frequency it is read as that of a series is.
    slope : bool
        Whether the model has a slope change per event as well as a level change.
    phi : float
        AR(1) parameter at which the inflation is computed.

    Returns
    -------
    tuple of Block
        Every event is in exactly one block; blocks are in order of date.

    See Also
    --------
    interrupted_time_series : Merges crowded events by this rule (``merge=False`` does not).

    Examples
    --------
    >>> import pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2018-01-01", periods=72, freq="MS")
    >>> found = ut.blocks(ut.as_events(["2022-08-22", "2022-09-15"]), index)
    >>> [block.crowded for block in found]
    [True]
    """
    chosen = list(as_events(events))
    if not chosen:
        return ()
    if getattr(index, "freq", None) is None:
        import pandas as pd

        from uploadtrends.series.grid import as_regular_series

        index = pd.DatetimeIndex(as_regular_series(pd.Series(0.0, index)).index)
    if not 0.0 <= phi < 1.0:
        raise InputError(
            "phi must lie in [0, 1)", column="phi", value=phi, fix="use 0.4, or a fitted value"
        )
    span = window_months * 365.25 / 12
    # What happened on one day is one date with one number, however the rest is grouped.
    dated = same_date(chosen)
    if len(dated) < len(chosen):
        found = blocks(
            [group[0] for group in dated],
            index,
            slope=slope,
            phi=phi,
            max_inflation=max_inflation,
            window_months=window_months,
        )
        members = {group[0]: group for group in dated}
        return tuple(_expanded(block, members) for block in found)
    ratio = inflation(chosen, index, slope=slope, phi=phi)
    groups: list[list[int]] = [[i] for i in range(len(chosen))]

    def reach(a: Sequence[int], b: Sequence[int]) -> float:
        members = [chosen[i] for i in (*a, *b)]
        return float((max(e.start for e in members) - min(e.start for e in members)).days)

    while len(groups) > 1:
        # Groups are ordered in time, so complete linkage only ever joins neighbours.
        gaps = [reach(groups[g], groups[g + 1]) for g in range(len(groups) - 1)]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] > span:
            break
        groups[nearest : nearest + 2] = [groups[nearest] + groups[nearest + 1]]
    left = inflation([chosen[group[-1]] for group in groups], index, slope=slope, phi=phi)
    return tuple(
        Block(
            tuple(chosen[i] for i in group),
            _reason(reach(group, group), ratio[group], float(blurred), max_inflation),
        )
        for group, blurred in zip(groups, left, strict=True)
    )


def same_date(events: Sequence[Event]) -> list[tuple[Event, ...]]:
    """Return the events in order of date, those of one and the same date together."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.date, []).append(event)
    return [tuple(group) for group in groups.values()]


def one_date(events: tuple[Event, ...]) -> Block:
    """Return the block of events of one date."""
    reason = f"{len(events)} events on one date have one number together"
    return Block(events, reason if len(events) > 1 else "")


def _expanded(block: Block, members: dict[Event, tuple[Event, ...]]) -> Block:
    """Put back the events that share their date with a member."""
    events = tuple(event for first in block.events for event in members[first])
    alone = one_date(events).reason if not block.crowded else ""
    return Block(events, "; ".join(part for part in (alone, block.reason) if part))


def _reason(span: float, members: Float, blurred: float, limit: float) -> str:
    parts = []
    if len(members) > 1:
        known = members[~np.isnan(members)]
        grows = (
            f": fitted jointly, the standard error of a level change grows {_times(known.max())}"
            if known.size
            else ""
        )
        parts.append(
            f"{len(members)} events within {span:.0f} days{grows}; the block has one effect and "
            "no member has an estimate of its own"
        )
    if blurred > limit:
        parts.append(
            f"neighbouring events make the standard error of its level change {_times(blurred)} "
            "as large as alone"
        )
    return "; ".join(parts)


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 1000 else "without bound"


def inflation(
    events: Sequence[Event], index: pd.DatetimeIndex, *, slope: bool = True, phi: float = 0.4
) -> Float:
    """Return SE(joint) / SE(alone) of each event's level change, shape (number of events,).

    Generalised least squares at known AR(1) parameter; inf where the joint design is singular,
    NaN where an event lies outside the index.
    """
    found = _inflation(_Periods(index), tuple(e.at or e.start for e in events), slope, phi)
    return found.copy()


@dataclass(frozen=True, eq=False)
class _Periods:
    """An index that is told apart by what it holds."""

    index: pd.DatetimeIndex

    @property
    def _told_by(self) -> tuple[Any, ...]:
        return self.index.freq, str(self.index.dtype), self.index.asi8.tobytes()

    def __hash__(self) -> int:
        return hash(self._told_by)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Periods) and self._told_by == other._told_by


# Checks refit one design many times; what crowding costs depends on dates and periods only.
@lru_cache(maxsize=256)
def _inflation(periods: _Periods, dates: tuple[dt.date, ...], slope: bool, phi: float) -> Float:
    from uploadtrends.series.grid import step

    index = periods.index
    n = len(index)
    time = np.arange(n, dtype=float)
    columns = []
    for date in dates:
        exposure = step(index, date)
        ramp = np.maximum(np.cumsum(exposure) - 1.0, 0.0)
        columns.append([exposure, ramp] if slope else [exposure])
    base = [np.ones(n), (time - time.mean()) / max(n, 1)]

    def variance(parts: list[Float], place: int) -> float:
        design = np.column_stack(parts)
        white = design.copy()
        white[0] *= np.sqrt(1 - phi**2)
        white[1:] -= phi * design[:-1]
        scale = np.linalg.norm(white, axis=0)
        if (scale == 0).any():
            return np.nan
        gram = (white / scale).T @ (white / scale)
        if np.linalg.cond(gram) > 1e10:
            return np.inf
        return float(np.linalg.inv(gram)[place, place] / scale[place] ** 2)

    result = np.full(len(dates), np.nan)
    joint = base + [column for pair in columns for column in pair]
    width = 2 if slope else 1
    for i in range(len(dates)):
        alone = variance(base + columns[i], 2)
        together = variance(joint, 2 + width * i)
        if np.isfinite(alone):
            result[i] = np.sqrt(together / alone)
    return result


def crowding_frame(events: Any) -> pd.DataFrame:
    """Return one row a block of monthly data: block, start, end, events, members, reason.

    The grid runs from two years before the first event to two years after the last one.
    """
    import pandas as pd

    chosen = as_events(events)
    columns = ["block", "start", "end", "events", "members", "reason"]
    if not len(chosen):
        return pd.DataFrame(columns=columns)
    first, last = chosen[0].start, max(event.end for event in chosen)
    index = pd.date_range(f"{first.year - 2}-01-01", f"{last.year + 2}-12-01", freq="MS")
    rows = [
        (
            b.label,
            str(b.start),
            str(b.end),
            len(b.events),
            ", ".join(e.id for e in b.events),
            b.reason,
        )
        for b in blocks(chosen, index)
    ]
    return pd.DataFrame(rows, columns=columns)
