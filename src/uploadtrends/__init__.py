"""Dated, honest claims about when and by how much artists' uploads changed.

The public names are imported on first use (PEP 562), so that `import uploadtrends` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
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
    "Panel": "panel",
    "Seniority": "panel",
    "artist_model": "artists.model",
    "artist_hazards": "artists.hazards",
    "artist_sensitivity": "artists.sensitivity",
    "difference_in_differences": "artists.comparisons",
    "event_study": "artists.comparisons",
    "interrupted_time_series": "models",
    "change_points": "breaks",
    "placebo_dates": "checks",
    "placebo_cohorts": "checks",
    "composition": "checks",
    "survivorship": "checks",
    "parallel_trends": "checks",
    "anticipation": "checks",
    "multiplicity": "checks",
    "specification_curve": "checks",
    "leave_one_out": "checks",
    "power": "checks",
    "negative_control": "checks",
    "Study": "study",
    "UploadTrendsError": "errors",
    "InputError": "errors",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from uploadtrends.result import package_version

        return package_version()
    if name in _PUBLIC:
        value = getattr(import_module(f"uploadtrends.{_PUBLIC[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'uploadtrends' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
