"""JSON documents as JSON Lines: arrays, envelopes, objects with commas between or over many lines.

One record after the other is cut out by Python's own JSON decoder and written on a line of its own,
so that a document of any size needs the room of one piece. An envelope is an object that holds the
records in a list: ``{"data": [...]}``. A lone surrogate, half a character that some program wrote,
becomes U+FFFD; a raw control character in a text is escaped; neither costs the row.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import tempfile
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.envelopes import (
    ENVELOPES,
    listed,
    message_of,
    n_wanted,
    records_in,
)
from uploadtrends.sources.reading.unpacking import PIECE, Opener, Piece, open_text

_DECODER = json.JSONDecoder(strict=False)
_LINE = re.compile(rb"[^\r\n]+")
_BLANK = re.compile(r"[\s,;)\x1e]*")
_ASSIGNMENT = re.compile(
    r"\ufeff?\s*(?:(?:/\*.*?\*/|//[^\n]*)\s*)*(?:\)\]\}'?,?\s*)?"
    r"(?:(?:(?:var|let|const)\s+)?[A-Za-z_$][\w.$]*\s*[=(]\s*)?(?=[\[{])"
)
_HALF = re.compile(r"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_HALF_IN_BYTES = re.compile("\udced[\udca0-\udcbf][\udc80-\udcbf]")
_ODD = re.compile(f"{_CONTROL.pattern}|{_NOT_UTF8.pattern}")
NOT_UTF8 = '"not UTF-8"'
"""In the place of a record that cannot be decoded."""
_OPENING = re.compile(
    r'\{(?:\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[-\w.+]+|\{)\s*,?)*\s*"([^"\\]+)"\s*:\s*\[\s*\{'
)
_CHUNK = 1 << 20
_LARGEST = 64 << 20


def is_lines(head: bytes, wanted: Collection[str]) -> bool:
    """Tell whether a text, by its beginning, is JSON Lines: one object a line, without commas.

    `wanted` are keys of a record: an object that has most of them is no envelope.
    """
    if assignment(head[:200].decode("utf-8", "replace")) or head.lstrip()[:1] in (b"\x1e", b'"'):
        return False
    lines = list(islice(lines_of(head.removeprefix(codecs.BOM_UTF8)), 20))
    values = [_parsed(line) for line in lines]
    objects = [value for value in values if isinstance(value, dict)]
    opened = bool(lines) and lines[0].strip()[:1] == b"["
    if opened and (values[0] is None or len(lines) == 1 or not objects):
        return False
    if any(_parsed(line.rstrip()[:-1]) for line in lines if line.rstrip()[-2:] == b"},"):
        return False
    if len(objects) == 1 == len(lines):
        return not _holds(objects[0], wanted)
    if any(_holds(value, wanted) for value in objects):
        return False  # pages, one a line
    # Lines that are broken are rejects among those that are whole.
    return bool(objects) or not lines or lines[0].strip()[:1] != b"{"


def lines_of(text: bytes) -> Iterator[bytes]:
    """Yield the lines that are not blank, one after the other: most callers want the first few."""
    return (found[0] for found in _LINE.finditer(text) if found[0].strip())


def _holds(value: Any, wanted: Collection[str]) -> bool:
    try:
        return records_in(value, wanted) is not None
    except InputError:
        return True  # it says so when the records are read


def assignment(text: str) -> str:
    """Return how a text begins before its JSON.

    An archive of tweets assigns it to a name, answers for scripts hand it to a function or begin
    with ``)]}'``; comments may stand there, too.
    """
    found = _ASSIGNMENT.match(text)
    return found.group(0) if found and found.group(0).strip("\ufeff \t\r\n") else ""


def _parsed(line: bytes) -> Any:
    try:
        return _DECODER.decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def repaired(line: str) -> str | None:
    """Return a broken line with its half characters and control characters mended, else None."""
    line = line.strip()
    if not (_HALF.search(line) or "\t" in line or _CONTROL.search(line)) or "\0" in line:
        return None
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return _one_line(value)


def _one_line(value: Any) -> str:
    text = _HALF_IN_BYTES.sub("\ufffd", json.dumps(value, ensure_ascii=False))
    if _NOT_UTF8.search(text):
        return NOT_UTF8
    return text.encode("utf-8", "replace").decode("utf-8").replace("\n", " ")


class _Document:
    """A document in memory as far as it is needed."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        # Bytes that are no UTF-8 stay marked, so that only their record is lost.
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self.text = ""
        self.at = 0
        self.done = False
        self.n = 0

    def more(self) -> bool:
        """Read on; False at the end."""
        if self.done:
            return False
        block = self._stream.read(max(_CHUNK, len(self.text) - self.at))
        self.done = not block
        self.text = self.text[self.at :] + self._decode(block, not block)
        self.at = 0
        return not self.done

    def peek(self) -> str:
        """Return the next character that is neither blank nor a comma; empty at the end."""
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self) -> tuple[Any, str]:
        """Read one value; return it and its text."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if len(self.text) - self.at > _LARGEST or not self.more():
                    raise self.broken(error) from error
                continue
            if end == len(self.text) and not isinstance(value, dict | list) and self.more():
                continue  # a number may go on
            text, self.at = self.text[self.at : end], end
            return value, text

    def long_envelope(self, wanted: Collection[str]) -> str | None:
        """Return how an envelope begins that is too long to be read whole, up to its records."""
        while len(self.text) - self.at < _CHUNK and self.more():
            pass
        if self.text[self.at : self.at + 1] != "{" or self.done:
            return None
        try:
            _DECODER.raw_decode(self.text, self.at)
        except (ValueError, RecursionError):
            found = _OPENING.match(self.text, self.at)
            if found and (found.group(1) in ENVELOPES or self._holds_records(found, wanted)):
                return found.group(0)
        return None

    def _holds_records(self, opening: re.Match[str], wanted: Collection[str]) -> bool:
        try:
            first, _ = _DECODER.raw_decode(self.text, opening.end() - 1)
        except (ValueError, RecursionError):
            return False
        return n_wanted(first, wanted) > 0

    def close(self, depth: int) -> None:
        """Read what stands behind the records of an envelope; it must end with the file."""
        while len(self.text) - self.at < _CHUNK and self.more():
            pass
        rest = self.text[self.at :]
        self.at = len(self.text)
        if not self.done or rest.count("}") - rest.count("{") < depth:
            raise self.broken("the envelope is not closed")

    def refused(self, error: InputError) -> InputError:
        """Return an error about the envelope with the file's name."""
        return InputError(error.problem, file=self._path, fix=error.fix)

    def broken(self, what: object) -> InputError:
        """Return the error that says where a document breaks."""
        rest = self.text[self.at : self.at + 60]
        of_python = re.match(r"[\[{\s]*'", rest) is not None
        return InputError(
            f"the JSON ends or breaks in record {self.n + 1} ({str(what)[:80]})",
            file=self._path,
            value=rest,
            fix="this is how Python prints, not JSON: write it with json.dump"
            if of_python
            else "download it again, or correct that record",
        )


