"""Any table of uploads, from any platform: one row an upload, or counts by artist and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import (
    Formats,
    check_zone,
    doubt,
    formats_of,
    moment,
    precision,
    quote,
    read_dates,
)
from uploadtrends.sources.protocol import LoadProgress, Progress
from uploadtrends.sources.reading.cells import (
    CASELESS,
    ROUNDED,
    TWO_COUNTS,
    counted,
    fold_names,
    has_addresses,
    id_doubt,
    identities,
    identity,
    mapped,
    may_be_thousands,
    rounded_columns,
    settle_lists,
    something,
    truth,
    unescaped,
    unfold_lists,
)
from uploadtrends.sources.reading.forms import files_of, with_logs
from uploadtrends.sources.reading.rows import row_name
from uploadtrends.sources.staging import tally
from uploadtrends.sources.tables.numbers import check_decimal
from uploadtrends.sources.tables.platforms import WITHOUT, keep_platform
from uploadtrends.sources.tables.repeats import settle_repeats
from uploadtrends.sources.tables.values import settle_values
from uploadtrends.sources.tables.works import stage_works
from uploadtrends.sources.tabular import Reading, cells, read_rows

if TYPE_CHECKING:
    import duckdb

FIELDS = {
    "published_at": "when the work appeared, or the period that a count belongs to (required)",
    "uploads": "how many works in that period; makes the table one of counts",
    "artist_id": "who made it; a list credits each of them",
    "platform": "where several are in one table: only rows that name `platform` are read",
    "handle": "the artist's name on the platform",
    "upload_id": "the work",
    "joined_at": "when the artist joined",
    "instrument": "which listing counted the row",
    "kind": "image, video, ...",
    "media_count": "pictures in the work",
    "is_mature": "true or false",
    "ai_label": "true, false, or empty for unknown; codes such as pixiv's aiType need `values`",
    "status": "listed, deleted or banned",
    "arrived_at": "when a repost archive received it",
    "updated_at": "last change of the record; the newer version wins",
}
_DATES = ("published_at", "joined_at", "arrived_at", "updated_at")
_OPTIONAL = ("joined_at", "media_count", "is_mature", "ai_label", "arrived_at", "updated_at")
_NEEDED = ("date_precision", "artist_id", "upload_id", "instrument", "status", "updated_at")
"""Columns of `parsed` beside those that the table has."""
_MOST_WORKS_A_PERIOD = 1_000_000


@dataclass(frozen=True)
class Table:
    """A table with a column mapping: CSV, TSV, JSON, Parquet, SQLite or Excel, packed or not.

    Parameters
    ----------
    path : Path
        A file, a folder of files, or a pattern (``photos.?sv*``). What is in it is told by its
        first bytes, not by its name.
    columns : mapping of str to str
        From the store's fields to the file's columns, for example
        ``{"published_at": "date", "artist_id": "author.username"}`` (a dotted path leads into an
        object). Fields: see `FIELDS`. With `uploads` the rows are counts by artist and period, and
        become one work each of month (year, day) precision.
    platform : str
        Name of the platform.
    encoding : str
        Of a text file: any name that Python knows (``cp1252``, ``shift_jis``, ``utf-16``).
    date_format : str, sequence of str, or mapping, optional
        strptime format of the dates, such as ``%d/%m/%Y``; several, of which those that fit must
        agree; or by field, ``{"joined_at": "%Y", "": "%d/%m/%Y"}``. Also the words ``excel``
        (serial days), ``unix``, ``unix-ms`` and ``unix-us``. Default: whatever is written in full,
        such as ISO dates, ``2022-08``, ``Mon, 17 May 2010 22:11:40 PDT`` and Unix times; never
        1/2/2021.
    timezone : str
        Time zone of times that name none, such as ``America/Chicago``.
    joined_basis : str
        What `joined_at` stands for: ``account`` (creation), ``first_listing``, ...
    artist_separator : str, optional
        Splits `artist_id` into several artists of one work.
    table, sheet : str, optional
        Table of an SQLite database, sheet of a workbook, where there are several.
    delimiter, quote : str, optional
        Of a text file, where they are not found by themselves; ``quote=""`` for none.
    decimal : {".", ","}, optional
        Decimal mark of counts; the other mark may stand between thousands. Default: ".", and a
        count that could have marks between thousands (1.000) is rejected.
    values : mapping, optional
        What the values of a field mean: ``{"ai_label": {"1": False, "2": True, "0": None}}``.
    artist_case : {"keep", "fold"}, optional
        Whether names that differ in case only are one artist, under the spelling that the store or
        most rows have; by default as on the platform, and for addresses of a chain.

    Notes
    -----
    Rejected and recorded: unreadable or future dates, dates before 1970, ids that were rounded,
    counts that are not whole numbers from 0 to a million, a work id that two artists have at two
    dates. Folded and counted: repeats of a row, and older versions of a work (by `updated_at`, else
    by their order in the file). Values of other fields that cannot be read become NULL, are counted
    by field, and stop the load beyond the same share as rejects. Works without an artist are kept
    and counted.
    """

    path: Path
    columns: Mapping[str, str]
    platform: str
    encoding: str = "utf-8"
    date_format: Formats = None
    timezone: str = "UTC"
    joined_basis: str = "account"
    artist_separator: str | None = None
    table: str | None = None
    sheet: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    values: Mapping[str, Mapping[str, object]] | None = None
    artist_case: str | None = None
    name: ClassVar[str] = "table"
    credits_complete: ClassVar[bool] = True
    _options: ClassVar[tuple[str, ...]] = (
        *("platform", "encoding", "date_format", "timezone", "joined_basis", "artist_separator"),
        *("table", "sheet", "delimiter", "quote", "decimal", "values", "artist_case"),
    )

    def __post_init__(self) -> None:
        for wanted in (*self.columns, *(self.values or {})):
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
                fix='name its column: columns={"published_at": "..."}',
            )
        if self.has_counts and "artist_id" not in self.columns:
            raise InputError(
                "counts need the artist they belong to",
                file=self.path,
                fix='name the column, columns={"artist_id": "..."}, or load a series without '
                "artists with SeriesFile",
            )
        if not self.platform:
            raise InputError("the platform has no name", file=self.path, fix="platform='...'")
        if self.artist_case not in (None, "keep", "fold"):
            raise InputError("artist_case", value=self.artist_case, fix="'keep' or 'fold'")
        check_decimal(self.decimal)
        check_zone(self.timezone)
        for field in _DATES:
            formats_of(field, self.date_format)

    @property
    def has_counts(self) -> bool:
        """True when a row is a number of works, not a work."""
        return "uploads" in self.columns

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {"columns": dict(self.columns)} | {key: getattr(self, key) for key in self._options}

    def inputs(self) -> list[Path]:
        """Return the files, a database's write-ahead log among them."""
        return with_logs(files_of(Path(self.path)))

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables; what cannot be read goes to `stage_reject`."""
        read = read_rows(
            con,
            Path(self.path),
            self._read(),
            reading=self.reading,
            dates=[self.columns[field] for field in _DATES if field in self.columns],
            progress=progress,
        )
        if progress:
            progress(LoadProgress("checking", read))
        if "platform" in self.columns:
            column = self.columns["platform"]
            keep_platform(con, Path(self.path), self._read(), column, self.platform)
        several, nested = con.sql(
            "SELECT count(*) > 1, bool_or(nested) FROM temp.input_files"
        ).fetchall()[0]
        if "artist_id" in self.columns:
            nested = unfold_lists(con, cells(self._read())[self.columns["artist_id"]]) or nested
        objects = nested and settle_values(con, Path(self.path), self.columns, cells(self._read()))
        lists = False
        if "artist_id" in self.columns and (nested or self.artist_separator):
            artist = cells(self._read())[self.columns["artist_id"]]
            lists = settle_lists(con, artist, self.artist_separator)
        self._parse(con, objects=objects, lists=lists)
        con.execute("DROP TABLE temp.input_rows")
        caseless = self.artist_case is None and self.platform.lower() in CASELESS
        folds = caseless or self.artist_case == "fold"
        of_chain = not folds and self.artist_case is None and has_addresses(con)
        if "artist_id" in self.columns and (folds or of_chain):
            fold_names(con, self.platform, of_chain=of_chain)
        shared = settle_repeats(con, counts=self.has_counts, ids="upload_id" in self.columns)
        con.execute(
            f"INSERT INTO temp.stage_reject SELECT {row_name('position', several=several)}, "
            "reason, excerpt FROM temp.parsed WHERE reason IS NOT NULL ORDER BY position"
        )
        con.execute("DELETE FROM temp.parsed WHERE reason IS NOT NULL")
        self._count(con)
        stage_works(
            con,
            platform=self.platform,
            joined_basis=self.joined_basis,
            fields=self.columns,
            shared=shared,
        )

    @property
    def reading(self) -> Reading:
        """How the file is read."""
        return Reading(self.encoding, self.delimiter, self.quote, self.table, self.sheet)

    def _read(self) -> list[str]:
        return list(dict.fromkeys(self.columns.values()))

    def _parse(self, con: duckdb.DuckDBPyConnection, *, objects: bool, lists: bool) -> None:
        """Create `parsed`: one row an input row, typed, with the reason to reject it or NULL.

        In layers, each of which names what it finds: the SQL of one cell in that of the next would
        grow beyond what can be planned in a moment.
        """
        texts = {field: f"text_{field}" for field in self.columns}
        optional = [field for field in _OPTIONAL if field in self.columns]
        given = "".join(f", left({texts[field]}, 40) AS given_{field}" for field in optional)
        chosen = ", ".join(f"{sql} AS {field}" for field, sql in self._typed(lists).items())
        formats = formats_of("published_at", self.date_format)
        doubted = doubt("published_at", texts["published_at"], date_format=formats)
        cell = cells(self._read())
        read = ", ".join(
            f"{self._text(field, cell[column])} AS {texts[field]}"
            for field, column in self.columns.items()
        )
        shown = ", ".join(cell.values())
        reason = self._reason(con, objects)
        read_dates(
            con,
            f"CREATE OR REPLACE TEMP TABLE parsed AS SELECT * EXCLUDE ({shown}, reason_date), "
            f"CASE WHEN reason IS NOT NULL THEN left(concat_ws(',', {shown}), 200) END AS excerpt "
            f"FROM (SELECT * EXCLUDE ({', '.join(texts.values())}), {reason} AS reason "
            f"FROM (SELECT *, {doubted} AS reason_date FROM (SELECT *, {chosen}{given} FROM "
            f"(SELECT *, {read} FROM temp.input_rows))))",
        )

    def _text(self, field: str, cell: str) -> str:
        """Return the SQL of a field's text: NULL where it says nothing, its value where mapped."""
        given = something(cell)
        if field == "artist_id":
            escaped = something(unescaped(cell))
            given = f"CASE WHEN contains({cell}, '%') THEN {escaped} ELSE {given} END"
        return mapped(given, (self.values or {}).get(field))

    def _typed(self, lists: bool) -> dict[str, str]:
        """Return the SQL of the fields, from the columns `text_<field>`."""

        def text(field: str) -> str:
            return f"text_{field}" if field in self.columns else "CAST(NULL AS VARCHAR)"

        def number(field: str) -> str:
            return counted(text(field), self.decimal)

        def when(field: str) -> str:
            if field not in self.columns:
                return "CAST(NULL AS TIMESTAMP)"
            formats = formats_of(field, self.date_format)
            return moment(text(field), date_format=formats, timezone=self.timezone)

        artist = identities if lists else identity
        formats = formats_of("published_at", self.date_format)
        fields = {
            "published_at": when("published_at"),
            "date_precision": precision(text("published_at"), date_format=formats),
            "uploads": f"try_cast({number('uploads')} AS DOUBLE)",
            "artist_id": artist(text("artist_id")),
            "handle": text("handle"),
            "upload_id": identity(text("upload_id")),
            "joined_at": when("joined_at"),
            "instrument": text("instrument"),
            "kind": text("kind"),
            "media_count": f"CASE WHEN regexp_full_match({number('media_count')}, "
            f"'[0-9]{{1,9}}([.]0*)?') THEN try_cast({number('media_count')} AS INTEGER) END",
            "is_mature": truth(text("is_mature"), numbers=True),
            # 0 and 1 are codes there on some platforms: pixiv's 1 says "not made with AI".
            "ai_label": truth(text("ai_label"), numbers=False),
            "status": f"coalesce(lower({text('status')}), 'listed')",
            "arrived_at": when("arrived_at"),
            "updated_at": when("updated_at"),
        }
        needed = {*_NEEDED, *self.columns}
        if needed & {"handle", "joined_at"}:
            needed |= {"handle", "joined_at"}
        return {field: sql for field, sql in fields.items() if field in needed}

    def _reason(self, con: duckdb.DuckDBPyConnection, objects: bool) -> str:
        reasons = ["reason_date"]
        if "platform" in self.columns:
            reasons.append(f"CASE WHEN text_platform IS NULL THEN '{WITHOUT}' END")
        if self.has_counts:
            two = may_be_thousands("text_uploads", self.decimal)
            reasons.append(f"CASE WHEN {two} THEN {quote(TWO_COUNTS)} END")
            whole = f"uploads BETWEEN 0 AND {_MOST_WORKS_A_PERIOD} AND uploads = floor(uploads)"
            reasons.append(
                f"CASE WHEN uploads IS NULL OR NOT ({whole}) "
                "THEN 'count is not a whole number from 0 to a million' "
                "WHEN artist_id IS NULL THEN 'no artist' END"
            )
        cell = cells(self._read())
        ids = {f: cell[self.columns[f]] for f in ("upload_id", "artist_id") if f in self.columns}
        rounded = rounded_columns(con, list(ids.values())) if ids else ()
        for field in ids:
            reasons.append(id_doubt(field, f"text_{field}", objects=objects))
            if ids[field] in rounded:
                long = f"regexp_full_match({field}, '[0-9]{{18,}}')"
                reasons.append(f"CASE WHEN {long} THEN '{ROUNDED}' END")
        if "upload_id" in self.columns and not self.has_counts:
            reasons.append(
                "CASE WHEN upload_id IS NULL THEN 'no upload id' "
                "WHEN contains(upload_id, chr(31)) THEN 'a list where one upload id is needed' END"
            )
        reasons.append(
            "CASE WHEN status NOT IN ('listed', 'deleted', 'banned') "
            "THEN 'unknown status: say values.status' END"
        )
        return f"coalesce({', '.join(reasons)})"

    def _count(self, con: duckdb.DuckDBPyConnection) -> None:
        """Tell what was loaded, what lacks an artist, and which values could not be read."""
        loaded, without = con.sql(
            "SELECT count(*), count(*) FILTER (artist_id IS NULL) FROM temp.parsed"
        ).fetchall()[0]
        tally(con, "loaded", loaded)
        if not self.has_counts:
            tally(con, "unattributed", without)
        for field in _OPTIONAL:
            if field in self.columns:
                unread = f"FILTER (given_{field} IS NOT NULL AND {field} IS NULL)"
                given, lost, example = con.sql(
                    f"SELECT count(given_{field}), count(*) {unread}, "
                    f"any_value(given_{field}) {unread} FROM temp.parsed"
                ).fetchall()[0]
                tally(con, "given", given, field)
                tally(con, "nulled", lost, field, example)
