"""Figure 1 again, with what the data behind it can and cannot carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uploadtrends.checks.published import published_series
from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.figures import series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import markers, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn


@drawn("The published series and what they can carry")
def figure1_tested(
    panel: Any,
    its: Any,
    breaks: Any = None,
    events: Any = (),
    facts: Any = None,
    *,
    groups: Sequence[str] = ("total", "senior", "new"),
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw each published series with its fit, counterfactual band and dated breaks.

    Parameters
    ----------
    panel : Panel
    its : InterruptedTimeSeries
        Fits of the panel's series.
    breaks : ChangePoints, optional
    events : anything `uploadtrends.as_events` takes
        Drawn as thin lines.
    facts : CheckOutcome, optional
        Of `uploadtrends.checks.published_series`, where it was run already.
    groups : sequence of str
        Which groups of `its` to draw, one row each.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, period, observed, fitted, expected_estimate,
        expected_low, expected_high. Under each panel stand the facts that
        `uploadtrends.checks.published_series` computes for that series.
    """
    order = {group: place for place, group in enumerate(groups)}
    fits = sorted((f for f in its.fits if f.group in order), key=lambda f: order[f.group])
    if not fits:
        raise InputError(
            f"no fitted series in group {' or '.join(groups)}",
            column="group",
            value=sorted({fit.group for fit in its.fits}),
            fix="name groups that were fitted, as in groups=('all',)",
        )
    outcome = facts or published_series(panel, its, groups=groups)
    known = {(row.platform, row.group): str(row.line) for row in outcome.to_frame().itertuples()}
    titles = [series.heading(fit.platform, fit.group) for fit in fits]
    notes = [known.get((fit.platform, fit.group), str(fit.sentence)) for fit in fits]
    table = breaks.to_frame() if breaks is not None else None
    with sheet.applied():
        figure, panels = frame.grid(
            width,
            titles,
            notes,
            columns=frame.columns_for(len(fits), width),
            tall=1.05,
            top=0.28 if width > 5 else 0.55,
            size=5.8,
        )
        for axes, fit in zip(panels, fits, strict=True):
            colour, marker, _ = sheet.look(fit.platform)
            limits = frame.time_limits([fit.observed.index])
            for event in as_events(events):
                when = markers.middle(event)
                if limits[0] <= when <= limits[1]:
                    axes.axvline(
                        when, color=sheet.category(event.category)[1], linewidth=0.5, zorder=0.3
                    )
            series.draw_blocks(axes, fit.blocks)
            series.draw_observed(axes, fit.observed, colour, marker)
            series.draw_fit(axes, fit, sheet.INK)
            if table is not None:
                series.draw_breaks(axes, series.of(table, fit.platform, fit.group))
            series.finish(axes, fit.observed)
        series.legend_above(figure, panels)
    figure.data = series.fitted_frame(fits)
    figure.caption = (
        "The published series with a model fitted to each. Dashed line and band: what the level "
        "and trend before the events would lead one to expect, with 95% intervals. Triangles: "
        "first period of a new regime found without looking at the events, bars their 95% "
        "intervals. Below each panel: what that series can and cannot carry. " + outcome.text
    )
    figure.alternative = " ".join(
        f"{title}: {note}" for title, note in zip(titles, notes, strict=True)
    )
    return figure
