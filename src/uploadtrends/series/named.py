"""From whatever the user holds (Series, dict, DataFrame, Panel) to a list of regular series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.series.grid import as_regular_series, described, from_to
from uploadtrends.series.labels import written


@dataclass(frozen=True)
class NamedSeries:
    """One series with its place: platform and group (empty where the user gave none)."""

    platform: str
    group: str
    values: pd.Series
    instrument: pd.Series | None = None
    """Which instrument counted each period, where the panel says so."""
    has_artists: bool = False
    notes: tuple[str, ...] = ()
    """What was left out, in sentences."""

    @property
    def calendar(self) -> str:
        """What its periods are, with the first and last day of the first one."""
        return str(self.values.attrs.get("calendar", ""))

    @property
    def name(self) -> str:
        """How sentences call it."""
        return ", ".join(part for part in (self.platform, self.group) if part) or "the series"


def named_series(
    data: Any,
    *,
    unit: str = "uploads",
    platforms: str | Sequence[str] | None = None,
    groups: str | Sequence[str] | None = None,
    week: str | None = None,
    labels: str = "auto",
    complete_to: Any = None,
) -> list[NamedSeries]:
    """Return every series of the data, on a regular grid of the user's own calendar.

    `week`, `labels` and `complete_to` are those of `as_regular_series`.

    Raises
    ------
    InputError
        If the data are of no known kind, a platform or group is unknown, two series bear one name,
        or a series is irregular.
    """

    def regular(series: Any) -> pd.Series:
        return as_regular_series(series, week=week, labels=labels, complete_to=complete_to)

    found = list(_each(data, unit, regular))
    if not found:
        raise _no_series(data)
    _told_apart(found)
    for what, wanted in (("platform", platforms), ("group", groups)):
        if wanted is None:
            continue
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        known = sorted({getattr(item, what) for item in found})
        for name in names:
            if name not in known:
                raise InputError(
                    f"no such {what}", column=what, value=name, fix=f"known: {', '.join(known)}"
                )
        found = [item for item in found if getattr(item, what) in names]
    if not found:
        raise InputError("no series is left after choosing platforms and groups")
    return found


Regular = Callable[[Any], pd.Series]


def _told_apart(found: Sequence[NamedSeries]) -> None:
    """Refuse series whose names, such as 1 and "1", read the same in every table."""
    seen: set[tuple[str, str]] = set()
    for item in found:
        if (item.platform, item.group) in seen:
            raise InputError(
                "two series have names that read the same",
                column=item.name,
                fix="give each a name of its own, written as text",
            )
        seen.add((item.platform, item.group))


def of_series(error: InputError, name: str) -> InputError:
    """Return the error with the name of the series that it is about."""
    problem, column = error.problem, error.column or name
    if column != name:
        problem = f"{name}: {problem}"
    return InputError(problem, file=error.file, column=column, value=error.value, fix=error.fix)


def _no_series(data: Any) -> InputError:
    """Say why there is nothing: works may be dated too coarsely for the period of a panel."""
    records = getattr(data, "records", None)
    unplaced = getattr(records, "unplaced", None)
    if unplaced is not None and unplaced.height:
        said = "; ".join(
            f"{n:,.0f} works of {lane}: {reason}"
            for lane, reason, n in unplaced.select("lane", "reason", "uploads").rows()[:5]
        )
        return InputError(
            f"the data hold no series by {getattr(data, 'period', 'period')}: {said}",
            fix="choose a longer period, such as year",
        )
    return InputError("the data hold no series", fix="give at least one column or group")


def _each(data: Any, unit: str, regular: Regular) -> Iterator[NamedSeries]:
    if isinstance(data, pd.Series):
        yield NamedSeries("", str(data.name) if data.name is not None else "", regular(data))
    elif isinstance(data, pd.DataFrame):
        _check_columns(data)
        for place, key in enumerate(data.columns):
            yield _from_pair(key, data.iloc[:, place], regular)
    elif isinstance(data, Mapping):
        for key, series in data.items():
            yield _from_pair(key, series, regular)
    elif hasattr(data, "series") and hasattr(data, "keys"):
        yield from _from_panel(data, unit, regular)
    else:
        raise InputError(
            "cannot find series in this",
            value=f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}",
            fix='pass data.to_pandas().set_index("date"), by the name of its column of dates'
            if hasattr(data, "to_pandas") and hasattr(data, "columns")
            else "pass a pandas Series with dates, a DataFrame with one column a series, or a "
            "Panel",
        )


def _check_columns(frame: pd.DataFrame) -> None:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(
            "two columns have the same name",
            column=str(twice[0]),
            fix="rename one of them, or drop the duplicate",
        )
    columns: Any = frame.columns
    calendars = pd.DatetimeIndex | pd.PeriodIndex
    if isinstance(columns, calendars) and not isinstance(frame.index, calendars):
        raise InputError(
            "the dates are in the columns, not in the index",
            column=str(frame.columns[0]) if len(frame.columns) else None,
            fix="pass frame.T",
        )
    if isinstance(frame.index, pd.RangeIndex):
        for name in frame.columns:
            dated = pd.api.types.is_datetime64_any_dtype(frame[name].dtype)
            how = written(pd.Index(frame[name])) if isinstance(_first(frame[name]), str) else ""
            if dated or how:
                index = how.replace("series.index", f'frame.pop("{name}")')
                raise InputError(
                    "the dates are in a column, not in the index",
                    column=str(name),
                    fix=f"frame.index = {index}" if how else f'pass frame.set_index("{name}")',
                )
    told = [str(c) for c in frame.columns if isinstance(_first(frame[c]), str)]
    if told and frame.index.has_duplicates:
        numbers = [str(c) for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c].dtype)]
        raise InputError(
            "a date has several rows, told apart by a column of texts",
            column=told[0],
            fix="make one column a series: frame.pivot("
            f'columns="{told[0]}", values="{(numbers or ["uploads"])[0]}")',
        )


def _first(column: pd.Series) -> Any:
    return column.iloc[0] if len(column) else None


def _from_pair(key: Any, series: Any, regular: Regular) -> NamedSeries:
    if isinstance(key, tuple) and len(key) != 2:
        key = ", ".join(map(str, key))
    platform, group = key if isinstance(key, tuple) else ("", key)
    if not isinstance(series, pd.Series):
        raise InputError(
            "expected a pandas Series with dates",
            column=str(key),
            value=type(series).__name__,
            fix="pass a dict of pandas Series",
        )
    try:
        tidy = regular(series.rename(str(group)))
    except InputError as error:
        raise of_series(error, str(key)) from None
    return NamedSeries(str(platform), str(group), tidy)


def _from_panel(panel: Any, unit: str, regular: Regular) -> Iterator[NamedSeries]:
    for platform, group in panel.keys():
        series = regular(panel.series(platform, group, unit=unit))
        flags = panel.flags(platform, group) if hasattr(panel, "flags") else None
        instrument = None
        if flags is not None and "instrument" in getattr(flags, "columns", ()):
            instrument = _aligned(flags, pd.DatetimeIndex(series.index))
        has = bool(panel.has_artists(platform)) if hasattr(panel, "has_artists") else False
        series, notes = _of_closed_cohort(panel, group, series)
        if has and group == "all" and unit == "uploads":
            notes += _credits(panel, platform)
        if has and hasattr(panel, "not_whole") and (told := panel.not_whole(platform)):
            notes += (told,)
        notes += _edges(flags)
        own = has and group != "unattributed"
        yield NamedSeries(platform, group, series, instrument, own, notes)


def _edges(flags: Any) -> tuple[str, ...]:
    """Say which periods at the ends are left out, because the data hold only a part of them."""
    if (
        not isinstance(flags, pd.DataFrame)
        or "complete" not in flags
        or not flags["complete"].any()
    ):
        return ()
    whole = flags["complete"].to_numpy(bool)
    ends = flags.index[: whole.argmax()], flags.index[len(whole) - whole[::-1].argmax() :]
    left = [from_to(end) for end in ends if len(end)]
    return (f"{' and '.join(left)} left out: the data hold only a part",) if left else ()


def _credits(panel: Any, platform: str) -> tuple[str, ...]:
    """Say where a platform's total counts credits, of which a work of several artists has more."""
    credits, works = (
        float(panel.series(platform, "all", unit=unit).sum())
        for unit in ("uploads", "fractional_uploads")
    )
    if credits - works < 0.5:
        return ()
    return (
        f"the total counts credits, {credits:,.0f} for {works:,.0f} works: a work of several "
        'artists counts for each; unit="fractional_uploads" counts it once',
    )


