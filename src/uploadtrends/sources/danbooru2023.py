"""The Danbooru2023 metadata dump (posts.json), its relatives of 2020 and 2021, and later ones.

What is particular to these files: one JSON object a line despite the name; times in US Eastern,
in summer and in winter; null keys present, absent or removed; several artists in one text; posts
without any; deleted and banned posts among the others; `s` meaning "safe" before 2022 and
"sensitive" since. `created_at` is when somebody posted the work to Danbooru, not when its artist
published it (see `repost_dates`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.sources import repost_dates
from uploadtrends.sources.danbooru_columns import read_columns
from uploadtrends.sources.moments import check_zone, quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.columnar import parquet_columns
from uploadtrends.sources.reading.forms import files_of, form_of
from uploadtrends.sources.reading.json_lines import read_json_lines, sample_records
from uploadtrends.sources.staging import setting, tally

PLATFORM = "danbooru"
FIRST_DAY = "2005-05-01"
LARGEST_ID = 1_000_000_000
PSEUDO_ARTISTS = ("banned_artist", "artist_request", "unknown_artist", "official_art")
"""Tags in the place of an artist that name no person."""
AI_TAGS = ("ai-generated", "ai-assisted")
ARTIST_CATEGORY = "1"
Layout = Literal["posts", "export", "tag list"]

_COLUMNS = {
    "id": "JSON",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
    "source": "VARCHAR",
    "rating": "JSON",
    "file_ext": "JSON",
    "is_deleted": "JSON",
    "is_banned": "JSON",
    "pixiv_id": "JSON",
}
_TAG_COLUMNS: dict[str, tuple[str, ...]] = {
    "posts": ("tag_string_artist", "tag_string_meta"),
    "export": ("tag_string",),
    "tag list": ("tags",),
}


@dataclass(frozen=True)
class Danbooru2023:
    """A dump of Danbooru posts.

    Parameters
    ----------
    path : Path
        JSON Lines or an array: ``posts.json``, ``.jsonl``, also gzip, xz or zstd, or
        ``posts.tar.gz``; nothing is unpacked as a whole. Or Parquet with the same columns, as the
        dumps after 2023 come: a file, a folder of files, or a pattern.
    tags : Path, optional
        JSON Lines of tags with `name` and `category` (``tags.tar.xz``); needed for the layout of
        2021, whose posts do not tell artist tags from others.
    recover_dates : bool
        Read the artist's own date from the `source` of a post where it holds one.
    timezone : str
        Time zone of times that name none; the dumps' own lines carry an offset, tables made of
        them often do not.

    Notes
    -----
    An upload's `arrived_at` is Danbooru's `created_at`; `published_at` is the artist's own date by
    `date_basis` "source_url", and repeats `arrived_at` by "arrival" where there is none. A post
    whose `source` is dated after its arrival keeps its arrival: the address was changed later.
    `is_mature` is true for ratings q and e, which kept their meaning in 2022 (s did not).
    `ai_label` is true where a tag says so and unknown otherwise: a missing tag proves nothing.
    Posts without an artist have no credit and say why in `unattributed`.
    """

    path: Path
    tags: Path | None = None
    recover_dates: bool = True
    timezone: str = "UTC"
    name: ClassVar[str] = "danbooru2023"
    credits_complete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_zone(self.timezone)

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        named = {"timezone": self.timezone} if self.timezone != "UTC" else {}
        return {"recover_dates": self.recover_dates} | named

    def inputs(self) -> list[Path]:
        """Return the dump, and the tags when given."""
        return [*files_of(Path(self.path)), *([Path(self.tags)] if self.tags else [])]

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; lines that are no posts go to `stage_reject`."""
        path = Path(self.path)
        layout = detect_layout(path)
        if layout == "export" and self.tags is None:
            raise InputError(
                "the posts do not say which of their tags are artists (the layout of 2021)",
                file=path,
                fix="give the tags too: tags=... with the file of tags (name and category)",
            )
        # DuckDB's reader of JSON knows no zone but UTC; a cast of a text follows the connection.
        zoned = self.timezone != "UTC"
        texts = dict.fromkeys(("created_at", "updated_at"), "VARCHAR") if zoned else {}
        what: dict[str, Any] = {
            "into": "danbooru_post",
            "columns": _COLUMNS | dict.fromkeys(_TAG_COLUMNS[layout], "JSON") | texts,
            "select": _select(layout),
            "reason": _reason(layout),
            "progress": progress,
        }
        files = files_of(path)
        parquet = form_of(files[0]) == "parquet"
        if not parquet and len(files) > 1:
            raise InputError("several files that are not Parquet", file=path, fix="give one")
        with setting(con, "TimeZone", self.timezone):
            if parquet:
                n_read = read_columns(con, files, **what)
            else:
                n_read = read_json_lines(con, files[0], **what)
        if progress:
            size = sum(file.stat().st_size for file in files)
            progress(LoadProgress("dating and crediting", n_read, size, size))
        if layout == "export" and self.tags is not None:
            self._artists_from_tags(con, Path(self.tags))
        else:
            tally(con, "read", n_read)  # rejected tags would be counted among posts
        stage_posts(con, recover_dates=self.recover_dates)

    @staticmethod
    def _artists_from_tags(con: duckdb.DuckDBPyConnection, tags: Path) -> None:
        """Keep of each post's tags those that the list of tags calls artists."""
        read_json_lines(
            con,
            tags,
            into="danbooru_tag",
            columns={"name": "JSON", "category": "JSON"},
            select="name ->> '$' AS tag, trim(CAST(category AS VARCHAR), '\"') AS category",
            reason="CASE WHEN name IS NULL OR category IS NULL THEN 'not a tag' END",
        )
        con.execute(
            "CREATE TEMP TABLE artist_tags AS SELECT post_id, string_agg(tag, ' ') AS artists "
            "FROM (SELECT post_id, unnest(string_split(artists, ' ')) AS tag "
            "FROM temp.danbooru_post) SEMI JOIN (FROM temp.danbooru_tag WHERE category = ?) "
            "USING (tag) GROUP BY post_id",
            [ARTIST_CATEGORY],
        )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE danbooru_post AS SELECT p.* REPLACE (a.artists AS "
            "artists) FROM temp.danbooru_post p LEFT JOIN temp.artist_tags a USING (post_id)"
        )
        for table in ("artist_tags", "danbooru_tag"):
            con.execute(f"DROP TABLE temp.{table}")


