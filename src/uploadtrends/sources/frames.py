"""A file with a date in its first column as a frame of series, in any form that `table` reads."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import Formats, doubt, moment, quote
from uploadtrends.sources.reading.cells import something
from uploadtrends.sources.staging import create_stage_tables, drop_stage_tables
from uploadtrends.sources.tabular import Reading, cells, columns_of, read_rows

_MIDNIGHT = "([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(:00([.]0+)?)? ?(Z|[+-][0-9]{2}:?[0-9]{2})"


def read_frame(
    path: str | Path, *, reading: Reading | None = None, date_format: Formats = None
) -> pd.DataFrame:
    """Return the numbers of a file by date.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON, Parquet, SQLite or Excel, packed or not; the first column is the date.
    reading, date_format
        As for `Table`.

    Returns
    -------
    pandas.DataFrame
        One column a series, in the order of the file, indexed by date; empty cells are missing.

    Raises
    ------
    InputError
        A date or a number cannot be read.
    """
    path = Path(path)
    con = duckdb.connect()
    try:
        create_stage_tables(con)
        present = columns_of(con, path, reading)
        first, *others = present
        if first == "" and len(others) > 1 and _counts(con, path, reading):
            first, *others = others
        named = [column for column in others if column]
        if not named:
            raise InputError("there is no column beside the dates", file=path, fix="give a series")
        read_rows(con, path, [first, *named], reading=reading, dates=[first])
        broken = con.sql("SELECT position, reason FROM temp.stage_reject LIMIT 1").fetchall()
        if broken:
            raise InputError(f"{broken[0][0]}: {broken[0][1]}", file=path, fix="correct that line")
        cell = cells([first, *named])
        date = cell[first]
        _drop_offsets(con, date)
        for column in named:
            con.execute(f"UPDATE temp.input_rows SET {cell[column]} = {something(cell[column])}")
        _refuse_ids(con, path, first, date)
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
                fix="write YYYY-MM-DD",
            )
        for column in named:
            text = cell[column]
            wrong = con.sql(
                f"SELECT {text} FROM temp.input_rows WHERE {text} IS NOT NULL "
                f"AND NOT isfinite(coalesce(try_cast({text} AS DOUBLE), 'inf')) "
                "ORDER BY position LIMIT 1"
            ).fetchall()
            if wrong:
                raise InputError(
                    "a number cannot be read",
                    file=path,
                    column=column,
                    value=wrong[0][0],
                    fix="leave the cell empty where there is none, or leave the column out",
                )
        numbers = ", ".join(f"try_cast({cell[column]} AS DOUBLE)" for column in named)
        rows = con.sql(
            f"SELECT {when}, {numbers} FROM temp.input_rows ORDER BY position"
        ).fetchall()
    finally:
        drop_stage_tables(con)
        con.close()
    index = pd.DatetimeIndex([row[0] for row in rows], name=first)
    frame = pd.DataFrame([row[1:] for row in rows], index=index, columns=named)
    whole = [c for c in named if frame[c].notna().all() and (frame[c] % 1 == 0).all()]
    return frame.astype(dict.fromkeys(whole, "int64"))


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


def _refuse_ids(con: duckdb.DuckDBPyConnection, path: Path, column: str, text: str) -> None:
    """Refuse a first column of ids: whole numbers could be read as times since 1970."""
    if not _ID.search(re.sub(r"([a-z])(?=Id$|ID$)", r"\1_", column.strip())):
        return
    found = con.sql(
        f"SELECT {text} FROM temp.input_rows WHERE regexp_full_match({text}, '[0-9]+') LIMIT 1"
    ).fetchall()
    if found:
        raise InputError(
            "the first column holds ids, and dates are wanted there",
            file=path,
            column=column,
            value=found[0][0],
            fix="put the column of dates first; for one row a work, uploadtrends load table",
        )
