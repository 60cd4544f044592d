"""From the name of a source to the object that the store loads; for studies and ``load`` alike.

To add a source: one line here, or the entry point ``uploadtrends.sources`` of a package of one's
own, or simply ``module:Class`` as its name. Its class takes the file first; whatever else it takes
becomes an option.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.signatures import Setting, check, settings_of, unknown

if TYPE_CHECKING:
    from uploadtrends.sources import Source

SOURCES = {
    "bundled": "study.sources:bundled_file",
    "series": "sources.series:SeriesFile",
    "table": "sources.table:Table",
    "id_clock": "sources.id_clock:IdClock",
    "danbooru2023": "sources.danbooru2023:Danbooru2023",
    "kblueleaf": "sources.kblueleaf:KBlueLeaf",
    "pixiv": "sources.pixiv:Pixiv",
    "e621": "sources.e621:E621",
    "answers": "collect.answers:SavedAnswers",
    "html": "collect.saved:SavedPages",
}
GROUP = "uploadtrends.sources"
"""Entry points of this group are sources, too."""


def make_source(
    name: str, path: Path, options: Mapping[str, Any], *, beside: Path | None = None
) -> Source:
    """Return the source object for a file.

    Parameters
    ----------
    name : str
        A name of `source_names`, or ``module:Class`` of one's own.
    path : Path
    options : mapping
        Text is read as the option's type wants it, so that a command line can give it.
    beside : Path, optional
        Folder in which a module of one's own may lie (the study's); by default the current one.

    Raises
    ------
    InputError
        If the source or one of its options is unknown (the nearest is suggested).
    """
    maker = _maker(name, beside or Path.cwd())
    known = _settings(maker)
    given = {
        key: known[key].read(value) if key in known and isinstance(value, str) else value
        for key, value in options.items()
    }
    for key in given:
        if key not in known:
            raise unknown(key, known, f"the source '{name}' has no such option", f"data.{key}")
    check(given, known, what=f"the options of the source '{name}'", place="data", file=path)
    for setting in known.values():
        if setting.required and setting.name not in given:
            raise InputError(
                f"the source '{name}' needs '{setting.name}'",
                file=path,
                column=f"data.{setting.name}",
                fix=f"add {setting.name} = ... to the study file, or --column / --option to `load`",
            )
    source: Source = maker(path, **given)
    return source


def bundled_file(path: Path) -> Source:
    """Return the source of a bundled file, or of a copy of it under the same name."""
    from uploadtrends.sources.bundled import bundled

    return bundled(path.stem, path)


def source_names() -> list[str]:
    """Return the names of all sources there are, those of other packages among them."""
    return [*SOURCES, *sorted(set(_entry_points()) - set(SOURCES))]


def source_settings(name: str) -> dict[str, Setting]:
    """Return the options of a source by name."""
    return _settings(_maker(name, Path.cwd()))


def _settings(maker: Callable[..., Any]) -> dict[str, Setting]:
    known = list(settings_of(maker).values())[1:]  # the first is the file
    return {setting.name: setting for setting in known}


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _maker(name: str, folder: Path) -> Callable[..., Any]:
    try:
        if name in SOURCES:
            module, _, kind = SOURCES[name].partition(":")
            found = getattr(import_module(f"uploadtrends.{module}"), kind)
        elif ":" in name:
            module, _, kind = name.partition(":")
            with _importable(folder):
                found = getattr(import_module(module), kind)
        elif name in (points := _entry_points()):
            found = points[name].load()
        else:
            raise unknown(name, source_names(), "there is no such source", "data.source")
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the source cannot be imported: {error}",
            column="data.source",
            value=name,
            fix="write module:Class of an installed package, or of a file beside the study",
        ) from error
    maker: Callable[..., Any] = found
    return maker


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules of a folder be imported, after everything that is installed."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
