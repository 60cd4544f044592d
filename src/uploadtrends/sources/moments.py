"""Dates as people write them, to naive UTC timestamps with their precision, in SQL.

The plain forms are read by DuckDB at its own speed; any other text goes to `dates` through a
function that `register_functions` gives to the connection; `read_dates` does so only where a
statement meets such a text. Either a text is read whole or it is NULL. The connection must be in
UTC, which `staging.create_stage_tables` sees to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.sources.dates import WEEKDAYS, read_date, zone_named

EARLIEST = "1970-01-02"
"""No work in a table is dated before this; such dates are typing errors or placeholders for 0."""
WORDS = {"excel": "days since 1899-12-30", "unix": "s", "unix-ms": "ms", "unix-us": "us"}
"""Values of `date_format` that are no strptime formats."""
Formats = str | Sequence[str] | Mapping[str, str | Sequence[str]] | None
ISO_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_TIME = f"{ISO_DAY}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-5][0-9]([.][0-9]{{1,9}})?)?"
_COMPACT = "(19[89]|20[0-9])[0-9](0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{4}"
"""202103141530. As milliseconds it would lie in 1976, before there was anything to upload to."""
_SECONDS = "([0-9]{10}|9(4[7-9]|[5-9][0-9])[0-9]{6})"
"""Unix times of nine digits from 2000 on; smaller numbers are ids more often than times."""
_OFFSET = "[+-]((0[0-9]|1[0-3])(:?[0-5][0-9])?|14(:?00)?)"


def quote(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Write a column name as an SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def _read_moment(text: str | None, zone: str | None) -> datetime | None:
    return read_date(text, zone or "UTC").moment if text else None


def _read_precision(text: str | None) -> str | None:
    return read_date(text).precision or None if text else None


def _read_named_zone(text: str | None, form: str | None) -> datetime | None:
    """Read a text by a strptime format with %Z, whose names of zones are ours."""
    if not text or not form:
        return None
    place = form.split().index("%Z")
    words = text.split()
    zone = zone_named(words.pop(place)) if place < len(words) else None
    rest = " ".join(word for word in form.split() if word != "%Z")
    try:
        local = datetime.strptime(" ".join(words), rest)
    except ValueError:
        return None
    if zone is None:
        return None
    if re.search("%[aA]", form) and WEEKDAYS[local.weekday()] not in text.lower():
        return None
    return local.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


_FUNCTIONS = {
    "ut_moment": (_read_moment, ["VARCHAR", "VARCHAR"], "TIMESTAMP"),
    "ut_precision": (_read_precision, ["VARCHAR"], "VARCHAR"),
    "ut_named_zone": (_read_named_zone, ["VARCHAR", "VARCHAR"], "TIMESTAMP"),
    "ut_doubt": (lambda text: read_date(text or "").reason, ["VARCHAR"], "VARCHAR"),
}


_CALLED = "a date for the reader in Python"


def read_dates(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Execute a statement with the SQL of `moment`, `precision` or `doubt`.

    DuckDB cannot call Python without NumPy, whose import takes a tenth of a second; most files
    hold no date that needs it.
    """
    for called, (_, takes, _) in _FUNCTIONS.items():
        given = ", ".join(f"a{n}" for n in range(len(takes)))
        con.execute(f"CREATE OR REPLACE TEMP MACRO {called}({given}) AS error('{_CALLED} ' || a0)")
    needed = False
    try:
        con.execute(statement)
    except duckdb.InvalidInputException as error:
        needed = _CALLED in str(error)
        if not needed:
            raise
    finally:
        for called in _FUNCTIONS:
            con.execute(f"DROP MACRO temp.{called}")
    if needed:
        register_functions(con)
        con.execute(statement)


def register_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the functions that `moment`, `precision` and `doubt` call."""
    for called, (function, takes, gives) in _FUNCTIONS.items():
        with suppress(duckdb.NotImplementedException):  # it has them
            con.create_function(called, function, takes, gives, null_handling="special")  # type: ignore[call-overload]


def remove_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Take them away again."""
    for called in _FUNCTIONS:
        with suppress(duckdb.InvalidInputException):  # it never had them
            con.remove_function(called)


