"""The figures of a study, one list: the run, the contact sheet and the report draw from it.

Another package adds a figure with `register`, in a module that an entry point of the group
``uploadtrends.figures`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.events import EventSet, event_catalogue
from uploadtrends.figures import (
    checked,
    danbooru,
    effects,
    fitted,
    published,
    rates,
    series,
    timeline,
    works,
)
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.styling import changed
from uploadtrends.figures.dispatch import plots

GROUP = "uploadtrends.figures"
PAPER_GROUPS = {"total", "senior", "new"}
# These are drawn by figures of their own.
ELSEWHERE = {"placebo_cohorts", "published_series"}

Draws = Callable[[Any], Drawing | None]
_FIGURES: dict[str, Draws] = {}


def register(name: str, draw: Draws) -> None:
    """Add a figure to every study: run, contact sheet, report.

    Parameters
    ----------
    name : str
        File stem, unique.
    draw : callable
        ``draw(results)`` returns a `Drawing` of a `StudyResults`, or None where the study has
        nothing to draw; `InputError` counts as None. Decorate what it calls with `drawn`, so that
        it has title and source line and follows the style.

    Raises
    ------
    InputError
        If the name is taken by another figure.

    Examples
    --------
    >>> from uploadtrends.figures import gallery
    >>> gallery.register("nothing_yet", lambda results: None)
    >>> gallery.withdraw("nothing_yet")
    """
    if _FIGURES.get(name, draw) is not draw:
        raise InputError("a figure of this name is on the list", value=name, fix="take another")
    _FIGURES[name] = draw


def withdraw(name: str) -> None:
    """Take a figure off the list."""
    _FIGURES.pop(name, None)


def drawings(results: Any, width: float | str | None = None) -> dict[str, Drawing]:
    """Return every figure that data and checks of a study allow, by file stem."""
    _load()
    drawn: dict[str, Drawing] = {}
    with changed(**({} if width is None else {"width": width})):
        for name, draw in _FIGURES.items():
            with suppress(InputError):
                drawing = draw(results)
                if drawing is not None:
                    drawn[name] = drawing
        for name, result in results.analyses.items():
            with suppress(InputError):  # not every kind of result has a drawing
                drawn |= plots(name, result)
        drawn |= _checks(results)
    return drawn


@cache
def _load() -> None:
    for entry in entry_points(group=GROUP):
        entry.load()


def _drawing(figure: Any) -> Drawing:
    if not isinstance(figure, Drawing):
        raise InputError("this is no drawing", value=type(figure).__name__)
    return figure


def _marked(results: Any) -> Any:
    return results.events + results.confounders


def _figure1(results: Any) -> Drawing | None:
    if not {group for _, group in results.panel.keys()} >= PAPER_GROUPS:
        return None
    return published.figure1(results.panel, _marked(results))


def _its(results: Any) -> Drawing:
    facts = results.check("published_series")
    known = facts if facts is not None and len(facts.to_frame()) else None
    return _drawing(fitted.plot_its(results.its, breaks=results.breaks, facts=known))


def _figure2(results: Any) -> Drawing | None:
    if "danbooru" not in results.panels:
        return None
    clock = results.clocks.get("danbooru")
    return danbooru.figure2(
        results.panels["danbooru"],
        _marked(results),
        anchors=clock.times() if clock is not None else None,
    )


def _pixiv(results: Any) -> Drawing | None:
    clock = results.clocks.get("pixiv")
    if clock is None:
        return None
    # What happened everywhere would bury what happened there.
    there = [event for event in event_catalogue() if "pixiv" in event.platforms]
    shown = EventSet({event.id: event for event in (*_marked(results), *there)}.values())
    return rates.upload_rates(clock, shown)


def _figure3(results: Any) -> Drawing | None:
    outcome = results.check("placebo_cohorts")
    if outcome is None or not _can_be_drawn(outcome):
        return None
    return checked.figure3_placebo_cohorts(outcome)


def _event_study(results: Any) -> Drawing | None:
    table = results.its.effects
    horizons = table["term"].str.fullmatch(r"effect_\d+m")
    if not table["estimate"][horizons].notna().any():
        return None
    return effects.event_study(results.its)


def _with_works(results: Any) -> bool:
    return any(results.panel.has_artists(platform) for platform, _ in results.panel.keys())


def _checks(results: Any) -> Mapping[str, Drawing]:
    stated = tuple(results.primary[key] for key in ("platform", "group", "event"))
    drawn = {}
    for outcome in results.checks:
        if outcome.name in ELSEWHERE or not _can_be_drawn(outcome):
            continue
        with suppress(InputError):
            if outcome.name == "specification_curve":
                drawing = checked.specification_curve(outcome, contrast=stated)
            else:
                drawing = checked.draw(outcome)
            drawn[f"check_{outcome.name}"] = drawing
    return drawn


def _can_be_drawn(outcome: Any) -> bool:
    has_layers = any(len(layer) for layer in outcome.figure_data.values())
    return outcome.status != "not applicable" and has_layers


register("figure1", _figure1)
register("interrupted_time_series", _its)
register("figure2", _figure2)
register("upload_rates_pixiv", _pixiv)
register("figure3_placebo_cohorts", _figure3)
register("effects", lambda results: effects.forest(results.shown_effects))
register("event_study", _event_study)
register("change_points", lambda results: _drawing(series.plot_change_points(results.breaks)))
register("matches", lambda results: checked.matching(results.matches))
register("event_timeline", lambda results: timeline.event_timeline(_marked(results)))
register(
    "delisted", lambda results: works.delisted(results.panel) if _with_works(results) else None
)
register(
    "ai_share", lambda results: works.ai_share(results.panel) if _with_works(results) else None
)
