"""Fits of an interrupted time series: observed, fitted, expected, and what can be said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.brief import number
from uploadtrends.checks.published import published_series
from uploadtrends.errors import InputError
from uploadtrends.figures import series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, markers, sheet
from uploadtrends.figures.canvas.drawing import drawn
from uploadtrends.figures.canvas.styling import called, numeral, say, told
from uploadtrends.models.terms import TERMS


@drawn("Series, fits, and what was expected without the events")
def plot_its(
    result: Any,
    ax: Axes | None = None,
    *,
    breaks: Any = None,
    facts: Any = None,
    groups: Sequence[str] | None = None,
    width: float = sheet.FULL_WIDTH,
) -> Figure:
    """Draw an `InterruptedTimeSeries`: observed, fitted, and expected without the events.

    The events are numbered above each panel and named below. A refused series is drawn too, with
    the reason in place of a fit.

    Parameters
    ----------
    result : InterruptedTimeSeries
    ax : matplotlib.axes.Axes, optional
        Draw here, where there is one series.
    breaks : ChangePoints, optional
        Changes found without looking at the events, to be marked.
    facts : CheckOutcome, optional
        Of `uploadtrends.published_series`: what a series can carry, said below its panel.
    groups : sequence of str, optional
        Which groups to draw; all by default.
    width : float
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
        A `Drawing` where `ax` is not given. Its ``data`` has platform, group, period, observed,
        fitted, expected_estimate, expected_low, expected_high.

    Raises
    ------
    InputError
        If no series was fitted in these groups, or `ax` is given for several series.
    """
    fits = series.in_order(fit for fit in result.fits if groups is None or fit.group in groups)
    if not fits:
        raise InputError(
            f"no fitted series in group {' or '.join(groups or ())}",
            column="group",
            value=sorted({fit.group for fit in result.fits}),
            fix="name groups that were fitted, as in groups=('all',)",
        )
    table = breaks.to_frame() if breaks is not None else None
    if ax is not None:
        fit = series.only(fits)
        _fit_panel(ax, fit, table)
        draw_events(ax, fit.blocks)
        ax.set_title(series.heading(fit.platform, fit.group), parse_math=False)
        ax.legend(loc="best")
        return ax.get_figure(root=True)  # type: ignore[return-value]
    limits = frame.time_limits([fit.observed.index for fit in fits])
    columns = frame.columns_for(len(fits), width)
    inner = frame.inner_width(width, columns)
    strip = markers.arrange(result.events, limits, inner, by_category=False)
    numbers = {marker.event.id: str(marker.number) for marker in strip.markers}
    lines = facts.to_frame() if facts is not None else None
    notes = [brief(fit, numbers, lines) for fit in fits]
    titles = [series.heading(fit.platform, fit.group) for fit in fits]
    key = markers.key_columns(strip, width)
    below = markers.key_height(key) + 0.08 if strip.markers else 0.0
    figure, panels = frame.grid(
        width,
        titles,
        notes,
        columns=columns,
        tall=1.6 if len(fits) == 1 else 1.15,
        top=0.04,
        bottom=below,
        over=strip.height,
        size=5.8,
    )
    for axes, fit in zip(panels, fits, strict=True):
        _fit_panel(axes, fit, table, limits)
        if strip.markers:
            markers.draw_lines([axes], strip)
            markers.draw_strip(layout.above(axes, strip.height), strip, limits, 0.0)
    series.legend_above(figure, panels)
    if strip.markers:
        high = float(figure.get_size_inches()[1])
        foot = layout.place(figure, 0.08, high - below, width - 0.16, below - 0.04, bare=True)
        markers.draw_key(foot, key)
    figure.data = series.fitted_frame(fits)
    figure.caption = _its_caption(strip, breaks is not None, facts)
    figure.alternative = "One panel per series. " + " ".join(
        f"{title}: {note}" for title, note in zip(titles, notes, strict=True)
    )
    return figure


def _its_caption(strip: Any, with_breaks: bool, facts: Any) -> str:
    parts = [
        "Points: observed. Line: fitted. Dashed line and band: what the model expects had the "
        "pre-event level and trend gone on, with its 95% interval."
    ]
    if strip.markers:
        parts.append(
            "Numbers: the events of the key; numbers joined by a dash are a block of events that "
            "the data cannot tell apart."
        )
    parts.append("Hatched: periods that the fit leaves out, because the change may be under way.")
    if with_breaks:
        parts.append(
            "Triangles: first period of a new regime found without looking at the events, bars "
            "their 95% intervals."
        )
    if facts is not None:
        parts.append("Below each panel also: what that series can and cannot carry. " + facts.text)
    return " ".join(map(told, parts))


def draw_events(axes: Axes, blocks: Iterable[Any]) -> None:
    """Draw a labelled line at each event, on axes without a key."""
    for block in blocks:
        for event in block.events:
            axes.axvline(
                markers.middle(event),
                color=sheet.category(event.category)[1],
                linewidth=0.9,
                zorder=0.5,
                label=event.label,
            )


def _fit_panel(
    axes: Axes,
    fit: Any,
    breaks: pd.DataFrame | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    colour, marker, _ = sheet.look(fit.platform)
    series.draw_left_out(axes, fit)
    series.draw_observed(axes, fit.observed, colour, marker)
    series.draw_fit(axes, fit, sheet.INK)
    expected = fit.counterfactual if fit.status != "refused" else None
    series.finish(axes, fit.observed, limits, expected)
    series.draw_cut(axes, expected)
    if breaks is not None:
        series.draw_breaks(axes, series.of(breaks, fit.platform, fit.group))


def brief(
    fit: Any, numbers: dict[str, str] | None = None, facts: pd.DataFrame | None = None
) -> str:
    """Return what was found in one series, short enough to stand below a panel.

    Events are called by their `numbers` in the key where they have one.
    """
    known = (
        []
        if facts is None
        else [told(str(line)) for line in series.of(facts, fit.platform, fit.group)["line"]]
    )
    if fit.status == "refused":
        return " ".join([say("Not estimable here: {reason}.", reason=told(fit.reason)), *known])
    doubtful = fit.status == "exploratory"
    parts = [say("Exploratory: {reason}.", reason=told(fit.reason))] if doubtful else []
    effects = fit.effects
    between = ", " if numeral(".") == "." else "; "
    for event, rows in effects[effects["estimate"].notna()].groupby("event", sort=False):
        changes = [
            _said(row, between) for row in rows[rows["term"].isin(list(TERMS))].to_dict("records")
        ]
        parts.append(
            f"{_called(str(event), str(rows['label'].iloc[0]), numbers)}: {', '.join(changes)}."
        )
    for block, reason in fit.not_estimable:
        parts.append(
            say(
                "{label}: not estimable ({reason}).",
                label=_called(block.id, block.label, numbers),
                reason=told(series.short_reason(reason)),
            )
        )
    return " ".join([*parts, *known])


def months_told(result: Any) -> tuple[str, ...]:
    """Return the answers by month in short, where `result` has such, one a series."""
    fits = series.in_order(result.monthly.fits) if result.monthly is not None else ()
    return tuple(
        f"{series.heading(fit.platform, fit.group)}, by month: {brief(fit)}" for fit in fits
    )


def _called(event: str, label: str, numbers: dict[str, str] | None) -> str:
    found = [(numbers or {}).get(name) for name in event.split("+")]
    known = [number for number in found if number]
    if not known or len(known) < len(found):
        return called(label[:1].upper() + label[1:])
    return known[0] if len(known) == 1 else f"{known[0]}-{known[-1]}"


def _said(row: dict[Any, Any], between: str) -> str:
    """Return term, size and interval of an estimate, in the digits that tables have."""
    percent = pd.notna(row["relative"])
    kind = "relative" if percent else "estimate"
    ends = ("relative_low", "relative_high") if percent else ("low", "high")
    low, high = (_numeral(row[name], percent=percent) for name in ends)
    change = ("+" if row[kind] > 0 else "") + numeral(number(row[kind]))
    if percent:
        return f"{say(row['term'])} {say('{percent}%', percent=change)} [{low}{between}{high}]"
    return f"{say(row['term'])} {change} [{low}{between}{high}] {told(row['unit'])}"


def _numeral(value: float, *, percent: bool) -> str:
    if percent and value >= 1000:
        return say("over {limit}", limit=1000)
    return numeral(number(value))


def figure1_tested(
    panel: Any,
    its: Any,
    breaks: Any = None,
    events: Any = (),  # noqa: ARG001 - as 0.1 called it
    facts: Any = None,
    *,
    groups: Sequence[str] = ("total", "senior", "new"),
    width: float = sheet.FULL_WIDTH,
) -> Any:
    """Draw what `plot_its` draws: the same figure since 0.2; this name goes in 0.3.

    Parameters
    ----------
    panel, events
        Not needed any more: the fits know both.
    its, breaks, facts, groups, width
        As `plot_its` takes them; `facts` are found from the panel where they are not given.
    """
    if facts is None:
        facts = published_series(panel, its, groups=groups)
    return plot_its(its, breaks=breaks, facts=facts, groups=groups, width=width)
