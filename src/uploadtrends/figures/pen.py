"""What a check draws with: the colours, axes and layout of the package's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, ratios, sheet, styling
from uploadtrends.figures.canvas.drawing import Drawing


@dataclass(frozen=True)
class Pen:
    """The `style` that `uploadtrends.checks.check.Sketch` and `Whole` draw with.

    Colours are attributes by name: INK, MUTED, RULE, PAPER, BLUE, VERMILION, GREEN, ...

    Parameters
    ----------
    width : float
        Of the whole figure, in inches.
    """

    width: float

    def __getattr__(self, name: str) -> Any:
        if name.isupper():
            return getattr(sheet, name)
        raise AttributeError(name)

    @property
    def wide(self) -> bool:
        """Whether the figure goes across a page rather than a column."""
        return self.width > 5

    def look(self, name: str, position: int = 0) -> tuple[str, str, str]:
        """Return colour, marker and line style of a platform, a group or a place in order."""
        return sheet.look(name, position)

    def say(self, text: str, **values: object) -> str:
        """Return words in the language in force, values filled in."""
        return styling.say(text, **values)

    def told(self, text: str) -> str:
        """Return a sentence of a result in the language in force."""
        return styling.told(text)

    def called(self, text: str) -> str:
        """Return a label in the language in force, where it is not the user's own."""
        return styling.called(text)

    def heading(self, platform: str, group: str) -> str:
        """Return the title of a series."""
        return series.heading(platform, group)

    def days(self, periods: Any) -> Any:
        """Return dates as places on an axis of time."""
        return frame.days(pd.DatetimeIndex(periods).to_pydatetime())

    def dates(self, axes: Axes, limits: tuple[float, float], *, ticks: int = 8) -> None:
        """Make the x axis one of time, with at most so many ticks."""
        frame.dates(axes, limits, ticks=ticks)

    def on_log_scale(self, percent: Any) -> Any:
        """Return percent changes as places on a scale of ratios."""
        return ratios.place(percent, percent=True)

    def ratio_places(self, values: Any, percent: bool) -> Any:
        """Return places of percent changes on a scale of ratios, of other values as they are."""
        return ratios.place(values, percent)

    def percent_ticks(
        self, low: float, high: float, room: float, gap: float
    ) -> tuple[list[float], list[str]]:
        """Return places and labels of percent ticks; see `ratios.percent_ticks`."""
        return ratios.percent_ticks(low, high, room, gap)

    def arrows(self, axes: Axes, where: Any, low: Any, high: Any) -> None:
        """Draw an arrow on the edge wherever an interval goes on beyond the axes."""
        frame.arrows(axes, where, low, high, sheet.MUTED)

    def ratio_axis(self, axes: Axes, percent: bool, unit: str = "") -> None:
        """Give the y axis ticks that suit what `ratio_places` returned, and its unit as a name."""
        if percent:
            room = axes.get_window_extent().height / axes.get_figure(root=True).dpi  # type: ignore
            axes.set_yticks(*ratios.percent_ticks(*axes.get_ylim(), room, 0.16))
        else:
            axes.locator_params(axis="y", nbins=4)
        if unit:
            axes.set_ylabel(styling.say(unit))

    def percent_axis(self, axes: Axes, low: float, high: float) -> None:
        """Make the x axis one of percent changes on a scale of ratios."""
        low, high = (float(end) for end in ratios.place([low, high], percent=True))
        axes.set_xlim(low, high)
        axes.set_xticks(*ratios.percent_ticks(low, high, 2.6 if self.wide else 2.9, 0.36))

    def figure(self, height: float) -> Drawing:
        """Return an empty figure of this width."""
        return Drawing(self.width, height)

    def place(self, figure: Drawing, *box: float, bare: bool = False) -> Axes:
        """Add axes at left, top, width, height in inches from the top left corner."""
        left, top, width, height = box
        return layout.place(figure, left, top, width, height, bare=bare)

    def grid(
        self, titles: Sequence[str], notes: Sequence[str], **options: Any
    ) -> tuple[Drawing, list[Axes]]:
        """Return a figure of panels with titles above and notes below."""
        return frame.grid(self.width, titles, notes, **options)

    def multiples(
        self, table: pd.DataFrame, draw: Callable[[Axes, pd.DataFrame], None], **options: Any
    ) -> Drawing:
        """Return a figure with one panel per series; see `panels.multiples`."""
        return panels.multiples(table, draw, width=self.width, **options)

    def legend(self, figure: Drawing, axes: Iterable[Axes], **options: Any) -> None:
        """Write one legend above the panels."""
        series.legend_above(figure, axes, **options)

    def one_legend(self, figure: Drawing) -> None:
        """Write one legend for all panels above them."""
        panels.one_legend(figure)

    def label_last(self, figure: Drawing, text: str) -> None:
        """Name the x axis below the last row of panels."""
        panels.label_last(figure, text)