def detect_layout(path: Path) -> Layout:
    """Tell the layout of a dump by the shape of its first records.

    Raises
    ------
    InputError
        The records are not Danbooru posts.
    """
    first = files_of(path)[0]
    if form_of(first) == "parquet":
        with duckdb.connect() as con:
            keys = set(parquet_columns(con, first))
    else:
        keys = {key for record in sample_records(first) for key in record}
    if "id" in keys and "created_at" in keys:
        if "tag_string_artist" in keys:
            return "posts"
        if "tag_string" in keys:
            return "export"
        if "tags" in keys:
            return "tag list"
    raise InputError(
        "the records are not Danbooru posts (no id, created_at and tags)",
        file=path,
        fix="for tables of other shapes use the source `table` with a column mapping",
    )


def _text(key: str) -> str:
    """Return the SQL that takes the quotation marks off a JSON text, and its escapes if any."""
    raw = f"CAST({key} AS VARCHAR)"
    return f"CASE WHEN contains({raw}, '\\') THEN {key} ->> '$' ELSE {_unquoted(key)} END"


def _unquoted(key: str) -> str:
    """Return the SQL of a JSON number that may be written as a text, or of a text without escapes.

    Such a text holds no quotation marks but the outer ones, and `replace` is the fastest way.
    """
    return f"replace(CAST({key} AS VARCHAR), '\"', '')"


def _has_tag(tags: str, tag: str) -> str:
    """Return the SQL that finds a whole tag; the plain search first spares most rows the split."""
    return f"(contains({tags}, '{tag}') AND list_contains(string_split({tags}, ' '), '{tag}'))"


