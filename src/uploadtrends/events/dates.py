"""How a date may be written: day, month, year, moment or span, and what each of them means."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from contextlib import suppress
from typing import Any, Literal

from uploadtrends.errors import InputError

Precision = Literal["moment", "day", "month", "year", "span"]

_YEAR = re.compile(r"^\d{4}$")
_MONTH = re.compile(r"^(\d{4})-(\d{1,2})$")
_DAY = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")
_MOMENT = re.compile(r"^(\d{4}-\d{1,2}-\d{1,2})[T ](\d{1,2}:\d{2}.*)$")
_FIX = "write YYYY-MM-DD, or YYYY-MM when only the month is known"


def precision_of(date: str) -> Precision:
    """Return how well a normalised date is known."""
    if "/" in date:
        return "span"
    if "T" in date:
        return "moment"
    return "year" if _YEAR.match(date) else "month" if _MONTH.match(date) else "day"


def first_day(date: str) -> dt.date:
    """Return the first day that a normalised date may mean."""
    day = date.partition("/")[0].partition("T")[0]
    return dt.date.fromisoformat(day + {4: "-01-01", 7: "-01"}.get(len(day), ""))


def last_day(date: str) -> dt.date:
    """Return the last day that a normalised date may mean."""
    day = date.rpartition("/")[2].partition("T")[0]
    if len(day) == 4:
        return dt.date(int(day), 12, 31)
    first = dt.date.fromisoformat(day + ("-01" if len(day) == 7 else ""))
    if len(day) == 7:
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return first


def normalise(when: Any) -> str:
    """Return the date as text: 2022, 2022-08, 2022-08-22, 2022-08-22T18:00, or first/last day.

    Parameters
    ----------
    when : str, date, datetime, pandas.Timestamp, pandas.Period, numpy.datetime64, or year

    Raises
    ------
    InputError
        If it is missing or cannot be read; the message says what is wrong with it.
    """
    import numpy as np

    if when is None or (isinstance(when, float) and when != when) or str(when) in ("NaT", "<NA>"):
        raise InputError("an event's date is missing", column="date", value=when, fix=_FIX)
    if isinstance(when, np.datetime64):
        return _numpy(when)
    if hasattr(when, "start_time") and hasattr(when, "freqstr"):
        return _period(when)
    if isinstance(when, dt.datetime):  # pandas.Timestamp too
        midnight = when.time() == dt.time(0) and when.tzinfo is None
        return f"{when:%Y-%m-%d}" if midnight else _moment(when)
    if isinstance(when, dt.date):
        return when.isoformat()
    if isinstance(when, float | np.floating) and when % 1 == 0:
        when = int(when)
    if isinstance(when, int | np.integer) and not isinstance(when, bool):
        if 1000 <= when < 3000:
            return str(int(when))
        raise InputError("a number is no date", column="date", value=int(when), fix=_FIX)
    return _text(str(when).strip(), when)


def _numpy(when: Any) -> str:
    import numpy as np
    import pandas as pd

    unit = np.datetime_data(when)[0]
    if unit in ("Y", "M"):
        return str(when)
    return normalise(pd.Timestamp(when))


def _period(period: Any) -> str:
    """A period of a month or a year is that; a longer or odd one is a span, a shorter a moment."""
    first, last = period.start_time, period.end_time
    if (last - first).total_seconds() < 86_000:
        return normalise(first.to_pydatetime()) if first.hour or first.minute else _moment(first)
    if first.date() == last.date():
        return f"{first:%Y-%m-%d}"
    for text in (f"{first:%Y-%m}", f"{first:%Y}"):
        if (first_day(text), last_day(text)) == (first.date(), last.date()):
            return text
    return f"{first:%Y-%m-%d}/{last:%Y-%m-%d}"


def _moment(when: dt.datetime) -> str:
    text = when.isoformat(timespec="seconds" if when.second else "minutes")
    return text.replace("+00:00", "Z")


def _text(text: str, given: Any) -> str:
    if "/" in text and text.count("/") == 1:
        first, last = (normalise(part) for part in text.split("/"))
        if first_day(first) > last_day(last):
            raise InputError("a span ends before it begins", column="date", value=given, fix=_FIX)
        return f"{first_day(first)}/{last_day(last)}"
    if match := _MOMENT.match(text):
        day = _text(match[1], given)
        try:
            found = dt.datetime.fromisoformat(f"{day}T{match[2].strip()}".replace(" ", ""))
        except ValueError:
            raise InputError(
                "an event's time of day cannot be read",
                column="date",
                value=given,
                fix="write YYYY-MM-DD HH:MM, with +HH:MM for a time zone",
            ) from None
        return normalise(found)
    if _YEAR.match(text) and 1000 <= int(text) < 3000:
        return text
    if match := _MONTH.match(text) or _DAY.match(text):
        return _checked([int(part) for part in match.groups()], given)
    if spelt := _spelt(text):
        return _text(spelt, given)
    raise InputError("an event's date cannot be read", column="date", value=given, fix=_fix(given))


def _fix(given: object) -> str:
    """Say how a date that begins with a day or a month is written, either way."""
    found = re.fullmatch(r"\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4})\s*", str(given))
    if found is None:
        return _FIX
    first, _, second, year = found.groups()
    read = []
    for day, month in ((first, second), (second, first)):
        try:
            read.append(dt.date(int(year), int(month), int(day)).isoformat())
        except ValueError:
            continue
    return f"write {' or '.join(dict.fromkeys(read))}" if read else _FIX


def _spelt(text: str) -> str:
    """Return what has one meaning only in another spelling as ISO text; empty for all the rest."""
    if match := re.fullmatch(r"(\d{4})(?:/(\d{1,2})/(\d{1,2})|(\d{2})(\d{2}))", text):
        return "-".join(part for part in match.groups() if part)
    if match := re.fullmatch(r"(\d{4})[- ]?Q([1-4])", text):
        last = 3 * int(match[2])
        return f"{match[1]}-{last - 2:02d}/{match[1]}-{last:02d}"
    for form in _WORDS:
        try:
            found = dt.datetime.strptime(text, form)
        except ValueError:
            continue
        return f"{found:%Y-%m-%d}" if "%d" in form else f"{found:%Y-%m}"
    if match := re.fullmatch(r"(\d{4})-?W(\d{1,2})", text):
        with suppress(ValueError):  # most years have no week 53
            monday = dt.date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return f"{monday}/{monday + dt.timedelta(days=6)}"
    return ""


_WORDS = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %Y", "%b %Y")


def _checked(parts: list[int], given: Any) -> str:
    year, month, *day = parts
    trouble = ""
    if not 1 <= month <= 12:
        trouble = f"there is no month {month}"
    elif not 1 <= year <= 9999:
        trouble = f"there is no year {year}"
    elif day and not 1 <= day[0] <= (most := calendar.monthrange(year, month)[1]):
        trouble = f"{year:04d}-{month:02d} has {most} days, not {day[0]}"
    if trouble:
        raise InputError(
            f"an event's date cannot be read: {trouble}", column="date", value=given, fix=_FIX
        )
    return f"{year:04d}-{month:02d}" + (f"-{day[0]:02d}" if day else "")
