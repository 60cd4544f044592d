"""Moved to `uploadtrends.artists.model`; this name goes in 0.3."""

from uploadtrends.artists.model import *  # noqa: F403
