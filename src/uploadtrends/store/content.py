"""A hash of what a store holds, whatever the order of its rows and of its loads."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# Crawl numbers, times and paths are left out: they say how the content came, not what it is.
_LEFT_OUT = {"crawl_id", "first_crawl", "last_crawl"}
CONTENT_TABLES = ("artist", "upload", "credit", "sighting", "series")


def content_hash(con: duckdb.DuckDBPyConnection) -> str:
    """Return the sha256 (hex) of the rows of all content tables, independent of row order.

    Every row is hashed (MD5 of its values, NULL distinct from empty) and the hashes are summed, so
    that duplicates count and no sorting is needed.
    """
    digest = hashlib.sha256()
    for table in CONTENT_TABLES:
        names = [
            row[0]
            for row in con.sql(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()
            if row[0] not in _LEFT_OUT
        ]
        row_text = ", ".join(f"coalesce(CAST({name} AS VARCHAR), chr(1))" for name in names)
        # Half of each hash is summed: sums of 64-bit numbers cannot overflow the 128-bit total.
        count, total = con.sql(
            f"SELECT count(*), coalesce(sum(md5_number_lower(concat_ws(chr(31), {row_text}))"
            f"::HUGEINT), 0) FROM {table}"
        ).fetchall()[0]
        digest.update(f"{table} {','.join(names)} {count} {total}\n".encode())
    return digest.hexdigest()
