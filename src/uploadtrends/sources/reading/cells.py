"""Ids, yes and no, and the words for nothing, in SQL."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from uploadtrends.sources.moments import quote
from uploadtrends.sources.reading.rows import OBJECT, SEPARATOR

if TYPE_CHECKING:
    import duckdb

NOTHING = (
    *("NULL", "null", "\\N", "nan", "NaN", "None", "<NA>", "NaT", "N/A", "#N/A", "undefined"),
    *("NA", "n/a", "(null)", "[null]", "<null>", "<NULL>", "#REF!", "#VALUE!", "#NULL!", "#NAME?"),
    *("[deleted]", "[removed]"),
)
"""What programs and platforms write where there is no value."""
TRUE = ("true", "t", "yes", "y", "on")
FALSE = ("false", "f", "no", "n", "off")
CASELESS = (
    *("artstation", "deviantart", "twitter", "reddit", "instagram", "tumblr"),
    *("bluesky", "mastodon", "furaffinity", "newgrounds", "pinterest", "tiktok"),
)
"""Platforms on which two names that differ in case only are one account."""
_DOMAINS = {"twitter": "(?:twitter|x)"}
"""Of those whose profiles do not lie at their own name and .com."""
_OWN_SUBDOMAINS = ("artstation", "deviantart", "tumblr")
"""Where https://ann.deviantart.com/gallery is ann's."""
TWO_COUNTS = "a count with a mark before three digits: say decimal"
THOUSANDS = "[+-]?[1-9][0-9]{{0,2}}([{}][0-9]{{3}})+"
"""A number with marks between its thousands, as far as the decimal mark."""
ROUNDED = "an id that some program has rounded"
_EXPONENT = "-?[0-9]([.][0-9]+)?[eE][+][0-9]+|-?[0-9][.][0-9]+[eE][0-9]+"
_TEXT_OR_NUMBER = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+"""
_MEMBER = re.compile(_TEXT_OR_NUMBER)
_OPENINGS = (("[", "\\"), ("{", "|"), ("(", ")"), ("array([", "array(\\"))
"""Where texts begin that may be lists, and the first text behind them."""
_NUMPY = re.compile(r"array\((\[.*\])(?:, dtype=\w+)?\)", re.DOTALL)
_BARE_LIST = re.compile(rf"\[\s*(?:{_TEXT_OR_NUMBER})(?:\s+(?:{_TEXT_OR_NUMBER}))+\s*\]")
"""A list as NumPy writes it, ``['a' 'b']``."""
_ESCAPED = "([^%]|%(2[0-9A-CFa-cf]|3[A-Fa-f]|40|5[B-Eb-e]|60|7[B-Db-d]|[89A-Fa-f][0-9A-Fa-f]))+"
"""Percent signs only where an address has to write them: not for letters, digits and ``-._~``."""
_EDGE = r"[\s\p{Z}\p{Cc}\p{Cf}]+"


def something(cell: str) -> str:
    """Return the SQL of a cell, NULL where it holds a word for nothing."""
    # DuckDB makes a join of a long IN; no word begins with a digit.
    other = f"{cell} BETWEEN '0' AND ':' OR strlen({cell}) > {max(map(len, NOTHING))}"
    words = quote("|".join(map(re.escape, NOTHING)))
    return f"CASE WHEN {other} OR NOT regexp_full_match({cell}, {words}) THEN {cell} END"


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
    whole = f"contains({cell}, '.') AND regexp_full_match({cell}, '-?[0-9]+[.]0+')"
    return (
        f"nullif(CASE WHEN length({cell}) <> strlen({cell}) THEN {beyond} "
        f"WHEN {whole} THEN split_part({cell}, '.', 1) ELSE {cell} END, '')"
    )


def unescaped(cell: str) -> str:
    """Return the SQL of a name that was cut out of an address: ``%E6%9D%B1`` is 東."""
    escaped = f"contains({cell}, '%') AND regexp_full_match({cell}, {quote(_ESCAPED)})"
    return f"CASE WHEN {escaped} THEN coalesce(try(url_decode({cell})), {cell}) ELSE {cell} END"


def identities(cell: str) -> str:
    """Return the SQL of one id, or of several that `settle_lists` has put between `SEPARATOR`."""
    several = f"contains({cell}, chr({ord(SEPARATOR)}))"
    return f"CASE WHEN {several} THEN {cell} ELSE {identity(cell)} END"


def settle_lists(con: duckdb.DuckDBPyConnection, cell: str, separator: str | None) -> bool:
    """Bring the lists in a column of `input_rows` to ids between `SEPARATOR`, each once.

    Returns whether there were any.

    Only rows that hold a list are touched: they are few in most files, and what is done to lists
    in SQL is done to every row.
    """
    mark = f"chr({ord(SEPARATOR)})"
    several = f"contains({cell}, {mark})"
    parts = f"string_split({cell}, {mark})"
    if separator:
        several += f" OR contains({cell}, {quote(separator)})"
        parts = f"string_split(replace({cell}, {quote(separator)}, {mark}), {mark})"
    # One step after the other: the SQL of one within that of the next would be evaluated often.
    listed = parts
    for step in ("trim(one)", something("one")):
        listed = f"list_transform({listed}, lambda one: {step})"
    # In a lambda no branch of a CASE is spared: the others are for rows that may need them.
    odd = f"length({cell}) <> strlen({cell}) OR contains({cell}, '.') OR contains({cell}, '%')"
    ids = f"list_transform({listed}, lambda one: {unescaped('one')})"
    ids = f"list_transform({ids}, lambda one: {identity('one')})"
    listed = f"list_filter(CASE WHEN {odd} THEN {ids} ELSE {listed} END, lambda id: id <> '')"
    # In the order of the file, which `list_distinct` does not keep.
    distinct = "list_filter(listed, lambda id, n: list_position(listed, id) = n)"
    found = con.execute(
        f"UPDATE temp.input_rows SET {cell} = nullif(array_to_string(l.ids, {mark}), '') FROM "
        f"(SELECT position, {distinct} AS ids FROM (SELECT position, {listed} AS listed "
        f"FROM temp.input_rows WHERE {several})) l WHERE input_rows.position = l.position"
    ).fetchone()
    return bool(found and found[0])


def unfold_lists(con: duckdb.DuckDBPyConnection, cell: str) -> bool:
    """Take lists in `input_rows` apart that some program wrote as a text; tell if there were any.

    ``['a', 'b']`` is what pandas makes of a list, ``["a", "b"]`` is JSON; ``{a,b}`` is an array of
    Postgres where the whole column looks like that. An object in a text is marked as one.
    """
    # Comparisons of whole texts are far cheaper than a look at the first character.
    opened = " OR ".join(f"{cell} >= '{a}' AND {cell} < '{b}'" for a, b in _OPENINGS)
    shape = f"CASE WHEN {opened} THEN right({cell}, 1) IN (']', '}}', ')') END"
    n, of = con.sql(
        f"SELECT count(*) FILTER ({shape}), count({cell}) FROM temp.input_rows"
    ).fetchall()[0]
    if not n:
        return False
    arrays = n == of
    con.create_function(
        "ut_unfold", lambda text: _unfolded(text, arrays=arrays), ["VARCHAR"], "VARCHAR"
    )
    try:
        con.execute(f"UPDATE temp.input_rows SET {cell} = ut_unfold({cell}) WHERE {shape}")
    finally:
        con.remove_function("ut_unfold")
    return True


def written_value(text: str) -> Any:
    """Return the list or object that a program wrote as a text: as Python, NumPy or JSON does.

    Raises
    ------
    ValueError
        It is none.
    """
    if array := _NUMPY.fullmatch(text):
        text = array[1]
    try:
        # Python would join texts that have only blanks between them to one.
        listed = ",".join(_MEMBER.findall(text)) if _BARE_LIST.fullmatch(text) else ""
        value = ast.literal_eval(f"[{listed}]" if listed else text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError(str(error)) from error
    return value


def _unfolded(text: str, *, arrays: bool) -> str:
    try:
        value = written_value(text)
    except ValueError:
        if not (arrays and text.startswith("{")):
            return text
        value = next(csv.reader([text[1:-1]]), [])
    return as_cell(value) if isinstance(value, dict | list | tuple | set) else text


def as_cell(value: Any) -> str:
    """Return a value as a cell: members between `SEPARATOR`, objects marked as such."""
    if isinstance(value, dict):
        return OBJECT + json.dumps(value, default=str)
    if isinstance(value, list | tuple | set):
        members = [as_cell(one) for one in value]
        return SEPARATOR.join(sorted(members) if isinstance(value, set) else members)
    return "" if value is None else str(value)


def id_doubt(cell: str, text: str, *, objects: bool = True) -> str:
    """Return the SQL that gives the reason why an id is none, or NULL; `text` is what was read.

    Without `objects` there are none, and nothing looks for them.
    """
    # Beyond 2 to the 53rd, a float stands for several whole numbers; `identity` takes its .0 off.
    float_beyond = (
        f"{text} <> {cell} AND regexp_full_match({text}, '-?[0-9]{{16,}}[.]0') "
        f"AND abs(try_cast({text} AS DOUBLE)) > {1 << 53}"
    )
    # A look for the letter spares most ids the regular expression.
    letter = f"{cell} < ':' AND (contains({cell}, 'e') OR contains({cell}, 'E'))"
    exponent = f"{letter} AND regexp_full_match({cell}, {quote(_EXPONENT)})"
    rounded = f"WHEN {float_beyond} OR {exponent} THEN {quote(ROUNDED)}"
    if not objects:
        return f"CASE {rounded} END"
    marked = f"contains({cell}, chr({ord(OBJECT)}))"
    return f"CASE WHEN {marked} THEN 'an object where an id is needed' {rounded} END"


def counted(cell: str, decimal: str | None) -> str:
    """Return the SQL of a count as a number is written: a point, no marks between thousands."""
    if decimal is None:
        return cell
    mark = "." if decimal == "," else ","
    plain = f"replace(replace({cell}, '{mark}', ''), '{decimal}', '.')"
    grouped = f"regexp_full_match({cell}, '{THOUSANDS.format(mark)}([{decimal}][0-9]*)?')"
    return f"CASE WHEN NOT contains({cell}, '{mark}') OR {grouped} THEN {plain} END"


def may_be_thousands(cell: str, decimal: str | None) -> str:
    """Return the SQL that tells a count whose mark may stand between thousands or for decimals."""
    if decimal is not None:
        return "FALSE"
    return f"regexp_full_match({cell}, '{THOUSANDS.format('.,')}')"


def truth(cell: str, *, numbers: bool) -> str:
    """Return the SQL of a yes or no; with `numbers` 1 and 0 are that too."""
    yes = ", ".join(quote(word) for word in (*TRUE, *(("1", "1.0") if numbers else ())))
    no = ", ".join(quote(word) for word in (*FALSE, *(("0", "0.0") if numbers else ())))
    word = f"lower({cell})"
    return f"CASE WHEN {word} IN ({yes}) THEN TRUE WHEN {word} IN ({no}) THEN FALSE END"


def _folded(name: str) -> str:
    """Return the SQL of a name without case."""
    # The small form of a dotted I is two characters, not another name's i; at the end of a word
    # the Greek sigma has a small form of its own.
    return f"replace(lower(replace({name}, chr(304), 'i' || chr(775))), chr(962), chr(963))"


def _handle(name: str, platform: str) -> str:
    """Return the SQL of a folded handle: of a profile's address, behind an @ or u/, or alone."""
    domain = f"{_DOMAINS.get(platform, platform)}[.]com"
    of_all = f"^(?:https?://)?(?:(?:www|m|mobile|old|new)[.])?{domain}"
    folded = _folded(name)
    profile = f"{of_all}/(?:@|u/|user/|artist/)?([^/?#]+)/?(?:[?#].*)?$"
    found = f"regexp_replace({folded}, {quote(profile)}, '\\1')"
    if platform in _OWN_SUBDOMAINS:
        own = f"^(?:https?://)?([a-z0-9_-]+)[.]{domain}(?:[/?#].*)?$"
        found = (
            f"CASE WHEN regexp_matches({folded}, {quote(f'{of_all}(?:[/?#]|$)')}) THEN {found} "
            f"ELSE regexp_replace({folded}, {quote(own)}, '\\1') END"
        )
    return (
        f"CASE WHEN regexp_matches({folded}, {quote(f'{domain}(?:[/?#]|$)')}) "
        f"THEN {_folded(f'coalesce(try(url_decode({found})), {found})')} "
        f"ELSE regexp_replace({folded}, '^@|^/?u/', '') END"
    )


