"""Out to Parquet and back: exact to the day, and nobody to be found in it."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

import uploadtrends as ut
from store_records import Records, post, work, write_lines
from uploadtrends.errors import InputError
from uploadtrends.pseudonyms import pseudonym
from uploadtrends.records import Artist
from uploadtrends.sources import bundled
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.store.export import ExportedParquet, export_parquet, export_report

KEY = b"k" * 32


def named(platform: str, what: str) -> str:
    return pseudonym(KEY, platform, what)


@pytest.fixture
def filled(tmp_path: Path):
    posts = [
        post(
            n,
            tag_string_artist=f"artist_{n % 7} friend",
            source=f"https://twitter.com/artist_{n % 7}/status/{1541815603606036480 + n}",
        )
        for n in range(1, 50)
    ]
    with ut.open_store(tmp_path / "full.duckdb", read_only=False) as store:
        store.load(Danbooru2023(write_lines(tmp_path / "posts.json", posts)))
        store.load(bundled("precipice_figure1"))
        store.load(
            Records(
                *work("w1", 3, "ada", media_count=2, ai_label=True),
                Artist(
                    "site", "ada", "Ada L.", datetime(2019, 5, 1, 13, 14), "account", "tags", 0.5
                ),
            )
        )
        yield store


def everything(store) -> dict[str, pl.DataFrame]:
    return {
        table: store.sql(f"SELECT * FROM {table} ORDER BY ALL").pl()
        for table in ("artist", "upload", "credit", "series")
    }


def test_there_and_back_is_exact(filled, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", named)
    with ut.open_store(tmp_path / "back.duckdb", read_only=False) as back:
        back.load(ExportedParquet(folder))
        found, before = everything(back), everything(filled)
        assert {name: frame.height for name, frame in found.items()} == {
            name: frame.height for name, frame in before.items()
        }
        # A second export of what came back differs in nothing but the names' names.
        again = export_parquet(back, tmp_path / "again", None)
        with ut.open_store(tmp_path / "twice.duckdb", read_only=False) as twice:
            twice.load(ExportedParquet(again))
            assert twice.content_hash() == back.content_hash()
    assert found["series"].equals(before["series"])
    expected = (
        before["upload"]
        .with_columns(
            pl.struct("platform", "upload_id")
            .map_elements(lambda w: named(w["platform"], "work:" + w["upload_id"]), pl.String)
            .alias("upload_id"),
            pl.col("published_at", "arrived_at", "updated_at").dt.truncate("1d"),
            pl.col("date_precision").replace({"second": "day", "minute": "day"}),
            pl.lit(None, pl.String).alias("source_key"),
        )
        .drop("first_crawl", "last_crawl")
        .sort("platform", "upload_id")
    )
    kept = found["upload"].drop("first_crawl", "last_crawl").sort("platform", "upload_id")
    assert kept.equals(expected)


def test_nobody_can_be_found_in_it(filled, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", named)
    secrets = [b"artist_3", b"friend", b"Ada", b"ada", b"15418156", b"w1", KEY]
    for file in folder.rglob("*"):
        if file.is_file():
            if file.suffix == ".parquet":
                text = pl.read_parquet(file, hive_partitioning=False).write_csv().encode()
                assert b":" not in text.replace(b"00:00:00", b"")
            else:
                text = file.read_bytes()
            for secret in secrets:
                assert secret not in text, (file.name, secret)
    assert json.loads((folder / "export.json").read_text())["pseudonymous"] is True


def test_partitions_can_be_read_on_their_own(filled, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", named)
    frame = pl.read_parquet(folder / "upload" / "platform=danbooru" / "*.parquet")
    assert frame.height == 49
    assert frame["platform"].unique().to_list() == ["danbooru"]


def test_identified_export_is_exact_to_the_second(filled, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", None)
    with ut.open_store(tmp_path / "back.duckdb", read_only=False) as back:
        back.load(ExportedParquet(folder))
        assert back.content_hash() == filled.content_hash()


def test_an_export_replaces_an_export_and_nothing_else(filled, tmp_path: Path) -> None:
    export_parquet(filled, tmp_path / "out", named)
    export_parquet(filled, tmp_path / "out", named)
    assert not (tmp_path / "out.growing").exists()
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("x")
    with pytest.raises(InputError, match="holds other things"):
        export_parquet(filled, other, named)
    assert [file.name for file in other.iterdir()] == ["chapter.tex"]


def test_a_folder_that_is_no_export(tmp_path: Path) -> None:
    with (
        ut.open_store(tmp_path / "s.duckdb", read_only=False) as store,
        pytest.raises(InputError, match=r"no export\.json"),
    ):
        store.load(ExportedParquet(tmp_path))


def test_an_export_says_how_many_are_unique_and_less_is_less(
    filled: ut.Store, tmp_path: Path
) -> None:
    folder = export_parquet(filled, tmp_path / "day", named)
    said = export_report(folder)
    assert "Pseudonymous, not anonymous." in said
    by_day = json.loads((folder / "export.json").read_text())["unique"]
    monthly = export_parquet(filled, tmp_path / "month", named, period="month")
    about = json.loads((monthly / "export.json").read_text())
    for fine, coarse in zip(by_day, about["unique"], strict=True):
        assert coarse["artists"] == fine["artists"]
        assert coarse["by_first_and_last"] <= fine["by_first_and_last"] <= fine["artists"]
    upload = next((monthly / "upload").rglob("*.parquet"))
    dates = pl.read_parquet(upload)["published_at"].drop_nulls()
    assert (dates.dt.day() == 1).all()
    with pytest.raises(InputError, match="no such period"):
        export_parquet(filled, tmp_path / "x", named, period="week")
    identified = export_parquet(filled, tmp_path / "id", None)
    assert "give it to nobody" in export_report(identified)
    files = [stat.S_IMODE(one.stat().st_mode) for one in identified.rglob("*.parquet")]
    assert set(files) == {0o600}


def test_nothing_that_it_did_not_write_is_deleted(filled: ut.Store, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", named)
    mine = folder / "upload" / "notes.txt"
    mine.write_text("mine")
    before = {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    with pytest.raises(InputError, match=r"holds other things.*notes\.txt"):
        export_parquet(filled, folder, named)
    assert {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()} == before
    mine.unlink()
    (folder / "export.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        export_parquet(filled, folder, named)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="no folder"):
        export_parquet(filled, tmp_path / "file", named)


def test_what_a_killed_export_left_is_cleared_up(filled: ut.Store, tmp_path: Path) -> None:
    folder = export_parquet(filled, tmp_path / "out", named)
    folder.rename(tmp_path / ".out.replaced-999999999")  # between the two renames
    (tmp_path / ".out.growing-999999999").mkdir()
    export_parquet(filled, folder, named)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".out")] == []
    assert (folder / "export.json").exists()
