"""DuckDB out of core: the same panel, within a limit, from files that go away."""

from __future__ import annotations

import gc
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import uploadtrends as ut
from engine_stores import assert_same_panel
from uploadtrends.engines import engine as engines
from uploadtrends.panel import queries

RULE = ut.Seniority(at="2020-01-01")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"period": "week", "credit": "fractional"},
        {"date": "arrived", "platforms": ["reposts"]},
        {"instrument": "new", "weights": "design", "exit_after": 6},
        {"start": "2018-02-03", "end": "2021-05-06", "period": "quarter"},
        {"histories_from": {"drawings": "2015-01-01"}, "incomplete": {"reposts": ["2019-03"]}},
    ],
)
def test_store_export_and_disk_give_one_panel(small, settings) -> None:
    path, folder = small
    here = ut.build_panel(path, seniority=RULE, **settings)
    assert_same_panel(here, ut.build_panel(folder, seniority=RULE, **settings))
    assert_same_panel(here, ut.build_panel(path, seniority=RULE, memory_limit="1GB", **settings))
    assert_same_panel(here, ut.build_panel(folder, seniority=RULE, memory_limit="1GB", **settings))


def test_a_store_is_let_go_and_the_files_are_deleted(small, tmp_path, monkeypatch) -> None:
    path, _ = small
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    panel = ut.build_panel(path, seniority=RULE, memory_limit="1GB")
    assert list(tmp_path.glob("uploadtrends-*/panel.duckdb"))
    with ut.open_store(path, read_only=False) as store:  # nobody holds it
        assert store.tables()["upload"] > 0
    moved = panel.with_seniority(RULE.shifted("-12 months"))
    assert moved.groups.height > 0
    del panel, moved
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limit", [None, "1GB"])
def test_the_artist_panel_in_parts_is_the_artist_panel(small, tmp_path, limit) -> None:
    path, _ = small
    panel = ut.build_panel(
        path, seniority=RULE, platforms=["drawings", "site b"], memory_limit=limit
    )
    parts = list(panel.write_artists(tmp_path / "parts", rows=1_000, identify=True))
    frames = [pl.read_parquet(part) for part in parts]
    assert len(parts) > 5
    assert max(frame.height for frame in frames) <= 1_100
    owners = pl.concat(frame.select("platform", "artist_id").unique() for frame in frames)
    assert owners.is_unique().all()  # no artist is cut in two
    whole = pl.concat(frames).sort("platform", "artist_id", "period")
    assert_frame_equal(whole, panel.artists)
    hidden = pl.concat(
        pl.read_parquet(part) for part in panel.write_artists(tmp_path / "hidden", rows=9_999)
    )
    assert hidden["artist_id"].str.contains(r"^\d+$").all()
    assert hidden["uploads"].sum() == whole["uploads"].sum()
    with pytest.raises(ut.InputError, match="holds something"):
        panel.write_artists(tmp_path / "parts")


def test_what_is_too_large_is_not_brought_here(small, monkeypatch) -> None:
    path, _ = small
    panel = ut.build_panel(path, seniority=RULE, memory_limit="1GB")
    for module in ("uploadtrends.engines.engine", "uploadtrends.panel.rows"):
        monkeypatch.setattr(f"{module}.MOST_ROWS", 100)
    assert engines.MOST_ROWS == 100
    with pytest.raises(ut.InputError, match=r"panel\.write_artists\(folder\)"):
        _ = panel.artists
    with pytest.raises(ut.InputError, match="rows stay on disk"):
        _ = panel.records.cells
    assert panel.series("drawings", "senior").sum() > 0


def test_the_fingerprint_follows_the_data(small, tmp_path) -> None:
    path, folder = small
    one, same, other = (
        ut.build_panel(path, memory_limit="1GB", credit=credit)
        for credit in ("full", "full", "fractional")
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    # The order of the rows in a file changes numbers of artists and the last digits of sums.
    shuffled = tmp_path / "shuffled"
    shutil.copytree(folder, shuffled)
    for file in shuffled.rglob("credit/**/*.parquet"):
        rows = pl.read_parquet(file)
        rows.sample(fraction=1, shuffle=True, seed=1).write_parquet(file)
    again = ut.build_panel(shuffled, memory_limit="1GB", credit="fractional")
    assert again.fingerprint == other.fingerprint


def test_settings_that_cannot_be(small) -> None:
    path, _ = small
    with pytest.raises(ut.InputError, match="not a size"):
        ut.build_panel(path, memory_limit="plenty")
    with ut.open_store(path) as store, pytest.raises(ut.InputError, match="limit of its own"):
        ut.build_panel(store, memory_limit="1GB")
    with pytest.raises(ut.InputError, match="to_parquet"):
        ut.build_panel(path, engine="spark")


def test_what_a_store_lacks_is_counted_without_looking(small, tmp_path, monkeypatch) -> None:
    plain = tmp_path / "plain.duckdb"
    shutil.copy(small[0], plain)
    with ut.open_store(plain, read_only=False) as store:
        store.connection.execute(
            "DELETE FROM sighting; DELETE FROM upload WHERE published_at IS NULL; "
            "UPDATE upload SET ai_label = NULL, media_count = 1, status = 'listed', "
            "date_basis = 'published', date_precision = 'day', date_error_seconds = NULL; "
            "DELETE FROM credit WHERE n_artists > 1"
        )
    short = ut.build_panel(plain, seniority=RULE)
    real, asked = queries.counted, []

    def at_length(*args, placed, absent, **settings) -> str:
        asked.append((placed, len(absent)))
        return real(*args, placed=False, absent=(), **settings)

    monkeypatch.setattr(queries, "counted", at_length)
    assert ut.build_panel(plain, seniority=RULE).fingerprint == short.fingerprint
    assert set(asked) == {(True, 5)}
    asked.clear()
    ut.build_panel(small[0])
    assert {n for _, n in asked} == {0}
