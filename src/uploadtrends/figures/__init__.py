"""Results as pictures. Nothing here estimates anything.

Every function returns a `Drawing`: a matplotlib figure that carries the numbers it shows
(``data``), a caption and a text alternative. `save` writes it as SVG and PNG.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Drawing": "canvas.drawing",
    "figure1": "published",
    "figure1_tested": "fitted",
    "figure2": "danbooru",
    "figure3_placebo_cohorts": "checked",
    "forest": "effects",
    "event_study": "effects",
    "specification_curve": "checked",
    "placebo_distribution": "checked",
    "drawn": "canvas.drawing",
    "register": "gallery",
    "decomposition": "checked",
    "delisted": "works",
    "ai_share": "works",
    "event_timeline": "timeline",
    "contact_sheet": "contact",
    "upload_rates": "rates",
    "plot": "dispatch",
    "plots": "dispatch",
    "plot_diagnostics": "diagnostics",
    "plot_panel": "counted",
    "plot_change_points": "series",
    "plot_its": "fitted",
    "survivorship": "checked",
    "render": "canvas.drawing",
    "save": "canvas.drawing",
    "style": "canvas.styling",
    "words": "canvas.words",
}
__all__ = sorted(_PUBLIC)  # noqa: PLE0605 - the names are strings


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(import_module(f"uploadtrends.figures.{_PUBLIC[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'uploadtrends.figures' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
