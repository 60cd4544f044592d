"""Who is asked, who answers, and how much of a history is there: one kind of trouble at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answers import AT, answered

from uploadtrends.collect.replay import _once
from uploadtrends.collect.saved import SavedPages
from uploadtrends.collect.sites.artstation import ArtStation
from uploadtrends.collect.sites.danbooru import Danbooru
from uploadtrends.collect.sites.deviantart.site import DeviantArt
from uploadtrends.collect.text import clean, in_path
from uploadtrends.collect.visit import Options, Site, Target, Visit, visit
from uploadtrends.collect.wire import Answer, Request, read_json
from uploadtrends.pseudonyms import prune
from uploadtrends.records import Artist, Credit, Reject, Sighting
from uploadtrends.store import open_store

FEED = (
    '<?xml version="1.0"?><rss xmlns:media="http://search.yahoo.com/mrss/" version="2.0"><channel>'
    "{}</channel></rss>"
)


def walked(site: Site, handle: str, reply: Callable[[Request], Any], **target: Any) -> Visit:
    def ask(request: Request) -> Answer:
        body = reply(request)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(request, "ok", 200, raw, AT)

    return visit(site, Target("", handle, **target), ask, Options())[0]


def profile(name: str, claimed: int) -> dict[str, Any]:
    user = {"userid": "U", "username": name, "type": "regular", "stats": {"watchers": 1}}
    return {"user": user, "stats": {"user_deviations": claimed}}


def works(n: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"deviationid": f"D{i}", "published_time": "1600000000"} for i in range(first, n)]


def gallery(request: Request, listed: list[Any]) -> dict[str, Any]:
    start = int(dict(request.params).get("offset", 0))
    more = start + 24 < len(listed)
    return {
        "has_more": more,
        "next_offset": start + 24 if more else None,
        "results": [one for one in listed[start : start + 24] if one],
    }


# DeviantArt


def test_a_renamed_account_is_asked_for_under_its_present_name() -> None:
    asked: list[str] = []

    def reply(request: Request) -> Any:
        if "/user/profile/" in request.url:
            asked.append(request.url.rpartition("/")[2])
            return profile("Second-Name", 60)
        name = dict(request.params)["username"]
        return gallery(request, works(60) if name == "Second-Name" else works(1))

    found = walked(DeviantArt(), "first-name", reply)
    assert (found.complete, len(found.uploads), found.claimed) == (True, 60, 60)
    assert asked == ["first-name", "Second-Name"]


@pytest.mark.parametrize("empty", [25, 60, 99])
def test_empty_pages_are_walked_while_works_are_missing(empty: int) -> None:
    listed = [*works(24), *[None] * 24 * empty, *works(48, 24)]
    found = walked(
        DeviantArt(),
        "a",
        lambda request: profile("a", 48) if "/user/" in request.url else gallery(request, listed),
    )
    assert (len(found.uploads), found.status) == (48, "ok")


def test_empty_pages_have_a_bound_and_hitting_it_is_said() -> None:
    listed = [*works(24), *[None] * 24 * 150, *works(48, 24)]
    found = walked(
        DeviantArt(),
        "a",
        lambda request: profile("a", 48) if "/user/" in request.url else gallery(request, listed),
    )
    assert (len(found.uploads), found.complete, found.status) == (24, False, "error")
    assert "100 empty pages in a row" in found.rejects[0].reason


@pytest.mark.parametrize(
    ("claimed", "seen", "complete"),
    [
        (100, 95, True),
        (100, 94, False),
        (10, 8, True),
        (10, 7, False),
        (10, 40, True),
        (2, 0, True),
    ],
)
def test_complete_means_that_about_as_many_works_were_seen_as_claimed(
    claimed: int, seen: int, complete: bool
) -> None:
    found = walked(
        DeviantArt(),
        "a",
        lambda request: (
            profile("a", claimed) if "/user/" in request.url else gallery(request, works(seen))
        ),
    )
    assert found.complete == complete
    assert found.status == ("ok" if complete else "incomplete")
    sighting = list(found.records())[-1]
    assert isinstance(sighting, Sighting)
    assert (sighting.n_claimed, sighting.n_uploads) == (claimed, seen)


@pytest.mark.parametrize("named_by", ["credit", "address", "both"])
def test_strangers_in_a_feed_are_dropped_and_counted(named_by: str) -> None:
    def item(number: int, who: str) -> str:
        address = who if named_by != "credit" else "anna"
        shown = f"<media:credit role='author'>{who}</media:credit>" if named_by != "address" else ""
        return (
            f"<item><guid>https://www.deviantart.com/{address}/art/w-{number}</guid>"
            f"<pubDate>Wed, 26 May 2021 10:00:00 PDT</pubDate>{shown}</item>"
        )

    items = "".join([item(1, "Anna"), item(2, "stranger"), item(3, "another")])
    found = walked(DeviantArt(feed=True), "anna", lambda request: FEED.format(items).encode())
    assert list(found.uploads) == ["n1"]
    assert (found.status, found.complete) == ("error", False)
    assert "2 feed items of another author" in found.rejects[0].reason


# ArtStation


def portfolio(total: int, held: int, claimed: int | None, size: int = 50) -> Visit:
    listed = [
        {"hash_id": f"h{i}", "published_at": "2022-05-01T10:00:00-05:00"} for i in range(held)
    ]

    def reply(request: Request) -> Any:
        if "projects.json" not in request.url:
            return {"id": 1, "username": "a", "followers_count": 1, "projects_count": claimed}
        page = int(dict(request.params)["page"])
        return {"data": listed[(page - 1) * size : page * size], "total_count": total}

    return walked(ArtStation(), "a", reply)


@pytest.mark.parametrize("size", [20, 50])
@pytest.mark.parametrize("total", [0, 50, 60, 120])
def test_an_understated_count_ends_no_walk(total: int, size: int) -> None:
    found = portfolio(total, 120, 120, size)
    assert (len(found.uploads), found.complete) == (120, True)


def test_a_portfolio_that_is_cut_short_is_not_called_complete() -> None:
    found = portfolio(60, 60, 120)
    assert (len(found.uploads), found.complete, found.status) == (60, False, "incomplete")


def test_one_page_answered_for_ever_ends_the_walk() -> None:
    asked = []
    item = {"hash_id": "x", "published_at": "2022-05-01T10:00:00-05:00"}

    def reply(request: Request) -> Any:
        asked.append(request.key)
        if "projects.json" in request.url:
            return {"data": [item], "total_count": 5000}
        return {"id": 1, "username": "a", "followers_count": 1}

    found = walked(ArtStation(), "a", reply)
    assert len(asked) <= 7
    assert (found.complete, found.claimed) == (False, 5000)


# Danbooru


def posts(request: Request, tags: str, n: int = 3) -> Any:
    below = int(dict(request.params).get("page", "b999")[1:])
    return [
        {"id": i, "created_at": "2022-05-01T10:00:00-04:00", "tag_string_artist": tags}
        for i in range(n, 0, -1)
        if i < below
    ]


@pytest.mark.parametrize(
    ("tags", "artist", "kept"),
    [
        ("old", "old", 3),
        ("new", "new", 3),  # an alias
        ("Old friend", "old", 3),
        ("one two", "old", 0),  # neither is more likely than the other
        ("", "old", 0),
    ],
)
def test_a_post_is_credited_by_its_own_tags(tags: str, artist: str, kept: int) -> None:
    found = walked(Danbooru(), "Old", lambda request: posts(request, tags))
    credits = [one for one in found.records() if isinstance(one, Credit)]
    assert [one.artist_id for one in credits] == [artist] * kept
    assert all(one.n_artists == len(tags.split()) for one in credits)
    dropped = [one.reason for one in found.records() if isinstance(one, Reject)]
    assert any("3 posts that do not name this artist" in reason for reason in dropped) == (not kept)


def test_two_names_of_one_artist_are_one_visit() -> None:
    seen: set[str] = set()
    kept = [
        record
        for name in ("old", "new")
        for record in _once(
            walked(Danbooru(), name, lambda request: posts(request, "new")).records(), seen
        )
    ]
    assert len([one for one in kept if isinstance(one, Sighting)]) == 1
    assert {one.artist_id for one in kept if isinstance(one, Artist | Credit)} == {"new"}


@pytest.mark.parametrize("name", ["*", "-someone", "~a", "user:bob", "order:random", " "])
def test_a_search_is_not_an_artist(name: str) -> None:
    found = walked(Danbooru(), name, lambda request: pytest.fail("asked"))
    assert (found.status, found.uploads) == ("not_found", {})
    assert "not the name of an artist" in found.rejects[0].reason


def test_the_posts_that_a_sample_counted_are_the_claim() -> None:
    found = walked(
        Danbooru(), "a", lambda request: posts(request, "a"), frame="artist-tags", followers=900
    )
    assert (found.status, found.complete, found.claimed) == ("incomplete", False, 900)


# Names and values


def test_a_name_in_any_case_is_one_artist(tmp_path: Path) -> None:
    for number, who in enumerate(["SunnyInvented", "sunnyinvented", "SUNNYINVENTED"]):
        (tmp_path / f"{number}.html").write_text(
            f'<link rel="canonical" href="https://www.deviantart.com/{who}/art/w-{100 + number}">'
            '<time datetime="2022-05-01T10:00:00Z"></time>'
        )
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        store.load(SavedPages([tmp_path]))
        assert store.tables()["artist"] == 1
        assert store.tables()["credit"] == 3


@pytest.mark.parametrize("name", ["a/../b", "a?b", "a#b", "a b", "%2e%2e", "ü", "a\\b", "a\ud800"])
def test_names_are_quoted_into_addresses(name: str) -> None:
    asked = []

    def reply(request: Request) -> Any:
        asked.append(request.url.removeprefix("https://www.artstation.com/users/"))
        return {"id": 1, "username": name, "followers_count": 1, "data": [], "total_count": 0}

    walked(ArtStation(), name, reply)
    assert asked
    assert all(one.startswith(in_path(clean(name))) for one in asked)
    assert not any(mark in in_path(name) for mark in "/?# \\")


@pytest.mark.parametrize("site", [ArtStation(), DeviantArt()])
@pytest.mark.parametrize("name", [".", "..", "..."])
def test_names_of_dots_are_asked_of_nobody(site: Site, name: str) -> None:
    found = walked(site, name, lambda request: pytest.fail("asked"))
    assert found.status == "not_found"
    assert "no address can carry" in found.rejects[0].reason


@pytest.mark.parametrize("odd", ["a\x00b", "a\x1b[31mb", "a\ud800b", "a\u202eb", "a\nb"])
def test_text_of_strangers_holds_no_control_characters(odd: str) -> None:
    pages = {
        "/users/a.json": {"id": 1, "username": odd, "followers_count": 2**80},
        "projects.json": {"data": [{"hash_id": odd, "published_at": odd}], "total_count": 2**70},
    }
    found, _ = visit(ArtStation(), Target("", "a"), answered(pages), Options())
    kept = list(found.records())
    texts = [str(getattr(one, name)) for one in kept for name in one.__slots__]
    assert [clean(text) for text in texts] == texts
    assert next(one for one in kept if isinstance(one, Artist)).handle == clean(odd)
    assert found.followers is None


@pytest.mark.parametrize("depth", [101, 600, 200_000])
def test_json_too_deep_is_a_value_error(depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        with pytest.raises(ValueError, match="levels deep"):
            read_json(body)
    assert read_json(json.dumps("[" * depth).encode()) == "[" * depth


@pytest.mark.parametrize(
    "joined", ["9999-12-31T23:59:59-0800", "0001-01-01T00:00:00+0000", "2999-01-01T00:00:00Z"]
)
def test_impossible_dates_of_joining_are_unknown(joined: str) -> None:
    user = profile("a", 0)
    user["user"]["details"] = {"joindate": joined}
    found = walked(
        DeviantArt(),
        "a",
        lambda request: user if "/user/" in request.url else gallery(request, []),
    )
    artist = next(iter(found.records()))
    assert isinstance(artist, Artist)
    assert (artist.joined_at, artist.joined_basis) == (None, None)


def test_half_a_surrogate_pair_is_pruned_like_any_other_text() -> None:
    body = rb'{"data": [{"id": 1, "username": "ada\ud800"}, {"id": 2, "username": "bob"}]}'
    kept = prune(body, lambda name: name == "bob")
    assert b"bob" not in kept
    assert json.loads(kept)["data"][0]["username"] == "ada\ud800"
