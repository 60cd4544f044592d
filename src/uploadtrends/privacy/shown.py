"""Frames without names, for whatever is shown to others."""

from __future__ import annotations

from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.pseudonyms import pseudonym


def pseudonymised(frame: Any, key: bytes) -> Any:
    """Return a polars frame with pseudonyms for `artist_id`, no handles, and days for times.

    Parameters
    ----------
    frame : polars.DataFrame
        With columns platform and artist_id if it is about artists.
    key : bytes
        From `load_key`.
    """
    import polars as pl

    if "artist_id" in frame.columns:
        if "platform" not in frame.columns:
            raise InputError("pseudonyms need the platform beside the artist", column="platform")
        people = frame.select("platform", "artist_id").unique()
        names = [pseudonym(key, *row) for row in people.iter_rows()]
        people = people.with_columns(pseudonym=pl.Series(names, dtype=pl.String))
        frame = (
            frame.join(people, on=["platform", "artist_id"], how="left", maintain_order="left")
            .with_columns(artist_id=pl.col("pseudonym"))
            .drop("pseudonym")
        )
    if "handle" in frame.columns:
        frame = frame.drop("handle")
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(times).dt.date())
