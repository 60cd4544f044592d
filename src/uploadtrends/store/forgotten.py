"""Where records enter the store, whatever the source, forgotten people are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.pseudonyms import Ledger, without_names

if TYPE_CHECKING:
    import duckdb

_NAMES = (
    ("stage_artist", "artist_id"),
    ("stage_artist", "handle"),
    ("stage_credit", "artist_id"),
    ("stage_sighting", "artist_id"),
)


def leave_out(
    con: duckdb.DuckDBPyConnection, places: Iterable[Path], key_file: str | Path | None = None
) -> tuple[int, Callable[[str], str]]:
    """Take forgotten people out of the stage tables.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With filled stage tables.
    places : iterable of Path
        The store and the inputs: every ledger near them holds.
    key_file : path, optional
        Key of the ledgers.

    Returns
    -------
    int
        The number of artists left out.
    callable
        Takes their names out of a text, such as the parameters of a load.

    Raises
    ------
    ConfigurationError
        A ledger cannot be read, or was written with another key.
    """
    ledger = Ledger.beside(places, key_file)
    if not ledger:
        return 0, str
    tests = {name: test for name in ledger.platforms if (test := ledger.test(name)) is not None}
    gone = [
        (platform, name)
        for platform, name in _staged_names(con, list(tests))
        if tests[platform](name)
    ]

    def forgotten(word: str) -> bool:
        return any(test(word) for test in tests.values())

    _words(con, forgotten)
    if not gone:
        return 0, lambda text: without_names(text, forgotten)
    _leaving(con, gone)
    left = int(con.execute("SELECT count(*) FROM temp.leaving").fetchall()[0][0])
    for table in ("credit", "artist", "sighting"):
        _keep(con, table, "ANTI JOIN temp.leaving USING (platform, artist_id)")
    _keep(con, "upload", "ANTI JOIN temp.leaving_work USING (platform, upload_id)")
    return left, lambda text: without_names(text, forgotten)


def _staged_names(con: duckdb.DuckDBPyConnection, platforms: list[str]) -> list[tuple[str, str]]:
    parts = [
        f"SELECT platform, {column} AS name FROM temp.{table} WHERE list_contains($p, platform)"
        for table, column in _NAMES
    ]
    query = f"SELECT DISTINCT platform, name FROM ({' UNION ALL '.join(parts)}) WHERE name <> ''"
    return con.execute(query, {"p": platforms}).fetchall()


def _leaving(con: duckdb.DuckDBPyConnection, gone: list[tuple[str, str]]) -> None:
    """Create `leaving` (artists) and `leaving_work` (works that are theirs alone)."""
    import pyarrow as pa

    con.register(
        "gone", pa.table({"platform": [p for p, _ in gone], "name": [name for _, name in gone]})
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE leaving AS SELECT DISTINCT platform, artist_id FROM ("
        "SELECT platform, name AS artist_id FROM gone UNION ALL SELECT a.platform, a.artist_id "
        "FROM temp.stage_artist a JOIN gone ON gone.platform = a.platform "
        "AND gone.name IN (a.artist_id, a.handle))"
    )
    con.unregister("gone")
    theirs = "temp.stage_credit {} JOIN temp.leaving USING (platform, artist_id)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE leaving_work AS SELECT DISTINCT platform, upload_id "
        f"FROM {theirs.format('SEMI')} ANTI JOIN (SELECT platform, upload_id "
        f"FROM {theirs.format('ANTI')}) USING (platform, upload_id)"
    )


def _keep(con: duckdb.DuckDBPyConnection, table: str, condition: str) -> None:
    """Narrow a stage table or, where a bulk source put a view in its place, the view."""
    kind = (
        "VIEW"
        if con.execute(
            "SELECT 1 FROM duckdb_views() WHERE temporary AND view_name = ?", [f"stage_{table}"]
        ).fetchall()
        else "TABLE"
    )
    con.execute(f"ALTER {kind} temp.stage_{table} RENAME TO staged_{table}")
    con.execute(
        f"CREATE TEMP {kind} stage_{table} AS SELECT * FROM temp.staged_{table} {condition}"
    )
    if kind == "TABLE":
        con.execute(f"DROP TABLE temp.staged_{table}")


def _words(con: duckdb.DuckDBPyConnection, forgotten: Callable[[str], bool]) -> None:
    """Take names out of what is kept of rows that could not be read."""
    rows = con.execute("SELECT rowid, position, reason, excerpt FROM temp.stage_reject").fetchall()
    for number, *texts in rows:
        bare = [text and without_names(text, forgotten) for text in texts]
        if bare != texts:
            con.execute(
                "UPDATE temp.stage_reject SET position = ?, reason = ?, excerpt = ? "
                "WHERE rowid = ?",
                [*bare, number],
            )
