"""What a source of upload histories is, and how it says how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load has come; handed to the caller's callback a few times a second.

    Parameters
    ----------
    phase : str
        What is being done now, in a word or two ("reading", "dating", "merging").
    rows : int
        Input rows read so far (estimated while a file is being read, exact at its end).
    bytes_done, bytes_total : int
        Position in the input, as stored on disk (compressed bytes for a compressed file);
        `bytes_total` is None when it is not known.
    seconds : float
        Time since the load began.
    """

    phase: str
    rows: int = 0
    bytes_done: int = 0
    bytes_total: int | None = None
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows read per second since the start."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time left at the present pace; None while it cannot be told."""
        if not self.bytes_total or not self.bytes_done or not self.seconds:
            return None
        return self.seconds * max(0, self.bytes_total - self.bytes_done) / self.bytes_done


Progress = Callable[[LoadProgress], None]


class Source(Protocol):
    """Anything that `Store.load` can load.

    A source that replays what was collected earlier may also have `started_at` and `finished_at`
    (naive UTC) and `status` ("complete", "incomplete", "blocked"); the row in `crawl` then tells
    about the collection, not about the load.
    """

    @property
    def name(self) -> str:
        """Short name, recorded with every crawl."""
        ...

    @property
    def credits_complete(self) -> bool:
        """Whether an upload comes with all its artists, so that they replace those on record.

        True for a dump or a table; False for a gallery walk, which sees one artist's side.
        """
        ...

    def parameters(self) -> dict[str, Any]:
        """Return the settings of this run, JSON-ready; recorded in `crawl`."""
        ...

    def inputs(self) -> list[Path]:
        """Return the raw files that are read; their sha256 is recorded in `crawl`."""
        ...

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the temporary `stage_*` tables (see `staging`), which exist and are empty.

        A bulk source may put a view in the place of a table, to spare one copy of its rows; it then
        vouches that no key occurs twice.
        """
        ...
