"""Which figures a study draws: those its data and checks allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uploadtrends.figures import Drawing
    from uploadtrends.study.results import StudyResults

PAPER_GROUPS = {"total", "senior", "new"}


def draw(results: StudyResults) -> dict[str, Drawing]:
    """Return the figures by file name, in the order of the contact sheet."""
    from uploadtrends import figures

    drawn: dict[str, Drawing] = {}
    marked = results.events + results.confounders
    groups = {group for _, group in results.panel.keys()}
    if groups >= PAPER_GROUPS:
        drawn["figure1"] = figures.figure1(results.panel, marked)
        drawn["figure1_tested"] = figures.figure1_tested(
            results.panel,
            results.its,
            results.breaks,
            results.events,
            results.check("published_series"),
        )
    if "danbooru" in results.panels:
        drawn["figure2"] = figures.figure2(results.panels["danbooru"], marked)
    cohorts = results.check("placebo_cohorts")
    if cohorts is not None and cohorts.status != "not applicable":
        drawn["figure3_placebo_cohorts"] = figures.figure3_placebo_cohorts(cohorts)
    drawn["effects"] = figures.forest(results.its)
    drawn["interrupted_time_series"] = figures.plot(results.its)
    drawn["change_points"] = figures.plot(results.breaks)
    drawn["matches"] = figures.plot(results.matches)
    drawn["event_timeline"] = figures.event_timeline(marked)
    for outcome in results.checks:
        shown_already = outcome.name in ("placebo_cohorts", "published_series")
        if outcome.status != "not applicable" and outcome.figure_data and not shown_already:
            drawn[f"check_{outcome.name}"] = figures.plot(outcome)
    return drawn
