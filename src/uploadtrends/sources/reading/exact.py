"""The exact reader of a delimited text: it knows where each row begins.

A row that cannot be taken apart is a reject with its line; where an open quotation mark makes it
impossible to say what the rows are, the load stops and names the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from uploadtrends.errors import InputError
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.dialect import SEPARATOR, Text
from uploadtrends.sources.reading.rows import Rows
from uploadtrends.sources.reading.survey import LONGEST
from uploadtrends.sources.staging import EXCERPT_LENGTH

_FEW = 3
_FREQUENT = 0.2
_MOST = 0.8
_MANY_LINES = 64
"""A cell that holds so many lines, each of which reads as a row, is no cell."""
_LONG_LINE = 20_000
_LIKE_A_DATE = re.compile(r"\d{4}|\d{1,2}[/.-]\d{1,2}|\d{9}")


def read_exactly(rows: Rows, text: Text, progress: Progress | None) -> None:
    """Add the rows of a delimited text to `rows`, and reject the others with their lines."""
    with text.opened() as stream:
        # A lone CR is a stray one, unless the text has no other line ends.
        ending = "\n" if b"\n" in text.head() else ""
        lines = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline=ending)
        reader = _Exact(text, iter(lines))
        limit = csv.field_size_limit(LONGEST)
        try:
            for done, (position, cells, reason) in enumerate(reader, 1):
                if reason:
                    rows.reject(position, reason, cells)
                else:
                    rows.add(cells)
                rows.records += 1
                if progress and done % 50_000 == 0:
                    progress(LoadProgress("reading", done))
        finally:
            csv.field_size_limit(limit)


class _Record(NamedTuple):
    """A record and what its quotation marks are like."""

    place: str
    text: str
    row: list[str] | None
    """Its cells; None where it is malformed."""
    whole: bool
    """Whether it has a row's number of cells, its marks taken as they come."""
    marks: int
    astray: bool
    """Whether a mark may have opened here, or been closed, that belongs elsewhere."""
    opens: bool
    """Whether some cell begins with a mark."""
    ends_with_mark: bool

    @property
    def broken(self) -> bool:
        """Whether it is malformed, or has not a row's number of cells."""
        return self.row is None or not self.whole


