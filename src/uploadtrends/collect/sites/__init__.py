"""One file a site, with that site's oddities in it and nowhere else; here is the list of them.

A module of this folder bears the site's name and calls its collector `SITE`. Another package adds
a site with an entry point in the group ``uploadtrends.sites`` (name: the site; value: the class), a
script with `register`. Nothing else in the package holds a list of sites: pace, terms, frames and
their caveats, the keys that name a person, title and colour are read from the class.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.looks import FROM_FILES, Shown
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from uploadtrends.collect.visit import Site

GROUP = "uploadtrends.sites"


_ADDED: dict[str, type[Site]] = {}


def register(site: type[Site]) -> type[Site]:
    """Add a site to the list, as a decorator or by a call; one of the same name is replaced."""
    _ADDED[site.name] = site
    return site


def site_names() -> tuple[str, ...]:
    """Return the sites that can be collected from, in alphabetical order."""
    return tuple(sorted({*_ADDED, *_packaged(), *_elsewhere()}))


def site_class(name: str) -> type[Site]:
    """Return the collector's class; only this site's module is imported.

    Raises
    ------
    InputError
        For a site that has none.
    """
    if name in _ADDED:
        return _ADDED[name]
    if name in _packaged():
        found: type[Site] = import_module(f"{__name__}.{name}").SITE
        return found
    if name in _elsewhere():
        found = _elsewhere()[name].load()
        return found
    known = ", ".join(site_names())
    raise InputError("no collector for this site", value=name, fix=f"one of {known}")


def site_named(
    source: str,
    *,
    credentials: str | Path | None = None,
    cap: int | None = None,
    feed: bool = False,
) -> Site:
    """Return the collector of a site, made with the settings that its class takes.

    Raises
    ------
    InputError
        For a site that has no collector, or does not take one of the settings.
    """
    make = site_class(source)
    taken = inspect.signature(make).parameters
    given: dict[str, Any] = {"credentials_file": credentials, "cap": cap, "feed": feed or None}
    settings = {name: value for name, value in given.items() if value is not None}
    for name in ("cap", "feed"):
        if name in settings and name not in taken:
            raise InputError(
                f"{source} has no such setting",
                column=name,
                value=settings[name],
                fix=f"leave {name} out",
            )
    return make(**{name: value for name, value in settings.items() if name in taken})


def shown(platform: str) -> Shown | None:
    """Return how a platform looks; None of one that nothing is known about."""
    if platform in site_names():
        return site_class(platform).shown
    return FROM_FILES.get(platform)


def written(platform: str) -> str:
    """Return a platform's name as it writes itself; any other word as it is."""
    known = shown(platform)
    return known.title if known is not None else platform


@cache
def _packaged() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__))


@cache
def _elsewhere() -> dict[str, Any]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
