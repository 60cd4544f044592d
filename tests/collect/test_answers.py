"""Answers that a user saved, as files, with the values that a crawl would have found."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut
from uploadtrends.collect.answers import SavedAnswers
from uploadtrends.errors import InputError
from uploadtrends.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with ut.open_store(tmp_path / "s.duckdb", read_only=False, threads=1) as opened:
        yield opened


def put(folder: Path, name: str, value: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def works(store: Store) -> list[tuple[Any, ...]]:
    return store.sql(
        "SELECT upload_id, published_at, instrument, artist_id FROM upload "
        "LEFT JOIN credit USING (platform, upload_id) ORDER BY 1"
    ).fetchall()


def project(key: str, day: int, **more: Any) -> dict[str, Any]:
    written = f"2021-07-{day:02}T20:00:00.000-05:00"
    return {"id": day, "hash_id": key, "user_id": 77, "published_at": written} | more


def test_lists_of_artstation_page_by_page(store, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    put(folder, "p1.json", {"data": [project("aa", 1), project("bb", 2)], "total_count": 3})
    put(folder, "p2.json", {"data": [project("bb", 2), project("cc", 3)], "total_count": 3})
    user = {"id": 77, "username": "Mira", "projects_count": 3, "followers_count": 5}
    put(folder, "user.json", user)
    store.load(SavedAnswers(folder))
    assert works(store) == [
        ("aa", datetime(2021, 7, 2, 1), "projects", "77"),
        ("bb", datetime(2021, 7, 3, 1), "projects", "77"),
        ("cc", datetime(2021, 7, 4, 1), "projects", "77"),
    ]
    assert store.sql("SELECT artist_id, handle FROM artist").fetchall() == [("77", "Mira")]
    seen = store.sql("SELECT complete, n_uploads, n_claimed, followers FROM sighting").fetchall()
    assert seen == [(True, 3, 3, 5)]


def test_a_list_of_artstation_that_lacks_pages_is_incomplete(store, tmp_path: Path) -> None:
    store.load(
        SavedAnswers(put(tmp_path, "a.json", {"data": [project("aa", 1)], "total_count": 9}))
    )
    assert store.sql("SELECT complete, status, n_claimed FROM sighting").fetchall() == [
        (False, "incomplete", 9)
    ]


def test_a_project_of_artstation_says_whether_it_was_made_with_ai(store, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    put(folder, "1.json", {"data": [project("aa", 1), project("bb", 2)], "total_count": 2})
    card = {"id": 77, "username": "Mira"}
    put(folder, "2.json", project("aa", 1, user=card, tags=["CreatedWithAI", "x"]))
    store.load(SavedAnswers(folder))
    labels = dict(store.sql("SELECT upload_id, ai_label FROM upload").fetchall())
    assert labels == {"aa": True, "bb": None}


def test_answers_of_deviantarts_api_and_website(store, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    author = {"userid": "U-1", "username": "Mira"}
    one = {"deviationid": "D-1", "published_time": "1625097600", "author": author}
    late = one | {"deviationid": "D-3", "published_time": 0}
    gone = {"deviationid": "D-2", "is_deleted": True}
    put(folder, "api.json", {"results": [one, gone, late], "has_more": False, "next_offset": None})
    web = {"deviationId": 12, "publishedTime": "2021-07-01T08:00:00-0800", "author": {"userId": 5}}
    web["author"] |= {"username": "Mira"}
    put(folder, "new.json", {"hasMore": False, "results": [web]})
    put(
        folder, "old.json", {"hasMore": True, "results": [{"deviation": web | {"deviationId": 13}}]}
    )
    put(folder, "lines.jsonl", json.dumps(one | {"deviationid": "D-4"}) + "\n" + json.dumps(one))
    report = store.load(SavedAnswers(folder), max_rejects=9)
    assert works(store) == [
        ("D-1", datetime(2021, 7, 1), "gallery", "U-1"),
        ("D-3", None, "gallery", "U-1"),
        ("D-4", datetime(2021, 7, 1), "gallery", "U-1"),
        ("n12", datetime(2021, 7, 1, 16), "saved page", "mira"),
        ("n13", datetime(2021, 7, 1, 16), "saved page", "mira"),
    ]
    assert report.n_rejected == 1  # the date that is none


def test_feeds_and_pages_beside_them(store, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    item = (
        "<item><title>t</title><guid>https://www.deviantart.com/mira/art/t-41</guid>"
        "<pubDate>Fri, 08 Jun 2012 12:47:04 PDT</pubDate>"
        '<media:credit role="author">Mira</media:credit>'
        '<media:credit role="author">https://a.deviantart.net/x.png</media:credit></item>'
    )
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    put(folder, "feed.xml", f'<?xml version="1.0"?><rss {media}><channel>{item}</channel></rss>')
    put(
        folder,
        "page.html",
        '<link rel="canonical" href="https://www.deviantart.com/mira/art/u-42">'
        '<time datetime="2021-05-01T10:00:00-0700"></time>',
    )
    store.load(SavedAnswers(folder))
    assert works(store) == [
        ("n41", datetime(2012, 6, 8, 19, 47, 4), "rss", "mira"),
        ("n42", datetime(2021, 5, 1, 17), "saved page", "mira"),
    ]


def test_works_of_others_are_theirs_and_those_of_nobody_are_unattributed(store, tmp_path) -> None:
    base = {"published_time": 1625097600}
    rows = [
        base | {"deviationid": "A", "author": {"userid": "U-1", "username": "Mira"}},
        base | {"deviationid": "B", "author": {"userid": "U-2", "username": "Bo"}},
        base | {"deviationid": "C"},
    ]
    store.load(SavedAnswers(put(tmp_path, "browse.json", {"results": rows})))
    assert [(row[0], row[3]) for row in works(store)] == [("A", "U-1"), ("B", "U-2"), ("C", None)]
    assert store.sql("SELECT count(*) FROM sighting").fetchall() == [(0,)]


def test_what_is_no_answer_is_rejected_and_nothing_at_all_is_refused(store, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    put(folder, "a.json", {"data": [project("aa", 1)], "total_count": 1})
    put(folder, "b.json", {"error": "not found"})
    put(folder, "c.json", "{broken")
    report = store.load(SavedAnswers(folder), max_rejects=9)
    assert (report.n_rejected, len(works(store))) == (2, 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no saved answers"):
        SavedAnswers(tmp_path / "empty")


def test_packed_answers_in_a_folder_count_and_one_cut_off_is_one_reject(store, tmp_path) -> None:
    answer = {"data": [project("a", 1), project("b", 2)], "total_count": 2}
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(answer).encode()))
    put(tmp_path, "b.json", json.dumps(answer, indent=1)[:99])
    store.load(SavedAnswers(tmp_path), max_rejects=1)
    assert [row[0] for row in works(store)] == ["a", "b"]
    assert store.sql("SELECT reason FROM reject").fetchall() == [("not JSON, or cut off",)]


def test_ids_as_floats_are_ids(store, tmp_path: Path) -> None:
    """A program between the site and the file wrote 77.0; the work had nobody."""
    work = project("aa", 1) | {"user_id": 77.0, "id": 1.0}
    store.load(SavedAnswers(put(tmp_path / "saved", "p.json", {"data": [work], "total_count": 1})))
    assert [(row[0], row[3]) for row in works(store)] == [("aa", "77")]
