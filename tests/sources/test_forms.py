"""Files as people have them: each kind of trouble with the right values."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import sqlite3
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet
from written import MAPPING, put, rows, works

from uploadtrends.errors import InputError
from uploadtrends.sources import Table
from uploadtrends.sources.frames import read_frame
from uploadtrends.sources.presets import preset
from uploadtrends.sources.preview import preview

# --- 6: files as people have them ---

PLAIN = rows(40)
RECORDS = list(csv.DictReader(PLAIN.splitlines()))


def _zip(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("works.csv", PLAIN)
        archive.writestr("__MACOSX/._works.csv", "x")
    return (folder / "x.zip").read_bytes()


FILES = {
    "array": lambda folder: json.dumps(RECORDS),
    "pretty": lambda folder: json.dumps(RECORDS, indent=2),
    "data": lambda folder: json.dumps({"total": 40, "data": RECORDS}),
    "items": lambda folder: json.dumps({"items": RECORDS}),
    "posts": lambda folder: json.dumps({"posts": RECORDS, "next": None}),
    "nested": lambda folder: json.dumps({"body": {"works": {r["id"]: r for r in RECORDS}}}),
    "pages": lambda folder: "\n".join(
        json.dumps({"results": RECORDS[n : n + 10], "has_more": True}) for n in range(0, 40, 10)
    ),
    "commas": lambda folder: ",\n".join(map(json.dumps, RECORDS)),
    "array by line": lambda folder: "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]\n",
    "bom": lambda folder: "\ufeff" + PLAIN,
    "bom json": lambda folder: "\ufeff" + json.dumps(RECORDS),
    "index": lambda folder: "".join(
        f"{'' if n == 0 else n - 1},{line}\n" for n, line in enumerate(PLAIN.splitlines())
    ),
    "mixed ends": lambda folder: PLAIN.replace("\n", "\r\n", 20),
    "old mac": lambda folder: PLAIN.replace("\n", "\r"),
    "sep": lambda folder: "sep=;\n" + PLAIN.replace(",", ";"),
    "semicolons": lambda folder: PLAIN.replace(",", ";").replace("title", '"title, or none, or"'),
    "gzip": lambda folder: gzip.compress(PLAIN.encode()),
    "bzip2": lambda folder: bz2.compress(PLAIN.encode()),
    "xz": lambda folder: lzma.compress(PLAIN.encode()),
    "zstd": lambda folder: (
        zstandard.compress(PLAIN.encode()[:500]) + zstandard.compress(PLAIN.encode()[500:])
    ),
    "zip": _zip,
    "utf-16": lambda folder: PLAIN.encode("utf-16"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_what_its_bytes_say(store, tmp_path, kind: str) -> None:
    made = FILES[kind](tmp_path)
    file = put(tmp_path, made, "download")
    options = {"encoding": "utf-16"} if kind == "utf-16" else {}
    report = store.load(Table(file, MAPPING, "x", **options))
    assert (report.n_read, report.n_loaded) == (40, 40)
    assert works(store) == {row["id"]: row["artist"] for row in RECORDS}


def test_a_workbook(store, tmp_path, root) -> None:
    pytest.importorskip("python_calamine")
    sys.path.insert(0, str(root / "validation"))
    try:
        from loading import workbook_bytes
    finally:
        sys.path.pop(0)
    table = [line.split(",") for line in PLAIN.splitlines()]
    file = put(tmp_path, workbook_bytes(table), "works.xlsx")
    assert store.load(Table(file, MAPPING, "x")).n_loaded == 40
    with pytest.raises(InputError, match="sheet= one of: Works"):
        store.load(Table(file, MAPPING, "y", sheet="Other"))


def test_a_folder_and_a_pattern(store, tmp_path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    head, *lines = PLAIN.splitlines(keepends=True)
    for n in range(4):
        put(parts, head + "".join(lines[10 * n : 10 * n + 10]), f"part{n * 5}.csv")
    put(parts, "about = 'this'", "part0.csv.toml")
    put(parts, head + "bad,a,soon,t\n", "part20.csv")
    report = store.load(Table(parts, MAPPING, "x"), max_rejects=1)
    assert report.n_loaded == 40
    assert store.sql("SELECT position FROM reject").fetchall() == [("part20.csv row 1",)]
    assert store.load(Table(parts / "part[05].csv", MAPPING, "y")).n_loaded == 20


def test_a_database_beside_its_log(store, tmp_path) -> None:
    file = tmp_path / "works.db"
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = wal")
    writer.execute("CREATE TABLE work (id, artist, date)")
    writer.commit()
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.executemany(
        "INSERT INTO work VALUES (?, ?, ?)", [(i, "a", "2022-01-01") for i in range(500)]
    )
    writer.commit()
    try:
        before = sorted(path.name for path in tmp_path.iterdir())
        assert store.load(Table(file, MAPPING, "x")).n_loaded == 500
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert len(Table(file, MAPPING, "x").inputs()) == 2
    finally:
        writer.close()


def test_half_a_character_costs_a_character(store, tmp_path) -> None:
    text = (
        '{"id": 1, "artist": "a", "date": "2022-01-01", "title": "nice \\ud83d"}\n'
        '{"id": 2, "artist": "a", "date": "2022-01-02", "title": "a\ttab"}\n'
        '{"id": 3, "artist": "b", "date": "2022-01-03", "title": "x"}\n'
    )
    report = store.load(Table(put(tmp_path, text, "w.jsonl"), MAPPING, "x"))
    assert works(store) == {"1": "a", "2": "a", "3": "b"}
    assert report.n_rejected == 0


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (b"%PDF-1.7 x", "a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture"),
        (bytes(range(256)) * 8, "binary"),
        (b'[{"id": 1, "date": "2022-01-01", "artist": "a"}, {"id"', "ends or breaks in record 2"),
        (b"", "empty"),
    ],
)
def test_what_is_no_table_is_said_without_its_bytes(store, tmp_path, made, message) -> None:
    file = put(tmp_path, made, "thing.dat")
    with pytest.raises(InputError, match=message) as caught:
        store.load(Table(file, MAPPING, "x"))
    assert str(file) in str(caught.value)
    assert str(store.path) not in str(caught.value)
    assert str(caught.value).isprintable()


# --- before anything is loaded ---


def test_a_dry_run_shows_the_guess_and_what_is_odd(tmp_path) -> None:
    file = put(tmp_path, "id,author,posted,x\n1,a,2022-01-01,1\n2,a,1/27/2021,2\n3,,2022-01-03,\n")
    seen = preview(file)
    assert seen.columns == {"upload_id": "id", "artist_id": "author", "published_at": "posted"}
    assert list(seen.rows["upload_id"]) == ["1", "3"]
    assert seen.counts == {"folded": 0, "loaded": 2, "read": 3, "rejected": 1}
    assert any("date_format" in said and "1/27/2021" in said for said in seen.odd)
    assert "1 rows without an artist" in seen.summary()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_series_are_read_from_the_same_forms(tmp_path, form: str) -> None:
    data = [{"month": f"2020-{m:02}", "uploads": 10 * m} for m in range(1, 13)]
    if form == "csv":
        file = put(
            tmp_path, "month;uploads\n" + "".join(f"{d['month']};{d['uploads']}\n" for d in data)
        )
    elif form == "json":
        file = put(tmp_path, json.dumps({"data": data}), "s.json")
    else:
        file = tmp_path / "s.parquet"
        pl.DataFrame(data).write_parquet(file)
    frame = read_frame(file)
    assert list(frame["uploads"]) == [10 * m for m in range(1, 13)]
    assert frame.index[0] == datetime(2020, 1, 1)


def test_presets(store, tmp_path) -> None:
    unsplash = "photo_id\tphoto_url\tphoto_submitted_at\tphotographer_username\n" + "".join(
        f"-a{n}\thttps://x\t2019-03-0{n + 1} 05:06:07.123456\tMira\n" for n in range(5)
    )
    put(tmp_path, unsplash, "photos.csv000")
    assert store.load(preset("unsplash", tmp_path / "photos.?sv*")).n_loaded == 5
    posts = [
        {"id": f"1e{n}", "author": "[deleted]" if n == 0 else "Ada", "over_18": False,
         "created_utc": str(1400000000 + n) if n % 2 else 1400000000 + n}
        for n in range(4)
    ]  # fmt: skip
    params = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    packed = zstandard.ZstdCompressor(compression_params=params).compress(
        "\n".join(map(json.dumps, posts)).encode()
    )
    report = store.load(preset("reddit", put(tmp_path, packed, "RS_2014-05.zst")))
    assert (report.n_loaded, report.unattributed) == (4, 1)
    assert store.sql("SELECT artist_id FROM artist WHERE platform = 'reddit'").fetchall() == [
        ("Ada",)
    ]


def test_presets_of_made_pictures(store, tmp_path) -> None:
    pages = [
        {"items": [{"id": n, "createdAt": f"2023-05-0{n}T00:00:00.000Z", "username": user}]}
        | {"metadata": {"nextCursor": n}}
        for n, user in ((1, "ann"), (2, None))
    ]
    file = put(tmp_path, "".join(json.dumps(page) + "\n" for page in pages), "pages.jsonl")
    store.load(preset("civitai", file))
    moments = pa.array([1_660_000_000_000_000] * 2, pa.timestamp("us", tz="UTC"))
    names = {"image_name": ["a.png", "b.png"], "user_name": ["f00", "deleted_account"]}
    parquet.write_table(pa.table(names | {"timestamp": moments}), tmp_path / "metadata.parquet")
    store.load(preset("diffusiondb", tmp_path / "metadata.parquet"))
    assert store.sql(
        "SELECT platform, upload_id, artist_id, CAST(published_at AS VARCHAR) FROM upload "
        "LEFT JOIN credit USING (platform, upload_id) ORDER BY ALL"
    ).fetchall() == [
        ("civitai", "1", "ann", "2023-05-01 00:00:00"),
        ("civitai", "2", None, "2023-05-02 00:00:00"),
        ("diffusiondb", "a.png", "f00", "2022-08-08 23:06:40"),
        ("diffusiondb", "b.png", None, "2022-08-08 23:06:40"),
    ]
