"""Hostile texts where names, answers, pages and lists are read; mutated inputs to parsers."""

# ruff: noqa: B023, E501 (closures run at once; lists of attacks are read across)

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from attacks.tally import AT, SITES, Records, Tally
from uploadtrends.collect.archive import read_plan
from uploadtrends.collect.html import read_feed, read_saved_page, refusal
from uploadtrends.collect.plans import read_targets
from uploadtrends.collect.polite import _retry_after
from uploadtrends.collect.robots import _text
from uploadtrends.collect.saved import SavedPages
from uploadtrends.collect.scrub import scrub
from uploadtrends.collect.sites import site_named
from uploadtrends.collect.transport import classify
from uploadtrends.collect.visit import Options, Target, utc, visit
from uploadtrends.collect.wire import Answer, HostRules, Request, read_json
from uploadtrends.pseudonyms import Ledger, prune
from uploadtrends.records import Record
from uploadtrends.store import open_store


def strings(rng: random.Random, n: int) -> list[str]:
    """Return hostile texts: known ones first, then random ones."""
    known = [
        "", " ", "\x00", "a\x00b", "\x1b[2J", "\ud800", "a\udfffb", "\u202egnp.exe", "\ufeff",
        "\u2028",
        "../../etc/passwd", "..", ".", "/", "\\", "a/b", "%2e%2e", "%00", "?x=1", "#", "a&b=c",
        "a;b",
        "'; DROP TABLE artist; --", '"', "$(id)", "`id`", "{{7*7}}", "<script>", "=1+1",
        "@SUM(1)",
        "null", "None", "NaN", "true", "-1", "1e999", "9" * 5000, "0x10", "٣", "１２", "K", "ß",
        "İ",
        "*", "-a", "~a", "user:x", "order:random", "a b", "a\nb", "a\r\nHost: x", "\t",
        "a" * 100_000,
        "😀", "👨\u200d👩\u200d👧", "e\u0301" * 500, "\U0010ffff", "Z̸̢̛" * 50, "\\u0000",
        "[removed]",
    ]  # fmt: skip
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
