"""What a panel is made from, before artists are sorted into groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from polars import selectors as cs

from uploadtrends.engines.engine import Kept
from uploadtrends.panel.groups_sql import content
from uploadtrends.result import fingerprint

if TYPE_CHECKING:
    from uploadtrends.engines.engine import Table


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame sorted, its floats to ten digits: engines promise no order of rows or sums."""
    return frame.with_columns(cs.float().round_sig_figs(10)).sort(frame.columns)


def single_lane(lanes: pl.DataFrame) -> str | None:
    """Return the name of the lane where there is only one."""
    names: list[str] = lanes["lane"].unique().to_list()
    return names[0] if len(names) == 1 else None


def unnamed(cells: Table) -> Table:
    """Return cells without their lane: a text a row takes as long as all of their numbers."""
    return cells.drop("lane") if isinstance(cells, pl.DataFrame) else cells


@dataclass(frozen=True)
class Records:
    """What a panel is made from, independent of how artists are grouped.

    Attributes
    ----------
    cells : polars.DataFrame
        One row per lane, artist and period with uploads.
    spans : polars.DataFrame
        One row per lane and artist: entry, time at risk, censoring, weight.
    complete : polars.DataFrame
        lane, period, complete.
    lanes : polars.DataFrame
        One row per lane (a platform, or a platform's instrument): its edges.
    published : polars.DataFrame
        Rows of published aggregate series.
    unplaced : polars.DataFrame
        lane, reason, uploads: credits that no period can hold.
    totals : polars.DataFrame
        lane, period, credited (to an artist, or to nobody), and the sums of the cells' counts.
    """

    cells: pl.DataFrame
    spans: pl.DataFrame
    complete: pl.DataFrame
    lanes: pl.DataFrame
    published: pl.DataFrame
    unplaced: pl.DataFrame
    totals: pl.DataFrame

    @property
    def tables(self) -> dict[str, Table]:
        """The two large tables under the names that the queries give them."""
        return {"cell": self.cells, "span": self.spans}

    @property
    def fingerprint(self) -> str:
        """The sha256 of all that they hold, whatever the order of the rows."""
        return fingerprint(*map(in_order, (self.cells, self.spans, *self._small)))

    @property
    def _small(self) -> tuple[pl.DataFrame, ...]:
        return self.complete, self.lanes, self.published, self.unplaced, self.totals

    @property
    def artist_lanes(self) -> list[str]:
        """The lanes that have artists, sorted."""
        return sorted(self.totals.filter(pl.col("credited"))["lane"].unique())


@dataclass(frozen=True)
class HeldRecords(Records):
    """Records whose two large tables stay on an engine; asked for, they come here if they fit."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return value.collect() if isinstance(value, Kept) else value

    @property
    def tables(self) -> dict[str, Any]:
        """The two large tables where they are."""
        return {"cell": vars(self)["cells"], "span": vars(self)["spans"]}

    @property
    def fingerprint(self) -> str:
        """Of all that they hold, the large tables by a checksum of their engine.

        Of an artist it takes the name: engines give the same artist another number every time.
        """
        tables = self.tables
        engine = tables["span"].engine
        sums = [engine.checksum(query, **tables) for query in content()]
        return fingerprint(*map(in_order, self._small), sums)
