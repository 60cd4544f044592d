"""What strangers send is read within a time, in a form, and without what must not be kept."""

from __future__ import annotations

import base64
import gzip
import html
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from door import HOST, PAGE, RULES, page

from uploadtrends import demo
from uploadtrends.collect import limits
from uploadtrends.collect.limits import HostGate
from uploadtrends.collect.polite import Polite, _retry_after
from uploadtrends.collect.robots import LONGEST_DELAY
from uploadtrends.collect.scrub import scrub
from uploadtrends.collect.wire import Answer, HostRules, Request


@pytest.fixture
def server(small_server: demo.DemoServer) -> demo.DemoServer:
    return small_server


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n"


def forever(head: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            yield piece

    return pieces


TRICKLES = {
    "status line": forever(b"HTTP/1.1 200 ", b"O"),
    "headers": forever(OK, b"X-A: b\r\n"),
    "one header": forever(OK + b"X-A: ", b"b"),
    "100 Continue": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": forever(OK + b"Content-Length: 100000\r\n\r\n[", b" "),
    "body without length": forever(OK + b"\r\n[", b" "),
    "chunks": forever(CHUNKED, b"1\r\n \r\n"),
    "chunk extension": forever(CHUNKED + b"5;", b"a"),
    "trailers": forever(CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: y\r\n"),
    "gzip head": forever(GZIP + b"\x1f\x8b\x08\x08" + bytes(6), b"n"),
    "empty gzip members": forever(GZIP, gzip.compress(b"")),
    "nothing": forever(b"", b""),
}


@contextmanager
def trickling(pieces: Callable[[], Iterator[bytes]], pause: float) -> Iterator[str]:
    """Serve one endless answer to everybody, a piece at a time."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while not over.is_set():
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for piece in pieces():
                if over.is_set():
                    return
                connection.sendall(piece)
                time.sleep(pause)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def ask(address: str, state: Path, **changes: float) -> tuple[Answer, float]:
    given = {"retries": 0, "total_timeout": 0.4, "read_timeout": 30.0} | changes
    rules = HostRules(HOST, 0.001, **given)  # type: ignore[arg-type]
    polite = Polite("me@example.org", [rules], demo=address, state=state)
    polite._host(PAGE).robots._read_at = float("inf")  # robots.txt is not what is tried here
    try:
        began = time.monotonic()
        answer = polite.fetch(PAGE)
        return answer, time.monotonic() - began
    finally:
        polite.close()


@pytest.mark.parametrize("name", TRICKLES)
def test_no_trickle_outlives_the_deadline(tmp_path: Path, name: str) -> None:
    with trickling(TRICKLES[name], 0.01) as address:
        answer, seconds = ask(address, tmp_path)
        assert answer.outcome == "too_slow"
        assert "longer than 0.4 s" in answer.detail
        assert seconds < 5
        gate = HostGate(HOST + f"-demo-{address.rpartition(':')[2]}", 0.001, tmp_path)
        with gate.turn():  # the host's lock is free again
            pass
        gate.close()


def test_a_slow_answer_within_the_deadline_is_read(
    small_server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    small_server.answer_with("projects", demo.Reply(body=b'{"data": []}', seconds=0.3))
    assert polite(total_timeout=5).fetch(PAGE).outcome == "ok"


# robots.txt


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-8", "utf-16"])
def test_robots_with_a_byte_order_mark_is_obeyed(tmp_path: Path, codec: str) -> None:
    body = "User-agent: *\nDisallow: /projects\n".encode(codec)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    whole = head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with trickling(lambda: iter([whole]), 0) as address:
        polite = Polite("me@example.org", [RULES], demo=address, state=tmp_path)
        assert polite.fetch(PAGE).outcome == "disallowed"
        polite.close()


@pytest.mark.parametrize("delay", ["1e9", "999999999", "inf", "nan", "-5", "0"])
def test_crawl_delays_are_capped_and_said(
    small_server: demo.DemoServer, polite: Callable[..., Polite], delay: str
) -> None:
    body = f"User-agent: *\nCrawl-delay: {delay}\n".encode()
    small_server.answer_with("robots.txt", demo.Reply(200, "text/plain", body))
    one = polite()
    host = one._host(PAGE)
    _, pace = host.robots.allows(PAGE, lambda asked: one._patiently(asked, host, None, None))
    assert pace is None or pace <= LONGEST_DELAY
    if delay == "999999999":
        assert pace == LONGEST_DELAY
        assert any("robots.txt asks for" in note for note in one.notes)


# Retry-After and Location

NOW = datetime(2026, 1, 1, 12)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("120", 120),
        (" 7.5 ", 7.5),
        ("-5", 0),
        ("5, 90", 90),
        ("nan", None),
        ("inf", None),
        ("1e99", None),
        ("soon", None),
        ("9" * 400, None),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120),
        ("Thu, 01 Jan 2026 12:02:00 -0000", 120),
        ("Thursday, 01-Jan-26 12:02:00 GMT", 120),
        ("Thu Jan  1 12:02:00 2026", 120),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 99 Foo 99999 99:99:99 GMT", None),
        ("\x00", None),
    ],
)
def test_retry_after_in_every_form(text: str, seconds: float | None) -> None:
    headers = {"retry-after": text, "date": "Thu, 01 Jan 2026 12:00:00 GMT"}
    assert _retry_after(Answer(PAGE, "throttled", 429, b"", NOW, headers)) == seconds


def test_a_date_to_come_back_counts_from_here_where_the_server_has_no_clock() -> None:
    later = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    waited = _retry_after(Answer(PAGE, "throttled", 429, b"", NOW, {"retry-after": later}))
    assert waited is not None
    assert 50 < waited <= 60


@pytest.mark.parametrize(
    "location", ["http://[::1", "https://[", "//", "https://www.artstation.com:port/x", "\x7f", "?"]
)
def test_a_malformed_location_is_no_crash(
    small_server: demo.DemoServer, polite: Callable[..., Polite], location: str
) -> None:
    reply = demo.Reply(302, "text/html", b"", {"Location": location})
    small_server.answer_with("projects", reply)
    assert polite(retries=0).fetch(PAGE).outcome in ("redirected", "malformed", "refused")


# The clock


@pytest.mark.parametrize("back", [30, 3600, 86_400 * 400])
def test_a_clock_set_back_is_said_and_does_not_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    real = limits._now
    gate = HostGate(HOST, 0.01, tmp_path)
    monkeypatch.setattr(limits, "_now", lambda: real() - back * 1000)
    began = time.monotonic()
    with gate.turn():
        pass
    assert time.monotonic() - began < 3
    assert gate.set_back == pytest.approx(back, abs=2)
    gate.close()


def test_a_pause_survives_a_clock_that_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = limits._now
    gate = HostGate(HOST, 0.01, tmp_path)
    gate.hold(500)
    monkeypatch.setattr(limits, "_now", lambda: real() - 3_600_000)
    assert gate._last() - limits._now() == pytest.approx(500_000, abs=3000)
    gate.close()


# Secrets

SECRET = 'k3y/+"<&>=\\ä-4711'


def json_escaped(text: str) -> str:
    return "".join(f"\\u{ord(one):04X}" for one in text)


WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent in small letters": lambda text: quote(text, safe="").lower(),
    "form": quote_plus,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "every byte": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON all escapes": json_escaped,
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "HTML hexadecimal": lambda text: "".join(f"&#x{ord(one):X};" for one in text),
    "hexadecimal": lambda text: text.encode().hex(),
    **{
        f"base64 after {n}": lambda text, n=n: base64.b64encode(b"u" * n + text.encode()).decode()
        for n in range(4)
    },
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"u:" + text.encode()).decode(),
    "base64 in an address": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
}


@pytest.mark.parametrize("secret", [SECRET, "a-long-plain-key-0123456789", "me@example.org"])
@pytest.mark.parametrize("writing", WRITINGS)
def test_secrets_are_taken_out_in_every_writing(writing: str, secret: str) -> None:
    written = WRITINGS[writing](secret)
    left = scrub(f'{{"sent": "before {written} after"}}'.encode(), (secret,)).decode()
    assert "[removed]" in left
    assert "before" in left
    assert "after" in left
    kept = left.partition("before ")[2].partition(" after")[0]
    assert len(kept.replace("[removed]", "")) <= 9  # the neighbours' bits of a base64 text


def test_short_texts_are_left_alone() -> None:
    assert scrub(b"2021-01-01 a", ("2021", "", "a")) == b"2021-01-01 a"


def test_an_echoed_contact_and_login_reach_no_archive(
    small_server: demo.DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uploadtrends.collect.crawl import collect
    from uploadtrends.collect.session import Session

    monkeypatch.setenv("UPLOADTRENDS_DANBOORU_LOGIN", "somebody")
    monkeypatch.setenv("UPLOADTRENDS_DANBOORU_API_KEY", "key-0123456789-abc")

    def echo(question: demo.Question, times: int) -> demo.Reply:
        return demo.Reply(
            500, body=json.dumps({"error": "x", "message": str(question.headers)}).encode()
        )

    small_server.answer_with("posts.json", echo)
    session = Session(
        contact="me@example.org",
        demo=small_server.address,
        state=tmp_path / "l",
        seconds_between=0.001,
        key_file=tmp_path / "key",
        rules={"retries": 0, "backoff": 0.001},
    )
    report = collect("danbooru", session=session, artists=["a"], raw=tmp_path / "raw")
    kept = b"".join(
        gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes()
        for one in report.folder.iterdir()
    )
    assert b"[removed]" in kept
    login = base64.b64encode(b"somebody:key-0123456789-abc")
    for private in (b"me@example.org", b"key-0123456789", login[:-2]):
        assert private not in kept


def test_text_for_the_terminal_is_stripped(
    small_server: demo.DemoServer, polite: Callable[..., Polite]
) -> None:
    body = json.dumps({"message": "\x1b]0;owned\x07 \ud800 gone"}).encode()
    small_server.answer_with("projects", demo.Reply(404, body=body))
    answer = polite().fetch(page(1))
    assert answer.outcome == "refused"
    assert answer.detail.isprintable()
    assert Request("https://x/").key
