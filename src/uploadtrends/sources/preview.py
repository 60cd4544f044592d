"""A file as it would be loaded, before it is: the mapping, the first rows, and what is odd."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from uploadtrends.sources.dates import DAY_OR_MONTH, two_readings
from uploadtrends.sources.moments import name
from uploadtrends.sources.reading.dialect import dialect_of
from uploadtrends.sources.reading.encodings import codec_of, text_in_utf8
from uploadtrends.sources.reading.envelopes import RECORD_KEYS
from uploadtrends.sources.reading.forms import files_of, form_of
from uploadtrends.sources.reading.json_lines import sample_records
from uploadtrends.sources.reading.survey import Survey
from uploadtrends.sources.staging import create_stage_tables, drop_stage_tables, excerpts
from uploadtrends.sources.table import Table
from uploadtrends.sources.tabular import Reading, cells, columns_of, read_rows

if TYPE_CHECKING:
    import pandas as pd

ROWS = 1_000
"""Records of a file that are looked at, about."""
_NAMES = {
    "upload_id": (
        *("uploadid", "workid", "postid", "photoid", "illustid", "idnum", "deviationid", "hashid"),
        *("idstr", "id", "url", "link", "page", "nr", "nummer"),
    ),
    "artist_id": (
        *("artistid", "userid", "authorid", "creatorid", "ownerid", "photographerusername"),
        *("artist", "author", "creator", "username", "user", "owner", "uploaderid", "uploader"),
        *("künstler", "künstlerin", "autor", "auteur", "artiste", "artista", "作者"),
    ),
    "published_at": (
        *("publishedat", "publishedon", "publishedtime", "photosubmittedat", "createdat"),
        *("createdutc", "createdate", "date", "posted", "postedat", "published", "created"),
        *("uploaddate", "timestamp", "time", "datum", "fecha", "日付"),
    ),
    "updated_at": ("updatedat", "modifiedat", "updated"),
    "platform": ("platform", "platformname", "plattform", "site", "website"),
}


@dataclass(frozen=True)
class Preview:
    """What `preview` found.

    Parameters
    ----------
    columns : dict of str to str
        The mapping from fields to columns, as given or guessed.
    guessed : tuple of str
        The fields that were guessed.
    present : tuple of str
        The columns of the file.
    rows : pandas.DataFrame
        The first rows as they would be read: upload_id, artist_id, published_at, date_precision;
        as they stand in the file where no column is known to hold the dates.
    counts : dict of str to int
        Of the records looked at: read, loaded, folded, rejected.
    odd : tuple of str
        What is odd, one sentence each.
    """

    columns: dict[str, str]
    guessed: tuple[str, ...]
    present: tuple[str, ...]
    rows: pd.DataFrame
    counts: dict[str, int]
    odd: tuple[str, ...]

    def summary(self) -> str:
        """Say all of it in a few lines."""
        lines = ["columns of the file: " + ", ".join(name or "''" for name in self.present)]
        for field, column in self.columns.items():
            lines.append(f"  {field} = {column}{' (guessed)' if field in self.guessed else ''}")
        if self.counts:
            lines.append(", ".join(f"{n:,} {what}" for what, n in self.counts.items()))
        lines += [f"odd: {said}" for said in self.odd] or ["nothing is odd"]
        return "\n".join([*lines, self.rows.to_string(index=False)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {
            "columns": self.columns,
            "guessed": list(self.guessed),
            "present": list(self.present),
            "rows": json.loads(self.rows.to_json(orient="records", date_format="iso")),
            "counts": self.counts,
            "odd": list(self.odd),
        }


def preview(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    platform: str = "unnamed",
    rows: int = 10,
    **options: Any,
) -> Preview:
    """Read the first records of a file as `Table` would; nothing is stored.

    Parameters
    ----------
    path : str or Path
        As for `Table`.
    columns : mapping of str to str, optional
        Fields that are not named are guessed from the columns' names.
    platform : str
    rows : int
        How many rows to show.
    **options
        Of `Table`.

    Raises
    ------
    InputError
        The file cannot be read at all.
    """
    table = Table(Path(path), {"published_at": ""} | dict(columns or {}), platform, **options)
    con = duckdb.connect()
    try:
        create_stage_tables(con)
        wanted = [column.split(".")[0] for column in (columns or {}).values()] or RECORD_KEYS
        present = tuple(columns_of(con, table.path, table.reading, wanted))
        guess = {} if columns and "uploads" in columns else guessed_mapping(present)
        chosen = guess | dict(columns or {})
        guessed = tuple(field for field in guess if field not in (columns or {}))
        with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
            sample, reading = _sample(files_of(table.path)[0], table.reading, wanted, Path(folder))
            if "published_at" not in chosen:
                raw = _raw(con, sample, present, reading, rows)
                return Preview(chosen, guessed, present, raw, {}, (_UNDATED,))
            # Whichever platform: here all are looked at.
            one = {field: column for field, column in chosen.items() if field != "platform"}
            looked_at = replace(table, path=sample, columns=one, encoding=reading.encoding)
            looked_at.stage(con, None)
        return Preview(chosen, guessed, present, _first(con, rows), *_found(con))
    finally:
        drop_stage_tables(con)
        con.close()


_UNDATED = (
    "no column is known to hold the dates; these are the first rows as they stand. Name it: "
    'columns={"published_at": "..."}'
)


def _raw(
    con: duckdb.DuckDBPyConnection, file: Path, present: tuple[str, ...], reading: Reading, n: int
) -> pd.DataFrame:
    """Return the first rows of a file, column by column, as text."""
    named = [column for column in present if column and present.count(column) == 1]
    read_rows(con, file, named, reading=reading)
    shown = ", ".join(f"{cell} AS {name(column)}" for column, cell in cells(named).items())
    found = con.sql(f"SELECT {shown} FROM temp.input_rows ORDER BY position LIMIT {int(n)}")
    frame: pd.DataFrame = found.df()
    return frame


def guessed_mapping(present: tuple[str, ...]) -> dict[str, str]:
    """Guess which columns hold a work's id, its artist and its date, by their names."""
    plain = {re.sub(r"[\W_]", "", column.lower()): column for column in reversed(present)}
    found = {}
    for field, names in _NAMES.items():
        column = next((plain[name] for name in names if name in plain), None)
        if column is not None:
            found[field] = column
    return found


