"""Any file of rows into DuckDB as text, with the place of every row."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.reading import columnar, lite, workbook
from uploadtrends.sources.reading.dialect import text_of
from uploadtrends.sources.reading.encodings import codec_of
from uploadtrends.sources.reading.envelopes import RECORD_KEYS
from uploadtrends.sources.reading.forms import Form, files_of, form_of
from uploadtrends.sources.reading.json_lines import POSITION, read_json_lines, sample_records
from uploadtrends.sources.reading.mending import follow, reject_undecoded, unwrap
from uploadtrends.sources.reading.rows import (
    OBJECT,
    SEPARATOR,
    Rows,
    cells,
    cleaned,
)
from uploadtrends.sources.staging import setting, tally

if TYPE_CHECKING:
    import duckdb

__all__ = ["Reading", "cells", "check_columns", "columns_of", "read_rows"]


_PERIOD = re.compile(r"(19|20)\d\d[-/M.]?\d\d([-/.]\d\d)?")
_VALUE = re.compile(r"\d{4}-\d\d-\d\d.*|\d{9,}")
"""A date or a number where the name of a column should be."""
_MANY = 1_000_000
"""Records of a sample that ends with the beginning of a file."""


@dataclass(frozen=True)
class Reading:
    """How files are read where they do not say it themselves.

    Parameters
    ----------
    encoding : str
        Of text files: any name that Python knows.
    delimiter, quote : str, optional
        Of text files; by default the delimiter is found and the quote is ``"``. An empty `quote`
        means that nothing is quoted.
    table : str, optional
        Table of an SQLite database with several.
    sheet : str, optional
        Sheet of an Excel workbook with several.
    limit : int, optional
        Read about so many rows of each file.
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    quote: str | None = None
    table: str | None = None
    sheet: str | None = None
    limit: int | None = None


def read_rows(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    columns: Sequence[str],
    *,
    reading: Reading | None = None,
    dates: Sequence[str] = (),
    progress: Progress | None = None,
) -> int:
    """Create the temporary table `input_rows` (position BIGINT, then one VARCHAR a column).

    The columns are named by `cells`, so that no name in the file can clash with ours. Rows that
    cannot be taken apart go to `stage_reject`. Empty text becomes NULL; a list becomes its members
    between `rows.SEPARATOR`, an object its text behind `rows.OBJECT`.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    path : Path
        A file, a folder of files, or a pattern such as ``photos.?sv*``.
    columns : sequence of str
        Names, or dotted paths into objects and structs (``author.username``).
    reading : Reading, optional
    dates : sequence of str
        Those of the columns that hold dates; the first holds one in every whole row.
    progress : callable, optional

    Returns
    -------
    int
        The number of records in the files; it equals the rows in `input_rows` and those rejected.

    Raises
    ------
    InputError
        A file is missing, empty, damaged, not in the encoding, or lacks one of `columns`.
    """
    reading = reading or Reading()
    files = files_of(path)
    rows = Rows(con, columns, limit=reading.limit)
    rejected = _count(con, "stage_reject")
    # Row numbers need the order of the file.
    with setting(con, "preserve_insertion_order", "true"):
        for file in files:
            form = form_of(file)
            called = file.name if len(files) > 1 else ""
            rows.begin_file(called, nested=form in ("json", "parquet", "feather"))
            _read(con, rows, file, form, reading, dates, progress)
            rows.flush()
    found = _count(con, "input_rows") + _count(con, "stage_reject") - rejected
    if found != rows.records:
        raise InputError(
            f"{rows.records:,} records but {found:,} rows were read",
            file=path,
            fix="report this file: rows would have been lost",
        )
    tally(con, "read", rows.records)
    return rows.records


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.sql(f"SELECT count(*) FROM temp.{table}").fetchall()[0][0])


