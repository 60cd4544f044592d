"""From the stage tables into the store: new rows are added, newer versions replace older ones.

The rules, so that the order of loads matters as little as possible:

- an upload on record is replaced unless the incoming record is older by `updated_at`; where either
  has no `updated_at`, the later load wins, but a date or a label for AI that it lacks stays;
- the credits of a replaced upload are replaced when the source gives all of them, else added to;
- what an incoming artist record does not know (NULL) stays as it was;
- a series value is replaced by the later load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_UPLOAD = [
    *("published_at", "date_basis", "date_precision", "date_error_seconds", "arrived_at", "kind"),
    *("media_count", "is_mature", "ai_label", "ai_basis", "status", "instrument", "unattributed"),
    *("source_platform", "source_key", "updated_at"),
]
_DATES = {"published_at", "date_basis", "date_precision", "date_error_seconds"}
# What an incoming record may lack that another listing of the work told: what says that it does.
_LACKED = dict.fromkeys((*sorted(_DATES), "arrived_at"), "published_at") | dict.fromkeys(
    ("ai_label", "ai_basis"), "ai_label"
)
_ARTIST = [
    *("handle", "joined_at", "joined_basis", "frame", "inclusion_probability", "design_weight")
]
_SERIES = ["frequency", "value", "unit", "low", "high", "interpolated", "source"]


def merge(
    con: duckdb.DuckDBPyConnection, crawl_id: int, *, credits_complete: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """Merge every stage table; call it inside a transaction. Returns rows added and changed."""
    merger = _Merger(con, crawl_id)
    merger.uploads(credits_complete=credits_complete)
    merger.artists()
    merger.series()
    merger.visits()
    return merger.added, merger.changed


class _Merger:
    def __init__(self, con: duckdb.DuckDBPyConnection, crawl_id: int) -> None:
        self.con = con
        self.crawl_id = crawl_id
        self.added: dict[str, int] = {}
        self.changed: dict[str, int] = {}
        # A bulk source that puts a view in the place of `stage_upload` has settled what repeats.
        views = "SELECT count(*) FROM duckdb_views() WHERE temporary AND view_name = "
        self.settled = self._count(f"{views}'stage_upload'") > 0

    def _run(self, statement: str, **values: int) -> int:
        """Execute, and return the number of rows written."""
        row = self.con.execute(statement, values or None).fetchone()
        return int(row[0]) if row else 0

    def _count(self, query: str) -> int:
        return int(self.con.sql(query).fetchall()[0][0])

    def _one_row_each(self, table: str, key: str, newest_first: str) -> None:
        """Keep one staged row a key."""
        stage = f"temp.stage_{table}"
        if self.settled:
            return
        # Counting hashes is cheaper than sorting, and a collision only makes us sort in vain.
        if self._count(f"SELECT count(*) - count(DISTINCT hash({key})) FROM {stage}") == 0:
            return
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE stage_distinct AS SELECT * FROM {stage} "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest_first}) = 1"
        )
        self.con.execute(f"DROP TABLE {stage}")
        self.con.execute(f"ALTER TABLE temp.stage_distinct RENAME TO stage_{table}")

    def uploads(self, *, credits_complete: bool) -> None:
        con = self.con
        self._one_row_each(
            "upload", "platform, upload_id", "updated_at DESC NULLS LAST, rowid DESC"
        )
        con.execute("DROP TABLE IF EXISTS temp.known_upload")
        known = 0
        if self._count("SELECT count(*) FROM (FROM upload LIMIT 1)"):
            # A date that `redating` found is not a difference to a source that has none.
            found = (
                "(s.date_basis = 'arrival' AND u.date_basis <> 'arrival' "
                "AND s.source_key IS NOT DISTINCT FROM u.source_key)"
            )
            new = {name: f"s.{name}" for name in _UPLOAD} | {
                name: f"CASE WHEN s.{lacked} IS NULL AND s.updated_at IS NULL THEN u.{name} "
                f"ELSE s.{name} END"
                for name, lacked in _LACKED.items()
            }
            differ = " OR ".join(
                f"u.{name} IS DISTINCT FROM {new[name]}" for name in _UPLOAD if name not in _DATES
            )
            differ += f" OR (NOT {found} AND u.published_at IS DISTINCT FROM {new['published_at']})"
            kept = ", ".join(f"{new[name]} AS {name}" for name in _LACKED)
            older = "coalesce(s.updated_at < u.updated_at, FALSE)"
            picked = ", ".join(
                f"CASE WHEN is_changed THEN {name} END AS {name}" for name in _UPLOAD
            )
            con.execute(
                f"CREATE TEMP TABLE known_upload AS SELECT platform, upload_id, place, is_older, "
                f"is_changed, {picked} FROM (SELECT s.* REPLACE ({kept}), u.rowid AS place, "
                f"{older} AS is_older, "
                f"({differ}) AND NOT {older} AS is_changed "
                "FROM temp.stage_upload s JOIN upload u USING (platform, upload_id))"
            )
            known, self.changed["upload"] = con.sql(
                "SELECT count(*), count(*) FILTER (is_changed) FROM temp.known_upload"
            ).fetchall()[0]
        else:
            self.changed["upload"] = 0
        columns = ", ".join(["platform", "upload_id", *_UPLOAD])
        if known:
            # Of a work that is as it was only the visit is written down, a column of its own.
            con.execute(
                "UPDATE upload SET last_crawl = $crawl FROM temp.known_upload k "
                "WHERE upload.rowid = k.place",
                {"crawl": self.crawl_id},
            )
        if self.changed["upload"]:
            values = ", ".join(f"{name} = k.{name}" for name in _UPLOAD)
            con.execute(
                f"UPDATE upload SET {values} FROM (FROM temp.known_upload WHERE is_changed) k "
                "WHERE upload.rowid = k.place"
            )
        unseen = "ANTI JOIN temp.known_upload k USING (platform, upload_id)" if known else ""
        self.added["upload"] = self._run(
            f"INSERT INTO upload SELECT {columns}, $crawl, $crawl "
            f"FROM temp.stage_upload s {unseen}",
            crawl=self.crawl_id,
        )
        self._credits(known=known, complete=credits_complete)
        con.execute("DROP TABLE IF EXISTS temp.known_upload")

    def _credits(self, *, known: int, complete: bool) -> None:
        con = self.con
        self._one_row_each("credit", "platform, upload_id, artist_id", "rowid")
        if not self._count("SELECT count(*) FROM (FROM credit LIMIT 1)"):
            self.added["credit"] = self._run(
                "INSERT INTO credit SELECT platform, upload_id, artist_id, n_artists "
                "FROM temp.stage_credit"
            )
            return
        before = self._count("SELECT count(*) FROM credit")
        if complete and known:
            same = (
                "s.platform = c.platform AND s.upload_id = c.upload_id "
                "AND s.artist_id = c.artist_id AND s.n_artists IS NOT DISTINCT FROM c.n_artists"
            )
            con.execute(
                "DELETE FROM credit WHERE rowid IN (SELECT c.place FROM (SELECT *, rowid AS place "
                "FROM credit) c SEMI JOIN (FROM temp.known_upload WHERE NOT is_older) k "
                "ON c.platform = k.platform AND c.upload_id = k.upload_id "
                f"ANTI JOIN temp.stage_credit s ON {same})"
            )
            con.execute(
                "INSERT INTO credit SELECT platform, upload_id, artist_id, n_artists "
                f"FROM temp.stage_credit s ANTI JOIN credit c ON {same} "
                "ANTI JOIN (FROM temp.known_upload WHERE is_older) k "
                "ON s.platform = k.platform AND s.upload_id = k.upload_id"
            )
        else:
            con.execute(
                "INSERT INTO credit SELECT platform, upload_id, artist_id, n_artists "
                "FROM temp.stage_credit ANTI JOIN credit USING (platform, upload_id, artist_id)"
            )
            # Artists of one work may come to light one visit at a time.
            con.execute(
                "UPDATE credit SET n_artists = c.n FROM (SELECT platform, upload_id, count(*) AS n "
                "FROM credit SEMI JOIN temp.stage_credit USING (platform, upload_id) "
                "GROUP BY ALL) c "
                "WHERE credit.platform = c.platform AND credit.upload_id = c.upload_id "
                "AND coalesce(credit.n_artists, 0) < c.n"
            )
        self.added["credit"] = self._count("SELECT count(*) FROM credit") - before

    def artists(self) -> None:
        if self._count("SELECT count(*) FROM temp.stage_artist") == 0:
            self.added["artist"] = self.changed["artist"] = 0
            return
        self._one_row_each("artist", "platform, artist_id", "rowid DESC")
        changes = ", ".join(f"{name} = coalesce(s.{name}, artist.{name})" for name in _ARTIST)
        differ = " OR ".join(
            f"(s.{name} IS NOT NULL AND artist.{name} IS DISTINCT FROM s.{name})"
            for name in _ARTIST
        )
        same = "artist.platform = s.platform AND artist.artist_id = s.artist_id"
        self.changed["artist"] = self._run(
            f"UPDATE artist SET {changes} FROM temp.stage_artist s WHERE {same} AND ({differ})"
        )
        columns = ", ".join(["platform", "artist_id", *_ARTIST])
        self.added["artist"] = self._run(
            f"INSERT INTO artist ({columns}) SELECT {columns} FROM temp.stage_artist "
            "ANTI JOIN artist USING (platform, artist_id)"
        )

    def series(self) -> None:
        if self._count("SELECT count(*) FROM temp.stage_series") == 0:
            self.added["series"] = self.changed["series"] = 0
            return
        key = "series_id, platform, grouping, period"
        self._one_row_each("series", key, "rowid DESC")
        same = " AND ".join(f"series.{name} = s.{name}" for name in key.split(", "))
        changes = ", ".join(f"{name} = s.{name}" for name in _SERIES)
        differ = " OR ".join(f"series.{name} IS DISTINCT FROM s.{name}" for name in _SERIES)
        self.changed["series"] = self._run(
            f"UPDATE series SET {changes} FROM temp.stage_series s WHERE {same} AND ({differ})"
        )
        columns = ", ".join([*key.split(", "), *_SERIES])
        self.added["series"] = self._run(
            f"INSERT INTO series ({columns}) SELECT {columns} FROM temp.stage_series "
            f"ANTI JOIN series USING ({key})"
        )

    def visits(self) -> None:
        self.added["sighting"] = self._run(
            "INSERT INTO sighting BY NAME SELECT platform, artist_id, $crawl AS crawl_id, status, "
            "complete, truncated, n_uploads, followers, n_claimed FROM temp.stage_sighting",
            crawl=self.crawl_id,
        )
        self._run(
            "INSERT INTO reject SELECT $crawl, position, reason, excerpt FROM temp.stage_reject",
            crawl=self.crawl_id,
        )
