"""Every answer as it came, in compressed JSON Lines: the truth that the store is built from.

A crawl is a folder, ``data/raw/<source>/<crawl>/``: `crawl.json` says what was asked for,
``00001.jsonl.gz``, ``00002.jsonl.gz``, ... hold one answer a line. Each line is a gzip member of
its own, so that a process killed while writing tears at most the last line, and ``zcat`` still
reads the rest. Segments are only ever appended to; every process starts a new one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from filelock import FileLock, Timeout

from uploadtrends.collect.wire import Answer, Outcome, Request
from uploadtrends.errors import CollectError, InputError

SEGMENT_BYTES = 64_000_000
_MEMBER = b"\x1f\x8b\x08"
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands: its segment, and its first byte and length in the compressed file."""

    segment: Path
    offset: int
    length: int


class Archive:
    """The answers of one crawl.

    Parameters
    ----------
    folder : Path
        The crawl's folder; made when `write` and absent.
    write : bool
        Whether answers will be appended. One process at a time may.
    prune : callable, optional
        Applied to every JSON body before it is kept; takes out people who asked to be forgotten.

    Raises
    ------
    InputError
        When there is no such crawl.
    CollectError
        When another process is writing to it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        write: bool = False,
        prune: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.folder = folder
        self.damage: list[str] = []
        self._prune = prune
        self._file: BinaryIO | None = None
        self._segment = folder
        self._lock: FileLock | None = None
        if write:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / "writing.lock")
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                raise CollectError(
                    f"another process is collecting into '{folder}'. Fix: wait for it, or stop it"
                ) from None
        elif not folder.is_dir():
            raise InputError("no such crawl", file=folder, fix="look into data/raw/<source>/")
        self._settled: dict[str, Place] = {}
        self._latest: dict[str, Place] = {}
        self.n_answers = 0
        self.latest: datetime | None = None
        """When the last answer came (UTC)."""
        for place, entry in self._scan():
            self._note(entry, place)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the segment and let other processes write."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.release()

    def segments(self) -> list[Path]:
        """Return the segment files in order."""
        return sorted(self.folder.glob("[0-9]*.jsonl.gz"))

    def find(self, request: Request) -> Answer | None:
        """Return the archived answer that need not be asked for again, or None."""
        return self._answer(self._settled.get(request.key), request)

    def last(self, request: Request) -> Answer | None:
        """Return the archived answer to a question, a definite one if there is, or None."""
        return self.find(request) or self._answer(self._latest.get(request.key), request)

    def append(self, answer: Answer) -> None:
        """Keep an answer; when this returns it is on disk."""
        body = answer.body
        if self._prune is not None and body:
            body = self._prune(body)
        entry = {
            "key": answer.request.key,
            "url": answer.request.address,
            "subject": answer.request.subject,
            "at": answer.at.isoformat() + "Z",
            "status": answer.status,
            "outcome": answer.outcome,
            "settled": answer.settled,
            "detail": answer.detail,
            "headers": answer.headers,
        }
        place = self._write(entry | packed(body))
        self._note(entry, place)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield every line as written, oldest first."""
        for _, entry in self._scan():
            yield entry

    def read_plan(self) -> dict[str, Any]:
        """Return what the crawl was asked to do (`crawl.json`), or an empty dict."""
        path = self.folder / "crawl.json"
        return read_plan(path) if path.exists() else {}

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write what the crawl is asked to do, replacing the file in one step."""
        write_atomically(
            self.folder / "crawl.json",
            json.dumps(plan, indent=1, ensure_ascii=False, default=str).encode() + b"\n",
        )

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> dict[str, str]:
        """Replace lines: the one exception to "only ever appended to", for those who leave.

        Parameters
        ----------
        change : callable
            Gets each line; returns it, a changed one, or None to drop it.

        Returns
        -------
        dict
            File name to new sha256, for every segment that changed.
        """
        changed: dict[str, str] = {}
        self.damage = []
        for segment in self.segments():
            lines: list[bytes] = []
            touched = False
            data, end = segment.read_bytes(), 0
            for place, entry in self._read(segment):
                lines.append(data[end : place.offset])  # what cannot be read is not thrown away
                end = place.offset + place.length
                after = change(entry)
                touched = touched or after is not entry
                if after is not None:
                    lines.append(data[place.offset : end] if after is entry else _line(after))
            lines.append(data[end:])
            if touched:
                content = b"".join(lines)
                write_atomically(segment, content)
                changed[segment.name] = hashlib.sha256(content).hexdigest()
        return changed

    def _note(self, entry: dict[str, Any], place: Place) -> None:
        self.n_answers += 1
        at = _at(entry)
        self.latest = max(self.latest or at, at)
        self._latest[entry["key"]] = place
        if entry["settled"]:
            self._settled[entry["key"]] = place

    def _answer(self, place: Place | None, request: Request) -> Answer | None:
        if place is None:
            return None
        with place.segment.open("rb") as file:
            file.seek(place.offset)
            entry = json.loads(gzip.decompress(file.read(place.length)))
        return Answer(
            request,
            cast(Outcome, entry["outcome"]),
            entry["status"],
            unpacked(entry),
            _at(entry),
            entry["headers"],
            entry["detail"],
        )

    def _write(self, entry: dict[str, Any]) -> Place:
        if self._lock is None:
            raise CollectError(f"the archive '{self.folder}' is open for reading only")
        if self._file is None or self._file.tell() > SEGMENT_BYTES:
            if self._file is not None:
                self._file.close()
            names = [int(path.name.partition(".")[0]) for path in self.segments()]
            self._segment = path = self.folder / f"{max(names, default=0) + 1:05d}.jsonl.gz"
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        line = _line(entry)
        place = Place(self._segment, self._file.tell(), len(line))
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        return place

    def _scan(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        self.damage = []
        for segment in self.segments():
            yield from self._read(segment)

    def _read(self, segment: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Yield the lines of a segment; what is torn or damaged is noted and stepped over."""
        data = memoryview(segment.read_bytes())
        offset = 0
        while offset < len(data):
            length, text = _member(data, offset)
            entry = _entry(text) if length else None
            if entry is not None:
                yield Place(segment, offset, length), entry
                offset += length
                continue
            following = bytes(data).find(_MEMBER, offset + 1)
            what = "torn at its end" if following < 0 else "damaged"
            self.damage.append(f"{segment.name} is {what} (byte {offset})")
            if following < 0:
                return
            offset = following


