"""Attacks on everything that reads or writes: hostile strings, kills, full disks; loopback only.

    python validation/attack.py [--scale 1.0] [--only strings,kills] [--out FILE]

One row a kind of attack: attempts, and failures of three sorts. *Uncaught*: an exception that is
none of the package's own (a traceback for the user), or a hang. *Silent loss*: data that went or
changed without being said. *Trace*: a byte of a forgotten person.
"""

# ruff: noqa: B023, E501 (closures run at once; lists of attacks are read across)

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from uploadtrends.collect.archive import Archive, read_plan
from uploadtrends.collect.html import read_feed, read_saved_page, refusal
from uploadtrends.collect.plans import read_targets
from uploadtrends.collect.polite import Polite, _retry_after
from uploadtrends.collect.robots import _text
from uploadtrends.collect.saved import SavedPages
from uploadtrends.collect.scrub import scrub
from uploadtrends.collect.sites import site_named
from uploadtrends.collect.transport import classify
from uploadtrends.collect.visit import Options, Target, utc, visit
from uploadtrends.collect.wire import Answer, HostRules, Request, read_json
from uploadtrends.errors import UploadTrendsError
from uploadtrends.privacy import forget
from uploadtrends.pseudonyms import KEY_VARIABLE, Ledger, prune
from uploadtrends.records import Artist, Credit, Record, Upload
from uploadtrends.sources.staging import stage_records
from uploadtrends.store import build_store, open_store
from uploadtrends.store.export import ExportedParquet, export_parquet
from uploadtrends.store.replace import file_checksums
from uploadtrends.study.cache import StepCache

AT = datetime(2026, 1, 1)
SITES = ("artstation", "deviantart", "danbooru")
RESULTS = Path(__file__).parent / "results" / "attack.csv"


@dataclass
class Tally:
    """One row of the table."""

    kind: str
    attempts: int = 0
    uncaught: int = 0
    silent: int = 0
    traces: int = 0
    examples: list[str] = field(default_factory=list)

    def guarded(self, what: Callable[[], Any], name: str) -> Any:
        """Count one attempt; the package's own errors are answers."""
        self.attempts += 1
        try:
            return what()
        except UploadTrendsError as error:
            return error
        except Exception as error:
            self.failed("uncaught", f"{name}: {type(error).__name__}: {error}"[:200])
            return error

    def failed(self, sort: str, example: str) -> None:
        """Count a failure."""
        setattr(self, sort, getattr(self, sort) + 1)
        self.examples.append(example)


class Records:
    """Records as a source."""

    name, credits_complete = "records", True

    def __init__(self, records: list[Record], name: str = "") -> None:
        self.records = records
        self.label = name

    def parameters(self) -> dict[str, Any]:
        """Return what tells this load from another."""
        return {"label": self.label, "n": len(self.records)}

    def inputs(self) -> list[Path]:
        """Return nothing: there is no file."""
        return []

    def stage(self, con: Any, progress: Any) -> None:
        """Fill the stage tables."""
        stage_records(con, self.records)


def works(n: int, who: str = "a") -> list[Record]:
    """Return works of twenty artists."""
    found: list[Record] = []
    for i in range(n):
        artist = f"{who}{i % 20}"
        found += [
            Upload("mine", str(i), datetime(2022, 1, 1 + i % 28)),
            Credit("mine", str(i), artist),
        ]
    return found + [Artist("mine", f"{who}{i}", f"handle-{who}{i}") for i in range(20)]


