"""Write tests/data/public_surface.json: what a user can name, so that a change of it is seen.

Public names with their arguments and members, commands with their flags, and the keys of a study
file. `docs/make_api.py` runs this, too; a test compares the page with the package, and both with
the list of 0.1.0.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

import uploadtrends as ut

PAGE = Path(__file__).resolve().parents[1] / "tests" / "data" / "public_surface.json"
Surface = dict[str, dict[str, Any]]


def surface() -> Surface:
    """Return every public name, command and key."""
    return {"names": names(), "commands": commands(), "keys": keys()}


def names() -> dict[str, dict[str, list[str]]]:
    """Return the public names of every module that lists them: name to arguments and members."""
    found = {}
    modules = [info.name for info in pkgutil.walk_packages(ut.__path__, "uploadtrends.")]
    for path in ["uploadtrends", *sorted(modules)]:
        if path.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(path)
        listed = [name for name in getattr(module, "__all__", ()) if not name.startswith("_")]
        if listed:
            found[path] = {name: members(getattr(module, name)) for name in sorted(listed)}
    return found


def members(thing: Any) -> list[str]:
    """Return the arguments of a function or class, and a class's public members with a dot."""
    try:
        parameters = list(inspect.signature(thing).parameters) if callable(thing) else []
    except ValueError:
        parameters = []
    public = []
    if inspect.isclass(thing):
        parameters = [] if issubclass(thing, BaseException) else parameters
        public = [f".{name}" for name in dir(thing) if not name.startswith("_")]
        if dataclasses.is_dataclass(thing):
            public += [f".{item.name}" for item in dataclasses.fields(thing)]
    return [*parameters, *sorted(set(public))]


def commands() -> dict[str, list[str]]:
    """Return every command with its arguments and flags."""
    from uploadtrends.cli import app

    found: dict[str, list[str]] = {}
    _walk(typer.main.get_command(app), "", found)
    return dict(sorted(found.items()))


def _walk(command: Any, path: str, found: dict[str, list[str]]) -> None:
    if hasattr(command, "commands"):
        for name, one in command.commands.items():
            _walk(one, f"{path} {name}".strip(), found)
        return
    flags = []
    for one in command.params:
        flags += [one.name.upper()] if one.param_type_name == "argument" else one.opts
        flags += one.secondary_opts
    found[path] = flags


def keys() -> dict[str, list[str]]:
    """Return the keys of every section of a study file."""
    from uploadtrends.study.keys import known_keys

    return {section: sorted(known) for section, known in known_keys().items()}


def write() -> None:
    """Write the page."""
    PAGE.write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
