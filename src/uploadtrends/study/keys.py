"""What a study file may say: the settings of the functions it runs, read from their signatures.

To let studies run one more analysis, add one line to `ANALYSES`; its settings become keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from uploadtrends.checks.check import check_class, check_names
from uploadtrends.signatures import Setting, settings_of

Settings = dict[str, Setting]


def _said(**kinds: str) -> Settings:
    return {name: Setting(name, frozenset(kind.split())) for name, kind in kinds.items()}


@dataclass(frozen=True)
class Section:
    """A section of the file: the function whose settings are its keys.

    Parameters
    ----------
    function : str
        ``module:name`` of it.
    without : tuple of str
        Arguments that the study itself gives.
    passes_on : str
        ``module:name`` of the function that takes its further settings.
    """

    function: str
    without: tuple[str, ...] = ()
    passes_on: str = ""

    def target(self) -> Callable[..., Any]:
        """Return the function."""
        return named(self.function)

    def settings(self) -> Settings:
        """Return its settings by name."""
        known = settings_of(self.target(), self.without)
        if self.passes_on:
            known |= settings_of(named(self.passes_on), {*self.without, "events"})
        return known


ANALYSES = {
    "artist_model": Section("uploadtrends:artist_model", ("panel", "events")),
    "artist_hazards": Section("uploadtrends:artist_hazards", ("panel", "events")),
    "artist_sensitivity": Section("uploadtrends:artist_sensitivity", ("model",)),
    "difference_in_differences": Section(
        "uploadtrends:difference_in_differences",
        ("panel", "contrast", "reference", "groups"),
        passes_on="uploadtrends:artist_model",
    ),
    "event_study": Section("uploadtrends:event_study", ("panel",)),
    "exposure": Section("uploadtrends:exposure_study", ("panel",)),
    "loop": Section("uploadtrends:loop_study", ("panel", "folder", "announce")),
    "monitor": Section("uploadtrends:monitor", ("history",)),
    "common_change": Section("uploadtrends:common_change", ("data",)),
    "structural_breaks": Section("uploadtrends:structural_breaks", ("data",)),
}
"""Further analyses that a study may ask for, in the order in which they run."""

SECTIONS = {
    "panel": Section("uploadtrends:build_panel", ("data", "seniority")),
    "seniority": Section("uploadtrends:Seniority"),
    "events": Section("uploadtrends:event_catalogue"),
    "model": Section("uploadtrends:interrupted_time_series", ("data", "events")),
    "change_points": Section("uploadtrends:change_points", ("data",)),
    "matching": Section("uploadtrends.breaks.matching:match", ("result", "events")),
    **ANALYSES,
}
ABOUT = _said(name="text", title="text", question="text", seed="integer", registered="table")
PRIMARY = _said(platform="text", group="text", event="text", term="text")
DATA = _said(source="text", path="text", optional="flag")
MORE_ABOUT_EVENTS = _said(file="text", extra="list", confounders="list")
READY_TABLE = _said(table="table")
REQUIRED = {
    "study": ("name", "question"),
    "primary": tuple(PRIMARY),
    "exposure": ("treated_from",),
}


def named(path: str) -> Callable[..., Any]:
    """Return what ``module:name`` names."""
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


@cache
def section(name: str) -> Settings:
    """Return the settings of one section, such as ``"model"`` or ``"checks.power"``."""
    if name == "study":
        return ABOUT
    if name == "primary":
        return PRIMARY
    if name == "data":
        return DATA
    if name == "events.extra":
        return settings_of(named("uploadtrends:Event"))
    if name.startswith("checks."):
        return _check(name.removeprefix("checks."))
    known = SECTIONS[name].settings()
    more = {"events": MORE_ABOUT_EVENTS, "exposure": READY_TABLE}
    return known | more.get(name, {})


def _check(name: str) -> Settings:
    made = check_class(name)
    known = settings_of(made, {"panel", "its"})
    # Which of the panels it looks at.
    return known | _said(platform="text") if made.applies_to == "panel" else known


def top_level() -> Settings:
    """Return the sections themselves."""
    tables = ("study", *SECTIONS, "primary", "checks")
    return _said(**dict.fromkeys(tables, "table")) | _said(data="list")


def checks() -> Settings:
    """Return the checks there are, each a table."""
    return _said(**dict.fromkeys(check_names(), "table"))


def known_keys() -> dict[str, Settings]:
    """Return every section with its keys, those of every check and every source among them."""
    from uploadtrends.study.sources import SOURCES, source_settings

    names = ["study", "data", *SECTIONS, "events.extra", "primary"]
    found = {name: section(name) for name in names}
    found["checks"] = checks()
    found |= {f"checks.{name}": section(f"checks.{name}") for name in check_names()}
    found |= {f"data.{name}": source_settings(name) for name in SOURCES}
    return found
