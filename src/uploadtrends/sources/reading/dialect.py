"""The delimiter, header and encoding of a delimited text, from its beginning."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.unpacking import open_text

HEAD = 1 << 20
_LEARN_FROM = 1 << 18
_MOST_ALIKE = 0.7
_DELIMITERS = (",", "\t", ";", "|")
_GUESSES = ("cp1252", "shift_jis", "euc_jp", "gb18030", "euc_kr", "cp1251", "cp1250")
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half a character, as some programs write it; it costs a character, or its row."""
SEPARATOR = re.compile(r'"?sep=([^\r\n"]?)"?\r?\n', re.IGNORECASE)
"""How Excel is told the delimiter."""
_APART = re.compile("'[^']*'")
_WIDE = {
    **{codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"},
    **{codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"},
}


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
        "".encode(codec)  # some codecs are none of texts
    except LookupError:
        raise InputError(
            "this encoding is unknown", value=encoding, fix="a name that Python knows, or 'utf-8'"
        ) from None
    if codec not in ("utf-8", "utf-8-sig", "utf-16"):
        return codec
    with open_text(path) as handle:
        head: bytes = handle.read(HEAD)
    wide = wide_codec(head)
    if codec == "utf-16":
        return wide if wide is not None and "utf-16" in wide else codec
    if wide is not None:
        raise InputError(
            f"the file is {wide[:6].upper()}, not UTF-8",
            file=path,
            fix=f"say so with encoding='{wide}'",
        )
    _check_utf8(path, head)
    return "utf-8"


def wide_codec(head: bytes) -> str | None:
    """Name the encoding of a text with more than a byte a character, by its beginning, or None."""
    for mark, codec in _WIDE.items():
        if head.startswith(mark):
            return codec
    sample = head[: min(400, len(head) // 2 * 2)]
    for codec, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if len(sample) > 20 and zeros.count(0) > 0.2 * len(zeros):
            text = sample.decode(codec, "replace")
            odd = sum(not one.isprintable() and one not in "\r\n\t\ufeff" for one in text)
            if odd <= 0.02 * len(text):
                return codec
    return None


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
        if codec == "euc_jp" and not any("\u3041" <= c <= "\u30ff" for c in beyond):
            return 2.0  # Chinese and Korean texts have no kana
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
            yield io.BufferedReader(_Transcoded(stream, codec, path), 1 << 20)


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

    def __init__(self, stream: IO[bytes], codec: str, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._decode = codecs.getincrementaldecoder(codec)("replace").decode
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = self._stream.read(1 << 20)
            try:
                text = self._decode(block, not block)
            except UnicodeError as error:
                raise InputError(
                    f"the file is not in the encoding that was said ({error})",
                    file=self._path,
                    fix="say its own, or leave encoding= out to be told what it looks like",
                ) from error
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
    return Dialect(best, mark, tuple(header), head.begin, head.end - head.begin)


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

    Above it may stand a title, comments, or notes: rows with fewer filled cells.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    notes = [n < 2 or row[0].startswith("# ") for n, row in zip(filled, rows, strict=True)]
    at = next((n for n, row in enumerate(rows) if wanted and set(row) >= set(wanted)), -1)
    if at >= 0 and all(notes[n] or filled[n] < filled[at] for n in range(at)):
        return at
    if not notes[0] or all(notes):
        return 0
    at = notes.index(False)
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
