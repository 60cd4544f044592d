"""The main series as charts whose values can be read by pointer, touch or keyboard.

The SVG is complete without any script; the script only moves a cursor over it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.axes import month_name

_CLASS = {
    sheet.BLUE: "blue",
    sheet.VERMILION: "vermilion",
    sheet.GREEN: "green",
    sheet.PURPLE: "purple",
}
"""Colours that the page has in two tones, for light and dark."""
_SPARE = ("blue", "vermilion", "green", "purple")
_DASH = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Chart:
    """Lines over time that share an axis.

    Parameters
    ----------
    name : str
        Unique on the page.
    title : str
    lines : mapping of str to pandas.Series
        Label to values; all on one index of period starts.
    keys : sequence of str
        One a line: the platform that decides its colour.
    marks : sequence of (date, label)
        Vertical lines, numbered in this order.
    unit : str
    """

    name: str
    title: str
    lines: Mapping[str, pd.Series]
    keys: Sequence[str]
    marks: Sequence[tuple[pd.Timestamp, str]]
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row a period and one column a line."""
        frame = pd.DataFrame(dict(self.lines))
        return frame.rename_axis("period").reset_index()


def chart_html(chart: Chart) -> str:
    """Return a chart as HTML: a wide and a narrow SVG, the values, and the data for the script."""
    frame = chart.to_frame()
    data = {
        "periods": [f"{period:%Y-%m-%d}" for period in frame["period"]],
        "lines": [
            {"label": label, "values": [None if v != v else float(v) for v in series]}
            for label, series in chart.lines.items()
        ],
        "marks": [{"date": f"{date:%Y-%m-%d}", "label": label} for date, label in chart.marks],
    }
    legend = "".join(
        f'<li><svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true"><line x1="0" y1="4" '
        f'x2="26" y2="4" class="line {_colour(key, place)}" '
        f'stroke-dasharray="{_DASH[place % 4]}"/></svg> {html.escape(label)}</li>'
        for place, (label, key) in enumerate(zip(chart.lines, chart.keys, strict=True))
    )
    drawings = _svg(chart, 860, 250, "wide") + _svg(chart, 360, 220, "narrow")
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<figure class="chart" id="{chart.name}" tabindex="0" role="group" '
        f'aria-label="{html.escape(chart.title)}. The left and right arrow keys read values."'
        f"><h3>{html.escape(chart.title)}</h3>"
        f'<ul class="legend">{legend}</ul>{drawings}'
        f'<output aria-live="polite">{html.escape(_first_words(chart))}</output>'
        f'<script type="application/json">{text}</script></figure>'
    )


def _first_words(chart: Chart) -> str:
    unit = f" {chart.unit[:1].upper()}{chart.unit[1:]}." if chart.unit else ""
    return f"Point at the chart, or use the arrow keys, to read values.{unit}"


def _colour(key: str, place: int) -> str:
    return _CLASS.get(sheet.look(key, place)[0], _SPARE[place % len(_SPARE)])


def _svg(chart: Chart, width: int, height: int, kind: str) -> str:
    values = np.concatenate([series.to_numpy(dtype=float) for series in chart.lines.values()])
    high = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    ticks = _ticks(high)
    right, top, bottom = 10, 8, 24
    named = [f"{tick:,.10g}" for tick in ticks]
    left = max(46, 14 + 7 * max(map(len, named)))
    index: Any = next(iter(chart.lines.values())).index
    n = len(index)
    inner = width - left - right

    def across(place: float) -> float:
        return left + inner * (place + 0.5) / n

    def down(value: float) -> float:
        return top + (height - top - bottom) * (1 - value / ticks[-1])

    parts = [
        f'<line class="rule" x1="{left}" x2="{width - right}" '
        f'y1="{down(t):.1f}" y2="{down(t):.1f}"/>'
        f'<text class="tick" x="{left - 6}" y="{down(t) + 4:.1f}" text-anchor="end">{name}</text>'
        for t, name in zip(ticks, named, strict=True)
    ]
    step = 12 if n > 40 or kind == "narrow" else 6
    for place, period in enumerate(index):
        months = period.year * 12 + period.month - 1
        if months % step == 0 and (place == 0 or months != _months(index[place - 1])):
            label = f"{period:%Y}" if period.month == 1 else month_name(period)
            parts.append(
                f'<text class="tick" x="{across(place):.1f}" y="{height - 6}" '
                f'text-anchor="middle">{label}</text>'
            )
    until = [0.0] * 3  # numbers that would touch stand below each other
    for number, (date, label) in enumerate(chart.marks, start=1):
        where = float(index.searchsorted(date, side="right")) - 1
        if 0 <= where < n and date >= index[0]:
            at = across(where) + 2
            row = next((i for i, end in enumerate(until) if at > end + 2), len(until) - 1)
            until[row] = at + 7 * len(str(number))
            parts.append(
                f'<line class="mark" x1="{across(where):.1f}" x2="{across(where):.1f}" y1="{top}" '
                f'y2="{height - bottom}"><title>{html.escape(label)}</title></line>'
                f'<text class="mark-number" x="{at:.1f}" y="{top + 9 + 11 * row}">'
                f"{number}</text>"
            )
    for place, (series, key) in enumerate(zip(chart.lines.values(), chart.keys, strict=True)):
        points = [
            f"{'M' if start else 'L'}{across(i):.1f} {down(v):.1f}"
            for i, v, start in _runs(series.to_numpy(dtype=float))
        ]
        parts.append(
            f'<path class="line {_colour(key, place)}" d="{"".join(points)}" '
            f'stroke-dasharray="{_DASH[place % 4]}"/>'
        )
    parts.append(
        f'<line class="cursor" x1="0" x2="0" y1="{top}" y2="{height - bottom}" hidden=""/>'
    )
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" data-left="{left}" '
        f'data-inner="{inner}" role="img" aria-label="{html.escape(_describe(chart))}">'
        + "".join(parts)
        + "</svg>"
    )


def _months(period: pd.Timestamp) -> int:
    return int(period.year) * 12 + int(period.month) - 1


def _runs(values: np.ndarray[Any, Any]) -> list[tuple[int, float, bool]]:
    """Return known values with a flag where a new stretch begins (a gap breaks the line)."""
    return [
        (i, float(value), i == 0 or bool(np.isnan(values[i - 1])))
        for i, value in enumerate(values)
        if not np.isnan(value)
    ]


def _ticks(high: float) -> list[float]:
    if high <= 0:
        return [0.0, 1.0]
    power = 10 ** np.floor(np.log10(high))
    step = next(float(m * power) for m in (0.25, 0.5, 1.0, 2.5) if high / (m * power) <= 5)
    return [step * i for i in range(int(np.ceil(high / step)) + 1)]


def _describe(chart: Chart) -> str:
    words = []
    for label, series in chart.lines.items():
        known = series.dropna()
        if len(known):
            words.append(
                f"{label}: {known.iloc[0]:g} in {known.index[0]:%Y-%m}, {known.iloc[-1]:g} in "
                f"{known.index[-1]:%Y-%m}"
            )
    return f"Line chart, {chart.title}. {'; '.join(words)}."
