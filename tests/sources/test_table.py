"""Any table of uploads or counts, in any format, with any mistake in it."""

from __future__ import annotations

import gzip
import sqlite3
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from store_records import write_lines
from uploadtrends import datasets
from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources import Table, bundled

MAPPING = {"published_at": "date", "artist_id": "author", "upload_id": "key"}


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def written(tmp_path: Path, text: str | bytes, name: str = "works.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def uploads(store) -> list[tuple]:
    return store.sql(
        "SELECT upload_id, published_at, date_precision, artist_id FROM upload "
        "LEFT JOIN credit USING (platform, upload_id) ORDER BY ALL"
    ).fetchall()


def test_the_bundled_counts(store) -> None:
    report = store.load(bundled("artist_months"))
    frame = datasets.artist_months()
    assert report.n_rejected == 0
    found = store.sql(
        "SELECT instrument, count(*), min(published_at), max(published_at) FROM upload "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    sums = frame.groupby("instrument")["uploads"].sum()
    assert {row[0]: row[1] for row in found} == sums.to_dict()
    assert store.tables()["artist"] == frame["artist_id"].nunique()
    joined = store.sql("SELECT artist_id, joined_at, joined_basis FROM artist").df()
    first = frame.groupby("artist_id")["first_month"].min()
    assert (joined.set_index("artist_id")["joined_at"].sort_index() == first.sort_index()).all()
    assert set(joined["joined_basis"]) == {"first_listing"}
    per_artist = store.sql(
        "SELECT artist_id, count(*) AS n FROM credit GROUP BY artist_id"
    ).df().set_index("artist_id")["n"]  # fmt: skip
    assert per_artist.sort_index().equals(
        frame.groupby("artist_id")["uploads"].sum().rename("n").sort_index()
    )


ROWS = [
    {"date": "2022-08-22", "author": "ada", "key": "1"},
    {"date": "2022-08-23T01:02:03Z", "author": "bo, jr", "key": "2"},
    {"date": "2022-09", "author": None, "key": "3"},
]
EXPECTED = [
    ("1", datetime(2022, 8, 22), "day", "ada"),
    ("2", datetime(2022, 8, 23, 1, 2, 3), "second", "bo, jr"),
    ("3", datetime(2022, 9, 1), "month", None),
]


def _csv(path: Path, separator: str = ",") -> Path:
    pl.DataFrame(ROWS).write_csv(path, separator=separator)
    return path


def _sqlite(path: Path) -> Path:
    with sqlite3.connect(path) as lite:
        lite.execute("CREATE TABLE work (key INTEGER, date TEXT, author TEXT)")
        lite.executemany("INSERT INTO work VALUES (:key, :date, :author)", ROWS)
    lite.close()
    return path


def _gzipped(path: Path) -> Path:
    path.write_bytes(gzip.compress(_csv(path.with_suffix(".tmp")).read_bytes()))
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: _csv(folder / "works.csv"),
        lambda folder: _csv(folder / "works.tsv", "\t"),
        lambda folder: _csv(folder / "works.txt", ";"),
        lambda folder: _gzipped(folder / "works.csv.gz"),
        lambda folder: write_lines(folder / "works.jsonl", ROWS),
        lambda folder: _sqlite(folder / "works.db"),
        lambda folder: (pl.DataFrame(ROWS).write_parquet(folder / "w"), folder / "w")[1],
    ],
    ids=["csv", "tsv", "semicolons", "csv.gz", "jsonl", "sqlite", "parquet"],
)
def test_every_format_gives_the_same(store, tmp_path: Path, make) -> None:
    store.load(Table(make(tmp_path), MAPPING, "site"))
    assert uploads(store) == EXPECTED
    assert store.sql("SELECT upload_id, unattributed FROM upload ORDER BY 1").fetchall() == [
        ("1", None),
        ("2", None),
        ("3", "none"),
    ]


