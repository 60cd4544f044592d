"""Total upload rate from pairs of a sequential post id and its creation time.

Ids are handed out in order and deleted posts keep theirs, so between two anchors the number of
uploads is the difference of their ids, whatever happened since. Inside a gap between anchors only
the average is known: month values there are interpolated, marked, and carry hard bounds.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uploadtrends.errors import InputError
from uploadtrends.records import Reject
from uploadtrends.sources.moments import doubt, moment
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import stage_records
from uploadtrends.sources.tabular import cells, read_rows

if TYPE_CHECKING:
    import duckdb

LONG_GAP = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A post id and when it was created: at `time`, known to lie in [`earliest`, `latest`]."""

    position: int
    post_id: int
    time: datetime
    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class IdClock:
    """A table of id and time pairs of one platform, read as its total upload rate by month.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSON Lines or Parquet with one row a pair.
    platform : str
        Whose ids they are.
    id_column, time_column : str
        Names of the columns; times are UTC unless they carry an offset. A bare date has day
        precision: the post may have been created at any time of that day.
    series_id : str, optional
        Name of the series in the store; by default the name of the file.
    source : str
        Where the pairs come from.

    Notes
    -----
    Month value: the difference of the ids at its two boundaries, each interpolated linearly between
    the neighbouring anchors (a constant rate inside each gap). `low` and `high` are what monotone
    ids allow at the least and at the most, with no assumption on rates. `interpolated` is set when
    no anchor lies in the month, or when more than half of it lies in gaps longer than 31 days.
    Months that the anchors do not cover from end to end are left out.
    """

    path: Path
    platform: str = "danbooru"
    id_column: str = "post_id"
    time_column: str = "created_at_utc"
    series_id: str | None = None
    source: str = ""
    name: ClassVar[str] = "id_clock"
    credits_complete: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {
            "platform": self.platform,
            "id_column": self.id_column,
            "time_column": self.time_column,
            "series_id": self._id(),
            "source": self.source,
        }

    def inputs(self) -> list[Path]:
        """Return the file."""
        return [Path(self.path)]

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill `stage_series` with one row a month; anchors out of order go to `stage_reject`."""
        del progress  # a few hundred rows
        anchors, rejects = self._read(con)
        kept, out_of_order = increasing(anchors)
        rejects += [
            Reject(
                f"row {anchor.position}",
                "id and time are out of order with the other pairs",
                f"{anchor.post_id},{anchor.time.isoformat()}",
            )
            for anchor in out_of_order
        ]
        stage_records(con, rejects)
        if len(kept) < 2:
            raise InputError(
                "fewer than two usable pairs of id and time", file=self.path, fix="add more"
            )
        con.executemany(
            "INSERT INTO temp.stage_series VALUES (?, ?, 'total', ?, 'month', ?, "
            "'post ids per month', ?, ?, ?, ?)",
            [
                [self._id(), self.platform, start, value, low, high, interpolated, self.source]
                for start, value, low, high, interpolated in monthly_ids(kept)
            ],
        )

    def _id(self) -> str:
        return self.series_id or Path(self.path).name.partition(".")[0]

    def _read(self, con: duckdb.DuckDBPyConnection) -> tuple[list[Anchor], list[Reject]]:
        read_rows(con, Path(self.path), [self.id_column, self.time_column])
        id_text, time_text = cells([self.id_column, self.time_column]).values()
        when = moment(time_text)
        rows = con.sql(
            f"SELECT position, try_cast({id_text} AS BIGINT), {when}, "
            f"length({time_text}) = 10 AND {time_text} LIKE '%-%', {doubt(when, time_text)}, "
            f"concat_ws(',', {id_text}, {time_text}) FROM temp.input_rows ORDER BY position"
        ).fetchall()
        con.execute("DROP TABLE temp.input_rows")
        anchors, rejects = [], []
        for position, post_id, time, is_day, reason, text in rows:
            if post_id is None or post_id < 0:
                reason = f"column '{self.id_column}' is not a post id"
            if reason:
                rejects.append(Reject(f"row {position}", reason, text))
                continue
            latest = time + timedelta(days=1) if is_day else time
            anchors.append(Anchor(position, post_id, time + (latest - time) / 2, time, latest))
        return anchors, rejects


def increasing(anchors: list[Anchor]) -> tuple[list[Anchor], list[Anchor]]:
    """Split anchors into the longest run with strictly rising ids and times, and the others.

    Both parts are sorted by time. Patience sorting with back links: O(n log n).
    """
    ordered = sorted(anchors, key=lambda anchor: (anchor.time, anchor.post_id))
    tails: list[int] = []
    tail_ids: list[int] = []
    previous = [-1] * len(ordered)
    for place, anchor in enumerate(ordered):
        length = bisect_left(tail_ids, anchor.post_id)
        previous[place] = tails[length - 1] if length else -1
        if length == len(tails):
            tails.append(place)
            tail_ids.append(anchor.post_id)
        else:
            tails[length], tail_ids[length] = place, anchor.post_id
    chosen = set()
    place = tails[-1] if tails else -1
    while place >= 0:
        chosen.add(place)
        place = previous[place]
    kept = [anchor for place, anchor in enumerate(ordered) if place in chosen]
    return kept, [anchor for place, anchor in enumerate(ordered) if place not in chosen]


def monthly_ids(anchors: list[Anchor]) -> list[tuple[datetime, float, float, float, bool]]:
    """Return (month start, ids in the month, low, high, interpolated) for each covered month.

    Parameters
    ----------
    anchors : list of Anchor
        At least two, rising in id and time.
    """
    times = [anchor.time for anchor in anchors]

    def at(moment: datetime) -> tuple[float, float, float]:
        """Return the id handed out last before a moment: interpolated, at least, at most."""
        after = min(max(bisect_left(times, moment), 1), len(times) - 1)
        left, right = anchors[after - 1], anchors[after]
        gap = right.time - left.time
        share = (moment - left.time) / gap if gap else 0.0
        least = max((a.post_id for a in anchors if a.latest <= moment), default=anchors[0].post_id)
        most = min((a.post_id for a in anchors if a.earliest >= moment), default=right.post_id)
        return left.post_id + share * (right.post_id - left.post_id), least, most

    starts = []
    month = datetime(times[0].year, times[0].month, 1)
    while month <= times[-1]:
        if month >= times[0]:
            starts.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    boundaries = [at(start) for start in starts]
    rows = []
    for (start, first), (end, last) in pairwise(zip(starts, boundaries, strict=True)):
        value = last[0] - first[0]
        low = min(value, max(0.0, last[1] - first[2]))
        high = max(value, last[2] - first[1])
        rows.append((start, value, low, high, _interpolated(times, start, end)))
    return rows


def _interpolated(times: list[datetime], start: datetime, end: datetime) -> bool:
    inside = bisect_left(times, end) - bisect_left(times, start)
    if inside == 0:
        return True
    in_gaps = sum(
        (
            min(right, end) - max(left, start)
            for left, right in pairwise(times)
            if right - left > LONG_GAP and left < end and right > start
        ),
        timedelta(),
    )
    return in_gaps > (end - start) / 2
