"""Where upload histories come from: one file a source, each with that source's oddities in it."""

from uploadtrends.sources.bundled import bundled
from uploadtrends.sources.id_clock import IdClock
from uploadtrends.sources.protocol import LoadProgress, Progress, Source
from uploadtrends.sources.series import SeriesFile
from uploadtrends.sources.table import Table

__all__ = ["IdClock", "LoadProgress", "Progress", "SeriesFile", "Source", "Table", "bundled"]
