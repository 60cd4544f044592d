from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.cli import app
from uploadtrends.errors import StoreError
from uploadtrends.sources.bundled import bundled
from uploadtrends.store.content import content_hash
from uploadtrends.store.version import SCHEMA_VERSION, upgrade_store


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "it's a store.duckdb"
    ut.build_store(path, [bundled(name) for name in ("artist_months", "precipice_figure1")])
    return path


@pytest.fixture
def old(new: Path) -> Path:
    """The same store in the layout of 0.1."""
    with duckdb.connect(str(new)) as con:
        con.execute("DROP TABLE about")
        con.execute("ALTER TABLE sighting DROP COLUMN n_claimed")
    return new


def content(path: Path) -> str:
    with ut.open_store(path) as store:
        return content_hash(store.connection)


def test_an_old_store_is_refused_with_the_command_that_upgrades_it(old: Path) -> None:
    for read_only in (True, False):
        with pytest.raises(StoreError, match="uploadtrends upgrade --store") as caught:
            ut.open_store(old, read_only=read_only)
        assert old.name in str(caught.value)


def test_the_command_keeps_every_row(new: Path, old: Path) -> None:
    with duckdb.connect(str(old), read_only=True) as con:
        before = con.sql("SELECT count(*), sum(md5_number_lower(upload_id)) FROM upload").fetchall()
    shown = CliRunner().invoke(app, ["upgrade", "--store", str(old)])
    assert shown.exit_code == 0, shown.output
    with ut.open_store(old) as store:
        after = store.sql("SELECT count(*), sum(md5_number_lower(upload_id)) FROM upload")
        assert after.fetchall() == before
        assert store.sql("SELECT schema_version FROM about").fetchall() == [(SCHEMA_VERSION,)]
        assert store.sql("SELECT count(n_claimed) FROM sighting").fetchall() == [(0,)]
    assert ut.build_panel(old).keys()
    assert "nothing to do" in CliRunner().invoke(app, ["upgrade", "--store", str(old)]).output
    assert sorted(path.name for path in old.parent.glob("*.upgrading*")) == []


def test_upgrading_changes_nothing_that_a_new_load_would_not_hold(new: Path, tmp_path) -> None:
    expected = content(new)
    with duckdb.connect(str(new)) as con:
        con.execute("DROP TABLE about")
    assert upgrade_store(new) is True
    assert content(new) == expected
    with ut.open_store(new, read_only=False) as store:
        assert store.load(bundled("precipice_figure1")).status == "unchanged"


def test_a_store_of_a_later_version_is_left_alone(new: Path) -> None:
    with duckdb.connect(str(new)) as con:
        con.execute("UPDATE about SET schema_version = ?", [SCHEMA_VERSION + 1])
    for use in (ut.open_store, upgrade_store):
        with pytest.raises(StoreError, match="later version"):
            use(new)


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with pytest.raises(StoreError, match="no store at"):
        upgrade_store(path)
    path.write_bytes(datasets.path("precipice_figure1").read_bytes())
    with pytest.raises(StoreError, match=r"x\.duckdb"):
        upgrade_store(path)
