"""Commands about whole studies: run, new, report, figures, checks, events, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.options import AsJson, StudyOptions, command
from uploadtrends.cli.show import CHECK_FAILED, show_frame, show_result
from uploadtrends.cli.write import require_suffix

StudyFile = Annotated[
    Path, typer.Argument(help="A study file (TOML), or one that is built in: precipice, pixiv.")
]
FailOnCheck = Annotated[
    bool, typer.Option("--fail-on-check", help="Exit with 4 if a check failed.")
]


@command
def run(
    study: StudyFile,
    options: StudyOptions,
    fail_on_check: FailOnCheck = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
) -> None:
    """Run a study: load, estimate, check, draw, report.

    Example: uploadtrends run precipice --event 2023-05-15 --label "My event"
    """
    results, out = options.run(study, quiet=quiet, answer=None if quiet else _say, drawn=True)
    written = results.save(out, replace=options.replace)
    if not quiet:
        typer.echo(results.rest_of_summary())
        typer.echo(f"\nWritten to {out}: {len(written)} files. Open {out / 'report.html'}")
    if fail_on_check and any(outcome.status == "failed" for outcome in results.checks):
        raise typer.Exit(CHECK_FAILED)


def _say(answers: Any) -> None:
    """Print what is known about added dates; the rest of the run follows."""
    for one in answers:
        typer.echo(f"{one.summary()}\n")


@command
def new(
    study: Annotated[Path, typer.Argument(help="The study file to write; must not exist.")],
) -> None:
    """Write a commented template of a study file.

    Example: uploadtrends new my_study.toml
    """
    from uploadtrends.study import write_template

    write_template(study)
    typer.echo(f"Wrote {study}. Edit it, then: uploadtrends run {study}")


@command
def figures(study: StudyFile, options: StudyOptions) -> None:
    """Run a study and write its figures only.

    Example: uploadtrends figures precipice --out my_folder
    """
    results, out = options.run(study, quiet=False, answer=_say, drawn=True)
    for path in results.save_figures(out / "figures"):
        typer.echo(path)


@command
def report(study: StudyFile, options: StudyOptions) -> None:
    """Run a study and write its report only: one HTML page that needs nothing else.

    Example: uploadtrends report precipice --out my_folder
    """
    results, out = options.run(study, quiet=False, answer=_say, drawn=True)
    typer.echo(results.save_report(out))


@command
def checks(
    study: StudyFile,
    options: StudyOptions,
    fail_on_check: FailOnCheck = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Write the table into .csv, .parquet, .xlsx or .json."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a study and print what its checks found.

    Example: uploadtrends checks studies/precipice.toml --fail-on-check
    """
    require_suffix(table)
    results, _ = options.run(study, quiet=as_json, answer=None if as_json else _say)
    where = "--table FILE (.csv, .parquet, .xlsx, .json)"
    show_result(results.checks_frame(), as_json=as_json, out=table, where=where)
    if fail_on_check and any(outcome.status == "failed" for outcome in results.checks):
        raise typer.Exit(CHECK_FAILED)


@command
def events(
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only these ids.")] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", help="Only these categories.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Only what concerns this platform.")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="From this date on.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Up to this date.")] = None,
    verified: Annotated[
        bool, typer.Option("--verified/--all", help="Leave out events without a dated source.")
    ] = True,
    near: Annotated[
        str | None, typer.Option("--near", help="Neighbours of this date: 90 days either side.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read events from this CSV instead.")
    ] = None,
    crowding: Annotated[
        bool,
        typer.Option("--crowding", help="Show which events monthly data cannot tell apart."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the catalogue's events, or your own.

    Example: uploadtrends events --near 2022-11-11 --platform deviantart
    """
    from uploadtrends.events import event_catalogue, read_events

    chosen = (
        read_events(file).select(ids, category, platform, start, end, near=near)
        if file is not None
        else event_catalogue(
            ids, category, platform, start, end, True if verified else None, near=near
        )
    )
    if not crowding:
        frame = chosen.to_frame()
        if near is not None:
            frame.insert(2, "days_away", [event.days_from(near) for event in chosen])
        if not as_json:  # sources and remarks fill screens; --json has them
            frame = frame.drop(columns=["precision", "source", "note"])
        show_frame(frame, as_json=as_json, title=f"{len(chosen)} events")
        return
    from uploadtrends.events.crowding import crowding_frame

    show_frame(crowding_frame(chosen), as_json=as_json)


@command
def doctor(
    study: Annotated[
        Path, typer.Option("--study", help="The study whose data to look for.")
    ] = Path("studies/precipice.toml"),
    as_json: AsJson = False,
) -> None:
    """Print versions, the data found, and what is missing and how to get it.

    Example: uploadtrends doctor
    """
    from uploadtrends.study import examine

    show_frame(examine(study), as_json=as_json)
