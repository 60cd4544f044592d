"""Which events a study asks about."""

from __future__ import annotations

from uploadtrends.errors import InputError
from uploadtrends.events import EventSet, as_events, event_catalogue, read_events
from uploadtrends.events.event import Event
from uploadtrends.study.spec import StudySpec


def events_of(spec: StudySpec) -> EventSet:
    """Return the events under study, those of the file or the catalogue and the added ones.

    Raises
    ------
    InputError
        If there are none.
    """
    options = dict(spec.events)
    options.pop("confounders", None)
    options.pop("extra", None)
    file = options.pop("file", None)
    chosen = EventSet()
    if file is not None:
        chosen = read_events(spec.folder / file).select(**options)
    elif options:
        chosen = event_catalogue(**options)
    for event in events_added(spec):
        chosen = chosen + event
    if not len(chosen):
        raise InputError(
            "the study names no events",
            file=spec.file,
            column="events",
            fix='add ids = ["mr-sd-public"] under [events]',
        )
    return as_events(chosen)


def events_added(spec: StudySpec) -> list[Event]:
    """Return the events that are written out under ``extra``."""
    found = []
    for entry in spec.events.get("extra", []):
        fields = dict(entry)
        date, label = str(fields.pop("date", "")), str(fields.pop("label", ""))
        found.append(Event(date, label, **fields))
    return found
