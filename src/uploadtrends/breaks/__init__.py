"""Change points: dates, intervals, and an honest chance of there being nothing."""

from __future__ import annotations

from uploadtrends.breaks.changes import Change, SeriesChanges
from uploadtrends.breaks.common import CommonChange, common_change
from uploadtrends.breaks.counts import CountPosterior, count_posterior
from uploadtrends.breaks.detect import change_points
from uploadtrends.breaks.matching import Match, match
from uploadtrends.breaks.monitoring import Monitored, Monitoring, monitor
from uploadtrends.breaks.penalties import PenaltyPath
from uploadtrends.breaks.result import ChangePoints
from uploadtrends.breaks.segmentation import penalty_path, segment

__all__ = [
    "Change",
    "ChangePoints",
    "CommonChange",
    "CountPosterior",
    "Match",
    "Monitored",
    "Monitoring",
    "PenaltyPath",
    "SeriesChanges",
    "change_points",
    "common_change",
    "count_posterior",
    "match",
    "monitor",
    "penalty_path",
    "segment",
]
