"""The terms of a model: what an event may do to a series. The one list of them.

A term is a column of the design. Another package adds one with `register`; it can then be named in
``terms=`` and in study files, and is estimated, drawn and worded like the package's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from uploadtrends.arrays import Array

if TYPE_CHECKING:
    from uploadtrends.models.onset import Onset


class Timing(Protocol):
    """What of a model's settings a term may look at."""

    @property
    def onset_periods(self) -> int:
        """Periods over which a gradual onset is complete."""
        ...

    @property
    def ramp_start(self) -> int:
        """Value of the slope's column in its first period."""
        ...

    @property
    def pulse_periods(self) -> int:
        """Length of a pulse."""
        ...


@dataclass(frozen=True)
class Term:
    """One way in which a series may change at an event.

    Parameters
    ----------
    name : str
        As in the column ``term`` of effects.
    noun : str
        What changed, in sentences: "the level of uploads ...".
    column : callable
        ``column(onset, n, settings)`` returns the term's column, shape (n,): 0 before the event.
        ``onset.step`` is 0 before, 1 after, and the share of the period in between.
    at_once : bool
        Whether the change is there at once (a step) or builds up (a slope), which a bend of the
        untreated course can imitate.
    """

    name: str
    noun: str
    column: Callable[[Onset, int, Timing], Array]
    at_once: bool = True


TERMS: dict[str, Term] = {}
"""By name, in the order of the columns."""


def register(term: Term) -> Term:
    """Add a term to the list; one of the same name is replaced."""
    TERMS[term.name] = term
    return term


def _level(onset: Onset, n: int, settings: Timing) -> Array:
    """A step, or a gradual onset over `onset_periods` periods of exposure."""
    if settings.onset_periods > 1:
        return np.asarray(np.minimum(np.cumsum(onset.step) / settings.onset_periods, 1.0))
    return onset.step


def _slope(onset: Onset, n: int, settings: Timing) -> Array:
    since = np.arange(n) - onset.first_full
    return np.where(since >= 0, since + settings.ramp_start, 0).astype(float)


def _pulse(onset: Onset, n: int, settings: Timing) -> Array:
    """A step that is undone after `pulse_periods` periods."""
    length = settings.pulse_periods
    later = np.concatenate([np.zeros(min(length, n)), onset.step[: max(n - length, 0)]])
    return np.asarray(onset.step - later)


register(Term("level", "level", _level))
register(Term("slope", "slope", _slope, at_once=False))
register(Term("pulse", "short-lived level", _pulse))