def strings(rng: random.Random, n: int) -> list[str]:
    """Return hostile texts: known ones first, then random ones."""
    known = [
        *(
            "",
            " ",
            "\x00",
            "a\x00b",
            "\x1b[2J",
            "\ud800",
            "a\udfffb",
            "\u202egnp.exe",
            "\ufeff",
            "\u2028",
        ),
        *(
            "../../etc/passwd",
            "..",
            ".",
            "/",
            "\\",
            "a/b",
            "%2e%2e",
            "%00",
            "?x=1",
            "#",
            "a&b=c",
            "a;b",
        ),
        *(
            "'; DROP TABLE artist; --",
            '"',
            "$(id)",
            "`id`",
            "{{7*7}}",
            "<script>",
            "=1+1",
            "@SUM(1)",
        ),
        *(
            "null",
            "None",
            "NaN",
            "true",
            "-1",
            "1e999",
            "9" * 5000,
            "0x10",
            "٣",
            "１２",
            "K",
            "ß",
            "İ",
        ),
        *(
            "*",
            "-a",
            "~a",
            "user:x",
            "order:random",
            "a b",
            "a\nb",
            "a\r\nHost: x",
            "\t",
            "a" * 100_000,
        ),
        *(
            "😀",
            "👨\u200d👩\u200d👧",
            "e\u0301" * 500,
            "\U0010ffff",
            "Z̸̢̛" * 50,
            "\\u0000",
            "[removed]",
        ),
    ]
    pool = "ab09 _-./\\%'\";:<>&=?#*\x00\x1b\n\u202e\ud800é漢😀"
    more = ["".join(rng.choices(pool, k=rng.randint(1, 40))) for _ in range(max(0, n - len(known)))]
    return [*known, *more][: max(n, len(known))]


def site_answers(text: str, shape: int) -> Callable[[Request], Answer]:
    """Answer every question of a walk with objects that hold `text` wherever a text may stand."""
    odd: list[Any] = [text, 2**80, -1, None, [text], {text: text}, 1e308, True]
    other = odd[shape % len(odd)]

    def ask(request: Request) -> Answer:
        first = dict(request.params).get("page", "1") in ("1",) and "b" not in str(request.params)
        item = {
            **{"hash_id": text, "published_at": other, "icons": other, "assets_count": other},
            **{"deviationid": text, "published_time": other, "is_mature": other, "author": other},
            **{"id": 5 if shape % 2 else other, "created_at": other, "tag_string_artist": text},
        }
        user = {"id": text, "userid": text, "username": text, "followers_count": other}
        payload: Any = {
            **user,
            **{"user": user, "stats": {"user_deviations": other}, "projects_count": other},
            **{"data": [item, other] if first else [], "total_count": other},
            **{"results": [item, other], "has_more": False, "next_offset": other},
        }
        if request.holds == "[]":
            payload = [item] if "page" not in dict(request.params) else []
        return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)

    return ask