@pytest.mark.parametrize(
    ("text", "options", "expected", "precision"),
    [
        ("2022", {}, datetime(2022, 1, 1), "year"),
        ("2022-08", {}, datetime(2022, 8, 1), "month"),
        ("2022-08-22", {}, datetime(2022, 8, 22), "day"),
        ("2022-08-22 10:11", {}, datetime(2022, 8, 22, 10, 11), "minute"),
        ("2022-08-22T10:11:12-05:00", {}, datetime(2022, 8, 22, 15, 11, 12), "second"),
        ("2022-08-22T10:11:12.5+0200", {}, datetime(2022, 8, 22, 8, 11, 12, 500000), "second"),
        ("1661162400", {}, datetime(2022, 8, 22, 10), "second"),
        ("1661162400000", {}, datetime(2022, 8, 22, 10), "second"),
        ("22/08/2022", {"date_format": "%d/%m/%Y"}, datetime(2022, 8, 22), "day"),
        ("Aug 2022", {"date_format": "%b %Y"}, datetime(2022, 8, 1), "month"),
        (
            "2022-03-13 12:00:00",
            {"timezone": "America/Chicago"},
            datetime(2022, 3, 13, 17),
            "second",
        ),
        (
            "2022-03-12 12:00:00",
            {"timezone": "America/Chicago"},
            datetime(2022, 3, 12, 18),
            "second",
        ),
    ],
)
def test_dates_as_people_write_them(store, tmp_path, text, options, expected, precision) -> None:
    store.load(
        Table(written(tmp_path, f"date,author,key\n{text},a,1\n"), MAPPING, "site", **options)
    )
    assert uploads(store) == [("1", expected, precision, "a")]


def test_bad_rows_are_recorded_and_the_others_load(store, tmp_path: Path) -> None:
    text = (
        "date,author,key\n"
        "2022-01-01,a,1\n"
        "yesterday,a,2\n"
        "2022-01-03,a,1\n"  # the same work at another date: an older version of the next
        "2022-01-01,a,1\n"  # the very same row as the first
        "2999-01-01,a,5\n"
        "2022-02-30,a,6\n"
        "2022-01-07,a\n"  # a cell is missing
        "2022-01-08,a,8,more\n"
        "2022-01-09,a,\n"
        ",a,10\n"
        "2022-01-11,b,11\n"
        "2022-01-01,b,1\n"  # a second artist of the first work
    )
    file = written(tmp_path, text.encode() + b"2022-01-12,\xff\xfe,12\n")
    report = store.load(Table(file, MAPPING, "site"), max_rejects=20)
    assert uploads(store) == [
        ("1", datetime(2022, 1, 1), "day", "a"),
        ("1", datetime(2022, 1, 1), "day", "b"),
        ("11", datetime(2022, 1, 11), "day", "b"),
    ]
    assert store.sql("SELECT DISTINCT n_artists FROM credit WHERE upload_id = '1'").fetchall() == [
        (2,)
    ]
    reasons = dict(store.sql("SELECT position, reason FROM reject").fetchall())
    assert report.n_rejected == len(reasons) == 8
    assert report.n_read == len(text.splitlines())
    assert (report.n_loaded, report.n_folded) == (3, 2)
    assert reasons["row 2"] == "unreadable date"
    assert reasons["row 5"] == "date in the future"
    assert reasons["row 6"] == "unreadable date"
    assert reasons["line 8"] == "too few columns"
    assert reasons["line 9"] == "too many columns"
    assert reasons["line 14"] == "not UTF-8"
    assert "no upload id" in reasons.values()
    assert "no date" in reasons.values()


def test_counts_become_works_of_month_precision(store, tmp_path: Path) -> None:
    text = "who,month,n\na,2022-01,3\na,2022-02,0\nb,2022-01,1\na,2022-01,9\nb,2022-03,1.5\nb,2022-04,-1\n,2022-01,1\n"  # noqa: E501
    mapping = {"artist_id": "who", "published_at": "month", "uploads": "n"}
    store.load(Table(written(tmp_path, text), mapping, "site"), max_rejects=10)
    assert store.sql(
        "SELECT artist_id, published_at, date_precision, count(*) FROM upload "
        "JOIN credit USING (platform, upload_id) GROUP BY ALL ORDER BY ALL"
    ).fetchall() == [
        ("a", datetime(2022, 1, 1), "month", 3),
        ("b", datetime(2022, 1, 1), "month", 1),
    ]
    reasons = [
        row[0] for row in store.sql("SELECT reason FROM reject ORDER BY position").fetchall()
    ]
    assert reasons == [
        "this artist and period has another count in an earlier row",
        "count is not a whole number from 0 to a million",
        "count is not a whole number from 0 to a million",
        "no artist",
    ]


