"""Loading on Spark gives DuckDB's store, row by row, whatever the shape of the dump."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import store_records
import uploadtrends as ut
from store_records import Records, post, work, write_lines
from uploadtrends.records import Sighting, Upload
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.table import Table
from uploadtrends.store import build_store
from uploadtrends.store.pieces import pieces_of

COLUMNS = {
    "upload_id": "work",
    "artist_id": "who",
    "published_at": "day",
    "joined_at": "since",
    "ai_label": "ai",
    "updated_at": "changed",
}
COUNTS = ("staged", "added", "changed", "n_rejected", "n_read", "n_loaded", "n_folded")


def dump(path: Path, n: int, seed: int = 1) -> Path:
    """Write posts as the dump has them: versions, reposts, nobody's works, lines that are none."""
    rng = random.Random(seed)
    begin = datetime(2015, 1, 1)
    lines: list[dict | str] = []
    for i in range(1, n + 1):
        at = begin + timedelta(days=7 * 365 * i / n, seconds=rng.randrange(86_400))
        zone = "-04:00" if 3 < at.month < 11 else "-05:00"
        pixiv = 50_000_000 + 10_000 * i + rng.randrange(9_000)
        made = (at - timedelta(days=rng.randrange(1, 40))).strftime("%Y/%m/%d/%H/%M/%S")
        source = rng.choice(
            [
                f"https://i.pximg.net/img-original/img/{made}/{pixiv}_p0.png",
                f"https://www.pixiv.net/artworks/{pixiv}",
                f"https://twitter.com/a/status/{(1_400_000_000_000 + i) << 22}",
                f"https://www.artstation.com/artwork/w{i % 7}",
                'a "source" – with\tescapes',
            ]
        )
        row = post(
            i,
            created_at=at.isoformat(timespec="milliseconds") + zone,
            updated_at=rng.choice([None, at.isoformat() + zone, "2022-02-01T00:00:00.000-05:00"]),
            source=source,
            tag_string_artist=rng.choice(["mira", f"a{i % 50}", f"a{i % 50} b{i % 9}", "", "é"]),
            tag_string_meta=rng.choice(["highres", "ai-generated", "artist_request"]),
            is_deleted=rng.random() < 0.1,
            rating=rng.choice("gsqe"),
        )
        if rng.random() < 0.2:
            del row["pixiv_id"]
        lines.append(row)
        if rng.random() < 0.15:  # another version of an earlier post, with an artist of its own
            other = rng.randrange(1, i + 1)
            lines.append(row | {"id": other, "tag_string_artist": f"only{i}"})
        if rng.random() < 0.03:
            lines.append(rng.choice(["", "{broken", "[1]", '{"id": "x"}', '{"id": 5}', "null"]))
    return write_lines(path, lines)


def tables(folder: Path) -> tuple[Path, Path]:
    """Write two tables with repeats, newer versions, wrong dates and contradictions."""
    rng = random.Random(3)
    rows = [
        {
            "work": f"w{rng.randrange(600)}",
            "who": rng.choice(["ann", "bob", "", "cy;dee"]),
            "day": rng.choice(["2021-05-06T07:08:09+02:00", "2020-01-01", "no day", "2030-01-01"])
            if rng.random() < 0.1
            else f"2020-{1 + i % 12:02}-11 10:00:00",
            "since": rng.choice(["2015-02-03", "", "2016"]),
            "ai": rng.choice(["true", "no", "", "perhaps" if i % 400 == 0 else ""]),
            "changed": rng.choice(["", f"2022-03-{1 + i % 28:02}"]),
        }
        for i in range(1_500)
    ]
    frame = pl.DataFrame(rows)
    frame[:800].write_csv(folder / "one.csv")
    frame[700:].write_parquet(folder / "two.parquet")
    return folder / "one.csv", folder / "two.parquet"


def here(path: Path, sources: list) -> tuple[Path, list]:
    reports = build_store(path, sources, max_rejects=0.9)
    return path, reports


def assert_same_tables(store: Path, folder: Path) -> None:
    with ut.open_store(store) as opened, duckdb.connect() as con:
        for name in ("artist", "upload", "credit", "sighting", "series", "reject"):
            names = [row[0] for row in opened.sql(f"DESCRIBE {name}").fetchall()]
            query = f"SELECT {', '.join(names)} FROM {{}} ORDER BY ALL"
            one = opened.sql(query.format(name)).pl()
            files = f"read_parquet('{folder}/{name}/**/*.parquet', hive_partitioning = false)"
            assert_frame_equal(one, con.sql(query.format(files)).pl())
        counted = "SELECT crawl_id, source, status, n_artists, n_uploads, n_rejected, n_read, "
        counted += "n_loaded, n_folded FROM {} ORDER BY 1"
        one = opened.sql(counted.format("crawl")).pl()
        assert_frame_equal(one, con.sql(counted.format(f"'{folder}/crawl/*.parquet'")).pl())


