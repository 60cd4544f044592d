"""A person taken out of the store: a new file without the rows takes the old one's place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.errors import InputError, StoreError
from uploadtrends.pseudonyms import without_names
from uploadtrends.store.loading import load_fingerprint
from uploadtrends.store.replace import checksums, put_in_place

if TYPE_CHECKING:
    import duckdb

DRAFTS = (".new", ".building")
_THEIRS = "platform = $platform AND list_contains($names, lower(artist_id))"


def copy_without(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    platform: str,
    names: frozenset[str],
    test: Callable[[str], bool],
    segments: dict[str, str],
    key_file: str | Path | None,
) -> dict[str, int]:
    """Write the store into a new file without the person, and put it in the old one's place.

    A database keeps the bytes of deleted rows, so rows that go are never written to the new file.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The store, open for writing: nobody else can have it open meanwhile. It is closed.
    segments : dict of str to str
        Archive files that were rewritten and their new sha256, for the table of crawls.

    Returns
    -------
    dict of str to int
        Rows removed, by table.
    """
    draft = path.with_name(path.name + DRAFTS[0])
    remove_drafts(path)
    quoted = str(draft).replace("'", "''")
    con.execute("CHECKPOINT")
    main = con.execute("SELECT current_database()").fetchall()[0][0]
    con.execute(f"ATTACH '{quoted}' AS fresh")
    con.execute(f'COPY FROM DATABASE "{main}" TO fresh (SCHEMA)')
    given = {"platform": platform, "names": sorted(names)}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE leaving AS SELECT DISTINCT artist_id FROM artist WHERE "
        f"{_THEIRS} OR (platform = $platform AND list_contains($names, lower(handle))) UNION "
        f"SELECT DISTINCT artist_id FROM credit WHERE {_THEIRS} UNION "
        f"SELECT DISTINCT artist_id FROM sighting WHERE {_THEIRS}",
        given,
    )
    about = "platform = $platform AND artist_id IN (FROM temp.leaving)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE leaving_work AS SELECT platform, upload_id FROM credit "
        f"GROUP BY ALL HAVING bool_and({about})",
        {"platform": platform},
    )
    kept = {
        **dict.fromkeys(("artist", "credit", "sighting"), f"WHERE NOT ({about})"),
        "upload": "ANTI JOIN temp.leaving_work USING (platform, upload_id)",
        "reject": _kept_rejects(con, platform, test),
    }
    rows: dict[str, int] = {}
    for (table,) in con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND database_name = 'fresh'"
    ).fetchall():
        condition = kept.get(table, "")
        uses = {"platform": platform} if "$platform" in condition else None
        con.execute(f'INSERT INTO fresh."{table}" SELECT * FROM main."{table}" {condition}', uses)
        rows[table] = _n(con, f'main."{table}"') - _n(con, f'fresh."{table}"')
    _clean_words(con, test, names)
    _renew_hashes(con, segments, key_file)
    written = checksums(con, "fresh")
    con.execute("CHECKPOINT fresh")
    con.execute("DETACH fresh")
    con.close()
    put_in_place(draft, path, written)
    return {name: rows.get(name, 0) for name in (*kept, "series") if name in rows}


def remove_drafts(path: Path) -> None:
    """Remove what killed processes left beside the store: it may hold the person, too."""
    try:
        for ending in DRAFTS:
            for more in ("", ".wal"):
                path.with_name(path.name + ending + more).unlink(missing_ok=True)
        for ending in ("", *DRAFTS):
            shutil.rmtree(path.with_name(path.name + ending + ".tmp"), ignore_errors=True)
    except OSError as error:
        raise StoreError(f"cannot clean up beside '{path}': {error.strerror}") from error


def _kept_rejects(
    con: duckdb.DuckDBPyConnection, platform: str, test: Callable[[str], bool]
) -> str:
    """Return which rejects stay: all but those whose place is the person itself."""
    places = [
        row[0]
        for row in con.execute(
            "SELECT DISTINCT position FROM reject WHERE starts_with(position, ?)", [f"{platform}/"]
        ).fetchall()
        if test(row[0].removeprefix(f"{platform}/").partition(":")[0])
    ]
    con.execute("CREATE OR REPLACE TEMP TABLE leaving_place (position VARCHAR)")
    if places:
        con.executemany("INSERT INTO temp.leaving_place VALUES (?)", [[one] for one in places])
    return "WHERE coalesce(position, '') NOT IN (FROM temp.leaving_place)"


def _clean_words(
    con: duckdb.DuckDBPyConnection, test: Callable[[str], bool], names: frozenset[str]
) -> None:
    """Take the person's names, as whole words, out of what is kept of rejects and crawls."""
    con.execute("CREATE OR REPLACE TEMP TABLE leaving_name (name VARCHAR)")
    con.executemany("INSERT INTO temp.leaving_name VALUES (?)", [[one] for one in sorted(names)])
    for table, columns in {
        "reject": ("position", "reason", "excerpt"),
        "crawl": ("parameters",),
        "series": ("grouping", "series_id", "source"),
    }.items():
        for column in columns:
            texts = con.execute(
                f"SELECT DISTINCT {column} FROM fresh.{table} JOIN temp.leaving_name "
                f"ON contains(lower({column}), name)"
            ).fetchall()
            for (text,) in texts:
                bare = without_names(text, test)
                if bare != text:
                    con.execute(
                        f"UPDATE fresh.{table} SET {column} = ? WHERE {column} = ?", [bare, text]
                    )


def _renew_hashes(
    con: duckdb.DuckDBPyConnection, segments: dict[str, str], key_file: str | Path | None
) -> None:
    """Tell the crawls on record the new hashes of their files, so that they stay known."""
    renewed = {Path(path).resolve(): digest for path, digest in segments.items()}
    for crawl_id, paths, old in con.execute(
        "SELECT crawl_id, raw_path, raw_sha256 FROM fresh.crawl"
    ).fetchall():
        files = [Path(path).resolve() for path in paths or []]
        new = [renewed.get(file, known) for file, known in zip(files, old or [], strict=True)]
        if new == (old or []):
            continue
        try:
            source = ArchivedCrawl(files[0].parent, key_file=key_file)
        except InputError:  # the archive went; its hashes tell nothing any more
            continue
        con.execute(
            "UPDATE fresh.crawl SET raw_sha256 = ?, fingerprint = ? WHERE crawl_id = ?",
            [new, load_fingerprint(source, new), crawl_id],
        )


def _n(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found: list[tuple[Any, ...]] = con.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(found[0][0])
