"""Self-consuming loops as a page of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uploadtrends.figures.canvas.sheet import COLUMN_WIDTH
from uploadtrends.figures.dispatch import plots
from uploadtrends.report import loops
from uploadtrends.report.inline import figure_html
from uploadtrends.report.page import section_html, write_page


def write_loops(study: Any, path: str | Path) -> Path:
    """Write a `LoopStudy` as one HTML page that needs nothing but itself.

    Parameters
    ----------
    study : LoopStudy
    path : path

    Returns
    -------
    pathlib.Path
        The page: words, what they mean and what they do not, figures and tables.
    """
    wide, narrow = plots("loop", study), plots("loop", study, width=COLUMN_WIDTH)
    body = loops.section(study, lambda name: figure_html(name, wide[name], narrow[name]))
    heading = "What the loops did"
    return write_page(
        Path(path),
        "Self-consuming loops",
        "Does art made from art made by machines converge, degrade, lose its variety? Two loops on "
        "real handwritten digits.",
        {"loop": heading},
        section_html("loop", heading, body),
        study.call.package_version,
    )
