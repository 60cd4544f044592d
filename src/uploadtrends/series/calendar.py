"""The user's own calendar: which period each date of an index stands for.

Nothing is forced onto another calendar: weeks keep their first day, fiscal quarters and years
their first month, and steps of any regular length their phase. Where a label could mean two
things, the note says which was taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries import offsets

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.labels import DAY, as_dates, most_frequent, seconds, shorter_than_a_day

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LABELS = ("auto", "start", "end")
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_DAYS = 30.436875
_ENOUGH = 0.75
"""Share of the steps that must be whole multiples of the most frequent one."""
_SLIDE = 8
"""Days over which a stamp slides that keeps to a weekday of its month, quarter or year."""


@dataclass(frozen=True)
class Placed:
    """What a user's index stands for."""

    starts: pd.DatetimeIndex
    """First moment of every row's period."""
    freq: Any
    """pandas offset from one start to the next."""
    note: str = ""
    """How labels were read, where they can be read in two ways."""


def place(index: pd.Index[Any], week: str | None = None, labels: str = "auto") -> Placed:
    """Return the period starts of an index of dates, and the step between them.

    Parameters
    ----------
    index : DatetimeIndex, PeriodIndex, or Index of years
        In order. A time zone keeps its wall clock for days and coarser steps; for hours and finer
        the instants are kept, so a change of the clock neither doubles nor loses one.
    week : {"MON", ..., "SUN"}, optional
        First day of a week. By default weekly stamps are taken to be the first day of theirs.
    labels : {"auto", "start", "end"}
        Whether a stamp names the first or the last day (hour, ...) of its period. Auto: the last
        days of months end a period, every other stamp starts or lies within one.

    Raises
    ------
    InputError
        If the index holds no dates, is not in order, or follows no regular step.
    """
    if week is not None and week.upper() not in WEEKDAYS:
        raise InputError("unknown weekday", column="week", value=week, fix=", ".join(WEEKDAYS))
    if labels not in LABELS:
        raise InputError("unknown labels", column="labels", value=labels, fix=", ".join(LABELS))
    dates = as_dates(index)
    if len(dates) == 0:
        raise InputError("the series is empty", fix="give at least one period")
    if dates.hasnans:
        raise InputError("the index holds a missing date", fix="drop or repair that row")
    if not dates.is_monotonic_increasing:
        late = dates[1:][np.diff(dates.asi8) < 0][0]
        raise InputError(
            "the dates are not in order", value=str(late), fix="call sort_index() first"
        )
    if isinstance(dates, pd.PeriodIndex):
        return Placed(dates.to_timestamp(how="start"), _offset_of_periods(dates))
    return _stamps(dates, week.upper() if week else None, labels)


def _offset_of_periods(periods: pd.PeriodIndex) -> Any:
    """Return the offset between the starts of periods that know their own calendar."""
    end: Any = periods.freq
    n: int = end.n
    if len(periods) > 1 and isinstance(end, offsets.YearEnd):
        # Years given as numbers may be every fourth or tenth.
        steps = np.diff(periods.asi8)
        values, counts = np.unique(steps[steps > 0], return_counts=True)
        top = int(values[np.argmax(counts)]) if values.size else 1
        n = max(n, top if (steps % top == 0).mean() >= _ENOUGH else 1)
    # isinstance narrows to stubs that do not know the anchors.
    kind = type(end)
    if kind is offsets.YearEnd:
        return offsets.YearBegin(n, month=end.month % 12 + 1)
    if kind is offsets.QuarterEnd:
        return offsets.QuarterBegin(n, startingMonth=end.startingMonth % 3 + 1)
    if kind is offsets.MonthEnd:
        return offsets.MonthBegin(n)
    if kind is offsets.Week:
        first = (end.weekday + 1) % 7
        return offsets.Week(weekday=first) if n == 1 else offsets.Day(7 * n)
    return end


