"""What the model finds at dates where nothing happened, and where the event stands among it."""

from __future__ import annotations

from typing import Any

from uploadtrends.checks.placebo import DRAWING
from uploadtrends.errors import InputError
from uploadtrends.figures import style
from uploadtrends.figures.checked import sketched


def placebo_distribution(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw the studentised estimates at placebo dates, and the event's own.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.placebo_dates`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` are the placebo estimates.

    Raises
    ------
    InputError
        If no estimate could be held against placebo dates.
    """
    if not len(outcome.figure_data["placebos"]):
        raise InputError("there are no placebo dates to draw", fix=outcome.text)
    return sketched(outcome, DRAWING, width=width)
