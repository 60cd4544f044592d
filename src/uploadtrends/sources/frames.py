"""Files as pandas frames, in any form that `table` reads: series by date, and tables with ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.series.labels import form_of_dates
from uploadtrends.sources.moments import Formats, doubt, moment, name, quote, register_functions
from uploadtrends.sources.reading.cells import id_doubt, identity, something, unescaped
from uploadtrends.sources.reading.forms import form_of
from uploadtrends.sources.staging import create_stage_tables, drop_stage_tables
from uploadtrends.sources.tables.numbers import (
    check_decimal,
    no_number,
    settle_numbers,
    settle_periods,
)
from uploadtrends.sources.tabular import Reading, cells, columns_of, periods_in_columns, read_rows

_MIDNIGHT = "([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(:00([.]0+)?)? ?(Z|[+-][0-9]{2}:?[0-9]{2})"


def read_frame(
    path: str | Path,
    *,
    date_format: Formats = None,
    decimal: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quote: str | None = None,
    table: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    """Return the numbers of a file by date.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON, Parquet, SQLite or Excel, packed or not; the first column is the date.
    decimal : {".", ","}, optional
        Decimal mark of the numbers; the other mark may stand between thousands. Default: ".",
        without marks between thousands.
    date_format, encoding, delimiter, quote, table, sheet
        As for `Table`.

    Returns
    -------
    pandas.DataFrame
        One column a series, in the order of the file, indexed by date; empty cells are missing.

    Raises
    ------
    InputError
        A date or a number cannot be read, or a number could be read in two ways.
    """
    check_decimal(decimal)
    path, reading = Path(path), Reading(encoding, delimiter, quote, table, sheet)
    with _staging() as con:
        present = columns_of(con, path, reading)
        first, *others = present
        if first == "" and len(others) > 1 and _counts(con, path, reading):
            first, *others = others
        named = [column for column in others if column]
        if first.lower() == "year" and named and named[0].lower() in ("month", "quarter", "week"):
            raise InputError(
                f"the dates stand in two columns, '{first}' and '{named[0]}'",
                file=path,
                fix="write them in one, such as 2022-08",
            )
        if not named:
            raise InputError("there is no column beside the dates", file=path, fix="give a series")
        _read_all(con, path, [first, *named], reading=reading, dates=[first])
        cell = cells([first, *named])
        date = cell[first]
        _drop_offsets(con, date)
        _refuse_ids(con, path, first, date)
        if date_format is None:
            settle_periods(con, date)
        when = moment(date, date_format=date_format)
        bad = con.sql(
            f"SELECT {date}, {doubt(when, date, earliest='0001-01-01', date_format=date_format)} "
            f"AS reason FROM temp.input_rows WHERE {when} IS NULL ORDER BY position LIMIT 1"
        ).fetchall()
        if bad:
            raise InputError(
                "a date cannot be read",
                file=path,
                column=first,
                value=bad[0][0] or "",
                fix=_date_fix(con, date, named, given=date_format is not None),
            )
        for column in named:
            text = cell[column]
            settle_numbers(con, path, column, text, decimal, reading)
            words = con.sql(
                f"SELECT {text} FROM temp.input_rows WHERE {text} IS NOT NULL "
                f"AND NOT isfinite(coalesce(try_cast({text} AS DOUBLE), 'inf')) "
                "ORDER BY position LIMIT 1"
            ).fetchall()
            if words:
                raise no_number(path, column, words[0][0])
        numbers = ", ".join(f"try_cast({cell[column]} AS DOUBLE)" for column in named)
        rows = con.sql(
            f"SELECT {when}, {numbers} FROM temp.input_rows ORDER BY position"
        ).fetchall()
    index = pd.DatetimeIndex([row[0] for row in rows], name=first)
    frame = pd.DataFrame([row[1:] for row in rows], index=index, columns=named, dtype="float64")
    whole = [c for c in named if frame[c].notna().all() and (frame[c] % 1 == 0).all()]
    return frame.astype(dict.fromkeys(whole, "int64"))


def _date_fix(
    con: duckdb.DuckDBPyConnection, date: str, others: Sequence[str], *, given: bool
) -> str:
    """Say which format reads every date, if one does."""
    if periods_in_columns(others):
        return "the periods stand in columns: turn the table, one row a period"
    if given:
        return "correct date_format, or write YYYY-MM-DD"
    texts = con.sql(f"SELECT {date} FROM temp.input_rows ORDER BY position").fetchall()
    found = form_of_dates(pd.Index([text or "" for (text,) in texts], dtype=str))
    form, added = found or ("", "")
    if added or "%" not in form:  # ISO8601 is a word of pandas alone
        return "write YYYY-MM-DD"
    return f"say date_format={form!r}, which reads every row"


_NUMBER = "[+-]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?"
"""007 is none."""


def read_table(path: str | Path, *, ids: Sequence[str] = ()) -> pd.DataFrame:
    """Return a file's columns, ids as they are written.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON, Parquet, SQLite or Excel, packed or not.
    ids : sequence of str
        Columns of ids, if the file has them: text, as `Table` reads ids (``007`` stays so, ``12.0``
        is 12).

    Returns
    -------
    pandas.DataFrame
        Other columns hold numbers where every cell is one, True and False where every cell is that,
        else text. Words for nothing (NULL, NA, ...) are missing values. Parquet has types itself.

    Raises
    ------
    InputError
        The file cannot be read, two of its columns have one name, or an id was rounded.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "adopters.csv"
    >>> _ = file.write_text("artist_id,month\\n007,5\\n7,6\\n")
    >>> read_table(file, ids=["artist_id"]).values.tolist()
    [['007', 5], ['7', 6]]
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size and form_of(path) == "parquet":
        typed = pd.read_parquet(path)
        named = [column for column in ids if column in typed]
        return typed.assign(**{c: typed[c].convert_dtypes().astype("string") for c in named})
    with _staging() as con:
        columns = [column for column in columns_of(con, path, None) if column]
        if twice := {column for column in columns if columns.count(column) > 1}:
            raise InputError(
                "two columns have one name", file=path, column=min(twice), fix="rename one"
            )
        _read_all(con, path, columns)
        chosen = []
        for column, cell in cells(columns).items():
            text = something(unescaped(cell) if column in ids else cell)
            con.execute(f"UPDATE temp.input_rows SET {cell} = {text}")
            if column in ids:
                _refuse_doubtful(con, path, column, cell)
                chosen.append(f"{identity(cell)} AS {name(column)}")
            else:
                chosen.append(f"{_typed(con, cell)} AS {name(column)}")
        rows = con.sql(f"SELECT {', '.join(chosen)} FROM temp.input_rows ORDER BY position")
        frame: pd.DataFrame = rows.df()
    return frame


