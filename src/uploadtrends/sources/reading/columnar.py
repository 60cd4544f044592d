"""Parquet, Feather, ORC and Stata: typed columns as text, lists and structs by name."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import name, quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.forms import STATA
from uploadtrends.sources.reading.rows import OBJECT, SEPARATOR, Rows
from uploadtrends.sources.watched import watched

_NESTED = {"struct", "map", "union"}


def parquet_columns(con: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the names of a Parquet file's columns.

    Raises
    ------
    InputError
        The file is damaged.
    """
    return list(_types(con, path, _parquet(path)))


def in_texts(con: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a Parquet file to read: of a path into JSON that is text, that text."""
    types = _types(con, path, _parquet(path))
    roots = (column.split(".")[0] for column in columns)
    return tuple(
        root if column not in types and types[root].id == "varchar" else column
        for column, root in zip(columns, roots, strict=True)
    )


def feather_columns(con: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the names of the columns of a Feather file or an Arrow stream."""
    with _arrow(con, path) as scan:
        return list(_types(con, path, scan))


def _types(con: duckdb.DuckDBPyConnection, path: Path, scan: str) -> dict[str, Any]:
    try:
        relation = con.sql(f"SELECT * FROM {scan} LIMIT 0")
    except duckdb.Error as error:
        raise _unreadable(path, error) from error
    return dict(zip(relation.columns, relation.types, strict=True))


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"the file cannot be read: it is cut short or damaged ({str(error)[:80]})",
        file=path,
        fix="download it again",
    )


def _parquet(path: Path) -> str:
    return f"read_parquet({quote(str(path))})"


@contextmanager
def _arrow(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[str]:
    """Give a connection the batches of a Feather file, one at a time; yield the name to scan.

    ORC and Stata are read as a whole.
    """
    import pyarrow as pa
    from pyarrow import feather, ipc, orc

    try:
        with pa.memory_map(str(path)) as source:
            head = source.read(16)
            source.seek(0)
            if STATA.match(head):
                batches = _stata(path).to_reader()
            elif head.startswith(b"ORC"):
                batches = orc.ORCFile(source).read().to_reader()
            elif head.startswith(b"FEA1"):
                batches = feather.read_table(source).to_reader()
            elif head.startswith(b"ARROW1"):
                file = ipc.open_file(source)
                parts = (file.get_batch(n) for n in range(file.num_record_batches))
                batches = pa.RecordBatchReader.from_batches(file.schema, parts)
            else:
                batches = ipc.open_stream(source)
            con.register("arrow_batches", batches)
            try:
                yield "arrow_batches"
            finally:
                con.unregister("arrow_batches")
    except duckdb.NotImplementedException as error:
        raise InputError(
            f"a column has a type that cannot be read ({str(error)[:100]})",
            file=path,
            fix="write that column as text",
        ) from error
    except (pa.ArrowInvalid, ValueError, OSError) as error:
        raise _unreadable(path, error) from error


def _stata(path: Path) -> Any:
    """Return a file of Stata as an Arrow table, its value labels as text."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(pd.read_stata(path), preserve_index=False)
    except (ValueError, IndexError, KeyError, TypeError, EOFError, struct.error) as error:
        raise pa.ArrowInvalid(str(error)) from error


def read_parquet(
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    path: Path,
    columns: Sequence[str],
    progress: Progress | None = None,
) -> None:
    """Add the rows of a Parquet file to `rows`."""
    types = _types(con, path, _parquet(path))
    (n,) = con.sql(
        f"SELECT sum(num_rows) FROM parquet_file_metadata({quote(str(path))})"
    ).fetchall()[0]
    texts = [_text(*_field(column, types, path)) for column in columns]
    size, before = path.stat().st_size, rows.next_position - 1

    def tick(share: float) -> None:
        if progress:
            progress(LoadProgress("reading", before + int(share * n), int(share * size), size))

    watched(con, lambda: rows.insert_select(texts, _parquet(path)), tick)
    rows.records += min(int(n), rows.limit) if rows.limit else int(n)


def read_feather(
    con: duckdb.DuckDBPyConnection, rows: Rows, path: Path, columns: Sequence[str]
) -> None:
    """Add the rows of a Feather file or an Arrow stream to `rows`."""
    n = feather_rows(path)
    with _arrow(con, path) as scan:
        types = _types(con, path, scan)
    with _arrow(con, path) as scan:
        texts = [_text(*_field(column, types, path)) for column in columns]
        try:
            rows.insert_select(texts, scan)
        except duckdb.Error as error:
            raise _unreadable(path, error) from error
    rows.records += min(n, rows.limit) if rows.limit else n


def feather_rows(path: Path) -> int:
    """Count the rows of a Feather file or an Arrow stream, apart from whoever reads them.

    Raises
    ------
    InputError
        The file is damaged.
    """
    with duckdb.connect() as con, _arrow(con, path) as scan:
        try:
            return int(con.sql(f"SELECT count(*) FROM {scan}").fetchall()[0][0])
        except duckdb.Error as error:
            raise _unreadable(path, error) from error


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
        text = f"try(decode({sql}))"
        readable = f"regexp_full_match({text}, '[^\\x00-\\x1f]*')"
        return f"CASE WHEN {readable} THEN {text} ELSE lower(hex({sql})) END"
    if kind.id == "float":
        # Beyond 2 to the 24th such a number has lost its end, which the exponent shows; nine
        # digits are all that it has.
        return (
            f"CASE WHEN abs({sql}) > {1 << 24} THEN printf('%.8e', CAST({sql} AS DOUBLE)) "
            f"ELSE CAST({sql} AS VARCHAR) END"
        )
    return f"CAST({sql} AS VARCHAR)"


def _listed(sql: str, kind: Any) -> str:
    return (
        f"array_to_string(list_transform({sql}, lambda one: {_text('one', kind)}), "
        f"chr({ord(SEPARATOR)}))"
    )
