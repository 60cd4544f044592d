"""Times as people and programs write them, read whole or not at all.

SQL reads the plain forms (see `moments`); what it does not know comes here, text by text. A text is
taken apart into a date, a time of day and a zone; whatever is left over refuses it. Numeric dates
that begin with a day or a month (1/27/2021, 27.1.2021) are never read without a `date_format`: the
two readings of such a text lie months apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
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
_ABROAD = {
    word: name
    for name, words in zip(
        _MONTHS,
        (
            "januar jänner janvier janv enero ene janeiro gennaio gen januari января",
            "februar février févr fevrier febrero fevereiro fev febbraio februari feb февраля",
            "märz mär mars marzo março marco maart mrt mar марта",
            "avril avr abril abr aprile апреля",
            "mai mayo maio maggio mag mei мая",
            "juni juin junio junho giugno giu июня",
            "juli juillet juil julio julho luglio lug июля",
            "août aout agosto ago augustus августа",
            "septembre septiembre setiembre setembro set settembre сентября",
            "oktober okt octobre octubre outubro out ottobre ott октября",
            "novembre noviembre novembro ноября",
            "dezember dez décembre déc decembre diciembre dic dezembro dicembre december декабря",
        ),
        strict=True,
    )
    for word in words.split()
}
"""Months in German, French, Spanish, Portuguese, Italian, Dutch and Russian; none means another one
in any of these languages (listopad, which is October or November, is in none of them)."""
_NAME = rf"(?P<name>{'|'.join(f'{name}|{name[:3]}' for name in _MONTHS)}|sept)\.?"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EASTERN_DAYS = dict(
    zip(
        "月火水木金土日월화수목금토일一二三四五六天", (*WEEKDAYS, *WEEKDAYS, *WEEKDAYS), strict=True
    )
)
_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(WEEKDAYS)})(?:s|nes|rs?|ur)?(?:day)?(?:\.?,\s*|\.?\s+))?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?(?![a-z]))?"
)
_ZONE = (
    r"(?P<zone>(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?(?:\s(?-i:[A-Z]{3,4}))?"
    r"|[a-z]+(?:[/_+-][a-z0-9]+)*)"
    r"(?:\s*[(\[][^()\[\]]*[)\]])?"  # JavaScript and Java add the zone's name in brackets
)
_TIME = rf"{_CLOCK}(?:\s*{_ZONE})?"
_TAIL = rf"(?:(?:\s*,\s*|\s*t\s*|\s+)(?:at\s+)?{_TIME})?"
_Y, _M, _D = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_DTH = rf"{_D}(?:st|nd|rd|th|er|\.)?"
_FORMS = (
    rf"{_WEEKDAY}{_Y}(?P<mark>[-/.:]){_M}(?P=mark){_D}{_TAIL}",
    rf"{_WEEKDAY}{_Y}\s?[年년]\s?{_M}\s?[月월](?:\s?{_D}\s?[日일](?:\s*{_TIME})?)?",
    rf"{_WEEKDAY}{_Y}\.\s{_M}\.\s{_D}\.?{_TAIL}",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:\.0+|[t ]?"
    r"(?P<hour>\d{2})(?P<minute>\d{2})"
    rf"(?:(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}}))?)?(?:\s*{_ZONE})?)?",
    rf"{_WEEKDAY}{_DTH}[\s-]+{_NAME}[,\s-]+{_Y}{_TAIL}",
    rf"{_WEEKDAY}{_NAME}\s+{_DTH},?\s+{_Y}{_TAIL}",
    rf"{_Y}[\s-]+{_NAME}[\s-]+{_DTH}{_TAIL}",
    # What the C library prints, with a zone before the year or without one.
    rf"{_WEEKDAY}{_NAME}\s+{_D}\s+{_CLOCK}\s+(?:{_ZONE}\s+)?{_Y}",
    rf"{_WEEKDAY}{_NAME}\s+{_D}\s+{_CLOCK}\s+{_Y}\s+{_ZONE}",  # git
    rf"\[?{_D}/{_NAME}/{_Y}:{_CLOCK}(?:\s*{_ZONE})?\]?",  # logs of servers
    rf"{_CLOCK}\s-\s{_NAME}\s+{_DTH},?\s+{_Y}",  # Twitter's page
    rf"{_NAME},?\s+{_Y}",
    rf"{_Y}/{_M}",
    rf"{_M}/{_Y}",
    rf"{_Y}-(?P<ordinal>\d{{3}}){_TAIL}",
    rf"{_Y}-?W(?P<week>\d{{2}})-?(?P<ordinal>[1-7]){_TAIL}",
    r"(?P<year>\d{4})\.(?P<month>\d{2})",  # 2021.1 may be October that lost a zero
)
_DAY_OR_MONTH_FIRST = re.compile(r"(?<!\d)\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})(?!\d)")
_ODD_MARKS = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Directions of writing, and blanks without a width."""
_DASHES = re.compile("[\u2010-\u2015\u2212\u00b7\u2022]")
_WORD = re.compile(r"[^\W\d_]{3,}")
_EASTERN_CLOCK = re.compile(r"(\d{1,2})\s?[時时시]\s?(\d{1,2})\s?[分분](?:\s?(\d{1,2})\s?[秒초])?")
_EASTERN_HALF = re.compile(r"(?:(午前|上午|오전)|午後|下午|오후)\s?(\d{1,2}:\d{2}(?::\d{2})?)")
_EASTERN_DAY = re.compile(
    r"(?<=[\d日일])\s*(?:\(([月火水木金土日월화수목금토일])\)|(?:星期|周|週)([一二三四五六日天])"
    r"|([月火水木金土日])曜日?|([월화수목금토일])요일)"
)
_BETWEEN = "\x1f"
"""Stands between the members of a list, see `rows.SEPARATOR`."""
_YEAR_OF_A_FLOAT = re.compile(r"((?:19|20)\d{2})\.0+")
_PERIOD = re.compile(r"\d{4}[ -]?[QW]\d{1,2}|Q\d[ -]?\d{4}", re.IGNORECASE)
_TWO_DIGITS = re.compile(r"\d{1,2}[ -][a-z]{3,9}\.?[ -]\d{2}(?!\d).*", re.IGNORECASE)
_EXPONENT = re.compile(r"\d(?:\.\d+)?[eE][+]?\d+")
_DOTNET = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_EARLY = re.compile(r"-?(?:\d{9}|\d{12}|\d{15})(?:\.\d*)?")
SERIAL = re.compile(r"[2-6]\d{4}(?:\.\d+)?")
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
    if _BETWEEN in text:
        return Reading(None, "", "several dates where one is needed")
    text = _plain(text)
    if milliseconds := _DOTNET.fullmatch(text):
        since = timedelta(milliseconds=int(milliseconds[1][:15]))
        return Reading(datetime(1970, 1, 1) + since, "second")
    if year := _YEAR_OF_A_FLOAT.fullmatch(text):
        return Reading(datetime(int(year[1]), 1, 1), "year")
    if text.isascii() or "年" in text or "년" in text:
        for form in _FORMS:
            if found := _compiled(form).fullmatch(text):
                return _moment(found.groupdict(), zone)
    if _DAY_OR_MONTH_FIRST.match(text):
        return Reading(None, "", DAY_OR_MONTH)
    if SERIAL.fullmatch(text):
        return Reading(None, "", "a bare number: if it is Excel's, say date_format='excel'")
    if _PERIOD.fullmatch(text):
        return Reading(None, "", "a week or a quarter: write its first day")
    if _TWO_DIGITS.fullmatch(text):
        return Reading(None, "", "a year of two digits: say date_format, such as %d-%b-%y")
    if _EXPONENT.fullmatch(text):
        return Reading(None, "", "a number with an exponent, which may be rounded: write it out")
    if _EARLY.fullmatch(text):
        return Reading(None, "", "a bare number: if it is a Unix time before 2000, say date_format")
    return Reading(None, "")