def attack_strings(rng: random.Random, scale: float, room: Path) -> Tally:
    """Hostile strings as handles, as answers, in saved pages, tables and lists of artists."""
    tally = Tally("hostile strings")
    for number, text in enumerate(strings(rng, round(220 * scale))):
        found: list[Record] = []
        for site in SITES:
            ask = site_answers(text, number)
            done = tally.guarded(
                lambda: visit(site_named(site), Target("", text), ask, Options()),
                f"walk {site} {text[:20]!r}",
            )
            if isinstance(done, tuple):
                found += list(done[0].records())
        with open_store(room / "strings.duckdb", read_only=False) as store:
            report = tally.guarded(
                lambda: store.load(Records(found, str(number)), max_rejects=10**9),
                f"load {text[:20]!r}",
            )
        if isinstance(report, Exception):
            tally.failed("silent", f"a whole crawl lost to {text[:20]!r}: {report}"[:200])
        (room / "list.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        tally.guarded(lambda: read_targets(room / "list.txt", "danbooru"), f"list {text[:20]!r}")
        page = f'<link rel="canonical" href="https://www.deviantart.com/{text}/art/w-1">'
        (room / "page.html").write_bytes(page.encode("utf-8", "surrogatepass"))
        tally.guarded(
            lambda: list(SavedPages([room / "page.html"]).records()), f"page {text[:20]!r}"
        )
    return tally


def in_child(
    work: Callable[[], Any], *, kill_after: float | None = None, file_size: int | None = None
) -> Any:
    """Run in a forked child; return "killed", or what the work said ("ok ..." or "error ...")."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        said = "ok"
        try:
            if file_size is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
            said = f"ok {work()}"
        except UploadTrendsError as error:
            said = f"error {error}"
        except BaseException as error:
            said = f"uncaught {type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return said or ("killed" if os.WIFSIGNALED(status) else "nothing")


def sums(path: Path) -> str:
    """Return what a store holds, without the times of its loads, read in a child."""

    def read() -> str:
        held = file_checksums(path)
        return str(sorted((name, held[name]) for name in held if name != "crawl"))

    return str(in_child(read))


def attack_kills(rng: random.Random, scale: float, room: Path) -> Tally:
    """SIGKILL at a random moment of every writer; then the same command again."""
    tally = Tally("kills of writers (SIGKILL)")
    path = room / "kill.duckdb"
    old, new = Records(works(500)), Records(works(4000, "b"))
    in_child(lambda: build_store(path, [old]))
    before = sums(path)
    in_child(lambda: build_store(room / "whole.duckdb", [new]))
    after = sums(room / "whole.duckdb")

    def export() -> None:
        with open_store(room / "whole.duckdb") as store:
            export_parquet(store, room / "out", lambda p, i: f"{hash((p, i)):x}")

    def seen() -> int:
        with open_store(room / "e.duckdb", read_only=False) as store:
            store.load(ExportedParquet(room / "out"))
            return store.tables()["upload"]

    in_child(export)

    def keep() -> None:
        StepCache(room / ".cache").step("panel", [rng.random()], lambda: b"x" * 3_000_000)

    def archive() -> None:
        with Archive(room / "crawl", write=True) as kept:
            kept.write_plan({"targets": []})
            for i in range(400):
                kept.append(Answer(Request(f"https://x/{i}"), "ok", 200, b"y" * 500, AT))

    for number in range(round(120 * scale)):
        kind = ("build", "export", "cache", "archive")[number % 4]
        moment = rng.random() * {"build": 0.5, "export": 0.25, "cache": 0.02, "archive": 0.2}[kind]
        tally.attempts += 1
        if kind == "build":
            in_child(lambda: build_store(path, [new]), kill_after=moment)
            if sums(path) not in (before, after):
                tally.failed("silent", f"store after a kill at {moment:.3f} s: {sums(path)[:120]}")
            in_child(lambda: build_store(path, [old]))
        elif kind == "export":
            in_child(export, kill_after=moment)
            said = in_child(export)
            (room / "e.duckdb").unlink(missing_ok=True)
            if not said.startswith("ok") or in_child(seen) != "ok 4000":
                tally.failed("silent", f"export after a kill: {said[:150]}")
            left = [one.name for one in room.glob(".out.*")]
            if left:
                tally.failed("silent", f"export left {left}")
        elif kind == "cache":
            in_child(keep, kill_after=moment)
            said = in_child(lambda: StepCache(room / ".cache").step("panel", [1], lambda: 7))
            if said != "ok 7":
                tally.failed("uncaught", f"cache after a kill: {said[:150]}")
        else:
            shutil.rmtree(room / "crawl", ignore_errors=True)
            in_child(archive, kill_after=moment)
            said = (
                in_child(lambda: Archive(room / "crawl").damage)
                if (room / "crawl").exists()
                else "ok []"
            )
            if not said.startswith("ok"):
                tally.failed("uncaught", f"archive after a kill: {said[:150]}")
    return tally


def attack_disk(rng: random.Random, scale: float, room: Path) -> Tally:
    """A disk that takes files up to a limit, for building and exporting."""
    tally = Tally("disk levels (largest file)")
    path = room / "disk.duckdb"
    in_child(lambda: build_store(path, [Records(works(500))]))
    before = sums(path)
    in_child(lambda: build_store(room / "full.duckdb", [Records(works(20_000, "b"))]))
    after, largest = sums(room / "full.duckdb"), (room / "full.duckdb").stat().st_size
    levels = [
        0,
        1,
        100,
        4096,
        *[round(largest * 1.3 * i / 36) for i in range(1, round(38 * scale))],
    ]
    for level in levels:
        tally.attempts += 1
        said = in_child(lambda: build_store(path, [Records(works(20_000, "b"))]), file_size=level)
        now = sums(path)
        if said.startswith("uncaught"):
            tally.failed("uncaught", f"{level} bytes: {said[:180]}")
        if said.startswith("error") and "Fix: " not in said:
            tally.failed("uncaught", f"{level} bytes, no fix: {said[:180]}")
        if now != (after if said.startswith("ok") else before):
            tally.failed("silent", f"{level} bytes: {said[:80]} but {now[:80]}")
        if said.startswith("ok"):
            in_child(lambda: build_store(path, [Records(works(500))]))
    return tally


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Return the content with one bit turned."""
    data = bytearray(content)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def attack_flips(rng: random.Random, scale: float, room: Path) -> Iterator[Tally]:
    """One bit turned in an archive, a store, a kept result."""
    n = round(150 * scale)
    tally = Tally("bit flips, archive")
    folder = room / "flips"
    with Archive(folder, write=True) as kept:
        kept.write_plan({"targets": []})
        for i in range(30):
            kept.append(
                Answer(Request(f"https://x/{i}"), "ok", 200, os.urandom(40).hex().encode(), AT)
            )
    segment = next(folder.glob("*.gz"))
    whole = segment.read_bytes()
    right = [json.dumps(one) for one in Archive(folder).entries()]
    for _ in range(n):
        segment.write_bytes(flipped(whole, rng))

        def read() -> None:
            archive = Archive(folder)
            left = [json.dumps(one) for one in archive.entries()]
            if left != right and not archive.damage:
                tally.failed("silent", "an archive line changed and nothing was said")

        tally.guarded(read, "archive")
    yield tally
    tally = Tally("bit flips, store")
    path = room / "flip.duckdb"
    in_child(lambda: build_store(path, [Records(works(20_000))]))
    good, whole = sums(path), path.read_bytes()
    for _ in range(n):
        tally.attempts += 1
        path.write_bytes(flipped(whole, rng))
        said = sums(path)
        if said.startswith("uncaught") or said in ("nothing", "killed"):
            tally.failed("uncaught", said[:180])
        elif said.startswith("ok") and said != good:
            tally.failed("silent", "a store changed and nothing was said")
    yield tally
    tally = Tally("bit flips, kept results")
    cache = room / ".flips"
    StepCache(cache).step("a", [], lambda: list(range(1000)))
    kept_file = next(cache.glob("a-*"))
    whole = kept_file.read_bytes()
    for _ in range(n):
        kept_file.write_bytes(flipped(whole, rng))
        value = tally.guarded(lambda: StepCache(cache).step("a", [], lambda: "anew"), "cache")
        if value != "anew":
            tally.failed("silent", f"a changed result was read: {str(value)[:80]}")
    yield tally


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
        *(
            "-1",
            "9" * 400,
            "nan",
            "http://[::1",
            "//",
            "\x7f",
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "x" * 70_000,
        ),
        *(
            "https://evil.example/",
            "gzip",
            "deflate",
            "br",
            "gzip, gzip",
            "application/json; charset=nope",
        ),
    ]
    names = ["Location", "Retry-After", "Content-Type", "Content-Encoding", "Content-Length", "Set-Cookie",
             "Transfer-Encoding", "Date"]  # fmt: skip
    headers = "".join(
        f"{rng.choice(names)}: {rng.choice(values)}\r\n" for _ in range(rng.randint(0, 4))
    )
    bodies = [
        *(
            b"",
            b"{}",
            b"[" * 600 + b"]" * 600,
            b'{"message": "\\ud800\\u001b[2J"}',
            b"\xff\xfe\x00",
            b"null",
        ),
        *(
            gzip.compress(bytes(10**6)),
            b'{"data": [1e999]}',
            b"9" * 5000,
            b"\x1f\x8b\x08" + os.urandom(30),
        ),
    ]
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


