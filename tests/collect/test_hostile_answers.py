"""What sites answer when things go wrong, from a real server to the store and the panel."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from crawled import Quick, load

import uploadtrends as ut
from uploadtrends import demo
from uploadtrends.collect.crawl import CollectReport, collect
from uploadtrends.collect.plans import handle_in, targets_of
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.demo.reply import Question, Reply, as_json, as_text
from uploadtrends.errors import CollectError, InputError, TooManyRejectsError
from uploadtrends.store import Store

Answers = list[tuple[str, Any]]
PROFILE = r"users/[^/]+\.json"
LIST = r"projects\.json"
USER, GALLERY = "user/profile/", "gallery/all"


@pytest.fixture(scope="module")
def site(few: Any) -> Iterator[demo.DemoServer]:
    with demo.serve(few, today="2022-12-31") as running:
        yield running


@pytest.fixture
def crawl(site: demo.DemoServer, quick: Quick, tmp_path: Path) -> Callable[..., CollectReport]:
    """Crawl while the server answers some questions otherwise."""

    def run(source: str, artists: list[str], answers: Answers, **options: Any) -> CollectReport:
        site._special.clear()
        site.requests.clear()
        for pattern, reply in answers:
            site.answer_with(pattern, reply)
        session = quick(site, rules={"retries": 1})
        return collect(source, session=session, artists=artists, raw=tmp_path / "raw", **options)

    return run


def project(i: int, **more: Any) -> dict[str, Any]:
    return {"hash_id": f"h{i}", "published_at": f"2022-05-{1 + i % 28:02d}T10:00:00-05:00"} | more


def profile(claimed: Any, name: str = "al", number: Any = 77) -> Reply:
    return as_json(
        {"id": number, "username": name, "followers_count": 9, "projects_count": claimed}
    )


def listing(works: list[Any], total: Any = None) -> Callable[[Question, int], Reply]:
    def reply(question: Question, _: int) -> Reply:
        start = 50 * (question.number("page", 1) - 1)
        return as_json({"data": works[start : start + 50], "total_count": total})

    return reply


def deviation(i: Any, author: str = "al", when: int = 1_650_000_000) -> dict[str, Any]:
    who = {"userid": author.upper(), "username": author}
    return {"deviationid": f"D{i}", "published_time": str(when), "author": who}


def user(claimed: Any, name: str = "al") -> Reply:
    who = {"userid": name.upper(), "username": name, "stats": {"watchers": 1}}
    return as_json({"user": who, "stats": {"user_deviations": claimed}})


def gallery(works: list[Any], more: Any = (True, False), **fixed: Any) -> Any:
    """Play a gallery; `more` is how the site says that there is more, and that there is not."""

    def reply(question: Question, _: int) -> Reply:
        start = question.number("offset", 0)
        page = {"results": works[start : start + 24], "next_offset": start + 24}
        said = more[start + 24 >= len(works)]
        return as_json(page | ({} if said is None else {"has_more": said}) | fixed)

    return reply


def posts(n: int, **changed: Callable[[int], Any]) -> Any:
    def reply(question: Question, _: int) -> Reply:
        below = int(question.query.get("page", "b999999")[1:])
        found = [
            {"id": i, "created_at": "2022-05-01T10:00:00-04:00", "tag_string_artist": "al"}
            | {name: change(i) for name, change in changed.items()}
            for i in range(min(n, below - 1), max(0, min(n, below - 1) - 200), -1)
        ]
        return as_json(found)

    return reply


def circle(question: Question, _: int) -> Reply:
    """Play two pages whose cursors lead to each other."""
    second = question.query.get("cursor") == "b"
    works = [deviation(i + 24 * second) for i in range(24)]
    return as_json({"has_more": True, "next_cursor": "a" if second else "b", "results": works})


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
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path, name: str
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
    crawl: Callable[..., CollectReport], cut: int | None, n: int, status: str
) -> None:
    """The works' addresses are of the old form, a subdomain each."""
    items = "".join(FEED_ITEM.format("al", i) for i in range(3))
    body = f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()
    report = crawl("deviantart", ["al"], [("rss", Reply(200, "text/xml", body[:cut]))], feed=True)
    assert (report.n_uploads, report.visits) == (n, {status: 1})


def two_people(bo: Reply | None = None) -> Answers:
    def who(question: Question, _: int) -> Reply:
        name = question.path.rpartition("/")[2].removesuffix(".json")
        return bo if bo and name == "bo" else profile(60, name, ord(name[0]))

    def works(question: Question, k: int) -> Reply:
        first = 1000 * ord(question.path.split("/")[2][0])
        return listing([project(first + i) for i in range(60)])(question, k)

    return [(PROFILE, who), (LIST, works)]