@cache
def _compiled(form: str) -> re.Pattern[str]:
    """Compile a form when it is first tried: most loads never ask Python for a date."""
    return re.compile(form, re.IGNORECASE)


def _plain(text: str) -> str:
    """Bring a text to ASCII as far as it is a date in another script or language."""
    text = text.removeprefix('="').removesuffix('"') if text.startswith('="') else text
    text = re.sub(r"^'(?=\d)", "", text)  # so that a spreadsheet takes it for a text
    if text.isascii() and not _WORD.search(text):
        return text
    text = _DASHES.sub("-", _ODD_MARKS.sub("", text))
    text = "".join(_narrow(one) for one in text) if not text.isascii() else text
    text = _EASTERN_CLOCK.sub(
        lambda found: ":".join(part.zfill(2) for part in found.groups() if part), text
    )
    text = _EASTERN_HALF.sub(lambda found: f"{found[2]} {'AM' if found[1] else 'PM'}", text)
    if day := _EASTERN_DAY.search(text):
        said = _EASTERN_DAYS[next(filter(None, day.groups()))]
        text = f"{said}, {text[: day.start()]}{text[day.end() :]}"
    abroad = _WORD.sub(lambda found: _ABROAD.get(found[0].lower(), found[0]), text)
    return re.sub(r"\s+(?:de|of)\s+", " ", abroad)


