"""The command about artists who are exposed, each at a time of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.options import (
    AsJson,
    Further,
    PanelOptions,
    command,
    further_settings,
)
from uploadtrends.cli.show import show_result


@command
def exposure(
    data: Annotated[
        Path,
        typer.Argument(help="A store (.duckdb) with artists; or, with --unit, a ready table."),
    ],
    options: PanelOptions,
    treated_from: Annotated[
        str,
        typer.Option(
            "--treated-from",
            help="A table (CSV, ...) with artist_id and treated_from; or an event of the "
            "catalogue that names its platforms; or a rule: 'first AI upload', joined_at. Of a "
            "ready table, a column: the first treated period, or 0 and 1.",
        ),
    ] = "first AI upload",
    match_on: Annotated[
        list[str] | None,
        typer.Option("--match-on", help="tenure, uploads_last_6m, ...; repeatable."),
    ] = None,
    outcomes: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="uploads, active, silent, removals, ai_share; repeatable."),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option("--method", help="auto, poisson, imputation, ..., twfe; repeatable."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            help="DATA is a table with one row per unit (this column) and period (the column "
            "--period); outcomes are columns of numbers.",
        ),
    ] = None,
    frequency: Annotated[
        str | None, typer.Option("--frequency", help="Of a ready table's dates, where unclear.")
    ] = None,
    further: Further = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for figure, tables and words.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare exposed with other artists: effects by outcome and method, with their tests.

    Example: uploadtrends exposure uploads.duckdb --treated-from adopters.csv --match-on tenure

    A ready table: uploadtrends exposure t.csv --unit id --period t --treated-from g --outcome y
    """
    import uploadtrends as ut

    known = ("panel", "treated_from", "match_on", "outcomes", "methods", "platform")
    settings = further_settings(further, ut.exposure_study, known)
    for name, given in (("match_on", match_on), ("outcomes", outcomes), ("methods", methods)):
        if given:
            settings[name] = tuple(given)
    platforms = options.platforms or []
    found = ut.exposure_study(
        options.build(data) if unit is None else _ready(data, options, unit, frequency),
        _given(treated_from) if unit is None else treated_from,
        platform=platforms[0] if len(platforms) == 1 else None,
        **settings,
    )
    if out is not None:
        for path in _saved(found, out):
            typer.echo(f"written: {path}", err=True)
    table = found.to_frame()
    show_result(table, as_json=as_json, words=found.summary(), where="--out FOLDER")


def _ready(table: Path, options: PanelOptions, unit: str, frequency: str | None) -> Any:
    """Return a ready table; what only a store has is refused."""
    import uploadtrends as ut

    if replace(options, period=PanelOptions.period) != PanelOptions():
        raise typer.BadParameter(
            "a ready table has neither platforms nor seniority: with --unit only --period, its "
            "column, is taken"
        )
    return ut.panel_from_table(table, unit=unit, period=options.period, frequency=frequency)


def _given(said: str) -> Any:
    """Return a table where a file is named, an event where one is, else the rule."""
    import uploadtrends as ut
    from uploadtrends.sources.frames import read_table

    if said.endswith(".csv") or Path(said).is_file():
        return read_table(said, ids=["artist_id", "platform"])
    catalogue = ut.event_catalogue()
    return catalogue.select(ids=[said]) if said in catalogue.ids else said


def _saved(found: Any, out: Path) -> list[Path]:
    from uploadtrends import figures, report

    out.mkdir(parents=True, exist_ok=True)
    written = list(figures.save(found.plot(), out / "exposure"))
    written += report.write_tables(found.tables(), out)
    words = out / "exposure.txt"
    words.write_text(found.summary() + "\n", encoding="utf-8")
    return [*written, words]
