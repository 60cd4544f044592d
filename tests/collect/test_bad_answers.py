"""Bad answers, one at a time: recorded and explained, nothing lost, no crash.

Each case spoils one question of one artist's visit. The crawl goes on with the other artists, the
store says what was wrong, and when the site is well again the next run completes the truth.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.session import Session
from uploadtrends.demo.deviantart import gallery_slots, leaves_stubs
from uploadtrends.demo.world import work_key
from uploadtrends.store import open_store

PROFILE = {
    "artstation": r"/users/{name}\.json",
    "deviantart": r"/user/profile/{name}",
}
HISTORY = {
    "artstation": r"/users/{name}/projects\.json\?page=1",
    "deviantart": r"/gallery/all\?username={name}&.*offset=0$",
    "danbooru": r"/posts\.json\?tags={name}\+.*tag_string_meta$",
}
LIST = {"artstation": "data", "deviantart": "results", "danbooru": None}


def raw(body: bytes | str, kind: str = "application/json", status: int = 200, **more: Any) -> Any:
    body = body.encode() if isinstance(body, str) else body
    return lambda payload: demo.Reply(status, kind, body, **more)


def changed(change: Callable[[Any], Any]) -> Any:
    return lambda payload: demo.Reply(body=json.dumps(change(payload)).encode())


def items(change: Callable[[list[Any]], list[Any]], key: str | None) -> Any:
    if key is None:
        return changed(change)
    return changed(lambda payload: payload | {key: change(payload[key])})


def bomb() -> bytes:
    packer = zlib.compressobj(1, 8, 31)  # whoever imports this file waits
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(60)) + packer.flush()


@dataclass(frozen=True)
class Case:
    site: str
    where: dict[str, str]
    reply: Any
    reason: str
    whole: bool = False
    """Whether the visit still counts as complete: only single items are bad."""


def each(name: str, where: dict[str, str], reply: Any, reason: str, **more: Any) -> dict[str, Case]:
    return {f"{site} {name}": Case(site, where, reply, reason, **more) for site in where}


HTML = "<html><head><title>Welcome</title></head><body>Explore</body></html>"
CASES: dict[str, Case] = {
    **each("html with 200", HISTORY, raw(HTML, "text/html"), "malformed: text/html"),
    **each("no content type", HISTORY, raw("{}", ""), "malformed: no content type"),
    **each("truncated json", HISTORY, raw('{"data": [{"id"'), "JSON cannot be read"),
    **each("empty body", HISTORY, raw(""), "JSON cannot be read"),
    **each("not utf-8", HISTORY, raw(b'{"data": "\xff\xfe"}'), "JSON cannot be read"),
    **each("null", HISTORY, raw("null"), "expected"),
    **each("a number", HISTORY, raw("17"), "expected"),
    **each("another object", HISTORY, raw('{"hello": "world"}'), "expected"),
    **each("list is a text", HISTORY, raw('{"data": "no", "results": "no"}'), "expected"),
    **each("huge body", HISTORY, raw(b" " * 21_000_000 + b"{}"), "too_large"),
    **each("bomb", HISTORY, raw(bomb(), packed=True), "too_large"),
    **each("broken gzip", HISTORY, raw(b"\x1f\x8b nonsense", packed=True), "network"),
    **each("cut short", HISTORY, raw(b"{" + b" " * 5000 + b"}", cut=10), "network"),
    **each("reset", HISTORY, raw("{}", reset=True), "network"),
    **each(
        "redirect to another host",
        HISTORY,
        raw("", "text/html", 302, headers={"Location": "https://evil.example/"}),
        "redirected",
    ),
    **each("500", HISTORY, raw("{}", status=500), "server_error"),
    **each("empty 404", HISTORY, raw("", "text/plain", 404), "refused: status 404"),
    **each("204", HISTORY, raw("", status=204), "malformed"),
    **each("nested too deep", HISTORY, raw("[" * 50_000), "JSON cannot be read"),
    "deviantart error with 200": Case(
        "deviantart",
        HISTORY,
        raw('{"error": "server_error", "error_description": "Oops", "status": "error"}'),
        "server_error: 200: Oops",
    ),
    "deviantart validation error with 200": Case(
        "deviantart",
        HISTORY,
        raw('{"error": "invalid_request", "error_description": "Bad", "status": "error"}'),
        "refused: 200: Bad",
    ),
    "deviantart unknown 400": Case(
        "deviantart", PROFILE, raw('{"error": "invalid_request"}', status=400), "refused"
    ),
    "danbooru 422": Case(
        "danbooru",
        HISTORY,
        raw('{"success": false, "error": "PostQuery::TagLimitError", "message": "2"}', status=422),
        "refused: 422: 2",
    ),
    "danbooru 451": Case("danbooru", HISTORY, raw(HTML, "text/html", 451), "refused: status 451"),
    **each("profile html", PROFILE, raw(HTML, "text/html"), "malformed: text/html"),
    **each("profile 500", PROFILE, raw("oops", "text/plain", 502), "server_error"),
}
for _site in HISTORY:
    _key = LIST[_site]
    _date = {"artstation": "published_at", "deviantart": "published_time"}.get(_site, "created_at")
    _id = {"artstation": "hash_id", "deviantart": "deviationid"}.get(_site, "id")
    _future = "4102444800" if _site == "deviantart" else "2100-01-01T00:00:00.000-05:00"
    for _name, _change, _reason in (
        ("item is a text", lambda xs: ["x", *xs], "object expected, got str"),
        ("item is null", lambda xs: [None, *xs], "object expected, got NoneType"),
        ("item without key", lambda xs, i=_id: [{**xs[0], i: None}, *xs], f"without {_id}"),
        (
            "key is an object",
            lambda xs, i=_id: [{**xs[0], i: {"a": 1}}, *xs],
            f"without {_id}",
        ),
        (
            "date missing",
            lambda xs, d=_date: (
                [{k: v for k, v in xs[0].items() if k not in (d, "created_at")}, *xs[1:]]
            ),
            "no readable publication date",
        ),
        (
            "date is nonsense",
            lambda xs, d=_date: [{**xs[0], d: "yesterday"}, *xs[1:]],
            "no readable publication date",
        ),
        (
            "date is a list",
            lambda xs, d=_date: [{**xs[0], d: [1, 2]}, *xs[1:]],
            "no readable publication date",
        ),
        (
            "date overflows",
            lambda xs, d=_date: [{**xs[0], d: "99999999999999999999"}, *xs[1:]],
            "no readable publication date",
        ),
        (
            "date in the future",
            lambda xs, d=_date, f=_future: [{**xs[0], d: f}, *xs[1:]],
            "date in the future",
        ),
    ):
        CASES[f"{_site} {_name}"] = Case(_site, HISTORY, items(_change, _key), _reason, whole=True)


@pytest.fixture(scope="module")
def shared_server(people: Any) -> Any:
    with demo.serve(people, today="2023-05-31") as running:
        yield running


@pytest.fixture(scope="module")
def truths(shared_server: demo.DemoServer) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
    """What a crawl of everybody should find, by site."""
    return {site: shared_server.worlds[site].truth() for site in HISTORY}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_answer_is_recorded_and_nothing_is_lost(
    shared_server: demo.DemoServer,
    truths: dict[str, tuple[pl.DataFrame, pl.DataFrame]],
    quick: Callable[..., Session],
    tmp_path: Path,
    name: str,
) -> None:
    case, server = CASES[name], shared_server
    world = server.worlds[case.site]
    whole = [
        one
        for one in world.people.values()
        if one.listed and not one.is_studio and not leaves_stubs(one)
        if 3 <= len(world.listed(one)) <= 20 and None not in gallery_slots(one, world)
    ]
    victim, others = whole[0], whole[1:3]
    names = [one.handle for one in (others[0], victim, others[1])]
    pattern = re.compile(case.where[case.site].format(name=victim.handle))
    ill = [True]

    def spoiled(question: Any, times: int) -> demo.Reply | None:
        if not ill[0] or not pattern.search(question.target):
            return None
        return case.reply(usual(server, question))

    server._special.clear()
    server.answer_with(".", spoiled)
    session = quick(server, rules={"retries": 1, "breaker": 50, "largest": 20_000_000})
    first = collect(case.site, session=session, artists=names, raw=tmp_path / "raw")
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        store.load(ArchivedCrawl(first.folder), max_rejects=1.0)
        reasons = [row[0] for row in store.sql("SELECT reason FROM reject").fetchall()]
        assert any(case.reason in reason for reason in reasons), reasons
        assert len(reasons) == 1, reasons
        statuses = store.sql("SELECT status, complete FROM sighting ORDER BY rowid").fetchall()
        assert statuses[0] == statuses[2] == ("ok", True)
        assert statuses[1] == (("ok", True) if case.whole else ("error", False))
        # A definite no is an answer; anything else keeps the crawl open.
        settled = case.whole or "refused" in case.reason
        assert first.status == ("complete" if settled else "incomplete")
    ill[0] = False
    again = collect(case.site, session=session, artists=names, raw=tmp_path / "raw")
    assert (again.folder == first.folder) == (not settled)
    assert again.status == "complete"
    with open_store(tmp_path / "well.duckdb", read_only=False) as store:
        store.load(ArchivedCrawl(again.folder), max_rejects=0)
        artists, uploads = truths[case.site]
        ids = artists.filter(pl.col("handle").is_in(names))["artist_id"]
        truth = uploads.filter(pl.col("artist_id").is_in(ids.implode())).sort("upload_id")
        stored = store.sql(
            "SELECT c.artist_id, u.upload_id, u.published_at FROM upload u "
            "JOIN credit c USING (platform, upload_id) ORDER BY u.upload_id"
        ).pl()
        assert stored.equals(truth)


def usual(server: demo.DemoServer, question: Any) -> Any:
    """Return what the server would have said."""
    kept, server._special[:] = server._special[:], []
    try:
        return json.loads(server._reply(question).body)
    finally:
        server._special[:] = kept


@pytest.mark.parametrize("site", ["artstation", "deviantart"])
def test_lists_that_shift_during_the_walk_lose_nothing(
    people: Any, quick: Callable[..., Session], tmp_path: Path, site: str
) -> None:
    """Works come and go between two pages: every work that was there throughout is found."""
    with demo.serve(people, today="2023-03-31") as server:
        world = server.worlds[site]
        busy = max(
            (
                p
                for p in world.people.values()
                if p.listed and not p.is_studio and not leaves_stubs(p)
            ),
            key=lambda person: len(world.listed(person)),
        )
        works = world.works[busy.number]
        assert len(world.listed(busy)) > 60
        host = "projects.json" if site == "artstation" else "gallery/all"
        always = {work.number for work in works if work.listed}
        pages = [0]

        def shifting(question: Any, times: int) -> demo.Reply | None:
            pages[0] += 1
            if pages[0] in (2, 3):  # a recent work goes while we turn the page
                index = next(i for i in reversed(range(len(works))) if works[i].listed)
                always.discard(works[index].number)
                world.places.clear()
                works[index] = type(works[index])(**(works[index].__dict__ | {"listed": False}))
            return None

        server.answer_with(f"{host}.*", shifting)
        collect_one = collect(
            site, session=quick(server), artists=[busy.handle], raw=tmp_path / "raw"
        )
        assert collect_one.status == "complete"
        with open_store(tmp_path / "s.duckdb", read_only=False) as store:
            store.load(ArchivedCrawl(collect_one.folder), max_rejects=1.0)
            found = {row[0] for row in store.sql("SELECT upload_id FROM upload").fetchall()}
        assert pages[0] > 4
        assert {work_key(site, number) for number in always} <= found


@pytest.mark.parametrize("site", ["artstation", "deviantart", "danbooru"])
def test_the_same_work_on_two_pages_counts_once(
    people: Any, quick: Callable[..., Session], tmp_path: Path, site: str
) -> None:
    key = LIST[site]
    with demo.serve(people, today="2023-05-31") as server:
        world = server.worlds[site]
        one = next(p for p in world.people.values() if p.listed and not p.is_studio)
        double = items(lambda xs: [*xs, *xs[:3]], key)

        def twice(question: Any, times: int) -> demo.Reply | None:
            return double(usual(server, question)) if times < 1 else None

        server.answer_with(HISTORY[site].format(name=one.handle), twice)
        report = collect(site, session=quick(server), artists=[one.handle], raw=tmp_path / "raw")
        assert report.status == "complete"
        artists, _ = world.truth()
        expected = artists.filter(pl.col("handle") == one.handle)["n_uploads"].item()
        assert report.n_uploads == expected
