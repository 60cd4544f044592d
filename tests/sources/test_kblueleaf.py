"""KBlueLeaf's databases in three formats: their own codes, their own relations."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

import uploadtrends as ut
from store_records import post, write_lines
from uploadtrends.errors import InputError
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.kblueleaf import KBlueLeaf

TAGS = pl.DataFrame(
    [
        *((1, "mira", 1), (2, "bo", 1), (3, "solo", 0), (4, "hina", 2), (5, "touhou", 3)),
        *((6, "ai-generated", 4), (7, "artist_request", 4), (8, "banned_artist", 1)),
    ],
    schema=["id", "name", "type"],
    orient="row",
).with_columns(popularity=pl.lit(1))
RELATIONS = pl.DataFrame(
    [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 6), (2, 1), (3, 7), (4, 8), (5, 3)],
    schema=["post_id", "tag_id"],
    orient="row",
).with_row_index("id")


def _post(post_id: int, **changes) -> dict:
    return {
        "id": post_id,
        "created_at": "2024-05-19T01:30:25.096-04:00",
        "uploader_id": 1,
        "source": "https://twitter.com/a/status/1541815603606036480",
        "pixiv_id": None,
        "rating": 3,
        "file_ext": "jpg",
        "is_deleted": False,
        "is_banned": False,
        "updated_at": "2024-06-01T00:00:00.000-04:00",
    } | changes


POSTS = pl.DataFrame(
    [
        *(_post(1), _post(2, rating=1), _post(3, is_deleted=True), _post(4, is_banned=True)),
        *(_post(5, source="", rating=0), _post(6, created_at="soon"), _post(0)),
    ]
)
TABLES = {"post": POSTS, "tag": TAGS, "posttagrelation": RELATIONS}


def parquet(folder: Path) -> Path:
    for name, frame in TABLES.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


def sqlite(folder: Path) -> Path:
    file = folder / "danbooru.db"
    with sqlite3.connect(file) as lite:
        for name, frame in TABLES.items():
            lite.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            marks = ", ".join("?" for _ in frame.columns)
            lite.executemany(f"INSERT INTO {name} VALUES ({marks})", frame.rows())
    lite.close()
    return file


def duck(folder: Path) -> Path:
    file = folder / "danbooru.duckdb"
    with duckdb.connect(str(file)) as con:
        for name, frame in TABLES.items():
            con.register("frame", frame.to_arrow())
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    return file


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


@pytest.mark.parametrize("make", [parquet, sqlite, duck])
def test_every_format_gives_the_same(store, tmp_path: Path, make) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    store.load(KBlueLeaf(make(folder)), max_rejects=5)
    credits = store.sql("SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL")
    assert credits.fetchall() == [
        ("1", "bo", 2),
        ("1", "mira", 2),
        ("2", "mira", 1),
    ]
    assert store.sql(
        "SELECT upload_id, is_mature, status, ai_label, unattributed, date_basis, arrived_at "
        "FROM upload ORDER BY upload_id"
    ).fetchall() == [
        (*row, datetime(2024, 5, 19, 5, 30, 25, 96000))
        for row in [
            ("1", True, "listed", None, None, "source_url"),
            ("2", False, "listed", True, None, "source_url"),
            ("3", True, "deleted", None, "artist_request", "source_url"),
            ("4", True, "banned", None, "banned_artist", "source_url"),
            ("5", False, "listed", None, "none", "arrival"),
        ]
    ]
    assert store.sql("SELECT position, reason FROM reject ORDER BY ALL").fetchall() == [
        ("post 0", "id out of range"),
        ("post 6", "created_at is not a date"),
    ]


def test_the_same_posts_from_the_dump_are_the_same_rows(store, tmp_path: Path) -> None:
    """A post changed since the dump is renewed; one that is older than the dump's is not."""
    dump = [
        post(n, source=POSTS["source"][0], updated_at=updated, tag_string_artist=artist)
        for n, updated, artist in [(1, "2023-01-01T00:00:00Z", "old_name"),
                                   (2, "2025-01-01T00:00:00Z", "new_name")]
    ]  # fmt: skip
    store.load(Danbooru2023(write_lines(tmp_path / "posts.json", dump)))
    report = store.load(KBlueLeaf(sqlite(tmp_path)), max_rejects=5)
    assert report.added["upload"] == 3
    assert report.changed["upload"] == 1
    found = store.sql("SELECT artist_id FROM credit WHERE upload_id IN ('1', '2') ORDER BY 1")
    assert found.fetchall() == [("bo",), ("mira",), ("new_name",)]


def test_databases_that_are_something_else(store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file|cannot read"):
        store.load(KBlueLeaf(tmp_path / "absent.db"))
    other = tmp_path / "other.db"
    other.write_text("text")
    with pytest.raises(InputError, match="neither an SQLite nor a DuckDB"):
        store.load(KBlueLeaf(other))
    early = tmp_path / "early.db"
    with sqlite3.connect(early) as lite:
        lite.execute(f"CREATE TABLE post ({', '.join(POSTS.columns)}, tags)")
    lite.close()
    with pytest.raises(InputError, match=r"no table 'tag'.*early releases"):
        store.load(KBlueLeaf(early))
    assert store.tables()["upload"] == 0


def test_what_the_log_of_a_database_holds_is_read(store, tmp_path: Path) -> None:
    file = tmp_path / "live.db"
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = wal")
    writer.execute(
        "CREATE TABLE post (id, created_at, updated_at, source, pixiv_id, rating, file_ext, "
        "is_deleted, is_banned)"
    )
    writer.execute("CREATE TABLE tag (id, name, type)")
    writer.execute("CREATE TABLE posttagrelation (post_id, tag_id)")
    writer.executemany(
        "INSERT INTO post VALUES (?, '2023-05-19T01:30:25Z', NULL, '', NULL, 0, 'png', 0, 0)",
        [(n,) for n in range(1, 101)],
    )
    writer.commit()
    try:
        assert Path(f"{file}-wal").stat().st_size > 0
        report = store.load(KBlueLeaf(file))
        assert report.added["upload"] == 100
    finally:
        writer.close()