def check_zone(zone: str) -> None:
    """Raise InputError for a time zone that nobody knows."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(
            "unknown time zone", value=zone, fix="an IANA name, such as America/Chicago"
        ) from None


def formats_of(field: str, date_format: Formats) -> tuple[str, ...]:
    """Return the formats of one field; a mapping may have some under "" for all others.

    Raises
    ------
    InputError
        A format that cannot be read.
    """
    given = date_format
    if isinstance(given, Mapping):
        given = given.get(field, given.get("", ()))
    formats = (given,) if isinstance(given, str) else tuple(given or ())
    for form in formats:
        if form in WORDS:
            continue
        if "%" not in form:
            raise InputError(
                "not a format of dates",
                value=form,
                fix=f"a strptime format such as %d/%m/%Y, or one of {', '.join(WORDS)}",
            )
        if "%p" in form and "%I" not in form:
            raise InputError(
                "%p (AM or PM) goes with hours from 1 to 12", value=form, fix="%I in place of %H"
            )
        if "%Z" in form and form.split().count("%Z") != 1:
            raise InputError("%Z must stand between blanks, once", value=form, fix="or use %z")
    return formats


def moment(column: str, *, date_format: Formats = None, timezone: str = "UTC") -> str:
    """Return the SQL that reads a text column as a TIMESTAMP in UTC (NULL where unreadable).

    The text has no blanks at its ends: `rows.cleaned` has taken them off. Understood without
    `date_format`: ISO dates and times with or without an offset, ``2022``,
    ``2022-08``, Unix times from 2000 on in seconds, milliseconds, microseconds or nanoseconds, and
    what `dates.read_date` reads. A time without a zone is taken to be in `timezone`; a zone or an
    offset in the text wins. Of several formats all that fit a text must agree.
    """
    if formats := formats_of("", date_format):
        read = [_by_format(column, form, timezone) for form in formats]
        if len(read) == 1:
            return read[0]
        listed = f"list_distinct([{', '.join(read)}])"  # NULLs do not count
        return f"CASE WHEN len({listed}) = 1 THEN {listed}[1] END"
    naive = _to_utc(f"try_cast({column} AS TIMESTAMP)", timezone)
    # What whole dumps hold is read two times as fast by position; a text that does not fit is NULL.
    dumped = f"try_strptime({column}, '%Y-%m-%dT%H:%M:%S.%f%z')"
    # No text has two of these forms.
    return f"""coalesce(CASE WHEN {column} LIKE '____-__-__T__:__:__.____0_:00'
        THEN make_timestamp(epoch_us({dumped})) END, CASE
        WHEN strlen({column}) > 16 AND regexp_full_match({column}, '{_ISO_TIME}(Z|{_OFFSET})')
            THEN make_timestamp(epoch_us(try_cast({column} AS TIMESTAMPTZ)))
        WHEN length({column}) = 10 AND regexp_full_match({column}, '{ISO_DAY}')
            THEN try_cast({column} AS TIMESTAMP)
        WHEN regexp_full_match({column}, '{_ISO_TIME}') THEN {naive}
        WHEN regexp_full_match({column}, '{_ISO_TIME} (Z|{_OFFSET})')
            THEN make_timestamp(epoch_us(try_cast(
                regexp_replace({column}, ' ([Z+-])', '\\1') AS TIMESTAMPTZ)))
        WHEN regexp_full_match({column}, '[0-9]{{4}}(-[0-9]{{2}})?')
            THEN try_cast(rpad({column}, 10, '-01') AS TIMESTAMP)
        WHEN regexp_full_match({column}, '-?{_SECONDS}([.][0-9]+)?')
            THEN make_timestamp(CAST(try_cast({column} AS DOUBLE) * 1000000 AS BIGINT))
        WHEN regexp_full_match({column}, '{_COMPACT}') THEN ut_moment({column}, {quote(timezone)})
        WHEN regexp_full_match({column}, '{_SECONDS}[0-9]{{3}}([.]0*)?')
            THEN make_timestamp(try_cast(split_part({column}, '.', 1) AS BIGINT) * 1000)
        WHEN regexp_full_match({column}, '{_SECONDS}[0-9]{{6}}([.]0*)?')
            THEN make_timestamp(try_cast(split_part({column}, '.', 1) AS BIGINT))
        WHEN regexp_full_match({column}, '[0-9]{{19}}')
            THEN make_timestamp(try_cast({column} AS BIGINT) // 1000)
        WHEN {column} IS NOT NULL THEN ut_moment({column}, {quote(timezone)})
        END)"""


def _to_utc(parsed: str, timezone: str) -> str:
    if timezone == "UTC":
        return parsed
    return f"timezone('UTC', timezone({quote(timezone)}, {parsed}))"


def _by_format(text: str, form: str, timezone: str) -> str:
    number = f"try_cast({text} AS DOUBLE)"
    if form == "excel":
        # Day 60 of these serials, 29 February 1900, never was; works are younger.
        read = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({number} * 86400) AS BIGINT))"
        return (
            f"CASE WHEN {number} BETWEEN 61 AND 2958465 THEN "
            f"CASE WHEN {number} = floor({number}) THEN {read} "
            f"ELSE {_to_utc(read, timezone)} END END"
        )
    if form in WORDS:
        scale = {"unix": 1e6, "unix-ms": 1e3, "unix-us": 1.0}[form]
        # A time in a coarser unit than was said would be one in January 1970.
        least = 0 if form == "unix" else 1e14
        fits = f"abs({number}) * {scale} < 4e15 AND abs({number}) * {scale} >= {least}"
        return f"CASE WHEN {fits} THEN make_timestamp(CAST({number} * {scale} AS BIGINT)) END"
    if "%Z" in form:
        return f"ut_named_zone({text}, {quote(form)})"
    if form.endswith("%z"):
        text = f"regexp_replace({text}, '[Zz]$', '+0000')"

    def parsed(text: str) -> str:
        read = f"try_strptime({text}, {quote(form)})"
        return f"timezone('UTC', CAST({read} AS TIMESTAMPTZ))" if "%z" in form else read

    read = parsed(text)
    if re.search("%-?[aA]", form):
        day = f"lower(strftime({parsed(_at_utc(text, form))}, '%a'))"
        read = f"CASE WHEN contains(lower({text}), {day}) THEN {read} END"
    if _has_clock(form) and "%z" not in form:
        return _to_utc(read, timezone)
    return read


def _at_utc(text: str, form: str) -> str:
    """Return the SQL of a text with its offset (%z) at 0, so that the day read is its own."""
    parts = [".+?".join(map(re.escape, re.split("%-?.", part))) for part in form.split("%z")]
    if len(parts) != 2:
        return text
    pattern = quote(f"^({parts[0]})(?:[+-][0-9:]+|[Zz])({parts[1]})$")
    return f"regexp_replace({text}, {pattern}, '\\1+0000\\2')"


def _has_clock(form: str) -> bool:
    return re.search("%-?[HIMSTXcRs]", form) is not None


def precision(column: str, *, date_format: Formats = None) -> str:
    """Return the SQL that tells how precise a date text is: year, month, day, minute or second."""
    if formats := formats_of("", date_format):
        precise = [_precision_of(form, column) for form in formats]
        if len(set(precise)) == 1:
            return precise[0]
        cases = " ".join(
            f"WHEN {_by_format(column, form, 'UTC')} IS NOT NULL THEN {said}"
            for form, said in zip(formats, precise, strict=True)
        )
        return f"CASE {cases} END"
    return (
        # No text with these marks is a date with less than a second.
        f"CASE WHEN {column} LIKE '____-__-__T__:__:__%' THEN 'second' "
        f"WHEN length({column}) = 10 AND {column} LIKE '____-__-__' THEN 'day' "
        f"WHEN regexp_full_match({column}, '{_COMPACT}') THEN 'minute' "
        f"WHEN regexp_full_match({column}, '-?[0-9]{{9,}}([.][0-9]*)?') AND length({column}) <> 14 "
        f"THEN 'second' WHEN regexp_full_match({column}, '{ISO_DAY}[T ][0-9]{{2}}:[0-9]{{2}}.*') "
        f"THEN CASE WHEN substr({column}, 17, 1) = ':' THEN 'second' ELSE 'minute' END "
        f"WHEN regexp_full_match({column}, '[0-9]{{4}}') THEN 'year' "
        f"WHEN length({column}) = 7 AND {column} LIKE '____-__' THEN 'month' "
        f"WHEN {column} IS NOT NULL THEN ut_precision({column}) END"
    )


def _precision_of(form: str, text: str) -> str:
    if form == "excel":
        return f"CASE WHEN try_cast({text} AS DOUBLE) % 1 = 0 THEN 'day' ELSE 'second' END"
    if form in WORDS or any(mark in form for mark in ("%S", "%-S", "%s", "%T", "%c", "%X")):
        return "'second'"
    if _has_clock(form):
        return "'minute'"
    if re.search("%-?[djex]", form):
        return "'day'"
    return "'month'" if re.search("%-?[mbBh]", form) else "'year'"


def doubt(parsed: str, text: str, *, earliest: str = EARLIEST, date_format: Formats = None) -> str:
    """Return the SQL that gives the reason to reject a date, or NULL when it is plausible.

    Reasons name no values, so that they can be counted; the reject's excerpt has the value.
    """
    plain = "'unreadable date'" if formats_of("", date_format) else f"ut_doubt({text})"
    return (
        f"CASE WHEN {parsed} IS NULL THEN "
        f"CASE WHEN {text} IS NULL THEN 'no date' ELSE {plain} END "
        f"WHEN {parsed} > now() AT TIME ZONE 'UTC' + INTERVAL 1 DAY THEN 'date in the future' "
        f"WHEN {parsed} < TIMESTAMP '{earliest}' THEN 'date before {earliest}' END"
    )
