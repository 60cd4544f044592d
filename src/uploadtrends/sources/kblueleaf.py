"""KBlueLeaf's databases of Danbooru posts: SQLite, Parquet or DuckDB, with a table of relations.

What is particular to them: tag types are their own (2 is character, 3 is copyright; only 1, artist,
means the same as on Danbooru); ratings are numbers; rows were fetched at different times, so that
`updated_at` decides between versions; a quarter of a billion tag relations, of which only those of
artists and of a few named tags are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from uploadtrends.errors import InputError
from uploadtrends.sources.danbooru2023 import AI_TAGS, FIRST_DAY, LARGEST_ID, stage_posts
from uploadtrends.sources.moments import quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.forms import with_logs
from uploadtrends.sources.reading.lite import open_sqlite
from uploadtrends.sources.staging import tally
from uploadtrends.sources.tabular import check_columns

ARTIST_TYPE = 1
_POST = (
    *("id", "created_at", "updated_at", "source", "pixiv_id", "rating", "file_ext"),
    *("is_deleted", "is_banned"),
)
_TAG = ("id", "name", "type")
_RELATION = ("post_id", "tag_id")
_TABLES = {"post": _POST, "tag": _TAG, "posttagrelation": _RELATION}
_NAMED_TAGS = (*AI_TAGS, "artist_request")
_BATCH = 100_000


@dataclass(frozen=True)
class KBlueLeaf:
    """One of KBlueLeaf's Danbooru databases.

    Parameters
    ----------
    path : Path
        The SQLite or DuckDB file, or the folder with ``post.parquet``, ``tag.parquet`` and
        ``posttagrelation.parquet``.
    recover_dates : bool
        As for `Danbooru2023`.

    Notes
    -----
    These databases hold no posts that are pending or flagged as such, and no tags in text. The rest
    is read as from `Danbooru2023`.
    """

    path: Path
    recover_dates: bool = True
    name: ClassVar[str] = "kblueleaf"
    credits_complete: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {"recover_dates": self.recover_dates}

    def inputs(self) -> list[Path]:
        """Return the file and SQLite's log of it, or the Parquet files in the folder."""
        path = Path(self.path)
        if path.is_dir():
            return [path / f"{table}.parquet" for table in _TABLES]
        return with_logs([path])

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; posts without a usable id or date go to `stage_reject`."""
        con.execute("SET TimeZone = 'UTC'")
        with _tables(con, Path(self.path)) as (posts, relations):
            con.execute(f"CREATE OR REPLACE TEMP TABLE named_tag AS {relations}")
            con.execute(f"CREATE OR REPLACE TEMP TABLE danbooru_post AS {_select(posts)}")
            (n_read,) = con.sql(f"SELECT count(*) FROM ({posts})").fetchall()[0]
        tally(con, "read", n_read)
        con.execute("DROP TABLE temp.named_tag")
        con.execute(
            "INSERT INTO temp.stage_reject SELECT 'post ' || coalesce(given_id, '(no id)'), bad, "
            "coalesce(given_date, '') FROM temp.danbooru_post WHERE bad IS NOT NULL"
        )
        con.execute("DELETE FROM temp.danbooru_post WHERE bad IS NOT NULL")
        if progress:
            rows = con.execute("SELECT count(*) FROM temp.danbooru_post").fetchall()[0][0]
            size = sum(file.stat().st_size for file in self.inputs())
            progress(LoadProgress("dating and crediting", rows, size, size))
        stage_posts(con, recover_dates=self.recover_dates)


@contextmanager
def _tables(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[tuple[str, str]]:
    """Give the queries of posts (as text) and of the tags wanted (post_id, tag, is_artist)."""
    if path.is_dir():
        yield _relational(con, path, lambda table: f"read_parquet({quote(str(path / table))})")
        return
    if not path.is_file():
        raise InputError("no such file", file=path, fix="check the path")
    with path.open("rb") as handle:
        head = handle.read(16)
    if head.startswith(b"SQLite format 3\x00"):
        _copy_sqlite(con, path)
        try:
            yield "FROM temp.lite_post", "FROM temp.lite_tag"
        finally:
            con.execute("DROP TABLE temp.lite_post")
            con.execute("DROP TABLE temp.lite_tag")
    elif head[8:12] == b"DUCK":
        con.execute(f"ATTACH {quote(str(path))} AS kblueleaf (READ_ONLY)")
        try:
            yield _relational(
                con, path, lambda table: f"kblueleaf.{table.removesuffix('.parquet')}"
            )
        finally:
            con.execute("DETACH kblueleaf")
    else:
        raise InputError(
            "neither an SQLite nor a DuckDB database",
            file=path,
            fix="give the database file, or the folder with post.parquet",
        )


def _relational(con: duckdb.DuckDBPyConnection, path: Path, place: Any) -> tuple[str, str]:
    for table, columns in _TABLES.items():
        try:
            described = con.sql(f"DESCRIBE SELECT * FROM {place(table + '.parquet')}").fetchall()
        except duckdb.Error as error:
            raise _no_table(path, table) from error
        check_columns(path, [row[0] for row in described], columns)
    posts = ", ".join(f"CAST({column} AS VARCHAR) AS {column}" for column in _POST)
    names = ", ".join(quote(tag) for tag in _NAMED_TAGS)
    return (
        f"SELECT {posts} FROM {place('post.parquet')}",
        f"SELECT r.post_id, t.name AS tag, t.type = {ARTIST_TYPE} AS is_artist "
        f"FROM {place('posttagrelation.parquet')} r JOIN {place('tag.parquet')} t "
        f"ON r.tag_id = t.id WHERE t.type = {ARTIST_TYPE} OR t.name IN ({names})",
    )


def _no_table(path: Path, table: str) -> InputError:
    return InputError(
        f"no table '{table}' (early releases keep tags in a text column, which cannot be read)",
        file=path,
        fix="use a release with the tables post, tag and posttagrelation",
    )


def _copy_sqlite(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Copy the posts and the few tag relations that matter; the join runs inside SQLite."""
    with open_sqlite(path) as lite:
        for table, columns in _TABLES.items():
            present = [row[1] for row in lite.execute(f"PRAGMA table_info({table})")]
            if not present:
                raise _no_table(path, table)
            check_columns(path, present, columns)
        texts = ", ".join(f"CAST({column} AS TEXT)" for column in _POST)
        _copy(
            con,
            lite.execute(f"SELECT {texts} FROM post"),
            "lite_post",
            dict.fromkeys(_POST, "VARCHAR"),
        )
        wanted = ", ".join("?" for _ in _NAMED_TAGS)
        _copy(
            con,
            lite.execute(
                f"SELECT r.post_id, t.name, t.type = {ARTIST_TYPE} FROM tag t "
                "JOIN posttagrelation r ON r.tag_id = t.id "
                f"WHERE t.type = {ARTIST_TYPE} OR t.name IN ({wanted})",
                _NAMED_TAGS,
            ),
            "lite_tag",
            {"post_id": "BIGINT", "tag": "VARCHAR", "is_artist": "BOOLEAN"},
        )


