"""Where upload histories come from: one file a source, each with that source's oddities in it."""

from uploadtrends.sources.protocol import LoadProgress, Progress, Source

__all__ = ["LoadProgress", "Progress", "Source"]
