"""Panels: uploads by group and period, and by artist and period while at risk."""

from uploadtrends.panel.build import build_panel
from uploadtrends.panel.panel import Panel
from uploadtrends.panel.seniority import Seniority

__all__ = ["Panel", "Seniority", "build_panel"]
