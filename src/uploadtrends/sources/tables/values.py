"""Fields that hold objects or lists where one value is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.rows import OBJECT, SEPARATOR

if TYPE_CHECKING:
    import duckdb

_SINGLE = {"artist_id": "ids", "upload_id": "ids", "published_at": "dates"}
_MOST = 0.05
"""Share of rows with an object above which the column does not hold what was said."""


def settle_values(
    con: duckdb.DuckDBPyConnection, path: Path, columns: Mapping[str, str], cell: Mapping[str, str]
) -> bool:
    """Refuse objects for ids and dates, and take a list of equal dates for that date.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With `input_rows`.
    path : Path
    columns : mapping of str to str
        From fields to columns.
    cell : mapping of str to str
        From columns to their names in `input_rows`.

    Returns
    -------
    bool
        Whether there are objects among the ids.

    Raises
    ------
    InputError
        A column holds objects: nobody can tell which of their fields is meant.
    """
    fields = [field for field in _SINGLE if field in columns]
    date, mark = cell[columns["published_at"]], f"chr({ord(SEPARATOR)})"
    counts = [f"count(*), count(*) FILTER (contains({date}, {mark}))"]
    for field in fields:
        text = cell[columns[field]]
        marked = f"contains({text}, chr({ord(OBJECT)}))"
        counts.append(f"count(*) FILTER ({marked}), any_value({text}) FILTER ({marked})")
    n, several, *found = con.sql(f"SELECT {', '.join(counts)} FROM temp.input_rows").fetchall()[0]
    for field, marked, example in zip(fields, found[::2], found[1::2], strict=True):
        if marked > _MOST * n:
            raise _objects(con, path, field, columns[field], example)
    if several:  # the pictures of one work each have its date
        listed = f"list_distinct(string_split({date}, {mark}))"
        con.execute(
            f"UPDATE temp.input_rows SET {date} = {listed}[1] "
            f"WHERE contains({date}, {mark}) AND len({listed}) = 1"
        )
    return any(n for field, n in zip(fields, found[::2], strict=True) if _SINGLE[field] == "ids")


def _objects(
    con: duckdb.DuckDBPyConnection, path: Path, field: str, column: str, example: str
) -> InputError:
    keys = con.sql(
        f"SELECT try(json_keys(rtrim(split_part($1, chr({ord(OBJECT)}), 2), "
        f"chr({ord(SEPARATOR)}))))",
        params=[example],
    ).fetchall()[0][0]
    return InputError(
        f"the column holds objects, not {_SINGLE[field]}",
        file=path,
        column=column,
        fix=f"name the field that is the {field}, one of "
        + ", ".join(f"{column}.{key}" for key in keys or ["id"]),
    )
