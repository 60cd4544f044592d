"""What sites answer when things go wrong, from a real server to the store and the panel."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from crawled import Quick, load
from played import (
    GALLERY,
    LIST,
    PROFILE,
    USER,
    Answers,
    Crawl,
    circle,
    deviation,
    gallery,
    listing,
    posts,
    profile,
    project,
    two_people,
    user,
)

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.plans import handle_in, targets_of
from uploadtrends.collect.sampling import sample
from uploadtrends.demo.reply import Reply, as_json, as_text
from uploadtrends.errors import CollectError, InputError
from uploadtrends.store import Store

WORKS = [project(i) for i in range(120)]
MINE = [project(i, user_id=77) for i in range(40)]
THEIRS = [project(1000 + i, user_id=900 + i) for i in range(40)]
STUBS = [{"deviationid": "X", "is_deleted": True}] * 90
CASES: dict[str, tuple[str, Answers, str, bool, int, str]] = {
    # site, answers; status, complete, works credited, reason
    "strangers beside": (
        "artstation", [(PROFILE, profile(40)), (LIST, listing(MINE + THEIRS))],
        "error", False, 40, "40 works of another author",
    ),
    "strangers alone": (
        "artstation", [(PROFILE, profile(40)), (LIST, listing(THEIRS))],
        "error", False, 0, "40 works of another author",
    ),
    "one slip": (
        "artstation", [(PROFILE, profile(41)), (LIST, listing(MINE + THEIRS[:1]))],
        "ok", True, 40, "1 works of another author",
    ),
    "a renamed portfolio": (
        "artstation",
        [(r"users/al\.json", profile(None, "new")), ("users/al/", listing([])),
         ("users/new/", listing(WORKS))],
        "ok", True, 120, "",
    ),
    "an error as profile": (
        "artstation", [(PROFILE, as_json({"error": "busy"})), (LIST, listing(WORKS))],
        "error", False, 0, "an object with 'id' expected",
    ),
    "counts as texts": (
        "artstation", [(PROFILE, profile("500")), (LIST, listing(WORKS, "500"))],
        "incomplete", False, 120, "",
    ),
    "counts as fractions": (
        "artstation", [(PROFILE, profile(120.0)), (LIST, listing(WORKS, 500.0))],
        "incomplete", False, 120, "",
    ),
    "401": (
        "artstation", [(PROFILE, as_json({}, 401))], "error", False, 0, "unauthorized: status 401",
    ),
    "cursors in a circle": (
        "deviantart", [(USER, user(500)), (GALLERY, circle)],
        "error", False, 48, "the same pages again and again",
    ),
    "more as a text": (
        "deviantart",
        [(USER, user(None)), (GALLERY, gallery([*map(deviation, range(98))], ("true", "false")))],
        "ok", True, 98, "",
    ),
    "more not said": (
        "deviantart",
        [(USER, user(None)), (GALLERY, gallery([*map(deviation, range(98))], (None, None)))],
        "ok", True, 98, "",
    ),
    "one stub often": (
        "deviantart",
        [(USER, user(98)), (GALLERY, gallery([*map(deviation, range(8)), *STUBS]))],
        "error", False, 8, "the same pages again and again",
    ),
    "a gallery of strangers": (
        "deviantart",
        [(USER, user(48)), (GALLERY, gallery([deviation(i, f"s{i}") for i in range(48)]))],
        "error", False, 0, "48 works of another author",
    ),
    "no user": (
        "deviantart", [(USER, as_json({"error": "internal"})), (GALLERY, gallery([deviation(1)]))],
        "error", False, 0, "an object with 'user' expected",
    ),
    "a user without a key": (
        "deviantart",
        [(USER, as_json({"user": {"username": "al", "stats": {}}})),
         (GALLERY, gallery([deviation(1)]))],
        "error", False, 0, "a profile without an id",
    ),
    "an empty page once": (
        "danbooru",
        [("posts", lambda question, k: as_json([]) if k == 2 else posts(600)(question, k))],
        "ok", True, 600, "",
    ),
    "ids as texts": ("danbooru", [("posts", posts(600, id=str))], "ok", True, 600, ""),
    "the search left out": (
        "danbooru", [("posts", posts(600, tag_string_artist=lambda i: "al" if i < 9 else "bo"))],
        "error", False, 8, "592 posts that do not name this artist",
    ),
    "tags left out": (
        "danbooru", [("posts", posts(600, tag_string_artist=lambda i: "al" if i > 400 else ""))],
        "error", False, 200, "400 posts that do not name this artist",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_this_history_is_neither_credited_nor_called_complete(
    crawl: Crawl, store: Store, tmp_path: Path, name: str
) -> None:
    source, answers, status, complete, n, reason = CASES[name]
    report = crawl(source, ["al"], answers)
    assert report.visits == {status: 1}
    load(store, report, tmp_path)
    assert store.sql("SELECT status, complete FROM sighting").fetchall() == [(status, complete)]
    assert store.tables()["credit"] == n
    reasons = [row[0] for row in store.sql("SELECT reason FROM reject").fetchall()]
    assert any(reason in one for one in reasons) if reason else reasons == []


FEED_ITEM = (
    "<item><guid>http://{0}.deviantart.com/art/w-{1}</guid>"
    "<pubDate>Wed, 26 May 2021 10:00:00 PDT</pubDate></item>"
)


@pytest.mark.parametrize(("cut", "n", "status"), [(None, 3, "truncated"), (200, 0, "error")])
def test_a_feed_is_read_whole_or_not_at_all(
    crawl: Crawl, cut: int | None, n: int, status: str
) -> None:
    """The works' addresses are of the old form, a subdomain each."""
    items = "".join(FEED_ITEM.format("al", i) for i in range(3))
    body = f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()
    report = crawl("deviantart", ["al"], [("rss", Reply(200, "text/xml", body[:cut]))], feed=True)
    assert (report.n_uploads, report.visits) == (n, {status: 1})


