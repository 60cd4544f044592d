"""Exports of pixiv by the common downloaders: one work, whatever its pages.

Read are the lists of Powerful Pixiv Downloader (CSV, and JSON with one object a page), the files of
gallery-dl and of the app's API, answers of the web API, and PixivUtil2's JSON. What is particular:
a work's pages repeat it and fold; `createDate` (also `date`, `create_date`) is the publication,
`uploadDate` the last change of an image, and never its stand-in; aiType is 0 unknown, 1 not made
with AI, 2 made with AI; novels have ids of their own and are left out, counted; a work that is
hidden comes as a placeholder with the time of the request and is rejected. Times with an offset
keep it; gallery-dl's `date` is UTC without saying so. PixivUtil2's database holds no dates of
publication (its `created_date` is that of the download) and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import moment
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.reading.forms import files_of, form_of, with_logs
from uploadtrends.sources.reading.json_lines import sample_records
from uploadtrends.sources.table import Table
from uploadtrends.sources.tabular import cells, columns_of

if TYPE_CHECKING:
    import duckdb

PLATFORM = "pixiv"
AI_TYPE: Mapping[str, object] = {
    **{"0": None, "1": False, "2": True},
    **{"Unknown": None, "No": False, "Yes": True},
}
MATURE: Mapping[str, object] = {
    **{"0": False, "1": True, "2": True},
    **{"AllAges": False, "R-18": True, "R-18G": True},
}
KINDS: Mapping[str, object] = {
    **{"0": "illustration", "1": "manga", "2": "ugoira", "3": "novel"},
    **{"Illustration": "illustration", "illust": "illustration", "Manga": "manga"},
    **{"Ugoira": "ugoira", "Novel": "novel"},
}
SHOWN: Mapping[str, object] = {"true": "listed", "false": "hidden"}
"""`visible`; the date of a work that is not is that of the request."""
_NOVEL = ("text_length", "textCount", "wordCount")
_IDS = ("idNum", "illustId", "illust_id", "Image ID", "id")
_IMAGES = (
    *("image_urls.large", "image_urls.medium", "image_urls.square_medium"),
    *("urls.original", "urls.regular", "url", "thumb", "imageUrl"),
)
_FIELDS: dict[str, tuple[str, ...]] = {
    "upload_id": _IDS,
    "artist_id": ("userId", "user_id", "user.id", "Artist ID"),
    "handle": ("userName", "user_name", "user.name", "Artist Name", "user"),
    "published_at": ("createDate", "create_date", "illust_upload_timestamp", "Date", "date"),
    "ai_label": ("aiType", "illust_ai_type", "AI"),
    "is_mature": ("xRestrict", "x_restrict"),
    "status": ("visible",),
    "kind": ("type", "illustType", "illust_type"),
    "media_count": ("pageCount", "page_count", "illust_page_count", "Pages", "page", "count"),
}


@dataclass(frozen=True)
class Pixiv:
    """Works of pixiv as a downloader exported them.

    Parameters
    ----------
    path : Path
        A file, a folder of files, or a pattern: JSON, JSON Lines or CSV, packed or not.

    Notes
    -----
    `ai_label` is what the artist said (aiType), by basis "as given"; unknown before 31 October 2022
    for nearly all works. Deleted works are not in any export: histories show survivors.
    """

    path: Path
    name: ClassVar[str] = "pixiv"
    credits_complete: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """Return the settings: none."""
        return {}

    def inputs(self) -> list[Path]:
        """Return the files."""
        return with_logs(files_of(Path(self.path)))

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; novels and placeholders go to `stage_reject`."""
        self._table(con).stage(con, progress)

    def _table(self, con: duckdb.DuckDBPyConnection) -> _Works:
        path = Path(self.path)
        first = files_of(path)[0]
        if form_of(first) == "sqlite":
            raise InputError(
                "PixivUtil2's database holds the dates of the download, not of publication",
                file=first,
                fix="export JSON with it, or date its ids with the pixiv id clock",
            )
        present = _fields(con, path, first)
        if any(name in present for name in _NOVEL):
            raise InputError(
                "these are novels, whose ids are not those of pictures",
                file=first,
                fix="load them as a platform of their own with the source `table`",
            )
        columns = {}
        for field, names in _FIELDS.items():
            found = next((name for name in names if name in present), None)
            if found is not None:
                columns[field] = found
        for field in ("upload_id", "artist_id", "published_at"):
            if field not in columns:
                raise InputError(
                    f"not an export of pixiv: no {field}",
                    file=first,
                    fix=f"the columns are {', '.join(present[:20])}; use the source `table`",
                )
        return _Works(
            path,
            columns,
            PLATFORM,
            image=next((name for name in _IMAGES if name in present), None),
            values={"ai_label": AI_TYPE, "is_mature": MATURE, "kind": KINDS, "status": SHOWN},
        )


@dataclass(frozen=True)
class _Works(Table):
    """A table of works whose novels and placeholders are rejects before anything is compared."""

    image: str | None = None
    """Column of a picture's address, which tells what is shown in its place."""

    def _read(self) -> list[str]:
        image = [] if self.image is None else [self.image]
        return list(dict.fromkeys([*super()._read(), *image]))

    def _typed(self, lists: bool) -> dict[str, str]:
        typed = super()._typed(lists)
        # Lists of the website write the day as in Japan, and mean the time there.
        text = "text_published_at"
        japan = moment(text, timezone="Asia/Tokyo")
        typed["published_at"] = (
            f"CASE WHEN contains({text}, '年') THEN {japan} ELSE {typed['published_at']} END"
        )
        return typed

    def _reason(self, con: duckdb.DuckDBPyConnection, objects: bool) -> str:
        cases = []
        if "kind" in self.columns:
            # Novels have ids of their own, which meet those of pictures.
            cases.append("WHEN kind = 'novel' THEN 'a novel, not a picture'")
        hidden = "artist_id = '0'"
        if "status" in self.columns:
            hidden += " OR status = 'hidden'"
        if self.image is not None:
            # Seen by who asked only in part; the date is that of the request, too.
            hidden += f" OR contains({cells(self._read())[self.image]}, '/common/images/limit_')"
        cases.append(f"WHEN {hidden} THEN 'a placeholder of a hidden or deleted work'")
        return f"CASE {' '.join(cases)} ELSE {super()._reason(con, objects)} END"


def _fields(con: duckdb.DuckDBPyConnection, path: Path, first: Path) -> list[str]:
    """Return the columns of an export, and of an object in it the dotted paths in its place."""
    if form_of(first) != "json":
        return columns_of(con, path)
    fields: dict[str, None] = {}
    for record in sample_records(first, wanted=_IDS):
        for key, value in record.items():
            if isinstance(value, dict):
                fields |= dict.fromkeys(f"{key}.{inner}" for inner in value)
            else:
                fields[key] = None
    return list(fields)
