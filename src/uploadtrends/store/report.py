"""What a load did, as a small value that prints itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class LoadReport:
    """The outcome of `Store.load`.

    Parameters
    ----------
    source : str
        Name of the source.
    crawl_id : int
        Row of the table `crawl` that describes this load.
    status : {"loaded", "unchanged"}
        "unchanged" when the same source with the same parameters and the same files (by sha256)
        is in the store already; nothing was read again.
    staged : dict of str to int
        Rows that the source gave, by table.
    added, changed : dict of str to int
        Rows that are new in the store, and rows that replaced an older version, by table.
    n_rejected : int
        Input rows that could not be read; see the table `reject`.
    n_forgotten : int
        Artists of the source who asked to be forgotten and were left out.
    reject_reasons : dict of str to int
        How often each reason occurred, most frequent first (at most ten).
    seconds : float
        Wall time.
    n_read, n_loaded, n_folded : int, optional
        Records in the input, counted apart from the reading, and what became of them beside the
        rejects: rows that count, and repeats or older versions of them. The three and `n_rejected`
        add up. None for sources that walk answers instead of rows.
    unattributed : int, optional
        Loaded rows without an artist.
    nulled : dict of str to int
        Values of optional fields that could not be read and are NULL, by field.
    """

    source: str
    crawl_id: int
    status: Literal["loaded", "unchanged"]
    staged: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    n_rejected: int = 0
    n_forgotten: int = 0
    reject_reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    n_read: int | None = None
    n_loaded: int | None = None
    n_folded: int | None = None
    unattributed: int | None = None
    nulled: dict[str, int] = field(default_factory=dict)

    @property
    def n_unchanged(self) -> int:
        """Works that the store already had just so."""
        known = self.added.get("upload", 0) + self.changed.get("upload", 0)
        return max(0, self.staged.get("upload", 0) - known)

    def summary(self) -> str:
        """Say what was loaded, and what became of every row, as a small table."""
        if self.status == "unchanged":
            return f"{self.source}: already in the store (crawl {self.crawl_id}), nothing to do"
        new = ", ".join(f"{count:,} {table} rows" for table, count in self.added.items() if count)
        lines = [f"{self.source}: {new or 'no new rows'} in {self.seconds:.1f} s"]
        renewed = [f"{count:,} {table} rows" for table, count in self.changed.items() if count]
        if renewed:
            lines.append(f"  renewed: {', '.join(renewed)}")
        for name, count, what in self._lines():
            lines.append(f"  {name:<12} {count:>12,}{'  ' + what if what else ''}")
        return "\n".join(lines)

    def _lines(self) -> Iterator[tuple[str, int, str]]:
        if self.n_read is not None:
            yield "read", self.n_read, ""
        if self.n_loaded is not None:
            without = f"{self.unattributed:,} without an artist" if self.unattributed else ""
            yield "loaded", self.n_loaded, without
        if self.n_unchanged:
            yield "unchanged", self.n_unchanged, "works that were in the store already"
        if self.n_folded:
            yield "folded", self.n_folded, "repeats and older versions of rows"
        if self.n_rejected:
            yield "rejected", self.n_rejected, _counted(self.reject_reasons)
        if self.n_forgotten:
            yield "left out", self.n_forgotten, "artists who asked to be forgotten"
        if lost := sum(self.nulled.values()):
            yield "became NULL", lost, _counted(self.nulled)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        return self.summary()


def _counted(counts: dict[str, int]) -> str:
    return "; ".join(f"{name}: {n:,}" for name, n in counts.items())
