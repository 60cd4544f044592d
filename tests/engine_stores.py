"""Stores with everything in them that a panel has to mind, of any size, and how panels compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from polars.testing import assert_frame_equal

import uploadtrends as ut
from uploadtrends.panel.units import UNITS

_DAY = 86_400


def mixed_store(path: Path, credits: int, seed: int = 1) -> Path:
    """Write a store of three platforms: visited twice, a repost archive, two instruments.

    Works of several artists and of none, dates of every basis and precision, labels of every kind,
    works taken down, artists who joined long before their first upload, design weights.
    """
    rng = np.random.default_rng(seed)
    n = int(credits / 1.3)
    artists = max(12, n // 12)
    platform = rng.choice(["drawings", "reposts", "site b"], n, p=[0.5, 0.3, 0.2])
    first = rng.choice([1, 1, 1, 2, 3, 0], n)  # artists on a work
    owner = (rng.pareto(1.2, n) * artists / 20).astype(int) % artists
    career = owner % 7 * 200 * _DAY
    start = np.datetime64("2015-03-10T00:00:00", "s")
    at = start + career + (rng.beta(1.2, 1, n) * (2900 * _DAY - career)).astype(int)
    reposted = platform == "reposts"
    basis = np.where(reposted, rng.choice(["arrival", "source_url"], n), "published")
    late = (rng.exponential(40 * _DAY, n)).astype(int)
    uploads = pl.DataFrame(
        {
            "platform": platform,
            "upload_id": np.arange(n).astype(str),
            "published_at": at.astype("datetime64[us]"),
            "date_basis": basis,
            "date_precision": rng.choice(
                ["second", "day", "month", "year"], n, p=[0.9, 0.05, 0.04, 0.01]
            ),
            "date_error_seconds": rng.choice([0, 1_000_000, 30_000_000], n, p=[0.96, 0.02, 0.02]),
            "arrived_at": (at + late).astype("datetime64[us]"),
            "media_count": rng.integers(0, 4, n).astype(np.int32),
            "ai": rng.choice([0, 1, 2], n, p=[0.3, 0.1, 0.6]),
            "status": rng.choice(["listed", "deleted", "banned"], n, p=[0.94, 0.05, 0.01]),
            "instrument": np.where(platform == "site b", rng.choice(["old", "new", ""], n), ""),
            "last_crawl": rng.choice([1, 2], n, p=[0.05, 0.95]).astype(np.int32),
        }
    ).with_columns(
        published_at=pl.when(pl.Series(rng.random(n) > 0.01)).then("published_at"),
        arrived_at=pl.when(pl.Series(reposted)).then("arrived_at"),
        date_error_seconds=pl.when(pl.col("date_error_seconds") > 0).then("date_error_seconds"),
        ai_label=pl.when(pl.col("ai") == 1).then(True).when(pl.col("ai") == 0).then(False),
        instrument=pl.when(pl.col("instrument") != "").then("instrument"),
        media_count=pl.when(pl.col("media_count") > 0).then("media_count"),
    )
    shares = [
        pl.DataFrame(
            {"platform": platform, "upload_id": np.arange(n).astype(str), "n_artists": first}
        )
        .with_columns(artist_id=pl.Series([f"ärtist {(o + k * 17) % artists}" for o in owner]))
        .filter(pl.col("n_artists") > k)
        for k in range(3)
    ]
    credits_ = pl.concat(shares).unique(["platform", "upload_id", "artist_id"])
    people = credits_.select("platform", "artist_id").unique().sort("platform", "artist_id")
    m = people.height
    joined = start - rng.integers(0, 900, m) * _DAY
    people = people.with_columns(
        joined_at=pl.Series(joined.astype("datetime64[us]")),
        joined_basis=pl.Series(rng.choice(["account", "first_listing"], m)),
        design_weight=pl.Series(rng.choice([1.0, 2.5, 4.0], m)),
        joined=pl.Series(rng.random(m) < 0.7),
    ).with_columns(joined_at=pl.when("joined").then("joined_at"))
    visited = people.filter(pl.col("platform") == "drawings").select("platform", "artist_id")
    v = visited.height
    sightings = pl.concat(
        visited.with_columns(
            crawl_id=pl.lit(k, dtype=pl.Int32),
            status=pl.Series(rng.choice(["ok", "truncated", "not_found"], v, p=[0.9, 0.05, 0.05])),
            complete=pl.Series(rng.random(v) < 0.95),
            truncated=pl.Series(rng.random(v) < 0.03),
        )
        for k in (1, 2, 3)
        if k < 3 or v
    ).filter(pl.Series(rng.random(3 * v) < 0.8))
    days = np.array(["2022-11-20", "2023-01-15", "2023-02-20"], dtype="datetime64[us]")
    with ut.open_store(path, read_only=False) as store:
        con = store.connection
        for name, rows in {
            "upload": uploads.drop("ai"),
            "credit": credits_,
            "artist": people.drop("joined"),
            "sighting": sightings,
            "crawl": pl.DataFrame({"crawl_id": [1, 2, 3], "started_at": days}),
            "series": pl.DataFrame(
                {
                    "series_id": "s1",
                    "platform": "drawings",
                    "grouping": "all",
                    "period": pd.date_range("2020-01-01", periods=6, freq="MS").to_numpy(),
                    "frequency": "month",
                    "value": np.arange(6.0),
                    "unit": "works",
                    "interpolated": [False, True] * 3,
                }
            ),
        }.items():
            con.register("given", rows)
            con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM given")
            con.unregister("given")
    return path


def assert_same_panel(here: ut.Panel, there: ut.Panel, *, artists: bool = True) -> None:
    """Compare two panels table by table, row by row, and in every unit."""
    assert here.groups.height > 0
    for name in ("groups", "excluded"):
        assert_frame_equal(getattr(here, name), getattr(there, name), check_exact=False)
    for name, key in {
        "lanes": ["lane"],
        "complete": ["lane", "period"],
        "totals": ["lane", "period", "credited"],
        "unplaced": ["lane", "reason"],
        "published": ["series_id", "period"],
    }.items():
        one, other = (getattr(panel.records, name).sort(key) for panel in (here, there))
        assert_frame_equal(one, other, check_dtypes=False)
    spans, cells = zip(*(_named(panel) for panel in (here, there)), strict=True)
    assert_frame_equal(*spans)
    assert_frame_equal(*cells, check_dtypes=False)
    for platform, group in here.keys():
        for unit in UNITS:
            one, other = (_series(panel, platform, group, unit) for panel in (here, there))
            if isinstance(one, str):
                assert one == other
            else:
                pd.testing.assert_series_equal(one, other)
    if artists:
        assert_frame_equal(here.artists, there.artists)


def _named(panel: ut.Panel) -> tuple[pl.DataFrame, pl.DataFrame]:
    spans = panel.records.spans.sort("lane", "artist_id")
    cells = panel.records.cells.join(
        spans.select("lane", "artist", "artist_id"), on=["lane", "artist"], how="left"
    )
    return spans.drop("artist"), cells.drop("artist").sort("lane", "artist_id", "period")


def _series(panel: ut.Panel, platform: str, group: str, unit: str) -> pd.Series | str:
    try:
        return panel.series(platform, group, unit, flagged="keep")
    except ut.InputError as error:
        return str(error)
