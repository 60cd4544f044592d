"""Commands about one store: panel, its, change-points."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.options import (
    PANEL_SETTINGS,
    AsJson,
    Data,
    Figure,
    Further,
    Groups,
    OutFile,
    PanelOptions,
    Unit,
    command,
    further_settings,
)
from uploadtrends.cli.show import show_result
from uploadtrends.cli.write import require_suffix

SHOWN = ("platform", "group", "period", "uploads", "active_artists", "at_risk_artists")
"""What a panel is printed with; a file has every column."""
Dates = Annotated[list[str] | None, typer.Option("--event", help="Date of an event; repeatable.")]
Ids = Annotated[
    list[str] | None, typer.Option("--event-id", help="An event of the catalogue; repeatable.")
]


@command
def panel(
    data: Data,
    options: PanelOptions,
    further: Further = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the group panel of a store: one row per platform, group and period.

    Example: uploadtrends panel uploads.duckdb --seniority-at 2022-01-01 --out panel.csv
    """
    import uploadtrends as ut

    known = ("data", "seniority", *PANEL_SETTINGS)
    require_suffix(out)
    built = options.build(data, **further_settings(further, ut.build_panel, known))
    whole = built.groups.to_pandas()
    show_result(whole if out or as_json else whole[list(SHOWN)], as_json=as_json, out=out)


@command
def its(
    data: Data,
    options: PanelOptions,
    events: Dates = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="What happened then; one for each --event, in their order."),
    ] = None,
    event_ids: Ids = None,
    method: Annotated[
        str, typer.Option("--method", help="Estimator, such as ols-hac; auto decides.")
    ] = "auto",
    unit: Unit = "uploads",
    groups: Groups = None,
    control: Annotated[
        str | None,
        typer.Option("--control", help="A comparison: a column, or platform/group of the panel."),
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", help="Coverage of all intervals.")
    ] = 0.95,
    season: Annotated[
        str,
        typer.Option("--season", help="auto, none, harmonics, dummies or a number of harmonics."),
    ] = "auto",
    terms: Annotated[
        list[str] | None,
        typer.Option("--terms", help="level, slope or pulse; repeatable, or joined by commas."),
    ] = None,
    further: Further = None,
    figure: Figure = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Fit interrupted time series and print the effects.

    Example: uploadtrends its uploads.duckdb --platform artstation --event-id mr-sd-public
    """
    import uploadtrends as ut

    chosen = ut.EventSet()
    if event_ids:
        chosen = chosen + ut.event_catalogue(ids=event_ids)
    if labels and len(labels) > len(events or []):
        raise typer.BadParameter("--label names an --event: give the date, too")
    named = zip_longest(events or [], labels or [], fillvalue="")
    chosen = chosen + [ut.Event(date, label) if label else date for date, label in named]
    if not len(chosen):
        raise typer.BadParameter("name at least one --event DATE or --event-id ID")
    require_suffix(out)
    stated = ("method", "unit", "groups", "platforms", "control", "confidence", "season", "terms")
    known = ("data", "events", *stated)
    series, settings = given(data, options, further, ut.interrupted_time_series, known)
    if terms:
        settings["terms"] = tuple(part.strip() for one in terms for part in one.split(","))
    result = ut.interrupted_time_series(
        series,
        chosen,
        method=method,
        control=control,
        confidence=confidence,
        season=int(season) if season.isdigit() else season,
        unit=unit,
        groups=groups,
        platforms=options.platforms,
        **settings,
    )
    draw(result, figure)
    show_result(result.answers, as_json=as_json, out=out, words=result.summary())


@command
def change_points(
    data: Data,
    options: PanelOptions,
    penalty: Annotated[
        str, typer.Option("--penalty", help="calibrated, mbic or bic.")
    ] = "calibrated",
    trend: Annotated[
        bool, typer.Option("--trend/--no-trend", help="Whether a straight line is no change.")
    ] = True,
    unit: Unit = "uploads",
    groups: Groups = None,
    further: Further = None,
    figure: Figure = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Find dated breaks with intervals, or say that there is none.

    Example: uploadtrends change-points uploads.duckdb --platform deviantart
    """
    import uploadtrends as ut

    require_suffix(out)
    known = ("data", "penalty", "trend", "unit", "groups", "platforms")
    series, settings = given(data, options, further, ut.change_points, known)
    result = ut.change_points(
        series,
        penalty=penalty,
        trend=trend,
        unit=unit,
        groups=groups,
        platforms=options.platforms,
        **settings,
    )
    draw(result, figure)
    show_result(result.to_frame(), as_json=as_json, out=out, words=result.summary())


def draw(result: Any, figure: Path | None) -> None:
    """Draw a result into a file, where one is named."""
    if figure is not None:
        for path in result.save(figure):
            typer.echo(f"drawn: {path}", err=True)


def given(
    data: Path,
    options: PanelOptions,
    further: list[str] | None,
    verb: Callable[..., Any],
    stated: tuple[str, ...],
) -> tuple[Any, dict[str, Any]]:
    """Return what a verb is given: the panel of a store or the series of a file, and settings.

    Of a file, how it is written stands among the `further` settings.
    """
    from uploadtrends.signatures import settings_of
    from uploadtrends.sources.frames import read_frame
    from uploadtrends.store.parquet import is_export

    if data.suffix == ".duckdb" or is_export(data):
        settings = further_settings(further, verb, stated)
        return options.build(data), settings
    settings = further_settings(further, verb, stated, read_frame)
    own = settings_of(verb, stated)
    of_file = {name: settings.pop(name) for name in list(settings) if name not in own}
    return read_frame(data, **of_file).squeeze("columns"), settings
