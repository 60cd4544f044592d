"""Excel workbooks through python-calamine (the extra `excel`)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.sources.dates import SERIAL
from uploadtrends.sources.reading.dialect import header_at
from uploadtrends.sources.reading.rows import Rows


def read_sheet(path: Path, sheet: str | None, wanted: Sequence[str] = ()) -> list[list[Any]]:
    """Return the rows of a sheet from its header on; a title above it is left out.

    Raises
    ------
    InputError
        The extra is not installed, there is no such sheet, or several and none is named.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise InputError(
            "reading Excel needs the package python-calamine",
            file=path,
            fix="pip install 'uploadtrends[excel]', or save the sheet as CSV",
        ) from None
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as error:
        raise InputError(
            f"the workbook cannot be read ({error})", file=path, fix="save it again as .xlsx"
        ) from error
    filled = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
    filled = {name: found for name, found in filled.items() if found.total_height}
    if sheet is None and len(filled) == 1:
        sheet = next(iter(filled))
    if sheet is None or sheet not in filled:
        raise InputError(
            "name the sheet to read" if sheet is None else "no such sheet with cells",
            file=path,
            value=sheet,
            fix=f"sheet= one of: {', '.join(filled) or '(all are empty)'}",
        )
    rows: list[list[Any]] = filled[sheet].to_python(skip_empty_area=True)
    head = [[as_text(cell) for cell in row] for row in rows[:100]]
    return rows[header_at(head, wanted) :]


def header_of(rows: list[list[Any]]) -> list[str]:
    """Return the names of the columns."""
    return [as_text(cell) for cell in rows[0]]


def add_sheet(
    rows: Rows,
    sheet: list[list[Any]],
    columns: Sequence[str],
    dates: Sequence[str] = (),
    *,
    since_1904: bool = False,
) -> None:
    """Add the rows of a sheet to `rows`; rows without any cell are no records.

    Where days count from 1904, serial days in `dates` become those that all other workbooks have.
    """
    header = header_of(sheet)
    places = [header.index(column) for column in columns]
    for number, row in enumerate(sheet[1 : rows.limit + 1 if rows.limit else None], 2):
        if all(cell == "" for cell in row):
            continue
        rows.records += 1
        if any(isinstance(row[place], str) and "\x00" in row[place] for place in places):
            rows.reject(f"row {number}", "NUL in a cell", [])
            continue
        texts = [as_text(row[place]) for place in places]
        if since_1904:
            for n, column in enumerate(columns):
                if column in dates and SERIAL.fullmatch(texts[n]):
                    texts[n] = as_text(float(texts[n]) + 1462)
        rows.add(texts)


def counts_from_1904(path: Path) -> bool:
    """Tell whether a workbook counts days from 1904, as Excel for Macintosh once did."""
    try:
        with zipfile.ZipFile(path) as archive:
            book = archive.read("xl/workbook.xml")
    except (KeyError, zipfile.BadZipFile):
        return False
    return re.search(rb"<workbookPr\b[^>]*\bdate1904=.(?:1|true)\b", book) is not None


def as_text(cell: Any) -> str:
    """Write a cell as the text that a CSV would have."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        # Excel keeps 15 digits: a longer number has lost its end, which the exponent shows.
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell).strip()
