"""Any table of uploads, from any platform: one row an upload, or counts by artist and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import doubt, moment, precision, quote
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.tabular import cells, read_rows

if TYPE_CHECKING:
    import duckdb

FIELDS = {
    "published_at": "when the work appeared, or the period that a count belongs to (required)",
    "uploads": "how many works in that period; makes the table one of counts",
    "artist_id": "who made it",
    "handle": "the artist's name on the platform",
    "upload_id": "the work",
    "joined_at": "when the artist joined",
    "instrument": "which listing counted the row",
    "kind": "image, video, ...",
    "media_count": "pictures in the work",
    "is_mature": "true or false",
    "ai_label": "true, false, or empty for unknown",
    "status": "listed, deleted or banned",
    "arrived_at": "when a repost archive received it",
    "updated_at": "last change of the record; the newer version wins",
}
_MOST_WORKS_A_PERIOD = 1_000_000


@dataclass(frozen=True)
class Table:
    """A table with a column mapping: CSV, TSV, JSON Lines, Parquet or SQLite (also gzipped text).

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to str
        From the store's fields to the file's columns, for example
        ``{"published_at": "date", "artist_id": "author"}``. Fields: see `FIELDS`. With `uploads`
        the rows are counts by artist and period, and become one work each of month (year, day)
        precision.
    platform : str
        Name of the platform.
    encoding : {"utf-8", "latin-1", "utf-16"}
        Of a text file.
    date_format : str, optional
        strptime format of the dates, such as ``%d/%m/%Y``. Default: ISO dates, ``2022-08``,
        ``2022``, and Unix times.
    timezone : str
        Time zone of times without an offset, such as ``America/Chicago``.
    joined_basis : str
        What `joined_at` stands for: ``account`` (creation), ``first_listing``, ...
    artist_separator : str, optional
        Splits `artist_id` into several artists of one work.
    table : str, optional
        Table of an SQLite database.

    Notes
    -----
    Rejected and recorded: unreadable or future dates, dates before 1970, counts that are not whole
    numbers from 0 to a million, a work or an artist's period that occurs twice.
    """

    path: Path
    columns: Mapping[str, str]
    platform: str
    encoding: str = "utf-8"
    date_format: str | None = None
    timezone: str = "UTC"
    joined_basis: str = "account"
    artist_separator: str | None = None
    table: str | None = None
    name: ClassVar[str] = "table"
    credits_complete: ClassVar[bool] = True
    _options: tuple[str, ...] = field(
        default=(
            *("platform", "encoding", "date_format", "timezone", "joined_basis"),
            *("artist_separator", "table"),
        ),
        init=False,
        repr=False,
    )

    def __post_init__(self) -> None:
        for wanted in self.columns:
            if wanted not in FIELDS:
                raise InputError(
                    "the column mapping names an unknown field",
                    file=self.path,
                    value=wanted,
                    fix=f"use {', '.join(FIELDS)}",
                )
        if "published_at" not in self.columns:
            raise InputError(
                "the column mapping lacks the date",
                file=self.path,
                fix='name its column: {"published_at": "..."}',
            )
        if self.has_counts and "artist_id" not in self.columns:
            raise InputError(
                "counts need the artist they belong to",
                file=self.path,
                fix='name the column ({"artist_id": "..."}), or load a series without artists with '
                "SeriesFile",
            )
        if not self.platform:
            raise InputError("the platform has no name", file=self.path, fix="platform='...'")

    @property
    def has_counts(self) -> bool:
        """True when a row is a number of works, not a work."""
        return "uploads" in self.columns

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {"columns": dict(self.columns)} | {key: getattr(self, key) for key in self._options}

    def inputs(self) -> list[Path]:
        """Return the file."""
        return [Path(self.path)]

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; what cannot be read goes to `stage_reject`."""
        path = Path(self.path)
        read_rows(
            con,
            path,
            self._read(),
            encoding=self.encoding,
            table=self.table,
        )
        self._parse(con)
        self._mark_duplicates(con)
        con.execute(
            "INSERT INTO temp.stage_reject SELECT 'row ' || position, reason, excerpt "
            "FROM temp.parsed WHERE reason IS NOT NULL ORDER BY position"
        )
        con.execute("DELETE FROM temp.parsed WHERE reason IS NOT NULL")
        self._stage_uploads(con)
        self._stage_artists(con)
        if progress:
            rows = con.execute("SELECT count(*) FROM temp.parsed").fetchall()[0][0]
            size = path.stat().st_size
            progress(LoadProgress("reading", rows=rows, bytes_done=size, bytes_total=size))
        for table in ("parsed", "input_rows"):
            con.execute(f"DROP TABLE temp.{table}")

    def _column(self, wanted: str) -> str:
        if wanted not in self.columns:
            return "CAST(NULL AS VARCHAR)"
        return cells(self._read())[self.columns[wanted]]

    def _read(self) -> list[str]:
        return list(dict.fromkeys(self.columns.values()))

    def _moment(self, wanted: str) -> str:
        if wanted not in self.columns:
            return "CAST(NULL AS TIMESTAMP)"
        return moment(self._column(wanted), date_format=self.date_format, timezone=self.timezone)

    def _parse(self, con: duckdb.DuckDBPyConnection) -> None:
        """Create `parsed`: one row an input row, typed, with the reason to reject it or NULL."""
        date, count = self._column("published_at"), self._column("uploads")
        parsed = {
            "published_at": self._moment("published_at"),
            "date_precision": precision(date, date_format=self.date_format),
            "n_works": f"try_cast({count} AS DOUBLE)" if self.has_counts else "1.0",
            "artist_id": self._column("artist_id"),
            "handle": self._column("handle"),
            "upload_id": self._column("upload_id"),
            "joined_at": self._moment("joined_at"),
            "instrument": self._column("instrument"),
            "kind": self._column("kind"),
            "media_count": f"try_cast({self._column('media_count')} AS INTEGER)",
            "is_mature": f"try_cast({self._column('is_mature')} AS BOOLEAN)",
            "ai_label": f"try_cast({self._column('ai_label')} AS BOOLEAN)",
            "status": f"coalesce({self._column('status')}, 'listed')",
            "arrived_at": self._moment("arrived_at"),
            "updated_at": self._moment("updated_at"),
        }
        chosen = ", ".join(f"{sql} AS {field_name}" for field_name, sql in parsed.items())
        excerpt = ", ".join(cells(self._read()).values())
        whole = f"n_works BETWEEN 0 AND {_MOST_WORKS_A_PERIOD} AND n_works = floor(n_works)"
        missing = "WHEN artist_id IS NULL THEN 'no artist'" if self.has_counts else ""
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE parsed AS SELECT *, CASE WHEN reason_date IS NOT NULL "
            f"THEN reason_date WHEN n_works IS NULL OR NOT ({whole}) "
            f"THEN 'count is not a whole number from 0 to a million' {missing} "
            "WHEN status NOT IN ('listed', 'deleted', 'banned') THEN 'unknown status' END "
            f"AS reason FROM (SELECT position, {chosen}, "
            f"{doubt(self._moment('published_at'), date)} AS reason_date, "
            f"left(concat_ws(',', {excerpt}), 200) AS excerpt FROM temp.input_rows)"
        )

    def _mark_duplicates(self, con: duckdb.DuckDBPyConnection) -> None:
        if self.has_counts:
            key, what = "artist_id, published_at, instrument", "this artist and period"
        elif "upload_id" in self.columns:
            con.execute(
                "UPDATE temp.parsed SET reason = 'no upload id' "
                "WHERE reason IS NULL AND upload_id IS NULL"
            )
            key, what = "upload_id, artist_id", "this upload"
        else:
            return
        con.execute(
            f"UPDATE temp.parsed SET reason = 'duplicate: {what} was in row ' || t.first FROM "
            "(SELECT position AS p, min(position) OVER w AS first FROM temp.parsed "
            f"WHERE reason IS NULL WINDOW w AS (PARTITION BY {key})) t "
            "WHERE parsed.position = t.p AND t.p > t.first"
        )
        if not self.has_counts:
            con.execute(
                "UPDATE temp.parsed SET reason = 'duplicate: this upload has another date in row ' "
                "|| t.first FROM (SELECT position AS p, min(position) OVER w AS first, "
                "first_value(published_at) OVER (w ORDER BY position) AS date FROM temp.parsed "
                "WHERE reason IS NULL WINDOW w AS (PARTITION BY upload_id)) t "
                "WHERE parsed.position = t.p AND parsed.published_at IS DISTINCT FROM t.date"
            )

    def _stage_uploads(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute(f"CREATE OR REPLACE TEMP TABLE works AS {self._works()}")
        con.execute(
            "INSERT INTO temp.stage_upload BY NAME SELECT ? AS platform, upload_id, "
            "min(published_at) AS published_at, 'published' AS date_basis, "
            "any_value(date_precision) AS date_precision, any_value(arrived_at) AS arrived_at, "
            "any_value(kind) AS kind, any_value(media_count) AS media_count, "
            "any_value(is_mature) AS is_mature, any_value(ai_label) AS ai_label, "
            "CASE WHEN any_value(ai_label) IS NULL THEN NULL ELSE 'as given' END AS ai_basis, "
            "any_value(status) AS status, any_value(instrument) AS instrument, "
            "CASE WHEN count(artist_id) = 0 THEN 'none' END AS unattributed, "
            "max(updated_at) AS updated_at FROM temp.works GROUP BY upload_id",
            [self.platform],
        )
        artists = "artist_id"
        if self.artist_separator:
            artists = f"trim(unnest(string_split(artist_id, {quote(self.artist_separator)})))"
        con.execute(
            "INSERT INTO temp.stage_credit SELECT ?, upload_id, artist_id, "
            "count(*) OVER (PARTITION BY upload_id) FROM (SELECT DISTINCT upload_id, artist_id "
            f"FROM (SELECT upload_id, {artists} AS artist_id FROM temp.works "
            "WHERE artist_id IS NOT NULL) WHERE artist_id <> '')",
            [self.platform],
        )
        con.execute("DROP TABLE temp.works")

    def _works(self) -> str:
        """Return the query with one row a work and artist."""
        if self.has_counts:
            key = (
                "concat_ws(':', instrument, artist_id, CAST(CAST(published_at AS DATE) AS VARCHAR)"
            )
            return (
                f"SELECT * REPLACE ({key}, CAST(copy AS VARCHAR)) AS upload_id) FROM "
                "(SELECT *, unnest(range(1, CAST(n_works AS BIGINT) + 1)) AS copy FROM temp.parsed)"
            )
        if "upload_id" in self.columns:
            return "SELECT * FROM temp.parsed"
        # Without ids, a work is known by its artist and date, and by how many came before it.
        return (
            "SELECT * REPLACE (md5(concat_ws(chr(31), instrument, artist_id, published_at, "
            "row_number() OVER (PARTITION BY instrument, artist_id, published_at ORDER BY position)"
            ")) AS upload_id) FROM temp.parsed"
        )

    def _stage_artists(self, con: duckdb.DuckDBPyConnection) -> None:
        if "artist_id" not in self.columns:
            return
        con.execute(
            "INSERT INTO temp.stage_artist BY NAME SELECT platform, c.artist_id, "
            "any_value(p.handle) AS handle, min(p.joined_at) AS joined_at, "
            "CASE WHEN min(p.joined_at) IS NULL THEN NULL ELSE ? END AS joined_basis "
            "FROM (SELECT DISTINCT platform, artist_id FROM temp.stage_credit) c "
            "LEFT JOIN temp.parsed p ON p.artist_id = c.artist_id GROUP BY ALL",
            [self.joined_basis],
        )
