"""Any table of rows into DuckDB as text, with the place of every row: CSV, TSV, Parquet, SQLite."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError
from uploadtrends.sources.json_lines import POSITION, read_json_lines, sample_records
from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.staging import setting
from uploadtrends.sources.unpacking import open_text

if TYPE_CHECKING:
    import duckdb

_BATCH = 50_000
_SQLITE_HEADER = b"SQLite format 3\x00"
_CSV_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "INVALID ENCODING": "not UTF-8",
    "UNQUOTED VALUE": "quotation mark never closed",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


def read_rows(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    table: str | None = None,
) -> None:
    """Create the temporary table `input_rows` (position BIGINT, then one VARCHAR a column).

    The columns are named by `cells`, so that no name in the file can clash with ours. Rows that
    cannot be taken apart go to `stage_reject`. Empty text becomes NULL.

    Raises
    ------
    InputError
        The file is missing, empty, not in `encoding`, or lacks one of `columns`.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, fix="check the path")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", file=path, fix="is it still being written?")
    con.execute("DROP TABLE IF EXISTS temp.input_rows")
    kind = _kind(path)
    # Row numbers need the order of the file.
    with setting(con, "preserve_insertion_order", "true"):
        if kind == "sqlite":
            _read_sqlite(con, path, columns, table)
        elif kind == "parquet":
            _read_parquet(con, path, columns)
        elif kind == "json":
            _read_json(con, path, columns)
        else:
            _read_csv(con, path, columns, encoding, "\t" if kind == "tsv" else None)


def cells(columns: Sequence[str]) -> dict[str, str]:
    """Return the names that the columns of a file have in `input_rows`."""
    return {column: f"cell_{n}" for n, column in enumerate(columns)}


def check_columns(path: Path, present: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise InputError for the first wanted column that is not there, naming the nearest one."""
    for column in wanted:
        if column not in present:
            near = get_close_matches(column.lower(), [text.lower() for text in present], n=1)
            matched = next((text for text in present if near and text.lower() == near[0]), None)
            shown = ", ".join(list(present)[:20])
            raise InputError(
                "no such column",
                file=path,
                column=column,
                fix=f"did you mean '{matched}'?" if matched else f"the file has: {shown}",
            )


def _kind(path: Path) -> str:
    with path.open("rb") as handle:
        head = handle.read(16)
    if head.startswith(_SQLITE_HEADER):
        return "sqlite"
    if head.startswith(b"PAR1"):
        return "parquet"
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if any(suffix in (".jsonl", ".ndjson", ".json") for suffix in suffixes):
        return "json"
    return "tsv" if ".tsv" in suffixes or ".tab" in suffixes else "csv"


def _text_columns(columns: Sequence[str]) -> str:
    return ", ".join(
        f"nullif(trim(CAST({name(column)} AS VARCHAR)), '') AS {cell}"
        for column, cell in cells(columns).items()
    )


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str]) -> None:
    source = f"read_parquet({quote(str(path))})"
    present = [row[0] for row in con.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    check_columns(path, present, columns)
    con.execute(
        f"CREATE TEMP TABLE input_rows AS SELECT row_number() OVER () AS position, "
        f"{_text_columns(columns)} FROM {source}"
    )


def _read_csv(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    columns: Sequence[str],
    encoding: str,
    delimiter: str | None,
) -> None:
    duck_encoding = _check_encoding(path, encoding)
    header, delimiter = _header(path, encoding, delimiter)
    check_columns(path, header, columns)
    if len(set(header)) < len(header):
        twice = next(text for text in header if header.count(text) > 1)
        raise InputError(
            "two columns have the same name", file=path, column=twice, fix="rename one of them"
        )
    types = ", ".join(f"{quote(text)}: 'VARCHAR'" for text in header)
    for table in ("csv_rejects", "csv_scans"):
        con.execute(f"DROP TABLE IF EXISTS temp.{table}")
    con.execute(
        f"CREATE TEMP TABLE input_rows AS SELECT row_number() OVER () AS position, "
        f"{_text_columns(columns)} FROM read_csv({quote(str(path))}, auto_detect=false, "
        f"delim={quote(delimiter)}, quote='\"', escape='\"', header=true, columns={{{types}}}, "
        f"encoding={quote(duck_encoding)}, store_rejects=true, rejects_table='csv_rejects', "
        "rejects_scan='csv_scans', rejects_limit=0)"
    )
    reason = " ".join(f"WHEN {quote(k)} THEN {quote(v)}" for k, v in _CSV_REASONS.items())
    con.execute(
        f"INSERT INTO temp.stage_reject SELECT 'line ' || line, "
        f"any_value(CASE CAST(error_type AS VARCHAR) {reason} ELSE error_message END), "
        "any_value(left(csv_line, 200)) FROM csv_rejects GROUP BY line"
    )
    for table in ("csv_rejects", "csv_scans"):
        con.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _check_encoding(path: Path, encoding: str) -> str:
    """Return DuckDB's name of the encoding, after a look at the first megabyte of the file."""
    duck_name = {
        "utf8": "utf-8",
        "latin1": "latin-1",
        "iso88591": "latin-1",
        "utf16": "utf-16",
    }.get(encoding.lower().replace("-", "").replace("_", ""))
    if duck_name is None:
        raise InputError(
            "this encoding cannot be read",
            value=encoding,
            fix="convert the file to UTF-8, or use 'utf-8', 'latin-1' or 'utf-16'",
        )
    with open_text(path) as handle:
        head: bytes = handle.read(1 << 20)
    if duck_name != "utf-8":
        return duck_name
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            "the file is UTF-16, not UTF-8", file=path, fix="say so with encoding='utf-16'"
        )
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else a character cut by the end of the sample
            line = head.count(b"\n", 0, error.start) + 1
            # Some lines with stray bytes are rejects; a file full of them is in another encoding.
            bad = sum(not _is_utf8(text) for text in head.splitlines()[:2000])
            if bad > 2 and bad > 0.05 * min(2000, head.count(b"\n") + 1):
                raise InputError(
                    f"line {line} is not UTF-8, one of {bad} such lines near the start",
                    file=path,
                    value=head[error.start : error.start + 4],
                    fix="save the file as UTF-8, or say encoding='latin-1'",
                ) from None
    return duck_name


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _header(path: Path, encoding: str, delimiter: str | None) -> tuple[list[str], str]:
    with open_text(path) as handle:
        head: bytes = handle.read(1 << 16)
    codec = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    lines = head.decode(codec, "replace").splitlines()
    first = lines[0] if lines else ""
    if not first.strip():
        raise InputError("the first line is empty", file=path, fix="it must name the columns")
    chosen = delimiter or max(",;\t|", key=first.count)
    return next(csv.reader([first], delimiter=chosen)), chosen


