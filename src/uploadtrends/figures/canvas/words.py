"""The words of the figures in other languages, and sentences by the templates they were made from.

Words are looked up as they stand in English. What is said of results arrives as a whole sentence:
it is matched with the templates of the table, and what stood in their places is looked up in turn.
What a table lacks stays English, and the figure names it (`Drawing.untranslated`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files

from uploadtrends.errors import InputError

DECIMAL = "decimal mark"
_PLACE = re.compile(r"{(\w+)}")
_NUMBERS = re.compile(r"(p [<=] |n = |F = )?[-+<>\[\]()\d.,:;%/ ]*\d[-+<>\[\]()\d.,:;%/ ]*")
_SENTENCES = re.compile(r"(?<=[.?!])\s+(?=[A-Z\d])")
_ENGLISH = re.compile(r"\b(the|of|and|is|are|no|with|at|by|for|than|not|were|this|that|which)\b")
LABELS = ("event", "label", "name", "names", "other", "series", "where")  # places of a user's own
FEWEST_LETTERS = 4  # of a template that may hold words in its places


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


class Phrases:
    """A table of words that knows its templates; `missing` names what was asked for in vain."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = table
        self.missing: dict[str, None] = {}

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], str]]:
        known = [text for text in self.table if _PLACE.search(text)]
        known.sort(key=lambda text: len(_PLACE.sub("", text)), reverse=True)
        return [(_pattern(text), self.table[text]) for text in known]

    def word(self, text: str) -> str:
        """Return a word or template; English where the table lacks one of the shipped words."""
        found = self.table.get(text)
        if found is None and text in words("en"):
            self.missing[text] = None
        return text if found is None else found

    def number(self, text: str) -> str:
        """Return numbers with the decimal mark of the table."""
        mark = self.table.get(DECIMAL, ".")
        if mark == ".":
            return text
        text = re.sub(r"(?<![\d.])(?=\.\d)", "0", text)
        return re.sub(r"\d[\d,.]*\d", lambda m: m[0].translate({44: ".", 46: mark}), text)

    def sentence(self, text: str) -> str:
        """Return a sentence, or several, by the templates that they were made from."""
        found = self._found(text)
        if found is None:
            found = text
            if len(_ENGLISH.findall(text)) > 1:
                self.missing[text] = None
        return found

    def _found(self, text: str) -> str | None:
        """Return text by what it is made of: sentences, a name and what is said of it, a list."""
        sentences = _SENTENCES.split(text)
        if len(sentences) > 1:
            return " ".join(map(self.sentence, sentences))
        if (whole := self._whole(text)) is not None:
            return whole
        name, colon, rest = text.partition(": ")
        if colon and (inner := self._whole(rest)) is not None:
            return f"{self._found(name) or name}: {inner}"
        parts = text.split("; ")
        if len(parts) > 1:
            return "; ".join(map(self.sentence, parts))
        if colon and (inner := self._found(rest)) is not None:
            return f"{self._found(name) or name}: {inner}"
        return None

    def _whole(self, text: str) -> str | None:
        """Return text by one word or one template, whether or not it begins or ends a sentence."""
        if (found := self._one(text)) is not None:
            return found
        swapped = text[:1].swapcase() + text[1:]
        if (found := self._one(swapped)) is not None:
            return found[:1].swapcase() + found[1:]
        if text.endswith(".") and (found := self._whole(text[:-1])) is not None:
            return f"{found}."
        return None

    def _one(self, text: str) -> str | None:
        if not text or text in self.table:
            return self.table.get(text, text)
        if _NUMBERS.fullmatch(text):
            return self.number(text)
        parts = text.split("; ")
        for pattern, template in self._templates:
            if match := pattern.fullmatch(text):
                if len(parts) > 1 and "; " not in template:  # a list of such, rather than one
                    joined = [self._found(part) for part in parts]
                    if all(joined):
                        return "; ".join(map(str, joined))
                values = {
                    place: (self._found(value) or value)
                    if place in LABELS
                    else self.sentence(value)
                    for place, value in match.groupdict().items()
                }
                return template.format(**values)
        return None


def _pattern(text: str) -> re.Pattern[str]:
    """Return the expression that a template has made what it matches by."""
    generic = sum(letter.isalpha() for letter in _PLACE.sub("", text)) < FEWEST_LETTERS
    value = r"[-+<>=\d.,:%/ p]+?" if generic else ".+?"
    seen: set[str] = set()
    made = ""
    for number, part in enumerate(_PLACE.split(text)):
        if number % 2 == 0:
            made += re.escape(part)
        elif part in seen:
            made += f"(?P={part})"
        else:
            seen.add(part)
            made += f"(?P<{part}>{value})"
    return re.compile(made, re.DOTALL)