def is_address(name: str) -> str:
    """Return the SQL that tells an address of a chain: the case of its digits is a checksum."""
    # The length tells most names.
    return f"strlen({name}) = 42 AND regexp_full_match({name}, '0[xX][0-9a-fA-F]{{40}}')"


def has_addresses(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether some artist in `parsed` is an address of a chain."""
    found = con.sql(f"SELECT bool_or({is_address('artist_id')}) FROM temp.parsed").fetchall()[0]
    return bool(found[0])


def fold_names(con: duckdb.DuckDBPyConnection, platform: str, *, of_chain: bool = False) -> None:
    """Give names in `parsed` that differ in case only one spelling: the store's, or the commonest.

    With `of_chain` only addresses of a chain.

    Each name in a list is spelled so, too, and stays there once. Where handles are folded by the
    platform's own rule, an @ before a name, u/ and the platform's address are no part of it.
    """
    mark = f"chr({ord(SEPARATOR)})"

    def folded(name: str) -> str:
        if of_chain:
            return f"CASE WHEN {is_address(name)} THEN lower({name}) ELSE {name} END"
        caseless = platform.lower() in CASELESS
        return _handle(name, platform.lower()) if caseless else _folded(name)

    stored = "SELECT NULL AS name, 0 AS known, 0 AS n WHERE FALSE"
    if con.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'artist'").fetchall():
        stored = f"SELECT artist_id, 1, 1 FROM artist WHERE platform = {quote(platform)}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE spelled AS SELECT {folded('name')} AS folded, "
        f"arg_max(name, (known, {folded('name')} = {_folded('name')}, n, name)) AS name FROM "
        "(SELECT name, 0 AS known, count(*) AS n FROM "
        f"(SELECT unnest(string_split(artist_id, {mark})) AS name FROM temp.parsed) GROUP BY ALL "
        f"UNION ALL {stored}) GROUP BY ALL HAVING count(DISTINCT name) > 1"
    )
    con.execute(
        "UPDATE temp.parsed SET artist_id = s.name FROM temp.spelled s "
        f"WHERE {folded('parsed.artist_id')} = s.folded AND parsed.artist_id <> s.name"
    )
    con.execute(
        "UPDATE temp.parsed SET artist_id = l.names FROM (SELECT position, string_agg(name, "
        f"{mark} ORDER BY place) AS names FROM (SELECT position, coalesce(s.name, p.one) AS name, "
        "min(place) AS place FROM (SELECT position, unnest(ids) AS one, "
        "generate_subscripts(ids, 1) AS place FROM (SELECT position, "
        f"string_split(artist_id, {mark}) AS ids FROM temp.parsed "
        f"WHERE contains(artist_id, {mark}))) p "
        f"LEFT JOIN temp.spelled s ON {folded('p.one')} = s.folded GROUP BY ALL) "
        "GROUP BY position) l WHERE parsed.position = l.position AND parsed.artist_id <> l.names"
    )
    con.execute("DROP TABLE temp.spelled")


def rounded_columns(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> set[str]:
    """Return the columns of `input_rows` whose long ids end in zeros, as JavaScript rounds them.

    A number of 18 digits or more that was read as a float keeps 17 of them at the most. One true id
    in ten or more happens to look like that; a column of which more than half do was rounded.
    """
    counts = []
    for column in columns:
        # Most ids are told by their length.
        long = f"strlen({column}) >= 18 AND regexp_full_match({column}, '[0-9]{{18,}}')"
        # The shortest digits that give the same float, as JavaScript and pandas write them.
        digits = f"split_part(CAST(CAST({column} AS DOUBLE) AS VARCHAR), 'e', 1)"
        kept = f"rtrim(replace({digits}, '.', ''), '0')"
        ends = f"CASE WHEN {long} THEN rtrim({column}, '0') = {kept} END"
        counts.append(f"count({ends}), count(*) FILTER ({ends})")
    found = con.sql(f"SELECT {', '.join(counts)} FROM temp.input_rows").fetchall()[0]
    pairs = zip(columns, found[::2], found[1::2], strict=True)
    return {column for column, n, rounded in pairs if n >= 2 and rounded > n / 2}
