"""Commands about whole studies: run, new, report, figures, checks, events, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.show import CHECK_FAILED, AsJson, show_frame

StudyFile = Annotated[Path, typer.Argument(help="A study file (TOML).")]
Out = Annotated[Path, typer.Option("--out", help="Folder for everything the study writes.")]
Event = Annotated[
    str | None,
    typer.Option("--event", help="Add an event on this date (YYYY-MM-DD or YYYY-MM)."),
]
Label = Annotated[str, typer.Option("--label", help="What happened on the added date.")]
DEFAULT_OUT = Path("data/derived")


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    for command in (run, new, figures, report, checks, events, doctor):
        app.command()(command)


def run(
    study: StudyFile,
    out: Out = DEFAULT_OUT,
    event: Event = None,
    label: Label = "",
    fail_on_check: Annotated[
        bool, typer.Option("--fail-on-check", help="Exit with 4 if a check failed.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
) -> None:
    """Run a study: load, estimate, check, draw, report.

    Example: uploadtrends run studies/precipice.toml --event 2023-05-15 --label "My event"
    """
    results = _run(study, out, event, label, quiet=quiet)
    written = results.save(out)
    if not quiet:
        typer.echo(results.summary())
        typer.echo(f"\nWritten to {out}: {len(written)} files. Open {out / 'report.html'}")
    if fail_on_check and any(outcome.status == "failed" for outcome in results.checks):
        raise typer.Exit(CHECK_FAILED)


def _run(study: Path, out: Path, event: str | None, label: str, *, quiet: bool) -> Any:
    from uploadtrends.cli.progress import step_display
    from uploadtrends.study import Study

    loaded = Study.load(study)
    if event is not None:
        loaded = loaded.with_event(event, label)
    with step_display(out, quiet=quiet) as announce:
        return loaded.run(out, announce=announce)


def new(
    study: Annotated[Path, typer.Argument(help="The study file to write; must not exist.")],
) -> None:
    """Write a commented template of a study file.

    Example: uploadtrends new my_study.toml
    """
    from uploadtrends.study import write_template

    write_template(study)
    typer.echo(f"Wrote {study}. Edit it, then: uploadtrends run {study}")


def figures(
    study: StudyFile, out: Out = DEFAULT_OUT, event: Event = None, label: Label = ""
) -> None:
    """Run a study and write its figures only.

    Example: uploadtrends figures studies/precipice.toml --out data/derived
    """
    for path in _run(study, out, event, label, quiet=False).save_figures(out / "figures"):
        typer.echo(path)


def report(
    study: StudyFile, out: Out = DEFAULT_OUT, event: Event = None, label: Label = ""
) -> None:
    """Run a study and write its report only: one HTML page that needs nothing else.

    Example: uploadtrends report studies/precipice.toml --out data/derived
    """
    typer.echo(_run(study, out, event, label, quiet=False).save_report(out))


def checks(
    study: StudyFile,
    out: Out = DEFAULT_OUT,
    fail_on_check: Annotated[
        bool, typer.Option("--fail-on-check", help="Exit with 4 if a check failed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a study and print what its checks found.

    Example: uploadtrends checks studies/precipice.toml --fail-on-check
    """
    results = _run(study, out, None, "", quiet=as_json)
    show_frame(results.checks_frame(), as_json=as_json)
    if fail_on_check and any(outcome.status == "failed" for outcome in results.checks):
        raise typer.Exit(CHECK_FAILED)


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
