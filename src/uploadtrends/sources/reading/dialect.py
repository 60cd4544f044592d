"""The delimiter, header and encoding of a delimited text, from its beginning."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.unpacking import open_text

HEAD = 1 << 20
_LEARN_FROM = 1 << 18
_DELIMITERS = (",", "\t", ";", "|")
_GUESSES = ("cp1252", "shift_jis", "gb18030", "euc_kr", "cp1251", "cp1250")
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half a character, as some programs write it; it costs a character, or its row."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
        Lines before the header (Excel's ``sep=,``).
    header_lines : int
        Lines of the header itself: names may hold line breaks.
    """

    delimiter: str
    quote: str
    header: tuple[str, ...]
    skip: int
    header_lines: int


def codec_of(path: Path, encoding: str) -> str:
    """Return Python's name of an encoding after a look at the file.

    Raises
    ------
    InputError
        There is no such encoding, or the file is plainly in another one.
    """
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise InputError(
            "this encoding is unknown", value=encoding, fix="a name that Python knows, or 'utf-8'"
        ) from None
    if codec not in ("utf-8", "utf-8-sig"):
        return codec
    with open_text(path) as handle:
        head: bytes = handle.read(HEAD)
    if head.startswith(_UTF16) or _looks_wide(head):
        raise InputError(
            "the file is UTF-16, not UTF-8", file=path, fix="say so with encoding='utf-16'"
        )
    _check_utf8(path, head)
    return "utf-8"


def _looks_wide(head: bytes) -> bool:
    sample = head[:400]
    return len(sample) > 20 and sample[1::2].count(0) > 0.4 * len(sample)


def _check_utf8(path: Path, head: bytes) -> None:
    try:
        _HALF.sub(b"?", head).decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 4:  # a character cut by the end of the sample
            return
        lines = head.splitlines()[:2000]
        bad = [line for line in lines if not is_utf8(line)]
        # Some lines with stray bytes are rejects; a file full of them, or whose header names
        # columns in it, is in another encoding.
        is_json = head.lstrip()[:1] in (b"{", b"[")
        header = bad[:1] == lines[:1] and (not is_json or len(lines) == 1)
        if header or (len(bad) > 2 and len(bad) > 0.05 * len(lines)):
            guess = _guess(b"\n".join(bad))
            raise InputError(
                f"line {head.count(10, 0, error.start) + 1} is not UTF-8, one of {len(bad)} such "
                f"lines near the start: looks like {guess}",
                file=path,
                value=bad[0][:60].decode(guess, "replace"),
                fix=f"say encoding='{guess}', or save the file as UTF-8",
            ) from None


def is_utf8(line: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guess(bad: bytes) -> str:
    """Name the encoding in which the lines have the fewest strange characters."""

    def strange(codec: str) -> float:
        try:
            text = bad.decode(codec)
        except UnicodeDecodeError:
            return 2.0
        beyond = [c for c in text if not c.isascii()]
        # A letter among letters is at home; symbols and half-width kana seldom are.
        lone = sum(not c.isalpha() or "\uff61" <= c <= "\uff9f" for c in beyond)
        return lone / max(1, len(beyond)) + (0.02 if codec != "cp1252" else 0)

    best = min(_GUESSES, key=strange)
    return best if strange(best) < 1 else "latin-1"


@contextmanager
def text_in_utf8(path: Path, codec: str, raw: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Open the unpacked text of a file, in UTF-8 and without a byte order mark; see `open_text`."""
    with open_text(path, raw) as stream:
        if codec == "utf-8":
            yield io.BufferedReader(_WithoutMark(stream), 1 << 20)
        else:
            yield io.BufferedReader(_Transcoded(stream, codec), 1 << 20)


class _WithoutMark(io.RawIOBase):
    """A stream of UTF-8 without the byte order mark at its beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._rest = stream.read(3)
        if self._rest == codecs.BOM_UTF8:
            self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest[: len(buffer)] or self._stream.read(len(buffer))
        self._rest = self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class _Transcoded(io.RawIOBase):
    """Any encoding as UTF-8; bytes that are no character become U+FFFD."""

    def __init__(self, stream: IO[bytes], codec: str) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder(codec)("replace").decode
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = self._stream.read(1 << 20)
            text = self._decode(block, not block)
            self._rest = text.removeprefix("\ufeff").encode("utf-8", "replace")
            if not block:
                break
        n = min(len(buffer), len(self._rest))
        buffer[:n], self._rest = self._rest[:n], self._rest[n:]
        return n


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
        The first line is empty, or a setting is not one ASCII character.
    """
    for what, given in (("delimiter", delimiter), ("quote", quote)):
        if given and (len(given) != 1 or not given.isascii()):
            raise InputError(
                f"the {what} is one ASCII character", value=given, fix="'\\t' is a tab"
            )
    mark = '"' if quote is None else quote
    with text_in_utf8(path, codec) as handle:
        text = handle.read(HEAD).decode("utf-8", "replace")
    skip = 0
    if text[:4].lower() == "sep=":
        first, _, text = text.partition("\n")
        delimiter = delimiter or first.strip()[4:5] or ("\t" if "\t" in first else ",")
        skip = 1
    if not text.split("\n", 1)[0].strip():
        raise InputError("the first line is empty", file=path, fix="it must name the columns")
    choices = (delimiter,) if delimiter else _choices(path)
    heads = {choice: _rows(text, choice, mark) for choice in choices}
    best = max(choices, key=lambda choice: _merit(heads[choice], wanted))
    header, lines = heads[best][0]
    return Dialect(best, mark, tuple(cell.strip() for cell in header), skip, lines)


def _choices(path: Path) -> tuple[str, ...]:
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return ("\t", *_DELIMITERS) if suffixes & {".tsv", ".tab"} else _DELIMITERS


def _rows(text: str, delimiter: str, quote: str) -> list[tuple[list[str], int]]:
    """Cut a text's beginning into rows, each with the number of the line it ends in."""
    quoting: Any = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=quoting,
        skipinitialspace=True,
    )
    rows: list[tuple[list[str], int]] = []
    try:
        for row in reader:
            if row or not rows:
                rows.append((row, reader.line_num))
            if len(rows) > 100:
                break
    except csv.Error:
        if not rows:
            first = text.split("\n", 1)[0]
            rows = [(first.split(delimiter), 1)]
    return rows


def _merit(rows: list[tuple[list[str], int]], wanted: Sequence[str]) -> tuple[int, float, int]:
    """Prefer the delimiter whose header has the wanted columns and whose rows are as long."""
    header = [cell.strip() for cell in rows[0][0]]
    found = sum(column in header for column in wanted)
    alike = sum(len(row) == len(header) for row, _ in rows[1:])
    share = alike / max(1, len(rows) - 1) if len(header) > 1 else 0.0
    return found, share, len(header)


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
        with text_in_utf8(self.path, self.codec) as stream:
            return stream.read(_LEARN_FROM)


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
