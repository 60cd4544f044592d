"""What programs write around a table, and forms of files that people of this question have."""

from __future__ import annotations

import codecs
import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import xlsxwriter
from pyarrow import orc, parquet
from test_hostile_files import BOTH, DAY, FIRST, ONE, REST, TWO, json_lines, table, zipped
from written import MAPPING, put, works

from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources import Table
from uploadtrends.sources.frames import read_frame
from uploadtrends.sources.preview import preview
from uploadtrends.sources.reading.forms import form_of

LONG = "1234567890123456789"
DAYS = [dt.datetime(2021, 1, 5), dt.datetime(2021, 1, 5)]
JAPANESE = table(f"1,東京太郎,{DAY}", f"2,あい,{DAY}", f"3,カナ,{DAY}")
TITLED: dict[str, tuple[str, int, dict]] = {
    "a title": ("My uploads 2021\n" + TWO, 2, BOTH),
    "a title and a blank line": ("My uploads, 2021\n\n" + TWO, 3, BOTH),
    "a title of a spreadsheet": ("My uploads,,\n,,\n" + TWO, 2, BOTH),
    "comments": ("# exported by me, today, here\n# again\n" + TWO, 2, BOTH),
    "blank lines": ("\n\n" + TWO, 2, BOTH),
    "notes with two cells": ("Account:,me\n" + TWO, 3, BOTH),
    "a quoted separator": ('"sep=;"\n' + TWO.replace(",", ";"), 2, BOTH),
    "two marks of byte order": ("\ufeff\ufeff" + TWO, 2, BOTH),
    "the client of MySQL": (
        f"+----+--------+------------+\n| id | artist | date |\n+----+--------+------------+\n"
        f"| 1 | a | {DAY} |\n| 2 | b | {DAY} |\n+----+--------+------------+\n",
        4,
        BOTH,
    ),
    "numbers of rows without a name": (
        f'"id","artist","date"\n"1",1,"a","{DAY}"\n"2",2,"b","{DAY}"\n',
        2,
        BOTH,
    ),
    "quotation marks of SQL": (f"'id','artist','date'\n'1','a','{DAY}'\n", 1, ONE),
    "formulas for texts": (f'id,artist,date\n"=""{LONG}""",="a",{DAY}\n', 1, {LONG: "a"}),
    "apostrophes before numbers": (table(f"'{LONG},'07,'{DAY}"), 1, {LONG: "07"}),
    "an apostrophe of a name": (table(f"1,'90s kid,{DAY}"), 1, {"1": "'90s kid"}),
    "apostrophes around every cell": (table(f"1,'a',{DAY}", f"2,'b',{DAY}"), 2, BOTH),
    "printers' marks around every cell": (table(f"1,“a”,{DAY}", f"2,“b”,{DAY}"), 2, BOTH),
    "marks escaped by Spark": (
        f'id,artist,date,title\n"1","a","{DAY}","say \\"hi\\", you"\n"2","b","{DAY}","C:\\\\"\n',
        2,
        BOTH,
    ),
    "a path of Windows at the end of a cell": (
        f'id,artist,date,title\n1,a,{DAY},"C:\\art, x\\"\n2,b,{DAY},"y"\n',
        2,
        BOTH,
    ),
    "JSON in a cell, its marks doubled": (
        f'id,artist,date,meta\n1,a,{DAY},"{{""k"": ""v \\""q\\"" w""}}"\n2,b,{DAY},"{{}}"\n',
        2,
        BOTH,
    ),
    "NUL in a name": (table(f"1,a\0,{DAY}", f"2,b,{DAY}"), 2, {"2": "b"}),
}


@pytest.mark.parametrize("name", TITLED)
def test_what_stands_around_a_table(store, tmp_path, name: str) -> None:
    text, n_read, right = TITLED[name]
    report = store.load(Table(put(tmp_path, text), MAPPING, "x"), max_rejects=9)
    assert works(store) == right
    assert (report.n_read, report.n_loaded) == (n_read, len(right))
    assert store.sql(f"SELECT count(*) FROM upload WHERE published_at = '{DAY}'").fetchall() == [
        (len(right),)
    ]


