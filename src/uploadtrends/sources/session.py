"""Moved to `uploadtrends.collect.session`; this name goes in 0.3."""

from uploadtrends.collect.session import *  # noqa: F403
