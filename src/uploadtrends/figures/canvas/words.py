"""The words of the figures in other languages.

Words are looked up as they stand in English; what a table lacks stays English. Sentences that
come from results (reasons, findings) are not drawn from here and stay English.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from uploadtrends.errors import InputError

DECIMAL = "decimal mark"


@cache
def words(language: str) -> dict[str, str]:
    """Return the table of words of a language, English to that language.

    Take it as the start of a table of your own: `figures.style(language={...})`.

    Parameters
    ----------
    language : {"en", "de"}

    Raises
    ------
    InputError
        If no table of this language is shipped.
    """
    shipped = _shipped()
    if language == "en":
        return {text: text for text in shipped["de"]} | {DECIMAL: "."}
    if language not in shipped:
        raise InputError(
            "no table of words is shipped for this language",
            column="language",
            value=language,
            fix=f"one of en, {', '.join(shipped)}, or a dictionary: English words to yours",
        )
    return shipped[language]


@cache
def _shipped() -> dict[str, dict[str, str]]:
    text = (files("uploadtrends.figures.canvas") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
