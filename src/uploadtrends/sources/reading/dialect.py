"""The delimiter and header of a delimited text, from its beginning."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.encodings import (
    HEAD,
    codec_of,
    doubled,
    has_escapes,
    text_in_utf8,
)
from uploadtrends.sources.reading.unpacking import is_plain

_LEARN_FROM = 1 << 18
_MOST_ALIKE = 0.7
_DELIMITERS = (",", "\t", ";", "|")
SEPARATOR = re.compile(r'"?sep=([^\r\n"]?)"?\r?\n', re.IGNORECASE)
"""How Excel is told the delimiter."""
_APART = re.compile("'[^']*'")
_VALUE = re.compile(r"[+-]?\d[\d.,:/ TZ+-]*")


@dataclass(frozen=True)
class Dialect:
    """How a text is cut into rows and cells.

    Parameters
    ----------
    delimiter, quote : str
        One character; an empty `quote` means no quoting.
    header : tuple of str
        Names of the columns, as written but for blanks at their ends.
    skip : int
        Lines before the header: Excel's ``sep=,``, a title, comments.
    header_lines : int
        Lines of the header itself: names may hold line breaks.
    escaped : bool
        Whether quotation marks in cells stand behind a backslash, and are not doubled.
    """

    delimiter: str
    quote: str
    header: tuple[str, ...]
    skip: int
    header_lines: int
    escaped: bool = False


def dialect_of(
    path: Path,
    codec: str,
    wanted: Sequence[str],
    *,
    delimiter: str | None = None,
    quote: str | None = None,
) -> Dialect:
    """Find the delimiter and the header; what is given is not guessed.

    Raises
    ------
    InputError
        There are only blank lines, or a setting is not one ASCII character.
    """
    for what, given in (("delimiter", delimiter), ("quote", quote)):
        if given and (len(given) != 1 or not given.isascii()):
            raise InputError(
                f"the {what} is one ASCII character", value=given, fix="'\\t' is a tab"
            )
    mark = '"' if quote is None else quote
    with text_in_utf8(path, codec) as handle:
        text = handle.read(HEAD).decode("utf-8", "replace")
    if not text.strip():
        raise InputError("there are only blank lines", file=path, fix="it must name the columns")
    escaped = mark == '"' and has_escapes(text)
    if escaped:
        text = doubled(text.encode()).decode()
    if said := SEPARATOR.match(text):
        delimiter = delimiter or said[1] or ","
    choices = (delimiter,) if delimiter else _choices(path)
    heads = {choice: _rows(text, choice, mark) for choice in choices}
    for choice, rows in heads.items():
        heads[choice] = rows[header_at([row.names for row in rows], wanted) :]
    best = max(choices, key=lambda choice: _merit(heads[choice], wanted))
    head, *rows = heads[best]
    header = list(head.names)
    if quote is None and len(header) > 1 and all(_APART.fullmatch(cell) for cell in header):
        return dialect_of(path, codec, wanted, delimiter=best, quote="'")
    if mark and f"\n{mark}1{mark}{best}" in text and _names_rows(rows, len(header)):
        header = ["", *header]
    return Dialect(best, mark, tuple(header), head.begin, head.end - head.begin, escaped)


class _Row(NamedTuple):
    """A row at the beginning of a text, between the numbers of lines that lie before and in it."""

    cells: list[str]
    begin: int
    end: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(cell.replace("\ufeff", "").strip() for cell in self.cells)


def header_at(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    """Tell which of the first rows is the header: with the wanted names, else of a table's width.

    Above it may stand a title, comments, or notes: rows with fewer filled cells. What holds a
    number or a date is below it: the first row names its columns then, some of them not at all.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    notes = [n < 2 or row[0].startswith("# ") for n, row in zip(filled, rows, strict=True)]
    at = next((n for n, row in enumerate(rows) if wanted and set(row) >= set(wanted)), -1)
    if at >= 0 and all(notes[n] or filled[n] < filled[at] for n in range(at)):
        return at
    if not notes[0] or all(notes):
        return 0
    at = notes.index(False)
    if any(_VALUE.fullmatch(cell.strip()) for cell in rows[at]):
        return 0
    alike = sum(len(row) == len(rows[at]) for row in rows[at:])
    return at if alike > max(1, _MOST_ALIKE * (len(rows) - at)) else 0


def _names_rows(rows: list[_Row], width: int) -> bool:
    """Tell whether each row begins with a number that the header does not name, as R writes it."""
    cells = [row.cells for row in rows]
    if any(len(row) != width + 1 or not row[0].isdecimal() for row in cells):
        return False
    rising = all(int(a[0]) < int(b[0]) for a, b in pairwise(cells))
    return rising and any(row[-1].strip() for row in cells)


def _choices(path: Path) -> tuple[str, ...]:
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return ("\t", *_DELIMITERS) if suffixes & {".tsv", ".tab"} else _DELIMITERS


def _rows(text: str, delimiter: str, quote: str) -> list[_Row]:
    """Cut a text's beginning into rows, those without a filled cell left out."""
    quoting: Any = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=quoting,
        skipinitialspace=True,
    )
    rows: list[_Row] = []
    begin = 0
    try:
        for cells in reader:
            row = _Row(cells, begin, reader.line_num)
            begin = row.end
            if any(row.names):
                rows.append(row)
            if len(rows) > 100:
                break
    except csv.Error:
        pass  # what comes before it tells enough
    return rows or [_Row(text.split("\n", 1)[0].split(delimiter), 0, 1)]


def _merit(rows: list[_Row], wanted: Sequence[str]) -> tuple[int, float, int, int]:
    """Prefer the delimiter whose header has the wanted columns and whose rows are as long."""
    header = rows[0].names
    found = sum(column in header for column in wanted)
    alike = sum(len(row.cells) == len(header) for row in rows[1:])
    share = alike / max(1, len(rows) - 1) if len(header) > 1 else 0.0
    return found, share, -rows[0].begin, len(header)


@dataclass(frozen=True)
class Text:
    """A delimited text with the columns to read from it."""

    path: Path
    codec: str
    dialect: Dialect
    columns: tuple[str, ...]
    dates: tuple[str, ...] = ()
    """Columns that hold dates: a line that reads as a row has one there."""

    @property
    def places(self) -> list[int]:
        """The places of the columns in a row."""
        return [self.dialect.header.index(column) for column in self.columns]

    def head(self) -> bytes:
        """Return the beginning of the text."""
        with self.opened() as stream:
            return stream.read(_LEARN_FROM)

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Open the text in UTF-8, its quotation marks doubled where they are not."""
        return text_in_utf8(self.path, self.codec, escaped=self.dialect.escaped)

    @property
    def is_plain(self) -> bool:
        """Whether the file itself can be read in the place of `opened`."""
        return is_plain(self.path) and self.codec == "utf-8" and not self.dialect.escaped


def text_of(
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quote: str | None = None,
    dates: Sequence[str] = (),
) -> Text:
    """Return what is needed to read a text; `columns` are checked by the caller."""
    codec = codec_of(path, encoding)
    dialect = dialect_of(path, codec, columns, delimiter=delimiter, quote=quote)
    return Text(path, codec, dialect, tuple(columns), tuple(dates))