def test_artists_added_to_a_crawl_that_goes_on_reach_the_store(
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path
) -> None:
    first = crawl("artstation", ["al", "bo"], two_people(as_json({}, 503)))
    again = crawl("artstation", ["al", "bo", "cy"], two_people())
    assert (first.status, again.status) == ("incomplete", "complete")
    assert again.folder == first.folder
    load(store, again, tmp_path)
    counted = store.sql("SELECT count(*) FROM credit GROUP BY artist_id").fetchall()
    assert counted == [(60,), (60,), (60,)]


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
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path, robots: Reply, said: str
) -> None:
    first = crawl("artstation", ["al"], [("robots.txt", robots), *two_people()])
    load(store, first, tmp_path)
    reasons = store.sql("SELECT reason FROM reject").fetchall()
    assert len(reasons) == 1
    assert said in reasons[0][0]
    again = crawl("artstation", ["al"], two_people())
    assert (again.folder, again.status, again.n_uploads) == (first.folder, "complete", 60)


def test_a_later_crawl_that_tells_less_takes_nothing_away(
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path
) -> None:
    """First with the works' tags, then without, and without the dates of half of them."""
    works = [project(i) for i in range(60)]
    labelled = ("projects/h", as_json({"tags": ["CreatedWithAI"]}))
    who = (PROFILE, profile(60))
    load(store, crawl("artstation", ["al"], [who, (LIST, listing(works)), labelled], details=True),
         tmp_path)  # fmt: skip
    undated = [one | {"published_at": None} if i < 30 else one for i, one in enumerate(works)]
    report = crawl("artstation", ["al"], [who, (LIST, listing(undated))])
    found = store.load(ArchivedCrawl(report.folder), max_rejects=30)
    assert found.changed["upload"] == 0
    assert store.sql(
        "SELECT count(*), count(published_at), count(date_basis), count_if(ai_label) FROM upload"
    ).fetchall() == [(60, 60, 60, 60)]


@pytest.mark.parametrize("fault", [as_json({}, 503), as_json({"error": "user_api_threshold"}, 429)])
def test_a_history_that_broke_off_is_cut_off_in_the_panel(
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path, fault: Reply
) -> None:
    """With nothing else known, the artist would seem to have begun with the oldest work seen."""
    names = ["ann", "bob", "cat"]

    def works(question: Question, k: int) -> Reply:
        name = question.query["username"]
        if name == "cat" and question.number("offset", 0) >= 24:
            return fault
        weekly = [deviation(f"{name}{i}", name, 1_672_000_000 - 7 * 86_400 * i) for i in range(110)]
        return gallery(weekly)(question, k)

    def who(question: Question, _: int) -> Reply:
        return user(110, question.path.rpartition("/")[2])

    load(store, crawl("deviantart", names, [(USER, who), (GALLERY, works)]), tmp_path)
    panel = ut.build_panel(store, seniority=ut.Seniority.paper("2022-08-22"))
    spans = panel.records.spans.select("artist_id", "censored").sort("artist_id")
    assert spans.rows() == [("ANN", False), ("BOB", False), ("CAT", True)]
    assert panel.keys() == [("deviantart", "all"), ("deviantart", "senior")]
    assert panel.excluded.rows() == [("deviantart", "left out by the seniority rule", 24.0)]
    assert "The histories of 1 of 3 artists on deviantart are not whole" in panel.summary()
    effects = ut.interrupted_time_series(panel, "2022-08-22")
    assert any("1 of 3 artists" in note for note in effects.fit("all").notes)


def test_a_visit_that_did_not_get_through_says_nothing_about_removal(
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path
) -> None:
    works = [project(i) for i in range(60)]
    for seen in (works, works[:30]):
        load(store, crawl("artstation", ["al"], [(PROFILE, profile(60)), (LIST, listing(seen))]),
             tmp_path)  # fmt: skip
    assert store.sql("SELECT status FROM sighting").fetchall() == [("ok",), ("incomplete",)]
    gone = ut.build_panel(store).series("artstation", unit="no_longer_listed", flagged="keep")
    assert gone.sum() == 0


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
    crawl: Callable[..., CollectReport], token: Reply, status: str
) -> None:
    answers = [("oauth2/token", token), (USER, user(3)), (GALLERY, gallery([deviation(1)]))]
    report = crawl("deviantart", ["al"], answers)
    assert report.status == status
    assert ("gives no token now" in report.message) == (status == "incomplete")


def test_a_pace_that_cannot_be_kept_stops_with_a_reason(
    crawl: Callable[..., CollectReport], site: demo.DemoServer, tmp_path: Path
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


def test_an_archive_that_lost_everything_or_was_dated_by_a_wrong_clock_says_so(
    crawl: Callable[..., CollectReport], store: Store, tmp_path: Path
) -> None:
    report = crawl("artstation", ["al"], two_people())
    path = report.folder / "crawl.json"
    plan = json.loads(path.read_text())
    plan["started_at"] = "2099-01-01T00:00:00Z"
    plan["targets"][0]["of_a_later_version"] = 1
    path.write_text(json.dumps(plan))
    assert ArchivedCrawl(report.folder).started_at < datetime(2098, 1, 1)
    load(store, report, tmp_path)
    assert store.tables()["upload"] == 60
    for segment in report.folder.glob("*.gz"):
        segment.unlink()
    with pytest.raises(TooManyRejectsError, match="lost from the archive"):
        store.load(ArchivedCrawl(report.folder))
