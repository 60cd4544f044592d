"""From an entry of ``[[data]]`` to the source object that the store loads."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from uploadtrends.sources import Source

SOURCES = {
    "series": ("series", "SeriesFile"),
    "table": ("table", "Table"),
    "id_clock": ("id_clock", "IdClock"),
    "danbooru2023": ("danbooru2023", "Danbooru2023"),
    "kblueleaf": ("kblueleaf", "KBlueLeaf"),
}


def make_source(name: str, path: Path, options: Mapping[str, Any]) -> Source:
    """Return the source object for a file.

    Raises
    ------
    InputError
        If the source or one of its options is unknown (the nearest is suggested).
    """
    if name == "bundled":
        from uploadtrends.sources.bundled import bundled

        _known(name, options, ())
        return bundled(path.stem, path)
    if name not in SOURCES:
        near = get_close_matches(name, [*SOURCES, "bundled"], n=1)
        raise InputError(
            "there is no such source",
            column="data.source",
            value=name,
            fix=f"did you mean '{near[0]}'?" if near else f"one of bundled, {', '.join(SOURCES)}",
        )
    module, kind = SOURCES[name]
    maker = getattr(import_module(f"uploadtrends.sources.{module}"), kind)
    parameters = [
        item for item in inspect.signature(maker).parameters.values() if item.name != "path"
    ]
    _known(name, options, [item.name for item in parameters])
    for item in parameters:
        if item.default is item.empty and item.name not in options:
            raise InputError(
                f"the source '{name}' needs '{item.name}'",
                file=path,
                column=f"data.{item.name}",
                fix=f"add {item.name} = ... to the study file, or --column / --option to `load`",
            )
    source: Source = maker(path, **options)
    return source


def _known(name: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    known = list(known)
    for key in options:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise InputError(
                f"the source '{name}' has no such option",
                column=f"data.{key}",
                value=key,
                fix=f"did you mean '{near[0]}'?"
                if near
                else f"known: {', '.join(known) or 'none'}",
            )
