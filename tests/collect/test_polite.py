"""The only door to the network keeps its promises, as measured by the server."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from door import HOST, PAGE, RULES, page, seen

from uploadtrends import demo
from uploadtrends.collect import robots as robots_module
from uploadtrends.collect.polite import Polite, user_agent
from uploadtrends.collect.wire import Answer, Request, StoppedError
from uploadtrends.errors import BlockedError, ConfigurationError


@pytest.fixture
def server(small_server: demo.DemoServer) -> demo.DemoServer:
    return small_server


# Who asks, and whom


@pytest.mark.parametrize(
    "contact", [None, "", "anonymous", "Mozilla/5.0 me@x.org", "a@b.c\r\nX: y"]
)
def test_a_contact_is_required_and_no_browser_is_impersonated(contact: str | None) -> None:
    with pytest.raises(ConfigurationError, match="Fix"):
        user_agent(contact)


@pytest.mark.parametrize("contact", ["me@example.org", "https://example.org/study", "by some_user"])
def test_the_user_agent_names_package_and_contact(contact: str) -> None:
    assert user_agent(contact).startswith("uploadtrends/")
    assert contact in user_agent(contact)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.artstation.com/projects.json",
        "https://artstation.example.org/projects.json",
        "https://www.artstation.com.evil.example/projects.json",
        "https://user@www.artstation.com/projects.json",
        "ftp://www.artstation.com/x",
    ],
)
def test_only_known_hosts_over_https(polite: Callable[..., Polite], url: str) -> None:
    with pytest.raises(ConfigurationError, match="known host"):
        polite().fetch(Request(url))


@pytest.mark.parametrize(
    "address", ["http://192.0.2.7:80", "https://example.org", "http://127.0.0.1", "localhost:80"]
)
def test_a_demo_server_runs_on_this_machine(address: str) -> None:
    with pytest.raises(ConfigurationError, match="this machine"):
        Polite("me@example.org", [RULES], demo=address)


def test_every_request_says_who_asks_and_sends_no_cookies(
    server: demo.DemoServer, polite: Callable[..., Polite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    cookie = {"Set-Cookie": "cf_clearance=1; Path=/"}
    server.answer_with("projects", demo.Reply(body=b"{}", headers=cookie))
    door = polite()
    for number in range(3):
        assert door.fetch(page(number)).outcome == "ok"
    for one in server.requests:
        assert "me@example.org" in one.headers["user-agent"]
        assert "cookie" not in one.headers
        assert one.headers["accept-encoding"] == "gzip"


# Pace


def test_the_pace_holds_over_retries(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    server.set_faults(demo.Faults(rate=0.5, slow_seconds=0.01))
    door = polite(seconds_between=0.03)
    outcomes = [door.fetch(page(number)).outcome for number in range(25)]
    assert outcomes == ["ok"] * 25
    assert len(seen(server)) > 30  # there were retries
    assert server.smallest_gap(HOST) >= 0.03
    assert max(one.in_flight for one in server.requests) == 1


WORKER = """
import sys
from pathlib import Path
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.wire import HostRules, Request
rules = HostRules("www.artstation.com", 0.03, backoff=0.003, throttle_backoff=0.003)
with Polite("me@example.org", [rules], demo=sys.argv[1], state=Path(sys.argv[2])) as door:
    for n in range(int(sys.argv[3])):
        url = "https://www.artstation.com/projects.json"
        door.fetch(Request(url, (("page", str(n)), ("per_page", "3"), ("who", sys.argv[4]))))