def _typed(con: duckdb.DuckDBPyConnection, cell: str) -> str:
    """Return the SQL of a column as what all of its cells are."""
    number = (
        f"regexp_full_match({cell}, {quote(_NUMBER)}) AND try_cast({cell} AS DOUBLE) IS NOT NULL"
    )
    n, given, numbers, whole, truths = con.sql(
        f"SELECT count(*), count({cell}), count(*) FILTER ({number}), "
        f"count(try_cast({cell} AS BIGINT)) FILTER (regexp_full_match({cell}, '[+-]?[0-9]+')), "
        f"count(*) FILTER (lower({cell}) IN ('true', 'false')) FROM temp.input_rows"
    ).fetchall()[0]
    if numbers == given:
        return f"CAST({cell} AS {'BIGINT' if whole == n else 'DOUBLE'})"
    return f"CAST({cell} AS BOOLEAN)" if truths == given else cell


def _refuse_doubtful(con: duckdb.DuckDBPyConnection, path: Path, column: str, cell: str) -> None:
    doubted = id_doubt(identity(cell), cell)
    found = con.sql(
        f"SELECT {cell}, {doubted} FROM temp.input_rows WHERE {doubted} IS NOT NULL LIMIT 1"
    ).fetchall()
    if found:
        raise InputError(
            str(found[0][1]),
            file=path,
            column=column,
            value=found[0][0],
            fix="write ids as text, before any program takes them for numbers",
        )


@contextmanager
def _staging() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    try:
        create_stage_tables(con)
        register_functions(con)
        yield con
    finally:
        drop_stage_tables(con)
        con.close()


def _read_all(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    columns: Sequence[str],
    *,
    reading: Reading | None = None,
    dates: Sequence[str] = (),
) -> None:
    """Fill `input_rows`; no row may be rejected."""
    read_rows(con, path, columns, reading=reading, dates=dates)
    broken = con.sql("SELECT position, reason FROM temp.stage_reject LIMIT 1").fetchall()
    if broken:
        raise InputError(f"{broken[0][0]}: {broken[0][1]}", file=path, fix="correct that line")


def _counts(con: duckdb.DuckDBPyConnection, path: Path, reading: Reading | None) -> bool:
    """Tell whether a first column without a name counts the rows from 0, as pandas writes it."""
    read_rows(con, path, [""], reading=reading)
    (text,) = cells([""]).values()
    (counts,) = con.sql(
        f"SELECT bool_and({text} = CAST(position - 1 AS VARCHAR)) FROM temp.input_rows"
    ).fetchall()[0]
    con.execute("DELETE FROM temp.stage_reject")
    return bool(counts)


def _drop_offsets(con: duckdb.DuckDBPyConnection, date: str) -> None:
    """Take dates that are all midnights of a zone as that zone's days, not as moments in UTC."""
    (days,) = con.sql(
        f"SELECT bool_and(regexp_full_match({date}, {quote(_MIDNIGHT)})) FROM temp.input_rows"
    ).fetchall()[0]
    if days:
        con.execute(f"UPDATE temp.input_rows SET {date} = left({date}, 10)")


_ID = re.compile(r"(^|[^a-z])(id|ids|uid|uuid|nr|no|number|key|rank)$", re.IGNORECASE)
# The key of a calendar's table is a day, under a name that says so: date_key 20210101.
_DAY_KEY = re.compile(r"(^|[^a-z])(date|day)[^a-z]?key$", re.IGNORECASE)


def _refuse_ids(con: duckdb.DuckDBPyConnection, path: Path, column: str, text: str) -> None:
    """Refuse a first column of ids: whole numbers could be read as times since 1970."""
    name = re.sub(r"([a-z])(?=Id$|ID$)", r"\1_", column.strip())
    if not _ID.search(name):
        return
    pattern = "[0-9]{1,7}|[0-9]{9,}" if _DAY_KEY.search(name) else "[0-9]+"
    found = con.sql(
        f"SELECT {text} FROM temp.input_rows WHERE regexp_full_match({text}, '{pattern}') LIMIT 1"
    ).fetchall()
    if found:
        raise InputError(
            "the first column holds ids, and dates are wanted there",
            file=path,
            column=column,
            value=found[0][0],
            fix="put the column of dates first; for one row a work, uploadtrends load table",
        )