def _sample(
    file: Path, reading: Reading, wanted: Collection[str], folder: Path
) -> tuple[Path, Reading]:
    """Write the first records of a text or JSON file into a small file of its own."""
    form = form_of(file)
    if form not in ("json", "text"):
        return file, reading
    codec = codec_of(file, reading.encoding)
    if form == "json":
        sample = folder / "sample.jsonl"
        lines = (json.dumps(record) for record in sample_records(file, ROWS, wanted, codec))
        sample.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return sample, replace(reading, encoding="utf-8")
    dialect = dialect_of(file, codec, (), delimiter=reading.delimiter, quote=reading.quote)
    sample = folder / f"sample{file.suffix if file.suffix in ('.tsv', '.tab') else '.csv'}"
    with text_in_utf8(file, codec) as stream:
        survey = Survey(dialect.delimiter, dialect.quote, len(dialect.header))
        block = next(survey.blocks(stream), b"")
        if survey.unbalanced or not block:
            with text_in_utf8(file, codec) as again:
                block = again.read(1 << 20)
    sample.write_bytes(block)
    return sample, replace(reading, encoding="utf-8")


def _first(con: duckdb.DuckDBPyConnection, rows: int) -> pd.DataFrame:
    frame: pd.DataFrame = con.sql(
        "SELECT upload_id, string_agg(artist_id, ', ') AS artist_id, "
        "any_value(published_at) AS published_at, any_value(date_precision) AS date_precision "
        "FROM temp.stage_upload LEFT JOIN temp.stage_credit USING (platform, upload_id) "
        f"GROUP BY upload_id ORDER BY min(published_at) LIMIT {int(rows)}"
    ).df()
    return frame


def _found(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], tuple[str, ...]]:
    tallied = con.sql(
        "SELECT what, field, CAST(sum(n) AS BIGINT), any_value(example) FROM temp.stage_tally "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    counts = {what: n for what, field, n, _ in tallied if not field}
    rejects = con.sql(
        "SELECT reason, count(*), any_value(position), any_value(excerpt) FROM temp.stage_reject "
        "GROUP BY reason ORDER BY count(*) DESC"
    ).fetchall()
    counts["rejected"] = sum(n for _, n, *_ in rejects)
    odd = [f"{n:,} rows: {reason} ({place}: {text})" for reason, n, place, text in rejects]
    if any(reason == DAY_OR_MONTH for reason, *_ in rejects):
        odd.append(two_readings(excerpts(con, DAY_OR_MONTH)))
    odd += [
        f"{n:,} values of {field} cannot be read, such as '{example}'"
        for what, field, n, example in tallied
        if what == "nulled" and n
    ]
    if without := counts.pop("unattributed", 0):
        odd.append(f"{without:,} rows without an artist")
    return counts, tuple(odd)