def assert_same_reports(here: list, there: list) -> None:
    for one, other in zip(here, there, strict=True):
        assert (one.source, one.crawl_id, one.status) == (
            other.source,
            other.crawl_id,
            other.status,
        )
        for name in (*COUNTS, "reject_reasons", "nulled", "unattributed"):
            a, b = getattr(one, name), getattr(other, name)
            if isinstance(a, dict):
                a, b = ({k: n for k, n in d.items() if n} for d in (a, b))
            assert a == b, name
        if one.n_read is not None and one.status == "loaded":
            assert other.n_loaded + other.n_rejected + other.n_folded == other.n_read


@pytest.fixture
def cut(monkeypatch) -> None:
    """Cut files of JSON lines into small pieces."""
    monkeypatch.setattr("uploadtrends.store.on_spark.PIECE", 150_000)
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(store_records)  # workers do not find the tests' modules


def test_a_dump_of_every_kind(spark, tmp_path: Path, cut) -> None:
    posts, later = dump(tmp_path / "posts.json", 1_200), dump(tmp_path / "later.json", 300, seed=2)
    csv, parquet = tables(tmp_path)
    mine = {"columns": COLUMNS, "platform": "mysite", "artist_separator": ";"}
    originals = [Upload("artstation", f"w{k}", datetime(2014, 5, 1 + k, 3)) for k in range(5)]
    sources = [
        Danbooru2023(posts),
        Table(csv, **mine),
        Table(parquet, **mine),
        Records(*work("1", 3, "eve"), *originals, Sighting("site", "eve", "ok", True)),
        Records(*work("1", 3, "flo"), credits_complete=False),
        Table(csv, **mine),
        Danbooru2023(later),
    ]
    assert len(pieces_of(0, sources[0], 150_000)) > 3
    store, reports = here(tmp_path / "s.duckdb", sources)
    folder = tmp_path / "parquet"
    there = build_store(folder, sources, max_rejects=0.9, engine=spark)
    assert_same_tables(store, folder)
    assert_same_reports(reports, there)
    assert [report.status for report in there].count("unchanged") == 1
    bases = pl.read_parquet(folder / "upload")["date_basis"].unique().to_list()
    assert {"arrival", "source_url", "interpolated", "published"} <= set(bases)
    # What was loaded there is counted there, and here; and is replaced as an export is.
    panels = [ut.build_panel(folder, engine=engine) for engine in ("duckdb", spark)]
    assert_frame_equal(panels[0].groups, ut.build_panel(store).groups)
    assert_frame_equal(panels[1].groups, panels[0].groups)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.parquet")} == {0o600}
    again = build_store(folder, sources[3:4], engine=spark)
    assert again[0].added["upload"] == 6
    assert not list(tmp_path.glob(".parquet*"))


def test_what_goes_wrong_there_is_said_here(spark, tmp_path: Path, cut) -> None:
    posts = dump(tmp_path / "posts.json", 800)
    with pytest.raises(ut.errors.TooManyRejectsError, match=r"line \d+: .* allow more") as split:
        build_store(tmp_path / "p", [Danbooru2023(posts)], engine=spark, max_rejects=3)
    with pytest.raises(ut.errors.TooManyRejectsError) as whole:
        build_store(tmp_path / "s.duckdb", [Danbooru2023(posts)], max_rejects=3)
    assert str(split.value) == str(whole.value)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ut.InputError, match="no such column"):
        build_store(tmp_path / "p", [Table(tmp_path / "t.csv", COLUMNS, "x")], engine=spark)
    assert not (tmp_path / "p").exists()
    assert not list(tmp_path.glob(".p.*"))


def test_what_cannot_be_on_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    csv, parquet = tables(tmp_path)
    two = [Table(file, COLUMNS, "artstation") for file in (csv, parquet)]
    with pytest.raises(ut.InputError, match="artist_case='keep'"):
        build_store(tmp_path / "p", two, engine="spark")
    with pytest.raises(ut.InputError, match="no such setting"):
        build_store(tmp_path / "p", two[:1], engine="spark", threads=2)
    with pytest.raises(ut.InputError, match="unknown engine"):
        build_store(tmp_path / "p", two[:1], engine="flink")
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "mine.txt").write_text("mine")
    with pytest.raises(ut.InputError, match="holds other things"):
        build_store(tmp_path / "q", two[:1], engine="spark")


def test_pieces_are_the_lines_of_a_file(tmp_path: Path) -> None:
    file = dump(tmp_path / "posts.json", 300)
    text = file.read_bytes()
    pieces = pieces_of(0, Danbooru2023(file), 20_000)
    assert len(pieces) > 3
    assert b"".join(text[one.lines[0] : one.lines[1]] for one in pieces) == text
    for piece in pieces:
        first, end, before = piece.lines
        assert text[:first].count(b"\n") == before
        assert text[end - 1 : end] == b"\n"
    packed = tmp_path / "posts.parquet"
    pl.DataFrame({"id": [1]}).write_parquet(packed)
    assert len(pieces_of(0, Danbooru2023(packed), 10)) == 1
