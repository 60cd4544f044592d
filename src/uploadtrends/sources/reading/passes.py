"""Files that are hashed and whose lines are counted in one pass, while DuckDB reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

BLANK = b" \t\n\v\f\r"
"""What DuckDB skips between records: C's isspace."""
_LONG_LINES = 400
"""Bytes a line, from which on finding its end is faster than looking at every byte."""
_BLOCK = 1 << 18
"""Bytes that stay in the processor's cache between reading and looking."""


class Pass(NamedTuple):
    """What one pass over a file tells.

    Parameters
    ----------
    sha256 : str
        In hex.
    lines : int, optional
        How many there are; None where nobody counted, where they are short, or where one begins
        with a blank and may hold nothing else.
    """

    sha256: str
    lines: int | None = None


_RUNNING: ContextVar[Mapping[Path, Future[Pass]] | None] = ContextVar("running", default=None)


@contextmanager
def running(passes: Mapping[Path, Future[Pass]]) -> Iterator[None]:
    """Let `running_over` find these passes."""
    token = _RUNNING.set(passes)
    try:
        yield
    finally:
        _RUNNING.reset(token)


def running_over(file: Path) -> Future[Pass] | None:
    """Return the pass over a file that somebody has begun, if any."""
    return (_RUNNING.get() or {}).get(file)


def pass_over(file: Path) -> Pass:
    """Hash a file and count its lines."""
    digest = hashlib.sha256()
    lines = _read(file, digest)
    return Pass(digest.hexdigest(), lines)


def count_long_lines(file: Path) -> int | None:
    """Count lines from end to end; None where they are short, or one begins with a blank."""
    return _read(file)


def _read(file: Path, digest: Any = None) -> int | None:
    n, size, counting, ended = 0, 0, True, True
    block = bytearray(_BLOCK)
    view = memoryview(block)
    with file.open("rb", buffering=0) as stream:
        while got := stream.readinto(block):
            if digest:
                digest.update(view[:got])
            elif not counting:
                return None
            if not counting:
                continue
            if ended and block[0] <= 32:
                counting = False
                continue
            at = block.find(b"\n", 0, got)
            while at >= 0:
                n += 1
                if at + 1 < got and block[at + 1] in BLANK:
                    counting = False
                    break
                at = block.find(b"\n", at + 1, got)
            size += got
            counting = counting and size >= _LONG_LINES * n
            ended = block[got - 1] == 10
    return n + (not ended) if counting else None
