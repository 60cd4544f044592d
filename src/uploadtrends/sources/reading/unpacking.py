"""Compressed files, zips and tars as plain files of whole lines, a piece at a time.

Nothing is ever unpacked as a whole: a 2.8 GB archive of 20 GB needs the room of one piece.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from uploadtrends.errors import InputError

PIECE = 128 << 20
"""Bytes of a piece, about."""
LONGEST_LINE = 16 << 20
"""A longer line is no record: in pieces it is replaced by `TOO_LONG`."""
TOO_LONG = b'"line longer than 16 MB"\n'
_BLOCK = 4 << 20
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x50\x2a\x4d\x18": "zstd",  # a frame to be skipped, as pzstd writes
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}
_PAPERS = re.compile(r"(?i)\.(md|pdf|html?|rtf)$|(^|/)(readme|licen[cs]e|citation)[^/]*$")
"""What lies beside the data in an archive."""
_DAMAGED = (
    *(EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError),
    *(zipfile.BadZipFile, NotImplementedError),
)


@dataclass(frozen=True)
class Piece:
    """A plain file of whole lines.

    Parameters
    ----------
    file : Path
        Gone after the next piece is asked for, unless it is the input itself.
    lines_before : int
        Lines of the input before the first line of this piece.
    bytes_done : int
        Bytes of the input (as stored) that have been read when this piece ends.
    unit : str
        What its lines are in the input: lines, or records of a document.
    """

    file: Path
    lines_before: int
    bytes_done: int
    unit: str = "line"


def compression(path: Path) -> str | None:
    """Return gzip, zstd, xz, bzip2, zip or None, by the first bytes of the file."""
    with path.open("rb") as handle:
        head = handle.read(6)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def is_plain(path: Path) -> bool:
    """Tell whether a file is neither compressed nor a tar."""
    with path.open("rb") as handle:
        return compression(path) is None and not _is_tar(handle.read(512))


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


@contextmanager
def open_text(path: Path, raw: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Open the unpacked bytes of a plain or compressed file, or of the first file in a tar.

    Parameters
    ----------
    path : Path
    raw : binary file, optional
        The file, already open (its position tells how much has been read).

    Raises
    ------
    InputError
        The file is cut short or damaged; also while reading.
    """
    kind = compression(path)
    handle = raw if raw is not None else path.open("rb")
    try:
        unpacked: Any = handle
        if kind == "gzip":
            unpacked = gzip.GzipFile(fileobj=handle, mode="rb")
        elif kind == "xz":
            unpacked = lzma.LZMAFile(handle)  # noqa: SIM115 - the handle is closed below
        elif kind == "bzip2":
            unpacked = bz2.BZ2File(handle)
        elif kind == "zip":
            unpacked = _only_member(handle, path)
        elif kind == "zstd":
            unpacked = _Zstandard(handle)
        stream: Any = io.BufferedReader(_Readable(unpacked, path), _BLOCK)
        yield _first_member(stream, path) if _is_tar(stream.peek(512)) else stream
    finally:
        if raw is None:
            handle.close()


