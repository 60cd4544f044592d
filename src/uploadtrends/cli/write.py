"""Tables into files: CSV, Parquet, Excel or JSON, as the name of the file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uploadtrends.brief import csv_text
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet", ".xlsx", ".json")


def require_suffix(path: Path | None) -> None:
    """Refuse the name of a file that says no format, before anything is computed.

    Raises
    ------
    InputError
        With the ones that there are.
    """
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise InputError(
            "the name of the file says in which form to write",
            column="--out",
            value=str(path),
            fix=f"end it in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}",
        )


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write every row and column of a table; no text in it is run by a spreadsheet."""
    require_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower()
    if kind == ".csv":
        path.write_text(csv_text(frame), encoding="utf-8")
    elif kind == ".json":
        text = str(frame.to_json(orient="records", date_format="iso", indent=2))
        path.write_text(text + "\n", encoding="utf-8")
    elif kind == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        _write_excel(frame, path)


def _write_excel(frame: pd.DataFrame, path: Path) -> None:
    try:
        import xlsxwriter
    except ImportError:
        raise InputError(
            "Excel files need a package that is not installed",
            column="--out",
            value=str(path),
            fix="pip install 'uploadtrends[excel]', or write .csv",
        ) from None
    import polars as pl

    plain = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(str(path), plain) as book:
        pl.from_pandas(frame).write_excel(book, "results", autofit=True, freeze_panes=(1, 0))
