"""Total upload rate from pairs of a sequential post id and its creation time.

Ids are handed out in order and deleted posts keep theirs, so between two anchors the number of
uploads is the difference of their ids, whatever happened since. Inside a gap between anchors only
the average is known: values there are interpolated, marked, and carry hard bounds.

A pair may also be a bound: "this id existed by then" (the path of an image tells when the image was
last changed, which is never before the work appeared).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.records import Reject
from uploadtrends.result import file_sha256
from uploadtrends.sources.moments import doubt, moment, register_functions
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import create_stage_tables, stage_records, tally
from uploadtrends.sources.tabular import cells, read_rows

if TYPE_CHECKING:
    import pandas as pd

# A gap longer than a period says nothing about the single periods inside it.
LONG_GAP = {"month": timedelta(days=31), "week": timedelta(days=7), "day": timedelta(days=1)}
_FREQUENCY = {"month": "MS", "week": "W-MON", "day": "D"}
_BOUND = "upper bound"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A post id and when it was created: at `time`, known to lie in [`earliest`, `latest`].

    Of a bound nothing is known but `latest`; its `earliest` is the beginning of time.
    """

    position: int
    post_id: int
    time: datetime
    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class IdClock:
    """A table of id and time pairs of one platform, read as its total upload rate.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSON Lines or Parquet with one row a pair.
    platform : str
        Whose ids they are.
    id_column, time_column : str
        Names of the columns; times are UTC unless they carry an offset. A bare date has day
        precision: the post may have been created at any time of that day.
    bound_column : str, optional
        Column whose text says "upper bound" where the time is one: the id existed by then, and may
        be older. Every other row is exact.
    bound_slack : float, optional
        Days by which a bound may be late at the most, where that is known (by checking bounds
        against exact pairs close by). Without it a bound says nothing about how many ids there
        were at the most, so that `high` of stretches held by bounds alone is wide.
    period : {"month", "week", "day"}
        What a value covers; weeks begin on Monday, all of them in UTC.
    series_id : str, optional
        Name of the series in the store; by default the name of the file.
    source : str
        Where the pairs come from.

    Notes
    -----
    Value: the difference of the ids at the two boundaries of the period, each interpolated linearly
    between the neighbouring pairs (a constant rate inside each gap; a bound is taken at its word
    here). `low` and `high` are what monotone ids allow at the least and at the most, with no
    assumption on rates. `interpolated` is set when no pair lies in the period, or when more than
    half of it lies in gaps longer than the period (31 days for months). Periods that the pairs do
    not cover from end to end are left out.

    Raises
    ------
    InputError
        For a period that is none of these, or a slack below zero or without a `bound_column`.
    """

    path: Path
    platform: str = "danbooru"
    id_column: str = "post_id"
    time_column: str = "created_at_utc"
    bound_column: str | None = None
    bound_slack: float | None = None
    period: str = "month"
    series_id: str | None = None
    source: str = ""
    name: ClassVar[str] = "id_clock"
    credits_complete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.period not in LONG_GAP:
            raise InputError(
                "an id clock cannot count these",
                column="period",
                value=self.period,
                fix=f"one of {', '.join(LONG_GAP)}",
            )
        if self.bound_slack is not None and (self.bound_column is None or self.bound_slack < 0):
            raise InputError(
                "the slack is how late the bounds may be, in days, and needs the column that tells "
                "which rows are bounds",
                column="bound_slack",
                value=self.bound_slack,
                fix="name bound_column, and give a number of days from 0 on",
            )

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {
            "platform": self.platform,
            "id_column": self.id_column,
            "time_column": self.time_column,
            "bound_column": self.bound_column,
            "bound_slack": self.bound_slack,
            "period": self.period,
            "series_id": self._id(),
            "source": self.source,
        }

    def inputs(self) -> list[Path]:
        """Return the file."""
        return [Path(self.path)]

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill `stage_series` with one row a period; anchors out of order go to `stage_reject`."""
        del progress  # a few hundred rows
        kept, rejects = self._pairs(con)
        stage_records(con, rejects)
        tally(con, "loaded", len(kept))
        con.executemany(
            "INSERT INTO temp.stage_series VALUES (?, ?, 'total', ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    *(self._id(), self.platform, start, self.period, value),
                    *(f"post ids per {self.period}", low, high, interpolated, self.source),
                ]
                for start, value, low, high, interpolated in ids_by_period(kept, self.period)
            ],
        )

    def rates(self, period: str | None = None) -> pd.DataFrame:
        """Return the upload rate itself, without a store.

        Parameters
        ----------
        period : {"month", "week", "day"}, optional
            Instead of the clock's own.

        Returns
        -------
        pandas.DataFrame
            Index: period starts. Columns: rate, low, high (ids a day), interpolated (bool), pairs
            (how many pairs lie in the period). A period that is not covered is absent.

        Examples
        --------
        >>> from uploadtrends.sources.bundled import pixiv_clock
        >>> pixiv_clock().rates("month").loc["2022-08", "rate"].round(-2).item()
        24600.0
        """
        import numpy as np  # most loads do without
        import pandas as pd

        clock = self if period is None else replace(self, period=period)
        kept = clock._kept()
        rows = ids_by_period(kept, clock.period)
        if not rows:
            raise InputError(
                f"the pairs cover no {clock.period} from end to end",
                file=self.path,
                fix="give pairs further apart, or a shorter period",
            )
        starts = [row[0] for row in rows]
        ends = [_after(start, clock.period) for start in starts]
        days = np.array(
            [(end - start).total_seconds() for start, end in zip(starts, ends, strict=True)]
        )
        ids = np.array([row[1:4] for row in rows]) / (days[:, None] / 86_400)
        times = pd.DatetimeIndex([anchor.time for anchor in kept])
        table = pd.DataFrame(ids, columns=["rate", "low", "high"])
        table["interpolated"] = [row[4] for row in rows]
        table["pairs"] = times.searchsorted(ends) - times.searchsorted(starts)
        # No period between the first and the last is left out, so that the index has a frequency.
        table.index = pd.date_range(
            starts[0], starts[-1], freq=_FREQUENCY[clock.period], name="period"
        )
        return table

    def times(self) -> pd.DatetimeIndex:
        """Return the times of the pairs, bounds at their word."""
        import pandas as pd

        return pd.DatetimeIndex([anchor.time for anchor in self._kept()])

    def _kept(self) -> list[Anchor]:
        """Return the pairs in order; the same content is read once."""
        path = Path(self.path)
        held = file_sha256(path) if path.is_file() else ""
        return _pairs_in(replace(self, period="month"), held)

    def _pairs(self, con: duckdb.DuckDBPyConnection) -> tuple[list[Anchor], list[Reject]]:
        """Return the pairs in order, and a reject for each that cannot be used.

        Raises
        ------
        InputError
            When fewer than two are left.
        """
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
        if len(kept) < 2:
            raise InputError(
                "fewer than two usable pairs of id and time", file=self.path, fix="add more"
            )
        return kept, rejects

    def _id(self) -> str:
        return self.series_id or Path(self.path).name.partition(".")[0]

    def _read(self, con: duckdb.DuckDBPyConnection) -> tuple[list[Anchor], list[Reject]]:
        columns = [self.id_column, self.time_column]
        columns += [self.bound_column] if self.bound_column else []
        read_rows(con, Path(self.path), columns)
        id_text, time_text, *bound_text = cells(columns).values()
        is_bound = (
            f"coalesce(contains({bound_text[0]}, '{_BOUND}'), false)" if bound_text else "false"
        )
        when = moment(time_text)
        register_functions(con)
        rows = con.sql(
            f"SELECT position, try_cast({id_text} AS BIGINT), {when}, "
            f"length({time_text}) = 10 AND {time_text} LIKE '%-%', {is_bound}, "
            f"{doubt(when, time_text)}, "
            f"concat_ws(',', {id_text}, {time_text}) FROM temp.input_rows ORDER BY position"
        ).fetchall()
        con.execute("DROP TABLE temp.input_rows")
        anchors, rejects = [], []
        for position, post_id, time, is_day, bound, reason, text in rows:
            if post_id is None or post_id < 0:
                reason = f"column '{self.id_column}' is not a post id"
            if reason:
                rejects.append(Reject(f"row {position}", reason, text))
                continue
            latest = time + timedelta(days=1) if is_day else time
            middle = time + (latest - time) / 2
            earliest = self._earliest(time) if bound else time
            anchors.append(Anchor(position, post_id, middle, earliest, latest))
        return anchors, rejects

    def _earliest(self, bound: datetime) -> datetime:
        slack = self.bound_slack
        return datetime.min if slack is None else bound - timedelta(days=slack)


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


@lru_cache(maxsize=4)
def _pairs_in(clock: IdClock, sha256: str) -> list[Anchor]:
    """Return the pairs of a clock in order, read on a connection of its own."""
    del sha256  # the key: a file that changes is read again
    with duckdb.connect() as con:
        create_stage_tables(con)
        return clock._pairs(con)[0]


def ids_by_period(
    anchors: list[Anchor], period: str = "month"
) -> list[tuple[datetime, float, float, float, bool]]:
    """Return (start, ids in the period, low, high, interpolated) for each covered period.

    Parameters
    ----------
    anchors : list of Anchor
        At least two, rising in id and time.
    period : {"month", "week", "day"}
    """
    times = [anchor.time for anchor in anchors]
    known = _Known(anchors)
    boundaries = [known.at(start) for start in _starts(times[0], times[-1], period)]
    rows = []
    for (start, first), (end, last) in pairwise(boundaries):
        value = last[0] - first[0]
        low = min(value, max(0.0, last[1] - first[2]))
        high = max(value, last[2] - first[1])
        rows.append((start, value, low, high, _interpolated(times, start, end, LONG_GAP[period])))
    return rows


def _starts(first: datetime, last: datetime, period: str) -> list[datetime]:
    """Return the period starts from the first moment to the last, both included."""
    start = datetime(first.year, first.month, 1 if period == "month" else first.day)
    start -= timedelta(days=start.weekday() if period == "week" else 0)
    starts = []
    while start <= last:
        if start >= first:
            starts.append(start)
        start = _after(start, period)
    return starts


def _after(start: datetime, period: str) -> datetime:
    """Return the start of the next period."""
    if period == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=7 if period == "week" else 1)


class _Known:
    """What the anchors tell of the id handed out last before a moment."""

    def __init__(self, anchors: list[Anchor]) -> None:
        self._anchors = anchors
        self._times = [anchor.time for anchor in anchors]
        by_latest = sorted(anchors, key=lambda anchor: anchor.latest)
        self._latest = [anchor.latest for anchor in by_latest]
        self._least = list(accumulate((anchor.post_id for anchor in by_latest), max))
        by_earliest = sorted(anchors, key=lambda anchor: anchor.earliest, reverse=True)
        self._earliest = [anchor.earliest for anchor in reversed(by_earliest)]
        self._most = list(accumulate((anchor.post_id for anchor in by_earliest), min))[::-1]

    def at(self, moment: datetime) -> tuple[datetime, tuple[float, float, float]]:
        """Return the moment and the id then: interpolated, at least, at most."""
        after = min(max(bisect_left(self._times, moment), 1), len(self._times) - 1)
        left, right = self._anchors[after - 1], self._anchors[after]
        gap = right.time - left.time
        share = (moment - left.time) / gap if gap else 0.0
        passed = bisect_right(self._latest, moment)
        least = self._least[passed - 1] if passed else self._anchors[0].post_id
        ahead = bisect_left(self._earliest, moment)
        most = self._most[ahead] if ahead < len(self._most) else self._anchors[-1].post_id
        return moment, (left.post_id + share * (right.post_id - left.post_id), least, most)


def _interpolated(times: list[datetime], start: datetime, end: datetime, long: timedelta) -> bool:
    first, last = bisect_left(times, start), bisect_left(times, end)
    if first == last:
        return True
    near = times[max(first - 1, 0) : last + 1]
    in_gaps = sum(
        (
            min(right, end) - max(left, start)
            for left, right in pairwise(near)
            if right - left > long
        ),
        timedelta(),
    )
    return in_gaps > (end - start) / 2