def test_counts_of_one_day_at_several_times_are_works_of_their_own(tmp_path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(
        "who,at,n\na,2021-01-05 12:00,2\na,2021-01-05 10:00,3\na,2021-01-06,1\nb,2021-01-05,1\n"
    )
    mapping = {"artist_id": "who", "published_at": "at", "uploads": "n"}
    ut.build_store(tmp_path / "s.duckdb", [Table(file, mapping, "mine")])
    with ut.open_store(tmp_path / "s.duckdb") as store:
        works = store.sql(
            "SELECT upload_id, hour(published_at), count(artist_id) FROM upload LEFT JOIN credit "
            "USING (platform, upload_id) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert works == [
        *((f"a:2021-01-05:{n}", 10, 1) for n in (1, 2, 3)),
        *((f"a:2021-01-05:{n}", 12, 1) for n in (4, 5)),
        *(("a:2021-01-06:1", 0, 1), ("b:2021-01-05:1", 0, 1)),
    ]


def test_several_artists_in_a_cell(store, tmp_path: Path) -> None:
    file = written(tmp_path, "date,author,key\n2022-01-01,a; b ;a,1\n")
    store.load(Table(file, MAPPING, "site", artist_separator=";"))
    assert store.sql("SELECT artist_id, n_artists FROM credit ORDER BY 1").fetchall() == [
        ("a", 2),
        ("b", 2),
    ]


def test_without_ids_loading_an_extended_file_adds_only_what_is_new(store, tmp_path: Path) -> None:
    mapping = {"published_at": "date", "artist_id": "author"}
    head = "date,author\n2022-01-01,a\n2022-01-01,a\n2022-01-02,b\n"
    store.load(Table(written(tmp_path, head), mapping, "site"))
    report = store.load(Table(written(tmp_path, head + "2022-01-03,b\n"), mapping, "site"))
    assert report.added["upload"] == 1
    assert store.tables()["upload"] == 4


def test_the_other_fields(store, tmp_path: Path) -> None:
    text = "d,k,ai,m,s,j,h,a\n2022-01-01,1,true,no,deleted,2019-05,Ada,a\n2022-01-02,2,,,,,,a\n"
    mapping = {
        **{"published_at": "d", "upload_id": "k", "ai_label": "ai", "is_mature": "m"},
        **{"status": "s", "joined_at": "j", "handle": "h", "artist_id": "a"},
    }
    store.load(Table(written(tmp_path, text), mapping, "site", joined_basis="account"))
    assert store.sql(
        "SELECT ai_label, ai_basis, is_mature, status FROM upload ORDER BY upload_id"
    ).fetchall() == [(True, "as given", False, "deleted"), (None, None, None, "listed")]
    assert store.sql("SELECT handle, joined_at, joined_basis FROM artist").fetchall() == [
        ("Ada", datetime(2019, 5, 1), "account")
    ]


def test_encodings(store, tmp_path: Path) -> None:
    latin = "date,author,key\n" + "".join(f"2022-01-01,Zoë{n},{n}\n" for n in range(50))
    file = written(tmp_path, latin.encode("latin-1"))
    with pytest.raises(
        InputError, match=r"line 2 is not UTF-8.*looks like cp1252.*encoding='cp1252'"
    ):
        store.load(Table(file, MAPPING, "site"))
    store.load(Table(file, MAPPING, "site", encoding="latin-1"))
    assert ("0", datetime(2022, 1, 1), "day", "Zoë0") in uploads(store)
    wide = written(tmp_path, latin.encode("utf-16"), "wide.csv")
    with pytest.raises(InputError, match=r"UTF-16.*encoding='utf-16'"):
        store.load(Table(wide, MAPPING, "site"))
    marked = written(tmp_path, "\ufeffdate,author,key\n2022-01-01,x,bom\n".encode(), "bom.csv")
    store.load(Table(marked, MAPPING, "site"))
    assert ("bom", datetime(2022, 1, 1), "day", "x") in uploads(store)
    with pytest.raises(InputError, match="encoding"):
        store.load(Table(file, MAPPING, "site", encoding="klingon"))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"published_at": "dates"}, r"no such column.*'dates'.*did you mean 'date'"),
        ({"published_at": "zzz"}, r"the file has: date, author, key"),
    ],
)
def test_a_missing_column_names_the_nearest(store, tmp_path: Path, mapping, message) -> None:
    file = written(tmp_path, "date,author,key\n2022-01-01,a,1\n")
    with pytest.raises(InputError, match=message):
        store.load(Table(file, mapping, "site"))
    assert store.tables()["upload"] == 0


