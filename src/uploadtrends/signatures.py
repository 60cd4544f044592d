"""The settings of a function, read from its signature: study files and flags state none of them.

A setting has a name, a default and a type. `settings_of` reads them, `check` compares what somebody
wrote (in TOML, or as text after ``--option``) with them, and a mistake names the nearest setting.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from uploadtrends.errors import InputError

Name = Literal["text", "flag", "integer", "number", "list", "table", "series", "frame", "anything"]
_PANDAS: dict[str, Name] = {"Series": "series", "DataFrame": "frame"}
_CALLED: dict[str, str] = {
    "text": "text",
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "list": "a list",
    "table": "a table",
    "series": "a table that names a series",
    "frame": "a table of tables that name series",
}


@dataclass(frozen=True)
class Setting:
    """One setting of a function: what it is called and what it may be.

    Parameters
    ----------
    name : str
    kinds : frozenset of str
        Any of "text", "flag", "integer", "number", "list", "table", "series" and "frame" (pandas
        objects), and "anything".
    choices : tuple
        Where only certain values are allowed.
    required : bool
    """

    name: str
    kinds: frozenset[str] = frozenset({"anything"})
    choices: tuple[Any, ...] = ()
    required: bool = False

    def takes(self, value: Any) -> bool:
        """Tell whether a plain value (as TOML gives it) is of the right kind."""
        if "anything" in self.kinds:
            return True
        if isinstance(value, str) and self.choices:
            return value in self.choices
        return self._of_kind(value)

    def _of_kind(self, value: Any) -> bool:
        found = {
            "flag": isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            # TOML dates arrive as datetime.date: good wherever a text date is.
            "text": isinstance(value, str) or hasattr(value, "isoformat"),
            "list": isinstance(value, list | tuple),
            "table": isinstance(value, Mapping),
            "series": isinstance(value, Mapping),
            "frame": isinstance(value, Mapping),
        }
        return any(found[kind] for kind in self.kinds)

    @property
    def wanted(self) -> str:
        """What to give, in words."""
        if self.choices:
            return " or ".join(map(repr, self.choices))
        return " or ".join(called for kind, called in _CALLED.items() if kind in self.kinds)

    def read(self, text: str) -> Any:
        """Return the value that a text after ``--option name=`` stands for."""
        for kind, reader in (("flag", _flag), ("integer", int), ("number", float)):
            if kind in self.kinds:
                try:
                    return reader(text)
                except ValueError:
                    continue
        if "text" in self.kinds or "anything" in self.kinds:
            return text
        if "list" in self.kinds:
            return [part.strip() for part in text.split(",")]
        return text


def _flag(text: str) -> bool:
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise ValueError(text)


def settings_of(function: Callable[..., Any], without: Collection[str] = ()) -> dict[str, Setting]:
    """Return the settings of a function or class by name, in order, from its signature.

    Parameters
    ----------
    function : callable
    without : collection of str
        Arguments that are no settings, such as the data.
    """
    named = vars(sys.modules[function.__module__])
    signature = inspect.signature(function, eval_str=True, globals=named, locals=_Forgiving(named))
    return {
        item.name: Setting(item.name, *_kinds(item.annotation), item.default is item.empty)
        for item in signature.parameters.values()
        if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL) and item.name not in without
    }


def check(
    given: Mapping[str, Any],
    known: Mapping[str, Setting],
    *,
    what: str,
    place: str,
    file: Any = None,
) -> None:
    """Compare what somebody wrote with the settings there are.

    Parameters
    ----------
    given : mapping of str to plain values
    known : mapping of str to Setting
    what : str
        What was written, in words.
    place : str
        Where the mistake is, up to the name of the setting; may be empty.
    file : path, optional

    Raises
    ------
    InputError
        For an unknown name (the nearest is suggested), or a value of the wrong kind.
    """
    for key, value in given.items():
        where = f"{place}.{key}" if place else key
        if key not in known:
            problem = f"{what} has an unknown key in [{place or 'top level'}]"
            raise unknown(key, known, problem, where, file)
        if not known[key].takes(value):
            raise InputError(
                f"a value in {what} is of the wrong kind",
                file=file,
                column=where,
                value=value,
                fix=f"give {known[key].wanted}",
            )


def unknown(
    name: str, known: Iterable[str], problem: str, column: str, file: Any = None
) -> InputError:
    """Return the error about an unknown name, with the nearest one that is known."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    fix = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return InputError(problem, file=file, column=column, value=name, fix=fix)


class _Opaque(type):
    """Stands for a type that is imported only for the type checker."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Opaque(name, (), {})

    def __getitem__(cls, _: Any) -> Any:
        return cls


class _Forgiving(dict[str, Any]):
    """Names of a module; a name that it has only for the type checker is opaque."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return _Opaque(name, (), {})


def _kinds(annotation: Any) -> tuple[frozenset[str], tuple[Any, ...]]:
    """Return which kinds of plain values an annotation takes, and its choices."""
    if get_origin(annotation) in (Union, UnionType):
        parts = [_kinds(part) for part in get_args(annotation)]
        return (
            frozenset().union(*(kinds for kinds, _ in parts)),
            tuple(choice for _, choices in parts for choice in choices),
        )
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        kinds = {"flag" if isinstance(choice, bool) else "text" for choice in choices}
        return frozenset(kinds), choices
    if annotation is NoneType or annotation is None:
        return frozenset(), ()
    return frozenset({_kind(get_origin(annotation) or annotation)}), ()


def _kind(plain: Any) -> Name:
    if not isinstance(plain, type):
        return "anything"
    if isinstance(plain, _Opaque):
        return _PANDAS.get(plain.__name__, "anything")
    simple: dict[Any, Name] = {bool: "flag", int: "integer", float: "number", str: "text"}
    if plain in simple:
        return simple[plain]
    if issubclass(plain, Mapping):
        return "table"
    if issubclass(plain, Iterable) and plain.__module__ in ("builtins", "collections.abc"):
        return "list"
    if plain.__module__ == "datetime" or plain.__module__.startswith("pathlib"):
        return "text"
    return _PANDAS.get(plain.__name__, "anything")
