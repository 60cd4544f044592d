"""Watching new periods: has a series left the course of its history?"""

from __future__ import annotations

from uploadtrends.breaks.monitoring.result import Monitored, Monitoring
from uploadtrends.breaks.monitoring.verb import monitor

__all__ = ["Monitored", "Monitoring", "monitor"]