def _read(
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    file: Path,
    form: Form,
    reading: Reading,
    dates: Sequence[str],
    progress: Progress | None,
) -> None:
    columns, since = rows.columns, rows.next_position
    if form == "sqlite":
        table = lite.table_of(file, reading.table)
        columns = _roots(file, lite.sqlite_columns(file, table), columns)
        lite.read_sqlite(rows, file, columns, table, progress)
    elif form == "parquet":
        check_columns(file, columnar.parquet_columns(con, file), columns, paths=True)
        columns = columnar.in_texts(con, file, columns)
        columnar.read_parquet(con, rows, file, columns, progress)
    elif form == "feather":
        check_columns(file, columnar.feather_columns(con, file), columns, paths=True)
        columnar.read_feather(con, rows, file, columns)
    elif form == "excel":
        sheet = workbook.read_sheet(file, reading.sheet, columns)
        columns = _roots(file, workbook.header_of(sheet), columns)
        old = workbook.counts_from_1904(file)
        workbook.add_sheet(rows, sheet, columns, dates, since_1904=old)
    elif form == "json":
        _read_json(con, rows, file, codec_of(file, reading.encoding), progress)
    else:
        from uploadtrends.sources.reading.delimited import read_delimited  # brings NumPy

        text = text_of(
            file,
            columns,
            encoding=reading.encoding,
            delimiter=reading.delimiter,
            quote=reading.quote,
            dates=dates[:1],
        )
        columns = _roots(file, text.dialect.header, columns)
        pairs = zip(columns, rows.columns, strict=True)
        dated = tuple(dict.fromkeys(root for root, column in pairs if column in dates[:1]))
        read_delimited(con, rows, replace(text, columns=columns, dates=dated), progress)
        rows.flush()
        unwrap(con, rows.columns)
    if form in ("text", "json") and codec_of(file, reading.encoding) != "utf-8":
        reject_undecoded(con, rows, rows.columns, reading.encoding)
    for column, root in zip(rows.columns, columns, strict=True):
        if column != root == column.split(".")[0]:
            rows.flush()
            follow(con, file, column, cells(rows.columns)[column], since)


