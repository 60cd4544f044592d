"""One table, several platforms: a column says which row is of which."""

from __future__ import annotations

import pytest
from written import MAPPING, put

from uploadtrends.errors import InputError
from uploadtrends.sources import Table
from uploadtrends.sources.preview import preview
from uploadtrends.sources.tables.platforms import platforms_in

ROWS = (
    "id,artist,date,site\n1,ann,2021-01-01,A\n1,bob,2021-02-01,B\n2,ann,2021-03-01,B\n"
    "3,ann,2021-04-01,\n4,bob,nonsense,B\n"
)


def test_each_load_takes_the_rows_of_its_platform(store, tmp_path) -> None:
    file = put(tmp_path, ROWS)
    assert platforms_in(file, "site") == ["A", "B"]
    columns = MAPPING | {"platform": "site"}
    for platform, read, loaded in (("A", 2, 1), ("B", 4, 2)):
        report = store.load(Table(file, columns, platform), max_rejects=2)
        assert (report.n_read, report.n_loaded) == (read, loaded)
        assert report.reject_reasons["no platform"] == 1
    found = store.sql("SELECT platform, upload_id FROM upload ORDER BY ALL").fetchall()
    assert found == [("A", "1"), ("B", "1"), ("B", "2")]


def test_a_platform_without_a_row_is_refused_with_those_that_are_there(store, tmp_path) -> None:
    with pytest.raises(InputError, match="one of A, B"):
        store.load(Table(put(tmp_path, ROWS), MAPPING | {"platform": "site"}, "a"))


def test_a_dry_run_looks_at_all_platforms(tmp_path) -> None:
    seen = preview(put(tmp_path, ROWS))
    assert seen.columns["platform"] == "site"
    assert seen.counts["read"] == 5


def test_a_dry_run_without_a_known_date_shows_the_file_as_it_stands(tmp_path) -> None:
    seen = preview(put(tmp_path, ROWS.replace("date", "tag")))
    assert seen.rows["tag"].tolist()[0] == "2021-01-01"
    assert "published_at" in seen.odd[0]
    assert "columns of the file: id, artist, tag, site" in seen.summary()


def test_a_dry_run_says_which_order_of_day_and_month_fits(tmp_path) -> None:
    rows = "Nr;Künstler;Datum\n1;ann;3.4.2021\n2;bob;31.12.2021\n"
    seen = preview(put(tmp_path, rows))
    assert seen.columns == {"upload_id": "Nr", "artist_id": "Künstler", "published_at": "Datum"}
    assert "3 April 2021 with date_format='%d.%m.%Y'" in seen.odd[-1]