def _of_closed_cohort(
    panel: Any, group: str, series: pd.Series
) -> tuple[pd.Series, tuple[str, ...]]:
    """Leave out a senior group's periods before nobody can enter it any more.

    Until then its totals grow by those who join, and no trend of them is one of its members.
    """
    rule = getattr(panel, "seniority", None)
    closes = rule.closes(group) if rule is not None and rule.is_senior(group) else None
    if closes is None or not (series.index < closes).any():
        return series, ()
    note = (
        f"the group '{group}' is followed from {closes:%Y-%m-%d} on: until then artists still grow "
        "into it"
    )
    return series.where(series.index >= closes), (note,)


def _aligned(flags: Any, index: pd.DatetimeIndex) -> pd.Series | None:
    frame = flags.to_pandas() if hasattr(flags, "to_pandas") else flags
    if "period" in frame.columns:
        frame = frame.set_index(pd.DatetimeIndex(frame["period"]))
    column = frame["instrument"].reindex(index)
    return column if column.notna().any() else None


def single_instrument(
    item: NamedSeries, dates: Sequence[Any]
) -> tuple[pd.Series, list[pd.Timestamp], str]:
    """Return the stretch counted by one instrument, the changes, and a note.

    The stretch is the one that holds most of the dates, the longest where that is a tie.
    """
    if item.instrument is None:
        return item.values, [], ""
    known = item.instrument.ffill().bfill()
    changed = np.array(known != known.shift())
    changed[0] = False
    starts = list(known.index[changed])
    if not starts:
        return item.values, [], ""
    stretch = np.cumsum(changed)

    def merit(number: int) -> tuple[int, int]:
        index = known.index[stretch == number]
        held = sum(bool(index[0] <= pd.Timestamp(d) <= index[-1]) for d in dates)
        return held, len(index)

    best = max(range(int(stretch[-1]) + 1), key=merit)
    kept = item.values[stretch == best]
    name = known[stretch == best].iloc[0]
    kept = kept.asfreq(pd.DatetimeIndex(item.values.index).freq)
    note = f"only the periods counted by the instrument {name} are used ({from_to(kept.index)})"
    kept.attrs = {**item.values.attrs, "calendar": described(kept.index)}
    return kept, starts, note
