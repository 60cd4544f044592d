"""A study: one TOML file in, every estimate, check, figure and the report out."""

from __future__ import annotations

from uploadtrends.study.added import AddedEvent
from uploadtrends.study.examine import examine
from uploadtrends.study.home import Home
from uploadtrends.study.results import StudyResults
from uploadtrends.study.spec import StudySpec, read_study
from uploadtrends.study.study import Study
from uploadtrends.study.template import write_template

__all__ = [
    "AddedEvent",
    "Home",
    "Study",
    "StudyResults",
    "StudySpec",
    "examine",
    "read_study",
    "write_template",
]
