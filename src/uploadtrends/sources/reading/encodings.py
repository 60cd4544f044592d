"""The encoding of a text, and its bytes as UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.unpacking import open_text

HEAD = 1 << 20
_GUESSES = ("cp1252", "shift_jis", "euc_jp", "gb18030", "euc_kr", "cp1251", "cp1250")
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half a character, as some programs write it; it costs a character, or its row."""
_WIDE = {
    **{codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"},
    **{codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"},
}
_ESCAPED = re.compile(rb'(\\+)"')
_ESCAPE = re.compile(r'\\"(?![,;|\t"\r\n])')
_DOUBLED = re.compile(r'[^,;|\t\r\n]""[^,;|\t\r\n]')


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
def text_in_utf8(
    path: Path, codec: str, raw: IO[bytes] | None = None, *, escaped: bool = False
) -> Iterator[IO[bytes]]:
    """Open the unpacked text of a file, in UTF-8 and without a byte order mark; see `open_text`.

    With `escaped` quotation marks behind a backslash are doubled.
    """
    with open_text(path, raw) as stream:
        plain = _WithoutMark(stream) if codec == "utf-8" else _Transcoded(stream, codec, path)
        text = io.BufferedReader(plain, 1 << 20)
        yield io.BufferedReader(_Doubled(text), 1 << 20) if escaped else text


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


def has_escapes(text: str) -> bool:
    """Tell whether quotation marks in cells are escaped, as Spark and MySQL do, not doubled."""
    escapes = len(_ESCAPE.findall(text))
    return escapes > 0 and escapes > len(_DOUBLED.findall(text))


def doubled(text: bytes) -> bytes:
    """Return a text with escaped quotation marks doubled: ``\\"`` as ``""``."""

    def mark(found: re.Match[bytes]) -> bytes:
        backslashes = len(found[1])
        return b"\\" * (backslashes // 2) + (b'""' if backslashes % 2 else b'"')

    return _ESCAPED.sub(mark, text)


class _Doubled(io.RawIOBase):
    """A stream of UTF-8 with escaped quotation marks doubled."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._raw = self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            block = self._stream.read(1 << 20)
            text = self._raw + block
            cut = len(text.rstrip(b"\\")) if block else len(text)
            self._ready, self._raw = doubled(text[:cut]), text[cut:]
            if not block:
                break
        n = min(len(buffer), len(self._ready))
        buffer[:n], self._ready = self._ready[:n], self._ready[n:]
        return n
