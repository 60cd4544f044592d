"""How the data sets that come with the package are read."""

from __future__ import annotations

from pathlib import Path

from uploadtrends import datasets
from uploadtrends.errors import InputError
from uploadtrends.sources.id_clock import IdClock
from uploadtrends.sources.protocol import Source
from uploadtrends.sources.series import SeriesFile
from uploadtrends.sources.table import Table


def bundled(name: str, path: str | Path | None = None) -> Source:
    """Return the source that reads a bundled data set.

    Parameters
    ----------
    name : {"precipice_figure1", "artist_months", "danbooru_id_dates"}
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
    raise InputError(
        "no bundled data set has this name", value=name, fix=f"one of {', '.join(datasets.NAMES)}"
    )
