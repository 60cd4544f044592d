"""What is odd at each site, one oddity at a time, and the real answers beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from uploadtrends import demo
from uploadtrends.demo.world import is_one_in, work_key
from uploadtrends.records import Artist, Credit, Sighting, Upload
from uploadtrends.simulate import Population
from uploadtrends.sources.artstation import ArtStation, read_project
from uploadtrends.sources.collect import collect
from uploadtrends.sources.danbooru import Danbooru, read_post
from uploadtrends.sources.deviantart import DeviantArt, read_deviation
from uploadtrends.sources.replay import ArchivedCrawl
from uploadtrends.sources.session import Session
from uploadtrends.sources.visit import Options, Target, Visit, visit
from uploadtrends.sources.wire import Answer, Request

Quick = Callable[..., Session]
AT = datetime(2026, 1, 1)


def answered(pages: dict[str, Any]) -> Callable[[Request], Answer]:
    """Answer from a table: part of the address to JSON payload, or (status, detail)."""

    def ask(request: Request) -> Answer:
        for part, payload in pages.items():
            if part in request.address + "&" + "&".join(value for _, value in request.form):
                if isinstance(payload, tuple):
                    status, detail = payload
                    return Answer(request, "refused", status, b"", AT, detail=detail)
                return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)
        raise AssertionError(f"not asked for in this test: {request.address}")

    return ask


def holder(platform: str) -> tuple[Visit, Answer]:
    return Visit(platform, Target("1", "a")), Answer(Request("https://x/"), "ok", 200, b"", AT)


# The real answers (names, texts and addresses replaced, dates and types untouched)


def test_a_real_artstation_list(shared: Path) -> None:
    payload = json.loads((shared / "data/fixtures/artstation/users_projects.json").read_text())
    pages = {
        "/users/a.json": {"id": 1761702, "username": "a", "followers_count": 9},
        "page=1": payload,
        "page=2": {"data": [], "total_count": payload["total_count"]},
    }
    found, stopped = visit(ArtStation(), Target("", "a"), answered(pages), Options())
    assert not stopped
    assert found.rejects == []
    assert (found.complete, found.status, found.followers) == (True, "ok", 9)
    assert len(found.uploads) == len(payload["data"])
    assert found.records()
    first = found.uploads["PXBvd8"][0]
    # 14:55:29.080 at -05:00
    assert first.published_at == datetime(2023, 9, 12, 19, 55, 29, 80_000)
    assert (first.kind, first.media_count, first.is_mature, first.ai_label) == (
        "video",
        4,
        False,
        None,
    )


@pytest.mark.parametrize("name", ["gallery.json", "gallery_all.json"])
def test_real_deviantart_galleries(shared: Path, name: str) -> None:
    payload = json.loads((shared / "data/fixtures/deviantart" / name).read_text())
    found, answer = holder("deviantart")
    for item in payload["results"]:
        upload = read_deviation(item, answer, found)
        assert upload is not None
        assert upload.published_at is not None
        assert upload.published_at.year in range(2005, 2017)
        assert upload.kind == "image"
    assert found.rejects == []


def test_a_real_deviation_and_profile(shared: Path) -> None:
    folder = shared / "data/fixtures/deviantart"
    found, answer = holder("deviantart")
    work = json.loads((folder / "deviation.json").read_text())
    upload = read_deviation(work, answer, found)
    assert upload is not None
    assert upload.published_at == datetime(2014, 3, 28, 6, 2, 56)  # 1395986576
    profile = json.loads((folder / "user_profile.json").read_text())
    pages = {
        "/user/profile/": profile,
        "usernames[]": {"results": []},
        "/user/whois": {"results": []},
        "/gallery/all": {"has_more": False, "next_offset": None, "results": [work]},
    }
    visited, _ = visit(DeviantArt(), Target("", "LENA-FARROW"), answered(pages), Options())
    assert visited.followers is None  # an answer of 2016, not expanded
    assert visited.complete
    assert visited.artist is not None
    assert visited.artist.artist_id == profile["user"]["userid"]


def test_real_danbooru_posts(shared: Path) -> None:
    posts = json.loads((shared / "data/fixtures/danbooru/posts_2020.json").read_text())
    found, answer = holder("danbooru")
    for post in posts:
        read_post(post, answer, found)
    assert found.rejects == []
    upload, n_artists = found.uploads["4018204"]
    assert upload.arrived_at == datetime(2020, 7, 26, 14, 31, 20, 176_000)
    assert upload.date_basis == "arrival"
    assert n_artists == 1
    assert len(found.uploads) == len(posts)


# ArtStation


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-10T01:59:59.999-06:00", datetime(2024, 3, 10, 7, 59, 59, 999_000)),
        ("2024-03-10T03:00:00.000-05:00", datetime(2024, 3, 10, 8, 0)),
        ("2023-11-05T01:30:00.000-05:00", datetime(2023, 11, 5, 6, 30)),
        ("2023-11-05T01:30:00.000-06:00", datetime(2023, 11, 5, 7, 30)),
        ("2023-06-01T00:00:00+00:00", datetime(2023, 6, 1)),
        ("2023-06-01T00:00:00", None),  # without an offset it is no moment
    ],
)
def test_artstation_dates_on_both_sides_of_the_clock_change(
    written: str, expected: datetime | None
) -> None:
    found, answer = holder("artstation")
    upload = read_project({"hash_id": "x", "published_at": written}, answer, found)
    assert upload is not None
    assert upload.published_at == expected
    assert len(found.rejects) == (expected is None)


def test_artstation_falls_back_on_the_draft_and_reads_keys_defensively() -> None:
    found, answer = holder("artstation")
    item = {"hash_id": "x", "published_at": None, "created_at": "2018-01-01T00:00:00-06:00"}
    upload = read_project(item, answer, found)
    assert upload == Upload(
        "artstation", "x", datetime(2018, 1, 1, 6), media_count=None, instrument="projects"
    )
    assert found.rejects == []


def test_a_reused_handle_is_not_the_same_artist() -> None:
    pages = {"/users/a.json": {"id": 2, "username": "a", "followers_count": 1}}
    found, _ = visit(ArtStation(), Target("1", "a"), answered(pages), Options())
    assert found.status == "not_found"
    assert found.uploads == {}
    assert "another account" in found.rejects[0].reason
    sighting = list(found.records())[-1]
    assert isinstance(sighting, Sighting)
    assert sighting.artist_id == "1"
    assert sighting.followers is None


def test_artstation_stops_on_an_empty_page_when_the_count_overstates() -> None:
    item = {"hash_id": "x", "published_at": "2020-01-01T00:00:00-06:00"}
    pages = {
        "/users/a.json": {"id": 1, "username": "a", "followers_count": 1},
        "page=1": {"data": [item], "total_count": 3},
        "page=2": {"data": [], "total_count": 3},
    }
    found, _ = visit(ArtStation(), Target("1", "a"), answered(pages), Options())
    assert (found.complete, len(found.uploads)) == (True, 1)


def test_the_stand_in_for_the_joining_date_says_what_it_is() -> None:
    album = {"album_type": "all_projects", "created_at": "2018-02-11T09:12:44.120-06:00"}
    pages = {
        "/users/a.json": {
            "id": 1,
            "username": "A",
            "followers_count": 1,
            "albums_with_community_projects": [album],
        },
        "page=1": {"data": [], "total_count": 0},
    }
    found, _ = visit(ArtStation(), Target("1", "a"), answered(pages), Options())
    artist = next(iter(found.records()))
    assert isinstance(artist, Artist)
    assert (artist.joined_at, artist.joined_basis, artist.handle) == (
        datetime(2018, 2, 11, 15, 12, 44, 120_000),
        "album_created",
        "A",
    )


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
    assert found.complete  # the profile counts scraps, too; nobody goes on for ever
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
    assert report.visits == {"ok": 5, "not_found": 1}
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


# Danbooru


def post(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "created_at": "2023-08-12T00:46:05.385-04:00",
        "tag_string_artist": "anna",
        "tag_string_meta": "",
        "is_deleted": False,
        "is_banned": False,
        "file_ext": "png",
    } | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"status": "listed", "ai_label": None, "kind": "image"}),
        ({"is_deleted": True}, {"status": "deleted"}),
        ({"is_deleted": True, "is_banned": True}, {"status": "banned"}),
        ({"tag_string_meta": "a ai-generated"}, {"ai_label": True, "ai_basis": "tag ai-generated"}),
        ({"tag_string_meta": "ai-assisted"}, {"ai_label": True, "ai_basis": "tag ai-assisted"}),
        ({"tag_string_meta": "not-ai-generated_x"}, {"ai_label": None}),
        ({"file_ext": "webm"}, {"kind": "video"}),
        ({"created_at": "2023-01-12T00:46:05.385-05:00"},
         {"arrived_at": datetime(2023, 1, 12, 5, 46, 5, 385_000)}),
    ],
)  # fmt: skip
def test_danbooru_posts(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    found, answer = holder("danbooru")
    upload = read_post(post(**changes), answer, found)
    assert upload is not None
    for name, value in expected.items():
        assert getattr(upload, name) == value


@pytest.mark.parametrize(
    ("artists", "n"), [("anna", 1), ("anna berta", 2), ("", 1), ("anna banned_artist", 1)]
)
def test_danbooru_shares_credit(artists: str, n: int) -> None:
    found, answer = holder("danbooru")
    read_post(post(tag_string_artist=artists), answer, found)
    credit = next(record for record in found.records() if isinstance(record, Credit))
    assert credit.n_artists == n


def test_danbooru_goes_on_after_a_short_page_and_stops_at_an_empty_one() -> None:
    asked: list[str] = []

    def ask(request: Request) -> Answer:
        page = dict(request.params).get("page", "")
        asked.append(page)
        pages = {"": [post(id=9), post(id=7)], "b7": [post(id=3)], "b3": []}
        return Answer(request, "ok", 200, json.dumps(pages[page]).encode(), AT)

    found, _ = visit(Danbooru(), Target("anna", "anna"), ask, Options())
    assert asked == ["", "b7", "b3"]
    assert found.complete
    assert len(found.uploads) == 3


def test_danbooru_asks_for_less_when_a_query_is_too_slow() -> None:
    sizes: list[int] = []

    def ask(request: Request) -> Answer:
        size = int(dict(request.params)["limit"])
        sizes.append(size)
        if size > 30:
            return Answer(request, "refused", 500, b"", AT, detail="timed out")
        below = "page" in dict(request.params)
        return Answer(request, "ok", 200, b"[]" if below else json.dumps([post()]).encode(), AT)

    found, _ = visit(Danbooru(), Target("anna", "anna"), ask, Options())
    assert sizes == [200, 66, 22, 22]
    assert found.complete


def test_danbooru_does_not_walk_in_circles() -> None:
    pages = {"posts.json": [post()]}
    found, _ = visit(Danbooru(), Target("anna", "anna"), answered(pages), Options())
    assert found.status == "error"
    assert "does not go below" in found.rejects[0].reason


def test_fields_are_asked_for_by_name(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    collect("danbooru", session=quick(server), artists=["artist-000003"], raw=tmp_path)
    asked = [one.target for one in server.requests if "posts.json" in one.target]
    assert all("only=id%2Ccreated_at" in target for target in asked)
    assert all("status%3Aany" in target for target in asked)


def test_nothing_of_the_person_is_kept_beyond_need(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    report = collect("artstation", session=quick(server), artists=["artist-000001"], raw=tmp_path)
    artist = next(r for r in ArchivedCrawl(report.folder).records() if isinstance(r, Artist))
    assert replace(artist, joined_at=None) == Artist(
        "artstation", "1000001", "artist-000001", joined_basis="album_created"
    )
    assert not any("cdn" in one.target or "images" in one.target for one in server.requests)
    assert isinstance(server.worlds["artstation"].truth()[0], pl.DataFrame)