@pytest.mark.parametrize(
    ("text", "decimal", "uploads"),
    [
        ("1.000", None, None),  # a thousand in German; until now it was one
        ("1,000", None, None),
        ("12", None, 12),
        ("12.0", None, 12),
        ("1,000", ".", 1000),
        ("1.000", ",", 1000),
        ("1,0", ",", 1),
        ("12,34", ".", None),
    ],
)
def test_counts_are_read_one_way_or_not_at_all(store, tmp_path, text, decimal, uploads) -> None:
    file = put(tmp_path, f"artist;date;n\na;2021-01;{text}\n")
    columns = {"artist_id": "artist", "published_at": "date", "uploads": "n"}
    report = store.load(Table(file, columns, "x", decimal=decimal), max_rejects=1)
    assert store.sql("SELECT count(*) FROM upload").fetchall() == [(uploads or 0,)]
    assert report.n_rejected == (uploads is None)
    if decimal is None and uploads is None:
        assert report.reject_reasons == {"a count with a mark before three digits: say decimal": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2022-W40", "a week or a quarter: write its first day"),
        ("2022Q4", "a week or a quarter: write its first day"),
        ("03-Oct-22", "a year of two digits: say date_format, such as %d-%b-%y"),
        ("1.66e9", "a number with an exponent, which may be rounded: write it out"),
    ],
)
def test_a_date_that_is_refused_says_what_would_mend_it(store, tmp_path, text, reason) -> None:
    report = store.load(Table(put(tmp_path, table(f"1,a,{text}")), MAPPING, "x"), max_rejects=1)
    assert report.reject_reasons == {reason: 1}


def test_control_characters_at_the_ends_of_a_name_are_none_of_it(store, tmp_path) -> None:
    rows = [
        {"id": "1", "artist": "a\0\0", "date": DAY},
        {"id": "2", "artist": "\x07b", "date": DAY},
    ]
    store.load(Table(put(tmp_path, json_lines(*rows), "works.jsonl"), MAPPING, "x"))
    assert works(store) == BOTH


def test_a_first_table_of_the_same_width_is_no_title(store, tmp_path) -> None:
    text = f"ID,Artist,Date\n7,z,{DAY}\n" + TWO
    with pytest.raises(InputError, match="did you mean 'Date'"):
        store.load(Table(put(tmp_path, text), MAPPING, "x"))


def test_a_dry_run_finds_the_header_below_a_title(tmp_path) -> None:
    found = preview(put(tmp_path, "My uploads\n\n" + TWO))
    assert found.present == ("id", "artist", "date")
    assert found.counts["loaded"] == 2


def test_a_dry_run_shows_a_table_whose_columns_have_no_names_or_one(tmp_path) -> None:
    found = preview(put(tmp_path, "work,,who,who\n1,x,a,b\n"))
    assert found.rows.to_dict("records") == [{"work": "1"}]


def test_letters_with_marks_in_the_name_of_a_column_are_written_in_two_ways(
    store, tmp_path
) -> None:
    file = put(tmp_path, table(f"1,a,{DAY}", header="id,Ku\u0308nstler,date"))
    store.load(Table(file, MAPPING | {"artist_id": "K\u00fcnstler"}, "x"))
    assert works(store) == ONE


