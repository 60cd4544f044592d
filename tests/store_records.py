"""Sources of a few records, and posts as the dump has them, for the tests of store and sources."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from uploadtrends.records import Artist, Credit, Record, Upload
from uploadtrends.sources.staging import stage_records


class Records:
    """A source of given records."""

    name = "records"

    def __init__(
        self, *records: Record, credits_complete: bool = False, files: Iterable[Path] = ()
    ) -> None:
        self.records = records
        self.credits_complete = credits_complete
        self.files = list(files)

    def parameters(self) -> dict[str, Any]:
        return {}

    def inputs(self) -> list[Path]:
        return self.files

    def stage(self, con: Any, progress: Any) -> None:
        stage_records(con, self.records, progress=progress)


def work(upload_id: str, day: int = 1, *artists: str, **fields: Any) -> list[Record]:
    """An upload of January 2020 with its credits and artists."""
    upload = Upload("site", upload_id, datetime(2020, 1, day), **fields)
    credits = [Credit("site", upload_id, artist, len(artists)) for artist in artists]
    return [upload, *credits, *(Artist("site", artist) for artist in artists)]


def post(post_id: int, **changes: Any) -> dict[str, Any]:
    """A Danbooru post with the keys of the dump."""
    return {
        "id": post_id,
        "created_at": "2023-01-15T12:00:00.500-05:00",
        "uploader_id": 7,
        "source": "",
        "rating": "g",
        "file_ext": "jpg",
        "tag_string": "1girl solo",
        "is_deleted": False,
        "is_banned": False,
        "updated_at": "2023-02-01T00:00:00.000-05:00",
        "pixiv_id": None,
        "media_asset": {"id": post_id, "variants": [{"type": "180x180", "width": 1}]},
        "tag_string_general": "1girl solo",
        "tag_string_artist": "mira",
        "tag_string_meta": "highres",
    } | changes


def write_lines(path: Path, rows: Iterable[dict[str, Any] | str]) -> Path:
    """Write records (or lines as they are) as JSON Lines."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
