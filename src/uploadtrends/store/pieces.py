"""What a worker does when sources are loaded on Spark: stage a piece, merge what is of one kind.

Rows of every table travel in one, each in a column of its table's name; a row of the kind "told"
says in JSON what was done.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from uploadtrends.errors import UploadTrendsError
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.protocol import Source
from uploadtrends.sources.reading.forms import files_of, form_of
from uploadtrends.sources.reading.json_lines import has_lines
from uploadtrends.sources.reading.unpacking import is_plain
from uploadtrends.sources.staging import TABLES, create_stage_tables
from uploadtrends.store.loading import EXAMPLES, check
from uploadtrends.store.merge import merge
from uploadtrends.store.version import create

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 20_000
_BLOCK = 16 << 20
# A worker has one core; what is large goes to its disk.
_CONFIG: dict[str, Any] = {"threads": 1, "memory_limit": "2GB"}
_KEYS = {
    "artist": "platform, artist_id",
    "upload": "platform, upload_id",
    "credit": "platform, upload_id",
    "sighting": "platform, artist_id",
    "series": "series_id, platform, grouping, period",
    "reject": "position",
}
"""What has to come together to be merged."""


@dataclass(frozen=True)
class Piece:
    """A source, or some lines of its file.

    Attributes
    ----------
    load, number : int
        Which source, and which piece of it.
    source : Source
    lines : (int, int, int), optional
        The first byte, the end, and the number of lines before.
    """

    load: int
    number: int
    source: Source
    lines: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Staging:
    """How pieces are staged.

    Attributes
    ----------
    buckets : int
        Into how many parts the keys are sorted.
    max_rejects : int or float
    places : sequence of Path
        Where lists of forgotten people may lie.
    key_file : path, optional
    """

    buckets: int
    max_rejects: int | float
    places: Sequence[Path]
    key_file: str | Path | None


def pieces_of(load: int, source: Source, size: int) -> list[Piece]:
    """Cut a source into pieces that can be staged apart, if it is a large file of JSON lines.

    Only where no line has a say in what becomes of another one, but for versions of the same work.
    """
    if isinstance(source, Danbooru2023) and source.tags is None:
        found = files_of(Path(source.path))
        file = found[0]
        if (
            len(found) == 1
            and file.stat().st_size > size
            and form_of(file) == "json"
            and is_plain(file)
            and has_lines(file, ("id", "created_at", "source"), "utf-8")
        ):
            return [Piece(load, n, source, lines) for n, lines in enumerate(_cut(file, size))]
    return [Piece(load, 0, source)]


def _cut(file: Path, size: int) -> Iterator[tuple[int, int, int]]:
    """Cut a file at ends of lines into parts of about so many bytes."""
    first = before = lines = done = 0
    with file.open("rb") as stream:
        while block := stream.read(min(size, _BLOCK)):
            at = block.rfind(b"\n")
            if at >= 0 and done + at + 1 - first >= size:
                head = lines + block.count(b"\n", 0, at + 1)
                yield first, done + at + 1, before
                first, before = done + at + 1, head
            lines += block.count(b"\n")
            done += len(block)
    if first < done:
        yield first, done, before


def staged_rows(piece: Piece, staging: Staging) -> Iterator[pa.RecordBatch]:
    """Stage a piece and yield its rows; an error of ours is told, not raised."""
    with (
        tempfile.TemporaryDirectory(prefix="uploadtrends-") as place,
        duckdb.connect(f"{place}/stage.duckdb", config=_CONFIG) as con,
    ):
        create_stage_tables(con)
        wanted = _columns(con)
        try:
            source = piece.source if piece.lines is None else _part(piece, Path(place))
            source.stage(con, None)
            limit = staging.max_rejects
            if piece.lines is not None:  # judged with the other pieces
                limit = float("inf")
                con.execute(
                    "UPDATE temp.stage_reject SET position = "
                    "'line ' || (CAST(substr(position, 6) AS BIGINT) + ?) "
                    "WHERE regexp_full_match(position, 'line [0-9]+')",
                    [piece.lines[2]],
                )
            examples = con.sql(EXAMPLES).fetchall()
            checked = check(con, source, limit, staging.places, staging.key_file)
            told: dict[str, Any] = {
                "staged": checked.staged,
                "tally": asdict(checked.tally),
                "n_forgotten": checked.n_forgotten,
                "examples": examples,
            }
        except UploadTrendsError as error:
            create_stage_tables(con)
            told = {"error": type(error).__name__, "message": str(error)}
        yield from _told(
            con,
            f"{piece.load} AS load, {piece.number} AS piece",
            told,
            {
                name: f"SELECT CAST(hash({_KEYS[name]}) % {staging.buckets} AS INTEGER) AS bucket, "
                f"row_number() OVER () AS place, {name} "
                f"FROM (SELECT {columns} FROM temp.stage_{name}) AS {name}"
                for name, columns in wanted.items()
            },
        )


def stage_rows(
    batches: Iterator[pa.RecordBatch], pieces: Sequence[Piece], staging: Staging
) -> Iterator[pa.RecordBatch]:
    """Stage the pieces whose numbers are given."""
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from staged_rows(pieces[number], staging)


def merge_rows(
    staged: pa.Table, numbers: Mapping[int, int], complete: Mapping[int, bool]
) -> pa.Table:
    """Merge the staged rows of one bucket as a store would, one load after the other.

    Parameters
    ----------
    staged : pyarrow.Table
    numbers : mapping of int to int
        The crawl that each load is.
    complete : mapping of int to bool
        By load, whether a work comes with all its artists.
    """
    import pyarrow as pa

    with duckdb.connect(config={"threads": 1}) as con:
        create(con)
        told = []
        con.register("given", staged)
        loads = con.sql("SELECT DISTINCT load FROM given ORDER BY load").fetchall()
        for (load,) in loads:
            create_stage_tables(con)
            for name in TABLES:
                con.execute(
                    f"INSERT INTO temp.stage_{name} BY NAME SELECT unnest({name}) FROM given "
                    f"WHERE load = {load} AND kind = '{name}' ORDER BY piece, place"
                )
            added, changed = merge(con, numbers[load], credits_complete=complete[load])
            told.append({"load": load, "added": added, "changed": changed})
        rows = {name: f"SELECT {name} FROM {name} AS {name}" for name in TABLES}
        return pa.Table.from_batches(list(_told(con, "0 AS bucket", told, rows)))


def schemas() -> tuple[pa.Schema, pa.Schema]:
    """Return the columns of staged rows and of merged rows."""
    nothing = Piece(0, 0, _Nothing())
    staged = next(staged_rows(nothing, Staging(1, 1, (), None))).schema
    return staged, merge_rows(staged.empty_table(), {}, {}).schema


class _Nothing:
    """A source without rows."""

    name = "nothing"
    credits_complete = True

    def parameters(self) -> dict[str, Any]:
        return {}

    def inputs(self) -> list[Path]:
        return []

    def stage(self, con: duckdb.DuckDBPyConnection, progress: object) -> None:
        pass


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return SQL for the columns of the stage tables; a source's view may order them otherwise."""
    return {
        name: ", ".join(
            f"CAST({column} AS {kind}) AS {column}"
            for column, kind in con.sql(
                f"SELECT column_name, column_type FROM (DESCRIBE temp.stage_{name})"
            ).fetchall()
        )
        for name in TABLES
    }


def _told(
    con: duckdb.DuckDBPyConnection, keys: str, told: object, rows: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """Yield what there is to tell, then the rows of every table, in one shape."""
    con.execute("CREATE OR REPLACE TEMP TABLE to_tell AS SELECT ? AS told", [json.dumps(told)])
    parts = [f"SELECT {keys}, 'told' AS kind, told FROM temp.to_tell"]
    parts += [f"SELECT {keys}, '{name}' AS kind, * FROM ({sql})" for name, sql in rows.items()]
    reader: Any = con.sql(" UNION ALL BY NAME ".join(parts)).to_arrow_reader(_BATCH)
    yield from reader


def _part(piece: Piece, place: Path) -> Source:
    """Copy the lines of a piece into a file of their own, and return the source that reads it."""
    source: Any = piece.source
    first, end, _ = piece.lines or (0, 0, 0)
    file = files_of(Path(source.path))[0]
    own = place / file.name
    with file.open("rb") as stream, own.open("wb") as part:
        stream.seek(first)
        while first < end and (block := stream.read(min(_BLOCK, end - first))):
            part.write(block)
            first += len(block)
    whole: Source = replace(source, path=own)
    return whole
