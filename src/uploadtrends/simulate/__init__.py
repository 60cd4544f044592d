"""Data whose truth is known: noisy series with a step, and a population of artists.

Tests, validation studies, the demo server and power analysis all draw from here. Everything is
seeded: the same arguments give the same data.
"""

from __future__ import annotations

from uploadtrends.simulate.drawing import population
from uploadtrends.simulate.exposed import Exposed, labelled_works, tool_adopters, training_set
from uploadtrends.simulate.people import Population
from uploadtrends.simulate.series import ar1_series, count_series

__all__ = [
    "Exposed",
    "Population",
    "ar1_series",
    "count_series",
    "labelled_works",
    "population",
    "tool_adopters",
    "training_set",
]
