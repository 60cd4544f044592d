"""Keys to the sites, from the environment or from a file that only its owner can read."""

from __future__ import annotations

import base64
import os
import stat
import tomllib
from pathlib import Path

from uploadtrends.errors import ConfigurationError


class Secret:
    """A text that shows in no repr, log or traceback; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written anywhere")


def basic(user: Secret, password: Secret) -> str:
    """Return what HTTP Basic sends of two values: a third text that must not be kept."""
    return base64.b64encode(f"{user.reveal()}:{password.reveal()}".encode()).decode()


def credentials(
    site: str, names: tuple[str, str], file: str | Path | None = None
) -> tuple[Secret, Secret] | None:
    """Return the two values that a site asks for, or None when none are given.

    Looked for in `file` (TOML, a table named after the site), or else in the environment as
    ``UPLOADTRENDS_<SITE>_<NAME>``.

    Raises
    ------
    ConfigurationError
        The file can be read by others, is not TOML, or only one of the two values is given.
    """
    if file is not None:
        values = _from_file(Path(file), site, names)
        where = f"'{file}'"
    else:
        variables = [f"UPLOADTRENDS_{site}_{name}".upper() for name in names]
        values = [Secret(os.environ.get(variable, "")) for variable in variables]
        where = " and ".join(variables)
    if not any(values):
        return None
    if not all(values):
        raise ConfigurationError(f"{site} needs both {names[0]} and {names[1]}; see {where}")
    return values[0], values[1]


def _from_file(path: Path, site: str, names: tuple[str, str]) -> list[Secret]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & 0o077:
            raise ConfigurationError(
                f"'{path}' can be read by others (mode {mode:o}). Fix: chmod 600 '{path}'"
            )
        table = tomllib.loads(path.read_text("utf-8")).get(site, {})
    except OSError as error:
        raise ConfigurationError(f"cannot read '{path}': {error.strerror}") from None
    except ValueError:
        # The parser's message would quote the line.
        raise ConfigurationError(
            f'\'{path}\' is not TOML. Fix: [{site}], then {names[0]} = "..." and {names[1]} = "..."'
        ) from None
    return [Secret(str(table.get(name, ""))) for name in names]
