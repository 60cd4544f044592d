"""Times as people write them: read whole, or not at all."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from uploadtrends.errors import InputError
from uploadtrends.sources.dates import read_date, two_readings, zone_named
from uploadtrends.sources.moments import (
    doubt,
    formats_of,
    moment,
    precision,
    read_dates,
    register_functions,
)


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Tokyo"])
def con(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")  # as every staging connection
        register_functions(opened)
        yield opened


def read(con, text: str, **options) -> tuple:
    formats = {"date_format": options["date_format"]} if "date_format" in options else {}
    return con.execute(
        f"SELECT {moment('x', **options)}, {precision('x', **formats)} FROM (SELECT ? AS x)", [text]
    ).fetchall()[0]


@pytest.mark.parametrize(
    ("text", "right", "precise"),
    [
        ("Mon, 17 May 2010 22:11:40 PDT", datetime(2010, 5, 18, 5, 11, 40), "second"),
        ("Fri, 08 Jun 2012 12:47:04 -0700", datetime(2012, 6, 8, 19, 47, 4), "second"),
        ("2020-07-31 23:30:00 PDT", datetime(2020, 8, 1, 6, 30), "second"),
        ("2020-07-31 23:30:00 America/New_York", datetime(2020, 8, 1, 3, 30), "second"),
        ("2020-01-31 23:30:00 America/New_York", datetime(2020, 2, 1, 4, 30), "second"),
        ("2020-07-31 23:30:00 UTC", datetime(2020, 7, 31, 23, 30), "second"),
        ("2020-07-31 23:30:00 -0500", datetime(2020, 8, 1, 4, 30), "second"),
        ("2020-07-31 23:30:00+0530", datetime(2020, 7, 31, 18), "second"),
        ("2020-07-26 11:05:00 PM", datetime(2020, 7, 26, 23, 5), "second"),
        ("2020-07-26 12:05 AM", datetime(2020, 7, 26, 0, 5), "minute"),
        ("Aug 3, 2022 at 5:06 p.m.", datetime(2022, 8, 3, 17, 6), "minute"),
        ("Sun Dec 25 05:02:20 +0000 2022", datetime(2022, 12, 25, 5, 2, 20), "second"),
        ("Sun Jul 31 2022 20:02:20 GMT+0200 (CEST)", datetime(2022, 7, 31, 18, 2, 20), "second"),
        ("2022年08月18日 00:00", datetime(2022, 8, 18), "minute"),
        ("1661162400", datetime(2022, 8, 22, 10), "second"),
        ("1518653586.0", datetime(2018, 2, 15, 0, 13, 6), "second"),
        ("1661162400000", datetime(2022, 8, 22, 10), "second"),
        ("1661162400000000", datetime(2022, 8, 22, 10), "second"),
        ("20220822T101112Z", datetime(2022, 8, 22, 10, 11, 12), "second"),
        ("949363200", datetime(2000, 2, 1), "second"),
        ("949363200000", datetime(2000, 2, 1), "second"),
        ("2022", datetime(2022, 1, 1), "year"),
        ("2022-08", datetime(2022, 8, 1), "month"),
        ("August 2022", datetime(2022, 8, 1), "month"),
        ("22-Aug-2022", datetime(2022, 8, 22), "day"),
        # Other scripts, languages and programs.
        ("2022年10月3日(月) 14時05分", datetime(2022, 10, 3, 14, 5), "minute"),
        ("２０２２/１０/０３ 午後2:05", datetime(2022, 10, 3, 14, 5), "minute"),
        ("2022年10月3日 午後0時05分", datetime(2022, 10, 3, 12, 5), "minute"),
        ("2022年10月3日 星期一", datetime(2022, 10, 3), "day"),
        ("2022년 10월 3일", datetime(2022, 10, 3), "day"),
        ("2022. 10. 3. 오후 2:05", datetime(2022, 10, 3, 14, 5), "minute"),
        ("٢٠٢٢-١٠-٠٣", datetime(2022, 10, 3), "day"),
        ("\u200e2022\u201110\u201103", datetime(2022, 10, 3), "day"),
        ("Oct 3, 2022, 2:05:06\u202fPM", datetime(2022, 10, 3, 14, 5, 6), "second"),
        ("3 de outubro de 2022", datetime(2022, 10, 3), "day"),
        ("1er août 2022", datetime(2022, 8, 1), "day"),
        ("3. März 2022 14:05", datetime(2022, 3, 3, 14, 5), "minute"),
        ("3 октября 2022", datetime(2022, 10, 3), "day"),
        ("2022:10:03 14:05:06", datetime(2022, 10, 3, 14, 5, 6), "second"),
        ("2022-10-03 14:05:06.5 +0900 JST", datetime(2022, 10, 3, 5, 5, 6, 500000), "second"),
        ("/Date(1664755200000)/", datetime(2022, 10, 3), "second"),
        ('="2022-10-03"', datetime(2022, 10, 3), "day"),
        ("20221003.0", datetime(2022, 10, 3), "day"),
        ("2022-276", datetime(2022, 10, 3), "day"),
        ("2020-W53-7", datetime(2021, 1, 3), "day"),
        ("Tue Jan 5 00:00:00 2021 +0100", datetime(2021, 1, 4, 23), "second"),
        ("[05/Jan/2021:01:02:03 +0000]", datetime(2021, 1, 5, 1, 2, 3), "second"),
        ("2:05 PM · Jan 5, 2021", datetime(2021, 1, 5, 14, 5), "minute"),
        ("5th of January 2021", datetime(2021, 1, 5), "day"),
        ("2022.0", datetime(2022, 1, 1), "year"),
        ("10/2022", datetime(2022, 10, 1), "month"),
        ("2016-12-31 23:59:60", datetime(2017, 1, 1), "second"),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1), "second"),
        ("3 Oct 2022 24:00:00 UTC", datetime(2022, 10, 4), "second"),
    ],
)
def test_what_is_read(con, text: str, right: datetime, precise: str) -> None:
    assert read(con, text) == (right, precise)
    # A zone or an offset in the text wins over the option, a bare date is not moved.
    named = ("PDT", "UTC", "York", "00", "30", "CEST", "Z", "2022)", "+0000 2022")
    if precise == "second" and text.endswith(named) and not text.isdigit():
        assert read(con, text, timezone="Asia/Tokyo")[0] == right or "M" in text.split()[-1]


@pytest.mark.parametrize(
    "text",
    [
        *("12:00:00 05:00", "2020-07-31 12:00:00 05:00", "2020-07-26 13:05 PM", "yesterday"),
        *("2022-02-30", "2022-08-22 25:00", "2022-08-22 10:00 BST", "1 August 2022 or so"),
        # Ids of nine digits, which would be times before 2000.
        *("100234567", "100234567000", "100234567000000", "-100234567", "100234567.5"),
        *("1/27/2021", "27.1.2021", "3/4/21", "44775.5", "2020-07-31 23:30:00 +9900", "2022-13"),
        *("2022年10月3日(火)", "2021-366", "2022-W40", "2021-W53-1", "2022¹", "3 listopad 2022"),
        *("1.6647552e9", "1.66476E+09", "2022年13月1日", "13/2022", "2022-10-03 24:01", "2022-Q4"),
    ],
)
def test_what_is_left_over_refuses_the_whole(con, text: str) -> None:
    assert read(con, text)[0] is None
    (reason,) = con.execute(
        f"SELECT {doubt(moment('x'), 'x')} FROM (SELECT ? AS x)", [text]
    ).fetchall()[0]
    assert reason
    assert text not in reason  # reasons are counted, values stand in the excerpt


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Mon, 17 May 2010", datetime(2010, 5, 17)),
        ("Tue, 17 May 2010", None),
        ("Monday 17 May 2010 22:11:40 PDT", datetime(2010, 5, 18, 5, 11, 40)),
        ("Tuesday 17 May 2010 22:11:40 PDT", None),  # it is, but in UTC
        ("Thurs. Aug 18 2022", datetime(2022, 8, 18)),
        ("Wednesday, Aug 18 2022", None),
        ("Sat Dec 25 05:02:20 +0000 2022", None),
        ("sun 2022-12-25", datetime(2022, 12, 25)),
    ],
)
def test_a_weekday_is_that_of_the_date(con, text: str, right: datetime | None) -> None:
    assert read(con, text)[0] == right
    if right is None:
        assert read_date(text).reason == "the weekday is not that of the date"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2013-01-10T22:21:17.392-05:00", datetime(2013, 1, 11, 3, 21, 17, 392000)),
        ("2013-07-10T22:21:17.392+09:00", datetime(2013, 7, 10, 13, 21, 17, 392000)),
        ("2013-01-10T24:00:00.000-05:00", datetime(2013, 1, 11, 5)),
        ("2013-01-10T22:21:17.392-05:75", None),
        ("2013-01-10T 2:21:17.392-05:00", datetime(2013, 1, 10, 7, 21, 17, 392000)),
        ("2013-02-30T02:21:17.392-05:00", None),
        ("-013-01-10T02:21:17.392-05:00", None),
        ("2013-01-10T02:21:17.392 05:00", None),
    ],
)
def test_a_time_of_a_dump_is_read_by_position_or_as_any_other(con, text: str, right) -> None:
    assert read(con, text)[0] == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2022-11-06 01:30:00", datetime(2022, 11, 6, 6, 30)),  # twice; the second one
        ("2022-03-13 02:30:00", datetime(2022, 3, 13, 7, 30)),  # never
    ],
)
def test_hours_that_a_clock_shows_twice_or_never_are_the_same_by_both_readers(
    con, text: str, right
) -> None:
    assert read(con, text, timezone="America/New_York")[0] == right
    assert read_date(text, "America/New_York").moment == right


def test_python_reads_only_what_duckdb_cannot() -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("CREATE TEMP TABLE given (x VARCHAR)")
        read_them = f"CREATE OR REPLACE TEMP TABLE found AS SELECT {moment('x')} AS m FROM given"
        con.execute("INSERT INTO given VALUES ('2022-08-22'), (NULL)")
        read_dates(con, read_them)
        assert con.execute("FROM found").fetchall() == [(datetime(2022, 8, 22),), (None,)]
        with pytest.raises(duckdb.CatalogException):
            con.execute("SELECT ut_moment('2022-08-22', 'UTC')")
        con.execute("INSERT INTO given VALUES ('August 22, 2022')")
        read_dates(con, read_them)
        assert (
            con.execute("SELECT m FROM found WHERE m IS NOT NULL").fetchall()
            == [(datetime(2022, 8, 22),)] * 2
        )
        with pytest.raises(duckdb.BinderException):  # any other failure is its own
            read_dates(con, "CREATE TEMP TABLE found_again AS SELECT nothing FROM given")


def test_no_american_date_is_guessed() -> None:
    only = "\"1/27/2021\" is 27 January 2021 with date_format='%m/%d/%Y'"
    assert two_readings(["1/27/2021"]) == only
    either = two_readings(["w1,3/4/2021"])
    assert "4 March 2021" in either
    assert "3 April 2021" in either
    assert two_readings(["w1,3.4.2021", "w2,31.12.2021"]) == (
        "\"3.4.2021\" is 3 April 2021 with date_format='%d.%m.%Y', "
        "the only order that fits all of them"
    )
    assert two_readings(["1.27.2021", "27.1.2021"]) == ""
    assert read_date("3/4/2021").reason == "day or month first: say date_format"


@pytest.mark.parametrize(
    ("form", "text", "right"),
    [
        ("%m/%d/%Y", "1/27/2021", datetime(2021, 1, 27)),
        (["%m/%d/%Y", "%d/%m/%Y"], "1/27/2021", datetime(2021, 1, 27)),
        (["%m/%d/%Y", "%d/%m/%Y"], "1/2/2021", None),  # two readings
        ("excel", "44775.5", datetime(2022, 8, 2, 12)),
        ("unix-ms", "1661162400000", datetime(2022, 8, 22, 10)),
        (
            "%a %b %d %H:%M:%S %z %Y",
            "Sun Dec 25 05:02:20 +0200 2022",
            datetime(2022, 12, 25, 3, 2, 20),
        ),
        ("%Y-%m-%d %H:%M %Z", "2020-01-01 10:00 PST", datetime(2020, 1, 1, 18)),
        ("%Y-%m-%d %H:%M", "2020-01-01 10:00 x", None),
        ("%A, %d/%m/%Y", "Monday, 17/05/2010", datetime(2010, 5, 17)),
        ("%A, %d/%m/%Y", "Tuesday, 17/05/2010", None),
        # The weekday is that of the date as written, not in UTC.
        ("%a %d %b %Y %H:%M %z", "Mon 17 May 2010 22:11 -0700", datetime(2010, 5, 18, 5, 11)),
        ("%a %d %b %Y %H:%M %z", "Tue 17 May 2010 22:11 -0700", None),
        ("%A %Y-%m-%dT%H:%M%z", "Sunday 2010-05-16T23:30-01:00", datetime(2010, 5, 17, 0, 30)),
        ("%A %Y-%m-%dT%H:%M%z", "Monday 2010-05-16T23:30-01:00", None),
        ("%a %b %d %H:%M %z %Y", "Mon May 17 22:11 +0000 2010", datetime(2010, 5, 17, 22, 11)),
        ("%a %b %d %H:%M %z %Y", "Sun May 17 22:11 +0000 2010", None),
        ("%a %d %b %Y %H:%M %Z", "Mon 17 May 2010 22:11 PDT", datetime(2010, 5, 18, 5, 11)),
        ("%a %d %b %Y %H:%M %Z", "Tue 17 May 2010 22:11 PDT", None),
    ],
)
def test_formats(con, form, text: str, right) -> None:
    assert read(con, text, date_format=form)[0] == right


def test_formats_that_cannot_be() -> None:
    for bad in ("dd/mm/yyyy", "%H:%M %p"):
        with pytest.raises(InputError):
            formats_of("published_at", bad)
    assert formats_of("joined_at", {"joined_at": "%Y", "": "%d.%m.%Y"}) == ("%Y",)
    assert formats_of("published_at", {"joined_at": "%Y", "": "%d.%m.%Y"}) == ("%d.%m.%Y",)


def test_zones_with_several_meanings_are_refused() -> None:
    assert zone_named("IST") is None
    assert zone_named("BST") is None
    assert zone_named("Mars/Olympus") is None
