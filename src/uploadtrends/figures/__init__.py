"""Results as pictures. Nothing here estimates anything.

Every function returns a `Drawing`: a matplotlib figure that carries the numbers it shows
(``data``), a caption and a text alternative. `save` writes it as SVG and PNG.
"""

from __future__ import annotations

from uploadtrends.figures.canvas.drawing import Drawing, drawn, render, save
from uploadtrends.figures.canvas.styling import style
from uploadtrends.figures.canvas.words import words
from uploadtrends.figures.checked import (
    decomposition,
    figure3_placebo_cohorts,
    placebo_distribution,
    specification_curve,
    survivorship,
)
from uploadtrends.figures.contact import contact_sheet
from uploadtrends.figures.counted import plot_panel
from uploadtrends.figures.danbooru import figure2
from uploadtrends.figures.diagnostics import plot_diagnostics
from uploadtrends.figures.dispatch import plot, plots
from uploadtrends.figures.effects import forest
from uploadtrends.figures.fitted import figure1_tested, plot_its
from uploadtrends.figures.gallery import register
from uploadtrends.figures.horizons import event_study
from uploadtrends.figures.published import figure1
from uploadtrends.figures.rates import upload_rates
from uploadtrends.figures.series import plot_change_points
from uploadtrends.figures.timeline import event_timeline
from uploadtrends.figures.works import ai_share, delisted

__all__ = [
    "Drawing",
    "ai_share",
    "contact_sheet",
    "decomposition",
    "delisted",
    "drawn",
    "event_study",
    "event_timeline",
    "figure1",
    "figure1_tested",
    "figure2",
    "figure3_placebo_cohorts",
    "forest",
    "placebo_distribution",
    "plot",
    "plot_change_points",
    "plot_diagnostics",
    "plot_its",
    "plot_panel",
    "plots",
    "register",
    "render",
    "save",
    "specification_curve",
    "style",
    "survivorship",
    "upload_rates",
    "words",
]
