"""Write docs/api.md from the docstrings of the public names.

Run from the root of the repository: `python docs/make_api.py`. A test fails when the page is stale.
"""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import make_surface

import uploadtrends as ut
from uploadtrends import figures

PAGE = Path(__file__).resolve().parent / "api.md"
ROOMS = {
    "uploadtrends.datasets": ["precipice_figure1", "artist_months", "danbooru_id_dates"],
    "uploadtrends.events": ["read_events", "Block"],
    "uploadtrends.engines": ["Engine", "DuckDBEngine"],
    "uploadtrends.engines.disk": ["DiskEngine"],
    "uploadtrends.engines.spark": ["SparkEngine"],
    "uploadtrends.models": ["InterruptedTimeSeries", "Fit"],
    "uploadtrends.artists.result": ["ArtistModel"],
    "uploadtrends.artists.comparisons": ["event_study", "EventStudy"],
    "uploadtrends.breaks": ["ChangePoints", "SeriesChanges"],
    "uploadtrends.breaks.matching": ["Match"],
    "uploadtrends.breaks.structural": [
        "sup_f",
        "ave_f",
        "exp_f",
        "chow",
        "ols_cusum",
        "bai_perron",
        "hansen_p_value",
        "StructuralTest",
        "BaiPerron",
    ],
    "uploadtrends.checks": ["CheckOutcome", "Conclusion", "conclude"],
    "uploadtrends.checks.check": ["Check", "Weight", "Sketch", "Whole"],
    "uploadtrends.models.terms": ["Term", "register"],
    "uploadtrends.study": ["StudyResults"],
    "uploadtrends.figures": figures.__all__,
    "uploadtrends.report": ["write", "write_tables", "checklist"],
    "uploadtrends.simulate": ["population", "ar1_series", "count_series"],
    "uploadtrends.sources.bundled": ["bundled"],
    "uploadtrends.sources.protocol": ["Source", "LoadProgress"],
    "uploadtrends.sources.table": ["Table"],
    "uploadtrends.sources.series": ["SeriesFile"],
    "uploadtrends.sources.id_clock": ["IdClock"],
    "uploadtrends.sources.danbooru2023": ["Danbooru2023"],
    "uploadtrends.sources.kblueleaf": ["KBlueLeaf"],
    "uploadtrends.collect.session": ["Session"],
    "uploadtrends.collect.sampling": ["sample", "Sample"],
    "uploadtrends.collect.estimate": ["dry_run"],
    "uploadtrends.collect.crawl": ["collect"],
    "uploadtrends.collect.delisted": ["delisted"],
    "uploadtrends.collect.saved": ["SavedPages"],
    "uploadtrends.collect.sites": ["register", "site_names", "site_class"],
    "uploadtrends.privacy": ["forget", "pseudonymised"],
}


def entry(name: str, thing: Any, level: str = "###") -> list[str]:
    """Return the lines for one public name, with the public methods of a class."""
    heading = f"{level} `{name}{signature(thing)}`"
    lines = [heading, "", "```text", inspect.cleandoc(inspect.getdoc(thing) or ""), "```", ""]
    if inspect.isclass(thing) and not issubclass(thing, BaseException):
        for member, value in sorted(vars(thing).items()):
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            public = not member.startswith("_") and inspect.isfunction(function)
            if public and inspect.getdoc(function):
                short = inspect.getdoc(function).split("\n\n")[0].replace("\n", " ")
                lines.append(f"- `.{member}{signature(function, bound=True)}`: {short}")
        if lines[-1]:
            lines.append("")
    return lines


def signature(thing: Any, *, bound: bool = False) -> str:
    """Return the arguments with their defaults, without types (the text below names them)."""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return ""
    if inspect.isclass(thing) and not (
        dataclasses.is_dataclass(thing) or "__init__" in vars(thing)
    ):
        return ""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except ValueError:
        return ""
    if bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    parts, keyword_only = [], False
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        mark = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = parameter.default
        shown = "" if default is parameter.empty else f"={_default(default)}"
        parts.append(f"{mark}{parameter.name}{shown}")
    return f"({', '.join(parts)})"


def _default(value: Any) -> str:
    text = repr(value)
    # A default that is an object (a factory, a sentinel) would print an address.
    return text if " at 0x" not in text and "<" not in text else "..."


def page() -> str:
    """Return the whole page."""
    lines = [
        "# API reference",
        "",
        "Made from the docstrings by `docs/make_api.py`. Names are imported on first use:",
        "`import uploadtrends as ut` is cheap.",
        "",
        "## uploadtrends",
        "",
    ]
    for name in ut.__all__:
        if name != "__version__":
            lines += entry(f"ut.{name}", getattr(ut, name))
    for room, names in ROOMS.items():
        lines += [f"## {room}", ""]
        for name in names:
            lines += entry(name, getattr(import_module(room), name))
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    make_surface.write()