class _Exact:
    """Yield place, cells and reason of every record; the reason of a good one is empty."""

    def __init__(self, text: Text, lines: Iterator[str]) -> None:
        self._text = text
        self._dialect = text.dialect
        self._width = len(text.dialect.header)
        self._places = text.places
        self._dates = [text.dialect.header.index(column) for column in text.dates]
        self._lines = lines
        self._back: deque[str] = deque()
        self._number = 0  # lines behind us
        self._before: _Record | None = None
        self._shapes: list[Counter[str]] = [Counter() for _ in self._places]
        self._learn()

    def __iter__(self) -> Iterator[tuple[str, list[str], str]]:
        for _ in range(self._dialect.skip):
            line = self._next_line() or ""
            if line.startswith("# ") or SEPARATOR.match(line):
                continue
            if sum(bool(cell.strip()) for cell in line.split(self._dialect.delimiter)) > 1:
                yield f"line {self._number}", [line.strip()[:EXCERPT_LENGTH]], "above the header"
        self._record()  # the header
        while (record := self._next()) is not None:
            before, self._before = self._before, record
            if before is not None and self._share_a_mark(before, record):
                raise self._open(before.place, *([] if before.broken else [record.place]))
            shown = record.text[:EXCERPT_LENGTH].rstrip("\r\n")
            if record.row is None:
                yield record.place, [shown], "a quotation mark in the wrong place"
            elif not record.whole:
                few = "too few" if len(record.row) < self._width else "too many"
                yield record.place, [shown], f"{few} columns"
            else:
                cells = [record.row[place] for place in self._places]
                if any("\0" in cell for cell in cells):
                    yield record.place, [shown], "NUL in a cell"
                elif any(_undecoded(cell) for cell in cells):
                    yield record.place, [shown], f"not {self._text.codec.upper()}"
                else:
                    yield record.place, cells, ""

    def _next(self) -> _Record | None:
        found = self._record()
        if found is None:
            return None
        place, taken, row = found
        text = "".join(taken)
        whole = self._is_a_row(text) if row is None else len(row) == self._width
        marks = text.count(self._dialect.quote) if self._dialect.quote else 0
        astray = row is None or len(taken) > 1 or marks % 2 == 1
        mark = self._dialect.quote or "\n"  # which no cell begins with
        opens = text.startswith(mark) or self._dialect.delimiter + mark in text
        ends = text.rstrip("\r\n").endswith(mark)
        return _Record(place, text, row, whole, marks, astray, opens, ends)

    def _share_a_mark(self, before: _Record, record: _Record) -> bool:
        """Tell whether two records may be one, or a mark of the one have opened in the other."""
        odd = record.row is not None and record.marks % 2 == 1
        if before.broken:
            if not record.whole:
                return before.astray or record.astray
            return (before.marks > 0 and odd) or (record.row is None and not before.whole)
        # A mark too many may have ended the one before too early: this is then the rest of it.
        rest = odd and not self._like_rows([record.text]) if record.whole else record.astray
        return before.opens and record.ends_with_mark and rest

    def _is_a_row(self, line: str) -> bool:
        """Tell whether a malformed line is a row by itself: each cell that opens in it is closed
        in it, or only one of its cells is bad."""
        line, mark = line.rstrip("\r\n"), self._dialect.quote
        pieces = line.split(self._dialect.delimiter)
        closed = (piece[:1] != mark or (len(piece) > 1 and piece[-1] == mark) for piece in pieces)
        if len(pieces) == self._width and all(closed):
            return True
        if len(line) > _LONG_LINE:
            return False
        for bad, pattern in enumerate(self._one_bad_cell):
            found = pattern.fullmatch(line)
            if found and any(
                shapes[_shape(found[place + 1].strip(mark))] >= _FREQUENT * shapes.total() > 0
                for place, shapes in zip(self._places, self._shapes, strict=True)
                if place != bad
            ):
                return True
        return False

    @cached_property
    def _one_bad_cell(self) -> list[re.Pattern[str]]:
        """Rows whose cell opens with a mark and goes on beyond the next, one pattern a column."""
        delimiter, mark = re.escape(self._dialect.delimiter), re.escape(self._dialect.quote)
        cell = f"({mark}(?:[^{mark}]|{mark}{mark})*{mark}|[^{mark}{delimiter}]*)"
        return [
            re.compile(
                delimiter.join([*[cell] * n, f"({mark}.*)", *[cell] * (self._width - n - 1)])
            )
            for n in range(self._width)
        ]

    def _next_line(self) -> str | None:
        line = self._back.popleft() if self._back else next(self._lines, None)
        if line is None:
            return None
        self._number += 1
        body = line.rstrip("\r\n")
        return body.replace("\r", " ") + line[len(body) :] if "\r" in body else line

    def _record(self) -> tuple[str, list[str], list[str] | None] | None:
        """Return place, lines and cells of the next record; no cells where it is malformed."""
        line = self._next_line()
        while line is not None and not line.strip("\r\n"):
            line = self._next_line()
        if line is None:
            return None
        place = f"line {self._number}"
        mark = self._dialect.quote
        if not mark or mark not in line:
            return place, [line], line.rstrip("\r\n").split(self._dialect.delimiter)
        taken = [line]
        row, whole = self._parse(taken)
        size, marks = len(line), 0
        while not whole and (line := self._next_line()) is not None:
            taken.append(line)
            size += len(line)
            marks += line.count(mark)
            if len(taken) == _MANY_LINES and self._like_rows(taken[1:]):
                return self._stray(place, taken)
            if marks % 2:  # a doubled mark ends nothing
                row, whole = self._parse(taken)
                marks = 0 if not whole else marks
            if size > LONGEST:
                raise self._never_closed(place)
        if len(taken) == 1:
            return place, taken, row if whole else None
        if whole and row is not None:
            if self._like_rows([taken[0].replace(mark, "", 1), *taken[1:]]):
                return self._stray(place, taken)
            if self._date_holds_rows(row):
                raise self._never_closed(place)
            return place, taken, row
        if self._like_rows(taken[1:]):
            return self._stray(place, taken)
        raise self._never_closed(place)

    def _date_holds_rows(self, row: Sequence[str]) -> bool:
        """Tell whether a date goes on in a line with other cells, which none does."""
        if len(row) != self._width:
            return False
        return any(
            self._dialect.delimiter in line
            for date in self._dates
            for line in row[date].strip(" \r\n").split("\n")[1:]
        )

    def _stray(self, place: str, taken: list[str]) -> tuple[str, list[str], None]:
        """Only the first line is bad: its mark was never closed; the others are rows."""
        self._back.extendleft(reversed(taken[1:]))
        self._number -= len(taken) - 1
        return place, taken[:1], None

    def _never_closed(self, place: str) -> InputError:
        """Say that the mark of a record has no end; it may stand in a malformed one before it."""
        before = self._before
        return self._open(*([before.place] if before and before.row is None else []), place)

    def _open(self, *places: str) -> InputError:
        lines = " or ".join(places)
        return InputError(
            f"a quotation mark opened in {lines} is not closed where a cell ends, so that nobody "
            "can tell the rows behind it",
            file=self._text.path,
            fix=f"correct {lines}, or say quote='' if the file does not quote at all",
        )

    def _parse(self, taken: Sequence[str]) -> tuple[list[str] | None, bool]:
        """Return the cells, and whether the record ends here (malformed ones do)."""
        try:
            found = next(self._reader(taken))
        except csv.Error as error:
            return None, "end of data" not in str(error)
        if any(cell.lstrip(" ").startswith(self._dialect.quote) for cell in found):
            with suppress(csv.Error):  # else the marks are text: 1, "Dusk" by ann
                quoted = next(self._reader(taken, skipinitialspace=True))
                found = quoted if len(quoted) == self._width else found
        return found, True

    def _reader(self, lines: Sequence[str], *, skipinitialspace: bool = False) -> Any:
        return csv.reader(
            lines,
            skipinitialspace=skipinitialspace,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if self._dialect.quote else csv.QUOTE_NONE,
            strict=True,
        )

    def _learn(self) -> None:
        """Learn what the cells of rows look like, from the beginning of the text."""
        lines = self._text.head().decode("utf-8", "replace").splitlines(keepends=True)
        lines = lines[self._dialect.skip + self._dialect.header_lines :]
        rows: list[list[str]] = []
        with suppress(csv.Error):  # beyond a malformed row the marks tell nothing
            rows.extend(row for row in self._reader(lines) if self._reads_as_row(row))
        if not rows:  # lines within the cells of rows teach nothing
            alone = (self._parse([line])[0] for line in lines)
            rows = [row for row in alone if row is not None and self._reads_as_row(row)]
        for row in rows:
            for shapes, place in zip(self._shapes, self._places, strict=True):
                shapes[_shape(row[place])] += 1

    def _reads_as_row(self, row: Sequence[str]) -> bool:
        dates = (row[date] for date in self._dates)
        return len(row) == self._width and all(map(_LIKE_A_DATE.search, dates))

    def _like_rows(self, lines: Sequence[str]) -> bool:
        """Tell whether each line is a row by itself, and most look like the rows of this text."""
        found = []
        for line in lines:
            row, whole = self._parse([line])
            if row is None or not whole or not self._reads_as_row(row):
                return False
            found.append([_shape(row[place]) for place in self._places])
        common = [True] * len(found)
        told = 0
        for place, shapes, own in zip(
            self._places, self._shapes, zip(*found, strict=True), strict=True
        ):
            # The lines in question may be among those that we learned from.
            others = shapes - Counter(own)
            if others and max(others.values()) >= 3 * _FREQUENT * others.total():
                frequent = {s for s, n in others.items() if n >= _FREQUENT * others.total()}
                common = [so and s in frequent for so, s in zip(common, own, strict=True)]
                told += place not in self._dates
        # Where only dates have a shape of their own, few lines prove nothing.
        return sum(common) >= _MOST * len(found) and (told > 0 or len(found) > _FEW)


def _shape(cell: str) -> str:
    """Return what a cell looks like: runs of letters as a, runs of digits as 9."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell[:200]))


def _undecoded(cell: str) -> bool:
    return not cell.isascii() and re.search("[\udc80-\udcff\ufffd]", cell) is not None
