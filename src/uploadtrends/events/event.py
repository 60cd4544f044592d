"""An event is a date that is known to the day, the month or the hour, with a label and a source."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from uploadtrends.brief import boxed
from uploadtrends.errors import InputError
from uploadtrends.events.dates import Precision, first_day, last_day, normalise, precision_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, order=False)
class Event:
    """Something that happened on a day, in a month, or at an hour.

    Parameters
    ----------
    date : str, datetime.date, pandas.Timestamp, pandas.Period, numpy.datetime64 or year
        ``"2022-08-22"`` for a day, ``"2022-08"`` when only the month is known, ``"2022"`` when
        only the year is, ``"2022-08-22 18:00"`` for hourly data, ``"2022-08-22/2022-09-02"`` for a
        span. Periods in which it may have happened are left out of a fit (washout).
    label : str
        What happened, for figures and tables. Defaults to the date.
    id : str, optional
        A short unique name; made from date and label when not given.
    category : str
        ``nft``, ``model-release``, ``platform-policy``, ``protest``, ``defence``, ``legal``,
        ``incident``, ``confounder``, or your own.
    platforms : tuple of str
        The platforms it concerns, or ``("all",)``.
    source : str
        Where the date comes from.
    verified : bool
        Whether a dated source was seen.
    note : str
        Working remarks: windows, contradictions between sources. Never printed in a figure.

    Raises
    ------
    InputError
        If the date cannot be read.

    See Also
    --------
    event_catalogue : Dated events with sources.
    as_events : Dates and events as one set.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> ut.Event("2022-08-22", "Stable Diffusion").label
    'Stable Diffusion'
    >>> ut.Event("2022-08").precision
    'month'
    """

    date: str
    label: str = ""
    id: str = field(default="", kw_only=True)
    category: str = field(default="user", kw_only=True)
    platforms: tuple[str, ...] = field(default=("all",), kw_only=True)
    source: str = field(default="", kw_only=True)
    verified: bool = field(default=True, kw_only=True)
    note: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "date", normalise(self.date))
        object.__setattr__(self, "label", self.label.strip() or self.date)
        platforms: Any = self.platforms
        names = platforms.split(";") if isinstance(platforms, str) else platforms
        object.__setattr__(self, "platforms", tuple(name.strip() for name in names))
        if not self.id:
            slug = re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")[:40].strip("-")
            identifier = self.date if slug in ("", self.date) else f"{self.date}-{slug}"
            object.__setattr__(self, "id", identifier)

    @property
    def precision(self) -> Precision:
        """``"day"``, ``"month"``, ``"year"``, ``"span"``, or ``"moment"`` with a time of day."""
        return precision_of(self.date)

    @property
    def start(self) -> dt.date:
        """The first day on which it may have happened."""
        return first_day(self.date)

    @property
    def end(self) -> dt.date:
        """The last day on which it may have happened."""
        return last_day(self.date)

    @property
    def at(self) -> dt.datetime | None:
        """The time of day, where it is known."""
        return dt.datetime.fromisoformat(self.date) if self.precision == "moment" else None

    def days_from(self, when: str | dt.date) -> int:
        """Return the days between this event and another date, 0 where they may coincide."""
        other = Event(str(when))
        return max((self.start - other.end).days, (other.start - self.end).days, 0)

    def concerns(self, platform: str) -> bool:
        """Whether the event names this platform, or all of them."""
        return "all" in self.platforms or platform in self.platforms


def _in_time(event: Event) -> tuple[dt.date, str, str]:
    return event.start, event.date if event.precision == "moment" else "", event.id


class EventSet(Sequence[Event]):
    """Events in order of date, without two of the same id.

    Raises
    ------
    InputError
        If two different events bear one id.

    See Also
    --------
    as_events : Makes one from dates.
    blocks : Which events the data cannot tell apart.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> events = ut.EventSet([ut.Event("2022-08-22", "A"), ut.Event("2021-01-05", "B")])
    >>> [event.label for event in events]
    ['B', 'A']
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        by_id: dict[str, Event] = {}
        for event in events:
            if by_id.setdefault(event.id, event) != event:
                raise InputError(
                    "two different events have the same id",
                    column="id",
                    value=event.id,
                    fix="give one of them another id=",
                )
        self._events = tuple(sorted(by_id.values(), key=_in_time))

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> EventSet: ...
    def __getitem__(self, place: int | slice) -> Event | EventSet:
        if isinstance(place, slice):
            return EventSet(self._events[place])
        return self._events[place]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventSet) and self._events == other._events

    def __hash__(self) -> int:
        return hash(self._events)

    def __add__(self, other: Any) -> EventSet:
        return EventSet([*self, *as_events(other)])

    def __radd__(self, other: Any) -> EventSet:
        return EventSet([*as_events(other), *self])

    def __repr__(self) -> str:
        said = f"EventSet({len(self)} events: {', '.join(self.ids)})"
        return boxed([said], "All of them: .ids, .to_frame().")

    def _repr_html_(self) -> str:
        table: str = self.to_frame().to_html(index=False)
        return table

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in order of date."""
        return tuple(event.id for event in self._events)

    def select(
        self,
        ids: Iterable[str] | None = None,
        category: str | Iterable[str] | None = None,
        platform: str | None = None,
        start: str | dt.date | None = None,
        end: str | dt.date | None = None,
        verified: bool | None = None,
        near: str | dt.date | None = None,
        within_days: int = 90,
    ) -> EventSet:
        """Return the events that meet every condition given.

        Parameters
        ----------
        ids : iterable of str, optional
            Keep these; an unknown id is an error.
        category : str or iterable of str, optional
        platform : str, optional
            Keep events that concern this platform or all platforms.
        start, end : str or datetime.date, optional
            Keep events that may have happened within these days, both included.
        verified : bool, optional
        near : str or datetime.date, optional
            Keep the neighbours of this date: at most `within_days` days away.
        within_days : int

        Raises
        ------
        InputError
            If an id is unknown (the nearest ones are suggested) or a date cannot be read.
        """
        chosen = list(self)
        if ids is not None:
            wanted = [ids] if isinstance(ids, str) else list(ids)
            self._known("id", wanted, self.ids)
            chosen = [event for event in chosen if event.id in wanted]
        if category is not None:
            categories = [category] if isinstance(category, str) else list(category)
            self._known("category", categories, {event.category for event in self})
            chosen = [event for event in chosen if event.category in categories]
        if platform is not None:
            chosen = [event for event in chosen if event.concerns(platform)]
        if start is not None:
            first = Event(str(start)).start
            chosen = [event for event in chosen if event.end >= first]
        if end is not None:
            last = Event(str(end)).end
            chosen = [event for event in chosen if event.start <= last]
        if near is not None:
            chosen = [event for event in chosen if event.days_from(near) <= within_days]
        if verified is not None:
            chosen = [event for event in chosen if event.verified is verified]
        return EventSet(chosen)

    @staticmethod
    def _known(what: str, wanted: list[str], known: Iterable[str]) -> None:
        from difflib import get_close_matches

        names = sorted(known)
        for name in wanted:
            if name not in names:
                near = get_close_matches(name, names, n=3, cutoff=0.5)
                hint = (
                    f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
                )
                raise InputError(f"no event has this {what}", column=what, value=name, fix=hint)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an event; platforms are joined by semicolons."""
        import pandas as pd

        columns = [
            "id",
            "date",
            "precision",
            "category",
            "platforms",
            "label",
            "source",
            "verified",
            "note",
        ]
        rows = [
            (
                e.id,
                e.date,
                e.precision,
                e.category,
                ";".join(e.platforms),
                e.label,
                e.source,
                e.verified,
                e.note,
            )
            for e in self
        ]
        return pd.DataFrame(rows, columns=columns)


