"""Change points: dates, intervals, and an honest chance of there being nothing."""

from __future__ import annotations

from uploadtrends.breaks.detect import change_points
from uploadtrends.breaks.result import Change, ChangePoints, SeriesChanges

__all__ = ["Change", "ChangePoints", "SeriesChanges", "change_points"]