def _stamps(index: pd.DatetimeIndex, week: str | None, labels: str) -> Placed:
    """Tell the calendar from stamps."""
    wall, note = _local_midnights(index if index.tz is None else index.tz_localize(None))
    if len(index) == 1:
        freq = index.freq if index.freq is not None else pd.tseries.offsets.MonthBegin()
        return _one_stamp(wall, freq)
    steps = np.diff(seconds(wall))
    positive = steps[steps > 0]
    if positive.size == 0:
        raise InputError(
            "a date is repeated",
            value=str(index[index.duplicated()][0]),
            fix="aggregate to one row a period",
        )
    if shorter_than_a_day(positive):
        return _by_seconds(index, labels)
    if labels == "auto" and (wall - wall.normalize() >= pd.Timedelta(hours=23.9)).all():
        labels = "end"  # the last second or minute of a period
    found = _by_dates(wall, week, labels)
    return replace(found, note="; ".join(part for part in (note, found.note) if part))


def _by_dates(wall: pd.DatetimeIndex, week: str | None, labels: str) -> Placed:
    """Days and coarser, from stamps without a zone."""
    steps = np.diff(seconds(wall.normalize())) // DAY
    positive = steps[steps > 0]
    step, share = most_frequent(positive)
    if step < 27.5:
        return _by_days(wall.normalize(), step, week, labels)
    _refuse_445(wall, steps)
    turn = _sliding(wall, steps)
    fixed = share >= 0.9 and len(positive) >= 3 and not _same_place_in_month(wall)
    if fixed and turn is None:
        return _by_days(wall.normalize(), step, None, labels)
    return _by_months(wall, positive, labels, turn)


