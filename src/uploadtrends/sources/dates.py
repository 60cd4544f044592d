"""Times as people and programs write them, read whole or not at all.

SQL reads the plain forms (see `moments`); what it does not know comes here, text by text. A text is
taken apart into a date, a time of day and a zone; whatever is left over refuses it. Numeric dates
that begin with a day or a month (1/27/2021, 27.1.2021) are never read without a `date_format`: the
two readings of such a text lie months apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

ABBREVIATIONS = {
    **{"utc": 0, "gmt": 0, "ut": 0, "z": 0},
    # As RFC 822 (section 5.1) has them: CST is that of North America.
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
    # Others with one meaning only; IST, BST and AST have several and are refused.
    **{"jst": 9, "kst": 9, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3},
}
"""Hours ahead of UTC."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_NUMBERS = {name[:3]: number for number, name in enumerate(_MONTHS, 1)}
_NAME = rf"(?P<name>{'|'.join(f'{name}|{name[:3]}' for name in _MONTHS)}|sept)\.?"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(WEEKDAYS)})(?:s|nes|rs?|ur)?(?:day)?(?:\.?,\s*|\.?\s+))?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?(?![a-z]))?"
)
_ZONE = (
    r"(?P<zone>(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?|[a-z]+(?:[/_+-][a-z0-9]+)*)"
    r"(?:\s*[(\[][^()\[\]]*[)\]])?"  # JavaScript and Java add the zone's name in brackets
)
_TIME = rf"{_CLOCK}(?:\s*{_ZONE})?"
_TAIL = rf"(?:(?:\s*,\s*|\s*t\s*|\s+)(?:at\s+)?{_TIME})?"
_Y, _M, _D = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_DTH = rf"{_D}(?:st|nd|rd|th)?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_WEEKDAY}{_Y}(?P<mark>[-/.]){_M}(?P=mark){_D}{_TAIL}",
        rf"{_Y}\s?年\s?{_M}\s?月(?:\s?{_D}\s?日(?:\s*{_TIME})?)?",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:[t ]?(?P<hour>\d{2})(?P<minute>\d{2})"
        rf"(?:(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}}))?)?(?:\s*{_ZONE})?)?",
        rf"{_WEEKDAY}{_DTH}[\s-]+{_NAME}[,\s-]+{_Y}{_TAIL}",
        rf"{_WEEKDAY}{_NAME}\s+{_DTH},?\s+{_Y}{_TAIL}",
        rf"{_Y}[\s-]+{_NAME}[\s-]+{_DTH}{_TAIL}",
        # What the C library prints, with a zone before the year or without one.
        rf"{_WEEKDAY}{_NAME}\s+{_D}\s+{_CLOCK}\s+(?:{_ZONE}\s+)?{_Y}",
        rf"{_NAME},?\s+{_Y}",
        rf"{_Y}/{_M}",
        r"(?P<year>\d{4})\.(?P<month>\d{2})",  # 2021.1 may be October that lost a zero
    )
]
_DAY_OR_MONTH_FIRST = re.compile(r"(?<!\d)\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})(?!\d)")
_EARLY = re.compile(r"-?(?:\d{9}|\d{12}|\d{15})(?:\.\d*)?")
_SERIAL = re.compile(r"[2-6]\d{4}(?:\.\d+)?")
WRONG_WEEKDAY = "the weekday is not that of the date"
DAY_OR_MONTH = "day or month first: say date_format"


class Reading(NamedTuple):
    """A moment in naive UTC, how precise its text was, and that text's own reason to refuse it."""

    moment: datetime | None
    precision: str
    reason: str = "unreadable date"


