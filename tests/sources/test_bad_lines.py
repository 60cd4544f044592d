"""Ten thousand bad lines, and what a fuzzer thinks of: good lines load, no line is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from store_records import post
from uploadtrends.sources.danbooru2023 import Danbooru2023


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


MUTATIONS = {
    "cut short": lambda row, rng: json.dumps(row)[: rng.randrange(1, 200)].encode(),
    "id of words": lambda row, rng: json.dumps(row | {"id": "abc"}).encode(),
    "id of a half": lambda row, rng: json.dumps(row | {"id": 1.5}).encode(),
    "id true": lambda row, rng: json.dumps(row | {"id": True}).encode(),
    "id zero": lambda row, rng: json.dumps(row | {"id": 0}).encode(),
    "id negative": lambda row, rng: json.dumps(row | {"id": -row["id"]}).encode(),
    "id too large": lambda row, rng: json.dumps(row | {"id": 2**63 + row["id"]}).encode(),
    "id missing": lambda row, rng: json.dumps(row | {"id": None}).encode(),
    "year 0": lambda row, rng: json.dumps(row | {"created_at": "0000-01-01T00:00:00Z"}).encode(),
    "year 9999": lambda row, rng: json.dumps(row | {"created_at": "9999-12-31T00:00:00Z"}).encode(),
    "year 1": lambda row, rng: json.dumps(row | {"created_at": "0001-01-01T00:00:00Z"}).encode(),
    "date a number": lambda row, rng: json.dumps(row | {"created_at": 5}).encode(),
    "date an object": lambda row, rng: json.dumps(row | {"created_at": {"at": 1}}).encode(),
    "artist an object": lambda row, rng: json.dumps(row | {"tag_string_artist": {"a": 1}}).encode(),
    "artist a list": lambda row, rng: json.dumps(row | {"tag_string_artist": ["a"]}).encode(),
    "artist a number": lambda row, rng: json.dumps(row | {"tag_string_artist": 17}).encode(),
    "source an object": lambda row, rng: json.dumps(row | {"source": {"url": "x"}}).encode(),
    "source a list": lambda row, rng: json.dumps(row | {"source": ["x", {}]}).encode(),
    "flag a word": lambda row, rng: json.dumps(row | {"is_deleted": "perhaps"}).encode(),
    "flag a number": lambda row, rng: json.dumps(row | {"is_banned": 2}).encode(),
    "NUL": lambda row, rng: json.dumps(row).encode().replace(b"mira", b"mi\0ra"),
    "not UTF-8": lambda row, rng: json.dumps(row).encode().replace(b"mira", b"mi\xff\xfera"),
    "half a character": lambda row, rng: json.dumps(row).encode().replace(b"mira", b'mi\\ud800"'),
    "a list": lambda row, rng: b"[1, 2, 3]",
    "a word": lambda row, rng: b'"id"',
    "null": lambda row, rng: b"null",
    "two in one": lambda row, rng: json.dumps(row).encode() * 2,
    "a tail": lambda row, rng: json.dumps(row).encode() + b" tail",
    "no quotes": lambda row, rng: b"{id: 5, created_at: x}",
}


@pytest.mark.slow
def test_ten_thousand_bad_lines_among_a_hundred_thousand(store, tmp_path: Path) -> None:
    """Every good row loads; every bad one is in `reject` with its line number and a reason."""
    n_good, n_bad, n_huge = 100_000, 10_000, 2
    rng = random.Random(7)
    kinds = list(MUTATIONS)
    order = [True] * n_good + [False] * n_bad
    rng.shuffle(order)
    huge = set(rng.sample([n for n, good in enumerate(order) if not good], n_huge))
    file = tmp_path / "posts.json"
    bad_lines = {}
    good_id = 0
    with file.open("wb") as out:
        for n, good in enumerate(order):
            row = post(n + 1)
            if good:
                good_id += 1
                out.write(json.dumps(row).encode() + b"\n")
                continue
            kind = "huge" if n in huge else kinds[n % len(kinds)]
            bad_lines[f"line {n + 1}"] = kind
            if n in huge:
                out.write(b'{"id": 1, "source": "' + b"x" * (40 << 20) + b'"}\n')
            else:
                out.write(MUTATIONS[kind](row, rng) + b"\n")
    report = store.load(Danbooru2023(file), max_rejects=0.2)
    assert report.added["upload"] == good_id == n_good
    expected = {str(n + 1) for n, good in enumerate(order) if good}
    assert {row[0] for row in store.sql("SELECT upload_id FROM upload").fetchall()} == expected
    rejects = dict(store.sql("SELECT position, reason FROM reject").fetchall())
    missed = {bad_lines[line] for line in bad_lines.keys() - rejects.keys()}
    assert rejects.keys() == bad_lines.keys(), missed
    reasons = {
        kind: {rejects[line] for line in bad_lines if bad_lines[line] == kind} for kind in kinds
    }
    assert reasons["year 9999"] == {"date in the future"}
    assert reasons["year 1"] == {"date before Danbooru began"}
    assert reasons["id negative"] == {"id is not a whole number"}
    assert reasons["id zero"] == {"id out of range"}
    assert reasons["artist a list"] == {"tag_string_artist is not a text"}
    assert reasons["source an object"] == {"source is not a text"}
    assert reasons["flag a word"] == {"is_deleted is not true or false"}
    assert {rejects[line] for line, kind in bad_lines.items() if kind == "huge"} == {
        "line longer than 16 MB"
    }
    longest = store.sql("SELECT max(length(excerpt)) FROM reject").fetchall()[0][0]
    assert longest <= 200


_line = st.one_of(
    st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
    st.sampled_from([b"", b" ", b"\t\r", b"\x0b", b"\x0c", b"\xc2\xa0", b"{", b"}", b"{}", b'"']),
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(noise=st.lists(_line, max_size=12))
def test_whatever_stands_between_good_lines_they_load(noise: list, tmp_path: Path) -> None:
    """Every line is an upload, a reject with its number, or blank."""
    file = tmp_path / "posts.json"
    lines, good, bad = [], set(), set()
    for n, line in enumerate([b"", *noise]):
        if n:
            lines.append(line)
            if line.strip(b" \t\r\v\f"):
                bad.add(f"line {len(lines)}")
        lines.append(json.dumps(post(n + 1)).encode())
        good.add(str(n + 1))
    file.write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "f.duckdb").unlink(missing_ok=True)
    with ut.open_store(tmp_path / "f.duckdb", read_only=False) as store:
        store.load(Danbooru2023(file), max_rejects=100)
        assert {row[0] for row in store.sql("SELECT upload_id FROM upload").fetchall()} == good
        assert {row[0] for row in store.sql("SELECT position FROM reject").fetchall()} == bad
