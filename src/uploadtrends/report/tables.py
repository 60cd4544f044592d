"""Tables of the report: HTML in the page, CSV, Markdown and LaTeX beside it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from uploadtrends.brief import csv_text
from uploadtrends.result import Result


@dataclass(frozen=True)
class Table(Result):
    """A plain table with the exports that every result has."""

    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.frame

    def summary(self) -> str:
        """Return the size of the table in words."""
        return f"{len(self.frame)} rows"


def cell(value: Any) -> str:
    """Return a value as a reader wants to see it; empty where it is missing."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return str(value)


def html_table(table: pd.DataFrame, caption: str, *, most: int = 400) -> str:
    """Return an accessible HTML table; only the first `most` rows, and it says so."""
    shown = table.head(most)
    kinds = [_kind(shown[name]) for name in table.columns]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(str(name).replace("_", " "))}</th>'
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{html.escape(cell(value))}</td>"
            for value, kind in zip(row, kinds, strict=True)
        )
        + "</tr>"
        for row in shown.itertuples(index=False)
    )
    if len(table) > most:
        caption += f" (the first {most} of {len(table)} rows; the download has all)"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f"<table><caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _kind(column: pd.Series) -> str:
    """Return the class of a column: numbers stand right, sentences get room."""
    if pd.api.types.is_numeric_dtype(column):
        return ' class="number"'
    return ' class="long"' if column.map(lambda value: len(cell(value))).max() > 60 else ""


def downloads(name: str, table: pd.DataFrame) -> str:
    """Return links to the table as CSV, Markdown and LaTeX, held in the page itself."""
    links = []
    for label, kind, text in (
        ("CSV", "text/csv", csv_text(table)),
        ("Markdown", "text/markdown", Table(table).to_markdown()),
        ("LaTeX", "application/x-tex", Table(table).to_latex()),
    ):
        suffix = {"CSV": "csv", "Markdown": "md", "LaTeX": "tex"}[label]
        coded = base64.b64encode(text.encode()).decode()
        links.append(
            f'<a download="{name}.{suffix}" href="data:{kind};charset=utf-8;base64,{coded}">'
            f"{label}</a>"
        )
    return f'<p class="downloads">Download: {", ".join(links)}</p>'


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write every table as CSV, Markdown and LaTeX and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in tables.items():
        for suffix, text in (
            ("csv", csv_text(table)),
            ("md", Table(table).to_markdown()),
            ("tex", Table(table).to_latex()),
        ):
            path = folder / f"{name}.{suffix}"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    return paths