def _read_sqlite(
    con: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str], table: str | None
) -> None:
    import pyarrow as pa

    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as lite:
        lite.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = [
            row[0]
            for row in lite.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        if table is None and len(tables) == 1:
            table = tables[0]
        if table is None or table not in tables:
            raise InputError(
                "name the table to read" if table is None else "no such table",
                file=path,
                value=table,
                fix=f"table= one of: {', '.join(tables) or '(the database is empty)'}",
            )
        present = [row[1] for row in lite.execute(f"PRAGMA table_info({name(table)})")]
        check_columns(path, present, columns)
        typed = ", ".join(f"{cell} VARCHAR" for cell in cells(columns).values())
        con.execute(f"CREATE TEMP TABLE input_rows (position BIGINT, {typed})")
        wanted = ", ".join(f"CAST({name(text)} AS TEXT)" for text in columns)
        cursor = lite.execute(f"SELECT {wanted} FROM {name(table)}")
        done = 0
        while rows := cursor.fetchmany(_BATCH):
            batch = {"position": pa.array(range(done + 1, done + 1 + len(rows)), pa.int64())}
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                batch[column] = pa.array(values, pa.string())
            con.register("sqlite_batch", pa.table(batch))
            con.execute(
                f"INSERT INTO temp.input_rows SELECT position, {_text_columns(columns)} "
                "FROM sqlite_batch"
            )
            con.unregister("sqlite_batch")
            done += len(rows)


def _read_json(con: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str]) -> None:
    """Create `input_rows` from JSON Lines."""
    sample = sample_records(path)
    check_columns(path, list(dict.fromkeys(key for row in sample for key in row)), columns)
    text = ", ".join(
        f"nullif(trim({name(key)} ->> '$'), '') AS {cell}" for key, cell in cells(columns).items()
    )
    nothing = " AND ".join(f"{name(key)} IS NULL" for key in columns)
    read_json_lines(
        con,
        path,
        into="input_rows",
        columns=dict.fromkeys(columns, "JSON"),
        select=f"{POSITION} AS position, {text}",
        reason=f"CASE WHEN {nothing} THEN 'not a JSON object with any of the columns' END",
    )