def _narrow(one: str) -> str:
    """Return a digit, blank or full-width sign of another script as ASCII has it."""
    if one.isdecimal():
        return str(unicodedata.decimal(one))
    if "\uff01" <= one <= "\uff5e":
        return chr(ord(one) - 0xFEE0)
    return " " if one.isspace() else one


def _moment(parts: dict[str, Any], zone: str) -> Reading:
    hour, half = parts.get("hour"), parts.get("half")
    try:
        day = _day(parts)
        if hour is None:
            found = datetime(day.year, day.month, day.day)
            if not _is_weekday(found, parts):
                return Reading(None, "", WRONG_WEEKDAY)
            return Reading(found, "day" if parts.get("day") or parts.get("ordinal") else "month")
        hours = int(hour)
        if half:
            if hours > 12:  # 0 is noon or midnight in Japan
                return Reading(None, "")
            hours = hours % 12 + (12 if half.lower() == "p" else 0)
        second = int(parts.get("second") or 0)
        leap, midnight = second == 60, (hours, parts["minute"], second) == (24, "00", 0)
        found = datetime(
            *(day.year, day.month, day.day, 0 if midnight else hours, int(parts["minute"])),
            59 if leap else second,
            int((parts.get("fraction") or "0")[:6].ljust(6, "0")),
        )
        found += timedelta(days=midnight, seconds=leap)
        if not _is_weekday(found, parts):
            return Reading(None, "", WRONG_WEEKDAY)
        place = zone_named(parts["zone"] if parts.get("zone") else zone)
        if place is None:
            return Reading(None, "", "unknown time zone")
        # An hour that a clock shows twice is the second of them, as DuckDB has it.
        found = max(
            found.replace(tzinfo=place, fold=fold).astimezone(UTC).replace(tzinfo=None)
            for fold in (0, 1)
        )
    except (ValueError, OverflowError):
        return Reading(None, "")
    return Reading(found, "second" if parts.get("second") else "minute")


def _day(parts: dict[str, Any]) -> date:
    """Return the day of a date: by month, by its number in the year, or by week and weekday."""
    year, ordinal = int(parts["year"]), parts.get("ordinal")
    if parts.get("week"):
        return date.fromisocalendar(year, int(parts["week"]), int(parts["ordinal"]))
    if ordinal:
        found = date(year, 1, 1) + timedelta(days=int(ordinal) - 1)
        if found.year != year:
            raise ValueError
        return found
    name = parts.get("name")
    month = _NUMBERS[name[:3].lower()] if name else int(parts["month"])
    return date(year, month, int(parts.get("day") or 1))


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
    # Go and Ruby add the name of the zone to its offset, which wins.
    offset = re.fullmatch(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?(?:\s[a-z]{3,4})?", lower)
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
    mark, numbers = found.group(1), found.group(0)
    year = "%Y" if len(numbers.rsplit(mark, 1)[1]) == 4 else "%y"
    return f"{order} {year}".replace(" ", mark)


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
