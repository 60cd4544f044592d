"""The table `input_rows` that every reader fills: a position, then one text a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uploadtrends.sources.moments import name
from uploadtrends.sources.staging import EXCERPT_LENGTH

if TYPE_CHECKING:
    import duckdb

_BATCH = 50_000
_CONTROLS = [n for n in range(32) if chr(n) not in "\x1d\x1f"]
"""Blanks among them; those left out are ours, see below."""
UNDECODED = "\ufffd"
"""What stands for bytes that are no character of an encoding."""
SEPARATOR = "\x1f"
"""Between the members of a list in one cell."""
OBJECT = "\x1d"
"""Begins a cell that holds an object, which is no value."""


def cells(columns: Sequence[str]) -> dict[str, str]:
    """Return the names that the columns of a file have in `input_rows`."""
    return {column: f"cell_{n}" for n, column in enumerate(columns)}


def cleaned(text: str) -> str:
    """Return the SQL of a text without blanks at its ends, NULL where nothing is left."""
    shown = "".join(f"chr({n}) || " for n in _CONTROLS) + "' '"
    plain = f"trim({text})"
    # Most texts begin and end with a visible ASCII character, which is told much faster.
    visible = "BETWEEN 33 AND 126"
    return (
        f"CASE WHEN {text} >= '!' AND {text} < chr(127) AND unicode(({text})[-1]) {visible} "
        f"THEN {text} ELSE nullif(CASE WHEN unicode(left({plain}, 1)) BETWEEN 0 AND 31 "
        f"OR unicode(right({plain}, 1)) BETWEEN 0 AND 31 "
        f"THEN trim(trim({text}, {shown})) ELSE {plain} END, '') END"
    )


def unmarked(text: str) -> str:
    """Return the SQL of a text without the marks that only readers of nested values may set."""
    first, second = f"chr({ord(SEPARATOR)})", f"chr({ord(OBJECT)})"
    return (
        f"CASE WHEN contains({text}, {first}) OR contains({text}, {second}) "
        f"THEN translate({text}, {first} || {second}, '') ELSE {text} END"
    )


class Rows:
    """Fills `input_rows` and counts what went in.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    columns : sequence of str
        The columns to read.
    limit : int, optional
        Stop after about so many rows.

    Attributes
    ----------
    records : int
        Records that the readers found in their inputs, rejected ones included.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, columns: Sequence[str], *, limit: int | None = None
    ) -> None:
        self._con = con
        self.columns = tuple(columns)
        self.limit = limit
        self.records = 0
        self.next_position = 1
        self._waiting: list[Sequence[str | None]] = []
        self._positions: list[int] = []
        self._rejects: list[tuple[str, str, str]] = []
        self._file = ""
        self.several = False
        self._nested = False
        typed = ", ".join(f"{cell} VARCHAR" for cell in cells(columns).values())
        con.execute(f"CREATE OR REPLACE TEMP TABLE input_rows (position BIGINT, {typed})")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE input_files (starts BIGINT, name VARCHAR, nested BOOLEAN)"
        )

    def begin_file(self, called: str, *, nested: bool) -> None:
        """Note that the rows of another file follow.

        Parameters
        ----------
        called : str
            Its name; empty where it is the only one.
        nested : bool
            Whether its cells may hold lists and objects.
        """
        self._file, self._nested, self.several = called, nested, called != ""
        self._con.execute(
            "INSERT INTO temp.input_files VALUES (?, ?, ?)", [self.next_position, called, nested]
        )

    def insert_select(self, texts: Sequence[str], source: str) -> int:
        """Add the rows of a query in their order; return how many."""
        chosen = ", ".join(self._cell(text) for text in texts)
        limited = f" LIMIT {self.limit}" if self.limit else ""
        before = self.next_position - 1
        row = self._con.execute(
            f"INSERT INTO temp.input_rows SELECT {before} + row_number() OVER (), {chosen} "
            f"FROM {source}{limited}"
        ).fetchone()
        added = int(row[0]) if row else 0
        self.next_position += added
        return added

    def _cell(self, text: str) -> str:
        return cleaned(text) if self._nested else cleaned(unmarked(text))

    def add(self, texts: Sequence[str | None]) -> None:
        """Add one row."""
        self._waiting.append(texts)
        self._positions.append(self.next_position)
        self.next_position += 1
        if len(self._waiting) >= _BATCH:
            self.flush()

    def reject(self, place: str, reason: str, texts: Sequence[str]) -> None:
        """Give one row to `stage_reject`."""
        where = f"{self._file} {place}" if self._file else place
        excerpt = ",".join(texts)[:EXCERPT_LENGTH].replace("\0", "\\0")
        self._rejects.append((where, reason, excerpt.encode("utf-8", "replace").decode()))
        self.next_position += 1
        if len(self._rejects) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not (self._waiting or self._rejects):
            return
        import pyarrow as pa

        if self._waiting:
            batch = {"position": pa.array(self._positions, pa.int64())}
            named = cells(self.columns)
            for cell, texts in zip(named.values(), zip(*self._waiting, strict=True), strict=True):
                batch[cell] = pa.array(texts, pa.string())
            self._con.register("row_batch", pa.table(batch))
            chosen = ", ".join(self._cell(name(cell)) for cell in named.values())
            self._con.execute(
                f"INSERT INTO temp.input_rows SELECT position, {chosen} FROM row_batch"
            )
            self._con.unregister("row_batch")
        if self._rejects:
            columns = zip(*self._rejects, strict=True)
            texts_of = dict(zip(("position", "reason", "excerpt"), map(list, columns), strict=True))
            self._con.register("reject_batch", pa.table(texts_of))
            self._con.execute("INSERT INTO temp.stage_reject SELECT * FROM reject_batch")
            self._con.unregister("reject_batch")
        self._waiting.clear()
        self._positions.clear()
        self._rejects.clear()

    def mark(self) -> int:
        """Return where the rows end now, for `since` and `back_to`."""
        self.flush()
        return self.next_position

    def since(self, mark: int) -> int:
        """Return how many rows came after a mark."""
        return self.next_position - mark

    def back_to(self, mark: int) -> None:
        """Forget the rows that came after a mark."""
        if self.next_position > mark:
            self._con.execute("DELETE FROM temp.input_rows WHERE position >= ?", [mark])
        self.next_position = mark


def row_name(position: str, *, several: bool) -> str:
    """Return the SQL that names a row: its number, and its file where there are several."""
    if not several:
        return f"'row ' || {position}"
    begun = f"(SELECT max(starts) FROM temp.input_files WHERE starts <= {position})"
    return (
        f"(SELECT any_value(f.name || ' row ' || ({position} - f.starts + 1)) "
        f"FROM temp.input_files f WHERE f.starts = {begun})"
    )
