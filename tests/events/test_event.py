from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadtrends.errors import InputError
from uploadtrends.events import Event, EventSet, as_events, event_catalogue, read_events


def test_a_day_and_a_month() -> None:
    day, month = Event("2022-08-22", "Stable Diffusion"), Event("2022-02")
    assert (day.precision, day.start, day.end) == (
        "day",
        dt.date(2022, 8, 22),
        dt.date(2022, 8, 22),
    )
    assert (month.precision, month.start, month.end) == (
        "month",
        dt.date(2022, 2, 1),
        dt.date(2022, 2, 28),
    )
    assert day.id == "2022-08-22-stable-diffusion"
    assert month.id == month.label == "2022-02"


@pytest.mark.parametrize("bad", ["22-08-2022", "2022-13", "2022-02-30", "", None, 20220822, "NaT"])
def test_an_unreadable_date_names_value_and_fix(bad: object) -> None:
    with pytest.raises(InputError, match=r"column 'date'.*(YYYY-MM-DD|write 2022-08-22)"):
        Event(bad)  # type: ignore[arg-type]


@given(st.dates(dt.date(1970, 1, 1), dt.date(2099, 12, 31)))
def test_every_way_to_write_a_date_is_the_same_event(day: dt.date) -> None:
    assert Event(day) == Event(day.isoformat()) == Event(pd.Timestamp(day))  # type: ignore[arg-type]


def test_sets_sort_by_date_and_refuse_two_events_of_one_id() -> None:
    late, early = Event("2023-05-15", "mine"), Event("2021-03")
    assert list(EventSet([late, early])) == [early, late]
    assert len(EventSet([late, late])) == 1
    with pytest.raises(InputError, match="two different events have the same id"):
        EventSet([Event("2023-05-15", id="x"), Event("2023-05-16", id="x")])


def test_adding_keeps_order_whatever_is_added() -> None:
    both = event_catalogue(ids=["mr-sd-public"]) + "2021-03-11" + [Event("2023-05-15", "mine")]
    assert [e.date for e in both] == ["2021-03-11", "2022-08-22", "2023-05-15"]
    assert ["2021-03-11"] + event_catalogue(ids=["mr-sd-public"]) == as_events(  # noqa: RUF005
        ["2021-03-11", event_catalogue(ids=["mr-sd-public"])]
    )


def test_the_catalogue_is_complete_and_dated() -> None:
    everything, verified = event_catalogue(verified=None), event_catalogue()
    assert len(everything) == 149
    assert len(verified) > 0.9 * len(everything)
    assert all(event.source for event in verified)
    assert {"nft", "model-release", "protest", "confounder"} <= {e.category for e in verified}
    # Facts that the issue text of any analysis here relies on.
    for needed, date in {
        "mr-sd-public": "2022-08-22",
        "pr-artstation-protest": "2022-12-13",
        "inc-hollie-mengert": "2022-11",
        "mr-dreambooth-paper": "2022-08-25",
    }.items():
        assert event_catalogue(ids=[needed])[0].date == date


def test_selection() -> None:
    late_2022 = event_catalogue(start="2022-10-01", end="2022-12-31")
    assert len(late_2022) == 30  # the crowded quarter that makes blocks necessary
    assert all(e.category == "nft" for e in event_catalogue(category="nft"))
    deviantart = event_catalogue(platform="deviantart")
    assert all(e.concerns("deviantart") for e in deviantart)
    assert "pp-artstation-noai" not in deviantart.ids
    doubtful = [event for event in event_catalogue(verified=None) if not event.verified]
    assert event_catalogue(ids=[doubtful[0].id])[0].verified is False
    with pytest.raises(InputError, match="did you mean mr-sd-public"):
        event_catalogue(ids=["mr-sd-publik"])
    with pytest.raises(InputError, match="no event has this category"):
        event_catalogue(category="model")


