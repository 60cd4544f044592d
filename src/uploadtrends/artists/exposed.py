"""Who is exposed to an event, who may serve as a comparison, and from when a cohort is one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.events import Block, Event, EventSet, as_events

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.panel import Panel


ALREADY_TREATED = "already treated artists are no control"


def day_of(name: str, given: Any) -> dt.date:
    """Return the first day of a start, or the last of an end, as a date of any precision says.

    Raises
    ------
    InputError
        For what is no date.
    """
    try:
        said = as_events(given)[0]
    except (InputError, IndexError):
        raise InputError(
            "a window begins and ends with a date",
            column=name,
            value=str(given),
            fix="write it as in 2022-08-01 or 2022-08",
        ) from None
    return said.end if name == "end" else said.start


def platform_of(panel: Panel) -> dict[str, str]:
    """Return the platform behind each lane of a panel (a platform, or one of its instruments)."""
    return dict(panel.records.lanes.select("lane", "platform").iter_rows())


def names_platforms(events: Iterable[Event]) -> bool:
    """Tell whether all events say which platforms they concern."""
    return all("all" not in event.platforms for event in events)


def concerned(chosen: EventSet, platforms: Iterable[str]) -> tuple[EventSet, tuple[Event, ...]]:
    """Part the events into those that concern one of the platforms, and the others."""
    names = set(platforms)
    inside = [event for event in chosen if any(event.concerns(name) for name in names)]
    return EventSet(inside), tuple(event for event in chosen if event not in inside)


def elsewhere(event: Event, platforms: Iterable[str]) -> str:
    """Return why an event is not estimated on these platforms."""
    return f"the event concerns {', '.join(event.platforms)}, not {' or '.join(sorted(platforms))}"


def treated_from(
    blocks: Iterable[Block], touched: Mapping[str, int], platform: str
) -> tuple[int, Block] | None:
    """Return the first period in which events that name this platform touch it, and the block."""
    own = [
        (touched[block.id], block)
        for block in blocks
        if block.id in touched
        and names_platforms(block.events)
        and any(event.concerns(platform) for event in block.events)
    ]
    return min(own, key=lambda pair: pair[0]) if own else None


def no_comparison(
    block: Block, name: str, reference: str, since: tuple[int, Block] | None, touched: int
) -> str:
    """Return why two platforms cannot be compared at a block; empty if they can.

    Parameters
    ----------
    block : Block
    name, reference : str
        The platform compared, and the one that it is compared with.
    since : (int, Block), optional
        From when the reference is treated itself; see `treated_from`.
    touched : int
        First period that the block touches.
    """
    if since is not None and touched >= since[0]:
        when = since[1].start
        return (
            f"{reference}, the comparison, is itself treated from {when} on ({since[1].label}): "
            f"{ALREADY_TREATED}"
        )
    if not names_platforms(block.events):
        return ""
    if not any(event.concerns(name) for event in block.events):
        return f"the event does not concern {name}"
    return ""


def closed_cohorts(
    panel: Panel, rows: pd.DataFrame, index: pd.DatetimeIndex, notes: list[str]
) -> pd.DataFrame:
    """Leave out a senior group's periods before its cohort is closed; see `Seniority.closes`."""
    rule = panel.seniority
    if rule is None:
        return rows
    for name in sorted(rows["group"].unique()):
        day = rule.closes(name) if rule.is_senior(name) else None
        if day is None:
            continue
        early = (rows["group"] == name) & (rows["period"] < int(index.searchsorted(day)))
        if early.any():
            notes.append(
                f"'{name}' is followed from {day.date()} on: until then artists still grow into "
                "the group, and a course of it is not one of the same artists"
            )
            rows = rows[~early]
    return rows
