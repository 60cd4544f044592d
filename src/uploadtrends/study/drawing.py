"""Which figures a study draws: those its data and checks allow."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from uploadtrends.checks import CheckOutcome
    from uploadtrends.figures import Drawing
    from uploadtrends.study.results import StudyResults

PAPER_GROUPS = {"total", "senior", "new"}
# These have a figure of their own.
ELSEWHERE = {"placebo_cohorts", "published_series"}


def draw(results: StudyResults, width: float | None = None) -> dict[str, Drawing]:
    """Return the figures by file name, in the order of the contact sheet.

    Parameters
    ----------
    results : StudyResults
    width : float, optional
        In inches; each figure has a default.
    """
    from uploadtrends import figures

    sized: dict[str, Any] = {} if width is None else {"width": width}
    drawn: dict[str, Drawing] = {}
    marked = results.events + results.confounders
    groups = {group for _, group in results.panel.keys()}
    if groups >= PAPER_GROUPS:
        drawn["figure1"] = figures.figure1(results.panel, marked, **sized)
        drawn["figure1_tested"] = figures.figure1_tested(
            results.panel,
            results.its,
            results.breaks,
            results.events,
            results.check("published_series"),
            **sized,
        )
    if "danbooru" in results.panels:
        drawn["figure2"] = figures.figure2(
            results.panels["danbooru"], marked, anchors=_anchors(results), **sized
        )
    cohorts = results.check("placebo_cohorts")
    if cohorts is not None and _can_be_drawn(cohorts):
        drawn["figure3_placebo_cohorts"] = figures.figure3_placebo_cohorts(cohorts, **sized)
    drawn["effects"] = figures.forest(results.its, **sized)
    horizons = results.its.effects["term"].str.fullmatch(r"effect_\d+m")
    if results.its.effects["estimate"][horizons].notna().any():
        drawn["event_study"] = figures.event_study(results.its, **sized)
    drawn["interrupted_time_series"] = figures.plot_its(results.its, **sized)
    drawn["change_points"] = figures.plot_change_points(results.breaks, **sized)
    drawn["matches"] = figures.plot(results.matches, **sized)
    drawn["event_timeline"] = figures.event_timeline(marked, **sized)
    if any(results.panel.has_artists(platform) for platform, _ in results.panel.keys()):
        for name, draw_works in (("delisted", figures.delisted), ("ai_share", figures.ai_share)):
            # Both need what many sources do not tell: a second crawl, a label.
            with suppress(InputError):
                drawn[name] = draw_works(results.panel, **sized)
    stated = tuple(results.primary[key] for key in ("platform", "group", "event"))
    for outcome in results.checks:
        if outcome.name in ELSEWHERE or not _can_be_drawn(outcome):
            continue
        if outcome.name == "specification_curve":
            drawing = figures.specification_curve(outcome, contrast=stated, **sized)
        else:
            drawing = figures.plot(outcome, **sized)
        drawn[f"check_{outcome.name}"] = drawing
    return drawn


def _can_be_drawn(outcome: CheckOutcome) -> bool:
    has_layers = any(len(layer) for layer in outcome.figure_data.values())
    return outcome.status != "not applicable" and has_layers


def _anchors(results: StudyResults) -> Any:
    """Return the times of the dated posts behind the id clock, if the study has one."""
    import pandas as pd

    for entry in results.study.spec.data:
        if entry.path.name == "danbooru_id_dates.csv":
            return pd.read_csv(entry.path)["created_at_utc"]
    return None