def _only_member(handle: IO[bytes], path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(handle)
    except zipfile.BadZipFile as error:
        raise _damaged(path, error) from error
    names = [
        member.filename
        for member in archive.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and not Path(member.filename).name.startswith(".")
    ]
    names = [name for name in names if not _PAPERS.search(name)] or names
    if len(names) != 1:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise InputError(
            f"the zip archive holds {len(names)} files: {shown}",
            file=path,
            fix="unpack it and give the file, or the folder",
        )
    try:
        return archive.open(names[0])
    except RuntimeError as error:  # encrypted
        raise InputError(f"the zip archive cannot be read: {error}", file=path) from error


class _Zstandard:
    """Frames of zstd one after the other, with windows up to 2 GB, as `--long=31` writes them."""

    def __init__(self, handle: IO[bytes]) -> None:
        import zstandard

        self._decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._handle = handle
        self._frame: Any = None
        self._waiting = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; nothing at the end."""
        while not self._ready:
            packed = self._waiting or self._handle.read(1 << 18)
            self._waiting = b""
            if not packed:
                if self._frame is not None:
                    raise EOFError("the last frame is not whole")
                return b""
            if self._frame is None:
                self._frame = self._decompressor.decompressobj()
            self._ready = self._unpack(packed)
            if self._frame.eof:
                self._waiting, self._frame = self._frame.unused_data, None
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _unpack(self, packed: bytes) -> bytes:
        import zstandard

        try:
            unpacked: bytes = self._frame.decompress(packed)
        except zstandard.ZstdError as error:
            raise EOFError(str(error)) from error
        return unpacked


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"the file is cut short or damaged ({error})", file=path, fix="download it again"
    )


def _first_member(stream: IO[bytes], path: Path) -> IO[bytes]:
    archive = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115 - closed with the stream
    for member in archive:
        content = archive.extractfile(member) if _is_content(member) else None
        if content is not None:
            return io.BufferedReader(_OnlyMember(archive, content, path), _BLOCK)
    raise InputError("the tar holds no file", file=path)


def _is_content(member: tarfile.TarInfo) -> bool:
    return member.isfile() and not Path(member.name).name.startswith(".")


class _OnlyMember(io.RawIOBase):
    """The first file of a tar; another one behind it stops the reading at its end."""

    def __init__(self, archive: tarfile.TarFile, content: IO[bytes], path: Path) -> None:
        self._archive = archive
        self._content = content
        self._path = path
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._content.read(len(buffer))
        if not data and not self._ended:
            self._ended = True
            while (member := self._archive.next()) is not None:
                if _is_content(member):
                    raise InputError(
                        f"the tar holds several files, {member.name} among them",
                        file=self._path,
                        fix="unpack it and give the file, or the folder",
                    )
        buffer[: len(data)] = data
        return len(data)


class _Readable(io.RawIOBase):
    """Any unpacking object as a raw stream, with its many errors turned into one."""

    def __init__(self, unpacked: Any, path: Path) -> None:
        self._unpacked = unpacked
        self._path = path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._unpacked.read(len(buffer))
        except OSError as error:
            if error.errno is not None:
                raise
            raise _damaged(self._path, error) from error
        except _DAMAGED as error:
            raise _damaged(self._path, error) from error
        buffer[: len(data)] = data
        return len(data)


Opener = Callable[[Path, IO[bytes]], AbstractContextManager[IO[bytes]]]
"""`open_text`, or what opens a file in another encoding."""


def pieces(path: Path, *, size: int | None = None, opener: Opener = open_text) -> Iterator[Piece]:
    """Unpack the input into temporary files of whole lines, one after the other.

    Works on plain files as well. Lines above `LONGEST_LINE` are replaced by `TOO_LONG`, so that
    line numbers stay.
    """
    size = size or PIECE
    lines = 0
    with (
        tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder,
        path.open("rb") as raw,
        opener(path, raw) as stream,
    ):
        file = Path(folder) / "piece.json"
        blocks = _whole_lines(stream)
        more = True
        while more:
            more, written, newlines = False, 0, 0
            with file.open("wb") as out:
                for block in blocks:
                    out.write(block)
                    written += len(block)
                    newlines += block.count(b"\n")
                    if written >= size:
                        more = True
                        break
            if written:
                yield Piece(file, lines, raw.tell())
            lines += newlines


def _whole_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Cut a stream into blocks that end with a line."""
    rest = b""
    skipping = False
    while block := stream.read(_BLOCK):
        if skipping:
            start = block.find(b"\n") + 1
            if not start:
                continue
            block, skipping = block[start:], False
            yield TOO_LONG
        cut = block.rfind(b"\n") + 1
        if cut:
            first = block.find(b"\n") + 1
            head = TOO_LONG if len(rest) + first > LONGEST_LINE else rest + block[:first]
            yield head
            if cut > first:
                yield block[first:cut]
            rest = block[cut:]
        elif len(rest) + len(block) > LONGEST_LINE:
            rest, skipping = b"", True
        else:
            rest += block
    if skipping:
        yield TOO_LONG
    elif rest:
        yield rest
