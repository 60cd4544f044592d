"""JSON of any size into DuckDB at its own speed, with the line number of every bad line.

Documents (arrays, envelopes) are cut into lines first, see `documents`.

A first attempt asks DuckDB to stop at bad lines, which is fastest; most files are clean. Otherwise
DuckDB's parser carries on after a bad line when asked to, and gives a row of NULLs in its place.
(A value that does not fit its column's type becomes NULL on its own, which would go unnoticed:
where that matters, columns are read as JSON and checked.) Only when there are bad rows the file is
read a second time, in order, to learn their line numbers.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.records import Reject
from uploadtrends.sources.moments import quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading import documents
from uploadtrends.sources.reading.documents import (
    NOT_UTF8,
    document_pieces,
    is_lines,
    lines_of,
    repaired,
)
from uploadtrends.sources.reading.encodings import is_utf8, text_in_utf8
from uploadtrends.sources.reading.envelopes import RECORD_KEYS
from uploadtrends.sources.reading.passes import BLANK, Pass, count_long_lines, running_over
from uploadtrends.sources.reading.unpacking import (
    LONGEST_LINE,
    TOO_LONG,
    Opener,
    Piece,
    is_plain,
    open_text,
    pieces,
)
from uploadtrends.sources.staging import EXCERPT_LENGTH, setting, stage_records
from uploadtrends.sources.watched import watched

_HEAD = 4 << 20
_AT_ONCE = 5_000
POSITION = "row_number() OVER ()"
"""In `select`: the number of the record; needs the setting preserve_insertion_order."""


def read_json_lines(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    into: str,
    columns: Mapping[str, str],
    select: str,
    reason: str,
    codec: str = "utf-8",
    progress: Progress | None = None,
) -> int:
    """Create the temporary table `into` from a JSON file; bad lines go to `stage_reject`.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    path : Path
        JSON Lines or a document: plain, packed, or the first file in a tar.
    into : str
        Name of the table to create.
    columns : mapping of str to str
        Keys to read and the types they have in `select` and `reason`; a missing key and a null are
        both NULL, and so is a value that cannot be read as that type (any value can be as JSON).
    select : str
        SQL of the columns to keep.
    reason : str
        SQL that is NULL for a good line and else says what is wrong with it. It must find fault
        with a row of NULLs: that is what a line that is not a JSON object looks like.
    codec : str
        Its encoding, by Python's name.
    progress : callable, optional

    Returns
    -------
    int
        Number of records read, bad ones included.
    """
    reader = _Reader(con, path, into, columns, select, reason, progress)
    opener = _opener(codec)
    if not has_lines(path, columns, codec):
        return reader.read(document_pieces(path, columns, opener))
    if is_plain(path) and codec == "utf-8":
        try:
            return reader.read(iter([Piece(path, 0, path.stat().st_size)]))
        except duckdb.InvalidInputException as error:
            if "maximum_object_size" not in str(error):
                raise
    # Pieces have the lines that are too long for any record cut out.
    return reader.read(pieces(path, opener=opener))


def _opener(codec: str) -> Opener:
    return open_text if codec == "utf-8" else lambda path, raw: text_in_utf8(path, codec, raw)


def has_lines(path: Path, wanted: Collection[str], codec: str) -> bool:
    """Tell whether a file is JSON Lines; `wanted` are keys of a record."""
    with text_in_utf8(path, codec) as stream:
        return is_lines(stream.read(_HEAD), wanted)


class _Reader:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        path: Path,
        into: str,
        columns: Mapping[str, str],
        select: str,
        reason: str,
        progress: Progress | None,
    ) -> None:
        self.con = con
        self.path = path
        self.into = into
        self.columns = columns
        self.select = select
        self.reason = reason
        self.progress = progress
        self.bytes_total = path.stat().st_size
        self.started = time.monotonic()
        con.execute("SET enable_progress_bar = true")
        con.execute("SET enable_progress_bar_print = false")

    def read(self, parts: Iterator[Piece]) -> int:
        con, n_read, n_kept, bytes_done = self.con, 0, 0, 0
        con.execute(f"DROP TABLE IF EXISTS temp.{self.into}")
        for piece in parts:
            rows = self.select.replace(POSITION, f"{n_read} + {POSITION}")
            new = n_read == 0
            verb = f"CREATE TEMP TABLE {self.into} AS" if new else f"INSERT INTO temp.{self.into}"
            query = f"{verb} SELECT {rows}, {self.reason} AS bad FROM "
            with ThreadPoolExecutor(max_workers=1) as pool:
                lines = pool.submit(_count_lines, piece.file, running_over(piece.file))
                try:
                    self._run(query + self._scan(piece, strict=True), n_read, bytes_done, piece)
                except duckdb.InvalidInputException:
                    self._run(query + self._scan(piece), n_read, bytes_done, piece)
            counts = con.sql(f"SELECT count(*), count(bad) FROM temp.{self.into}").fetchall()[0]
            n_read += counts[0] - n_kept
            if counts[0] - n_kept != lines.result():
                raise InputError(
                    f"{lines.result():,} lines but {counts[0] - n_kept:,} records were read",
                    file=self.path,
                    fix="report this file: a row would have been lost",
                )
            if counts[1]:
                con.execute(f"DELETE FROM temp.{self.into} WHERE bad IS NOT NULL")
                self._place_bad_lines(piece, n_read - (counts[0] - n_kept))
                con.execute(f"DELETE FROM temp.{self.into} WHERE bad IS NOT NULL")
            n_kept = int(con.sql(f"SELECT count(*) FROM temp.{self.into}").fetchall()[0][0])
            bytes_done = piece.bytes_done
            self._tell(n_read, bytes_done)
        if n_read == 0:
            raise InputError("the file holds no records", file=self.path, fix="check the file")
        return n_read

    def _run(self, statement: str, rows: int, bytes_done: int, piece: Piece) -> None:
        # DuckDB tells how far it is, but not in rows: these are judged by the first lines' length.
        with piece.file.open("rb") as lines:
            start = lines.read(1 << 20)
        about = piece.file.stat().st_size * start.count(b"\n") / max(1, len(start))

        def tick(share: float) -> None:
            done = bytes_done + int(share * (piece.bytes_done - bytes_done))
            self._tell(rows + int(share * about), done)

        watched(self.con, lambda: self.con.execute(statement), tick)

    def _tell(self, rows: int, bytes_done: int) -> None:
        if self.progress:
            seconds = time.monotonic() - self.started
            self.progress(LoadProgress("reading", rows, bytes_done, self.bytes_total, seconds))

    def _scan(self, piece: Piece, *, strict: bool = False) -> str:
        typed = ", ".join(f"{quote(key)}: '{kind}'" for key, kind in self.columns.items())
        return (
            f"read_json({quote(str(piece.file))}, format='newline_delimited', "
            f"columns={{{typed}}}, records=true, ignore_errors={str(not strict).lower()}, "
            f"compression='none', maximum_object_size={LONGEST_LINE})"
        )

    def _place_bad_lines(self, piece: Piece, before: int) -> None:
        with setting(self.con, "preserve_insertion_order", "true"):
            bad = dict(
                self.con.sql(
                    f"SELECT record, bad FROM (SELECT {POSITION} AS record, {self.select}, "
                    f"{self.reason} AS bad FROM {self._scan(piece)}) WHERE bad IS NOT NULL"
                ).fetchall()
            )
        stage_records(self.con, list(self._rejects(piece, bad, before)))

    def _rejects(self, piece: Piece, bad: dict[int, str], before: int) -> Iterator[Reject]:
        """Number the lines as an editor would: DuckDB counts only lines that are not blank."""
        record = 0
        mended: list[tuple[int, str]] = []
        with piece.file.open("rb") as lines:
            for number, line in enumerate(lines, start=piece.lines_before + 1):
                if not line.strip(BLANK):
                    continue
                record += 1
                reason = bad.get(record)
                if reason is None:
                    continue
                if (whole := _mended(line)) is not None:
                    mended.append((before + record, whole))
                    continue
                if line == TOO_LONG or line.strip() == NOT_UTF8.encode():
                    reason = line.decode().strip().strip('"')
                elif not is_utf8(line):
                    reason = "not UTF-8"
                shown = line[:EXCERPT_LENGTH].decode("utf-8", "replace").replace("\0", "\\0")
                yield Reject(f"{piece.unit} {number}", reason, shown.rstrip("\r\n"))
        self._add_mended(mended)

    def _add_mended(self, mended: list[tuple[int, str]]) -> None:
        """Read the lines that lacked no more than a character, each in its old place."""
        for start in range(0, len(mended), _AT_ONCE):
            part = mended[start : start + _AT_ONCE]
            with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
                file = Path(folder) / "mended.json"
                file.write_text("\n".join(line for _, line in part) + "\n", encoding="utf-8")
                places = ", ".join(str(place) for place, _ in part)
                rows = self.select.replace(POSITION, f"([{places}])[{POSITION}]")
                with setting(self.con, "preserve_insertion_order", "true"):
                    self.con.execute(
                        f"INSERT INTO temp.{self.into} SELECT {rows}, {self.reason} AS bad "
                        f"FROM {self._scan(Piece(file, 0, 0))}"
                    )
        if mended:
            wrong = self.con.sql(
                f"SELECT bad, count(*) FROM temp.{self.into} WHERE bad IS NOT NULL GROUP BY bad"
            ).fetchall()
            stage_records(
                self.con,
                (Reject("a mended line", reason, "") for reason, n in wrong for _ in range(n)),
            )


def _count_lines(file: Path, running: Future[Pass] | None) -> int:
    """Count the lines that are not blank."""
    plain = running.result().lines if running else None
    if plain is None and (plain := count_long_lines(file)) is None:
        return _count_short_lines(file)
    return plain


def _count_short_lines(file: Path) -> int:
    n, rest = 0, b""
    with file.open("rb") as stream:
        while block := stream.read(_HEAD):
            text = rest + block
            cut = text.rfind(b"\n") + 1
            rest = text[cut:]
            n += _filled_lines(text[:cut])
    return n + (1 if rest.strip(BLANK) else 0)


def _filled_lines(text: bytes) -> int:
    import numpy as np

    if not text:
        return 0
    a = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(a == 10)
    # Few lines begin with a blank; only then some may hold nothing else.
    starts = a[np.concatenate(([0], ends[:-1] + 1))]
    if (starts > 32).all():
        return len(ends)
    return sum(bool(line.strip(BLANK)) for line in text.split(b"\n"))


def _mended(line: bytes) -> str | None:
    try:
        return repaired(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def sample_records(
    path: Path, n: int = 200, wanted: Collection[str] = RECORD_KEYS, codec: str = "utf-8"
) -> list[dict[str, Any]]:
    """Return the first readable records of a JSON file; `wanted` are keys that they may have.

    Raises
    ------
    InputError
        None of the first lines is a JSON object, or the file is missing, empty or damaged.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, fix="check the path")
    with text_in_utf8(path, codec) as stream:
        head = stream.read(_HEAD)
    if not head.strip():
        raise InputError("the file is empty", file=path, fix="is it still being written?")
    if is_lines(head, wanted):
        lines: Iterable[str | bytes] = islice(lines_of(head), 10 * n)
    else:
        with text_in_utf8(path, codec) as stream:
            lines = list(islice(documents.records(stream, path, wanted), n))
    found: list[dict[str, Any]] = []
    twice: set[str] = set()

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            seen = [key for key, _ in pairs]
            twice.update(key for key in record if seen.count(key) > 1)
        return record

    for line in lines:
        with suppress(ValueError, RecursionError):
            record = json.loads(line, strict=False, object_pairs_hook=once)
            if isinstance(record, dict):
                found.append(record)
        if len(found) == n:
            break
    if twice := twice & set(wanted):
        raise InputError(
            "a key stands twice in one record",
            file=path,
            column=min(twice),
            fix="leave one of them, or rename it",
        )
    if not found:
        shown = head[:60].decode("utf-8", "replace")
        raise InputError(
            "none of the first lines is a JSON object",
            file=path,
            value=shown if shown.isprintable() else None,
            fix="give JSON Lines, an array of objects, or an object that holds such an array",
        )
    return found
