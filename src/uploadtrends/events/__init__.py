"""Dated events, and which of them the data cannot tell apart."""

from __future__ import annotations

from uploadtrends.events.catalogue import collection_breaks, event_catalogue, read_events
from uploadtrends.events.crowding import Block, blocks
from uploadtrends.events.event import Event, EventSet, as_events

__all__ = [
    "Block",
    "Event",
    "EventSet",
    "as_events",
    "blocks",
    "collection_breaks",
    "event_catalogue",
    "read_events",
]
