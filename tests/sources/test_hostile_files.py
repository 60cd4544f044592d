"""Files that somebody means to trip over: read right, or rejected and counted, nothing between."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import zipfile
from contextlib import closing
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet
from written import MAPPING, put, works

from uploadtrends.errors import InputError
from uploadtrends.sources import Table
from uploadtrends.sources.moments import doubt, moment, register_functions

DAY = "2021-01-05"
ONE, BOTH = {"1": "a"}, {"1": "a", "2": "b"}


def table(*rows: str, header: str = "id,artist,date") -> str:
    return "".join(f"{row}\n" for row in (header, *rows))


def json_lines(*records: dict) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2021-01-05T00:00:00.000000001Z", DAY),
        ("2021-01-05 00:00:00+00", DAY),
        ("2021/1/5", DAY),
        ("2021.1.5", DAY),
        ("5 mar 2021", "2021-03-05"),
        ("Sept 5, 2021", "2021-09-05"),
        ("2021-01-05 00:00:00,000", DAY),
        ("2021-01-05T00:00:00.000+0000", DAY),
        ("20210105T000000+0000", DAY),
        ("2021-02-29", None),
        ("0000-00-00 00:00:00", None),
        ("1970-01-01", None),
        ("infinity", None),
        ("epoch", None),
        ("now", None),
        ("today", None),
        ("2021-01-05 (BC)", None),
        ("2021-01-05 - 2021-01-09", None),
        ("2021-01-05 2021-01-09", None),
        ("2021-01-05 00:00:00+25:00", None),
        ("20211-01-05", None),
        ("21-01-05", None),
        ("Jan 5", None),
        ("5 hours ago", None),
    ],
)
def test_a_date_is_read_whole_or_rejected(text: str, right: str | None) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        register_functions(con)
        when, why = con.execute(
            f"SELECT CAST(x AS VARCHAR), {doubt('x', 'text')} FROM "
            f"(SELECT text, {moment('text')} AS x FROM (SELECT ? AS text))",
            [text],
        ).fetchall()[0]
    assert (when if why is None else None) == (f"{right} 00:00:00" if right else None)


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def parquet_of(**columns: object) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def database(*statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as lite:
        for statement in statements:
            lite.execute(statement)
        lite.commit()
        return lite.serialize()


FIRST, REST = table(f"1,a,{DAY}").encode(), f"2,b,{DAY}\n".encode()
TWO = table(f"1,a,{DAY}", f"2,b,{DAY}")
RIGHT: dict[str, tuple[str | bytes, dict[str, str | None]]] = {
    "a delimiter too many in every line": (TWO.replace("\n", ",\n"), BOTH),
    "a total below the rows": (table(f"1,a,{DAY}", f"2,b,{DAY}", "Total,,2"), BOTH),
    "separators of lines in a title": (
        table(f"1,a,{DAY},x\u2028y", f"2,b,{DAY},x\u0085\x0b\x0cy", header="id,artist,date,t"),
        BOTH,
    ),
    "CR only": (TWO.replace("\n", "\r"), BOTH),
    "CR CR LF": (TWO.replace("\n", "\r\r\n"), BOTH),
    "backslash and N": (table(f"1,\\N,{DAY}", f"2,b,{DAY}"), {"1": None, "2": "b"}),
    "a mark of byte order before a quoted header": (
        '\ufeff"id","artist","date"\n' + f"1,a,{DAY}\n",
        ONE,
    ),
    "blanks around names and cells": (f"id , artist, date\n1, a , {DAY}\n", ONE),
    "a character cut by the end": (FIRST + "2,é".encode()[:-1], ONE),
    "ids with zeros, signs and thousands": (
        table(*(f'"{n}",a,{DAY}' for n in ("0012", "12", "+7", "7", "1,234", "3e10", "a  b"))),
        dict.fromkeys(("0012", "12", "+7", "7", "1,234", "3e10", "a  b"), "a"),
    ),
    "a number and a text": (
        json_lines({"id": 1, "artist": 12, "date": DAY}, {"id": "2", "artist": "12", "date": DAY}),
        {"1": "12", "2": "12"},
    ),
    "a large number": (
        json_lines({"id": 12345678901234567890, "artist": "a", "date": DAY}),
        {"12345678901234567890": "a"},
    ),
    "two characters in one escape": (
        json_lines({"id": 1, "artist": "\U0001f600", "date": DAY}),
        {"1": "\U0001f600"},
    ),
    "names that differ in case only": (
        json_lines({"ID": 9, "id": 1, "artist": "a", "date": DAY}),
        ONE,
    ),
    "members of gzip": (gzip.compress(FIRST) + gzip.compress(REST), BOTH),
    "gzip and zeros": (gzip.compress(FIRST) + b"\0" * 100, ONE),
    "streams of bzip2": (bz2.compress(FIRST) + bz2.compress(REST), BOTH),
    "streams of xz": (lzma.compress(FIRST) + lzma.compress(REST), BOTH),
    "frames of zstd": (
        zstandard.ZstdCompressor().compress(FIRST) + zstandard.ZstdCompressor().compress(REST),
        BOTH,
    ),
    "zip from a Mac": (zipped(("w.csv", FIRST), ("__MACOSX/._w.csv", b"\0\5\x16\7")), ONE),
    "decimals in Parquet": (
        parquet_of(id=[Decimal("1.000"), Decimal("2.000")], artist=["a", "b"], date=[DAY, DAY]),
        BOTH,
    ),
    "ids that are no number in Parquet": (
        parquet_of(id=[1.0, float("nan")], artist=["a", "b"], date=[DAY, DAY]),
        ONE,
    ),
    "unsigned ids in Parquet": (
        parquet_of(id=pa.array([2**64 - 1], pa.uint64()), artist=["a"], date=[DAY]),
        {"18446744073709551615": "a"},
    ),
    "a table without row numbers": (
        database(
            "CREATE TABLE w (id TEXT PRIMARY KEY, artist, date) WITHOUT ROWID",
            f"INSERT INTO w VALUES ('1', 'a', '{DAY}'), ('2', 'b', '{DAY}')",
        ),
        BOTH,
    ),
    "one id in three types": (
        database(
            "CREATE TABLE w (id, artist, date)",
            f"INSERT INTO w VALUES (1, 5, '{DAY}'), ('2', '5', '{DAY}'), (3.0, 5.0, '{DAY}')",
        ),
        {"1": "5", "2": "5", "3": "5"},
    ),
    "a generated column": (
        database(
            "CREATE TABLE w (id, artist, d, date TEXT GENERATED ALWAYS AS (d) VIRTUAL)",
            f"INSERT INTO w (id, artist, d) VALUES (1, 'a', '{DAY}')",
        ),
        ONE,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_in_a_file_is_what_is_loaded(store, tmp_path, name: str) -> None:
    data, right = RIGHT[name]
    report = store.load(Table(put(tmp_path, data, "works"), MAPPING, "x"), max_rejects=9)
    assert works(store) == right
    assert report.n_loaded + report.n_rejected == report.n_read
    assert store.sql(f"SELECT count(*) FROM upload WHERE published_at <> '{DAY}'").fetchall() == [
        (0,)
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("<html><table><tr><td>id</td></tr></table></html>", "a page of HTML or XML"),
        ('<?xml version="1.0"?>\n<rss><channel></channel></rss>', "a page of HTML or XML"),
        ("-- MySQL dump 10.13\nINSERT INTO `w` VALUES (1,'a');\n", "a dump of SQL"),
        ("COPY w (id, artist, date) FROM stdin;\n1\ta\t2021-01-05\n\\.\n", "a dump of SQL"),
        (zipped(("a.csv", FIRST), ("b.csv", REST)), "holds 2 files"),
        (json.dumps([["id", "artist", "date"], ["1", "a", DAY]]), "none of the first lines"),
        ('{"data": []}', "none of the first lines is a JSON object"),
        (TWO.replace(",", "::"), "no such column"),
    ],
)
def test_what_holds_no_rows_is_refused(store, tmp_path, data, says: str) -> None:
    with pytest.raises(InputError, match=says):
        store.load(Table(put(tmp_path, data, "works"), MAPPING, "x"))


def test_what_lies_beside_the_files_of_a_folder_is_none_of_them(store, tmp_path) -> None:
    folder = tmp_path / "works"
    folder.mkdir()
    put(folder, FIRST, "a.csv")
    for name in ("Thumbs.db", "desktop.ini", ".~lock.a.csv#", "a.csv~", "a.csv.bak", "a.csv.part"):
        put(folder, b"id,artist,date\n9,z,2020-01-01\n", name)
    store.load(Table(folder, MAPPING, "x"))
    assert works(store) == ONE
