"""How many records a delimited text holds, counted apart from whoever reads it.

A record ends with a line, unless a quotation mark is open there. NumPy looks at every byte: an even
number of marks before a line's end means that none is open (a doubled mark counts twice). Where
marks stand in odd places, line ends are mixed, or a cell seems to have swallowed rows, the survey
says that the text is odd, and its number of records is not to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

BLOCK = 4 << 20
LONGEST = 16 << 20
"""A record that is longer holds a quotation mark that nobody closed."""
_LF, _CR = 10, 13
Bytes = npt.NDArray[np.uint8]


@dataclass
class Survey:
    """What is known of a text; `odd` says in words why it needs the exact reader, or is empty.

    `unbalanced` says whether the reason is its quotation marks; the survey ends there. `ragged`
    counts the lines that, taken without quoting, have not a row's number of cells.

    Parameters
    ----------
    delimiter, quote : str
        One ASCII character each; an empty `quote` means that there is no quoting.
    width : int
        Cells of a row.
    """

    delimiter: str
    quote: str
    width: int
    records: int = 0
    odd: str = ""
    unbalanced: bool = False
    ragged: int = 0
    _ends: set[str] = field(default_factory=set)

    def blocks(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Read a stream to its end, in blocks of whole records, while its marks are balanced."""
        rest = b""
        while not self.unbalanced:
            block = stream.read(BLOCK)
            if not block:
                break
            rest += block
            cut = self._take(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > LONGEST:
                self._unbalance("a record of more than 16 MB")
        if rest and not self.unbalanced:
            if self._take(rest + b"\n") == len(rest) + 1:
                yield rest + b"\n"
            else:
                self._unbalance("a quotation mark is never closed")

    def _unbalance(self, why: str) -> None:
        self.odd, self.unbalanced = why, True

    def _take(self, text: bytes) -> int:
        """Count the whole records at the start of a text; return where they end."""
        marks = text.count(self.quote.encode()) if self.quote else 0
        if b"\0" in text:
            self.odd = "NUL"
        cut = self._quoted(text) if marks else text.rfind(b"\n") + 1
        whole = text[:cut]
        if not marks:
            self.records += whole.count(b"\n") - _blank_lines(whole)
            if self.quote == "" and whole:
                self._count_ragged(whole)
        self._line_ends(whole, marks > 0)
        return cut

    def _count_ragged(self, whole: bytes) -> None:
        a: Bytes = np.frombuffer(whole, np.uint8)
        lines = np.flatnonzero(a == _LF)
        starts = np.concatenate(([0], lines[:-1] + 1))
        cells = np.add.reduceat((a == ord(self.delimiter)).astype(np.int64), starts)
        length = lines - starts
        blank = (length == 0) | ((length == 1) & (a[starts] == _CR))
        self.ragged += int(((cells != self.width - 1) & ~blank).sum())

    def _line_ends(self, whole: bytes, quoted: bool) -> None:
        returns = whole.count(b"\r")
        if not returns:
            if whole:
                self._ends.add("\n")
        elif quoted or returns != whole.count(b"\r\n"):
            # Within quotation marks any line end is text: the exact reader looks at each.
            self.odd = self.odd or ("" if self._all_crlf(whole) else "mixed line ends")
            self._ends.add("\r\n")
        else:
            self._ends.add("\r\n" if returns == whole.count(b"\n") else "mixed")
        if len(self._ends) > 1 or "mixed" in self._ends:
            self.odd = self.odd or "mixed line ends"

    @staticmethod
    def _all_crlf(whole: bytes) -> bool:
        return whole.count(b"\r") == whole.count(b"\r\n") == whole.count(b"\n")

    def _quoted(self, text: bytes) -> int:
        a: Bytes = np.frombuffer(text, np.uint8)
        marks = np.flatnonzero(a == ord(self.quote))
        lines = np.flatnonzero(a == _LF)
        outside = np.searchsorted(marks, lines) % 2 == 0
        ends = lines[outside]
        if not len(ends):
            return 0
        cut = int(ends[-1]) + 1
        marks = marks[marks < cut]
        if not self._well_placed(a, marks[0::2], marks[1::2]):
            self._unbalance("a quotation mark in the middle of a cell")
        starts = np.concatenate(([0], ends[:-1] + 1))
        length = ends - starts
        blank = (length == 0) | ((length == 1) & (a[starts] == _CR))
        self.records += int((~blank).sum())
        if not outside.all() and self._swallowed(a[:cut], lines[lines < cut], ends):
            self._unbalance("a cell that holds lines which look like rows")
        return cut

    def _well_placed(
        self, a: Bytes, opening: npt.NDArray[np.intp], closing: npt.NDArray[np.intp]
    ) -> bool:
        border = np.zeros(256, bool)
        border[[ord(self.delimiter), ord(self.quote), _LF, _CR]] = True
        before = border[a[opening - 1]] | (opening == 0)
        # A text is only ever cut after a line's end, so that something follows.
        return bool(before.all() and border[a[closing + 1]].all())

    def _swallowed(self, a: Bytes, lines: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> bool:
        """Tell whether some record of several lines has a row's number of cells in each of them."""
        starts = np.concatenate(([0], lines[:-1] + 1))
        cells = np.add.reduceat((a == ord(self.delimiter)).astype(np.int64), starts)
        like_a_row = cells == self.width - 1
        record = np.searchsorted(ends, lines)
        several = np.bincount(record) > 1
        all_alike = np.bincount(record, weights=~like_a_row) == 0
        return bool((several & all_alike).any())


def _blank_lines(whole: bytes) -> int:
    if not (b"\n\n" in whole or b"\n\r\n" in whole or whole.startswith((b"\n", b"\r\n"))):
        return 0
    return sum(not line.strip(b"\r") for line in whole.split(b"\n")[:-1])