def _refuse_445(wall: pd.DatetimeIndex, steps: Array) -> None:
    """Refuse a year of quarters of 4, 4 and 5 weeks (in any order)."""
    quarters = steps[: len(steps) // 3 * 3].reshape(-1, 3)
    weeks = np.sort(quarters, axis=1)
    if len(weeks) < 2 or (weeks != [28, 28, 35]).any() or (quarters != quarters[0]).any():
        return
    order = "-".join(str(n // 7) for n in quarters[0])
    raise InputError(
        f"the dates follow a calendar of months of 4 and 5 weeks ({order}): a month of five weeks "
        "holds a quarter more than one of four",
        value=f"{wall[0]:%Y-%m-%d}, {wall[1]:%Y-%m-%d}, {wall[2]:%Y-%m-%d}, {wall[3]:%Y-%m-%d}",
        fix="add up the three months of every quarter (13 weeks each) and date them by their "
        "first day, or give the weeks",
    )


def _sliding(wall: pd.DatetimeIndex, steps: Array) -> Array | None:
    """Return the months at whose turn stamps lie that slide with the weekdays, or None.

    The third Friday of a month keeps to the same seven days, the Saturday nearest to the end of a
    year to seven days around it. Months count from year 0; stamps before the turn have the month
    that follows it.
    """
    months = np.maximum(np.rint(steps / _MONTH_DAYS), 1).astype(int)
    regular = (steps % most_frequent(steps[steps > 0])[0] == 0).all() or _same_place_in_month(wall)
    if regular or (np.abs(steps - months * _MONTH_DAYS) > _SLIDE).any():
        return None
    for days in sorted(range(-21, 11), key=abs):
        moved = wall + pd.Timedelta(days=days)
        number = _month_number(moved)
        if moved.day.max() <= _SLIDE and (np.diff(number) == months).all():
            return number if abs(days) < _SLIDE else _month_number(wall)
    return None


def _month_number(wall: pd.DatetimeIndex) -> Array:
    return (wall.year * 12 + wall.month - 1).to_numpy()


def _local_midnights(wall: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, str]:
    """Return stamps that are midnights of another zone as the days that begin there, and a note.

    Where the clock changes twice a year such stamps have two times of day, an hour apart. East of
    the zone in which they are written they lie on the day before.
    """
    times = seconds(wall) % DAY // 60
    if np.isin([0, 23], times // 60).all() and ((times < 30) | (times >= 23 * 60 + 30)).all():
        note = "times of day about midnight are taken as the midnight nearest to them"
        return wall.round("D"), note if (wall != wall.normalize()).any() else ""
    early, late = int(times.min()), int(times.max())
    if {early, late} == {0, 23 * 60}:
        early, late = late, early
    switches = int((np.diff(times) != 0).sum())
    years = (wall[-1] - wall[0]).days / 365.25
    two = len(wall) > 2 and set(times) == {early, late} and (late - early) % (24 * 60) == 60
    if not two or early < 10 * 60 or not 0 < switches <= 2 * years + 2:
        return wall, ""
    moved = wall + pd.Timedelta(minutes=24 * 60 - early)
    return moved.normalize(), (
        f"stamps at {early // 60:02d}:{early % 60:02d} and {late // 60:02d}:{late % 60:02d} are "
        "taken as midnights of another time zone, and as the days that begin there"
    )


def _one_stamp(wall: pd.DatetimeIndex, freq: Any) -> Placed:
    if isinstance(freq, offsets.Day | offsets.Tick | offsets.Week):
        return Placed(wall, freq)
    return Placed(wall.to_period("M").to_timestamp(how="start"), offsets.MonthBegin())


def _same_place_in_month(wall: pd.DatetimeIndex) -> bool:
    same = wall.day.to_numpy() == np.bincount(wall.day).argmax()
    ends = wall.is_month_end | wall.is_month_start
    return bool(same.mean() >= _ENOUGH or np.asarray(ends).mean() >= _ENOUGH)


def _irregular(index: pd.DatetimeIndex) -> InputError:
    steps = np.diff(seconds(index))
    steps = steps[steps > 0]
    fix = "aggregate to years, quarters, months, weeks, days or hours first"
    middle = float(np.median(steps))
    for name, size in (("h", 3600), ("15min", 900), ("min", 60)):
        if abs(middle - size) <= 0.02 * size:  # a clock that is late by a few seconds
            fix = f'round the times: series.index = series.index.round("{name}")'
    return InputError(
        "the dates follow no regular step",
        value=f"smallest step {steps.min() / DAY:.3g} days, most frequent "
        f"{most_frequent(steps)[0] / DAY:.3g}, longest {steps.max() / DAY:.3g}",
        fix=fix,
    )


def _by_seconds(index: pd.DatetimeIndex, labels: str) -> Placed:
    """Hours and finer: instants, on a grid with the phase that most stamps have."""
    moments = seconds(index)
    steps = np.diff(moments)
    step, _ = most_frequent(steps[steps > 0])
    instants = index if index.tz is None else index.tz_convert("UTC")
    if (instants != instants.floor("s")).any():
        raise InputError(
            "steps shorter than a second are not supported",
            value=str(index[0]),
            fix="aggregate to seconds or longer",
        )
    if (steps % step == 0).mean() < _ENOUGH:
        raise _irregular(index)
    phase, _ = most_frequent(moments % step)
    note = ""
    if step in (60, 3600) and labels == "auto":
        # 10:05 is within the hour from 10:00, as the local clock counts hours.
        ahead = index[0].utcoffset()
        whole = -round(ahead.total_seconds()) % step if ahead is not None else 0
        if whole != phase:
            name = "hour" if step == 3600 else "minute"
            note = f"{index[0]:%H:%M:%S} is taken as within its {name}; if it starts one, say "
            note += 'labels="start"'
        phase = whole
    starts = moments - (moments - phase) % step
    unit, size = ("h", 3600) if step % 3600 == 0 else ("min", 60) if step % 60 == 0 else ("s", 1)
    freq = pd.tseries.frequencies.to_offset(f"{step // size}{unit}")
    if labels == "end":
        starts = starts - step
    stamps = pd.DatetimeIndex(starts.astype("datetime64[s]"))
    if index.tz is not None:
        stamps = stamps.tz_localize("UTC").tz_convert(index.tz)
    return Placed(stamps, freq, note)


def _by_days(days: pd.DatetimeIndex, step: int, week: str | None, labels: str) -> Placed:
    numbers = seconds(days) // DAY
    steps = np.diff(numbers)
    if (steps % step == 0).mean() < _ENOUGH:
        if not _weekly_pattern(days):
            raise _irregular(days)
        step = 1
    if step not in (1, 7) and len(steps) < 3:
        raise _irregular(days)
    if step == 1:
        business = len(days) >= 10 and not (days.day_of_week >= 5).any()
        return Placed(days, offsets.BusinessDay() if business else offsets.Day())
    # 1970-01-01 was a Thursday: Monday is day 4 of a week of this count.
    phase = (WEEKDAYS.index(week) + 4) % 7 if week and step == 7 else None
    if phase is None:
        phase = most_frequent(numbers % step)[0]
        if labels == "end":
            phase = (phase + 1) % step
    starts = numbers - (numbers - phase) % step
    stamps = pd.DatetimeIndex((starts * DAY).astype("datetime64[s]"))
    late = "" if labels != "auto" or week else _late(days, numbers - starts)
    if step != 7:
        note = "" if labels != "auto" else f"a stamp is taken as the first of its {step} days{late}"
        return Placed(stamps, offsets.Day(step), note)
    first = int(stamps.day_of_week[0])
    note = ""
    if week is None and labels == "auto":
        name = _NAMES[first]
        note = (
            f"weekly stamps on {name}s are taken as the first day of their week; "
            f'if they end it, say labels="end"{late}'
        )
    return Placed(stamps, offsets.Week(weekday=first), note)


def _late(days: pd.DatetimeIndex, after: Array) -> str:
    """Say which stamps lie days after the start of the period that they are counted to."""
    if not after.any():
        return ""
    first = days[np.flatnonzero(after)[0]]
    return (
        f"; {np.count_nonzero(after)} of {len(days)}, such as {first:%Y-%m-%d}, lie up to "
        f"{after.max()} days later and are counted to the period that holds them"
    )


def _weekly_pattern(days: pd.DatetimeIndex) -> bool:
    """Whether the dates are (nearly) all days of certain weekdays: Monday, Wednesday, Friday."""
    occur = np.unique(days.day_of_week)
    every = pd.date_range(days[0], days[-1], freq="D")
    return bool(len(days) >= _ENOUGH * np.isin(every.day_of_week, occur).sum())


def _by_months(
    wall: pd.DatetimeIndex, steps: Array, labels: str, turn: Array | None = None
) -> Placed:
    """Months and their multiples. `steps` are in days, `turn` is what `_sliding` found."""
    months = np.maximum(np.rint(steps / _MONTH_DAYS), 1).astype(int)
    near = np.abs(steps - months * _MONTH_DAYS) <= (3.5 if turn is None else _SLIDE)
    step, _ = most_frequent(months[near]) if near.any() else (0, 0.0)
    if near.mean() < _ENOUGH or (months % step == 0).mean() < _ENOUGH:
        raise _irregular(wall)
    number = _month_number(wall)
    at_end = np.asarray(wall.is_month_end)
    at_start = np.asarray(wall.day == 1)
    if turn is not None and (turn != number).any():
        # Around a turn: what lies before it ends a period; on both sides, Mondays begin one.
        ends = (turn > number).all() or wall.day_of_week[0] != 0
        number, at_end, at_start = turn - ends, turn == turn * ends, turn == turn * (not ends)
    first = np.where(at_end, number - step + 1, number)
    if labels == "end":
        first = np.where(at_start, number - step, number - step + 1)
    elif labels == "start":
        first = number
    inside = step in (3, 12) and (at_end | at_start).mean() < _ENOUGH
    if inside and labels == "auto":
        first = number - number % step  # mid-period stamps: the calendar quarter or year
    phase = most_frequent(first % step)[0]
    first = first - (first - phase) % step
    since_1970 = (first - 12 * 1970).astype("datetime64[M]")
    starts = pd.DatetimeIndex(since_1970.astype("datetime64[us]"))
    freq: Any = offsets.MonthBegin(step)
    if step % 12 == 0:
        freq = offsets.YearBegin(step // 12, month=phase % 12 + 1)
    elif step == 3:
        freq = offsets.QuarterBegin(startingMonth=phase % 3 + 1)
    return Placed(starts, freq, _month_note(wall, at_end, step, labels, inside))


def _month_note(wall: pd.DatetimeIndex, at_end: Array, step: int, labels: str, inside: bool) -> str:
    """Say how stamps were read: late evening hours look like another zone's midnight."""
    times = (wall - wall.normalize()).total_seconds()
    late = np.asarray((times >= 12 * 3600) & (times <= 23.5 * 3600))
    if at_end.mean() >= _ENOUGH and late.mean() >= _ENOUGH:
        return (
            f"stamps such as {wall[0]} are taken as the end of their month; if they are midnights "
            "of another time zone, convert them to it first (tz_convert)"
        )
    if step > 1 and labels == "auto":
        first = wall[0].strftime("%Y-%m-%d")
        if inside:
            what = "calendar quarter" if step == 3 else "calendar year"
            return f'{first} is taken as a day of its {what}; if it starts one, say labels="start"'
        side = "last" if at_end[0] else "first"
        return f"the stamp {first} is taken as the {side} day of its period"
    return ""