def _select(layout: Layout) -> str:
    if layout == "tag list":
        listed = 'from_json(tags, \'[{"name":"VARCHAR","category":"VARCHAR"}]\')'
        artists, others = (
            f"array_to_string(list_transform(list_filter({listed}, lambda tag: tag.category "
            f"{relation} '{ARTIST_CATEGORY}'), lambda tag: tag.name), ' ')"
            for relation in ("=", "<>")
        )
    elif layout == "export":
        artists = others = _text("tag_string")
    else:
        artists, others = _text("tag_string_artist"), _text("tag_string_meta")
    said = " ".join(f"WHEN {_has_tag('others', tag)} THEN '{tag}'" for tag in AI_TAGS)
    return (
        f"try_cast({_unquoted('id')} AS UBIGINT) AS post_id, "
        # The same as timezone('UTC', ...), without the calendar.
        "make_timestamp(epoch_us(try_cast(created_at AS TIMESTAMPTZ))) AS arrived_at, "
        "make_timestamp(epoch_us(try_cast(updated_at AS TIMESTAMPTZ))) AS updated_at, "
        "nullif(source, '') AS source, "
        f"try_cast({_unquoted('pixiv_id')} AS BIGINT) AS pixiv_id, "
        f"nfc_normalize({artists}) AS artists, {others} AS others, CASE {said} END AS ai_tag, "
        f"{_has_tag('others', 'artist_request')} AS artist_requested, "
        "CASE WHEN rating IN ('\"q\"', '\"e\"', '\"questionable\"', '\"explicit\"') THEN TRUE "
        "WHEN rating IN ('\"s\"', '\"g\"', '\"safe\"', '\"sensitive\"', '\"general\"') THEN FALSE "
        "END AS is_mature, "
        "CASE WHEN CAST(is_banned AS VARCHAR) = 'true' THEN 'banned' "
        "WHEN CAST(is_deleted AS VARCHAR) = 'true' THEN 'deleted' ELSE 'listed' END AS status, "
        "CASE WHEN file_ext IS NULL THEN NULL WHEN file_ext IN ('\"mp4\"', '\"webm\"', '\"zip\"') "
        "THEN 'video' WHEN file_ext = '\"swf\"' THEN 'flash' ELSE 'image' END AS kind"
    )


def _reason(layout: Layout) -> str:
    texts = ["rating", "file_ext", *(_TAG_COLUMNS[layout] if layout != "tag list" else ())]
    checks = [
        ("id IS NULL", "not a JSON object, or one without id"),
        (
            f"post_id IS NULL OR CAST(post_id AS VARCHAR) <> {_unquoted('id')}",
            "id is not a whole number",
        ),
        (f"post_id NOT BETWEEN 1 AND {LARGEST_ID}", "id out of range"),
        # As text, an object or a list looks like this; an artist may well write a bracket.
        ("left(source, 1) IN ('{', '[') AND json_valid(source)", "source is not a text"),
        *((f"left(CAST({key} AS VARCHAR), 1) <> '\"'", f"{key} is not a text") for key in texts),
        ("arrived_at IS NULL", "created_at is missing or not a date"),
        (f"arrived_at < TIMESTAMP '{FIRST_DAY}'", "date before Danbooru began"),
        ("arrived_at > timezone('UTC', now()) + INTERVAL 1 DAY", "date in the future"),
        *(
            (f"CAST({key} AS VARCHAR) NOT IN ('true', 'false')", f"{key} is not true or false")
            for key in ("is_deleted", "is_banned")
        ),
    ]
    if layout == "tag list":
        checks.append(("left(CAST(tags AS VARCHAR), 1) <> '['", "tags is not a list"))
    cases = " ".join(f"WHEN {test} THEN {quote(said)}" for test, said in checks)
    return f"CASE {cases} END"


