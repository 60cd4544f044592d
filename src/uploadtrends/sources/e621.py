"""e621's daily exports: posts with the list of tags that tells which of them are artists.

What is particular: the files were named by date and are not since 2026; quoted line breaks in
sources and descriptions; flags are t and f; times are UTC without saying so, and those of the
posting to e621 by an uploader, not the artist's (`date_basis` "arrival", as on Danbooru); tags
stand in one text, artists among all others; deleted posts are in it; some tags of the artists'
category name nobody. A tag's category is that of the export, not of the post's day.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import doubt, moment, quote, read_dates
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import tally
from uploadtrends.sources.tabular import cells, read_rows

if TYPE_CHECKING:
    import duckdb

PLATFORM = "e621"
ARTIST = "1"
NOBODY = (
    *("avoid_posting", "conditional_dnp", "epilepsy_warning", "sound_warning"),
    *("unknown_artist", "anonymous_artist", "unknown_artist_signature", "third-party_edit"),
)
_POST = ("id", "created_at", "updated_at", "rating", "file_ext", "tag_string", "is_deleted")
_TAG = ("name", "category")


@dataclass(frozen=True)
class E621:
    """An export of posts, ``posts-2024-01-01.csv.gz`` or ``posts.csv.gz``.

    Parameters
    ----------
    path : Path
    tags : Path, optional
        The export of tags of the same day; by default the file beside the posts whose name has
        ``tags`` in the place of ``posts``.
    """

    path: Path
    tags: Path | None = None
    name: ClassVar[str] = "e621"
    credits_complete: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """Return the settings: none beside the files."""
        return {}

    def inputs(self) -> list[Path]:
        """Return the posts and the tags."""
        return [Path(self.path), self._tags()]

    def _tags(self) -> Path:
        posts = Path(self.path)
        beside = Path(self.tags or posts.with_name(posts.name.replace("posts", "tags", 1)))
        if beside == posts or not beside.is_file():
            raise InputError(
                "the posts do not say which of their tags are artists",
                file=posts,
                fix="give the export of tags too: tags=tags-....csv.gz",
            )
        return beside

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; what cannot be read goes to `stage_reject`."""
        tags = self._tags()
        read_rows(con, tags, _TAG, progress=progress)
        tag, category = cells(_TAG).values()
        left_out = ", ".join(quote(name) for name in NOBODY)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE artist_tag AS SELECT DISTINCT {tag} AS tag "
            f"FROM temp.input_rows WHERE {category} = '{ARTIST}' AND {tag} NOT IN ({left_out})"
        )
        con.execute("DELETE FROM temp.stage_reject")  # of the tags
        con.execute("DELETE FROM temp.stage_tally")
        read_rows(con, Path(self.path), _POST, dates=["created_at"], progress=progress)
        self._stage(con)

    @staticmethod
    def _stage(con: duckdb.DuckDBPyConnection) -> None:
        cell = cells(_POST)
        when = moment(cell["created_at"])
        whole = f"regexp_full_match({cell['id']}, '[0-9]+')"
        read_dates(
            con,
            "CREATE OR REPLACE TEMP TABLE post AS SELECT position, "
            f"{cell['id']} AS upload_id, {when} AS arrived_at, {moment(cell['updated_at'])} "
            f"AS updated_at, {cell['rating']} = 'e' OR {cell['rating']} = 'q' AS is_mature, "
            f"CASE WHEN {cell['is_deleted']} IN ('t', 'true') THEN 'deleted' ELSE 'listed' END "
            f"AS status, CASE WHEN {cell['file_ext']} IN ('webm', 'mp4') THEN 'video' WHEN "
            f"{cell['file_ext']} = 'swf' THEN 'flash' WHEN {cell['file_ext']} IS NOT NULL THEN "
            f"'image' END AS kind, {cell['tag_string']} AS tags, CASE WHEN NOT coalesce({whole}, "
            f"FALSE) THEN 'id is not a whole number' ELSE {doubt(when, cell['created_at'])} END "
            f"AS reason, left(concat_ws(',', {cell['id']}, {cell['created_at']}), 200) AS excerpt "
            "FROM temp.input_rows",
        )
        con.execute("DROP TABLE temp.input_rows")
        con.execute(
            "INSERT INTO temp.stage_reject SELECT 'row ' || position, reason, excerpt "
            "FROM temp.post WHERE reason IS NOT NULL"
        )
        con.execute("DELETE FROM temp.post WHERE reason IS NOT NULL")
        (good,) = con.sql("SELECT count(*) FROM temp.post").fetchall()[0]
        con.execute(
            "CREATE OR REPLACE TEMP TABLE post AS SELECT * FROM temp.post QUALIFY row_number() "
            "OVER (PARTITION BY upload_id ORDER BY updated_at DESC NULLS LAST, position DESC) = 1"
        )
        (kept,) = con.sql("SELECT count(*) FROM temp.post").fetchall()[0]
        con.execute(
            f"INSERT INTO temp.stage_credit SELECT '{PLATFORM}', upload_id, tag, "
            "count(*) OVER (PARTITION BY upload_id) FROM (SELECT DISTINCT upload_id, "
            "unnest(string_split(tags, ' ')) AS tag FROM temp.post) SEMI JOIN temp.artist_tag "
            "USING (tag)"
        )
        con.execute(
            "INSERT INTO temp.stage_artist BY NAME SELECT DISTINCT platform, artist_id, "
            "artist_id AS handle FROM temp.stage_credit"
        )
        con.execute(
            f"INSERT INTO temp.stage_upload BY NAME SELECT '{PLATFORM}' AS platform, upload_id, "
            "arrived_at AS published_at, 'arrival' AS date_basis, 'second' AS date_precision, "
            "arrived_at, kind, 1 AS media_count, is_mature, CASE WHEN list_contains("
            "string_split(tags, ' '), 'ai_generated') THEN TRUE END AS ai_label, CASE WHEN "
            "list_contains(string_split(tags, ' '), 'ai_generated') THEN 'tag ai_generated' END "
            "AS ai_basis, status, CASE WHEN c.upload_id IS NULL THEN 'none' END AS unattributed, "
            "updated_at FROM temp.post p LEFT JOIN (SELECT DISTINCT upload_id FROM "
            "temp.stage_credit) c USING (upload_id)"
        )
        tally(con, "loaded", kept)
        tally(con, "folded", good - kept)
        (without,) = con.sql(
            "SELECT count(*) FROM temp.stage_upload WHERE unattributed IS NOT NULL"
        ).fetchall()[0]
        tally(con, "unattributed", without)
