"""JSON as programs and platforms write it, each with the right works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from test_hostile_files import BOTH, DAY
from written import MAPPING, put, works

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.sources import Table

ONE = {"id": "1", "artist": "a", "date": DAY}
TWO = {"id": "2", "artist": "b", "date": DAY}
FLAT = dict(zip(MAPPING, MAPPING.values(), strict=True))
MOMENT = 1_609_804_800  # the start of DAY


def mapping(work: str, artist: str, date: str) -> dict[str, str]:
    return {"upload_id": work, "artist_id": artist, "published_at": date}


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


TEXTS: dict[str, tuple[Any, dict[str, str]]] = {
    "gallery-dl -j": (
        [
            [2, ONE],
            [3, "https://x/1.jpg", ONE | {"num": 1}],
            [3, "https://x/1b.jpg", ONE | {"num": 2}],
            *([2, TWO], [3, "https://x/2.jpg", TWO | {"num": 1}]),
        ],
        FLAT,
    ),
    "hits of Elasticsearch": (
        {"took": 1, "hits": {"total": 2, "hits": [{"_id": "9", "_source": ONE}] * 2}}
        | {"hits": {"hits": [{"_id": "8", "_source": ONE}, {"_id": "9", "_source": TWO}]}},
        FLAT,
    ),
    "the same by paths": (
        lines({"_id": "1", "_source": ONE}, {"_id": "2", "_source": TWO}),
        mapping("_id", "_source.artist", "_source.date"),
    ),
    "lines of elasticdump": (lines({"_id": "1", "_source": ONE}, {"_source": TWO}), FLAT),
    "an archive of tweets": (
        "window.YTD.tweets.part0 = "
        + json.dumps([{"tweet": ONE | {"entities": {"media": [{"id": 5}]}}}, {"tweet": TWO}]),
        FLAT,
    ),
    "a listing of Reddit": (
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": r} for r in (ONE, TWO)]}},
        FLAT,
    ),
    "a listing of Reddit by paths": (
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": r} for r in (ONE, TWO)]}},
        mapping("data.id", "data.artist", "data.date"),
    ),
    "edges and nodes": ({"data": {"me": {"edges": [{"node": ONE}, {"node": TWO}]}}}, FLAT),
    "a post of Instaloader": (
        lines(
            *({"node": r | {"captions": {"edges": [{"node": {"text": "x"}}]}}} for r in (ONE, TWO))
        ),
        mapping("node.id", "node.artist", "node.date"),
    ),
    "an outbox of Mastodon": (
        {"id": "outbox.json", "type": "OrderedCollection", "orderedItems": [ONE, TWO]},
        FLAT,
    ),
    "a playlist of yt-dlp": (
        {"id": "PL", "artist": "me", "date": None, "entries": [ONE, TWO]},
        FLAT,
    ),
    "works by ids of letters": ({"AbC": ONE, "dEf": TWO}, FLAT),
    "an answer for a script": (f"jsonApi({json.dumps({'photos': {'photo': [ONE, TWO]}})})", FLAT),
    "an answer that no script may run": (")]}'\n" + json.dumps([ONE, TWO]), FLAT),
    "comments": (f"/* mine */\n// again\n{json.dumps([ONE, TWO])}", FLAT),
    "JSON in a text": (json.dumps(json.dumps([ONE, TWO])), FLAT),
    "a sequence (RFC 7464)": ("".join(f"\x1e{json.dumps(r)}\n" for r in (ONE, TWO)), FLAT),
    "MongoDB": (
        lines(
            ONE | {"id": {"$oid": "1"}, "date": {"$date": f"{DAY}T00:00:00.000Z"}},
            TWO | {"id": {"$numberLong": "2"}, "date": {"$date": {"$numberLong": f"{MOMENT}000"}}},
        ),
        FLAT,
    ),
    "Sankaku and Firestore": (
        [
            ONE | {"date": {"json_class": "Time", "s": MOMENT, "n": 0}},
            TWO | {"date": {"_seconds": MOMENT, "_nanoseconds": 0}},
        ],
        FLAT,
    ),
    "dates of the pictures of a work": (
        [ONE | {"media": [{"at": MOMENT}, {"at": MOMENT}]}, TWO | {"media": [{"at": MOMENT}]}],
        mapping("id", "artist", "media.at"),
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_records_are_found_in_what_is_around_them(store, tmp_path, name: str) -> None:
    value, columns = TEXTS[name]
    text = value if isinstance(value, str) else json.dumps(value)
    report = store.load(Table(put(tmp_path, text, "works.json"), columns, "x"))
    assert works(store) == BOTH
    assert report.n_loaded == 2
    assert report.n_read == (5 if name == "gallery-dl -j" else 2)
    assert store.sql(f"SELECT count(*) FROM upload WHERE published_at = '{DAY}'").fetchall() == [
        (2,)
    ]


def test_entries_of_a_whole_record_are_its_own(store, tmp_path) -> None:
    record = ONE | {"entries": [TWO | {"date": "2001-01-01"}]}
    store.load(Table(put(tmp_path, json.dumps([record, TWO]), "works.json"), FLAT, "x"))
    assert works(store) == BOTH


def test_what_is_wrapped_otherwise_is_a_reject_and_not_lost(store, tmp_path) -> None:
    children = [{"data": ONE}, {"more": {"id": "7"}}, {"data": TWO}]
    file = put(tmp_path, json.dumps({"data": {"children": children}}), "works.json")
    report = store.load(Table(file, FLAT, "x"), max_rejects=1)
    assert (report.n_read, report.n_loaded, report.n_rejected) == (3, 2, 1)


def test_several_dates_of_one_work_are_a_reject(store, tmp_path) -> None:
    rows = [ONE | {"date": [DAY, "2021-01-06"]}, TWO]
    report = store.load(Table(put(tmp_path, lines(*rows), "works.json"), FLAT, "x"), max_rejects=1)
    assert report.reject_reasons == {"several dates where one is needed": 1}


def test_a_key_that_few_records_have(store, tmp_path) -> None:
    few = [{"id": f"{n}", "date": DAY} for n in range(300)] + [ONE | {"id": "999"}]
    report = store.load(Table(put(tmp_path, lines(*few), "works.jsonl"), FLAT, "x"))
    assert (report.n_loaded, report.unattributed) == (301, 300)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{'id': 1, 'artist': 'a', 'date': None}\n", "this is how Python prints"),
        (f'{{"id": 1, "id": 9, "artist": "a", "date": "{DAY}"}}\n', "a key stands twice"),
        (f'[{{"id": 1, "artist": "a", "artist": "b", "date": "{DAY}"}}]', "a key stands twice"),
        (json.dumps([ONE | {"date": {"at": DAY, "zone": "UTC"}}]), r"objects, not dates.*date\.at"),
    ],
)
def test_what_has_no_one_reading_is_refused(store, tmp_path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        store.load(Table(put(tmp_path, text, "works.json"), FLAT, "x"))


ADDRESS = "0xAbCdEf0123456789aBcdef0123456789abcdef01"


@pytest.mark.parametrize(
    ("settings", "artists"),
    [({}, {ADDRESS.lower(), "Bob", "bob"}), ({"artist_case": "keep"}, None)],
    ids=["by default", "kept"],
)
def test_the_case_of_an_address_of_a_chain_is_a_checksum(
    store, tmp_path, settings, artists
) -> None:
    names = (ADDRESS, ADDRESS.lower(), "Bob", "bob")
    rows = [{"id": f"{n}", "artist": name, "date": DAY} for n, name in enumerate(names)]
    store.load(Table(put(tmp_path, lines(*rows), "works.jsonl"), FLAT, "opensea", **settings))
    assert set(works(store).values()) == (artists or set(names))


N = 300
"""More records than are looked at beforehand: plain ones are read as texts."""


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


def in_a_table(folder: Path, *cells: str) -> Path:
    rows = [f'{n},"{cell}",{DAY}'.replace("`", '""') for n, cell in enumerate(cells, 1)]
    return put(folder, "\n".join(["id,artist,date", *rows, ""]), "works.csv")


@pytest.mark.parametrize(
    "cells",
    [
        ("[{'id': 5, 'name': 'a'}]", "[{'id': 6, 'name': 'b'}]"),
        ("{`id`: 5, `name`: `a`}", "{`id`: 6, `name`: `b`}"),
        ("{'id': None, 'name': 'a'}", "{`id`: null, `name`: `b`}"),
    ],
    ids=["lists of objects", "JSON", "Python and JSON"],
)
def test_an_object_in_a_cell_of_a_table_needs_a_path_and_has_one(store, tmp_path, cells) -> None:
    """As pandas writes owners, users and creators; they were names until now."""
    file = in_a_table(tmp_path, *cells)
    with pytest.raises(InputError, match=r"objects, not ids.*artist\.id, artist\.name"):
        store.load(Table(file, MAPPING, "x"))
    store.load(Table(file, MAPPING | {"artist_id": "artist.name"}, "x"))
    assert works(store) == BOTH


def test_a_path_to_nothing_is_refused_and_one_to_several_credits_each(store, tmp_path) -> None:
    file = in_a_table(tmp_path, "[{'id': 5}, {'id': 6}]", "{'id': 7}", "", "gone")
    with pytest.raises(InputError, match=r"no such field.*fields there: id"):
        store.load(Table(file, MAPPING | {"artist_id": "artist.name"}, "x"))
    report = store.load(Table(file, MAPPING | {"artist_id": "artist.id"}, "x"))
    assert works(store) == {"1": "5+6", "2": "7", "3": None, "4": None}
    assert report.unattributed == 2


def test_a_date_in_an_object_of_a_cell(store, tmp_path) -> None:
    text = f'id,artist,meta\n1,a,"{{""at"": ""{DAY}""}}"\n2,b,"{{""at"": ""{DAY}"", ""n"": 1}}"\n'
    columns = mapping("id", "artist", "meta.at")
    store.load(Table(put(tmp_path, text), columns, "x"))
    assert works(store) == BOTH


@pytest.mark.parametrize(
    ("cell", "artists"),
    [
        ("('a', 'b')", "a+b"),
        ("array(['a', 'b'], dtype=object)", "a+b"),
        ("{'b', 'a'}", "a+b"),
        ("(anon)", "(anon)"),
        ("(1)", "(1)"),
        ("('a')", "('a')"),
        ("array of a", "array of a"),
    ],
)
def test_lists_as_other_programs_write_them(store, tmp_path, cell: str, artists: str) -> None:
    store.load(Table(in_a_table(tmp_path, cell, "z"), MAPPING, "x"))
    assert works(store) == {"1": artists, "2": "z"}


def test_a_path_into_json_that_is_a_text_of_parquet(store, tmp_path) -> None:
    users = ['{"id": 5, "name": "a"}', '{"id": 6, "name": "b"}']
    rows = pa.table({"id": [1, 2], "user": users, "date": [DAY, DAY]})
    parquet.write_table(rows, tmp_path / "works.parquet")
    columns = mapping("id", "user.name", "date")
    store.load(Table(tmp_path / "works.parquet", columns, "x"))
    assert works(store) == BOTH
