"""JSON Lines of any size into DuckDB at its own speed, with the line number of every bad line.

A first attempt asks DuckDB to stop at bad lines, which is fastest; most files are clean. Otherwise
DuckDB's parser carries on after a bad line when asked to, and gives a row of NULLs in its place.
(A value that does not fit its column's type becomes NULL on its own, which would go unnoticed:
where that matters, columns are read as JSON and checked.) Only when there are bad rows the file is
read a second time, in order, to learn their line numbers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.records import Reject
from uploadtrends.sources.moments import quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.staging import EXCERPT_LENGTH, setting, stage_records
from uploadtrends.sources.unpacking import (
    LONGEST_LINE,
    TOO_LONG,
    Piece,
    is_plain,
    open_text,
    pieces,
)
from uploadtrends.sources.watched import watched

if TYPE_CHECKING:
    import duckdb

_BLANK = b" \t\n\v\f\r"
"""What DuckDB skips between records: C's isspace."""
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
    progress: Progress | None = None,
) -> int:
    """Create the temporary table `into` from a JSON Lines file; bad lines go to `stage_reject`.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    path : Path
        JSON Lines: plain, gzip, xz or zstd, or the first file in a tar of any of these.
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
    progress : callable, optional

    Returns
    -------
    int
        Number of records read, bad ones included.
    """
    import duckdb

    reader = _Reader(con, path, into, columns, select, reason, progress)
    if is_plain(path):
        try:
            return reader.read(iter([Piece(path, 0, path.stat().st_size)]))
        except duckdb.InvalidInputException as error:
            if "maximum_object_size" not in str(error):
                raise
    # Pieces have the lines that are too long for any record cut out.
    return reader.read(pieces(path))


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
        import duckdb

        con, n_read, n_kept, bytes_done = self.con, 0, 0, 0
        con.execute(f"DROP TABLE IF EXISTS temp.{self.into}")
        for piece in parts:
            rows = self.select.replace(POSITION, f"{n_read} + {POSITION}")
            new = n_read == 0
            verb = f"CREATE TEMP TABLE {self.into} AS" if new else f"INSERT INTO temp.{self.into}"
            query = f"{verb} SELECT {rows}, {self.reason} AS bad FROM "
            try:
                self._run(query + self._scan(piece, strict=True), n_read, bytes_done, piece)
            except duckdb.InvalidInputException:
                self._run(query + self._scan(piece), n_read, bytes_done, piece)
            counts = con.sql(f"SELECT count(*), count(bad) FROM temp.{self.into}").fetchall()[0]
            n_read += counts[0] - n_kept
            if counts[1]:
                self._place_bad_lines(piece)
                con.execute(f"DELETE FROM temp.{self.into} WHERE bad IS NOT NULL")
            n_kept = counts[0] - counts[1]
            bytes_done = piece.bytes_done
            self._tell(n_read, bytes_done)
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
            f"columns={{{typed}}}, ignore_errors={str(not strict).lower()}, "
            f"compression='none', maximum_object_size={LONGEST_LINE})"
        )

    def _place_bad_lines(self, piece: Piece) -> None:
        with setting(self.con, "preserve_insertion_order", "true"):
            bad = dict(
                self.con.sql(
                    f"SELECT record, bad FROM (SELECT {POSITION} AS record, {self.select}, "
                    f"{self.reason} AS bad FROM {self._scan(piece)}) WHERE bad IS NOT NULL"
                ).fetchall()
            )
        stage_records(self.con, self._rejects(piece, bad))

    @staticmethod
    def _rejects(piece: Piece, bad: dict[int, str]) -> Iterator[Reject]:
        """Number the lines as an editor would: DuckDB counts only lines that are not blank."""
        record = 0
        with piece.file.open("rb") as lines:
            for number, line in enumerate(lines, start=piece.lines_before + 1):
                if not line.strip(_BLANK):
                    continue
                record += 1
                reason = bad.get(record)
                if reason is None:
                    continue
                if line == TOO_LONG:
                    reason = TOO_LONG.decode().strip().strip('"')
                shown = line[:EXCERPT_LENGTH].decode("utf-8", "replace").replace("\0", "\\0")
                yield Reject(f"line {number}", reason, shown.rstrip("\r\n"))


def sample_records(path: Path, n: int = 200) -> list[dict[str, Any]]:
    """Return the first readable records of a JSON Lines file.

    Raises
    ------
    InputError
        None of the first lines is a JSON object, or the file is missing, empty or damaged.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, fix="check the path")
    with open_text(path) as stream:
        head = stream.read(4 << 20)
    if not head.strip():
        raise InputError("the file is empty", file=path, fix="is it still being written?")
    records: list[dict[str, Any]] = []
    for line in head.splitlines()[: 10 * n]:
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                records.append(record)
        if len(records) == n:
            break
    if not records:
        raise InputError(
            "none of the first lines is a JSON object",
            file=path,
            value=head[:60],
            fix="the format is JSON Lines: one object a line"
            + (" (this is a JSON array: `jq -c '.[]'` converts it)" if head[:1] == b"[" else ""),
        )
    return records