@pytest.mark.parametrize(
    ("mapping", "platform", "message"),
    [
        ({"date": "published_at"}, "site", "unknown field.*published_at"),
        ({"artist_id": "a"}, "site", "lacks the date"),
        ({"published_at": "d", "uploads": "n"}, "site", "counts need the artist"),
        ({"published_at": "d"}, "", "platform has no name"),
    ],
)
def test_mappings_that_cannot_be(mapping, platform, message, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        Table(tmp_path / "x.csv", mapping, platform)


def test_a_mapping_to_the_wrong_column_is_refused_whole(store, tmp_path: Path) -> None:
    file = written(tmp_path, "date,author,key\n" + "2022-01-01,a,1\n" * 3)
    with pytest.raises(TooManyRejectsError, match="column mapping"):
        store.load(Table(file, {"published_at": "author", "upload_id": "key"}, "site"))


def test_sqlite_asks_for_the_table(store, tmp_path: Path) -> None:
    file = _sqlite(tmp_path / "w.db")
    with sqlite3.connect(file) as lite:
        lite.execute("CREATE TABLE other (x)")
    lite.close()
    with pytest.raises(InputError, match=r"name the table.*other, work"):
        store.load(Table(file, MAPPING, "site"))
    store.load(Table(file, MAPPING, "site", table="work"))
    assert uploads(store) == EXPECTED


def test_bad_json_lines_keep_their_numbers(store, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "w.jsonl", [ROWS[0], "{broken", "", ROWS[1], '{"other": 1}'])
    store.load(Table(file, MAPPING, "site"), max_rejects=5)
    assert uploads(store) == EXPECTED[:2]
    assert [
        row[0] for row in store.sql("SELECT position FROM reject ORDER BY position").fetchall()
    ] == ["line 2", "line 5"]


_cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cells=st.lists(st.tuples(_cell, _cell, _cell), min_size=1, max_size=12))
def test_no_row_is_ever_lost(cells: list, tmp_path: Path) -> None:
    """Whatever is in the cells: every row is an upload, or a reject, or a line that was blank."""
    frame = pl.DataFrame(cells, schema=["date", "author", "key"], orient="row")
    good = pl.DataFrame({"date": ["2022-01-01"], "author": ["a"], "key": ["good"]})
    pl.concat([frame, good]).write_csv(tmp_path / "c.csv", quote_style="always")
    (tmp_path / "h.duckdb").unlink(missing_ok=True)
    with ut.open_store(tmp_path / "h.duckdb", read_only=False) as store:
        store.load(Table(tmp_path / "c.csv", MAPPING, "site"), max_rejects=100)
        # A row per artist and work: credits, and the works without any.
        kept = store.sql(
            "SELECT (SELECT count(*) FROM credit) + "
            "(SELECT count(*) FROM upload WHERE unattributed IS NOT NULL)"
        ).fetchall()[0][0]
        rejected = store.tables()["reject"]
        assert kept + rejected == len(cells) + 1
        assert store.sql("SELECT count(*) FROM upload WHERE upload_id = 'good'").fetchall() == [
            (1,)
        ]
