"""Pseudonyms, and the way out."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sampling import sample
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import site_class
from uploadtrends.errors import ConfigurationError, InputError
from uploadtrends.privacy import forget, load_key, pseudonym, pseudonymised
from uploadtrends.pseudonyms import Ledger, prune
from uploadtrends.simulate import population
from uploadtrends.store import open_store


@pytest.fixture(scope="module")
def server() -> Iterator[demo.DemoServer]:
    people = population(
        60, platforms=("artstation", "danbooru"), start="2022-01-01", end="2022-12-31", seed=4
    )
    with demo.serve(people, today="2022-12-31") as running:
        yield running


def session(server: demo.DemoServer, tmp_path: Path) -> Session:
    return Session(
        contact="a@b.org",
        demo=server.address,
        state=tmp_path / "l",
        i_have_permission=True,
        seconds_between=0.001,
        key_file=tmp_path / "key",
    )


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    key = load_key(path)
    assert load_key(path) == key
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["key"]
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(path)
    path.chmod(0o600)
    path.write_text("zz")
    with pytest.raises(ConfigurationError, match="holds no key"):
        load_key(path)


def test_pseudonyms_are_keyed() -> None:
    # HMAC-SHA256 computed with `openssl dgst -sha256 -hmac key`, input "artstation\0" "42".
    import hashlib
    import hmac

    expected = hmac.new(b"key", b"artstation\x0042", hashlib.sha256).hexdigest()[:16]
    assert pseudonym(b"key", "artstation", "42") == expected
    others = {
        pseudonym(b"key", "deviantart", "42"),
        pseudonym(b"other", "artstation", "42"),
        pseudonym(b"key", "artstation", "43"),
        expected,
    }
    assert len(others) == 4
    assert all(len(one) == 16 and set(one) <= set("0123456789abcdef") for one in others)


def test_exports_show_pseudonyms_and_days() -> None:
    frame = pl.DataFrame(
        {
            "platform": ["a", "a", "b"],
            "artist_id": ["1", "2", "1"],
            "handle": ["anna", "berta", "anna"],
            "at": [datetime(2022, 8, 22, 13, 5)] * 3,
            "n": [1, 2, 3],
        }
    )
    shown = pseudonymised(frame, b"key")
    assert shown.columns == ["platform", "artist_id", "at", "n"]
    assert shown["artist_id"].n_unique() == 3
    assert shown["artist_id"].to_list()[0] == pseudonym(b"key", "a", "1")
    assert shown["at"].to_list() == [date(2022, 8, 22)] * 3
    assert shown["n"].to_list() == [1, 2, 3]
    with pytest.raises(InputError, match="platform"):
        pseudonymised(frame.drop("platform"), b"key")


@pytest.mark.parametrize("site", ["artstation", "danbooru"])
@pytest.mark.parametrize("by", ["handle", "artist_id"])
def test_forgetting_leaves_no_trace(
    server: demo.DemoServer, tmp_path: Path, site: str, by: str
) -> None:
    raw, path, door = tmp_path / "raw", tmp_path / "s.duckdb", session(server, tmp_path)
    drawn = sample(site, session=door, followers=1, n=8, raw=raw)
    report = collect(site, session=door, raw=raw)
    with open_store(path, read_only=False) as store:
        store.load(ArchivedCrawl(report.folder))
        n_artists = store.tables()["artist"]
    (tmp_path / "derived").mkdir()
    (tmp_path / "derived" / "table.csv").write_text("x")
    leaver = drawn.targets[3]
    others = [target.handle for target in drawn.targets if target != leaver]
    traces = [f'"{leaver.handle}"', f"/{leaver.handle}", f" {leaver.handle} ", leaver.handle + "/"]
    assert any(count(tmp_path, trace) for trace in traces)
    done = forget(
        site,
        getattr(leaver, by).upper() if by == "handle" else leaver.artist_id,
        raw=raw,
        store=path,
        derived=tmp_path / "derived",
        key_file=tmp_path / "key",
    )
    assert done.rows["artist"] == done.rows["sighting"] == 1
    assert done.rows["upload"] > 0
    assert done.unreachable == (str(tmp_path / "derived" / "table.csv"),)
    assert leaver.handle not in done.summary()
    assert count(tmp_path, leaver.handle) == 0
    if site == "artstation":
        assert count(tmp_path, leaver.artist_id) == 0
    for name in others:
        assert count(tmp_path, name) > 0
    with open_store(path) as store:
        assert store.tables()["artist"] == n_artists - 1
        assert store.sql("SELECT count(*) FROM credit ANTI JOIN upload USING (platform, upload_id)"
                         ).fetchall() == [(0,)]  # fmt: skip
    tombstones = [
        json.loads(line)
        for one in raw.rglob("tombstones.jsonl")
        for line in one.read_text().splitlines()
    ]
    assert {one["forgotten"] for one in tombstones} == {done.hash}
    hashes = {name: digest for one in tombstones for name, digest in one["sha256"].items()}
    assert hashes
    # Loading the rewritten crawl again changes nothing: the store knows the new hashes.
    with open_store(path, read_only=False) as store:
        again = ArchivedCrawl(report.folder, key_file=tmp_path / "key")
        assert store.load(again).status == "unchanged"
    # The archive still loads, to the same store without the person.
    with open_store(tmp_path / "again.duckdb", read_only=False) as again:
        again.load(ArchivedCrawl(report.folder, key_file=tmp_path / "key"))
        assert again.tables()["artist"] == n_artists - 1
    # Later crawls and samples leave the person out, also where pages of many name them.
    later = collect(site, session=door, artists=[leaver.handle, *others], raw=raw, crawl="later")
    assert sum(later.visits.values()) == len(others)
    redrawn = sample(site, session=door, followers=1, n=100, seed=9, raw=raw)
    assert leaver.handle not in {target.handle for target in redrawn.targets}
    assert count(raw, leaver.handle) == 0


def count(folder: Path, text: str) -> int:
    """Return the number of files that hold a text, compressed ones unpacked."""
    n = 0
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content += gzip.decompress(content)
            n += text.lower().encode() in content.lower()
    return n


def test_forgetting_twice_or_somebody_unknown_is_harmless(tmp_path: Path) -> None:
    for _ in range(2):
        done = forget("danbooru", "nobody", raw=tmp_path, key_file=tmp_path / "key")
        assert done.rows == {}
    assert len((tmp_path / "forgotten.jsonl").read_text().splitlines()) == 1
    assert "nobody" not in (tmp_path / "forgotten.jsonl").read_text()
    test = Ledger(tmp_path, tmp_path / "key").test("danbooru")
    assert test is not None
    assert test("Nobody")
    assert not test("somebody")
    with pytest.raises(InputError, match="no collector for this site"):
        forget("pixiv", "x", raw=tmp_path, key_file=tmp_path / "key")
    with pytest.raises(InputError, match="empty"):
        forget("danbooru", " ", raw=tmp_path, key_file=tmp_path / "key")


def test_pruning_takes_out_people_and_nothing_else() -> None:
    def gone(name: str) -> bool:
        return name in ("anna", "17")

    body = {
        "data": [
            {"id": 17, "hash_id": "x", "user": {"id": 3, "username": "berta"}},
            {"id": 5, "user": {"id": 17, "username": "anna"}},
            {"deviationid": "d", "author": {"userid": "u", "username": "anna"}},
            {"id": 9, "tag_string_artist": "anna", "tag_string": "1girl anna"},
            {"id": 10, "tag_string_artist": "anna carla", "tag_string": "1girl anna carla"},
        ]
    }
    people = site_class("danbooru").people | site_class("deviantart").people
    kept = json.loads(prune(json.dumps(body).encode(), gone, people))["data"]
    assert [item["id"] for item in kept] == [17, 10]  # a work's own number is not a person's
    assert kept[1]["tag_string_artist"] == "carla"
    assert kept[1]["tag_string"] == "1girl carla"
    assert prune(b"<html>anna</html>", gone) == b"<html>anna</html>"
    untouched = b'{"a":  [1, 2]}'
    assert prune(untouched, gone) is untouched
