from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from uploadtrends.engines import DuckDBEngine
from uploadtrends.sources.bundled import bundled
from uploadtrends.store import build_store


@pytest.fixture(scope="session")
def bundled_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "uploads.duckdb"
    build_store(path, [bundled("precipice_figure1"), bundled("artist_months")])
    return path


class Tables(DuckDBEngine):
    """The store's tables, given as rows, on a database in memory."""

    def __init__(self, uploads, *, joined=(), visits=(), published=(), weights=None):
        super().__init__()
        artists = sorted({(u["platform"], a) for u in uploads for a in u["artists"]})
        joined = dict(joined)
        weights = weights or {}
        stamp = pl.Datetime("us")
        self.frames = {
            "upload": pl.DataFrame(
                [
                    (
                        u["platform"],
                        u["id"],
                        u["at"],
                        u.get("basis", "published"),
                        u.get("precision", "second"),
                        u.get("error"),
                        u.get("arrived"),
                        u.get("media"),
                        u.get("ai"),
                        u.get("status", "listed"),
                        u.get("instrument"),
                        u.get("last_crawl", 1),
                    )
                    for u in uploads
                ],
                schema={
                    "platform": pl.String,
                    "upload_id": pl.String,
                    "published_at": stamp,
                    "date_basis": pl.String,
                    "date_precision": pl.String,
                    "date_error_seconds": pl.Int64,
                    "arrived_at": stamp,
                    "media_count": pl.Int32,
                    "ai_label": pl.Boolean,
                    "status": pl.String,
                    "instrument": pl.String,
                    "last_crawl": pl.Int32,
                },
                orient="row",
            ),
            "credit": pl.DataFrame(
                [
                    (u["platform"], u["id"], artist, len(u["artists"]))
                    for u in uploads
                    for artist in u["artists"]
                ],
                schema={
                    "platform": pl.String,
                    "upload_id": pl.String,
                    "artist_id": pl.String,
                    "n_artists": pl.Int32,
                },
                orient="row",
            ),
            "artist": pl.DataFrame(
                [(p, a, *joined.get(a, (None, None)), weights.get(a)) for p, a in artists],
                schema={
                    "platform": pl.String,
                    "artist_id": pl.String,
                    "joined_at": stamp,
                    "joined_basis": pl.String,
                    "design_weight": pl.Float64,
                },
                orient="row",
            ),
            "sighting": pl.DataFrame(
                [
                    (
                        v["platform"],
                        v["artist"],
                        v["crawl"],
                        v.get("status", "ok"),
                        v.get("complete", True),
                        v.get("truncated", False),
                    )
                    for v in visits
                ],
                schema={
                    "platform": pl.String,
                    "artist_id": pl.String,
                    "crawl_id": pl.Int32,
                    "status": pl.String,
                    "complete": pl.Boolean,
                    "truncated": pl.Boolean,
                },
                orient="row",
            ),
            "crawl": pl.DataFrame(
                sorted({(v["crawl"], v["on"]) for v in visits}),
                schema={"crawl_id": pl.Int32, "started_at": stamp},
                orient="row",
            ),
            "series": pl.DataFrame(
                list(published),
                schema={
                    "series_id": pl.String,
                    "platform": pl.String,
                    "grouping": pl.String,
                    "period": pl.Date,
                    "frequency": pl.String,
                    "value": pl.Float64,
                    "unit": pl.String,
                    "low": pl.Float64,
                    "high": pl.Float64,
                    "interpolated": pl.Boolean,
                },
                orient="row",
            ),
        }
        self.attach(self.frames)


@pytest.fixture
def tables():
    return Tables


@pytest.fixture
def work():
    def make(number, at, artists=("a",), platform="site", **more):
        when = at if isinstance(at, dt.datetime) or at is None else dt.datetime.fromisoformat(at)
        row = {"platform": platform, "id": str(number), "at": when, "artists": list(artists)}
        return row | more

    return make
