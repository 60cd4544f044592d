"""Files as people have them: each kind of trouble with the right values."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import sqlite3
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import zstandard

import uploadtrends as ut
from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources import Table
from uploadtrends.sources.frames import read_frame
from uploadtrends.sources.presets import preset
from uploadtrends.sources.preview import preview

MAPPING = {"published_at": "date", "artist_id": "artist", "upload_id": "id"}


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def put(folder: Path, text: str | bytes, name: str = "works.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def works(store) -> dict[str, str | None]:
    """Every work with its artists."""
    return dict(
        store.sql(
            "SELECT upload_id, string_agg(artist_id, '+' ORDER BY artist_id) FROM upload "
            "LEFT JOIN credit USING (platform, upload_id) GROUP BY upload_id"
        ).fetchall()
    )


def rows(n: int, title=lambda i: f"t{i}", mark: str = ",") -> str:
    lines = [mark.join(("id", "artist", "date", "title"))]
    lines += [mark.join((f"{i}", f"a{i % 3}", f"2022-0{1 + i % 9}-01", title(i))) for i in range(n)]
    return "\n".join(lines) + "\n"


# --- 1: loss is counted in rows ---


@pytest.mark.parametrize("at", [0, 7, 298, 299])
def test_an_open_quotation_mark_costs_its_own_row(store, tmp_path, at: int) -> None:
    file = put(tmp_path, rows(300, lambda i: '"the untitled' if i == at else f"t{i}"))
    report = store.load(Table(file, MAPPING, "x"))
    assert set(works(store)) == {str(i) for i in range(300)} - {str(at)}
    assert (report.n_read, report.n_loaded, report.n_rejected) == (300, 299, 1)
    assert store.sql("SELECT position FROM reject").fetchall() == [(f"line {at + 2}",)]


def test_a_mark_that_a_thousand_lines_later_is_closed(store, tmp_path) -> None:
    titles = {100: '"inspired by', 200: 'dreams"'}
    file = put(tmp_path, rows(300, lambda i: titles.get(i, f"t{i}")))
    report = store.load(Table(file, MAPPING, "x"))
    assert report.n_loaded + report.n_rejected == report.n_read == 300
    assert report.n_loaded >= 298


def test_where_nobody_can_tell_the_rows_the_line_is_named(store, tmp_path) -> None:
    text = rows(20, lambda i: '"several\nlines, and ""marks""\nin it"' if i % 2 else "plain")
    broken = text.replace("2022-05-01,plain", '2022-05-01,"open', 1)
    with pytest.raises(InputError, match=r"opened in line \d+ is not closed"):
        store.load(Table(put(tmp_path, broken), MAPPING, "x"))
    assert store.tables()["upload"] == 0


def test_tabs_are_read_without_quoting_unless_it_balances(store, tmp_path) -> None:
    titles = {10: '"Sunset" over 2 cities', 20: '"a study', 30: 'dreams"'}
    file = put(tmp_path, rows(100, lambda i: titles.get(i, "t"), "\t"), "works.tsv")
    assert store.load(Table(file, MAPPING | {"kind": "title"}, "x")).n_loaded == 100
    kinds = dict(store.sql("SELECT upload_id, kind FROM upload").fetchall())
    assert {n: kinds[str(n)] for n in titles} == titles
    out = tmp_path / "quoted.tsv"
    with out.open("w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", quoting=csv.QUOTE_ALL)
        table.writerows([["id", "artist", "date"], ["1", "a\tb", "2022-01-01"]])
    store.load(Table(out, MAPPING, "y"))
    assert store.sql("SELECT artist_id FROM credit WHERE platform = 'y'").fetchall() == [("a\tb",)]


def test_the_report_counts_by_reason_and_crawl_has_it_all(store, tmp_path) -> None:
    text = (
        "id,artist,date,ai\n1,a,2022-01-01,yes\n1,a,2022-01-01,yes\n2,,2022-01-02,perhaps\n"
        "3,a,soon,no\n4,a,later,no\n5,a\n6,b,2022-01-03,\n"
    )
    file = put(tmp_path, text)
    report = store.load(Table(file, MAPPING | {"ai_label": "ai"}, "x"), max_rejects=5)
    assert (report.n_read, report.n_loaded, report.n_folded, report.n_rejected) == (7, 3, 1, 3)
    assert report.reject_reasons == {"unreadable date": 2, "too few columns": 1}
    assert report.nulled == {"ai_label": 1}
    assert report.unattributed == 1
    for word in ("read", "folded", "unreadable date: 2", "became NULL", "ai_label: 1"):
        assert word in report.summary()
    crawl = store.sql("SELECT n_read, n_loaded, n_folded, n_rejected, tally FROM crawl").fetchall()
    assert crawl[0][:4] == (7, 3, 1, 3)
    assert json.loads(crawl[0][4]) == {
        "rejected": {"unreadable date": 2, "too few columns": 1},
        "nulled": {"ai_label": 1},
        "unattributed": 1,
    }


# --- 2: encodings ---


def test_another_encoding_is_guessed_in_words(store, tmp_path) -> None:
    text = "id,artist,date\n" + "".join(f"{i},Zoë “{i}”,2022-01-01\n" for i in range(50))
    file = put(tmp_path, text.encode("cp1252"))
    with pytest.raises(InputError, match=r"not UTF-8.*looks like cp1252"):
        store.load(Table(file, MAPPING, "x"))
    store.load(Table(file, MAPPING, "x", encoding="cp1252"))
    assert works(store)["7"] == "Zoë “7”"
    japanese = "id,artist,date\n" + "".join(f"j{i},作者{i},2022-01-01\n" for i in range(50))
    file = put(tmp_path, japanese.encode("shift_jis"), "j.csv")
    with pytest.raises(InputError, match="looks like shift_jis"):
        store.load(Table(file, MAPPING, "x"))
    store.load(Table(file, MAPPING, "x", encoding="shift_jis"))
    assert works(store)["j3"] == "作者3"


# --- 3: optional fields ---


def test_codes_are_no_truth_and_mappings_are(store, tmp_path) -> None:
    lines = [{"id": i, "artist": "a", "date": "2023-01-01", "aiType": i % 3} for i in range(30)]
    file = put(tmp_path, "\n".join(map(json.dumps, lines)), "works.jsonl")
    mapping = MAPPING | {"ai_label": "aiType"}
    with pytest.raises(TooManyRejectsError, match=r"30 of 30 values of ai_label.*aiType"):
        store.load(Table(file, mapping, "x"))
    meant = {"ai_label": {"0": None, "1": False, "2": True}}
    report = store.load(Table(file, mapping, "x", values=meant))
    assert report.nulled == {}
    assert store.sql("SELECT ai_label, count(*) FROM upload GROUP BY 1 ORDER BY 1").fetchall() == [
        (False, 10),
        (True, 10),
        (None, 10),
    ]


# --- 4: ids ---


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_lists_credit_each_and_paths_lead_into_objects(store, tmp_path, form: str) -> None:
    data = [
        {"id": "1", "date": "2022-01-01", "artist": ["a", "b"], "by": {"name": "x", "id": 7}},
        {"id": "2", "date": "2022-01-01", "artist": ["b"], "by": {"name": "y", "id": 8}},
        {"id": "3", "date": "2022-01-01", "artist": [], "by": {"name": None, "id": 9}},
    ]
    if form == "json":
        file = put(tmp_path, json.dumps(data), "works.json")
    else:
        file = tmp_path / "works.parquet"
        pl.DataFrame(data).write_parquet(file)
    report = store.load(Table(file, MAPPING, "x"))
    assert works(store) == {"1": "a+b", "2": "b", "3": None}
    assert report.unattributed == 1
    with pytest.raises(InputError, match=r"holds objects.*by\.(name|id)"):
        store.load(Table(file, MAPPING | {"artist_id": "by"}, "y"))
    store.load(Table(file, MAPPING | {"artist_id": "by.name"}, "z"))
    assert store.sql("SELECT artist_id FROM credit WHERE platform = 'z' ORDER BY 1").fetchall() == [
        ("x",),
        ("y",),
    ]


def test_ids_are_kept_and_rounded_ones_refused(store, tmp_path) -> None:
    text = (
        "id,artist,date\n"
        "12.0,\u00a0Zoe\u0308\u3000,2022-01-01\n"  # NFC, and white space of every kind
        "1.60687798595684E+18,a,2022-01-01\n"
        "1e5,a,2022-01-01\n"  # base 36, as on Reddit
        "7,[deleted],2022-01-01\n8,nan,2022-01-01\n9,\\N,2022-01-01\nNULL,a,2022-01-01\n"
    )
    report = store.load(Table(put(tmp_path, text), MAPPING, "x"), max_rejects=5)
    assert works(store) == {"12": "Zoë", "1e5": "a", "7": None, "8": None, "9": None}
    assert report.unattributed == 3
    assert report.reject_reasons == {
        "an id that some program has rounded": 1,
        "no upload id": 1,
    }


def test_long_ids_that_end_in_zeros_were_rounded(store, tmp_path) -> None:
    true = [1606877985956843521 + 7919 * i for i in range(40)]
    text = "id,artist,date\n" + "".join(f"{n},a{n},2022-01-01\n" for n in true)
    assert store.load(Table(put(tmp_path, text), MAPPING, "x")).n_loaded == 40
    rounded = [format(float(n), ".17g").replace("e+18", "").replace(".", "") for n in true]
    text = "id,artist,date\n" + "".join(
        f"{n.ljust(19, '0')},a{i},2022-01-01\n" for i, n in enumerate(rounded)
    )
    with pytest.raises(TooManyRejectsError, match="rounded"):
        store.load(Table(put(tmp_path, text, "r.csv"), MAPPING, "y"))


def test_case_folds_where_the_platform_folds_it(store, tmp_path) -> None:
    file = put(tmp_path, "id,artist,date\n1,Ada,2022-01-01\n2,ada,2022-01-02\n")
    store.load(Table(file, MAPPING, "deviantart"))
    store.load(Table(file, MAPPING, "mysite"))
    assert store.sql("SELECT platform, count(*) FROM artist GROUP BY 1 ORDER BY 1").fetchall() == [
        ("deviantart", 1),
        ("mysite", 2),
    ]


# --- 5: repeats ---


def test_a_newer_version_wins_inside_a_file(store, tmp_path) -> None:
    text = (
        "id,artist,date,updated,status\n"
        "1,a,2022-01-01,2022-01-02,listed\n2,a,2022-02-01,2022-02-02,listed\n"
        "3,b,2022-03-01,2023-05-01,deleted\n1,a,2022-01-01,2023-05-01,deleted\n"
        "3,b,2022-03-01,2022-03-02,listed\n2,a,2022-02-01,2022-02-02,listed\n"
    )
    mapping = MAPPING | {"updated_at": "updated", "status": "status"}
    report = store.load(Table(put(tmp_path, text), mapping, "x"))
    assert dict(store.sql("SELECT upload_id, status FROM upload").fetchall()) == {
        "1": "deleted",
        "2": "listed",
        "3": "deleted",
    }
    assert (report.n_loaded, report.n_folded, report.n_rejected) == (3, 3, 0)


def test_two_artists_share_a_work_but_not_at_two_dates(store, tmp_path) -> None:
    text = "id,artist,date\n1,a,2022-01-01\n1,b,2022-01-01\n2,a,2022-01-01\n2,b,2022-02-01\n"
    report = store.load(Table(put(tmp_path, text), MAPPING, "x"), max_rejects=1)
    assert works(store) == {"1": "a+b", "2": "a"}
    assert list(report.reject_reasons) == [
        "this work id has another artist and another date in an earlier row"
    ]


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


# --- the same everywhere, and before anything is loaded ---


def test_the_same_store_in_every_time_zone(tmp_path) -> None:
    text = (
        "id,artist,date\n1,a,2022-07-31 23:30:00\n2,a,2022-07-31 23:30:00 PDT\n"
        "3,a,2022-07-31T23:30:00+09:00\n4,a,1659310200\n5,a,2022-07-31\n6,b,Jul 31 2022 11:30 PM\n"
    )
    file = put(tmp_path, text)
    code = (
        "import sys, uploadtrends as ut; from pathlib import Path; "
        "from uploadtrends.sources import Table\n"
        "with ut.open_store(sys.argv[2], read_only=False) as s:\n"
        f"    s.load(Table(Path(sys.argv[1]), {MAPPING!r}, 'x', timezone='America/Chicago'))\n"
        "    print(s.content_hash())"
    )
    import os

    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, str(file), str(tmp_path / f"{n}.duckdb")],
            env=os.environ | {"TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n, zone in enumerate(("UTC", "America/New_York", "Asia/Tokyo"))
    }
    assert len(hashes) == 1


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
