"""Fonts: how wide a letter is, and which font has it where the chosen one lacks it."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

BOX = 1.1
"""Width, in units of the font size, of the box that stands for a letter that no font has."""
_HAVE_MANY = (
    "Noto Sans CJK",
    "Source Han Sans",
    "Noto Sans JP",
    "Noto Sans SC",
    "WenQuanYi",
    "IPA",
    "TakaoPGothic",
    "Droid Sans Fallback",
    "Hiragino",
    "PingFang",
    "Apple SD Gothic",
    "Yu Gothic",
    "Microsoft YaHei",
    "Microsoft JhengHei",
    "SimHei",
    "MS Gothic",
    "Malgun Gothic",
    "NanumGothic",
    "Arial Unicode MS",
    "Noto Emoji",
    "Segoe UI Symbol",
    "Segoe UI Emoji",
    "Symbola",
    "DejaVu Sans",
)
"""Families with letters that text fonts lack: of these, the first that has a letter is taken."""


def main_font(weight: str = "normal") -> str:
    """Return the file of the font in force."""
    return str(findfont(FontProperties(weight=weight)))


def is_wide(letter: str) -> bool:
    """Whether a letter is as wide as it is high, as those of Chinese, Japanese and Korean are."""
    return unicodedata.east_asian_width(letter) in "WF"


@cache
def advance(letter: str, path: str) -> float:
    """Return how far a letter moves the pen, in units of the font size."""
    other = path if _has(path, letter) else _other(letter)[1]
    if other is None:
        return 0.0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else BOX
    font = get_font(other)
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


@cache
def _letters(path: str) -> frozenset[int]:
    try:
        return frozenset(get_font(path).get_charmap())
    except (RuntimeError, OSError):  # colour bitmaps, broken files
        return frozenset()


def _has(path: str, letter: str) -> bool:
    return ord(letter) in _letters(path)


@cache
def _candidates() -> list[tuple[str, str]]:
    """Return family and file of the fonts of this machine that have many letters."""
    known = [
        (place, entry.name, entry.fname)
        for entry in fontManager.ttflist
        for place, start in enumerate(_HAVE_MANY)
        if entry.name.startswith(start) and entry.style == "normal" and Path(entry.fname).exists()
    ]
    return [(family, path) for _, family, path in sorted(known)]


@cache
def _other(letter: str) -> tuple[str, str] | tuple[None, None]:
    """Return family and file of a font that has a letter, if this machine has one."""
    found = ((family, path) for family, path in _candidates() if _has(path, letter))
    return next(found, (None, None))


def complete(texts: Iterable[Any]) -> str:
    """Give every text the fonts that its letters need; return the letters that no font has."""
    missing: dict[str, None] = {}
    for text in texts:
        said = text.get_text()
        if said.isascii() or not isinstance(text, Text):
            continue
        path = str(findfont(text.get_fontproperties()))
        families: dict[str, None] = {}
        for letter in said:
            if _has(path, letter) or not letter.isprintable() or letter.isspace():
                continue
            family, _ = _other(letter)
            if family is not None:
                families[family] = None
            elif unicodedata.category(letter) not in ("Mn", "Cf", "Cs"):
                missing[letter] = None
        own = text.get_fontfamily()
        more = [family for family in families if family not in own]
        if more:
            text.set_fontfamily([*own, *more])
    return "".join(missing)


def warn(letters: str) -> None:
    """Say once that letters are drawn as boxes, and what helps."""
    shown = " ".join(letters[:8]) + (" ..." if len(letters) > 8 else "")
    warnings.warn(
        f"no font on this machine has {shown}: boxes stand in the figure. Install one (Debian: "
        "apt-get install fonts-noto-cjk fonts-symbola) and restart Python",
        UserWarning,
        stacklevel=4,
    )
