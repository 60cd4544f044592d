"""Our costs in ruptures' own search classes."""

from __future__ import annotations

from typing import Any

from ruptures.base import BaseCost

from uploadtrends.breaks.costs import SegmentCost


class _Bridge(BaseCost):  # type: ignore[misc]
    def __init__(self, cost: SegmentCost) -> None:
        self.cost = cost
        self.min_size = cost.min_size

    @property
    def model(self) -> str:
        return self.cost.model

    def fit(self, signal: Any) -> _Bridge:
        self.signal = self.cost.fit(signal).signal
        return self

    def error(self, start: int, end: int) -> float:
        return self.cost.error(start, end)


def for_ruptures(cost: SegmentCost) -> BaseCost:
    """Wrap a cost for ``ruptures.Pelt(custom_cost=...)`` and its other search classes.

    Pass ``jump=1`` and a `min_size` to the search class: its defaults (5 and 2) look at every fifth
    date only.
    """
    return _Bridge(cost)
