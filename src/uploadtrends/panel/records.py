"""What a panel is made from, before artists are sorted into groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


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
    """

    cells: pl.DataFrame
    spans: pl.DataFrame
    complete: pl.DataFrame
    lanes: pl.DataFrame
    published: pl.DataFrame
    unplaced: pl.DataFrame
