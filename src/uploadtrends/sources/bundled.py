"""How the data sets that come with the package are read."""

from __future__ import annotations

from pathlib import Path

from uploadtrends import datasets
from uploadtrends.errors import InputError
from uploadtrends.sources.id_clock import IdClock
from uploadtrends.sources.protocol import Source
from uploadtrends.sources.series import SeriesFile
from uploadtrends.sources.table import Table

BOUND_SLACK = 0.25
"""Days that a pixiv image path may be late at the most."""


def bundled(name: str, path: str | Path | None = None) -> Source:
    """Return the source that reads a bundled data set.

    Parameters
    ----------
    name : one of `uploadtrends.datasets.NAMES`
    path : str or Path, optional
        The file, where it is not the one in the package.

    Raises
    ------
    InputError
        If there is no such data set.
    """
    file = Path(path) if path is not None else datasets.path(name)
    if name == "precipice_figure1":
        return SeriesFile(
            file,
            columns={
                f"{group}_{platform}": (platform, group)
                for group in ("total", "senior", "new")
                for platform in ("artstation", "deviantart")
            },
            unit="unstated (as plotted)",
            series_id=name,
            source="arXiv 2406.08739, Figure 1, read off the figure",
        )
    if name == "artist_months":
        return Table(
            file,
            columns={
                "artist_id": "artist_id",
                "joined_at": "first_month",
                "published_at": "month",
                "instrument": "instrument",
                "uploads": "uploads",
            },
            platform="shadertoy",
            joined_basis="first_listing",
        )
    if name == "danbooru_id_dates":
        return IdClock(file, series_id=name, source="public posts, quoted row by row in the file")
    if name == "pixiv_id_dates":
        return pixiv_clock(file, series_id=name)
    raise InputError(
        "no bundled data set has this name", value=name, fix=f"one of {', '.join(datasets.NAMES)}"
    )


def pixiv_clock(
    path: str | Path | None = None, *, period: str = "month", series_id: str | None = None
) -> IdClock:
    """Return pixiv's id clock by month, week or day.

    Times read off image paths are upper bounds. Those that can be checked against exact pairs less
    than a day apart (225) are at most 0.09 days late; `BOUND_SLACK` allows three times that.
    """
    return IdClock(
        Path(path) if path is not None else datasets.path("pixiv_id_dates"),
        platform="pixiv",
        bound_column="precision",
        bound_slack=BOUND_SLACK,
        period=period,
        series_id=series_id or f"pixiv_id_dates_{period}",
        source="public posts and image paths, quoted row by row in the file",
    )
