"""Drawing in a second process while models and checks run; what it drew is met in the cache.

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
from uploadtrends.study.results import StudyResults


def draw_beside(results: Any) -> None:
    """Have the second process, where it runs, draw what shows nothing that is to come.

    Parameters
    ----------
    results : StudyResults
        As far as they are known; the rest is None.
    """
    if results.kept_in is None or current() != Style() or users_settings():
        return  # the style of this process; the other would draw in its own
    with suppress(pickle.PicklingError, TypeError, AttributeError):
        second.tell(vars(results))


def draw(hear: second.Hear, say: second.Say) -> None:
    """Draw, in the second process, what shows nothing that is to come; more, when more is known."""
    known: dict[str, Any] = {}
    made: Pictures | None = None
    while (news := hear()) is not None:
        known |= news
        results = StudyResults(**known)
        if made is None:
            made = Pictures(results, known["kept_in"], early=True)
        for entry in made.left(results):
            say(entry.name)
            with suppress(Later):
                made.of(entry)
                say({entry.name: made.key(entry)})
        say("")
