"""Drawing in a second process while the checks run; what it drew is met in the cache.

The second process only fills the cache of pictures. Whether it starts, fails or is too slow, the
run draws whatever is not there: the results are the same.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from uploadtrends.figures.canvas.sheet import users_settings
from uploadtrends.figures.canvas.styling import Style, current
from uploadtrends.study import second
from uploadtrends.study.pictures import Later, Pictures


def draw_beside(results: Any) -> None:
    """Have the second process, where it runs, draw what shows none of the checks to come.

    Parameters
    ----------
    results : StudyResults
        As they are before the checks of the models.
    """
    if results.kept_in is None or current() != Style() or users_settings():
        return  # the style of this process; the other would draw in its own
    with suppress(pickle.PicklingError, TypeError, AttributeError):
        second.give(results)


def draw(results: Any, tell: Callable[[str], None]) -> None:
    """Draw, in the second process, what shows none of the checks to come."""
    made = Pictures(results, results.kept_in, early=True)
    for entry in made.entries:
        if entry.ours and not entry.check and results.kept_in.exists():
            tell(entry.name)
            with suppress(Later):
                made.of(entry)
    tell("")