def as_events(given: Any) -> EventSet:
    """Return an `EventSet` from a date, an event, or any collection of those.

    Parameters
    ----------
    given : whatever `Event` takes as a date, Event, EventSet, an iterable of these, or a mapping
        (Series) of labels and their dates, of the arguments of one `Event`, or a table of these.

    Raises
    ------
    InputError
        If a date cannot be read.

    See Also
    --------
    Event : One event, with label and platforms.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> len(ut.as_events(["2022-08-22", ut.Event("2021-01-05", "Mine")]))
    2
    """
    if isinstance(given, EventSet):
        return given
    if isinstance(given, Event):
        return EventSet([given])
    if isinstance(given, Mapping):
        if "date" in given:
            return EventSet([Event(**given)])
        return EventSet(Event(date, str(label)) for label, date in given.items())
    if getattr(given, "ndim", 0) == 2 and hasattr(given, "columns"):
        if "date" not in given.columns:
            raise InputError(
                "a table of events has a column of dates",
                column="date",
                value=list(map(str, given.columns)),
                fix="name it date, and that of the labels label",
            )
        known = [name for name in Event.__dataclass_fields__ if name in given.columns]
        rows = (row.dropna().to_dict() for _, row in given[known].iterrows())
        return EventSet(Event(**{"date": None, **row}) for row in rows)
    if hasattr(given, "items") and all(isinstance(label, str) for label in given.index):
        return as_events(given.to_frame().T if "date" in given.index else dict(given.items()))
    if isinstance(given, str) or not isinstance(given, Iterable):
        return EventSet([Event(given)])
    return EventSet(event for item in given for event in as_events(item))
