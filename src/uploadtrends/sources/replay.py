"""Moved to `uploadtrends.collect.replay`; this name goes in 0.3."""

from uploadtrends.collect.replay import *  # noqa: F403
