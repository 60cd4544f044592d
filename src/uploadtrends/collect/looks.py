"""How a platform looks; of those with a collector their own file says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """How a platform looks wherever it is shown.

    Parameters
    ----------
    title : str
        Its name as it writes itself.
    colour : str
        As ``#rrggbb``.
    marker, line : str
        matplotlib's; no figure relies on colour alone.
    """

    title: str
    colour: str
    marker: str = "o"
    line: str = "-"


FROM_FILES = {
    "pixiv": Shown("pixiv", "#0072b2", "o", "-"),
    "shadertoy": Shown("Shadertoy", "#cc79a7", "D", "-"),
}
"""Platforms that are read from files only."""