def records(stream: IO[bytes], path: Path, wanted: Collection[str]) -> Iterator[str]:
    """Yield every record of a document as JSON on one line.

    Raises
    ------
    InputError
        The document is cut short or broken.
    """
    document = _Document(stream, path)
    document.more()
    document.at += len(assignment(document.text[:200]))
    if document.peek() == '"':  # JSON in a text: written twice
        text, _ = document.value()
        if text[:1] in ("[", "{"):
            yield from records(io.BytesIO(text.encode("utf-8", "replace")), path, wanted)
            return
    if document.peek() == "[":
        document.at += 1
        yield from _members(document, wanted, "]")
    elif (opening := document.long_envelope(wanted)) is not None:
        document.at += len(opening) - 1
        yield from _members(document, wanted, "]")
        document.close(opening.count("{") - 1)
    yield from _members(document, wanted, "")


def _members(document: _Document, wanted: Collection[str], end: str) -> Iterator[str]:
    while mark := document.peek():
        if mark == end:
            document.at += 1
            return
        value, text = document.value()
        if (message := message_of(value)) is not None:
            value, text = message, json.dumps(message)
        try:
            inside = records_in(value, wanted)
        except InputError as error:
            raise document.refused(error) from error
        if inside is None and isinstance(value, list) and listed(value) is not None:
            inside = value  # pages, or one array a line
        for one in (value,) if inside is None else inside:
            document.n += 1
            if inside is None and not (_HALF.search(text) or _ODD.search(text)):
                yield text.replace("\n", " ").replace("\r", " ")
            else:
                yield _one_line(one)
    if end:
        raise document.broken("the array has no closing bracket")


def document_pieces(
    path: Path, wanted: Collection[str], opener: Opener = open_text
) -> Iterator[Piece]:
    """Write the records of a document into temporary files of lines, one after the other."""
    with (
        tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder,
        path.open("rb") as raw,
        opener(path, raw) as stream,
    ):
        file = Path(folder) / "piece.json"
        found = records(stream, path, wanted)
        before, more = 0, True
        while more:
            more, written, n = False, 0, 0
            with file.open("wb") as out:
                for line in found:
                    written += out.write(line.encode("utf-8", "replace") + b"\n")
                    n += 1
                    if written >= PIECE:
                        more = True
                        break
            if n:
                yield Piece(file, before, raw.tell(), unit="record")
            before += n
