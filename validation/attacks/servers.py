"""Servers that trickle, lie about what they send, or break the protocol."""

# ruff: noqa: B023, E501 (closures run at once; lists of attacks are read across)

from __future__ import annotations

import gzip
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attacks.tally import Tally
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.wire import Answer, HostRules, Request


@contextmanager
def raw_server(reply: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """Send whatever bytes to whoever asks."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for piece in reply():
                if over.is_set():
                    return
                connection.sendall(piece)

    def serve() -> None:
        with suppress(OSError):
            while not over.is_set():
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def slow(head: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    """Return an answer without an end, a piece now and then."""

    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(0.01)
            yield piece

    return pieces


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

GZIP = OK + b"Content-Encoding: gzip\r\n\r\n"

TRICKLES = [
    *(slow(b"HTTP/1.1 200 ", b"O"), slow(OK, b"X-A: b\r\n"), slow(OK + b"X-A: ", b"b")),
    *(slow(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), slow(OK + b"\r\n[", b" ")),
    *(slow(CHUNKED, b"1\r\n \r\n"), slow(CHUNKED + b"5;", b"a"), slow(b"", b"")),
    *(slow(CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: y\r\n"), slow(GZIP, gzip.compress(b""))),
    *(
        slow(GZIP + b"\x1f\x8b\x08\x08" + bytes(6), b"n"),
        slow(OK + b"Content-Length: 999\r\n\r\n", b" "),
    ),
]


def hostile_reply(rng: random.Random) -> bytes:
    """Return a whole answer with something wrong in its status, headers or body."""
    status = rng.choice(
        ["200 OK", "302 X", "429 X", "503 X", "404 X", "999 X", "0 X", "-1", "abc", "200"]
    )
    values = [
        "-1", "9" * 400, "nan", "http://[::1", "//", "\x7f", "Fri, 31 Dec 9999 23:59:59 -2359",
        "x" * 70_000,
        "https://evil.example/", "gzip", "deflate", "br", "gzip, gzip",
        "application/json; charset=nope",
    ]  # fmt: skip
    names = ["Location", "Retry-After", "Content-Type", "Content-Encoding", "Content-Length", "Set-Cookie",
             "Transfer-Encoding", "Date"]  # fmt: skip
    headers = "".join(
        f"{rng.choice(names)}: {rng.choice(values)}\r\n" for _ in range(rng.randint(0, 4))
    )
    bodies = [
        b"", b"{}", b"[" * 600 + b"]" * 600, b'{"message": "\\ud800\\u001b[2J"}',
        b"\xff\xfe\x00", b"null",
        gzip.compress(bytes(10**6)), b'{"data": [1e999]}', b"9" * 5000,
        b"\x1f\x8b\x08" + os.urandom(30),
    ]  # fmt: skip
    kind = rng.choice(["", "Content-Type: application/json\r\n", "Content-Type: text/html\r\n"])
    head = f"HTTP/1.1 {status}\r\n{kind}{headers}Connection: close\r\n\r\n"
    return head.encode("latin-1") + rng.choice(bodies)


def attack_servers(rng: random.Random, scale: float, room: Path) -> Tally:
    """Servers that trickle, lie about what they send, or break the protocol."""
    tally = Tally("hostile servers")
    page = Request("https://www.artstation.com/projects.json", holds="data")
    n = round(240 * scale)
    for number in range(n):
        trickle = number < n // 5
        whole = hostile_reply(rng)
        reply = TRICKLES[number % len(TRICKLES)] if trickle else lambda: iter([whole])
        rules = HostRules(
            "www.artstation.com", 0.001, retries=0, total_timeout=0.3, largest=10**5, patience=0.01,
            backoff=0.001, throttle_backoff=0.001, throttles=1,
        )  # fmt: skip
        with raw_server(reply) as address:
            polite = Polite("me@example.org", [rules], demo=address, state=room / "limits")
            began = time.monotonic()
            if number % 4 or trickle:
                polite._host(page).robots._read_at = float("inf")
            answer = tally.guarded(lambda: polite.fetch(page), f"server {whole[:60]!r}")
            polite.close()
            if time.monotonic() - began > 10:
                tally.failed("uncaught", f"hung for {time.monotonic() - began:.0f} s: {number}")
            if trickle and getattr(answer, "outcome", "") != "too_slow":
                tally.failed("silent", f"trickle {number}: {answer}"[:150])
            if isinstance(answer, Answer) and not answer.detail.isprintable():
                tally.failed("silent", "control characters in a detail")
    return tally
