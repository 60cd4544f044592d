"""Dates between neighbours and from other platforms: right, bounded, and whatever the order."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from store_records import Records, post, write_lines
from uploadtrends.records import Upload
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.store import build_store

JAPAN = timedelta(hours=9)


def path_of(pixiv_id: int, published: datetime) -> str:
    return (published + JAPAN).strftime(
        f"https://i.pximg.net/img/%Y/%m/%d/%H/%M/%S/{pixiv_id}_p0.png"
    )


def page_of(pixiv_id: int) -> str:
    return f"https://www.pixiv.net/artworks/{pixiv_id}"


def dates(tmp_path: Path, *posts: dict) -> dict[str, tuple]:
    file = write_lines(tmp_path / "posts.json", posts)
    build_store(tmp_path / "s.duckdb", [Danbooru2023(file)])
    with ut.open_store(tmp_path / "s.duckdb") as store:
        rows = store.sql(
            "SELECT upload_id, published_at, date_basis, date_precision, date_error_seconds "
            "FROM upload"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_on_the_line_between_neighbours(tmp_path: Path) -> None:
    low, high = datetime(2022, 5, 1), datetime(2022, 5, 11)
    found = dates(
        tmp_path,
        post(1, source=path_of(1000, low)),
        post(2, source=path_of(2000, high)),
        post(3, source=page_of(1100)),
        post(4, source=page_of(2000)),  # the very work that another repost dates
        post(5, source=page_of(900)),  # before the first neighbour: nothing is known
        post(6, source=page_of(2100)),
    )
    assert found["3"] == (low + timedelta(days=1), "interpolated", "month", 5 * 86400)
    assert found["4"][:3] == (high, "interpolated", "second")
    assert found["5"][1] == found["6"][1] == "arrival"


def test_precision_follows_the_gap(tmp_path: Path) -> None:
    start = datetime(2022, 5, 1)
    gaps = {100: (90, "minute"), 200: (20 * 3600, "day"), 300: (60 * 86400, "month")}
    posts, n = [], 0
    for first, (seconds, _) in gaps.items():
        moment = start + timedelta(days=first)
        for pixiv_id, when in ((first, moment), (first + 10, moment + timedelta(seconds=seconds))):
            n += 1
            posts.append(post(n, created_at="2023-12-01T00:00:00Z", source=path_of(pixiv_id, when)))
        posts.append(post(first, created_at="2023-12-01T00:00:00Z", source=page_of(first + 5)))
    found = dates(tmp_path, *posts)
    assert {first: found[str(first)][2] for first in gaps} == {
        first: precision for first, (_, precision) in gaps.items()
    }


def test_neighbours_too_far_apart_date_nothing(tmp_path: Path) -> None:
    found = dates(
        tmp_path,
        post(1, source=path_of(1000, datetime(2022, 1, 1))),
        post(2, source=path_of(2000, datetime(2022, 6, 1))),
        post(3, source=page_of(1500)),
    )
    assert found["3"][1] == "arrival"


def test_a_revised_image_does_not_pull_its_neighbours_forward(tmp_path: Path) -> None:
    """1400 was revised in December; 1500 and 1600 tell when it was made at the latest."""
    found = dates(
        tmp_path,
        post(1, source=path_of(1000, datetime(2022, 5, 1))),
        post(2, source=path_of(1400, datetime(2022, 12, 1))),
        post(3, source=path_of(1600, datetime(2022, 5, 7))),
        post(4, source=page_of(1500)),
        post(5, source=page_of(1300)),
    )
    assert datetime(2022, 5, 1) <= found["5"][0] <= datetime(2022, 5, 7)
    assert found["4"][0] <= datetime(2022, 5, 7)


def test_no_date_is_after_the_arrival(tmp_path: Path) -> None:
    found = dates(
        tmp_path,
        post(1, source=path_of(1000, datetime(2022, 5, 1))),
        post(2, source=path_of(2000, datetime(2022, 5, 31)), created_at="2022-06-01T00:00:00Z"),
        post(3, source=page_of(1999), created_at="2022-05-02T00:00:00Z"),
    )
    assert found["3"][0] == datetime(2022, 5, 2)


@pytest.mark.parametrize("first", ["danbooru", "artstation"])
def test_the_original_platform_gives_its_date(tmp_path: Path, first: str) -> None:
    file = write_lines(
        tmp_path / "posts.json",
        [
            post(1, source="https://www.artstation.com/artwork/Xy9aB2"),
            post(2, source="https://www.artstation.com/artwork/other"),
        ],
    )
    published = datetime(2022, 3, 4, 5, 6, 7)
    sources = [Danbooru2023(file), Records(Upload("artstation", "Xy9aB2", published))]
    if first == "artstation":
        sources.reverse()
    build_store(tmp_path / "s.duckdb", sources)
    with ut.open_store(tmp_path / "s.duckdb") as store:
        rows = store.sql(
            "SELECT published_at, date_basis FROM upload WHERE platform = 'danbooru' "
            "ORDER BY upload_id"
        ).fetchall()
        lags = store.repost_lags()
    assert rows[0] == (published, "source_url")
    assert rows[1][1] == "arrival"
    assert lags["uploads"].sum() == 2


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ids=st.lists(st.integers(1, 400), min_size=3, max_size=25, unique=True),
    known=st.lists(st.booleans(), min_size=25, max_size=25),
    cut=st.integers(0, 25),
)
def test_rising_ids_bound_the_truth_in_any_order_of_loads(
    ids: list, known: list, cut: int, tmp_path: Path
) -> None:
    made = {pixiv_id: datetime(2022, 1, 1) + timedelta(hours=pixiv_id) for pixiv_id in ids}
    posts = [
        post(
            pixiv_id,
            source=path_of(pixiv_id, made[pixiv_id]) if is_known else page_of(pixiv_id),
        )
        for pixiv_id, is_known in zip(ids, known, strict=False)
    ]
    hashes = set()
    parts = [
        write_lines(tmp_path / "a.json", posts[:cut] or posts),
        write_lines(tmp_path / "b.json", posts[cut:] or posts),
    ]
    for order in (parts, parts[::-1]):
        build_store(tmp_path / "s.duckdb", [Danbooru2023(part) for part in order])
        with ut.open_store(tmp_path / "s.duckdb") as store:
            hashes.add(store.content_hash())
            rows = store.sql(
                "SELECT CAST(upload_id AS INT), published_at, date_error_seconds FROM upload "
                "WHERE date_basis = 'interpolated'"
            ).fetchall()
        for pixiv_id, published, error in rows:
            off = abs((published - made[pixiv_id]).total_seconds())
            assert off <= 2 * error + 1
    assert len(hashes) == 1


def test_originals_of_pixiv_date_reposts_in_any_order_of_loads(tmp_path: Path) -> None:
    """One repost is between two others, of which one has an original: known early, late, never."""
    low, high = datetime(2022, 5, 1), datetime(2022, 5, 11)
    posts = [post(1, source=path_of(1000, low)), post(2, source=page_of(2000))]
    between = [post(3, source=page_of(1500)), post(4, source=path_of(3000, datetime(2022, 5, 21)))]
    sources = [
        Danbooru2023(write_lines(tmp_path / "a.json", posts)),
        Danbooru2023(write_lines(tmp_path / "b.json", between)),
        Records(Upload("pixiv", "2000", high, date_basis="published")),
    ]
    found = set()
    for order in permutations(sources):
        build_store(tmp_path / "s.duckdb", order)
        with ut.open_store(tmp_path / "s.duckdb") as store:
            found.add(store.content_hash())
            rows = store.sql(
                "SELECT upload_id, published_at, date_basis, date_error_seconds FROM upload "
                "WHERE upload_id IN ('2', '3') ORDER BY 1"
            ).fetchall()
        assert rows == [
            ("2", high, "source_url", None),
            ("3", low + timedelta(days=5), "interpolated", 5 * 86400),
        ]
    assert len(found) == 1
