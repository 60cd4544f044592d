"""What a function says of its settings, said with the flags of its command.

The functions name their settings as Python does (``date_format='%d/%m/%Y'``). Whoever typed a
command reads the flag: which there are is read from the command itself.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from typer.models import OptionInfo

_FLAGS: ContextVar[Mapping[str, Sequence[str]]] = ContextVar("flags")
_FURTHER: ContextVar[tuple[str, ...]] = ContextVar("further")


def runs(flags: Mapping[str, Sequence[str]]) -> None:
    """Say which command runs: how each of its settings is written as a flag."""
    _FLAGS.set(flags)
    _FURTHER.set(())


def takes(settings: Iterable[str]) -> None:
    """Say which further settings the running command takes by ``--option``."""
    _FURTHER.set(tuple(settings))


def names(flag: inspect.Parameter) -> list[str]:
    """Return how an option is written, and its opposite if it has one; nothing for an argument."""
    for part in getattr(flag.annotation, "__metadata__", ()):
        if isinstance(part, OptionInfo):
            # Inside of Annotated the first name stands where the default would.
            given = (part.default, *(part.param_decls or ()))
            written = [text for text in given if isinstance(text, str) and text.startswith("--")]
            return [name for text in written for name in text.split("/")]
    return []


def in_command(message: str) -> str:
    """Return a message as the running command says it."""
    return in_flags(message, _FLAGS.get({}), _FURTHER.get(()))


_SAID = re.compile(
    r"""(?<![\w.'"`-])([a-z]+(?:_[a-z]+)*)(\.\w+(?==))?"""
    r"""(?:(=)('[^']*'|"[^"]*"|\{[^{}]*\}|\[[^][]*\]|(?:[\w.:+-]|,(?=\w))*[\w+-]|\.{3})?)?"""
    r"""(?![\w'"`(]|\.\w|\s*=)"""
)
"""A setting in a message, maybe of one field, with a value or as a word with an underscore."""


def in_flags(
    message: str, flags: Mapping[str, Sequence[str]], further: Collection[str] = ()
) -> str:
    """Return a message of a Python function as the command line says it.

    Parameters
    ----------
    message : str
    flags : mapping of str to sequence of str
        How each setting that has a flag is written.
    further : collection of str
        Settings that ``--option`` takes.

    Examples
    --------
    >>> text = "say date_format='%d.%m.%Y', or raise max_rejects"
    >>> in_flags(text, {"max_rejects": ["--max-rejects"]}, ["date_format"])
    'say --option date_format=%d.%m.%Y, or raise --max-rejects'
    """

    def written(found: re.Match[str]) -> str:
        name, field, mark, value = found.groups()
        flag = flags.get(name)
        before, after = message[: found.start()], message[found.end() :]
        in_call = re.search(r"\w\([^()]*$", before)  # which stays Python
        if in_call or not (flag or name in further):
            return found.group()
        if field:
            return f"--option {found.group()}"
        if value is not None:
            return " ".join(_one(name, said, flag) for said in _values(value))
        listed = before.endswith(", ") or after.startswith(",")
        if not mark and ("_" not in name or (listed and not flag)):
            return found.group()
        return flag[0] if flag else f"--option {name}=..."

    return _SAID.sub(written, message)


def _values(text: str) -> list[Any]:
    """Return the values in a literal, each of which is said by a flag of its own."""
    try:
        value = text if text == "..." else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return [text]
    if isinstance(value, dict):
        return [
            f"{key}={'/'.join(one) if isinstance(one, tuple) else one}"
            for key, one in value.items()
        ]
    return value if isinstance(value, list) else [value]


def _one(name: str, value: Any, flag: Sequence[str] | None) -> str:
    if flag and isinstance(value, bool):
        return flag[0] if value else flag[-1]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{flag[0]} {shlex.quote(text)}" if flag else f"--option {shlex.quote(f'{name}={text}')}"
