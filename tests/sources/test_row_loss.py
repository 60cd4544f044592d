"""What a broken row costs, and how loss is counted."""

from __future__ import annotations

import csv
import json

import pytest
from written import MAPPING, put, rows, works

from uploadtrends.errors import InputError
from uploadtrends.sources import Table


@pytest.mark.parametrize("at", [0, 7, 298, 299])
def test_an_open_quotation_mark_costs_its_own_row(store, tmp_path, at: int) -> None:
    file = put(tmp_path, rows(300, lambda i: '"the untitled' if i == at else f"t{i}"))
    report = store.load(Table(file, MAPPING, "x"))
    assert set(works(store)) == {str(i) for i in range(300)} - {str(at)}
    assert (report.n_read, report.n_loaded, report.n_rejected) == (300, 299, 1)
    assert store.sql("SELECT position FROM reject").fetchall() == [(f"line {at + 2}",)]


def test_a_mark_that_a_thousand_lines_later_is_closed(store, tmp_path) -> None:
    titles = {100: '"inspired by', 200: 'dreams"'}
    file = put(tmp_path, rows(300, lambda i: titles.get(i, f"t{i}")))
    report = store.load(Table(file, MAPPING, "x"))
    assert report.n_loaded + report.n_rejected == report.n_read == 300
    assert report.n_loaded >= 298


def test_where_nobody_can_tell_the_rows_the_line_is_named(store, tmp_path) -> None:
    text = rows(20, lambda i: '"several\nlines, and ""marks""\nin it"' if i % 2 else "plain")
    broken = text.replace("2022-05-01,plain", '2022-05-01,"open', 1)
    with pytest.raises(InputError, match=r"opened in line \d+ is not closed"):
        store.load(Table(put(tmp_path, broken), MAPPING, "x"))
    assert store.tables()["upload"] == 0


def test_the_rest_of_a_broken_record_is_no_row_of_its_own(store, tmp_path) -> None:
    lines = [f'"{i}","a","2022-01-01","t"\n' for i in range(30)]
    broken = '"w17",""a4","2020-02-05","\n2,b,2021-02-03,x y"\n'
    text = '"id","artist","date","title"\n' + "".join(lines) + broken
    with pytest.raises(InputError, match="opened in line 31 or line 32 is not"):
        store.load(Table(put(tmp_path, text), MAPPING, "x"))
    assert store.tables()["upload"] == 0


def test_tabs_are_read_without_quoting_unless_it_balances(store, tmp_path) -> None:
    titles = {10: '"Sunset" over 2 cities', 20: '"a study', 30: 'dreams"'}
    file = put(tmp_path, rows(100, lambda i: titles.get(i, "t"), "\t"), "works.tsv")
    assert store.load(Table(file, MAPPING | {"kind": "title"}, "x")).n_loaded == 100
    kinds = dict(store.sql("SELECT upload_id, kind FROM upload").fetchall())
    assert {n: kinds[str(n)] for n in titles} == titles
    out = tmp_path / "quoted.tsv"
    with out.open("w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", quoting=csv.QUOTE_ALL)
        table.writerows([["id", "artist", "date"], ["1", "a\tb", "2022-01-01"]])
    store.load(Table(out, MAPPING, "y"))
    assert store.sql("SELECT artist_id FROM credit WHERE platform = 'y'").fetchall() == [("a\tb",)]


def test_the_report_counts_by_reason_and_crawl_has_it_all(store, tmp_path) -> None:
    text = (
        "id,artist,date,ai\n1,a,2022-01-01,yes\n1,a,2022-01-01,yes\n2,,2022-01-02,perhaps\n"
        "3,a,soon,no\n4,a,later,no\n5,a\n6,b,2022-01-03,\n"
    )
    file = put(tmp_path, text)
    report = store.load(Table(file, MAPPING | {"ai_label": "ai"}, "x"), max_rejects=5)
    assert (report.n_read, report.n_loaded, report.n_folded, report.n_rejected) == (7, 3, 1, 3)
    assert report.reject_reasons == {"unreadable date": 2, "too few columns": 1}
    assert report.nulled == {"ai_label": 1}
    assert report.unattributed == 1
    for word in ("read", "folded", "unreadable date: 2", "became NULL", "ai_label: 1"):
        assert word in report.summary()
    crawl = store.sql("SELECT n_read, n_loaded, n_folded, n_rejected, tally FROM crawl").fetchall()
    assert crawl[0][:4] == (7, 3, 1, 3)
    assert json.loads(crawl[0][4]) == {
        "rejected": {"unreadable date": 2, "too few columns": 1},
        "nulled": {"ai_label": 1},
        "unattributed": 1,
    }