@lru_cache(maxsize=1 << 16)
def read_date(text: str, zone: str = "UTC") -> Reading:
    """Read a text as a moment.

    Parameters
    ----------
    text : str
        Without blanks at its ends.
    zone : str
        Time zone of a time that names none. A bare date is not moved.

    Examples
    --------
    >>> read_date("Mon, 17 May 2010 22:11:40 PDT").moment
    datetime.datetime(2010, 5, 18, 5, 11, 40)
    >>> read_date("12:00:00 05:00").moment is None
    True
    """
    if text.isascii() or "年" in text:
        for form in _FORMS:
            if found := form.fullmatch(text):
                return _moment(found.groupdict(), zone)
    if _DAY_OR_MONTH_FIRST.match(text):
        return Reading(None, "", DAY_OR_MONTH)
    if _SERIAL.fullmatch(text):
        return Reading(None, "", "a bare number: if it is Excel's, say date_format='excel'")
    if _EARLY.fullmatch(text):
        return Reading(None, "", "a bare number: if it is a Unix time before 2000, say date_format")
    return Reading(None, "")


def _moment(parts: dict[str, Any], zone: str) -> Reading:
    name = parts.get("name")
    month = _NUMBERS[name[:3].lower()] if name else int(parts["month"])
    hour, half = parts.get("hour"), parts.get("half")
    try:
        if hour is None:
            day = parts.get("day")
            found = datetime(int(parts["year"]), month, int(day or 1))
            if not _is_weekday(found, parts):
                return Reading(None, "", WRONG_WEEKDAY)
            return Reading(found, "day" if day else "month")
        hours = int(hour)
        if half:
            if not 1 <= hours <= 12:
                return Reading(None, "")
            hours = hours % 12 + (12 if half.lower() == "p" else 0)
        found = datetime(
            *(int(parts["year"]), month, int(parts["day"]), hours, int(parts["minute"])),
            int(parts.get("second") or 0),
            int((parts.get("fraction") or "0")[:6].ljust(6, "0")),
        )
        if not _is_weekday(found, parts):
            return Reading(None, "", WRONG_WEEKDAY)
        place = zone_named(parts["zone"] if parts.get("zone") else zone)
        if place is None:
            return Reading(None, "", "unknown time zone")
        found = found.replace(tzinfo=place).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return Reading(None, "")
    return Reading(found, "second" if parts.get("second") else "minute")


def _is_weekday(found: datetime, parts: dict[str, Any]) -> bool:
    """Tell whether a text names the weekday of its date, or none."""
    said = parts.get("weekday")
    return said is None or WEEKDAYS[found.weekday()] == said.lower()


@cache
def zone_named(text: str) -> tzinfo | None:
    """Return the zone of an offset, an abbreviation with one meaning or an IANA name, or None."""
    if text in _iana():
        return ZoneInfo(text)
    lower = text.lower()
    if lower in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[lower]))
    offset = re.fullmatch(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?", lower)
    if offset is None:
        return None
    sign, hours, minutes = offset.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if ahead > timedelta(hours=14) or int(minutes or 0) > 59:
        return None
    return timezone(-ahead if sign == "-" else ahead)


@cache
def _iana() -> frozenset[str]:
    # Three letters such as EST are names there too, with other rules than those above.
    return frozenset(name for name in available_timezones() if "/" in name) | {"UTC"}


def two_readings(texts: Sequence[str]) -> str:
    """Say what the first date of texts that begin with a day or a month would be either way.

    A way that another of the texts forbids (31.12.2021) is not offered.
    """
    found = [match for text in texts if (match := _DAY_OR_MONTH_FIRST.search(text))]
    if not found:
        return ""
    said = []
    for order in ("%m %d", "%d %m"):
        forms = [_form(one, order) for one in found]
        read = [_read(one.group(0), form) for one, form in zip(found, forms, strict=True)]
        if read[0] is not None and None not in read:
            said.append(f"{read[0].day} {read[0]:%B %Y} with date_format='{forms[0]}'")
    if len(said) == 1 and len(found) > 1:
        said[0] += ", the only order that fits all of them"
    return f'"{found[0].group(0)}" is {", ".join(said)}' if said else ""


def _form(found: re.Match[str], order: str) -> str:
    mark, date = found.group(1), found.group(0)
    year = "%Y" if len(date.rsplit(mark, 1)[1]) == 4 else "%y"
    return f"{order} {year}".replace(" ", mark)


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
