"""Commands about one store: panel, its, change-points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.show import AsJson, show_frame

Data = Annotated[
    Path,
    typer.Argument(help="A store (.duckdb), or a CSV whose first column is a date."),
]
Period = Annotated[str, typer.Option("--period", help="day, week, month, quarter or year.")]
Platforms = Annotated[list[str] | None, typer.Option("--platform", help="Only this; repeatable.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Only this; repeatable.")]
At = Annotated[str | None, typer.Option("--seniority-at", help="Day on which tenure is measured.")]
After = Annotated[str, typer.Option("--senior-after", help="Tenure from which one is senior.")]
Later = Annotated[str, typer.Option("--later", help="Who enters later: separate, new or drop.")]
Unit = Annotated[str, typer.Option("--unit", help="uploads, active_artists, ...")]
Instrument = Annotated[
    str | None, typer.Option("--instrument", help="Only what this listing counted.")
]
Dates = Annotated[list[str] | None, typer.Option("--event", help="A date; repeatable.")]
Ids = Annotated[
    list[str] | None, typer.Option("--event-id", help="An event of the catalogue; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(panel)
    app.command()(its)
    app.command("change-points")(change_points)


def panel(
    data: Data,
    period: Period = "month",
    platforms: Platforms = None,
    instrument: Instrument = None,
    seniority_at: At = None,
    senior_after: After = "24 months",
    later: Later = "separate",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write CSV or Parquet instead of printing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the group panel of a store: one row per platform, group and period.

    Example: uploadtrends panel uploads.duckdb --seniority-at 2022-01-01 --out panel.csv
    """
    built = _panel(data, period, platforms, instrument, seniority_at, senior_after, later)
    if out is None:
        show_frame(built.groups.to_pandas(), as_json=as_json)
    elif out.suffix == ".parquet":
        built.groups.write_parquet(out)
    else:
        built.groups.write_csv(out)


def its(
    data: Data,
    events: Dates = None,
    event_ids: Ids = None,
    method: Annotated[str, typer.Option("--method", help="Estimator; auto decides.")] = "auto",
    unit: Unit = "uploads",
    groups: Groups = None,
    platforms: Platforms = None,
    period: Period = "month",
    instrument: Instrument = None,
    seniority_at: At = None,
    senior_after: After = "24 months",
    later: Later = "separate",
    as_json: AsJson = False,
) -> None:
    """Fit interrupted time series and print the effects.

    Example: uploadtrends its uploads.duckdb --platform artstation --event-id mr-sd-public
    """
    import uploadtrends as ut

    chosen = ut.EventSet()
    if event_ids:
        chosen = chosen + ut.event_catalogue(ids=event_ids)
    chosen = chosen + list(events or [])
    if not len(chosen):
        raise typer.BadParameter("name at least one --event DATE or --event-id ID")
    given = _data(data, period, platforms, instrument, seniority_at, senior_after, later)
    result = ut.interrupted_time_series(
        given, chosen, method=method, unit=unit, groups=groups, platforms=platforms
    )
    if not as_json:
        typer.echo(result.summary())
    show_frame(result.to_frame(), as_json=as_json)


def change_points(
    data: Data,
    penalty: Annotated[
        str, typer.Option("--penalty", help="calibrated, mbic or bic.")
    ] = "calibrated",
    trend: Annotated[
        bool, typer.Option("--trend/--no-trend", help="Whether a straight line is no change.")
    ] = True,
    unit: Unit = "uploads",
    groups: Groups = None,
    platforms: Platforms = None,
    period: Period = "month",
    instrument: Instrument = None,
    seniority_at: At = None,
    senior_after: After = "24 months",
    later: Later = "separate",
    as_json: AsJson = False,
) -> None:
    """Find dated breaks with intervals, or say that there is none.

    Example: uploadtrends change-points uploads.duckdb --platform deviantart
    """
    import uploadtrends as ut

    given = _data(data, period, platforms, instrument, seniority_at, senior_after, later)
    result = ut.change_points(
        given, penalty=penalty, trend=trend, unit=unit, groups=groups, platforms=platforms
    )
    if not as_json:
        typer.echo(result.summary())
    show_frame(result.to_frame(), as_json=as_json)


def _data(data: Path, *options: Any) -> Any:
    if data.suffix == ".duckdb":
        return _panel(data, *options)
    import pandas as pd

    from uploadtrends.errors import InputError

    try:
        frame = pd.read_csv(data)
    except FileNotFoundError:
        raise InputError("no such file", file=data, fix="check the path") from None
    except pd.errors.EmptyDataError:
        raise InputError("the file is empty", file=data, fix="give a header and rows") from None
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8", file=data, fix="save it as UTF-8") from None
    column = str(frame.columns[0])
    dates = pd.to_datetime(frame.pop(column), errors="coerce", format="mixed")
    if dates.isna().any():
        bad = pd.read_csv(data)[column][dates.isna()].iloc[0]
        raise InputError(
            "a date cannot be read", file=data, column=column, value=bad, fix="write YYYY-MM-DD"
        )
    return frame.set_index(pd.DatetimeIndex(dates)).squeeze("columns")


def _panel(
    data: Path,
    period: str,
    platforms: list[str] | None,
    instrument: str | None,
    seniority_at: str | None,
    senior_after: str,
    later: Any,
) -> Any:
    import uploadtrends as ut

    rule = None
    if seniority_at is not None:
        rule = ut.Seniority(at=seniority_at, senior_after=senior_after, later=later)
    with ut.open_store(data) as store:
        return ut.build_panel(
            store, period=period, platforms=platforms, instrument=instrument, seniority=rule
        )
