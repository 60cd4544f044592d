"""Ids, yes and no, and the words for nothing, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from uploadtrends.sources.moments import quote
from uploadtrends.sources.reading.rows import OBJECT, SEPARATOR

if TYPE_CHECKING:
    import duckdb

NOTHING = (
    *("NULL", "null", "\\N", "nan", "NaN", "None", "<NA>", "NaT", "N/A", "#N/A", "undefined"),
    *("[deleted]", "[removed]"),
)
"""What programs and platforms write where there is no value."""
TRUE = ("true", "t", "yes", "y", "on")
FALSE = ("false", "f", "no", "n", "off")
CASELESS = ("artstation", "deviantart", "twitter", "reddit", "instagram", "tumblr")
"""Platforms on which two names that differ in case only are one account."""
ROUNDED = "an id that some program has rounded"
_EXPONENT = "-?[0-9]([.][0-9]+)?[eE][+][0-9]+|-?[0-9][.][0-9]+[eE][0-9]+"
_EDGE = r"[\s\p{Z}\p{Cc}\x{200B}\x{2060}\x{FEFF}]+"


def something(cell: str) -> str:
    """Return the SQL of a cell, NULL where it holds a word for nothing."""
    words = ", ".join(quote(word) for word in NOTHING)
    return f"CASE WHEN {cell} NOT IN ({words}) THEN {cell} END"


def mapped(cell: str, values: Mapping[str, object] | None) -> str:
    """Return the SQL of a cell after the user's own mapping of values."""
    if not values:
        return cell
    cases = " ".join(
        f"WHEN {quote(str(given))} THEN {'NULL' if meant is None else quote(str(meant).lower())}"
        for given, meant in values.items()
    )
    return f"CASE {cell} {cases} ELSE {cell} END"


def identity(cell: str) -> str:
    """Return the SQL of an id: NFC, trimmed of every white space, ``12.0`` as 12."""
    beyond = f"regexp_replace(nfc_normalize({cell}), {quote(f'^{_EDGE}|{_EDGE}$')}, '', 'g')"
    text = f"CASE WHEN length({cell}) <> strlen({cell}) THEN {beyond} ELSE {cell} END"
    whole = (
        f"CASE WHEN right({cell}, 1) = '0' AND regexp_full_match({cell}, '-?[0-9]+[.]0+') "
        f"THEN split_part({cell}, '.', 1) ELSE {text} END"
    )
    return f"nullif({whole}, '')"


def identities(cell: str, separator: str | None) -> str:
    """Return the SQL of one id or of several between `SEPARATOR`, each once."""
    several = f"contains({cell}, chr({ord(SEPARATOR)}))"
    parts = f"string_split({cell}, chr({ord(SEPARATOR)}))"
    if separator:
        several += f" OR contains({cell}, {quote(separator)})"
        mark = f"chr({ord(SEPARATOR)})"
        parts = f"string_split(replace({cell}, {quote(separator)}, {mark}), {mark})"
    one = identity(something("trim(one)"))
    listed = (
        f"list_filter(list_transform({parts}, lambda one: {one}), "
        "lambda id: id IS NOT NULL AND id <> '')"
    )
    # In the order of the file, which `list_distinct` does not keep.
    distinct = f"list_filter({listed}, lambda id, n: list_position({listed}, id) = n)"
    return (
        f"CASE WHEN {several} THEN nullif(array_to_string({distinct}, chr({ord(SEPARATOR)})), '') "
        f"ELSE {identity(something(cell))} END"
    )


def id_doubt(cell: str) -> str:
    """Return the SQL that gives the reason why a text is no id, or NULL."""
    return (
        f"CASE WHEN contains({cell}, chr({ord(OBJECT)})) THEN 'an object where an id is needed' "
        f"WHEN regexp_full_match({cell}, {quote(_EXPONENT)}) THEN {quote(ROUNDED)} END"
    )


def truth(cell: str, *, numbers: bool) -> str:
    """Return the SQL of a yes or no; with `numbers` 1 and 0 are that too."""
    yes = ", ".join(quote(word) for word in (*TRUE, *(("1", "1.0") if numbers else ())))
    no = ", ".join(quote(word) for word in (*FALSE, *(("0", "0.0") if numbers else ())))
    word = f"lower({cell})"
    return f"CASE WHEN {word} IN ({yes}) THEN TRUE WHEN {word} IN ({no}) THEN FALSE END"


def fold_names(con: duckdb.DuckDBPyConnection, platform: str) -> None:
    """Give names in `parsed` that differ in case only one spelling: the store's, or the commonest.

    Lists of names keep their spellings.
    """
    stored = "SELECT NULL AS name, 0 AS known, 0 AS n WHERE FALSE"
    if con.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'artist'").fetchall():
        stored = f"SELECT artist_id, 1, 1 FROM artist WHERE platform = {quote(platform)}"
    con.execute(
        "UPDATE temp.parsed SET artist_id = spelled.name FROM (SELECT lower(name) AS folded, "
        "arg_max(name, (known, n, name)) AS name FROM (SELECT artist_id AS name, 0 AS known, "
        f"count(*) AS n FROM temp.parsed GROUP BY ALL UNION ALL {stored}) "
        "GROUP BY lower(name) HAVING count(DISTINCT name) > 1) spelled "
        "WHERE lower(parsed.artist_id) = spelled.folded AND parsed.artist_id <> spelled.name"
    )


def are_rounded(con: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Tell whether the long ids of a column end in zeros, as JavaScript and pandas round them.

    A number of 18 digits or more that was read as a float keeps 17 of them at the most. One true id
    in ten or more happens to look like that; a column of which more than half do was rounded.
    """
    long = f"regexp_full_match({column}, '[0-9]{{18,}}')"
    # The shortest digits that give the same float, as both programs write them.
    digits = f"split_part(CAST(CAST({column} AS DOUBLE) AS VARCHAR), 'e', 1)"
    kept = f"rtrim(replace({digits}, '.', ''), '0')"
    n, rounded = con.sql(
        f"SELECT count(*), count(*) FILTER (rtrim({column}, '0') = {kept}) "
        f"FROM {table} WHERE {long}"
    ).fetchall()[0]
    return bool(n >= 2 and rounded > n / 2)
