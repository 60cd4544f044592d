"""Numbers and periods of a series as programs write them, in columns of `input_rows`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import ISO_DAY, quote
from uploadtrends.sources.reading.cells import NOTHING, THOUSANDS
from uploadtrends.sources.reading.dialect import dialect_of
from uploadtrends.sources.reading.encodings import codec_of
from uploadtrends.sources.reading.forms import files_of, form_of

if TYPE_CHECKING:
    import duckdb

    from uploadtrends.sources.tabular import Reading

_MISSING = (*NOTHING, ".", "..", ":")
"""Also what FRED, statistical offices and Eurostat write where there is no number."""
_APART = r"[\s\p{Z}’]"
"""Between thousands, and nowhere else: blanks of any kind; with an apostrophe, Switzerland."""


def check_decimal(decimal: str | None) -> None:
    """Refuse what is no decimal mark."""
    if decimal not in (None, ".", ","):
        raise InputError("decimal", value=decimal, fix="'.' or ','")


def settle_numbers(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    column: str,
    cell: str,
    decimal: str | None,
    reading: Reading,
) -> None:
    """Write the numbers of a column with a point and without marks between thousands.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With `input_rows`.
    path, column
        For the message.
    cell : str
        The column's name in `input_rows`; words for nothing become NULL.
    decimal : {".", ","}, optional
        The decimal mark; None where nobody has said it.
    reading : Reading
        How the file is read.

    Raises
    ------
    InputError
        A number could be read in two ways, or has marks in odd places.
    """
    words = ", ".join(quote(word) for word in _MISSING)
    con.execute(f"UPDATE temp.input_rows SET {cell} = NULL WHERE {cell} IN ({words})")
    apart = f"regexp_replace({cell}, {quote(f'([0-9]){_APART}([0-9])')}, '\\1''\\2', 'g')"
    grouped = f"regexp_full_match({apart}, '{THOUSANDS.format(chr(39) * 2)}([.,][0-9]*)?')"
    con.execute(f"UPDATE temp.input_rows SET {cell} = replace({apart}, '''', '') WHERE {grouped}")

    def first(pattern: str, *, but: str = "") -> str:
        other = f" AND NOT regexp_full_match({cell}, {quote(but)})" if but else ""
        found = con.sql(
            f"SELECT {cell} FROM temp.input_rows WHERE regexp_full_match({cell}, {quote(pattern)})"
            f"{other} ORDER BY position LIMIT 1"
        ).fetchall()
        return str(found[0][0]) if found else ""

    by_commas, by_points = THOUSANDS.format(","), THOUSANDS.format(".")
    wrong = fix = ""
    if decimal is not None:
        mark = "." if decimal == "," else ","
        wrong = first(f".*[{mark}].*", but=f"{THOUSANDS.format(mark)}([{decimal}][0-9]*)?")
        if not wrong:
            plain = f"replace(replace({cell}, '{mark}', ''), '{decimal}', '.')"
            con.execute(f"UPDATE temp.input_rows SET {cell} = {plain}")
    elif odd := first(by_commas):
        wrong, fix = odd, "say decimal='.' if the comma stands between thousands, else decimal=','"
    elif odd := first("[+-]?[0-9.]*,[0-9]+"):
        wrong, fix = odd, "say decimal=',' if the comma is the decimal mark"
    elif (
        (odd := first(by_points))
        and _has_semicolons(path, reading)
        and not first(".+", but=f"{by_points}|[+-]?[0-9]{{1,3}}")
    ):
        wrong, fix = odd, "say decimal=',' if the point stands between thousands, else decimal='.'"
    if wrong:
        raise no_number(path, column, wrong, fix)


def no_number(path: Path, column: str, text: str, fix: str = "") -> InputError:
    """Return the error that says that a text is no number."""
    return InputError(
        "a number cannot be read",
        file=path,
        column=column,
        value=text,
        fix=fix or "leave the cell empty where there is none, or leave the column out",
    )


def _has_semicolons(path: Path, reading: Reading) -> bool:
    """Tell whether a text file is cut at semicolons, as programs write where the comma is taken."""
    file = files_of(path)[0]
    if form_of(file) != "text":
        return False
    codec = codec_of(file, reading.encoding)
    found = dialect_of(file, codec, (), delimiter=reading.delimiter, quote=reading.quote)
    return found.delimiter == ";"


def settle_periods(con: duckdb.DuckDBPyConnection, cell: str) -> None:
    """Write quarters (2022Q1, Q1 2022), ISO weeks (2022-W01) and spans by their first days.

    Spans are what pandas makes of its weeks, ``2022-01-03/2022-01-09``.
    """
    quarter = f"(3 * CAST(regexp_extract({cell}, '[Qq]([1-4])', 1) AS INTEGER) - 2)"
    begin = (
        f"regexp_extract({cell}, '[0-9]{{4}}') || '-' || lpad(CAST({quarter} AS VARCHAR), 2, '0')"
    )
    week = f"regexp_replace({cell}, '([0-9]{{4}})-?W([0-9]{{2}})', '\\1-W\\2-1')"
    monday = f"strftime(try_strptime({week}, '%G-W%V-%u'), '%Y-%m-%d')"
    for form, first_day in (
        ("[0-9]{4}[- ]?[Qq][1-4]|[Qq][1-4][- ]?[0-9]{4}", f"{begin} || '-01'"),
        ("[0-9]{4}-?W[0-9]{2}", f"coalesce({monday}, {cell})"),
        (f"{ISO_DAY}([T ][^/]*)?/{ISO_DAY}.*", f"left({cell}, 10)"),
    ):
        con.execute(
            f"UPDATE temp.input_rows SET {cell} = {first_day} "
            f"WHERE regexp_full_match({cell}, {quote(form)})"
        )
