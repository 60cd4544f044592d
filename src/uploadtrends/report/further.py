"""Sections of the report that only some studies ask for, one function each."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from uploadtrends.report import loops
from uploadtrends.report.tables import downloads, html_table

Picture = Callable[[str], str]
"""Returns the figure of that name as HTML; empty where it was not drawn."""


def exposure(result: Any, picture: Picture) -> str:
    """Return what an exposure study found: artists, estimates, leads, bends, shocks, weights."""
    tables = result.tables()
    body = _lines(result.summary()) + picture("exposure")
    body += (
        "<p>It has to hold that without the exposure the outcomes of exposed and other artists "
        "would have moved in parallel, and that nobody acted on it before. The leads test a part "
        "of that, with the power stated beside them.</p>"
    )
    captions = {
        "exposure": "Mean effects on exposed artists, by outcome and method",
        "exposure_artists": "Artists by kind of exposure; always treated and reversed ones are "
        "left out",
        "exposure_leads": "Effects before the exposure: all zero? With the straight trend that "
        "the test would find in four of five tries",
        "exposure_bends": "The mean effect above a continued straight trend, if untreated courses "
        "bend by so much a period squared",
        "exposure_shocks": "What shocks common to all exposed artists would add",
        "exposure_weights": "What two-way fixed effects average (Goodman-Bacon 2021)",
        "exposure_balance": "Standardised differences before and after matching",
    }
    for name, caption in captions.items():
        if name in tables:
            shown = tables[name]
            if name == "exposure":
                shown = shown[shown["of"] == "all exposed"].drop(columns=["of", "when"])
            body += html_table(shown, caption) + downloads(name, tables[name])
    return body


def _lines(text: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())


SECTIONS: dict[str, tuple[str, Callable[[Any, Picture], str]]] = {
    "exposure": ("Exposed artists", exposure),
    "loop": ("Self-consuming loops", loops.section),
}
"""Section of the study file -> its heading in the report, and what writes it."""


def asked(results: Any) -> dict[str, str]:
    """Return the headings of the further sections that a study has, by key."""
    return {key: name for key, (name, _) in SECTIONS.items() if key in results.analyses}


def written(results: Any, picture: Picture) -> dict[str, str]:
    """Return the bodies of the further sections by key."""
    return {key: SECTIONS[key][1](results.analyses[key], picture) for key in asked(results)}