def test_a_series_below_a_title(tmp_path) -> None:
    """As Google Trends writes it."""
    text = "Category: All categories\n\nMonth,art: (Worldwide)\n2022-01,5\n2022-02,6\n"
    frame = read_frame(put(tmp_path, text))
    assert frame["art: (Worldwide)"].tolist() == [5, 6]
    assert [f"{day:%Y-%m-%d}" for day in frame.index] == ["2022-01-01", "2022-02-01"]


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        (TWO.encode("utf-16-le"), "utf-8", "encoding='utf-16-le'"),
        (TWO.encode("utf-16-be"), "utf-8", "encoding='utf-16-be'"),
        (codecs.BOM_UTF16_BE + TWO.encode("utf-16-be"), "utf-8", "encoding='utf-16'"),
        (TWO.encode("utf-32"), "utf-8", "encoding='utf-32'"),
        (TWO.encode("utf-16-le"), "utf-32", "not in the encoding that was said"),
        (JAPANESE.encode("euc_jp"), "utf-8", "looks like euc_jp"),
        (JAPANESE.encode("shift_jis"), "utf-8", "looks like shift_jis"),
        (table(*[f"{n},北京上海,{DAY}" for n in range(3)]).encode("gbk"), "utf-8", "gb18030"),
        (table(f"1,é,{DAY}").encode(), "ascii", "not ASCII"),
        (f'{{"id": 1, "artist": "é", "date": "{DAY}"}}'.encode(), "ascii", "not ASCII"),
        (TWO.encode(), "rot13", "this encoding is unknown"),
        (TWO.encode(), "base64", "this encoding is unknown"),
    ],
)
def test_an_encoding_is_named(store, tmp_path, data: bytes, encoding: str, says: str) -> None:
    with pytest.raises((InputError, TooManyRejectsError), match=says):
        store.load(Table(put(tmp_path, data), MAPPING, "x", encoding=encoding))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_and_without_a_mark(store, tmp_path, codec: str) -> None:
    file = put(tmp_path, TWO.encode(codec))
    store.load(Table(file, MAPPING, "x", encoding="utf-16"))
    assert works(store) == BOTH


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "pointer of Git LFS"),
        (b"artist,2021-01,2021-02\na,5,6\n", "turn the table"),
        (f"1,a,{DAY}\n2,b,{DAY}\n".encode(), "write a line with names above them"),
        (b"$FL2@(#) SPSS DATA FILE" + bytes(60), "of SPSS"),
        (bytes(12) + b"\xc2\xea\x81\x60" + bytes(60), "of SAS"),
        (b"X\n\0\0\0\3\0\4" + bytes(60), "write.csv"),
        (b"\x80\x04\x95" + bytes(60), "pickle"),
        (b"\x93NUMPY\x01\0" + bytes(60), "NumPy"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"),
        (b"Obj\x01" + bytes(60), "Avro"),
        (b"ORC" + bytes(60), "cut short or damaged"),
        (b"<stata_dta><header>" + bytes(60), "cut short or damaged"),
    ],
)
def test_files_of_other_programs_are_named(store, tmp_path, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        store.load(Table(put(tmp_path, data, "works"), MAPPING, "x"))


def stata(file: Path) -> None:
    frame = pd.DataFrame({"id": [1, 2], "artist": pd.Categorical(["a", "b"]), "date": DAYS})
    frame.to_stata(file, write_index=False, convert_dates={"date": "td"})


def orc_table(file: Path) -> None:
    dates = pa.array(DAYS, pa.timestamp("ns"))
    orc.write_table(pa.table({"id": [1, 2], "artist": ["a", "b"], "date": dates}), str(file))


def folder_of_spark(folder: Path) -> None:
    folder.mkdir()
    put(folder, b"", "_SUCCESS")
    put(folder, b"{}", "_committed_123")
    put(folder, b"crc\0", ".part-00000-c000.csv.crc")
    put(folder, table(f"1,a,{DAY}T00:00:00.000Z"), "part-00000-c000.csv")
    put(folder, table(f"2,b,{DAY}T00:00:00.000Z"), "part-00001-c000.csv")
    put(folder, "id,artist,date\n", "part-00002-c000.csv")


def folder_of_parquet(folder: Path) -> None:
    folder.mkdir()
    put(folder, b"PAR1", "_metadata")
    rows = {"id": [1, 2], "artist": ["a", "b"], "date": DAYS}
    parquet.write_table(pa.table(rows), folder / "part-0.snappy.parquet")


def folder_with_pictures(folder: Path) -> None:
    folder.mkdir()
    for n, artist in (("1", "a"), ("2", "b")):
        text = f'{{"id": {n}, "artist": "{artist}", "date": "{DAY} 00:00:00"}}'
        put(folder, text, f"{n}.jpg.json")
        put(folder, b"\xff\xd8\xff\xe0", f"{n}.jpg")


def archive_with_papers(file: Path) -> None:
    file.write_bytes(zipped(("a.csv", FIRST + REST), ("README.md", b"x"), ("LICENSE.txt", b"x")))


def workbook(file: Path, *, serial: object = 44201, **settings: object) -> None:
    with xlsxwriter.Workbook(str(file), settings) as book:
        sheet = book.add_worksheet()
        rows = [["My works"], [], ["id", "artist", "date", "since"]]
        for n, row in enumerate([*rows, [1, "a", serial, serial], [2, "b", serial, serial]]):
            sheet.write_row(n, 0, row)


@pytest.mark.parametrize(
    "make",
    [
        *(stata, orc_table, folder_of_spark, folder_of_parquet),
        *(folder_with_pictures, archive_with_papers),
    ],
    ids=lambda make: make.__name__,
)
def test_forms_that_people_have(store, tmp_path, make) -> None:
    make(tmp_path / "works")
    report = store.load(Table(tmp_path / "works", MAPPING, "x"))
    assert works(store) == BOTH
    assert report.n_read == 2
    assert store.sql(f"SELECT count(*) FROM upload WHERE published_at = '{DAY}'").fetchall() == [
        (2,)
    ]


@pytest.mark.parametrize("old", [False, True])
def test_serial_days_count_from_where_the_workbook_says(store, tmp_path, old: bool) -> None:
    workbook(tmp_path / "works.xlsx", serial=44201 - 1462 * old, date_1904=old)
    columns = MAPPING | {"joined_at": "since"}
    store.load(Table(tmp_path / "works.xlsx", columns, "x", date_format="excel"))
    assert works(store) == BOTH
    days = "SELECT CAST(published_at AS DATE) FROM upload UNION SELECT CAST(joined_at AS DATE)"
    assert store.sql(f"{days} FROM artist").fetchall() == [(DAYS[0].date(),)]


def test_folders_within_a_folder_need_a_pattern(store, tmp_path) -> None:
    (tmp_path / "works" / "a").mkdir(parents=True)
    put(tmp_path / "works" / "a", TWO)
    with pytest.raises(InputError, match=r"give a pattern: '.*works/\*\*/\*'"):
        store.load(Table(tmp_path / "works", MAPPING, "x"))
    store.load(Table(tmp_path / "works" / "**" / "*", MAPPING, "x"))
    assert works(store) == BOTH


def test_a_type_that_cannot_be_read_is_named_with_its_file(store, tmp_path) -> None:
    file = tmp_path / "works.arrow"
    rows = pa.table({"id": pa.array([1], pa.decimal256(40, 0)), "artist": ["a"], "date": [DAY]})
    with pa.ipc.new_file(str(file), rows.schema) as out:
        out.write_table(rows)
    with pytest.raises(InputError, match="type that cannot be read"):
        store.load(Table(file, MAPPING, "x"))


@pytest.mark.parametrize("header", ["ORCID,artist,date", "A", "COPY NO,artist,date"])
def test_the_name_of_a_column_is_not_the_mark_of_another_form(tmp_path, header: str) -> None:
    assert form_of(put(tmp_path, f"{header}\n1,a,{DAY}\n")) == "text"


def test_a_path_into_plain_texts_is_refused(store, tmp_path) -> None:
    with pytest.raises(InputError, match="only texts"):
        store.load(Table(put(tmp_path, TWO), MAPPING | {"artist_id": "artist.name"}, "x"))


def test_a_dry_run_of_json_knows_its_encoding_and_the_columns_named(tmp_path) -> None:
    images = [{"id": 7, "url": "u"}]
    records = [{"work": n, "by": "Zo\u00eb", "on": DAY, "images": images} for n in (1, 2)]
    file = put(tmp_path, json.dumps(records, ensure_ascii=False).encode("utf-16"))
    named = {"upload_id": "work", "artist_id": "by", "published_at": "on"}
    found = preview(file, named, encoding="utf-16")
    assert found.present == ("work", "by", "on", "images")
    assert found.rows["artist_id"].tolist() == ["Zo\u00eb"] * 2
