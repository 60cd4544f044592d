"""CSV and its relatives: DuckDB reads what a survey finds clean, an exact reader the rest.

The survey counts the records without reading them, so that nothing is lost unnoticed: where DuckDB
gives another number, or refuses a single row, the exact reader has the last word.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb

from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.dialect import Text
from uploadtrends.sources.reading.exact import read_exactly
from uploadtrends.sources.reading.rows import Rows
from uploadtrends.sources.reading.survey import LONGEST, Survey
from uploadtrends.sources.reading.unpacking import PIECE
from uploadtrends.sources.watched import watched


def read_delimited(
    con: duckdb.DuckDBPyConnection, rows: Rows, text: Text, progress: Progress | None
) -> None:
    """Add the rows of a delimited text to `rows`."""
    survey = _read_clean(con, rows, text, progress)
    if survey is None:
        return
    if survey.unbalanced and text.dialect.delimiter == "\t" and not _quotes(text):
        # Where the marks do not balance, tabs alone may tell the cells: then nothing is quoted.
        unquoted = replace(text, dialect=replace(text.dialect, quote=""))
        survey = _read_clean(con, rows, unquoted, progress)
        if survey is None:
            return
        if survey.ragged == 0:
            text = unquoted
    read_exactly(rows, text, progress)


def _quotes(text: Text) -> bool:
    """Tell whether a text quotes: the names of the columns to read, or most cells of one."""
    mark = text.dialect.quote
    lines = text.head().decode("utf-8", "replace").split("\n")[text.dialect.skip :]
    rows = [line.rstrip("\r").split(text.dialect.delimiter) for line in lines]
    for place in text.places:
        quoted = [
            len(row[place]) > 1 and row[place][0] == row[place][-1] == mark
            for row in rows
            if len(row) == len(text.dialect.header) and row[place]
        ]
        if quoted and (quoted[0] or 2 * sum(quoted) > len(quoted)):
            return True
    return False


def _read_clean(
    con: duckdb.DuckDBPyConnection, rows: Rows, text: Text, progress: Progress | None
) -> Survey | None:
    """Let DuckDB read a text that the survey finds clean; otherwise add no rows and return it."""
    survey = Survey(text.dialect.delimiter, text.dialect.quote, len(text.dialect.header))
    mark = rows.mark()
    if text.is_plain:
        with text.opened() as stream:
            size, done = text.path.stat().st_size, 0
            for block in survey.blocks(stream):
                done += len(block)
                if progress:
                    progress(LoadProgress("counting", survey.records, done, size))
        clean = _is_clean(text, survey) and _duckdb(
            con, rows, text, text.path, progress, header=True
        )
    else:
        clean = _read_pieces(con, rows, text, survey, progress)
    if clean and rows.since(mark) == survey.records - 1 and _is_clean(text, survey):
        rows.records += survey.records - 1
        return None
    rows.back_to(mark)
    return survey


def _is_clean(text: Text, survey: Survey) -> bool:
    # Without quoting, a row of another length may be one that is quoted after all.
    return not survey.odd and (bool(text.dialect.quote) or survey.ragged == 0)


def _read_pieces(
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    text: Text,
    survey: Survey,
    progress: Progress | None,
) -> bool:
    """Unpack a text piece by piece, so that never more than a piece lies on the disk."""
    with (
        tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder,
        text.opened() as stream,
    ):
        piece = Path(folder) / "piece.csv"
        first, more = True, True
        blocks = survey.blocks(stream)
        while more:
            more, written = False, 0
            with piece.open("wb") as out:
                for block in blocks:
                    written += out.write(block)
                    if written >= PIECE:
                        more = True
                        break
            if survey.odd:
                return False
            if written and not _duckdb(con, rows, text, piece, progress, header=first):
                return False
            first = False
    return True


def _duckdb(
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    text: Text,
    file: Path,
    progress: Progress | None,
    *,
    header: bool,
) -> bool:
    dialect = text.dialect
    # Columns are told apart by their places: names may be empty, or occur twice.
    typed = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(len(dialect.header)))
    skip = dialect.skip if header else 0
    scan = (
        f"read_csv({quote(str(file))}, auto_detect=false, delim={quote(dialect.delimiter)}, "
        f"quote={quote(dialect.quote)}, escape={quote(dialect.quote)}, "
        f"header={str(header).lower()}, skip={skip}, columns={{{typed}}}, compression='none', "
        f"max_line_size={LONGEST}, strict_mode=true)"
    )
    cells = [name(f"c{place}") for place in text.places]
    started = rows.next_position

    def tick(share: float) -> None:
        if progress:
            size = file.stat().st_size
            progress(LoadProgress("reading", started, int(share * size), size))

    try:
        watched(con, lambda: rows.insert_select(cells, scan), tick)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException):
        return False
    return True
