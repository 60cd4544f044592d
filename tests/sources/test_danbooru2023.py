"""Danbooru dumps: every layout, every container, every oddity."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import random
import tarfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

import uploadtrends as ut
from store_records import post, write_lines
from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources.danbooru2023 import Danbooru2023, detect_layout
from uploadtrends.sources.reading import unpacking


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def load(store, tmp_path: Path, *posts, max_rejects=0.05, **settings):
    file = write_lines(tmp_path / "posts.json", posts)
    return store.load(Danbooru2023(file, **settings), max_rejects=max_rejects)


def uploads(store, columns: str) -> list[tuple]:
    query = f"SELECT {columns} FROM upload ORDER BY CAST(upload_id AS BIGINT)"
    return store.sql(query).fetchall()


def test_ten_real_posts_are_all_datable(store, shared: Path, tmp_path: Path) -> None:
    real = json.loads((shared / "data/fixtures/danbooru/posts_2020.json").read_text())
    load(store, tmp_path, *real)
    rows = uploads(store, "upload_id, published_at, arrived_at, date_basis")
    assert len(rows) == 10
    assert {basis for *_, basis in rows} == {"source_url"}
    lags = sorted((arrived - published).total_seconds() for _, published, arrived, _ in rows)
    assert 180 < lags[0] < 200  # three minutes
    assert 200 < lags[-1] / 86400 < 210  # more than six months
    dates = {row[0]: row[1] for row in rows}
    # .../img/2020/07/26/23/24/44/ in Japan, and status 1287343784404494803
    assert dates["4018204"] == datetime(2020, 7, 26, 14, 24, 44)
    assert dates["4018203"] == datetime(2020, 7, 26, 11, 7, 30, 549000)
    lag = store.repost_lags()
    assert lag["share"].sum() == pytest.approx(1)
    assert set(lag["source_platform"]) == {"pixiv", "twitter"}


@pytest.mark.parametrize(
    ("source", "pixiv_id", "published", "platform", "key"),
    [
        (
            "https://i.pximg.net/img-original/img/2022/12/31/23/59/59/103_p0.png",
            None,
            datetime(2022, 12, 31, 14, 59, 59),
            "pixiv",
            "103",
        ),
        (
            "https://i.pximg.net/img-zip-ugoira/img/2022/12/31/08/00/00/103_ugoira1920x1080.zip",
            103,
            datetime(2022, 12, 30, 23),
            "pixiv",
            "103",
        ),
        ("https://www.pixiv.net/en/artworks/103", None, None, "pixiv", "103"),
        ("https://www.pixiv.net/member_illust.php?illust_id=103", 103, None, "pixiv", "103"),
        ("http://i2.pixiv.net/img08/img/name/103.png", None, None, "pixiv", "103"),
        # the example of Wikipedia's "Snowflake ID": 28 June 2022, 16:07:40.105 UTC
        (
            "https://x.com/i/web/status/1541815603606036480",
            None,
            datetime(2022, 6, 28, 16, 7, 40, 105000),
            "twitter",
            "1541815603606036480",
        ),
        (
            "https://mobile.twitter.com/someone/status/1541815603606036480?s=20",
            None,
            datetime(2022, 6, 28, 16, 7, 40, 105000),
            "twitter",
            "1541815603606036480",
        ),
        ("https://twitter.com/a/status/20000000000", None, None, "twitter", "20000000000"),
        ("https://www.artstation.com/artwork/Xy9aB2", None, None, "artstation", "Xy9aB2"),
        (
            "https://www.deviantart.com/mira/art/Harbour-2-123456789",
            None,
            None,
            "deviantart",
            "123456789",
        ),
        ("https://example.net/img/2022/12/31/23/59/59/103_p0.png", None, None, None, None),
        ("https://i.pximg.net/img/2022/13/41/23/59/59/103_p0.png", None, None, "pixiv", "103"),
        # dated after it arrived: the address was changed later
        (
            "https://i.pximg.net/img-original/img/2024/01/01/00/00/00/103_p0.png",
            None,
            None,
            "pixiv",
            "103",
        ),
        ("a book", None, None, None, None),
        ("[circle] a book", None, None, None, None),
        ("", None, None, None, None),
    ],
)  # fmt: skip
def test_the_artist_s_own_date(store, tmp_path, source, pixiv_id, published, platform, key) -> None:
    load(store, tmp_path, post(1, source=source, pixiv_id=pixiv_id))
    arrived = datetime(2023, 1, 15, 17, 0, 0, 500000)
    assert uploads(store, "published_at, date_basis, arrived_at, source_platform, source_key") == [
        (published or arrived, "source_url" if published else "arrival", arrived, platform, key)
    ]


def test_dates_can_be_left_alone(store, tmp_path: Path) -> None:
    load(
        store,
        tmp_path,
        post(1, source="https://twitter.com/a/status/1541815603606036480"),
        recover_dates=False,
    )
    assert uploads(store, "date_basis, source_platform") == [("arrival", None)]


def test_summer_and_winter_offsets(store, tmp_path: Path) -> None:
    load(
        store,
        tmp_path,
        post(1, created_at="2023-03-12T01:59:59.000-05:00"),
        post(2, created_at="2023-03-12T03:00:00.000-04:00"),
        post(3, created_at="2016-02-26 08:29:13.52798 UTC"),
        post(4, created_at="2023-03-12T03:00:00"),
    )
    assert uploads(store, "arrived_at") == [
        (datetime(2023, 3, 12, 6, 59, 59),),
        (datetime(2023, 3, 12, 7),),
        (datetime(2016, 2, 26, 8, 29, 13, 527980),),
        (datetime(2023, 3, 12, 3),),
    ]


def test_artists_pseudo_artists_and_nobody(store, tmp_path: Path) -> None:
    load(
        store,
        tmp_path,
        post(1, tag_string_artist="mira bo_(artist) mira"),
        post(2, tag_string_artist=""),
        post(3, tag_string_artist="banned_artist"),
        post(4, tag_string_artist="banned_artist mira"),
        post(5, tag_string_artist="", tag_string_meta="highres artist_request"),
        post(6, tag_string_artist="", tag_string_meta="not_artist_request"),
        post(7, tag_string_artist=None),
        {key: value for key, value in post(8).items() if key != "tag_string_artist"},
        post(9, tag_string_artist="banned_artist artist_request"),
    )
    assert store.sql(
        "SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL"
    ).fetchall() == [("1", "bo_(artist)", 2), ("1", "mira", 2), ("4", "mira", 1)]
    assert [row[0] for row in uploads(store, "unattributed")] == [
        *(None, "none", "banned_artist", None, "artist_request", "none", "none", "none"),
        "banned_artist",
    ]
    assert {row[0] for row in store.sql("SELECT artist_id FROM artist").fetchall()} == {
        "mira",
        "bo_(artist)",
    }


def test_ai_tags_are_whole_words_and_their_absence_is_unknown(store, tmp_path: Path) -> None:
    load(
        store,
        tmp_path,
        post(1, tag_string_meta="highres ai-generated"),
        post(2, tag_string_meta="ai-assisted"),
        post(3, tag_string_meta="not-ai-generated ai-generated_text"),
        post(4, tag_string_meta=None),
    )
    assert uploads(store, "ai_label, ai_basis") == [
        (True, "tag ai-generated"),
        (True, "tag ai-assisted"),
        (None, None),
        (None, None),
    ]


def test_status_rating_and_kind(store, tmp_path: Path) -> None:
    load(
        store,
        tmp_path,
        post(1, is_deleted=True, rating="e", file_ext="mp4"),
        post(2, is_deleted=True, is_banned=True, rating="s", file_ext=None),
        post(3, rating="q", file_ext="swf"),
        post(4, rating=None),
    )
    assert uploads(store, "status, is_mature, kind") == [
        ("deleted", True, "video"),
        ("banned", False, None),
        ("listed", True, "flash"),
        ("listed", None, "image"),
    ]


def test_missing_and_null_are_alike(store, tmp_path: Path) -> None:
    load(store, tmp_path, post(1, source=None, file_ext=None, rating=None, updated_at=None))
    with_null = store.content_hash()
    for table in ("upload", "credit", "artist"):
        store.connection.execute(f"DELETE FROM {table}")
    short = post(1)
    for key in ("source", "file_ext", "rating", "updated_at", "pixiv_id"):
        del short[key]
    load(store, tmp_path, short)
    assert store.content_hash() == with_null


def _tar(data: bytes, mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        folder = tarfile.TarInfo("metadata")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        member = tarfile.TarInfo("metadata/posts.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


CONTAINERS = {
    "posts.json": lambda data: data,
    "posts.jsonl": lambda data: data,
    "posts.json.gz": gzip.compress,
    "posts.json.xz": lzma.compress,
    "posts.json.zst": lambda data: pa.Codec("zstd").compress(data).to_pybytes(),
    "posts.tar": lambda data: _tar(data, "w"),
    "posts.tar.gz": lambda data: _tar(data, "w:gz"),
    "posts.tar.xz": lambda data: _tar(data, "w:xz"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_same(store, tmp_path: Path, name: str, monkeypatch) -> None:
    """In pieces of 20 kB, with bad lines: same rows, same line numbers."""
    monkeypatch.setattr(unpacking, "PIECE", 20_000)
    monkeypatch.setattr(unpacking, "_BLOCK", 7_000)
    lines = [post(n, source="x" * (n % 90)) for n in range(1, 201)]
    lines[49:49] = ["{broken", ""]
    lines[150] = '{"id": "abc"}'
    data = write_lines(tmp_path / "plain", lines).read_bytes()
    file = tmp_path / name
    file.write_bytes(CONTAINERS[name](data))
    report = store.load(Danbooru2023(file))
    assert report.added["upload"] == 199
    assert store.sql("SELECT position, reason FROM reject ORDER BY position").fetchall() == [
        ("line 151", "id is not a whole number"),
        ("line 50", "not a JSON object, or one without id"),
    ]


@pytest.mark.parametrize("name", ["posts.json.gz", "posts.json.xz", "posts.tar.gz"])
def test_a_file_cut_short_says_so(store, tmp_path: Path, name: str) -> None:
    rng = random.Random(0)
    lines = [post(n, source=str(rng.random())) for n in range(2000)]
    data = CONTAINERS[name](write_lines(tmp_path / "plain", lines).read_bytes())
    file = tmp_path / name
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut short or damaged.*download it again"):
        store.load(Danbooru2023(file))
    assert store.tables()["upload"] == 0


def _old(post_id: int, **changes) -> dict:
    """The layout of 2020: ids as texts, a list of tags, `s` for safe, no key for null."""
    return {
        "id": str(post_id),
        "created_at": "2016-02-26 08:29:13.52798 UTC",
        "rating": "s",
        "source": "https://twitter.com/a/status/700000000000000000",
        "file_ext": "png",
        "is_deleted": False,
        "tags": [
            {"id": "1", "name": "solo", "category": "0"},
            {"id": "2", "name": "mira", "category": "1"},
            {"id": "3", "name": "bo", "category": "1"},
        ],
    } | changes


def test_the_layout_of_2020(store, tmp_path: Path) -> None:
    nobody = [{"id": "9", "name": "artist_request", "category": "5"}]
    load(store, tmp_path, _old(1), _old(2, tags=nobody, rating="e"), _old(3, tags=[]))
    assert detect_layout(tmp_path / "posts.json") == "tag list"
    credits = store.sql("SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL")
    assert credits.fetchall() == [("1", "bo", 2), ("1", "mira", 2)]
    assert uploads(store, "unattributed, is_mature, date_basis") == [
        (None, False, "source_url"),
        ("artist_request", True, "source_url"),
        ("none", False, "source_url"),
    ]


def test_the_layout_of_2021_needs_the_tags(store, tmp_path: Path) -> None:
    rows = []
    for n, tags in enumerate(
        ["1girl mira solo bo", "solo ai-generated", "artist_request"], start=1
    ):
        row = post(n, tag_string=tags)
        for key in ("tag_string_artist", "tag_string_meta", "tag_string_general"):
            del row[key]
        rows.append(row)
    file = write_lines(tmp_path / "p.json", rows)
    with pytest.raises(InputError, match=r"layout of 2021.*tags="):
        store.load(Danbooru2023(file))
    tags = [
        {"name": "mira", "category": 1},
        {"name": "bo", "category": "1"},
        {"name": "solo", "category": 0},
        {"name": "ai-generated", "category": 5},
    ]
    packed = tmp_path / "tags.tar.xz"
    packed.write_bytes(_tar(write_lines(tmp_path / "t", tags).read_bytes(), "w:xz"))
    store.load(Danbooru2023(file, tags=packed))
    assert store.sql("SELECT upload_id, artist_id FROM credit ORDER BY ALL").fetchall() == [
        ("1", "bo"),
        ("1", "mira"),
    ]
    assert uploads(store, "ai_label, unattributed") == [
        (None, None),
        (True, "none"),
        (None, "artist_request"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("not json\nat all\n", "none of the first lines is a JSON object"),
        ('[{"id": 1, "created_at": "2020"}]', "not Danbooru posts"),
        ('{"name": "x"}\n', "not Danbooru posts"),
    ],
)
def test_files_that_are_something_else(store, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        store.load(Danbooru2023(file))


def test_a_file_of_nothing_but_bad_dates(store, tmp_path: Path) -> None:
    with pytest.raises(TooManyRejectsError, match="created_at is missing or not a date"):
        load(store, tmp_path, *(post(n, created_at="soon") for n in range(1, 9)))


@pytest.mark.parametrize("dated", ["text", "timestamp"])
def test_parquet_of_a_later_dump(tmp_path: Path, dated: str) -> None:
    from pyarrow import parquet

    texts = ["2023-01-15T12:00:00.500-05:00", "2023-07-15T12:00:00-04:00", "soon"]
    moments = pa.array([1673802000500, 1689436800000, None], pa.timestamp("ms", tz="UTC"))
    rows = {
        "id": [1, 2, 3],
        "created_at": texts if dated == "text" else moments,
        "rating": ["explicit", "s", "g"],
        "source": ["", None, ""],
        "is_deleted": [False, True, False],
        "tag_string_artist": ["a_b c_d", "", "x"],
        "tag_string_meta": ["ai-generated highres", "artist_request", ""],
        "media_asset": [{"id": n, "created_at": "2001-01-01"} for n in range(3)],
    }
    folder = tmp_path / "parts"
    folder.mkdir()
    parquet.write_table(pa.table(rows), folder / "0.parquet")
    again = {"id": [2], "created_at": texts[1:2], "rating": ["q"], "tag_string_artist": ["z"]}
    parquet.write_table(pa.table(again | {"tag_string_meta": [""]}), folder / "1.parquet")
    with ut.open_store(tmp_path / "s.duckdb", read_only=False, threads=1) as store:
        report = store.load(Danbooru2023(folder), max_rejects=9)
        assert (report.n_read, report.n_loaded, report.n_folded, report.n_rejected) == (4, 2, 1, 1)
        found = store.sql(
            "SELECT upload_id, arrived_at, is_mature, ai_label FROM upload ORDER BY 1"
        ).fetchall()
        assert found == [
            ("1", datetime(2023, 1, 15, 17, 0, 0, 500_000), True, True),
            ("2", datetime(2023, 7, 15, 16), True, None),
        ]
        credited = store.sql("SELECT upload_id, artist_id FROM credit ORDER BY ALL").fetchall()
        assert credited == [("1", "a_b"), ("1", "c_d"), ("2", "z")]
        assert store.sql("SELECT position FROM reject").fetchall() == [("0.parquet row 3",)]
