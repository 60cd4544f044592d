"""Published series: what is read, what is rejected, what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources import SeriesFile, bundled


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def written(tmp_path: Path, text: str, name: str = "counts.csv") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def one(file: Path, **settings) -> SeriesFile:
    return SeriesFile(file, columns={"n": ("site", "total")}, **settings)


def test_the_paper_s_figure(store) -> None:
    store.load(bundled("precipice_figure1"))
    found = store.sql(
        "SELECT platform, grouping, count(*), sum(value), min(period), max(period) FROM series "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    frame = datasets.precipice_figure1()
    assert len(found) == 6
    for platform, grouping, n, total, first, last in found:
        assert n == 34
        assert total == frame[f"{grouping}_{platform}"].sum()
        assert (first, last) == (date(2021, 1, 1), date(2023, 10, 1))
    units = store.sql("SELECT DISTINCT unit, frequency, interpolated FROM series").fetchall()
    assert units == [("unstated (as plotted)", "month", False)]


@pytest.mark.parametrize(
    ("text", "frequency", "expected"),
    [
        ("month,n\n2022-08,5\n2022-09,6\n", "month", [date(2022, 8, 1), date(2022, 9, 1)]),
        ("month,n\n2022-08-31,5\n2022-09-30,6\n", "month", [date(2022, 8, 1), date(2022, 9, 1)]),
        ("month,n\n2021,5\n2022,6\n", "year", [date(2021, 1, 1), date(2022, 1, 1)]),
        ("month,n\n2022-08-24,5\n", "week", [date(2022, 8, 22)]),
        ("month;n\n2022-05-24;5\n", "quarter", [date(2022, 4, 1)]),
        ("month\tn\n2022-05-24\t5\n", "day", [date(2022, 5, 24)]),
    ],
)
def test_periods_start_where_they_start(store, tmp_path, text, frequency, expected) -> None:
    store.load(one(written(tmp_path, text), frequency=frequency))
    assert [row[0] for row in store.sql("SELECT period FROM series ORDER BY 1").fetchall()] == (
        expected
    )


def test_bounds_and_empty_cells(store, tmp_path: Path) -> None:
    file = written(tmp_path, "month,n,lo,hi\n2022-08,5,4,6\n2022-09,,,\n2022-10,7,,\n")
    report = store.load(one(file, low={"n": "lo"}, high={"n": "hi"}))
    assert store.sql("SELECT period, value, low, high FROM series ORDER BY 1").fetchall() == [
        (date(2022, 8, 1), 5.0, 4.0, 6.0),
        (date(2022, 10, 1), 7.0, None, None),
    ]
    assert report.n_rejected == 0


def test_bad_rows_are_recorded_with_their_place(store, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "month,n\n2022-01,5\nAugust,6\n2022-03,many\n2999-01,7\n2022-01,8\n1066-10,9\n2022-07,inf\n2022-08,nan\n",
    )
    store.load(one(file), max_rejects=10)
    assert store.sql("SELECT count(*), sum(value) FROM series").fetchall() == [(1, 5.0)]
    rejects = store.sql("SELECT position, reason FROM reject ORDER BY 1").fetchall()
    assert [position for position, _ in rejects] == [f"row {n}" for n in (2, 3, 4, 5, 6, 7)]
    reasons = [reason for _, reason in rejects]
    assert reasons[0] == "unreadable date"
    assert reasons[1] == "column 'n' is not a number"
    assert reasons[2] == "date in the future"
    assert reasons[3] == "period given twice"
    assert reasons[4] == "date before 1970-01-02"
    assert reasons[5] == "column 'n' is not a number"


def test_a_corrected_file_replaces_values(store, tmp_path: Path) -> None:
    store.load(one(written(tmp_path, "month,n\n2022-01,5\n2022-02,6\n")))
    report = store.load(one(written(tmp_path, "month,n\n2022-01,5\n2022-02,7\n2022-03,8\n")))
    assert (report.added["series"], report.changed["series"]) == (1, 1)
    assert store.sql("SELECT value FROM series ORDER BY period").fetchall() == [(5,), (7,), (8,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "only blank lines"),
        ("month,N\n2022-01,5\n", r"column 'n'.*did you mean 'N'"),
        ("month,number\n2022-01,5\n", r"column 'n'.*the file has: month, number"),
        ("month,n,n\n2022-01,5,6\n", "two columns have the same name"),
    ],
)
def test_files_that_cannot_be_read(store, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        store.load(one(written(tmp_path, text)))
    assert "counts.csv" in str(error.value)
    assert store.tables()["crawl"] == 0


def test_a_missing_file(store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the file|no such file"):
        store.load(one(tmp_path / "absent.csv"))


def test_a_column_of_words_is_refused(store, tmp_path: Path) -> None:
    with pytest.raises(TooManyRejectsError, match=r"row 1: .*not a number"):
        store.load(one(written(tmp_path, "month,n\n2022-01,few\n2022-02,many\n")))
    assert not any(n for table, n in store.tables().items() if table != "about")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": {}}, "no column"),
        ({"columns": {"n": "total"}}, "platform and a group"),
        ({"columns": {"n": ("a", "b")}, "frequency": "hourly"}, "unknown frequency"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SeriesFile(tmp_path / "x.csv", **settings)


def test_an_unknown_bundled_name() -> None:
    with pytest.raises(InputError, match="no bundled data set"):
        bundled("nothing")
