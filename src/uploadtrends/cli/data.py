"""Commands that bring data in: load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.show import AsJson, show_record

StorePath = Annotated[Path, typer.Option("--store", help="The store (.duckdb); made when absent.")]
DEFAULT_STORE = Path("data/derived/uploads.duckdb")


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(load)


def load(
    source: Annotated[
        str,
        typer.Argument(help="bundled, series, table, id_clock, danbooru2023 or kblueleaf."),
    ],
    path: Annotated[Path, typer.Argument(help="The file.")],
    store: StorePath = DEFAULT_STORE,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column", help="field=column of the file, for table and series; repeatable."
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", help="name=value of the source, such as platform=mysite."),
    ] = None,
    max_rejects: Annotated[
        float, typer.Option("--max-rejects", help="Share (below 1) or number of bad rows allowed.")
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Load a file into the store; loading it again changes nothing.

    Example: uploadtrends load table works.csv --option platform=mysite
    --column artist_id=author --column upload_id=id --column published_at=posted
    """
    from uploadtrends.cli.progress import load_display
    from uploadtrends.store import open_store
    from uploadtrends.study.sources import make_source

    given: dict[str, Any] = _pairs(options, "--option")
    if columns:
        given["columns"] = _pairs(columns, "--column")
    made = make_source(source, path, given)
    store.parent.mkdir(parents=True, exist_ok=True)
    limit = max_rejects if max_rejects < 1 else int(max_rejects)
    with open_store(store, read_only=False) as opened, load_display(quiet=as_json) as progress:
        report = opened.load(made, max_rejects=limit, progress=progress)
    if as_json:
        show_record(report.to_dict(), as_json=True)
    else:
        typer.echo(report.summary())


def _pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    pairs = {}
    for text in given or []:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise typer.BadParameter(f"{flag} wants name=value, not '{text}'")
        pairs[name] = value
    return pairs
