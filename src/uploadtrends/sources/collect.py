"""Moved to `uploadtrends.collect.crawl`; this name goes in 0.3."""

from uploadtrends.collect.crawl import *  # noqa: F403