"""


def worker(server: demo.DemoServer, state: Path, n: int, who: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORKER, server.address, str(state), str(n), who]
    return subprocess.Popen(command)


def test_two_processes_keep_the_pace_together(server: demo.DemoServer, tmp_path: Path) -> None:
    server.set_faults(demo.Faults(rate=0.3, slow_seconds=0.01))
    both = [worker(server, tmp_path, 20, who) for who in "ab"]
    assert [process.wait(60) for process in both] == [0, 0]
    order = [target[-1] for target in seen(server) if "who=" in target]
    assert len(order) >= 40
    assert len(list(itertools.groupby(order))) > 3, "the two did not run side by side"
    assert server.smallest_gap(HOST) >= 0.03
    assert max(one.in_flight for one in server.requests) == 1


def test_the_pace_survives_a_kill(server: demo.DemoServer, tmp_path: Path) -> None:
    for _ in range(3):
        process = worker(server, tmp_path, 1000, "k")
        n_before = len(server.requests)
        while len(server.requests) < n_before + 5:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert server.smallest_gap(HOST) >= 0.03


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_by_every_process(
    server: demo.DemoServer, polite: Callable[..., Polite], form: str
) -> None:
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    def throttled(_: object, times: int) -> demo.Reply | None:
        if times:
            return None
        moment = datetime.now(UTC) + timedelta(seconds=2)
        value = "1" if form == "seconds" else format_datetime(moment, usegmt=True)
        return demo.Reply(429, body=b"{}", headers={"Retry-After": value})

    server.answer_with("projects", throttled)
    door, other = polite(), polite()
    assert other.fetch(page(0)).outcome == "ok"  # takes the throttled turn and waits
    other.fetch(page(1))
    assert door.fetch(page(2)).outcome == "ok"
    times = [one.at for one in server.requests if "projects" in one.target]
    assert times[1] - times[0] >= 0.95
    assert [one.status for one in server.requests].count(429) == 1


def test_a_pause_asked_of_one_process_holds_for_another(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    busy = demo.Reply(429, body=b"{}", headers={"Retry-After": "1000"})
    server.answer_with("page=7&", busy)
    first = polite()
    with pytest.raises(StoppedError, match="come back in 1000 s"):
        first.fetch(page(7))
    n_before = len(server.requests)
    with pytest.raises(StoppedError):
        first.fetch(page(8))
    assert len(server.requests) == n_before
    state = polite()._host(page(8)).gate
    assert state._last() / 1000 - time.time() > 900  # the token that all processes share


def test_ten_429_in_a_row_end_the_run(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    server.answer_with("projects", demo.Reply(429, body=b"{}"))
    with pytest.raises(StoppedError, match="throttled 10 requests in a row") as caught:
        polite().fetch(PAGE)
    assert caught.value.outcome == "throttled"
    assert len(seen(server)) == 11  # and robots.txt


def test_pauses_double(server: demo.DemoServer, polite: Callable[..., Polite]) -> None:
    server.answer_with("projects", demo.Reply(503, "text/plain", b"down"))
    answer = polite(backoff=0.05, longest_backoff=5.0).fetch(PAGE)
    assert answer.outcome == "server_error"
    times = [one.at for one in server.requests if "projects" in one.target]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert len(gaps) == 3
    for n, gap in enumerate(gaps):
        assert gap >= 0.05 * 2**n


def test_the_breaker_opens_and_lets_one_try(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    down = [True]
    broken = demo.Reply(500, "text/plain", b"down")
    server.answer_with("projects", lambda *_: broken if down[0] else None)
    door = polite(breaker=3, breaker_pause=0.4, retries=0)
    for number in range(3):
        assert door.fetch(page(number)).outcome == "server_error"
    n_before = len(server.requests)
    with pytest.raises(StoppedError, match="left alone"):
        door.fetch(page(3))
    assert len(server.requests) == n_before
    time.sleep(0.45)
    assert door.fetch(page(4)).outcome == "server_error"  # one try, and it closes again
    with pytest.raises(StoppedError):
        door.fetch(page(5))
    time.sleep(0.45)
    down[0] = False
    assert door.fetch(page(6)).outcome == "ok"
    assert door.fetch(page(7)).outcome == "ok"


def test_max_requests_counts_retries(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    server.answer_with("projects", demo.Reply(500, "text/plain", b""))
    door = polite()
    door.max_requests = 3
    with pytest.raises(StoppedError) as caught:
        door.fetch(PAGE)
    assert caught.value.outcome == "budget"
    assert len(server.requests) == 3


# Refusals

CLOUDFRONT = demo.Reply(
    403, "text/html", b"<html><title>ERROR: The request could not be satisfied</title></html>"
)
REFUSALS = {
    "cf-mitigated": demo.Reply(403, "text/html", b"<html/>", {"Cf-Mitigated": "challenge"}),
    "header with 200": demo.Reply(200, headers={"Cf-Mitigated": "challenge"}, body=b"{}"),
    "script": demo.Reply(503, "text/html", b"<html><script>window._cf_chl_opt={}</script></html>"),
    "old script": demo.Reply(503, "text/html", b"<html><input name=jschl-answer></html>"),
    "captcha": demo.Reply(403, "text/html", b'<html><input name="captcha-bypass"></html>'),
    "title with 200": demo.Reply(200, "text/html", b"<html><title>Just a moment...</title></html>"),
    "cloudfront": CLOUDFRONT,
    "plain 403": demo.Reply(403, "text/plain", b"Forbidden"),
    "empty 403": demo.Reply(403, "", b""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_after_a_challenge_the_host_is_left_alone(
    server: demo.DemoServer, polite: Callable[..., Polite], name: str
) -> None:
    server.answer_with("artstation.*projects", REFUSALS[name])
    door, kept = polite(), []
    with pytest.raises(BlockedError, match="refuses us"):
        door.fetch(PAGE, keep=kept.append)
    n_before = len(server.requests)
    for number in range(5):
        with pytest.raises(BlockedError, match="earlier in this run"):
            door.fetch(page(number))
    assert len(server.requests) == n_before
    assert kept[-1].outcome == "blocked"
    other = Request("https://danbooru.donmai.us/wiki_pages")
    assert door.fetch(other).outcome == "refused"  # another host is another matter


def test_a_403_in_json_is_an_answer(server: demo.DemoServer, polite: Callable[..., Polite]) -> None:
    server.answer_with("projects", demo.Reply(403, body=b'{"message": "no"}'))
    assert polite().fetch(PAGE).outcome == "refused"


# robots.txt


@pytest.mark.parametrize("route", ["likes", "following", "followers"])
def test_disallowed_paths_are_never_asked(
    server: demo.DemoServer, polite: Callable[..., Polite], route: str
) -> None:
    kept: list[Answer] = []
    request = Request(f"https://{HOST}/users/artist-000001/{route}.json")
    assert polite().fetch(request, keep=kept.append).outcome == "disallowed"
    assert seen(server) == ["/robots.txt"]
    assert kept[-1].outcome == "disallowed"


def test_robots_is_read_again_every_day(
    server: demo.DemoServer, polite: Callable[..., Polite], monkeypatch: pytest.MonkeyPatch
) -> None:
    door = polite()
    door.fetch(page(1))
    door.fetch(page(2))
    assert seen(server).count("/robots.txt") == 1
    monkeypatch.setattr(robots_module, "_A_DAY", 0.0)
    door.fetch(page(3))
    assert seen(server).count("/robots.txt") == 2


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (demo.Reply(404, "text/plain", b""), "ok"),
        (demo.Reply(410, "text/html", b"<html/>"), "ok"),
        (demo.Reply(200, "text/plain", b"User-agent: uploadtrends\nDisallow: /"), "disallowed"),
        (demo.Reply(200, "text/plain", b"User-agent: *\nDisallow: /*.json"), "disallowed"),
        (demo.Reply(200, "text/plain", b"\xff\xfe not a robots file"), "ok"),
        (demo.Reply(500, "text/plain", b""), "disallowed"),
        (demo.Reply(302, "text/plain", b"", {"Location": "https://x.example/"}), "disallowed"),
    ],
)
def test_what_robots_says_goes(
    server: demo.DemoServer, polite: Callable[..., Polite], reply: demo.Reply, outcome: str
) -> None:
    server.answer_with("robots.txt", reply)
    assert polite().fetch(PAGE).outcome == outcome


def test_a_crawl_delay_slows_us_down(
    server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    text = b"User-agent: *\nCrawl-delay: 0.2\n"
    server.answer_with("robots.txt", demo.Reply(200, "text/plain", text))
    door = polite()
    for number in range(3):
        door.fetch(page(number))
    times = [one.at for one in server.requests if "projects" in one.target]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.2