def _copy(
    con: duckdb.DuckDBPyConnection, cursor: sqlite3.Cursor, table: str, columns: dict[str, str]
) -> None:
    import pyarrow as pa

    typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({typed})")
    while rows := cursor.fetchmany(_BATCH):
        batch = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
        con.register("lite_batch", batch)
        con.execute(f"INSERT INTO temp.{table} SELECT * FROM lite_batch")
        con.unregister("lite_batch")


def _select(posts: str) -> str:
    """Return the query of `danbooru_post` (see `danbooru2023.stage_posts`)."""
    said = " ".join(f"WHEN list_contains(named, {quote(tag)}) THEN {quote(tag)}" for tag in AI_TAGS)
    truth = "lower({}) IN ('1', 'true', 't')"
    return f"""
        WITH tagged AS (
            SELECT post_id, string_agg(tag, ' ' ORDER BY tag) FILTER (is_artist) AS artists,
                list(tag) FILTER (NOT is_artist) AS named
            FROM temp.named_tag GROUP BY post_id),
        post AS ({posts}),
        typed AS (
            SELECT try_cast(id AS UBIGINT) AS post_id,
                timezone('UTC', try_cast(created_at AS TIMESTAMPTZ)) AS arrived_at,
                timezone('UTC', try_cast(updated_at AS TIMESTAMPTZ)) AS updated_at,
                nullif(source, '') AS source, try_cast(pixiv_id AS BIGINT) AS pixiv_id,
                CASE WHEN rating IN ('2', '3') THEN TRUE WHEN rating IN ('0', '1') THEN FALSE END
                    AS is_mature,
                CASE WHEN {truth.format("is_banned")} THEN 'banned'
                    WHEN {truth.format("is_deleted")} THEN 'deleted' ELSE 'listed' END AS status,
                CASE WHEN file_ext IS NULL THEN NULL
                    WHEN file_ext IN ('mp4', 'webm', 'zip') THEN 'video'
                    WHEN file_ext = 'swf' THEN 'flash' ELSE 'image' END AS kind,
                id AS given_id, created_at AS given_date
            FROM post)
        SELECT typed.*, coalesce(artists, '') AS artists, CASE {said} END AS ai_tag,
            coalesce(list_contains(named, 'artist_request'), FALSE) AS artist_requested,
            CASE WHEN typed.post_id IS NULL OR typed.post_id NOT BETWEEN 1 AND {LARGEST_ID}
                THEN 'id out of range'
                WHEN arrived_at IS NULL THEN 'created_at is not a date'
                WHEN arrived_at < TIMESTAMP '{FIRST_DAY}' THEN 'date before Danbooru began'
                WHEN arrived_at > timezone('UTC', now()) + INTERVAL 1 DAY THEN 'date in the future'
            END AS bad
        FROM typed LEFT JOIN tagged ON typed.post_id = tagged.post_id
    """