def attack_forget(rng: random.Random, scale: float, room: Path) -> Tally:
    """Forget somebody, run every way in again, then search every byte."""
    tally = Tally("forget scenarios")
    for number in range(max(12, round(12 * scale))):
        folder = room / f"forget{number}"
        platform = (*SITES, "mine")[number % 4]
        name, key = f"Leaver-{rng.randrange(10**9):09d}", f"ID{rng.randrange(10**9):09d}"
        store, raw = folder / "derived" / "s.duckdb", folder / "raw"
        people: list[Record] = [
            Artist(platform, key, name), Upload(platform, "w1", AT), Credit(platform, "w1", key),
            Artist(platform, "other", "Other"), Upload(platform, "w2", AT),
            Credit(platform, "w2", key, 2), Credit(platform, "w2", "other", 2),
        ]  # fmt: skip
        shown = {"id": key, "userid": key, "username": name, "post_count": 3, "name": name}
        if platform != "mine":
            with Archive(raw / platform / "one", write=True) as kept:
                kept.write_plan({
                    "kind": "frame", "source": platform,
                    "targets": [{"artist_id": key, "handle": name}],
                })  # fmt: skip
                batch = Request(
                    "https://x/whois", form=(("usernames[]", name), ("usernames[]", "Other"))
                )
                body = {
                    "results": [shown, {"id": 2, "username": "Other", "tagline": f"with {name}"}]
                }
                kept.append(Answer(batch, "ok", 200, json.dumps(body).encode(), AT))
                kept.append(
                    Answer(Request(f"https://x/{name}", subject=name), "ok", 200, b"{}", AT)
                )
        in_child(lambda: build_store(store, [Records(people)]))
        cache = folder / "derived" / ".cache"
        StepCache(cache).step("panel", [1], lambda: name)
        store.with_name("s.duckdb.building").write_bytes(name.encode())
        by = name.upper() if number % 2 else key
        said = in_child(
            lambda: forget(platform, by, raw=raw, store=store, derived=folder / "derived").rows
        )
        tally.attempts += 1
        if not said.startswith("ok"):
            tally.failed("uncaught", said[:200])

        def again() -> None:
            build_store(folder / "derived" / "b.duckdb", [Records(people)])
            with open_store(store, read_only=False) as opened:
                opened.load(Records(people, "again"))
            with open_store(folder / "new.duckdb", read_only=False) as opened:
                opened.load(Records(people, "new"))
            with open_store(store) as opened:
                export_parquet(opened, folder / "shared", None)

        said = in_child(again)
        if not said.startswith("ok"):
            tally.failed("uncaught", said[:200])
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                if path.suffix == ".gz":
                    content += gzip.decompress(content)
                for trace in (name, key):
                    if trace.lower().encode() in content.lower():
                        tally.failed("traces", f"{platform}: {path.name} holds {trace[:3]}")
        held = in_child(lambda: open_store(store).tables()["artist"])
        if held != "ok 1":
            tally.failed("silent", f"{platform}: artists left: {held}")
    return tally


