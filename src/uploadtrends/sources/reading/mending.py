"""What is done to cells as soon as they are read: wrappings off, undecoded rows out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import quote
from uploadtrends.sources.reading.cells import as_cell, written_value
from uploadtrends.sources.reading.rows import UNDECODED, Rows, cells, row_name

if TYPE_CHECKING:
    import duckdb


def unwrap(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
    """Take off what programs write around texts beside quotation marks.

    ``="0012"`` and ``'0012`` keep a spreadsheet from taking ids for numbers; a column whose cells
    all stand between apostrophes or printers' quotation marks was quoted with these.
    """
    named = list(cells(columns).values())
    # Comparisons of whole texts are far cheaper than a look at the first character.
    ranges = (("chr(39)", "'('"), ("'='", "'>'"), ("'\u201c'", "'\u201d'"))
    odd = (" OR ".join(f"{cell} BETWEEN {a} AND {b}" for a, b in ranges) for cell in named)
    found = con.sql(
        f"SELECT {', '.join(f'bool_or({one})' for one in odd)} FROM temp.input_rows"
    ).fetchall()[0]
    for cell, any_odd in zip(named, found, strict=True):
        if not any_odd:
            continue
        con.execute(
            f"UPDATE temp.input_rows SET {cell} = nullif({cell}[3:-2], '') "
            f"WHERE prefix({cell}, '=\"') AND suffix({cell}, '\"')"
        )
        con.execute(
            f"UPDATE temp.input_rows SET {cell} = {cell}[2:] "
            f"WHERE regexp_full_match({cell}, chr(39) || '[0-9]+')"
        )
        for opening, closing in (("chr(39)", "chr(39)"), ("'\u201c'", "'\u201d'")):
            quoted = (
                f"length({cell}) > 1 AND prefix({cell}, {opening}) AND suffix({cell}, {closing})"
            )
            if con.sql(f"SELECT bool_and({quoted}) FROM temp.input_rows").fetchall()[0][0]:
                con.execute(f"UPDATE temp.input_rows SET {cell} = nullif({cell}[2:-2], '')")


def follow(con: duckdb.DuckDBPyConnection, path: Path, column: str, cell: str, since: int) -> None:
    """Put what a dotted path leads to in the place of objects that lie in a column as texts.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With `input_rows`.
    path : Path
        For the message.
    column : str
        The path, ``artist.name``; the cells hold what is under its first name.
    cell : str
        Its name in `input_rows`.
    since : int
        Position of the first row to look at.

    Raises
    ------
    InputError
        No object has such a field, or there are none.
    """
    _, *steps = column.split(".")
    seen: set[str] = set()
    plain = False

    def inside(value: Any, steps: list[str]) -> Any:
        nonlocal plain
        if isinstance(value, list | tuple | set):
            return [inside(one, steps) for one in value]
        if not steps or not isinstance(value, dict):
            plain = plain or value is not None
            return None if steps else value
        seen.update(map(str, value))
        return inside(value.get(steps[0]), steps[1:])

    def followed(text: str) -> str:
        nonlocal plain
        with suppress(ValueError):
            return as_cell(inside(written_value(text), steps))
        plain = True
        return ""

    given = f"{cell} IS NOT NULL AND position >= {since}"
    con.create_function("ut_follow", followed, ["VARCHAR"], "VARCHAR")
    try:
        con.execute(
            f"UPDATE temp.input_rows SET {cell} = nullif(ut_follow({cell}), '') WHERE {given}"
        )
    finally:
        con.remove_function("ut_follow")
    con.execute("UPDATE temp.input_files SET nested = TRUE")
    if (seen or plain) and steps[-1] not in seen:
        raise InputError(
            "no such field",
            file=path,
            column=column,
            fix=f"fields there: {', '.join(sorted(seen)[:20]) or 'none, only texts'}",
        )


def reject_undecoded(
    con: duckdb.DuckDBPyConnection, rows: Rows, columns: Sequence[str], encoding: str
) -> None:
    """Reject rows with bytes that are no character of the encoding: two names might be one."""
    named = cells(columns).values()
    odd = " OR ".join(f"contains({cell}, chr({ord(UNDECODED)}))" for cell in named)
    if con.sql(f"SELECT bool_or({odd}) FROM temp.input_rows").fetchall()[0][0]:
        con.execute(
            f"INSERT INTO temp.stage_reject SELECT {row_name('position', several=rows.several)}, "
            f"{quote(f'not {encoding.upper()}')}, left(concat_ws(',', {', '.join(named)}), 200) "
            f"FROM temp.input_rows WHERE {odd} ORDER BY position"
        )
        con.execute(f"DELETE FROM temp.input_rows WHERE {odd}")
