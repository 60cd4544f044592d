"""Kills, full disks and turned bits under everything that writes."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from attacks.tally import AT, Records, Tally, in_child, sums, works
from uploadtrends.collect.archive import Archive
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.store import build_store, open_store
from uploadtrends.store.export import ExportedParquet, export_parquet
from uploadtrends.study.cache import StepCache


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
