"""Dates as people write them, to naive UTC timestamps with their precision, in SQL."""

from __future__ import annotations

EARLIEST = "1970-01-01"
"""No work in a table is dated before this; such dates are typing errors or placeholders."""


def quote(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Write a column name as an SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def moment(column: str, *, date_format: str | None = None, timezone: str = "UTC") -> str:
    """Return the SQL that reads a text column as a TIMESTAMP in UTC (NULL where unreadable).

    Understood without `date_format`: ISO dates and times with or without an offset, ``2022``,
    ``2022-08``, and Unix times in seconds or milliseconds. A time without an offset is taken to be
    in `timezone`.
    """
    local = f"timezone({quote(timezone)}, {{}})" if timezone != "UTC" else "{}"
    text = f"trim({column})"
    to_utc = f"timezone('UTC', {local})" if timezone != "UTC" else "{}"
    if date_format:
        return to_utc.format(f"try_strptime({text}, {quote(date_format)})")
    return f"""CASE
        WHEN regexp_full_match({text}, '[0-9]{{4}}(-[0-9]{{2}})?')
            THEN try_cast(rpad({text}, 10, '-01') AS TIMESTAMP)
        WHEN regexp_full_match({text}, '-?[0-9]{{9,10}}([.][0-9]+)?')
            THEN make_timestamp(CAST(try_cast({text} AS DOUBLE) * 1000000 AS BIGINT))
        WHEN regexp_full_match({text}, '[0-9]{{13}}')
            THEN make_timestamp(try_cast({text} AS BIGINT) * 1000)
        WHEN regexp_matches({text}, '([zZ]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') AND length({text}) > 10
            THEN timezone('UTC', try_cast({text} AS TIMESTAMPTZ))
        WHEN length({text}) = 10 THEN try_cast({text} AS TIMESTAMP)
        ELSE {to_utc.format(f"try_cast({text} AS TIMESTAMP)")}
        END"""


def precision(column: str, *, date_format: str | None = None) -> str:
    """Return the SQL that tells how precise a date text is: year, month, day or second."""
    if date_format:
        if any(mark in date_format for mark in ("%S", "%s", "%T", "%c")):
            return "'second'"
        if "%M" in date_format:
            return "'minute'"
        return "'day'" if "%d" in date_format or "%j" in date_format else "'month'"
    text = f"trim({column})"
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]{{4}}') THEN 'year' "
        f"WHEN length({text}) = 7 THEN 'month' "
        f"WHEN length({text}) = 10 AND {text} LIKE '%-%' THEN 'day' ELSE 'second' END"
    )


def doubt(parsed: str, text: str, *, earliest: str = EARLIEST) -> str:
    """Return the SQL that gives the reason to reject a date, or NULL when it is plausible."""
    return (
        f"CASE WHEN {parsed} IS NULL THEN 'unreadable date ' || coalesce('\"' || left({text}, 40) "
        f"|| '\"', '(empty)') "
        f"WHEN {parsed} > now() AT TIME ZONE 'UTC' + INTERVAL 1 DAY THEN 'date in the future ' "
        f"|| left({text}, 40) "
        f"WHEN {parsed} < TIMESTAMP '{earliest}' THEN 'date before {earliest} ' "
        f"|| left({text}, 40) END"
    )