def _roots(path: Path, present: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns to read: of a path into the objects of one, that one.

    Letters with marks may be written in two ways.
    """
    found = []
    for column in columns:
        alike = (one for one in present if normalize("NFC", one) == normalize("NFC", column))
        root = column.split(".")[0]
        found.append(
            column if column in present else next(alike, root if root in present else column)
        )
    check_columns(path, present, found)
    return tuple(found)


def columns_of(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    reading: Reading | None = None,
    wanted: Collection[str] = RECORD_KEYS,
) -> list[str]:
    """Return the names of a file's columns (of the first file, where there are several).

    `wanted` are keys that records of JSON may have.
    """
    reading = reading or Reading()
    file = files_of(path)[0]
    form = form_of(file)
    if form == "sqlite":
        return lite.sqlite_columns(file, lite.table_of(file, reading.table))
    if form == "parquet":
        return columnar.parquet_columns(con, file)
    if form == "feather":
        return columnar.feather_columns(con, file)
    if form == "excel":
        return workbook.header_of(workbook.read_sheet(file, reading.sheet))
    if form == "json":
        codec = codec_of(file, reading.encoding)
        return _keys(sample_records(file, wanted=wanted, codec=codec))
    text = text_of(
        file, (), encoding=reading.encoding, delimiter=reading.delimiter, quote=reading.quote
    )
    return list(text.dialect.header)


def check_columns(
    path: Path, present: Sequence[str], wanted: Sequence[str], *, paths: bool = False
) -> None:
    """Raise InputError for the first wanted column that is not there, naming the nearest one.

    With `paths` a dotted path counts as there when its first name is.
    """
    for column in wanted:
        if column not in present and not (paths and column.split(".")[0] in present):
            near = get_close_matches(column.lower(), [text.lower() for text in present], n=1)
            matched = next((text for text in present if near and text.lower() == near[0]), None)
            shown = ", ".join(text or "''" for text in list(present)[:20])
            if any(_VALUE.fullmatch(text) for text in present):
                shown += "; if these are values, write a line with names above them"
            elif periods_in_columns(present):
                shown += "; turn the table, so that a row is an artist's works of one period"
            raise InputError(
                "no such column",
                file=path,
                column=column,
                fix=f"did you mean '{matched}'?" if matched else f"the file has: {shown}",
            )
        if list(present).count(column) > 1:
            raise InputError(
                "two columns have the same name", file=path, column=column, fix="rename one of them"
            )


def periods_in_columns(names: Sequence[str]) -> bool:
    """Tell whether a table has a column a period."""
    return sum(_PERIOD.fullmatch(one) is not None for one in names) > 1


def _keys(sample: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(sample)))


def _read_json(
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    path: Path,
    codec: str,
    progress: Progress | None,
) -> None:
    wanted = [column.split(".")[0] for column in rows.columns]
    sample = sample_records(path, wanted=wanted, codec=codec)
    present = _keys(sample)
    if not set(wanted) <= set(present):  # some have a key only where it says something
        sample = sample_records(path, _MANY, wanted, codec)
        present = _keys(sample)
    check_columns(path, present, rows.columns, paths=True)
    for column in rows.columns:
        if column not in present:
            _check_path(path, sample, column)
    keys = [column if column in present else column.split(".")[0] for column in rows.columns]
    nothing = " AND ".join(f"{name(key)} IS NULL" for key in dict.fromkeys(keys))
    before = rows.next_position - 1
    nested = any(isinstance(record.get(key), list | dict) for record in sample for key in keys)
    last_reject = con.sql("SELECT coalesce(max(rowid), -1) FROM temp.stage_reject").fetchall()[0][0]
    # Plain texts and numbers are read several times faster as texts than as JSON.
    for kind in ("JSON",) if nested else ("VARCHAR", "JSON"):
        con.execute("DELETE FROM temp.stage_reject WHERE rowid > ?", [last_reject])
        text = ", ".join(
            f"{cleaned(name(key) if kind == 'VARCHAR' else _json_text(column, key))} AS {cell}"
            for (column, cell), key in zip(cells(rows.columns).items(), keys, strict=True)
        )
        n = read_json_lines(
            con,
            path,
            into="json_rows",
            columns=dict.fromkeys(keys, kind),
            select=f"{before} + {POSITION} AS position, {text}",
            reason=f"CASE WHEN {nothing} THEN 'not a JSON object with any of the columns' END",
            codec=codec,
            progress=progress,
        )
        if kind == "JSON" or not _may_be_nested(con, list(cells(rows.columns).values())):
            break
    con.execute("ALTER TABLE temp.json_rows DROP COLUMN bad")
    if rows.next_position == 1:
        con.execute("DROP TABLE temp.input_rows")
        con.execute("ALTER TABLE temp.json_rows RENAME TO input_rows")
    else:
        con.execute("INSERT INTO temp.input_rows FROM temp.json_rows")
        con.execute("DROP TABLE temp.json_rows")
    rows.records += n
    rows.next_position += n


def _may_be_nested(con: duckdb.DuckDBPyConnection, named: Sequence[str]) -> bool:
    """Tell whether some text in `json_rows` is that of a list or an object, or looks like one."""
    found = " OR ".join(
        # Comparisons of whole texts are far cheaper than a look at the first character.
        f"(({cell} BETWEEN '[' AND '\\' OR {cell} BETWEEN '{{' AND '|') AND json_valid({cell}))"
        for cell in named
    )
    return bool(con.sql(f"SELECT bool_or({found}) FROM temp.json_rows").fetchall()[0][0])


def _check_path(path: Path, sample: Sequence[dict[str, Any]], column: str) -> None:
    found: set[str] = set()
    for record in sample:
        value: Any = record
        for part in column.split("."):
            value = value[0] if isinstance(value, list) and value else value
            found |= set(value) if isinstance(value, dict) else set()
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return
    raise InputError(
        "no such field in the first records",
        file=path,
        column=column,
        fix=f"fields there: {', '.join(sorted(found)[:20])}",
    )


_WRAPPED = ('"$date"."$numberLong"', '"$date"', '"$oid"', '"$numberLong"', '"_seconds"')
"""Paths to the value in objects that stand for one: of MongoDB (extended JSON) and Firestore."""


def _wrapped(value: str) -> str:
    """Return the SQL of the text in an object that stands for a single value, else NULL."""
    paths = [f"{value} ->> {quote(f'$.{path}')}" for path in _WRAPPED]
    time = f"CASE WHEN {value} ->> '$.json_class' = 'Time' THEN {value} ->> '$.s' END"  # Sankaku's
    return ", ".join([*paths, time])


def _json_text(column: str, key: str) -> str:
    """Return the SQL of a JSON value as text: of a scalar, of a list's members, of an object."""
    value = name(key)
    if column != key:
        inner = column[len(key) + 1 :]
        steps = "".join("." + re.sub(r"(.+)", r'"\1"', part) for part in inner.split("."))
        value = (
            f"CASE WHEN left(CAST({value} AS VARCHAR), 1) = '[' "
            f"THEN to_json(json_extract({value}, {quote('$[*]' + steps)})) "
            f"ELSE json_extract({value}, {quote('$' + steps)}) END"
        )
    member = (
        f"CASE WHEN left(CAST(one AS VARCHAR), 1) IN ('{{', '[') "
        f"THEN chr({ord(OBJECT)}) || CAST(one AS VARCHAR) ELSE one ->> '$' END"
    )
    return (
        f"CASE left(CAST({value} AS VARCHAR), 1) "
        f"WHEN '[' THEN array_to_string(list_transform(json_extract({value}, '$[*]'), "
        f"lambda one: {member}), chr({ord(SEPARATOR)})) "
        f"WHEN '{{' THEN coalesce({_wrapped(value)}, "
        f"chr({ord(OBJECT)}) || CAST({value} AS VARCHAR)) "
        f"ELSE {value} ->> '$' END"
    )
