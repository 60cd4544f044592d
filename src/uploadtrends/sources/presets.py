"""Column mappings of well-known files, so that `table` reads them without one.

`unsplash`: the Unsplash dataset, ``photos.tsv000`` and following parts; some releases call them
``photos.csv000`` though tabs separate them, so give the pattern ``photos.?sv*``. Times have no
zone; UTC is assumed. Photographs that were removed are not in later releases.

`reddit`: monthly dumps of submissions, JSON Lines in zstd with a window of 2 GB. `created_utc` is a
number in most months and a text in others; authors who left are ``[deleted]`` and count as
unattributed. Every post is a work: choose a subreddit's file, or filter first.

`civitai`: answers of its API about images (``/api/v1/images``), saved page by page. All are made
with AI; users who left have no name.

`diffusiondb`: the metadata of DiffusionDB (Parquet), images that people of one Discord server made
with Stable Diffusion in August 2022. Users are hashes; ``deleted_account`` is nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.sources.table import Table

PRESETS: dict[str, dict[str, Any]] = {
    "unsplash": {
        "platform": "unsplash",
        "columns": {
            "upload_id": "photo_id",
            "artist_id": "photographer_username",
            "published_at": "photo_submitted_at",
        },
    },
    "reddit": {
        "platform": "reddit",
        "columns": {
            "upload_id": "id",
            "artist_id": "author",
            "published_at": "created_utc",
            "is_mature": "over_18",
        },
    },
    "civitai": {
        "platform": "civitai",
        "columns": {"upload_id": "id", "artist_id": "username", "published_at": "createdAt"},
    },
    "diffusiondb": {
        "platform": "diffusiondb",
        "columns": {
            "upload_id": "image_name",
            "artist_id": "user_name",
            "published_at": "timestamp",
        },
        "values": {"artist_id": {"deleted_account": None}},
    },
}


def preset_options(name: str) -> dict[str, Any]:
    """Return the options of `Table` for a well-known file.

    Raises
    ------
    InputError
        There is no such preset.
    """
    if name not in PRESETS:
        raise InputError("no such preset", value=name, fix=f"one of {', '.join(PRESETS)}")
    return {
        key: value.copy() if isinstance(value, dict) else value
        for key, value in PRESETS[name].items()
    }


def preset(name: str, path: str | Path, **options: Any) -> Table:
    """Return the source that reads a well-known file.

    Parameters
    ----------
    name : {"unsplash", "reddit", "civitai", "diffusiondb"}
    path : str or Path
        A file, a folder or a pattern.
    **options
        Of `Table`, in place of the preset's.

    Examples
    --------
    >>> preset("unsplash", "photos.tsv000").columns["artist_id"]
    'photographer_username'
    """
    return Table(Path(path), **(preset_options(name) | options))
