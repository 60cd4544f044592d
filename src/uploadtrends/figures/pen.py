"""What a check draws with: the colours and axes of the package's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.ratios import percent_ticks, place


@dataclass(frozen=True)
class Pen:
    """The `style` that `uploadtrends.checks.check.Sketch` draws with.

    Parameters
    ----------
    width : float
        Of the whole figure, in inches.
    """

    width: float
    INK: ClassVar[str] = sheet.INK
    MUTED: ClassVar[str] = sheet.MUTED

    @property
    def wide(self) -> bool:
        """Whether the figure goes across a page rather than a column."""
        return self.width > 5

    def look(self, name: str, position: int = 0) -> tuple[str, str, str]:
        """Return colour, marker and line style of a platform, a group or a place in order."""
        return sheet.look(name, position)

    def days(self, periods: Any) -> Any:
        """Return dates as places on an axis of time."""
        return frame.days(pd.DatetimeIndex(periods).to_pydatetime())

    def dates(self, axes: Axes, limits: tuple[float, float], *, ticks: int = 8) -> None:
        """Make the x axis one of time, with at most so many ticks."""
        frame.dates(axes, limits, ticks=ticks)

    def on_log_scale(self, percent: Any) -> Any:
        """Return percent changes as places on a scale of ratios."""
        return place(percent, percent=True)

    def percent_axis(self, axes: Axes, low: float, high: float) -> None:
        """Make the x axis one of percent changes on a scale of ratios."""
        low, high = (float(end) for end in place([low, high], percent=True))
        axes.set_xlim(low, high)
        axes.set_xticks(*percent_ticks(low, high, 2.6 if self.wide else 2.9, 0.36))
