"""Parquet and Feather: typed columns as text, lists and structs by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.reading.rows import OBJECT, SEPARATOR, Rows

if TYPE_CHECKING:
    import duckdb

_NESTED = {"struct", "map", "union"}


def parquet_columns(con: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the names of a Parquet file's columns.

    Raises
    ------
    InputError
        The file is damaged.
    """
    return list(_types(con, path))


def _types(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    import duckdb

    try:
        relation = con.sql(f"SELECT * FROM {_scan(path)} LIMIT 0")
    except duckdb.Error as error:
        raise InputError(
            "the Parquet file cannot be read: it is cut short or damaged",
            file=path,
            fix="download it again",
        ) from error
    return dict(zip(relation.columns, relation.types, strict=True))


def _scan(path: Path) -> str:
    return f"read_parquet({quote(str(path))})"


def read_parquet(
    con: duckdb.DuckDBPyConnection, rows: Rows, path: Path, columns: Sequence[str]
) -> None:
    """Add the rows of a Parquet file to `rows`."""
    types = _types(con, path)
    texts = [_text(*_field(column, types, path)) for column in columns]
    (n,) = con.sql(
        f"SELECT sum(num_rows) FROM parquet_file_metadata({quote(str(path))})"
    ).fetchall()[0]
    rows.insert_select(texts, _scan(path))
    rows.records += min(int(n), rows.limit) if rows.limit else int(n)


def _field(column: str, types: dict[str, Any], path: Path) -> tuple[str, Any]:
    """Return the SQL and type of a column, or of the field that a dotted path leads to."""
    if column in types:
        return name(column), types[column]
    base, *fields = column.split(".")
    expression, kind = name(base), types[base]
    for field in fields:
        expression, kind = _inside(expression, kind, field, column, path)
    return expression, kind


def _inside(sql: str, kind: Any, field: str, column: str, path: Path) -> tuple[str, Any]:
    if kind.id == "list":
        inner, inner_kind = _inside("one", kind.children[0][1], field, column, path)
        return f"list_transform({sql}, lambda one: {inner})", [inner_kind]
    children = dict(kind.children) if kind.id == "struct" else {}
    if field not in children:
        raise InputError(
            "no such field",
            file=path,
            column=column,
            fix=f"it has: {', '.join(children) or 'no fields'}",
        )
    return f"struct_extract({sql}, {quote(field)})", children[field]


def _text(sql: str, kind: Any) -> str:
    """Return the SQL of a value as text."""
    if isinstance(kind, list):
        return _listed(sql, kind[0])
    if kind.id == "list":
        return _listed(sql, kind.children[0][1])
    if kind.id == "timestamp with time zone":
        return f"strftime(timezone('UTC', {sql}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind.id in _NESTED:
        return f"chr({ord(OBJECT)}) || CAST({sql} AS VARCHAR)"
    if kind.id == "blob":
        return f"try(decode({sql}))"
    return f"CAST({sql} AS VARCHAR)"


def _listed(sql: str, kind: Any) -> str:
    return (
        f"array_to_string(list_transform({sql}, lambda one: {_text('one', kind)}), "
        f"chr({ord(SEPARATOR)}))"
    )
