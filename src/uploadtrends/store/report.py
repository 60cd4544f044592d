"""What a load did, as a small value that prints itself."""

from __future__ import annotations

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
    reject_reasons : dict of str to int
        How often each reason occurred, most frequent first (at most ten).
    seconds : float
        Wall time.
    """

    source: str
    crawl_id: int
    status: Literal["loaded", "unchanged"]
    staged: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    n_rejected: int = 0
    reject_reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def summary(self) -> str:
        """Say in a few lines what was loaded."""
        if self.status == "unchanged":
            return f"{self.source}: already in the store (crawl {self.crawl_id}), nothing to do"
        new = ", ".join(f"{count:,} {table} rows" for table, count in self.added.items() if count)
        lines = [f"{self.source}: {new or 'no new rows'} in {self.seconds:.1f} s"]
        renewed = [f"{count:,} {table} rows" for table, count in self.changed.items() if count]
        if renewed:
            lines.append(f"  renewed: {', '.join(renewed)}")
        if self.n_rejected:
            reasons = "; ".join(f"{reason}: {n:,}" for reason, n in self.reject_reasons.items())
            lines.append(f"  rejected: {self.n_rejected:,} input rows ({reasons})")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        return self.summary()
