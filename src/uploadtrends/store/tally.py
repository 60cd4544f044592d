"""What became of every record of an input, and whether it adds up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources.protocol import Source

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Tally:
    """The counts that a source wrote down while it was staged (see `staging.tally`).

    Parameters
    ----------
    counts : dict of str to int
        read, loaded, folded, unattributed: those that the source knows.
    given, nulled : dict of str to int
        Values of optional fields, and those that could not be read, by field.
    examples : dict of str to str
        One of these, by field.
    rejected : int
        Rows of `stage_reject`.
    """

    counts: dict[str, int]
    given: dict[str, int]
    nulled: dict[str, int]
    examples: dict[str, str]
    rejected: int

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, rejected: int) -> Tally:
        """Read the counts of the load that is staged on a connection."""
        rows = con.sql(
            "SELECT what, field, CAST(sum(n) AS BIGINT), any_value(example) "
            "FROM temp.stage_tally GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return cls(
            counts={what: n for what, field, n, _ in rows if not field},
            given={field: n for what, field, n, _ in rows if what == "given"},
            nulled={field: n for what, field, n, _ in rows if what == "nulled"},
            examples={field: text for what, field, _, text in rows if what == "nulled" and text},
            rejected=rejected,
        )

    def check_sum(self, source: Source) -> None:
        """Stop the load when a record is neither loaded nor folded nor rejected.

        Raises
        ------
        InputError
            The numbers do not add up.
        """
        if "loaded" not in self.counts or "read" not in self.counts:
            return
        read, loaded = self.counts["read"], self.counts["loaded"]
        folded = self.counts.get("folded", 0)
        if loaded + folded + self.rejected != read:
            raise InputError(
                f"{source.name}: {read:,} records, but {loaded:,} loaded, {folded:,} folded and "
                f"{self.rejected:,} rejected do not add up to them; nothing was loaded",
                file=next(iter(source.inputs()), None),
                fix="report this file",
            )

    def check_fields(self, source: Source, max_rejects: int | float) -> None:
        """Stop the load when too many values of an optional field cannot be read.

        Raises
        ------
        TooManyRejectsError
            More than `max_rejects` of those that are given.
        """
        columns = getattr(source, "columns", {})
        for field, lost in self.nulled.items():
            given = self.given.get(field, lost)
            if lost > (max_rejects if max_rejects >= 1 else max_rejects * given):
                raise TooManyRejectsError(
                    f"{source.name}: {lost:,} of {given:,} values of {field} (column "
                    f"'{columns.get(field, field)}') cannot be read, such as "
                    f"'{self.examples.get(field)}'; nothing was loaded. Fix: {_way_out(field)}, "
                    f"leave the field out, or allow more with max_rejects (now {max_rejects})"
                )

    def columns(self, reasons: dict[str, int]) -> list[Any]:
        """Return the values for `crawl`: n_read, n_loaded, n_folded, tally."""
        more = {
            "rejected": reasons,
            "nulled": {field: n for field, n in self.nulled.items() if n},
            "unattributed": self.counts.get("unattributed"),
        }
        counts = [self.counts.get(name) for name in ("read", "loaded", "folded")]
        return [*counts, json.dumps(more)]


def _way_out(field: str) -> str:
    if field == "ai_label":
        return (
            "say what its values mean (values.ai_label=1:false,2:true,0: for pixiv's aiType, "
            "where 1 is not made with AI and 2 is)"
        )
    if field.endswith("_at"):
        return f"say their format (date_format.{field}=...)"
    return f"say what its values mean (values.{field}=...)"
