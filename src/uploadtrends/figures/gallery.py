"""The figures of a study, one list: the run, the contact sheet and the report draw from it.

Another package adds a figure with `register`, in a module that an entry point of the group
``uploadtrends.figures`` names.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from typing import Any

from uploadtrends.checks.check import check_class, check_names
from uploadtrends.errors import InputError
from uploadtrends.events import EventSet, event_catalogue
from uploadtrends.figures import (
    checked,
    danbooru,
    effects,
    fitted,
    horizons,
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


@dataclass(frozen=True)
class Entry:
    """What is drawn together.

    Parameters
    ----------
    name : str
        Unique among the entries of a study.
    draw : callable
        ``draw(results)`` returns drawings by file stem; none where there is nothing to draw.
    ours : bool
        Whether all code that draws it is of this package, so that its fingerprint tells of it.
    """

    name: str
    draw: Callable[[Any], dict[str, Drawing]]
    ours: bool


def entries(results: Any) -> list[Entry]:
    """Return what there is to draw of a study, in the order of its pages."""
    _load()
    found = [
        Entry(name, partial(_registered, name, draw), _ours(draw))
        for name, draw in _FIGURES.items()
    ]
    found += [
        Entry(f"analysis {name}", partial(_analysis, name), _ours(type(result)))
        for name, result in results.analyses.items()
    ]
    return found + [
        Entry(f"check {one.name}", partial(_check, one.name), _ours(_maker(one)))
        for one in results.checks
        if one.name not in ELSEWHERE
    ]


def drawings(results: Any, width: float | str | None = None) -> dict[str, Drawing]:
    """Return every figure that data and checks of a study allow, by file stem."""
    drawn: dict[str, Drawing] = {}
    with changed(**({} if width is None else {"width": width})):
        for entry in entries(results):
            drawn |= entry.draw(results)
    return drawn


def _ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "uploadtrends"


def _maker(outcome: Any) -> Any:
    """Return the class of the check that found an outcome; None where it is not known here."""
    return check_class(outcome.name) if outcome.name in check_names() else None


def _registered(name: str, draw: Draws, results: Any) -> dict[str, Drawing]:
    with suppress(InputError):
        drawing = draw(results)
        return {} if drawing is None else {name: drawing}
    return {}


def _analysis(name: str, results: Any) -> dict[str, Drawing]:
    with suppress(InputError):  # not every kind of result has a drawing
        return plots(name, results.analyses[name])
    return {}


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


def _by_month(results: Any) -> Drawing | None:
    monthly = results.its.monthly
    return None if monthly is None else _drawing(fitted.plot_its(monthly))


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
    later = table["term"].str.fullmatch(r"effect_\d+m")
    if not table["estimate"][later].notna().any():
        return None
    return horizons.event_study(results.its)


def _with_works(results: Any) -> bool:
    return any(results.panel.has_artists(platform) for platform, _ in results.panel.keys())


def _check(name: str, results: Any) -> dict[str, Drawing]:
    outcome = results.check(name)
    if not _can_be_drawn(outcome):
        return {}
    with suppress(InputError):
        if name == "specification_curve":
            curve = checked.specification_curve(outcome, contrast=results.stated)
            return {f"check_{name}": curve}
        return {f"check_{name}": checked.draw(outcome)}
    return {}


def _can_be_drawn(outcome: Any) -> bool:
    has_layers = any(len(layer) for layer in outcome.figure_data.values())
    return outcome.status != "not applicable" and has_layers


register("figure1", _figure1)
register("interrupted_time_series", _its)
register("interrupted_time_series_by_month", _by_month)
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
