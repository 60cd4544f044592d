"""JSON whose first records are plain is read as texts; lists and objects further on still count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import uploadtrends as ut
from uploadtrends.sources import Table

MAPPING = {"upload_id": "id", "artist_id": "artist", "published_at": "date"}
N = 300
"""More records than are looked at beforehand."""


def loaded(file: Path, lines: list[str], **settings: str) -> tuple[ut.LoadReport, set, list]:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    store = file.with_suffix(".duckdb")
    (report,) = ut.build_store(store, [Table(file, MAPPING, "x", **settings)], max_rejects=100)
    with ut.open_store(store) as opened:
        credits_ = set(opened.sql("SELECT upload_id, artist_id, n_artists FROM credit").fetchall())
        rejects = opened.sql("SELECT position, reason FROM reject").fetchall()
    return report, credits_, rejects


def plain(n: int) -> str:
    return json.dumps({"id": n, "artist": f"artist {n}", "date": "2021-01-01"})


@pytest.mark.parametrize(
    ("artist", "credited"),
    [
        (["a", "b"], {("x", "a", 2), ("x", "b", 2)}),
        ('["a", "b"]', {("x", "a", 2), ("x", "b", 2)}),  # a list that lies in a text
        ("[a] b", {("x", "[a] b", 1)}),  # a name
        ("[deleted]", set()),
        (12.0, {("x", "12", 1)}),
        (" é\t", {("x", "é", 1)}),
    ],
)
def test_an_artist_beyond_the_first_records(
    artist: object, credited: set[tuple[str, str, int]], tmp_path: Path
) -> None:
    last = json.dumps({"id": "x", "artist": artist, "date": "2021-01-01"})
    lines = [plain(n) for n in range(N)]
    lines[9] = lines[9][:20]
    report, credits_, rejects = loaded(tmp_path / "works.jsonl", [*lines, last])
    assert (report.n_read, report.n_loaded, report.n_rejected) == (N + 1, N, 1)
    assert rejects == [("line 10", "not a JSON object with any of the columns")]
    assert {row for row in credits_ if row[0] == "x"} == credited
    assert len({row for row in credits_ if row[0] != "x"}) == N - 1


def test_an_object_beyond_the_first_records_is_no_artist(tmp_path: Path) -> None:
    last = json.dumps({"id": "x", "artist": {"name": "a"}, "date": "2021-01-01"})
    report, _, rejects = loaded(tmp_path / "works.jsonl", [*(plain(n) for n in range(N)), last])
    assert rejects == [(f"row {N + 1}", "an object where an id is needed")]
    assert report.n_loaded == N


def test_lists_in_one_text_are_taken_apart_once_each(tmp_path: Path) -> None:
    record = {"id": "x", "artist": "a | NULL |b|a| 7.0 ", "date": "2021-01-01"}
    _, credits_, _ = loaded(tmp_path / "one.jsonl", [json.dumps(record)], artist_separator="|")
    assert credits_ == {("x", "a", 3), ("x", "b", 3), ("x", "7", 3)}
