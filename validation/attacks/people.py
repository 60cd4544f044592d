"""Somebody is forgotten, every way in is run again, and every byte is searched."""

# ruff: noqa: B023 (closures run at once)

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

from attacks.tally import AT, SITES, Records, Tally, in_child
from uploadtrends.collect.archive import Archive
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.privacy import forget
from uploadtrends.records import Artist, Credit, Record, Upload
from uploadtrends.store import build_store, open_store
from uploadtrends.store.export import export_parquet
from uploadtrends.study.cache import StepCache


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
