"""Redirects, caps and types: what comes back is checked before it is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from zlib import compressobj

import pytest
from door import HOST, PAGE, page, seen

from uploadtrends import demo
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.wire import Answer


@pytest.fixture
def server(small_server: demo.DemoServer) -> demo.DemoServer:
    return small_server


# Redirects, caps, types


@pytest.mark.parametrize(
    "target",
    [
        "https://danbooru.donmai.us/posts.json",
        "http://www.artstation.com/projects.json",
        "https://evil.example/",
        "//evil.example/x",
        "",
    ],
)
def test_redirects_to_elsewhere_are_refused(
    server: demo.DemoServer, polite: Callable[..., Polite], target: str
) -> None:
    where = {"Location": target} if target else {}
    server.answer_with("artstation.*projects", demo.Reply(302, "text/html", b"", where))
    answer = polite().fetch(PAGE)
    assert answer.outcome == "redirected"
    assert len(seen(server, "danbooru.donmai.us")) == 0
    assert len(seen(server)) <= 5


def test_a_redirect_on_the_same_host_is_followed_at_the_same_pace(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    where = {"Location": "/projects.json?page=2&per_page=3"}
    server.answer_with("page=1&", demo.Reply(302, "text/html", b"", where))
    kept: list[Answer] = []
    answer = polite(seconds_between=0.05).fetch(page(1), keep=kept.append)
    assert answer.outcome == "ok"
    assert answer.request == page(1)
    assert kept[-1].request == page(1)
    assert kept[-1].outcome == "ok"
    assert server.smallest_gap(HOST) >= 0.05


def bomb(size: int) -> bytes:
    packer = compressobj(9, 8, 31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(size)) + packer.flush()


@pytest.mark.parametrize(
    "reply",
    [
        demo.Reply(body=b'{"data": "' + b"x" * 3_000_000 + b'"}'),
        demo.Reply(body=bomb(400), packed=True),
    ],
    ids=["huge", "bomb"],
)
def test_large_bodies_are_cut_off(
    server: demo.DemoServer, polite: Callable[..., Polite], reply: demo.Reply
) -> None:
    import resource

    server.answer_with("projects", reply)
    door = polite(largest=2_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert door.fetch(PAGE).outcome == "too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
    assert len(seen(server)) == 2  # asking again would not help


def test_a_trickle_is_cut_off(server: demo.DemoServer, polite: Callable[..., Polite]) -> None:
    server.answer_with("projects", demo.Reply(body=b" " * 100_000 + b"{}", seconds=20))
    door = polite(total_timeout=0.3, retries=0)
    started = time.monotonic()
    assert door.fetch(PAGE).outcome == "too_slow"
    assert time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (demo.Reply(200, "text/html", b"<html>Explore</html>"), "malformed"),
        (demo.Reply(200, "", b"{}"), "malformed"),
        (demo.Reply(200, "application/json", b'{"data": ['), "malformed"),
        (demo.Reply(200, "application/json", b""), "malformed"),
        (demo.Reply(200, "application/json", b"[" * 100_000), "malformed"),
        (demo.Reply(200, "application/json", b'"\xff\xfe"'), "malformed"),
        (demo.Reply(204, "application/json", b""), "malformed"),
        (demo.Reply(200, body=b"\x1f\x8b broken", packed=True), "network"),
        (demo.Reply(200, body=b'{"data": []}', cut=4), "network"),
        (demo.Reply(200, body=b"{}", reset=True), "network"),
        (demo.Reply(404, "text/plain", b""), "refused"),
        (demo.Reply(451, "text/html", b"<html>takedown</html>"), "refused"),
        (demo.Reply(401, body=b"{}"), "unauthorized"),
        (demo.Reply(502, "text/html", b"<html>maintenance</html>"), "server_error"),
    ],
)
def test_bad_answers_have_names(
    server: demo.DemoServer, polite: Callable[..., Polite], reply: demo.Reply, outcome: str
) -> None:
    server.answer_with("projects", reply)
    assert polite(retries=1).fetch(PAGE).outcome == outcome


def test_few_headers_are_kept(server: demo.DemoServer, polite: Callable[..., Polite]) -> None:
    extra = {"X-Secret": "1", "Set-Cookie": "a=b", "Server": "cloudflare"}
    server.answer_with("projects", demo.Reply(body=b"{}", headers=extra))
    answer = polite().fetch(PAGE)
    assert set(answer.headers) <= {"content-type", "date", "server"}