def _member(data: memoryview, offset: int) -> tuple[int, bytes]:
    """Return the length of the gzip member at `offset` and its text; length 0 when unreadable."""
    stream = zlib.decompressobj(31)
    text: list[bytes] = []
    position = offset
    try:
        while not stream.eof and position < len(data):
            piece = data[position : position + _PIECE]
            text.append(stream.decompress(piece))
            position += len(piece)
    except zlib.error:
        return 0, b""
    return (position - len(stream.unused_data) - offset, b"".join(text)) if stream.eof else (0, b"")


def _entry(text: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
        return entry if sha256(unpacked(entry)) == entry["sha256"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"].removesuffix("Z"))


def _line(entry: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(entry, ensure_ascii=False).encode() + b"\n", mtime=0)


def sha256(body: bytes) -> str:
    """Return the hex digest of a body."""
    return hashlib.sha256(body).hexdigest()


def packed(body: bytes) -> dict[str, str]:
    """Return a body as the fields of a line: text where it is text, base64 otherwise."""
    try:
        return {"sha256": sha256(body), "body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"sha256": sha256(body), "base64": base64.b64encode(body).decode()}


def unpacked(entry: dict[str, Any]) -> bytes:
    """Return the body of a line."""
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    text: str = entry["body"]
    return text.encode("utf-8")


def read_plan(path: Path) -> dict[str, Any]:
    """Read a crawl's plan (`crawl.json`).

    Raises
    ------
    InputError
        When it is damaged: without it nobody knows what the answers beside it were asked for.
    """
    try:
        plan = json.loads(path.read_text("utf-8"))
        targets = plan.get("targets", [])
        if not all(isinstance(row["handle"] + row["artist_id"], str) for row in targets):
            raise TypeError("targets")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f"the plan of a crawl cannot be read ({type(error).__name__})",
            file=path,
            fix="restore it from a backup, or move the crawl's folder away; its answers stay in it",
        ) from None
    return cast(dict[str, Any], plan)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it.

    Only its owner can read it: it may hold handles.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
