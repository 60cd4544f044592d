"""One person is one artist, however a platform's tools write the name; lists hold single names."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.sources import Table
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.frames import read_frame

MAPPING = {"upload_id": "id", "artist_id": "artist", "published_at": "date"}
COUNTS = {"artist_id": "artist", "published_at": "month", "uploads": "n"}


def credited(folder: Path, text: str, platform: str = "x", **settings: Any) -> list[tuple]:
    """Load a table; return work, artist and number of artists of every credit."""
    file = folder / "works.csv"
    file.write_text(text, encoding="utf-8")
    ut.build_store(folder / "s.duckdb", [Table(file, MAPPING, platform, **settings)])
    with ut.open_store(folder / "s.duckdb") as store:
        return store.sql(
            "SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL"
        ).fetchall()


def rows(*artists: str) -> str:
    made = [f"{n},{artist},2021-01-05\n" for n, artist in enumerate(artists, 1)]
    return "id,artist,date\n" + "".join(made)


@pytest.mark.parametrize(
    ("platform", "artists"),
    [
        ("twitter", ("@ann", "ann", "ann")),
        ("reddit", ("u/ann", "/u/Ann", "ann", "ann")),
        ("artstation", ("https://www.artstation.com/ann", "ann", "Ann", "ann")),
        ("deviantart", ("Ann|ann", "ann", "ann")),
    ],
)
def test_one_handle_is_one_artist(tmp_path: Path, platform: str, artists: tuple[str, ...]) -> None:
    found = credited(tmp_path, rows(*artists), platform, artist_separator="|")
    assert found == [(str(n), "ann", 1) for n in range(1, len(artists) + 1)]


def test_lists_follow_the_spelling_of_the_store(tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as store:
        for text in (rows("Ann"), "id,artist,date\n2,ann|Bob|ANN,2021-01-06\n"):
            file.write_text(text, encoding="utf-8")
            store.load(Table(file, MAPPING, "artstation", artist_separator="|"))
        found = store.sql("SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL")
        assert found.fetchall() == [("1", "Ann", 1), ("2", "Ann", 2), ("2", "Bob", 2)]


def test_a_dotted_capital_i_is_a_letter_of_its_own(tmp_path: Path) -> None:
    found = credited(tmp_path, rows("İRIS", "iris", "IRIS", "iris"), artist_case="fold")
    assert [artist for _, artist, _ in found] == ["İRIS", "iris", "iris", "iris"]


ADDRESSES = {
    "deviantart": {
        "bob": ("https://bob.deviantart.com/", "https://www.deviantart.com/Bob", "bob"),
        "https://ann.deviantart.com/gallery/": ("https://ann.deviantart.com/gallery/",),
        "fen-nec": ("https://www.deviantart.com/fen%2Dnec", "fen-nec"),
    },
    "tumblr": {
        "bob": ("https://bob.tumblr.com", "bob", "https://www.tumblr.com/bob"),
        "cy": ("cy",),
    },
    "artstation": {
        "ann": (
            "ann",
            "https://www.artstation.com/ann/?a=1",
            "http://Ann.artstation.com/projects/x",
        ),
        "https://www.artstation.com/artwork/ann": ("https://www.artstation.com/artwork/ann",),
    },
    "twitter": {"ann": ("https://x.com/Ann", "@ann", "https://mobile.twitter.com/ann", "ann")},
    "reddit": {"ann": ("https://www.reddit.com/user/Ann/", "https://old.reddit.com/u/ann", "ann")},
    "instagram": {
        "東": ("https://www.instagram.com/%E6%9D%B1/", "東"),
        "max.com/東": ("max.com/東",),
    },
}


@pytest.mark.parametrize("platform", ADDRESSES)
def test_the_address_of_a_profile_is_its_artist_and_nobody_else(tmp_path, platform: str) -> None:
    right = [
        (name, spelling) for name, all_of in ADDRESSES[platform].items() for spelling in all_of
    ]
    found = credited(tmp_path, rows(*(spelling for _, spelling in right)), platform)
    assert [artist for _, artist, _ in found] == [name for name, _ in right]


def test_a_name_cut_out_of_an_address_is_the_name(tmp_path: Path) -> None:
    """Escapes only where an address needs them, and only of whole characters."""
    right = {
        "%E6%9D%B1": "東",
        "東": "東",
        "John%20Smith": "John Smith",
        "100%25": "100%",
        "50%": "50%",
        "20%50": "20%50",
        "%41nn": "%41nn",
        "%E6%9D": "%E6%9D",
    }
    found = credited(tmp_path, rows(*right))
    assert [artist for _, artist, _ in found] == list(right.values())
    listed = credited(tmp_path, rows("東|%E6%9D%B1|ann"), artist_separator="|")
    assert listed == [("1", "ann", 2), ("1", "東", 2)]


@pytest.mark.parametrize(
    ("cell", "artists"),
    [
        ("ann| bob ||ann", ["ann", "bob"]),
        ("nan|bob", ["bob"]),
        ("12.0|x.y", ["12", "x.y"]),
        ("e\u0301cole|\u00e9cole", ["\u00e9cole"]),
        ("bob\u200b|bob", ["bob"]),
        ("%E6%9D%B1|%41", ["%41", "\u6771"]),
    ],
)
def test_names_in_a_list_are_mended_as_single_ones(tmp_path, cell: str, artists: list) -> None:
    found = credited(tmp_path, rows(cell), artist_separator="|")
    assert found == [("1", artist, len(artists)) for artist in artists]


def test_a_sigma_at_the_end_of_a_word_is_a_sigma(tmp_path: Path) -> None:
    found = credited(tmp_path, rows("ΟΔΟΣ", "οδος", "οδοσ", "οδος"), artist_case="fold")
    assert {artist for _, artist, _ in found} == {"οδος"}


def test_elsewhere_an_at_and_a_capital_make_another_name(tmp_path: Path) -> None:
    found = credited(tmp_path, rows("@ann", "ann", "Ann"))
    assert [artist for _, artist, _ in found] == ["@ann", "ann", "Ann"]


@pytest.mark.parametrize(
    ("cell", "artists"),
    [
        ("['ann' 'bob']", ["ann", "bob"]),  # NumPy's way; Python reads one text there
        ("[12 7]", ["12", "7"]),
        ("['ann', 'bob']", ["ann", "bob"]),
        ("['ann bob']", ["ann bob"]),
        ("[ann bob]", ["[ann bob]"]),  # a name
    ],
)
def test_lists_in_a_text(tmp_path: Path, cell: str, artists: list[str]) -> None:
    found = credited(tmp_path, f'id,artist,date\n1,"{cell}",2021-01-05\n')
    assert [artist for _, artist, _ in found] == sorted(artists)


def test_quotation_marks_behind_a_blank_are_none_of_the_name(tmp_path: Path) -> None:
    text = (
        'id, artist, "date"\n1, "ann", 2021-01-05\n2, "bob, jr", 2021-01-05\n'
        '3, cy "the cat", 2021-01-05\n4, "dy" b, 2021-01-05\n'
    )
    found = credited(tmp_path, text)
    assert [artist for _, artist, _ in found] == ["ann", "bob, jr", 'cy "the cat"', '"dy" b']


@pytest.mark.parametrize(("named", "rejected"), [("Total", 2), ("Totalia", 0)])
def test_a_row_of_totals_is_no_artist(tmp_path: Path, named: str, rejected: int) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(
        "artist,month,n\nann,2021-01,3\nbob,2021-01,2\n"
        f"{named},2021-01,5\nann,2021-02,4\n{named},2021-02,4\n"
    )
    (report,) = ut.build_store(tmp_path / "s.duckdb", [Table(file, COUNTS, "x")], max_rejects=9)
    assert (report.n_read, report.n_loaded, report.n_rejected) == (5, 5 - rejected, rejected)
    assert report.staged["upload"] == (9 if rejected else 18)


def test_an_artist_called_all_keeps_works_that_are_no_total(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("artist,month,n\nann,2021-01,3\nAll,2021-01,2\n")
    (report,) = ut.build_store(tmp_path / "s.duckdb", [Table(file, COUNTS, "x")])
    assert (report.n_rejected, report.staged["upload"]) == (0, 5)


def test_the_handle_of_the_newest_work_stands(tmp_path: Path) -> None:
    file = tmp_path / "works.csv"
    file.write_text("id,artist,date,name\n1,7,2022-01-05,new\n2,7,2021-01-05,old\n")
    source = Table(file, MAPPING | {"handle": "name"}, "x")
    ut.build_store(tmp_path / "s.duckdb", [source])
    with ut.open_store(tmp_path / "s.duckdb") as store:
        assert store.sql("SELECT handle FROM artist").fetchall() == [("new",)]


def test_lines_that_are_no_objects_cost_only_themselves(tmp_path: Path) -> None:
    file = tmp_path / "days.jsonl"
    file.write_text('{"date":"2021-01-05"}\n5\n"x"\n[1]\n{"date":"2021-02-07"}\n')
    source = Table(file, {"published_at": "date"}, "x")
    (report,) = ut.build_store(tmp_path / "s.duckdb", [source], max_rejects=9)
    assert (report.n_read, report.n_loaded, report.n_rejected) == (5, 2, 3)


def test_infinity_is_no_value_of_a_series(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text("month,n\n2021-01,5\n2021-02,inf\n")
    with pytest.raises(InputError, match=r"a number cannot be read.*'inf'"):
        read_frame(file)


POST = {"id": 1, "rating": "s", "source": "", "tag_string_artist": "ann", "tag_string_meta": ""}


@pytest.mark.parametrize(
    ("created", "zone", "right"),
    [
        ("2021-01-31T22:00:00.000-05:00", "Asia/Tokyo", datetime(2021, 2, 1, 3)),
        ("2021-01-31 22:00:00", "UTC", datetime(2021, 1, 31, 22)),
        ("2021-01-31 22:00:00", "America/New_York", datetime(2021, 2, 1, 3)),
    ],
)
def test_times_of_a_danbooru_dump_without_a_zone(
    tmp_path: Path, created: str, zone: str, right: datetime
) -> None:
    file = tmp_path / "posts.json"
    file.write_text(json.dumps(POST | {"created_at": created}) + "\n")
    ut.build_store(tmp_path / "s.duckdb", [Danbooru2023(file, timezone=zone)])
    with ut.open_store(tmp_path / "s.duckdb") as store:
        assert store.sql("SELECT arrived_at FROM upload").fetchall() == [(right,)]


def test_a_zone_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown time zone"):
        Danbooru2023(tmp_path / "posts.json", timezone="Mars")


@pytest.mark.parametrize(
    ("name", "head", "what"),
    [("a.duckdb", b"\0" * 8 + b"DUCK" + b"\0" * 600, "a DuckDB database")],
)
def test_what_a_file_is(tmp_path: Path, name: str, head: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(head)
    with pytest.raises(InputError, match=f"this is {what}, not a table"):
        ut.build_store(tmp_path / "s.duckdb", [Table(tmp_path / name, MAPPING, "x")])
