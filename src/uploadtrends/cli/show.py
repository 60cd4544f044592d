"""What the commands print: tables, errors, progress; and the exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from uploadtrends.brief import cell, short_table
from uploadtrends.cli.flags import in_command
from uploadtrends.cli.write import write_frame

if TYPE_CHECKING:
    import pandas as pd

DONE, ERROR, USAGE, INCOMPLETE, CHECK_FAILED = 0, 1, 2, 3, 4


def complain(message: str) -> None:
    """Print an error to standard error; settings are said as flags."""
    typer.secho(f"error: {in_command(message)}", fg=typer.colors.RED, err=True)


def show_frame(frame: pd.DataFrame, *, as_json: bool, title: str | None = None) -> None:
    """Print a table, or JSON records."""
    if as_json:
        typer.echo(frame.to_json(orient="records", date_format="iso", indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "fiu"
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    # A pipe has no width: give the table room instead of folding every cell.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def show_result(
    frame: pd.DataFrame,
    *,
    as_json: bool,
    out: Path | None = None,
    words: str = "",
    where: str = "--out FILE (.csv, .parquet, .xlsx, .json)",
) -> None:
    """Print words and a table in few columns, or all of it as JSON or into a file."""
    if out is not None:
        write_frame(frame, out)
        typer.echo(f"{len(frame)} rows in {out}", err=True)
        return
    if as_json:
        show_frame(frame, as_json=True)
        return
    if words:
        typer.echo(words)
    short = short_table(frame)
    show_frame(frame if short is None else short, as_json=False)
    typer.echo(f"All columns: {where}, or --json.")


def show_record(record: dict[str, Any], *, as_json: bool) -> None:
    """Print names and values, one a line, or JSON."""
    if as_json:
        typer.echo(json.dumps(record, indent=2, default=str))
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        typer.echo(f"{name:<{width}}  {value}")


def _cell(value: Any) -> str:
    from rich.markup import escape

    return escape(cell(value))
