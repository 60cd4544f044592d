"""What is odd at each site, one oddity at a time, and the real answers beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from answers import AT, Quick, answered, holder

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sites.artstation import ArtStation, read_project
from uploadtrends.collect.sites.danbooru import Danbooru, read_post
from uploadtrends.collect.sites.deviantart.site import DeviantArt, read_deviation
from uploadtrends.collect.visit import Options, Target, visit
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.records import Artist, Credit, Sighting, Upload

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
    assert visited.status == "incomplete"  # one work of the many that the profile claims
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
