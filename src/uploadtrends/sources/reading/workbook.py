"""Excel workbooks through python-calamine (the extra `excel`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.rows import Rows


def read_sheet(path: Path, sheet: str | None) -> list[list[Any]]:
    """Return the rows of a sheet from its first filled row on; the header is the first.

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
    return rows


def header_of(rows: list[list[Any]]) -> list[str]:
    """Return the names of the columns."""
    return [as_text(cell) for cell in rows[0]]


def add_sheet(rows: Rows, sheet: list[list[Any]], columns: Sequence[str]) -> None:
    """Add the rows of a sheet to `rows`; rows without any cell are no records."""
    header = header_of(sheet)
    places = [header.index(column) for column in columns]
    for number, row in enumerate(sheet[1 : rows.limit + 1 if rows.limit else None], 2):
        if all(cell == "" for cell in row):
            continue
        rows.records += 1
        if any(isinstance(row[place], str) and "\x00" in row[place] for place in places):
            rows.reject(f"row {number}", "NUL in a cell", [])
            continue
        rows.add([as_text(row[place]) for place in places])


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
