"""The archive loses nothing but the line that was being written."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends.collect.archive import Archive
from uploadtrends.collect.wire import Answer, Outcome, Request
from uploadtrends.errors import CollectError, InputError

AT = datetime(2024, 3, 10, 8, 0, 1)


def answer(number: int, body: bytes = b"{}", outcome: Outcome = "ok") -> Answer:
    request = Request("https://www.artstation.com/x.json", (("page", str(number)),))
    headers = {"content-type": "application/json"}
    return Answer(request, outcome, 200, body, AT, headers, "why")


def filled(folder: Path, n: int = 5) -> Archive:
    with Archive(folder, write=True) as archive:
        for number in range(n):
            archive.append(answer(number, json.dumps({"n": number, "x": "y" * 50}).encode()))
    return Archive(folder)


@given(bodies=st.lists(st.binary(max_size=300), max_size=8))
@settings(max_examples=25, deadline=None)
def test_what_goes_in_comes_out(bodies: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "crawl"
        with Archive(folder, write=True) as archive:
            for number, body in enumerate(bodies):
                archive.append(answer(number, body))
                assert archive.find(answer(number).request) == answer(number, body)
        again = Archive(folder)
        assert again.n_answers == len(bodies)
        assert again.damage == []
        for number, body in enumerate(bodies):
            assert again.find(answer(number).request) == answer(number, body)


def test_zcat_reads_it(tmp_path: Path) -> None:
    filled(tmp_path)
    lines = gzip.decompress((tmp_path / "00001.jsonl.gz").read_bytes()).splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["status"] for entry in entries] == [200] * 5
    assert set(entries[0]) == {
        *("key", "url", "subject", "at", "status", "outcome", "settled", "detail"),
        *("headers", "sha256", "body"),
    }
    assert entries[0]["at"] == "2024-03-10T08:00:01Z"


@given(cut=st.integers(min_value=0, max_value=10_000))
@settings(max_examples=30, deadline=None)
def test_a_torn_end_costs_at_most_the_last_line(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = list(filled(folder)._scan())
        segment = folder / "00001.jsonl.gz"
        whole = segment.read_bytes()
        cut %= len(whole) + 1
        segment.write_bytes(whole[:cut])
        torn = Archive(folder, write=True)
        kept = sum(place.offset + place.length <= cut for place, _ in places)
        assert torn.n_answers == kept
        at_an_end = cut in {0, *(place.offset + place.length for place, _ in places)}
        assert bool(torn.damage) == (not at_an_end)
        torn.append(answer(99))  # into a new segment; the torn one is left as it is
        torn.close()
        assert segment.read_bytes() == whole[:cut]
        assert Archive(folder).n_answers == kept + 1


@given(where=st.integers(min_value=0, max_value=5_000))
@settings(max_examples=25, deadline=None)
def test_damage_in_the_middle_is_stepped_over_and_reported(where: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bodies = [answer.body for answer in map(filled(folder, 20).find, questions(20)) if answer]
        segment = folder / "00001.jsonl.gz"
        content = bytearray(segment.read_bytes())
        content[where % len(content)] ^= 0xFF
        segment.write_bytes(content)
        damaged = Archive(folder)
        # A byte of gzip's own header may say nothing; any other costs its line and no more.
        assert damaged.n_answers == (19 if damaged.damage else 20)
        left = [answer.body for answer in map(damaged.find, questions(20)) if answer]
        assert len(left) == damaged.n_answers
        assert set(left) <= set(bodies)


def questions(n: int) -> list[Request]:
    return [answer(number).request for number in range(n)]


def test_the_last_definite_answer_counts(tmp_path: Path) -> None:
    with Archive(tmp_path, write=True) as archive:
        request = answer(1).request
        archive.append(answer(1, b"", "server_error"))
        assert archive.find(request) is None
        assert archive.last(request).outcome == "server_error"
        archive.append(answer(1, b"[1]"))
        archive.append(answer(1, b"", "network"))
        assert archive.find(request).body == archive.last(request).body == b"[1]"


def test_walks_of_the_same_page_are_different_questions(tmp_path: Path) -> None:
    from dataclasses import replace

    with Archive(tmp_path, write=True) as archive:
        archive.append(answer(1))
        assert archive.find(replace(answer(1).request, walk=1)) is None


def test_secrets_never_reach_a_line(tmp_path: Path) -> None:
    query = (("access_token", "tttttttt"), ("api_key", "kkkkkkkk"), ("page", "1"))
    request = Request("https://danbooru.donmai.us/posts.json", query, (("client_secret", "ssss"),))
    with Archive(tmp_path, write=True) as archive:
        archive.append(Answer(request, "ok", 200, b"{}", AT))
    text = gzip.decompress((tmp_path / "00001.jsonl.gz").read_bytes()).decode()
    assert not any(secret in text for secret in ("tttttttt", "kkkkkkkk", "ssss"))
    assert "page=1" in text


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from uploadtrends.collect.archive import Archive\n"
        "a = Archive(Path(sys.argv[1]), write=True); print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"open\n"
    with pytest.raises(CollectError, match="another process"):
        Archive(tmp_path, write=True)
    assert Archive(tmp_path).n_answers == 0  # reading is always possible
    other.kill()  # a killed writer leaves no lock behind
    other.wait()
    other.stdout.close()
    if other.stdin:
        other.stdin.close()
    Archive(tmp_path, write=True).close()


def test_no_such_crawl(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such crawl"):
        Archive(tmp_path / "nothing")


def test_reading_only_refuses_to_write(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="reading only"):
        filled(tmp_path).append(answer(9))


def test_rewriting_changes_only_what_it_must(tmp_path: Path) -> None:
    for _ in range(2):
        with Archive(tmp_path, write=True) as archive:
            archive.append(answer(archive.n_answers))
    with Archive(tmp_path, write=True) as archive:
        before = (tmp_path / "00001.jsonl.gz").read_bytes()
        changed = archive.rewrite(lambda entry: None if "page=1" in entry["url"] else entry)
    assert list(changed) == ["00002.jsonl.gz"]
    assert (tmp_path / "00001.jsonl.gz").read_bytes() == before
    assert Archive(tmp_path).n_answers == 1
