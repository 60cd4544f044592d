"""A simulated population: what it holds, what a crawl sees of it, and samples of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Population:
    """Artists and all works they ever published, with the truth behind them.

    Attributes
    ----------
    artists : polars.DataFrame
        platform, artist_id, handle, joined_at, first_upload_at, followers (at the end of the
        simulation), exit_at (last moment of activity; null while still active), deleted_at (the
        account and all its works went away; null if never), is_studio.
    uploads : polars.DataFrame
        platform, upload_id, artist_id, published_at (UTC, naive), delisted_at (null if still
        listed), is_mature, ai_label (null: unknown), media_count. Sorted by time, each artist's
        history complete since the first work.
    truth : dict
        The arguments behind the data, JSON-ready.
    """

    artists: pl.DataFrame
    uploads: pl.DataFrame
    truth: dict[str, Any] = field(default_factory=dict)

    def visible(self, on: str | date | datetime) -> Population:
        """Return what a complete crawl on that day sees: no deleted work, no deleted account.

        Nothing in the answer tells what has gone: `delisted_at`, `deleted_at` and `exit_at` are
        null throughout.
        """
        import polars as pl

        moment = moment_of(on)
        hidden = pl.lit(None, dtype=pl.Datetime("us"))
        artists = self.artists.filter(
            (pl.col("joined_at") <= moment)
            & (pl.col("deleted_at").is_null() | (pl.col("deleted_at") > moment))
        ).with_columns(exit_at=hidden, deleted_at=hidden)
        uploads = self.uploads.filter(
            (pl.col("published_at") <= moment)
            & (pl.col("delisted_at").is_null() | (pl.col("delisted_at") > moment))
        ).with_columns(delisted_at=hidden)
        return Population(artists, uploads, self.truth | {"visible_on": moment.isoformat()})

    def sample(self, n: int, min_followers: int = 2000, seed: int = 0) -> Population:
        """Return `n` artists drawn at random among those with `min_followers` or more.

        Raises
        ------
        InputError
            When fewer than `n` artists qualify.
        """
        import polars as pl

        eligible = self.artists.filter(pl.col("followers") >= min_followers)
        if eligible.height < n:
            raise InputError(
                f"only {eligible.height} artists have {min_followers} followers or more",
                column="followers",
                value=n,
                fix="draw fewer artists, lower min_followers, or simulate more artists",
            )
        chosen = np.random.default_rng(seed).choice(eligible.height, size=n, replace=False)
        artists = eligible[np.sort(chosen)]
        uploads = self.uploads.join(
            artists.select("platform", "artist_id"),
            on=["platform", "artist_id"],
            how="semi",
            maintain_order="left",
        )
        drawn = {"sample": n, "min_followers": min_followers, "sample_seed": seed}
        return Population(artists, uploads, self.truth | drawn)


def moment_of(when: str | date | datetime) -> datetime:
    """Return a point in time (UTC, naive) for anything that names one.

    Raises
    ------
    InputError
        When a text is not an ISO date.
    """
    if isinstance(when, datetime):
        return when if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)
    if isinstance(when, date):
        return datetime(when.year, when.month, when.day)
    try:
        return moment_of(datetime.fromisoformat(when))
    except ValueError as error:
        raise InputError("not a date", value=when, fix="write it as 2022-08-22") from error
