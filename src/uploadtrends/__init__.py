"""Dated, honest claims about when and by how much artists' uploads changed.

The public names are imported on first use (PEP 562), so that `import uploadtrends` stays cheap. The
checks are not listed here: every check on the list in `uploadtrends.checks.check` is a public name.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

_PUBLIC = {
    "Event": "events",
    "EventSet": "events",
    "as_events": "events",
    "blocks": "events",
    "event_catalogue": "events",
    "build_store": "store",
    "open_store": "store",
    "Store": "store",
    "build_panel": "panel",
    "panel_from_table": "panel.ready",
    "Panel": "panel",
    "Seniority": "panel",
    "artist_model": "artists.model",
    "artist_hazards": "artists.hazards",
    "artist_sensitivity": "artists.sensitivity",
    "difference_in_differences": "artists.comparisons",
    "event_study": "artists.comparisons",
    "exposure": "artists.exposures",
    "matched": "artists.matching",
    "exposure_effects": "artists.staggered",
    "exposure_study": "artists.exposure_study",
    "interrupted_time_series": "models",
    "compare": "models.comparison",
    "change_points": "breaks",
    "caption_loop": "loop.running",
    "retraining_loop": "loop.retraining",
    "loop_study": "loop.study",
    "convergence": "loop.verdict",
    "synthetic_share": "loop.share",
    "attribution_earnings": "loop.earnings",
    "structural_breaks": "breaks.structural",
    "monitor": "breaks",
    "common_change": "breaks",
    "Study": "study",
    "UploadTrendsError": "errors",
    "InputError": "errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from uploadtrends.result import package_version

        return package_version()
    if name in _PUBLIC:
        value = getattr(import_module(f"uploadtrends.{_PUBLIC[name]}"), name)
        globals()[name] = value
        return value
    # A room is asked for by `from uploadtrends import room` before it is imported.
    if name == "__all__" or not (name.startswith("_") or name in _rooms()):
        from uploadtrends.checks.check import check_maker, check_names

        if name == "__all__":
            return ["__version__", *_PUBLIC, *check_names()]
        if name in check_names():
            return check_maker(name)
    raise AttributeError(f"module 'uploadtrends' has no attribute '{name}'")


@cache
def _rooms() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__))


def __dir__() -> list[str]:
    return list(__getattr__("__all__"))
