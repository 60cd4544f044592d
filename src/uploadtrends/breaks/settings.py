"""Every setting of `change_points`, stated once and checked before any work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from uploadtrends.breaks.by_ruptures import SEARCHES
from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number


@dataclass(frozen=True)
class ChangePointSettings:
    """Every setting of `change_points`; see there."""

    verb: ClassVar[str] = "change_points"
    cost: Any = "auto"
    penalty: str | float = "calibrated"
    search: str | None = None
    n_changes: int | None = None
    trend: bool = True
    scale: str = "level"
    confidence: float = 0.95
    min_size: int | None = None
    season: str | bool = "auto"
    unit: str = "uploads"
    seed: int = 0
    week: str | None = None
    labels: str = "auto"
    complete_to: Any = None

    @property
    def calibrated(self) -> bool:
        """Whether the calibrated default runs (no search of ruptures, no other penalty)."""
        return self.penalty == "calibrated" and self.search is None

    @property
    def own_cost(self) -> bool:
        """Whether the cost was left to the method."""
        return isinstance(self.cost, str) and self.cost == "auto"

    @property
    def cost_name(self) -> str:
        """What the segments are."""
        if self.own_cost:
            return "linear-ar1" if self.calibrated else "mean"
        if isinstance(self.cost, str):
            return self.cost
        return str(getattr(self.cost, "model", type(self.cost).__name__))

    @property
    def price(self) -> str | float:
        """The penalty that a search of ruptures gets: BIC unless said otherwise."""
        return "bic" if self.penalty == "calibrated" else self.penalty

    @property
    def penalty_name(self) -> str:
        """The penalty as tables show it."""
        if self.search is None:
            return str(self.penalty)
        wanted = self.price if self.n_changes is None else f"{self.n_changes} changes"
        return f"{wanted} ({self.search} of ruptures)"

    def check(self) -> None:
        """Raise an InputError that names the first setting that cannot be used."""
        if not 0.5 <= self.confidence < 1.0:
            raise _refused("confidence must lie in [0.5, 1)", "confidence", self, "use 0.95")
        for name, least in (("seed", 0), ("min_size", 2), ("n_changes", 1)):
            if getattr(self, name) is not None or name == "seed":
                object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        if self.season not in ("auto", True, False):
            raise _refused("unknown season", "season", self, "auto, True or False")
        if self.scale not in ("level", "log"):
            raise _refused("unknown scale", "scale", self, 'use "level" or "log"')
        if self.search is not None and self.search not in SEARCHES:
            raise _refused("unknown search", "search", self, f"use {', '.join(SEARCHES)}")
        if self.n_changes is not None and self.search is None:
            raise _refused(
                "a number of changes needs a search", "n_changes", self, 'add search="dynp"'
            )
        if self.calibrated and not self.own_cost:
            raise _refused(
                "the calibrated penalty has its own cost",
                "cost",
                self,
                'leave cost="auto", or say penalty="mbic" or a search',
            )


def _refused(message: str, column: str, settings: ChangePointSettings, fix: str) -> InputError:
    return InputError(message, column=column, value=getattr(settings, column), fix=fix)
