"""How figures look, said once: title, colours, grey, font, width, language, source line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from types import TracebackType
from typing import Any, cast

from uploadtrends.errors import InputError
from uploadtrends.figures.canvas.words import DECIMAL, Phrases, words

FULL_WIDTH = 7.0
COLUMN_WIDTH = 3.5
WIDTHS = {"column": COLUMN_WIDTH, "page": FULL_WIDTH, "screen": 1700 / 150}
_INCH = {"in": 1.0, "mm": 1 / 25.4, "cm": 1 / 2.54, "px": 1 / 150}


@dataclass(frozen=True)
class Style:
    """What `uploadtrends.figures.style` was told.

    Parameters
    ----------
    title : bool or str
        True writes the figure's own title above it, a string that one.
    colours : mapping of str to colour
        By platform (``"artstation"``), group (``"senior"``) or category of events
        (``"model-release"``); any colour that matplotlib knows.
    grey : bool
        True draws in greys; markers, lines and numbers tell apart what colours do.
    font : str or sequence of str, optional
        Families in order of preference; by default matplotlib's ``font.family`` where you set it,
        else DejaVu Sans, which comes with matplotlib.
    width : float or str, optional
        Inches, or ``"column"`` (3.5 in), ``"page"`` (7 in), ``"screen"`` (1,700 px at 150 dpi),
        or a length such as ``"89 mm"``.
    language : str or mapping
        ``"en"``, ``"de"``, or a dictionary from English words, and templates of sentences, to
        yours; what it lacks stays English and is named in ``untranslated`` of each drawing.
    source : bool or str
        False leaves the source line out, a string replaces what is known about the data.
    """

    title: bool | str = False
    colours: Mapping[str, str] = field(default_factory=dict)
    grey: bool = False
    font: str | Sequence[str] | None = None
    width: float | str | None = None
    language: str | Mapping[str, str] = "en"
    source: bool | str = True

    def __post_init__(self) -> None:
        from matplotlib.colors import is_color_like

        if not isinstance(self.colours, Mapping):
            raise InputError(
                "colours are named by platform, group or category of events",
                column="colours",
                value=self.colours,
                fix='{"artstation": "black"}, or grey=True for a figure without colours',
            )
        for name, colour in self.colours.items():
            if not is_color_like(colour):
                raise InputError(
                    "matplotlib knows no such colour",
                    column=f"colours[{name!r}]",
                    value=colour,
                    fix='a name ("tab:blue") or a code ("#0072b2")',
                )
        if isinstance(self.language, str):
            words(self.language)
        if self.width is not None:
            inches(self.width)
        for family in self.families:
            _known_family(family)

    @property
    def phrases(self) -> Phrases:
        """The words of the language; one table for all figures of a style."""
        if isinstance(self.language, str):
            return _phrases(self.language)
        known = self.__dict__.get("_phrases")
        if known is None:
            known = Phrases(self.language)
            object.__setattr__(self, "_phrases", known)
        return cast("Phrases", known)

    @property
    def families(self) -> list[str]:
        """The fonts asked for, in order."""
        return [self.font] if isinstance(self.font, str) else list(self.font or ())


@cache
def _phrases(language: str) -> Phrases:
    return Phrases(words(language))


_STYLE: ContextVar[Style | None] = ContextVar("style", default=None)
_PLAIN = Style()


def current() -> Style:
    """Return the style in force."""
    return _STYLE.get() or _PLAIN


class style:
    """Say how figures look from here on, or within a ``with`` block.

    Each call states the whole style: what is not named goes back to its default, so that
    ``style()`` undoes all. What you set in matplotlib's own ``rcParams`` (fonts, colours of paper
    and ink, grid, spines, line widths) is respected, too; sizes of text are not, because labels
    are measured before they are placed.

    Parameters
    ----------
    **settings
        The fields of `Style`: title, colours, grey, font, width, language, source.

    Raises
    ------
    InputError
        If a setting, colour, font, width or language is unknown.

    Examples
    --------
    >>> from uploadtrends import figures
    >>> with figures.style(language="de", width="column", colours={"artstation": "black"}):
    ...     pass  # its.plot(), its.save("figure"), ...
    """

    def __init__(self, **settings: Any) -> None:
        self._token = _STYLE.set(_made(Style(), settings))

    def __enter__(self) -> Style:
        return current()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _STYLE.reset(self._token)


@contextmanager
def changed(**settings: Any) -> Iterator[Style]:
    """Change single settings of the style in force within a block."""
    token = _STYLE.set(_made(current(), settings))
    try:
        yield current()
    finally:
        _STYLE.reset(token)


def _made(base: Style, settings: Mapping[str, Any]) -> Style:
    known = list(Style.__dataclass_fields__)
    for name in settings:
        if name not in known:
            raise InputError("no such setting of style", value=name, fix=", ".join(known))
    return replace(base, **settings)


def say(text: str, **values: object) -> str:
    """Return words in the language in force, with values filled in.

    Parameters
    ----------
    text : str
        English, with ``{places}`` for values.
    """
    language = current().language
    if language == "en":
        return text.format(**values) if values else text
    found = current().phrases.word(text)
    return found.format(**values) if values else found


def ends(values: Any) -> dict[str, str]:
    """Return the first and last month of a series, and what it starts and ends with, as words."""
    known = values.dropna()
    return {
        "first": f"{values.index[0]:%Y-%m}",
        "last": f"{values.index[-1]:%Y-%m}",
        "start": f"{known.iloc[0]:.0f}",
        "end": f"{known.iloc[-1]:.0f}",
    }


def told(text: str) -> str:
    """Return what is said of a result in the language in force, numbers too.

    Parameters
    ----------
    text : str
        English sentences, which are matched with the templates of the table of words.
    """
    return text if current().language == "en" else current().phrases.sentence(text)


def called(text: str) -> str:
    """Return a label, which may be the user's, in the language in force where it is known."""
    phrases = current().phrases
    before = dict(phrases.missing)
    found = told(text)
    phrases.missing = before
    return found


def numeral(text: str) -> str:
    """Return a number with the decimal mark of the language in force, no comma in thousands."""
    mark = "." if current().language == "en" else current().phrases.table.get(DECIMAL, ".")
    return text.replace(",", "\u202f").replace(".", mark) if mark != "." else text


def inches(width: float | str | None) -> float:
    """Return a width in inches.

    Raises
    ------
    InputError
        If it is no width, or narrower than 2 or wider than 40 inches.
    """
    said: Any = width if width is not None else current().width or FULL_WIDTH
    if isinstance(said, str) and said in WIDTHS:
        return WIDTHS[said]
    number, unit = said, "in"
    if isinstance(said, str):
        unit = said[-2:]
        number = said[:-2].strip()
    try:
        found = float(number) * _INCH[unit]
    except (KeyError, ValueError, TypeError):
        found = float("nan")
    if not 2 <= found <= 40:
        raise InputError(
            "this is no width",
            column="width",
            value=said,
            fix=f'{", ".join(WIDTHS)}, inches (2 to 40), or a length such as "89 mm"',
        )
    return found


def _known_family(family: str) -> None:
    from matplotlib.font_manager import FontProperties, findfont, get_font_names

    try:
        findfont(FontProperties(family=[family]), fallback_to_default=False)
    except ValueError:
        from difflib import get_close_matches

        names = get_font_names()
        near = get_close_matches(family, names, 3) or sorted(names)[:3]
        raise InputError(
            "this machine has no such font",
            column="font",
            value=family,
            fix=f"such as {', '.join(near)}; after installing one, restart Python",
        ) from None
