"""A simulated population in the shape of the store's tables, so that one panel code serves both."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from uploadtrends.simulate import Population


def population_tables(population: Population) -> dict[str, pl.DataFrame]:
    """Return the tables upload, credit, artist, sighting, crawl and series.

    One complete crawl saw every artist: on the day of `Population.visible`, else at the end of the
    simulation. Works that were taken down and are still in the data carry the status "deleted".
    """
    seen = population.truth.get("visible_on")
    if seen is None:
        last = dt.date.fromisoformat(str(population.truth["end"]))
        moment = dt.datetime.combine(last, dt.time()) + dt.timedelta(days=1)
    else:
        moment = dt.datetime.fromisoformat(str(seen))
    text = pl.lit(None, dtype=pl.String)
    upload = population.uploads.select(
        "platform",
        "upload_id",
        "published_at",
        date_basis=pl.lit("published"),
        date_precision=pl.lit("second"),
        date_error_seconds=pl.lit(None, dtype=pl.Int64),
        arrived_at=pl.lit(None, dtype=pl.Datetime("us")),
        media_count="media_count",
        ai_label="ai_label",
        status=pl.when(pl.col("delisted_at").is_null())
        .then(pl.lit("listed"))
        .otherwise(pl.lit("deleted")),
        instrument=text,
        last_crawl=pl.lit(1, dtype=pl.Int32),
    )
    artist = population.artists.select(
        "platform",
        "artist_id",
        "joined_at",
        joined_basis=pl.lit("account"),
        design_weight=pl.lit(None, dtype=pl.Float64),
    )
    return {
        "upload": upload,
        "credit": population.uploads.select(
            "platform", "upload_id", "artist_id", n_artists=pl.lit(1, dtype=pl.Int32)
        ),
        "artist": artist,
        "sighting": population.artists.select(
            "platform",
            "artist_id",
            crawl_id=pl.lit(1, dtype=pl.Int32),
            status=pl.lit("ok"),
            complete=pl.lit(True),
            truncated=pl.lit(False),
        ),
        "crawl": pl.DataFrame({"crawl_id": [1], "started_at": [moment]}),
        "series": pl.DataFrame(
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
            }
        ),
    }