def test_neighbours_of_a_date() -> None:
    near = event_catalogue(near="2022-11-11", platform="deviantart")
    assert "pp-deviantart-dreamup" in near.ids
    assert all(event.days_from("2022-11-11") <= 90 for event in near)
    assert "mr-midjourney-beta" not in near.ids  # 2022-07-12
    assert Event("2022-11").days_from("2022-11-11") == 0
    assert Event("2022-10").days_from("2022-11-11") == 11
    assert len(event_catalogue(near="2022-11-11", within_days=0)) < len(near)


def test_notes_are_kept_and_labels_are_short() -> None:
    everything = event_catalogue(verified=None)
    assert any(event.note for event in everything)
    assert max(len(event.label) for event in everything) <= 50


def test_a_table_of_ones_own(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("date,label\n2023-05-15,My event\n2023-06,Another\n", encoding="utf-8-sig")
    assert [e.label for e in read_events(path)] == ["My event", "Another"]
    path.write_text("AIAAIC ID#,Headline,Occurred\nAIAAIC0001,A complaint,2022-11-01\n")
    assert read_events(path)[0] == Event("2022-11-01", "A complaint", id="AIAAIC0001")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no events in the file"),
        (b"label\nx\n", "no column for the date"),
        (b"date,verified\n2022-08-22,maybe\n", "line 2: cannot tell whether"),
        (b"date\n2022-08-22\nsoon\n", "line 3: an event's date cannot be read"),
        ("date,label\n2022-08-22,Künstler\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_bad_table_names_file_and_line(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_events(path)
    assert "bad.csv" in str(caught.value)


def test_a_missing_table_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_events(tmp_path / "none.csv")


def test_not_an_event() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        as_events(3.5)


def test_breaks_of_collection_are_offered_by_platform() -> None:
    from uploadtrends.events import collection_breaks

    assert collection_breaks("danbooru").ids == ("cf-danbooru-ratings", "pp-danbooru-ai-autotag")
    assert all("deviantart" in event.platforms for event in collection_breaks("deviantart"))
    assert len(collection_breaks()) == 8


@pytest.mark.parametrize(
    ("given", "date"),
    [
        ("2022/08/22", "2022-08-22"),
        ("20220822", "2022-08-22"),
        ("22 August 2022", "2022-08-22"),
        ("Aug 22, 2022", "2022-08-22"),
        ("August 2022", "2022-08"),
        ("2022Q3", "2022-07-01/2022-09-30"),
        ("2022-W34", "2022-08-22/2022-08-28"),
        (2022.0, "2022"),
    ],
)
def test_spellings_with_one_meaning_are_read(given, date):
    assert Event(given).date == date


@pytest.mark.parametrize("given", ["22/08/2022", "05/08/2022", "2022-W53", "2022Q5", "20221322"])
def test_spellings_with_two_meanings_or_none_are_refused(given):
    with pytest.raises(InputError, match="cannot be read"):
        Event(given)


def test_events_come_as_tables_and_labelled_series():
    events = EventSet([Event("2022-08-22", "A", platforms=("a", "b")), Event("2021-01", "B")])
    assert as_events(events.to_frame()) == events
    bare = pd.DataFrame({"date": ["2022-08-22", "2021-01"], "label": ["A", None]})
    for table in (bare, bare.convert_dtypes()):
        assert [event.label for event in as_events(table)] == ["2021-01", "A"]
        assert as_events(table.iloc[1])[0].label == "2021-01"
    assert as_events(pd.Series(["2022-08-22"], ["A"]))[0].label == "A"
    with pytest.raises(InputError, match="column of dates"):
        as_events(bare.rename(columns={"date": "when"}))


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("31.10.2022", "write 2022-10-31"),
        ("3/10/2022", "write 2022-10-03 or 2022-03-10"),
        ("soon", "write YYYY-MM-DD"),
    ],
)
def test_a_date_that_begins_with_a_day_or_a_month_is_refused_with_its_readings(
    written: str, fix: str
) -> None:
    with pytest.raises(InputError) as refused:
        Event(written)
    assert str(refused.value).endswith(fix) or f"Fix: {fix}," in str(refused.value)
