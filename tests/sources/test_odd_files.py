"""Files of the kinds that are read wrongly without a word, each with the right values."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.sources import Table
from uploadtrends.sources.frames import read_frame
from uploadtrends.sources.pixiv import Pixiv
from uploadtrends.store import Store

MAPPING = {"upload_id": "id", "artist_id": "artist", "published_at": "date"}
FIRST = {"id": 1, "artist": "a", "date": "2021-01-01"}
SECOND = {"id": 2, "artist": "b", "date": "2021-01-02"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with ut.open_store(tmp_path / "s.duckdb", read_only=False, threads=1) as opened:
        yield opened


def read(store: Store, file: Path, columns: dict[str, str] = MAPPING, **settings: Any) -> Any:
    """Load a file; return the report, the works with their dates, and the credits."""
    report = store.load(Table(file, columns, "x", **settings), max_rejects=10**6)
    works = store.sql(
        "SELECT upload_id, CAST(published_at AS VARCHAR), date_precision FROM upload ORDER BY 1"
    ).fetchall()
    credits_ = store.sql("SELECT upload_id, artist_id FROM credit ORDER BY ALL").fetchall()
    return report, works, credits_


def reasons(store: Store) -> list[str]:
    return [row[0] for row in store.sql("SELECT reason FROM reject").fetchall()]


@pytest.mark.parametrize(
    ("text", "moment", "precise"),
    [
        ("2021.03.14", "2021-03-14 00:00:00", "day"),
        ("202103141530", "2021-03-14 15:30:00", "minute"),  # 1976 as milliseconds
        ("1615716000000000.0", "2021-03-14 10:00:00", "second"),
        ("2021.05", "2021-05-01 00:00:00", "month"),
        ("2021.1", None, None),  # January, or October that was taken for a number
    ],
)
def test_numbers_that_are_dates(
    store, tmp_path: Path, text: str, moment: str, precise: str
) -> None:
    file = tmp_path / "works.csv"
    file.write_text(f"id,artist,date\n1,a,{text}\n")
    _, works, _ = read(store, file)
    assert works == ([("1", moment, precise)] if moment else [])


def test_a_whole_serial_day_is_a_day_and_is_not_moved(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date\n1,a,44269\n2,a,44269.5\n")
    _, works, _ = read(store, file, date_format="excel", timezone="Asia/Tokyo")
    assert works == [
        ("1", "2021-03-14 00:00:00", "day"),
        ("2", "2021-03-14 03:00:00", "second"),
    ]


def test_seconds_where_milliseconds_were_said_are_rejected(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date\n1,a,1615716000000\n2,a,1615716000\n")
    report, works, _ = read(store, file, date_format="unix-ms")
    assert (report.n_rejected, works) == (1, [("1", "2021-03-14 10:00:00", "second")])


def test_z_is_an_offset_for_a_format_with_z(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date\n1,a,2021-03-14T10:00:00Z\n2,a,2021-03-14T10:00:00-0500\n")
    _, works, _ = read(store, file, date_format="%Y-%m-%dT%H:%M:%S%z", timezone="Asia/Tokyo")
    assert [work[1] for work in works] == ["2021-03-14 10:00:00", "2021-03-14 15:00:00"]


@pytest.mark.parametrize(
    "value",
    [
        {"deviations": [FIRST, SECOND], "has_more": False},
        {"101": FIRST, "102": SECOND},
        [[FIRST], [SECOND]],
        {"a": {"b": {"edges": [FIRST, SECOND]}}},
        {"id": {"0": 1, "1": 2}, "artist": {"0": "a", "1": "b"}, "date": ["x"]}
        | {"date": {"0": "2021-01-01", "1": "2021-01-02"}},  # DataFrame.to_json()
        {"id": [1, 2], "artist": ["a", "b"], "date": ["2021-01-01", "2021-01-02"]},
        {"columns": list(FIRST), "index": [0, 1], "data": [[*FIRST.values()], [*SECOND.values()]]},
        {"data": [FIRST, SECOND], "includes": {"users": [{"id": 7, "date": "2001-01-01"}]}},
        {"users": [{"id": 7}], "data": [FIRST, SECOND]},
    ],
    ids=lambda value: str(value)[:24],
)
def test_records_in_whatever_json_they_lie(store, tmp_path: Path, value: object) -> None:
    file = tmp_path / "works.json"
    file.write_text(json.dumps(value))
    report, works, found = read(store, file)
    assert report.n_read == report.n_loaded == 2
    assert [work[1][:10] for work in works] == ["2021-01-01", "2021-01-02"]
    assert found == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps([FIRST])}\n{json.dumps([SECOND])}\n",
        f"window.YTD.works.part0 = [{json.dumps(FIRST)},\n{json.dumps(SECOND)}];",
        f"{json.dumps({'data': []})}\n{json.dumps({'data': [FIRST, SECOND]})}\n",
        f"[\n{json.dumps(FIRST)}\n,{json.dumps(SECOND)}]",
    ],
    ids=["arrays", "assigned", "an empty page", "comma first"],
)
def test_json_texts(store, tmp_path: Path, text: str) -> None:
    file = tmp_path / "works.json"
    file.write_text(text)
    report, _, found = read(store, file)
    assert (report.n_read, found) == (2, [("1", "a"), ("2", "b")])


def test_two_lists_of_records_are_refused_for_none_may_be_lost(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    file.write_text(json.dumps({"data": [FIRST], "items": [SECOND]}))
    with pytest.raises(InputError, match="'data' and 'items'"):
        read(store, file)


def test_lists_in_a_record_are_not_its_envelope(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    older = [FIRST | {"id": 77}]
    file.write_text(json.dumps([FIRST | {"items": older}, {"id": 2, "versions": older}]))
    report, works, _ = read(store, file)
    assert (report.n_read, [work[0] for work in works]) == (2, ["1"])


def test_json_that_is_not_utf8_merges_no_artists(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    rows = json.dumps([FIRST | {"artist": "é"}, SECOND | {"artist": "è"}], ensure_ascii=False)
    file.write_bytes(rows.encode("cp1252"))
    with pytest.raises(InputError, match="looks like cp1252"):
        read(store, file)
    _, _, found = read(store, file, encoding="cp1252")
    assert found == [("1", "é"), ("2", "è")]


def test_of_an_array_only_the_record_that_is_not_utf8_is_lost(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    rows = [FIRST | {"id": n} for n in range(40)] + [SECOND | {"id": 99, "artist": "é"}]
    file.write_bytes(json.dumps(rows, ensure_ascii=False, indent=1).encode("cp1252"))
    report, _, _ = read(store, file)
    assert (report.n_read, report.n_loaded, reasons(store)) == (41, 40, ["not UTF-8"])


@pytest.mark.parametrize(
    ("cell", "artists"),
    [
        ("['a', 'b']", ["a", "b"]),
        ('["a", "b", "a"]', ["a", "b"]),
        ("[7, 8]", ["7", "8"]),
        ("[deleted]", []),
        ("[x] y", ["[x] y"]),
        ("[]", []),
    ],
)
def test_a_list_in_a_text_is_several_artists(store, tmp_path: Path, cell: str, artists) -> None:
    file = tmp_path / "works.csv"
    quoted = cell.replace('"', '""')
    file.write_text(f'id,artist,date\n1,"{quoted}",2021-01-01\n2,z,2021-01-01\n')
    _, _, found = read(store, file)
    assert [artist for work, artist in found if work == "1"] == artists


def test_an_object_in_a_text_is_refused(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date\n1,\"{'username': 'bob', 'id': 5}\",2021-01-01\n")
    with pytest.raises(InputError, match=r"artist\.username"):
        read(store, file)


def test_arrays_of_postgres(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text('id,artist,date\n1,"{a,""b c""}",2021-01-01\n2,{z},2021-01-01\n')
    _, _, found = read(store, file)
    assert found == [("1", "a"), ("1", "b c"), ("2", "z")]


@pytest.mark.parametrize(
    "text", ["1.23456789012346e+18", "9100000000000001.0", "1234567890123456800.0"]
)
def test_floats_that_stand_for_several_ids_are_refused(store, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(f'[{{"id": {text}, "artist": "a", "date": "2021-01-01"}}]')
    (tmp_path / "b.csv").write_text(f"id,artist,date\n{text},a,2021-01-01\n12.0,a,2021-01-01\n")
    for name in ("a.json", "b.csv"):
        read(store, tmp_path / name)
    assert reasons(store) == ["an id that some program has rounded"] * 2
    assert store.sql("SELECT upload_id FROM upload").fetchall() == [("12",)]


def test_ids_of_single_precision(store, tmp_path: Path) -> None:
    file = tmp_path / "works.parquet"
    ids = pa.array([16777216.0, 16777218.0], pa.float32())
    parquet.write_table(
        pa.table({"id": ids, "artist": ["a", "b"], "date": ["2021-01-01"] * 2}), file
    )
    _, works, _ = read(store, file)
    assert [work[0] for work in works] == ["16777216"]


def test_bytes_that_are_no_text_are_ids_of_their_own(store, tmp_path: Path) -> None:
    file = tmp_path / "works.parquet"
    ids = pa.array([bytes(range(16)), b"abc"], pa.binary())
    rows = {"id": ids, "artist": pa.array([b"\xff\xfe", b"\xff\xfd"]), "date": ["2021-01-01"] * 2}
    parquet.write_table(pa.table(rows), file)
    _, _, found = read(store, file)
    assert found == [("000102030405060708090a0b0c0d0e0f", "fffe"), ("abc", "fffd")]


def test_text_of_a_database_that_is_not_utf8_is_rejected(store, tmp_path: Path) -> None:
    file = tmp_path / "works.db"
    with closing(sqlite3.connect(file)) as lite, lite:
        lite.execute("CREATE TABLE work (id, artist, date)")
        lite.execute("INSERT INTO work VALUES (1, CAST(x'e9' AS TEXT), '2021-01-01')")
        lite.execute("INSERT INTO work VALUES (2, 'b', '2021-01-02')")
    report, _, found = read(store, file)
    assert (report.n_read, found, reasons(store)) == (2, [("2", "b")], ["not UTF-8"])


@pytest.mark.parametrize("packing", ["zstd", "lz4", "uncompressed", "stream"])
def test_feather_and_arrow(store, tmp_path: Path, packing: str) -> None:
    file = tmp_path / "works.feather"
    moments = pa.array([1_615_716_000, None], pa.timestamp("s", tz="Asia/Tokyo"))
    artists = pa.array([["a", "b"], None], pa.list_(pa.string()))
    table = pa.table({"id": [1, 2], "artist": artists, "date": moments})
    if packing == "stream":
        with pa.ipc.new_stream(str(file), table.schema) as out:
            out.write_table(table)
    else:
        feather.write_feather(table, file, compression=packing)
    report, works, found = read(store, file)
    assert (report.n_read, report.n_loaded, report.n_rejected) == (2, 1, 1)
    assert works == [("1", "2021-03-14 10:00:00", "second")]
    assert found == [("1", "a"), ("1", "b")]


def test_a_cut_feather_file_is_refused(store, tmp_path: Path) -> None:
    file = tmp_path / "works.feather"
    feather.write_feather(pa.table({"id": list(range(999)), "artist": ["a"] * 999}), file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="cut short or damaged"):
        read(store, file)


def test_a_tar_of_several_files_is_refused(store, tmp_path: Path) -> None:
    file = tmp_path / "works.tar.gz"
    data = b"id,artist,date\n1,a,2021-01-01\n"
    with tarfile.open(file, "w:gz") as archive:
        for name in ("a.csv", "b.csv"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with pytest.raises(InputError, match=r"several files, b\.csv"):
        read(store, file)


def test_rows_of_another_width_with_closed_marks_are_counted(store, tmp_path: Path) -> None:
    # Nobody can tell which of the cells has no name.
    file = tmp_path / "works.csv"
    file.write_text('"id","artist","date"\n"7","a","2021-01-01","x"\n"3","b","2021-01-02","y"\n')
    report, _, _ = read(store, file)
    assert (report.n_read, report.n_rejected) == (2, 2)


def test_a_mark_too_many_in_a_cell_of_several_lines_is_refused(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text(
        '"id","artist","date","title"\n"1","a","2021-01-01",""\nrest of it"\n'
        '"2","b","2021-01-02","x"\n'
    )
    with pytest.raises(InputError, match="line 2"):
        read(store, file)


def test_what_cannot_be_a_number_of_pictures_is_unknown(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date,n\n1,a,2021-01-01,3.0\n2,a,2021-01-01,2.7\n3,a,2021-01-01,-5\n")
    report, _, _ = read(store, file, MAPPING | {"media_count": "n"})
    assert report.nulled == {"media_count": 2}
    assert store.sql("SELECT media_count FROM upload ORDER BY upload_id").fetchall() == [
        (3,),
        (None,),
        (None,),
    ]


def test_a_novel_with_the_id_of_a_picture_takes_nothing_from_it(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    work = {"idNum": 101, "userId": "7", "date": "2022-08-11T14:46:00+00:00", "type": 0}
    file.write_text(json.dumps([work, work | {"userId": "8", "type": 3, "date": "2020-01-01"}]))
    report = store.load(Pixiv(file), max_rejects=9)
    assert (report.n_loaded, reasons(store)) == (1, ["a novel, not a picture"])
    assert store.sql("SELECT upload_id, artist_id FROM credit").fetchall() == [("101", "7")]


def test_the_time_of_a_request_is_no_date_of_a_work(store, tmp_path: Path) -> None:
    file = tmp_path / "works.json"
    work = {"id": 101, "user": {"id": 7}, "create_date": "2023-01-02T00:00:00+09:00"}
    hidden = {"id": 104, "user": {"id": 9}, "create_date": "2023-09-01T04:27:16+09:00"}
    rows = [work | {"visible": True}, hidden | {"visible": False}, hidden | {"user": {"id": 0}}]
    limit = {"large": "https://s.pximg.net/common/images/limit_sanity_level_360.png"}
    rows += [hidden | {"id": 105, "visible": True, "image_urls": limit}]
    rows[0]["image_urls"] = {"large": "https://i.pximg.net/img/2023/01/02/00/00/00/101_p0.png"}
    file.write_text(json.dumps({"illusts": rows, "next_url": None}))
    report = store.load(Pixiv(file), max_rejects=9)
    assert (report.n_read, report.n_loaded, report.n_rejected) == (4, 1, 3)
    assert store.sql("SELECT upload_id FROM upload").fetchall() == [("101",)]


def test_answers_of_pixiv_about_one_work_and_about_a_user(store, tmp_path: Path) -> None:
    work = {"id": "101", "userId": "7", "createDate": "2022-08-11T14:46:14+00:00"}
    others = {"userIllusts": {"55": work | {"id": "55"}, "56": None}}
    (tmp_path / "one.json").write_text(json.dumps({"error": False, "body": work | others}))
    mine = {"id": 102, "user": {"id": 7}, "create_date": "2022-08-11T14:46:14+00:00"}
    (tmp_path / "all.json").write_text(json.dumps({"user": {"id": 7}, "illusts": [mine]}))
    for name in ("one.json", "all.json"):
        assert store.load(Pixiv(tmp_path / name)).n_loaded == 1
    assert store.sql("SELECT upload_id, artist_id FROM credit ORDER BY 1").fetchall() == [
        ("101", "7"),
        ("102", "7"),
    ]


def test_a_frame_whose_days_have_an_offset_keeps_its_months(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text(",month,works\n0,2021-01-01T00:00:00+09:00,5\n1,2021-02-01T00:00:00+09:00,NA\n")
    frame = read_frame(file)
    assert [str(day)[:10] for day in frame.index] == ["2021-01-01", "2021-02-01"]
    assert frame["works"].isna().tolist() == [False, True]
    assert list(frame.columns) == ["works"]
    file.write_text("time,works\n2021-01-01T00:00:00+09:00,5\n2021-01-01T01:00:00+09:00,6\n")
    assert [str(moment) for moment in read_frame(file).index] == [
        "2020-12-31 15:00:00",
        "2020-12-31 16:00:00",
    ]


@pytest.mark.parametrize("form", ["csv", "parquet", "sqlite"])
def test_somebody_who_waits_is_told(store, tmp_path: Path, form: str) -> None:
    n = 60_000
    rows = {"id": [str(i) for i in range(n)], "artist": ["a"] * n, "date": ["2021-01-01"] * n}
    file = tmp_path / f"works.{form}"
    table = pa.table(rows)
    if form == "csv":
        csv.write_csv(table, file)
    elif form == "parquet":
        parquet.write_table(table, file)
    else:
        with closing(sqlite3.connect(file)) as lite, lite:
            lite.execute("CREATE TABLE work (id, artist, date)")
            lite.executemany("INSERT INTO work VALUES (?, ?, ?)", zip(*rows.values(), strict=True))
    told: list[str] = []
    store.load(Table(file, MAPPING, "x"), progress=lambda one: told.append(one.phase))
    assert {"csv": "counting", "sqlite": "reading", "parquet": "checking"}[form] in told


def test_a_date_of_pixiv_in_japanese_is_that_of_japan(store, tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,userId,date\n1,7,2022年08月18日 00:30\n2,7,2022-08-18 00:30:00\n")
    store.load(Pixiv(file))
    found = store.sql("SELECT CAST(published_at AS VARCHAR) FROM upload ORDER BY upload_id")
    assert found.fetchall() == [("2022-08-17 15:30:00",), ("2022-08-18 00:30:00",)]
