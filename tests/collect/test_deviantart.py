"""What is odd at DeviantArt, one oddity at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from answers import AT, Quick, answered, holder

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sites.deviantart.site import DeviantArt, read_deviation
from uploadtrends.collect.visit import Options, Target, visit
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.demo.world import is_one_in, work_key
from uploadtrends.records import Sighting, Upload
from uploadtrends.simulate import Population

# DeviantArt


@pytest.fixture
def busy(people: Population) -> Iterator[tuple[demo.DemoServer, Any]]:
    """A server whose galleries end at 72, and an artist with more."""
    with demo.serve(people, today="2023-05-31", cap=72) as server:
        world = server.worlds["deviantart"]
        person = max(
            (
                p
                for p in world.people.values()
                if p.listed and not p.is_studio and not is_one_in(8, "early", p.number)
            ),
            key=lambda one: len(world.listed(one)),
        )
        assert len(world.listed(person)) > 90
        yield server, person


def test_the_cap_truncates_and_says_so(
    busy: tuple[demo.DemoServer, Any], quick: Quick, tmp_path: Path
) -> None:
    server, person = busy
    report = collect(
        "deviantart", session=quick(server), artists=[person.handle], cap=72, raw=tmp_path
    )
    records = list(ArchivedCrawl(report.folder).records())
    sighting = next(record for record in records if isinstance(record, Sighting))
    assert (sighting.status, sighting.complete, sighting.truncated) == ("truncated", False, True)
    uploads = [record for record in records if isinstance(record, Upload)]
    newest = server.worlds["deviantart"].listed(person)[::-1]
    assert {upload.upload_id for upload in uploads} <= {
        work_key("deviantart", work.number) for work in newest[:72]
    }
    assert len(uploads) > 20
    offsets = [int(one.target.split("offset=")[1]) for one in server.requests
               if "gallery/all" in one.target]  # fmt: skip
    assert max(offsets) == 48


def test_an_end_that_comes_too_early_is_looked_past() -> None:
    def page(first: int, n: int, more: bool) -> dict[str, Any]:
        works = [
            {"deviationid": f"D{first + i}", "published_time": str(1_600_000_000 - first - i)}
            for i in range(n)
        ]
        return {"has_more": more, "next_offset": first + 24 if more else None, "results": works}

    asked: list[str] = []

    def ask(request: Request) -> Answer:
        offset = dict(request.params).get("offset", "")
        asked.append(offset)
        pages = {
            "0": page(0, 24, True),
            "24": page(24, 0, False),  # hidden works only, and an end that is none
            "48": page(48, 10, False),
            "72": page(72, 0, False),
            "96": page(96, 0, False),
            "120": page(120, 0, False),
        }
        profile = {"user": USER | {"stats": {"watchers": 1}}, "stats": {"user_deviations": 500}}
        payload = pages[offset] if offset else profile
        return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)

    found, _ = visit(DeviantArt(), Target("U", "a"), ask, Options())
    assert len(found.uploads) == 34
    # The profile counts scraps, too: nobody goes on for ever, and nobody calls this complete.
    assert (found.complete, found.status, found.claimed) == (False, "incomplete", 500)
    assert asked == ["", "0", "24", "48", "72", "96", "120", ""]


@pytest.mark.parametrize(("n", "truncated"), [(70, False), (72, False), (73, True), (90, True)])
def test_a_history_that_just_fits_is_whole(n: int, truncated: bool) -> None:
    def ask(request: Request) -> Answer:
        query = dict(request.params)
        first = int(query.get("offset", 0))
        places = range(first, min(first + 24, n, 72))
        works = [{"deviationid": f"D{i}", "published_time": str(1_600_000_000 - i)} for i in places]
        more = first + 24 < min(n, 72)
        payload: dict[str, Any] = {"has_more": more, "next_offset": first + 24, "results": works}
        if "profile" in request.url:
            stats = {"user_deviations": n}
            payload = {"user": USER | {"stats": {"watchers": 1}}, "stats": stats}
        return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)

    found, _ = visit(DeviantArt(cap=72), Target("U", "a"), ask, Options())
    assert found.truncated == truncated
    assert len(found.uploads) == min(n, 72)


def test_folders_recover_part_of_what_the_cap_hides(
    busy: tuple[demo.DemoServer, Any], quick: Quick, tmp_path: Path
) -> None:
    server, person = busy
    plain = collect(
        "deviantart", session=quick(server), artists=[person.handle], cap=72, raw=tmp_path / "a"
    )
    more = collect(
        "deviantart",
        session=quick(server),
        artists=[person.handle],
        cap=72,
        folders=True,
        raw=tmp_path / "b",
    )
    assert more.n_uploads > plain.n_uploads
    sighting = list(ArchivedCrawl(more.folder).records())[-1]
    assert isinstance(sighting, Sighting)
    assert sighting.truncated


GALLERY = {"has_more": False, "next_offset": None, "results": []}
USER = {"userid": "U", "username": "A", "type": "regular"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("400: User not found.", "not_found"),
        ("400: Account is inactive.", "inactive"),
        ("400: Sorry, we have blocked access to this profile.", "blocked"),
    ],
)
def test_deviantart_says_no_in_words(words: str, status: str) -> None:
    pages = {"/user/profile/": (400, words)}
    found, stopped = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert (found.status, found.complete, stopped) == (status, False, False)
    assert found.settled


def test_deviantart_unknown_user_may_be_404() -> None:
    pages = {"/user/profile/": (404, "status 404")}
    found, _ = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert found.status == "not_found"


@pytest.mark.parametrize("key", ["joindate", "joinDate"])
def test_deviantart_followers_and_joining(key: str) -> None:
    user = USER | {"stats": {"watchers": 7}, "details": {key: "2009-08-25T02:44:08-0700"}}
    pages = {"/user/profile/": {"user": user, "stats": {}}, "/gallery/all": GALLERY}
    found, _ = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert found.followers == 7
    assert found.artist is not None
    assert found.artist.joined_at == datetime(2009, 8, 25, 9, 44, 8)
    assert found.artist.joined_basis == "account"


def test_deviantart_asks_the_other_route_where_expand_is_not_honoured() -> None:
    expanded = USER | {"stats": {"watchers": 7}}
    pages = {
        "/user/profile/": {"user": USER, "stats": {}},
        "/user/whois": {"results": [expanded]},
        "/gallery/all": GALLERY,
    }
    found, _ = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert found.followers == 7


def test_a_group_is_not_an_artist() -> None:
    user = USER | {"type": "group", "stats": {"watchers": 7}}
    pages = {"/user/profile/": {"user": user, "stats": {}}}
    found, _ = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert found.status == "not_found"
    assert "group" in found.rejects[0].reason


def test_deviantart_follows_cursors_before_offsets() -> None:
    def item(n: int) -> dict[str, Any]:
        return {"deviationid": f"D{n}", "published_time": str(1_600_000_000 + n)}

    pages = {
        "/user/profile/": {"user": USER | {"stats": {"watchers": 1}}, "stats": {}},
        "cursor=c1": {"has_more": True, "next_cursor": "", "results": [item(2)]},
        "offset=0": {"has_more": True, "next_cursor": "c1", "next_offset": 5, "results": [item(1)]},
    }
    found, _ = visit(DeviantArt(), Target("U", "a"), answered(pages), Options())
    assert sorted(found.uploads) == ["D1", "D2"]
    assert found.complete


def test_empty_pages_do_not_go_on_for_ever() -> None:
    def ask(request: Request) -> Answer:
        payload: dict[str, Any] = {"has_more": True, "next_offset": 0, "results": []}
        if "profile" in request.url:
            payload = {"user": USER | {"stats": {"watchers": 1}}, "stats": {}}
        return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)

    found, _ = visit(DeviantArt(), Target("U", "a"), ask, Options())
    assert (found.status, found.complete) == ("error", False)
    assert "20 empty pages in a row" in found.rejects[0].reason


@pytest.mark.parametrize("written", ["1709647198", 1709647198])
def test_deviantart_times_as_text_or_number(written: Any) -> None:
    found, answer = holder("deviantart")
    item = {"deviationid": "D", "published_time": written, "is_mature": True}
    upload = read_deviation(item, answer, found)
    assert upload is not None
    assert upload.published_at == datetime(2024, 3, 5, 13, 59, 58)
    assert upload.is_mature is True


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ({"content": {"src": "x"}}, "image"),
        ({"text_content": {"excerpt": "x"}}, "literature"),
        ({"excerpt": "x", "content": None}, "literature"),
        ({"videos": [{"src": "x"}]}, "video"),
        ({"premium_folder_data": {"type": "paid"}}, "locked"),
        ({}, None),
    ],
)
def test_deviantart_kinds(extra: dict[str, Any], kind: str | None) -> None:
    found, answer = holder("deviantart")
    item = {"deviationid": "D", "published_time": "1709647198"} | extra
    upload = read_deviation(item, answer, found)
    assert upload is not None
    assert upload.kind == kind


def test_the_feed_is_a_history_of_recent_works(
    server: demo.DemoServer, quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UPLOADTRENDS_DEVIANTART_CLIENT_ID")
    monkeypatch.delenv("UPLOADTRENDS_DEVIANTART_CLIENT_SECRET")
    world = server.worlds["deviantart"]
    people = [p for p in world.people.values() if p.listed and world.listed(p)][:5]
    names = [person.handle for person in people]
    report = collect(
        "deviantart", session=quick(server), artists=[*names, "nobody"], feed=True, raw=tmp_path
    )
    assert report.visits == {"truncated": 5, "not_found": 1}
    records = list(ArchivedCrawl(report.folder).records())
    got = {r.upload_id: r.published_at for r in records if isinstance(r, Upload)}
    expected = {
        f"n{work.number}": work.published_at.replace(microsecond=0)
        for person in people
        for work in world.listed(person)[-180:]
    }
    assert got == expected
    sightings = [record for record in records if isinstance(record, Sighting)]
    assert [one.status for one in sightings] == ["truncated"] * 5 + ["not_found"]
    assert not any(one.complete for one in sightings)
    assert all(one.host != "www.deviantart.com" for one in server.requests)