def attack_fuzz(rng: random.Random, scale: float, room: Path) -> Tally:
    """Random and mutated inputs to every parser of what strangers send or disks keep."""
    tally = Tally("fuzz inputs")
    rules = HostRules("www.artstation.com", 1.0)
    request = Request("https://www.artstation.com/x", holds="data")
    feed = b'<?xml version="1.0"?><rss><channel><item><guid>https://www.deviantart.com/a/art/w-1</guid>' \
           b"<pubDate>Wed, 26 May 2021 10:00:00 PDT</pubDate></item></channel></rss>"  # fmt: skip
    page = b'<link rel="canonical" href="https://www.deviantart.com/a/art/w-1"><time datetime="2022-05-01">'
    answer = b'{"data": [{"id": 1, "username": "a", "user": {"id": 2}, "tag_string_artist": "a b"}], "n": 1.5}'
    plan = b'{"kind": "histories", "source": "danbooru", "targets": [{"artist_id": "1", "handle": "a"}]}'
    ledger = b'{"platform": "a", "hashes": ["00"]}'
    path = room / "fuzz"
    path.mkdir(exist_ok=True)

    def on_disk(name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        def go(content: bytes) -> Any:
            (path / name).write_bytes(content)
            return read(path / name)

        return go

    def json_or_value(content: bytes) -> Any:
        with suppress(ValueError):
            return read_json(content)

    def feed_or_value(content: bytes) -> Any:
        with suppress(ValueError):
            return read_feed(content)

    def page_or_value(content: bytes) -> Any:
        with suppress(ValueError):
            return read_saved_page(content)

    def header(content: bytes) -> Any:
        text = content.decode("latin-1")
        return _retry_after(
            Answer(request, "throttled", 429, b"", AT, {"retry-after": text, "date": text})
        )

    parsers: list[tuple[str, Callable[[bytes], Any], bytes, int]] = [
        ("JSON", json_or_value, answer, 6000),
        (
            "answer",
            lambda b: classify(request, rules, 200, {"content-type": "application/json"}, b),
            answer,
            5000,
        ),
        (
            "error",
            lambda b: classify(request, rules, 404, {"content-type": "application/json"}, b),
            answer,
            3000,
        ),
        ("block page", lambda b: refusal(403, {"content-type": "text/html"}, b), page, 500),
        ("Retry-After", header, b"Thu, 01 Jan 2026 12:00:00 GMT", 4000),
        ("date", lambda b: utc(b.decode("latin-1")), b"2022-05-01T10:00:00-05:00", 4000),
        ("robots", _text, b"\xef\xbb\xbfUser-agent: *\nDisallow: /", 1500),
        ("prune", lambda b: prune(b, lambda name: name == "a"), answer, 2500),
        ("scrub", lambda b: scrub(b, ("a-secret-0123",)), b'{"x": "a-secret%2D0123"}', 1500),
        ("feed", feed_or_value, feed, 400),
        ("saved page", page_or_value, page, 400),
        ("crawl.json", on_disk("crawl.json", read_plan), plan, 1000),
        ("forgotten.jsonl", on_disk("forgotten.jsonl", lambda p: Ledger(p.parent)), ledger, 1000),
        (
            "list of artists",
            on_disk("list.csv", lambda p: read_targets(p, "a")),
            b"handle,draw\na,1\n",
            700,
        ),
    ]
    for name, parse, seed, n in parsers:
        for _ in range(round(n * scale)):
            content = mutated(seed, rng)
            tally.guarded(lambda: parse(content), f"{name} {content[:40]!r}")
    return tally


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """Return the seed with a few bytes changed, cut, doubled or put in."""
    data = bytearray(seed)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(5)
        if what == 0:
            del data[at : at + rng.randint(1, 9)]
        elif what == 1:
            data[at:at] = rng.choice(
                [b"\\ud800", b"9" * 30, b"\x00", b"[" * 200, b"{", b"9999-12-31", b"-"]
            )
        elif what == 2 and data:
            data[at - 1] = rng.randrange(256)
        elif what == 3:
            data[at:at] = bytes(data[: rng.randint(1, 20)])
        else:
            data[at:at] = rng.randbytes(rng.randint(1, 6))
    return bytes(data)


ATTACKS: dict[str, Callable[[random.Random, float, Path], Any]] = {
    "strings": attack_strings,
    "kills": attack_kills,
    "disk": attack_disk,
    "flips": attack_flips,
    "servers": attack_servers,
    "forget": attack_forget,
    "fuzz": attack_fuzz,
}


def main() -> None:
    """Run the attacks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the attempts")
    parser.add_argument("--only", default="", help=f"some of {','.join(ATTACKS)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--seed", type=int, default=20261126)
    given = parser.parse_args()
    chosen = [name for name in ATTACKS if not given.only or name in given.only.split(",")]
    tallies: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        os.environ[KEY_VARIABLE] = str(Path(folder) / "keys" / "key")
        os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_ID"] = "1"
        os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_SECRET"] = "not-a-secret"
        os.chdir(folder)
        for name in chosen:
            room = Path(folder) / name
            room.mkdir()
            done = ATTACKS[name](random.Random(f"{given.seed} {name}"), given.scale, room)
            for tally in [done] if isinstance(done, Tally) else done:
                tallies.append(tally)
                show(tally)
                write(tallies, given.out)
    failures = sum(one.uncaught + one.silent + one.traces for one in tallies)
    print(f"{sum(one.attempts for one in tallies):,} attempts, {failures} failures")
    sys.exit(bool(failures))


def show(tally: Tally) -> None:
    """Print one row, and what failed."""
    print(
        f"{tally.kind:<28} {tally.attempts:>7,} attempts: {tally.uncaught} uncaught, "
        f"{tally.silent} silent losses, {tally.traces} traces", flush=True,
    )  # fmt: skip
    for example in tally.examples[:8]:
        print(f"    {example}", flush=True)


def write(tallies: list[Tally], path: Path) -> None:
    """Write the rows so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "attempts", "uncaught", "silent_losses", "traces"])
        for one in tallies:
            writer.writerow([one.kind, one.attempts, one.uncaught, one.silent, one.traces])


if __name__ == "__main__":
    main()