def stage_posts(con: duckdb.DuckDBPyConnection, *, recover_dates: bool) -> None:
    """Fill the stage tables from the temporary table `danbooru_post`.

    Columns: post_id, arrived_at, updated_at, source, pixiv_id, artists (names between blanks),
    ai_tag, artist_requested, is_mature, status, kind. Rows that repeat a post_id: the one changed
    last is kept.
    """
    rows, kept = con.sql(
        "SELECT count(*), count(DISTINCT post_id) FROM temp.danbooru_post"
    ).fetchall()[0]
    tally(con, "folded", rows - kept)
    if rows > kept:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE danbooru_post AS SELECT * FROM temp.danbooru_post "
            "QUALIFY row_number() OVER (PARTITION BY post_id "
            "ORDER BY updated_at DESC NULLS LAST, rowid DESC) = 1"
        )
    tally(con, "loaded", kept)
    pseudo = ", ".join(f"'{tag}'" for tag in PSEUDO_ARTISTS)
    # Most posts have one artist; only the others need their text taken apart.
    con.execute(
        f"INSERT INTO temp.stage_credit SELECT '{PLATFORM}', CAST(post_id AS VARCHAR), artists, 1 "
        "FROM temp.danbooru_post WHERE artists <> '' AND NOT contains(artists, ' ') "
        f"AND artists NOT IN ({pseudo}) UNION ALL "
        f"SELECT '{PLATFORM}', CAST(post_id AS VARCHAR), unnest(named), len(named) FROM (SELECT "
        f"post_id, list_distinct({_named(pseudo)}) AS named FROM temp.danbooru_post "
        "WHERE contains(artists, ' '))"
    )
    con.execute(
        "INSERT INTO temp.stage_artist BY NAME SELECT DISTINCT platform, artist_id, "
        "artist_id AS handle FROM temp.stage_credit"
    )
    con.execute("DROP TABLE temp.stage_upload")
    con.execute(f"CREATE OR REPLACE TEMP VIEW stage_upload AS {_uploads(pseudo, recover_dates)}")


def _named(pseudo: str) -> str:
    """Return the SQL of the list of a post's artists who are persons."""
    return (
        f"list_filter(string_split(artists, ' '), lambda tag: tag <> '' AND tag NOT IN ({pseudo}))"
    )


def _uploads(pseudo: str, recover_dates: bool) -> str:
    """Return the query of `stage_upload`: a view, so that a wide table is not written twice."""
    nobody = (
        "CASE WHEN coalesce(artists, '') = '' "
        "THEN CASE WHEN artist_requested THEN 'artist_request' ELSE 'none' END "
        f"WHEN artists IN ({pseudo}) THEN artists "
        f"WHEN contains(artists, ' ') AND len({_named(pseudo)}) = 0 "
        "THEN string_split(trim(artists), ' ')[1] END"
    )
    stated = "CAST(NULL AS TIMESTAMP)"
    platform = key = "CAST(NULL AS VARCHAR)"
    tweet = "CAST(NULL AS BIGINT)"
    if recover_dates:
        tweet = repost_dates.status_id("source")
        stated = (
            f"coalesce({repost_dates.pixiv_path_date('source')}, "
            f"{repost_dates.snowflake_date('tweet')})"
        )
        platform = repost_dates.source_platform("source", "pixiv_id", "tweet")
        key = repost_dates.source_key("source", "taken_from", "pixiv_id", "tweet")
    return (
        f"SELECT '{PLATFORM}' AS platform, CAST(post_id AS VARCHAR) AS upload_id, "
        "CASE WHEN usable THEN stated ELSE arrived_at END AS published_at, "
        "CASE WHEN usable THEN 'source_url' ELSE 'arrival' END AS date_basis, "
        "'second' AS date_precision, CAST(NULL AS BIGINT) AS date_error_seconds, arrived_at, kind, "
        "1 AS media_count, is_mature, "
        "CASE WHEN ai_tag IS NULL THEN NULL ELSE TRUE END AS ai_label, "
        "'tag ' || ai_tag AS ai_basis, status, CAST(NULL AS VARCHAR) AS instrument, unattributed, "
        "taken_from AS source_platform, taken_key AS source_key, updated_at FROM (SELECT *, "
        f"{stated} AS stated, coalesce(stated BETWEEN TIMESTAMP '1990-01-01' AND "
        f"arrived_at + INTERVAL 1 HOUR, FALSE) AS usable, {platform} AS taken_from, "
        f"{key} AS taken_key, {nobody} AS unattributed "
        f"FROM (SELECT *, {tweet} AS tweet FROM temp.danbooru_post))"
    )
