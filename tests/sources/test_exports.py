"""Exports of pixiv's downloaders and of e621."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.sources.e621 import E621
from uploadtrends.sources.pixiv import Pixiv


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def found(store) -> list[tuple]:
    return store.sql(
        "SELECT upload_id, published_at, artist_id, ai_label, is_mature, media_count FROM upload "
        "LEFT JOIN credit USING (platform, upload_id) ORDER BY 1"
    ).fetchall()


EXPECTED = [
    ("101", datetime(2023, 1, 20, 8, 36), "7", False, False, 2),
    ("102", datetime(2023, 1, 21, 23, 0), "7", True, True, 1),
    ("103", datetime(2021, 5, 1, 0, 0), "8", None, True, 1),
]


def test_a_list_with_one_object_a_page(store, tmp_path) -> None:
    def page(work, number, **more):
        return {"idNum": work, "id": f"{work}_p{number}", "userId": "7", "user": "Mira"} | more

    pages = [
        page(101, n, aiType=1, xRestrict=0, pageCount=2, type=0, date="2023-01-20T08:36:00+00:00",
             uploadDate="2024-02-02T00:00:00+00:00") for n in (0, 1)
    ] + [
        page(102, 0, aiType=2, xRestrict=1, pageCount=1, type=1, date="2023-01-22T08:00:00+09:00"),
        page(103, 0, aiType=0, xRestrict=2, pageCount=1, type=2, userId="8",
             date="2021-05-01T00:00:00+00:00"),
        page(104, 0, aiType=1, xRestrict=0, pageCount=1, type=3, date="2023-01-22T08:00:00+09:00"),
    ]  # fmt: skip
    file = tmp_path / "result.json"
    file.write_text(json.dumps(pages))
    report = store.load(Pixiv(file), max_rejects=1)
    assert found(store) == EXPECTED
    assert (report.n_read, report.n_loaded, report.n_folded) == (5, 3, 1)
    assert report.reject_reasons == {"a novel, not a picture": 1}


def test_a_table_of_the_same_tool(store, tmp_path) -> None:
    text = (
        "\ufeffid,tags,user,userId,title,type,page,xRestrict,AI,date\r\n"
        '101,"a,b",Mira,7,"x",Illustration,2,AllAges,No,2023-01-20T08:36:00+00:00\r\n'
        "102,a,Mira,7,x,Manga,1,R-18,Yes,2023-01-22T08:00:00+09:00\r\n"
        "103,a,Ada,8,x,Ugoira,1,R-18G,Unknown,2021-05-01T00:00:00+00:00\r\n"
    )
    file = tmp_path / "result.csv"
    file.write_bytes(text.encode())
    store.load(Pixiv(file))
    assert found(store) == EXPECTED


def test_files_of_the_app(store, tmp_path) -> None:
    works = [
        {"id": 101, "user": {"id": 7, "name": "Mira"}, "type": "illust", "page_count": 2,
         "x_restrict": 0, "illust_ai_type": 1, "create_date": "2023-01-20T17:36:00+09:00"},
        {"id": 102, "user": {"id": 7, "name": "Mira"}, "type": "manga", "page_count": 1,
         "x_restrict": 1, "illust_ai_type": 2, "create_date": "2023-01-22T08:00:00+09:00"},
        {"id": 103, "user": {"id": 8, "name": "Ada"}, "type": "ugoira", "page_count": 1,
         "x_restrict": 2, "illust_ai_type": 0, "create_date": "2021-05-01T09:00:00+09:00"},
    ]  # fmt: skip
    file = tmp_path / "answer.json"
    file.write_text(json.dumps({"illusts": works, "next_url": None}))
    store.load(Pixiv(file))
    assert found(store) == EXPECTED
    assert dict(store.sql("SELECT artist_id, handle FROM artist").fetchall()) == {
        "7": "Mira",
        "8": "Ada",
    }


def test_what_is_no_export_of_pixiv(store, tmp_path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("id,date\n1,2022-01-01\n")
    with pytest.raises(InputError, match="no artist_id"):
        store.load(Pixiv(file))


def test_an_export_of_e621_with_its_tags(store, tmp_path) -> None:
    posts = (
        "id,uploader_id,created_at,source,rating,tag_string,file_ext,updated_at,is_deleted\n"
        '1,9,2024-09-01 04:14:23.858062,"https://a\nhttps://b",s,fox mira conditional_dnp,png,,f\n'
        "2,9,2024-09-02 04:14:23,,e,ada mira ai_generated,webm,,t\n"
        "3,9,2024-09-03 04:14:23,,q,fox,jpg,,f\n"
        "x,9,2024-09-03 04:14:23,,q,fox,jpg,,f\n"
    )
    tags = "id,name,category,post_count\n1,fox,5,9\n2,mira,1,3\n3,ada,1,1\n4,conditional_dnp,1,5\n"
    file = tmp_path / "posts-2024-09-04.csv.gz"
    file.write_bytes(gzip.compress(posts.encode()))
    with pytest.raises(InputError, match="which of their tags are artists"):
        store.load(E621(file))
    (tmp_path / "tags-2024-09-04.csv.gz").write_bytes(gzip.compress(tags.encode()))
    report = store.load(E621(file), max_rejects=1)
    assert store.sql(
        "SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL"
    ).fetchall() == [("1", "mira", 1), ("2", "ada", 2), ("2", "mira", 2)]
    assert store.sql(
        "SELECT upload_id, arrived_at, date_basis, status, is_mature, ai_label, unattributed "
        "FROM upload ORDER BY 1"
    ).fetchall() == [
        ("1", datetime(2024, 9, 1, 4, 14, 23, 858062), "arrival", "listed", False, None, None),
        ("2", datetime(2024, 9, 2, 4, 14, 23), "arrival", "deleted", True, True, None),
        ("3", datetime(2024, 9, 3, 4, 14, 23), "arrival", "listed", True, None, "none"),
    ]
    assert (report.n_read, report.n_loaded, report.n_rejected, report.unattributed) == (4, 3, 1, 1)
