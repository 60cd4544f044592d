"""Moved to `uploadtrends.collect.saved`; this name goes in 0.3."""

from uploadtrends.collect.saved import *  # noqa: F403