@pytest.mark.parametrize(
    ("robots", "said"),
    [
        (as_text("down", 503), "robots.txt cannot be read (server_error: status 503)"),
        (Reply(200, "text/html", b"<title>Explore</title>"), "cannot be read (malformed"),
        (as_text("User-agent: *\nDisallow: /users"), "robots.txt forbids it"),
    ],
    ids=["503", "html", "forbidden"],
)
def test_what_robots_forbade_is_asked_when_robots_is_well_again(
    crawl: Crawl, store: Store, tmp_path: Path, robots: Reply, said: str
) -> None:
    first = crawl("artstation", ["al"], [("robots.txt", robots), *two_people()])
    load(store, first, tmp_path)
    reasons = store.sql("SELECT reason FROM reject").fetchall()
    assert len(reasons) == 1
    assert said in reasons[0][0]
    again = crawl("artstation", ["al"], two_people())
    assert (again.folder, again.status, again.n_uploads) == (first.folder, "complete", 60)


@pytest.mark.parametrize(
    ("source", "written", "handle"),
    [
        ("artstation", "https://www.artstation.com/mira-o", "mira-o"),
        ("artstation", "artstation.com/artist/mira-o?tab=all", "mira-o"),
        ("artstation", "https://mira-o.artstation.com/", "mira-o"),
        ("artstation", " @mira-o\t", "mira-o"),
        ("deviantart", "http://Mira-O.deviantart.com/gallery/", "Mira-O"),
        ("deviantart", "www.deviantart.com/Mira-O", "Mira-O"),
        ("danbooru", "https://danbooru.donmai.us/posts?tags=mira_%28o%29&z=1", "mira_(o)"),
        ("danbooru", "mira_(o)", "mira_(o)"),
    ],
)
def test_the_address_of_a_profile_is_a_way_to_write_a_handle(
    source: str, written: str, handle: str
) -> None:
    assert handle_in(written, source) == handle


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://www.behance.net/mira\n", r"no address of an artist on artstation.*handle.*Fix"),
        (
            "Username;Followers\nmira;9\n",
            r"a table without a column 'handle'.*who\.txt.*Username;Followers.*Fix",
        ),
    ],
)
def test_lists_that_name_nobody_are_refused_before_anybody_is_asked(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "who.txt").write_text(text)
    with pytest.raises(InputError) as error:
        targets_of(tmp_path, "artstation", tmp_path / "who.txt")
    assert re.search(problem, str(error.value))


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (as_json({"error": "maintenance"}, 503), "incomplete"),
        (as_json({"access_token": "t" * 20, "expires_in": 10**400}), "complete"),
        (as_json({"access_token": "t" * 20, "expires_in": "3600"}), "complete"),
    ],
    ids=["down", "endless", "text"],
)
def test_a_token_route_that_is_down_is_no_wrong_secret(
    crawl: Crawl, token: Reply, status: str
) -> None:
    answers = [("oauth2/token", token), (USER, user(3)), (GALLERY, gallery([deviation(1)]))]
    report = crawl("deviantart", ["al"], answers)
    assert report.status == status
    assert ("gives no token now" in report.message) == (status == "incomplete")


def test_a_pace_that_cannot_be_kept_stops_with_a_reason(
    crawl: Crawl, site: demo.DemoServer, tmp_path: Path
) -> None:
    port = site.address.rpartition(":")[2]
    (tmp_path / "limits").mkdir()
    (tmp_path / "limits" / f"www.artstation.com-demo-{port}.sqlite").write_bytes(
        b"no database" * 99
    )
    with pytest.raises(CollectError, match=r"the pace at which www\.artstation\.com .* Fix"):
        crawl("artstation", ["al"], two_people())


def test_an_address_for_mail_is_scrubbed_in_any_case_and_length(
    site: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    """It stands inside of a longer contact, and the server writes it as it likes."""
    site._special.clear()
    site.answer_with(PROFILE, as_json({"id": 1, "username": "al", "said": "to A@b.DE, not A@b.D"}))
    session = quick(site, contact="Ann <a@b.de>, Uni of B", rules={"retries": 0})
    report = collect("artstation", session=session, artists=["al"], raw=tmp_path / "raw")
    kept = b"".join(gzip.decompress(one.read_bytes()) for one in report.folder.glob("*.gz"))
    assert b"to [removed], not A@b.D" in kept


def test_a_frame_goes_on_past_an_odd_card_and_says_where_the_list_ends_early(
    site: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    cards = [
        {"id": i, "username": f"u{i}", "followers_count": 9000 - i if i % 40 else None}
        for i in range(150)
    ]
    cards[70]["followers_count"] = 12  # a number from another day
    site._special.clear()
    site.answer_with("search/users", listing(cards, 4000))
    drawn = sample("artstation", session=quick(site), followers=2000, n=999, raw=tmp_path)
    assert drawn.frame_size == 150 - 4 - 1
    assert "ended after 150 of 4,000 artists" in drawn.summary()


def test_ids_that_a_spreadsheet_made_fractions_are_ids(tmp_path: Path) -> None:
    (tmp_path / "who.txt").write_text('"handle","artist_id"\nmira\u200b,770.0\nal,9.0\n')
    found = targets_of(tmp_path, "artstation", tmp_path / "who.txt")
    assert [(one.handle, one.artist_id) for one in found] == [("mira", "770"), ("al", "9")]
