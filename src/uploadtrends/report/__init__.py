"""From results to a page that one can hand on: `write`, and the tables on their own."""

from __future__ import annotations

from uploadtrends.report.checklist import checklist
from uploadtrends.report.loop_page import write_loops
from uploadtrends.report.page import write
from uploadtrends.report.tables import write_tables

__all__ = ["checklist", "write", "write_loops", "write_tables"]
