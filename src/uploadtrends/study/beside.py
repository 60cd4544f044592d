"""Drawing in a second process while the checks run; what it drew is met in the cache.

The second process only fills the cache of pictures. Whether it starts, fails or is too slow, the
run draws whatever is not there: the results are the same.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

from uploadtrends.figures.canvas.sheet import users_settings
from uploadtrends.figures.canvas.styling import Style, current
from uploadtrends.study import second
from uploadtrends.study.pictures import Later, Pictures

WORTH = 4
"""Figures to draw from which on a second process, which takes two seconds to start, is worth it."""


def draw_beside(results: Any) -> None:
    """Begin to draw what shows none of the checks to come, where something changed.

    Parameters
    ----------
    results : StudyResults
        As they are before the checks of the models.
    """
    if results.kept_in is None or not (second.RUNNING or second.core_is_free()):
        return
    if current() != Style() or users_settings():
        return  # the style of this process; the other would draw in its own
    if len(Pictures(results, results.kept_in, early=True).missing()) < WORTH:
        return
    with suppress(pickle.PicklingError, TypeError, AttributeError):
        given = pickle.dumps(results, protocol=5)
        second.start()
        second.give(given)


def draw(given: bytes) -> None:
    """Draw, in the second process, what shows none of the checks to come."""
    if not given:
        return
    results = pickle.loads(given)  # noqa: S301 - from the process that started this one
    made = Pictures(results, results.kept_in, early=True)
    for entry in made.entries:
        if entry.ours and not entry.check and results.kept_in.exists():
            with suppress(Later):
                made.of(entry)
