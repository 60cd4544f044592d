"""The machine's zone is not seen in a store: each form, the same content and the same hash."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from pyarrow import feather, parquet
from written import MAPPING, put

ZONES = ("UTC", "America/New_York", "Asia/Tokyo")
LATE = datetime(2022, 7, 31, 23, 30)
TEXTS = {
    # text, what it is in UTC where times without a zone are Chicago's
    "2022-07-31 23:30:00": datetime(2022, 8, 1, 4, 30),
    "2022-07-31 23:30:00 PDT": datetime(2022, 8, 1, 6, 30),
    "2022-07-31T23:30:00+09:00": datetime(2022, 7, 31, 14, 30),
    "1659310200": LATE,
    "2022-07-31": datetime(2022, 7, 31),
    "Jul 31 2022 11:30 PM": datetime(2022, 8, 1, 4, 30),
}
_CODE = """
import json, sys, uploadtrends as ut
from pathlib import Path
from uploadtrends.sources import SeriesFile, Table
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.e621 import E621
from uploadtrends.sources.pixiv import Pixiv
found = {}
for name, made in json.loads(sys.argv[1]).items():
    store = Path(sys.argv[2]) / f"{name}.duckdb"
    with ut.open_store(store, read_only=False) as opened:
        opened.load(eval(made))
        found[name] = opened.content_hash(), [
            [row[0], str(row[1])] for row in
            opened.sql("SELECT upload_id, published_at FROM upload ORDER BY 1").fetchall()
        ]
print(json.dumps(found))
"""


def _sqlite(file: Path, values: list[Any]) -> None:
    with closing(sqlite3.connect(file)) as con:
        con.execute("CREATE TABLE works (id, artist, date)")
        con.executemany("INSERT INTO works VALUES (?, 'a', ?)", enumerate(values))
        con.commit()


def _workbook(file: Path) -> None:
    with xlsxwriter.Workbook(str(file), {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "artist", "date"])
        sheet.write_row(1, 0, ["0", "a"])
        sheet.write_datetime(1, 2, LATE)


def _arrow(*values: Any) -> pa.Table:
    return pa.table({"id": ["0"] * len(values), "artist": "a", "date": list(values)})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], dict[str, Any]]:
    """Return the folder, the code of each source, and the right times of those that are tables."""
    folder = tmp_path_factory.mktemp("zones")
    made: dict[str, str] = {}
    right: dict[str, list[datetime]] = {}

    def table(name: str, file: Path, *times: datetime) -> None:
        made[name] = f"Table(Path({str(file)!r}), {MAPPING!r}, 'x', timezone='America/Chicago')"
        right[name] = list(times)

    every = list(TEXTS.values())
    records = [{"id": str(n), "artist": "a", "date": text} for n, text in enumerate(TEXTS)]
    lines = "".join(f"{row['id']},a,{row['date']}\n" for row in records)
    table("csv", put(folder, "id,artist,date\n" + lines), *every)
    quoted = "".join(f'{row["id"]},a,"{row["date"]}"\n' for row in records).replace("\n", "\r\n", 2)
    table("csv, exactly", put(folder, "id,artist,date\n" + quoted, "mixed.csv"), *every)
    packed = gzip.compress(("id\tartist\tdate\n" + lines.replace(",", "\t")).encode())
    table("tsv, packed", put(folder, packed, "works.tsv.gz"), *every)
    table("json", put(folder, json.dumps(records), "works.json"), *every)
    by_line = "\n".join(map(json.dumps, records))
    table("json lines", put(folder, by_line, "works.jsonl"), *every)
    nested = [row | {"artist": [row["artist"]]} for row in records]
    table("json, nested", put(folder, json.dumps(nested), "nested.json"), *every)
    _sqlite(folder / "works.db", list(TEXTS))
    table("sqlite", folder / "works.db", *every)
    _workbook(folder / "works.xlsx")
    table("excel", folder / "works.xlsx", datetime(2022, 8, 1, 4, 30))
    tokyo = LATE.replace(tzinfo=timezone(timedelta(hours=9)))
    for name, value, moment in (
        ("naive", LATE, datetime(2022, 8, 1, 4, 30)),
        ("zoned", tokyo, datetime(2022, 7, 31, 14, 30)),
        ("day", date(2022, 7, 31), datetime(2022, 7, 31)),
    ):
        parquet.write_table(_arrow(value), folder / f"{name}.parquet")
        table(f"parquet, {name}", folder / f"{name}.parquet", moment)
        feather.write_feather(_arrow(value), folder / f"{name}.feather")
        table(f"feather, {name}", folder / f"{name}.feather", moment)
    post = {"id": 1, "rating": "s", "source": "", "tag_string_artist": "a", "tag_string_meta": ""}
    posts = put(folder, json.dumps(post | {"created_at": str(LATE)}), "posts.json")
    for zone in ("UTC", "America/Chicago"):
        made[f"danbooru {zone}"] = f"Danbooru2023(Path({str(posts)!r}), timezone={zone!r})"
    pl.DataFrame([post | {"created_at": LATE}]).write_parquet(folder / "posts.parquet")
    made["danbooru parquet"] = f"Danbooru2023(Path({str(folder / 'posts.parquet')!r}))"
    work = {"idNum": 1, "id": "1_p0", "userId": "7", "user": "M", "aiType": 1, "type": 0}
    pixiv = [work | {"xRestrict": 0, "pageCount": 1, "date": "2022-08-01T08:30:00+09:00"}]
    made["pixiv"] = f"Pixiv(Path({str(put(folder, json.dumps(pixiv), 'result.json'))!r}))"
    export = (
        "id,uploader_id,created_at,source,rating,tag_string,file_ext,updated_at,is_deleted\n"
        "1,9,2022-07-31 23:30:00,,s,mira,png,,f\n"
    )
    put(folder, "id,name,category,post_count\n2,mira,1,3\n", "tags-2024-09-04.csv")
    made["e621"] = f"E621(Path({str(put(folder, export, 'posts-2024-09-04.csv'))!r}))"
    series = put(folder, "month,n\n2022-07-31T23:30:00-05:00,5\n", "series.csv")
    made["series"] = f"SeriesFile(Path({str(series)!r}), {{'n': ('x', 'all')}}, period='month')"
    return folder, made, right


def test_the_same_store_in_every_time_zone(
    files: tuple[Path, dict[str, str], dict[str, list[datetime]]],
) -> None:
    folder, made, right = files
    found = []
    for zone in ZONES:
        stores = folder / zone.replace("/", "-")
        stores.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", _CODE, json.dumps(made), str(stores)],
            env=os.environ | {"TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert set(found[0]) == set(made)
    for name in made:
        hashes = {result[name][0] for result in found}
        assert len(hashes) == 1, name
    for name, times in right.items():
        assert [row[1] for row in found[0][name][1]] == [str(time) for time in times], name
    assert found[0]["danbooru UTC"][1] == [["1", "2022-07-31 23:30:00"]]
    assert found[0]["danbooru America/Chicago"][1] == [["1", "2022-08-01 04:30:00"]]
    assert found[0]["pixiv"][1] == [["1", "2022-07-31 23:30:00"]]
