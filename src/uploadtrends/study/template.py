"""The commented template that `uploadtrends new` writes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from uploadtrends.errors import InputError


def write_template(path: str | Path) -> Path:
    """Write a commented study file that runs as it is, on bundled data.

    Raises
    ------
    InputError
        If the file exists already.
    """
    path = Path(path)
    text = (files("uploadtrends.study") / "template.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(
            "the study file exists already", file=path, fix="choose another name"
        ) from None
    return path
