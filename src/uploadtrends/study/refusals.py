"""What a study file says wrong is refused before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError
from uploadtrends.events import event_catalogue
from uploadtrends.study import keys
from uploadtrends.study.values import events_named, plain

if TYPE_CHECKING:
    from uploadtrends.events import EventSet
    from uploadtrends.study.spec import StudySpec

_FROM_EFFECTS = re.compile(r"effect_(\d+m|end)|cumulative")


def refuse_early(spec: StudySpec, events: EventSet) -> StudySpec:
    """Return the study with its primary event as an id, or raise what can be known by now.

    Raises
    ------
    InputError
        If the primary contrast names an event, platform or term that cannot be, or a setting of
        the seniority rule, the models, or a check has a value that it cannot take.
    """
    import uploadtrends as ut

    event_catalogue(ids=spec.events.get("confounders", ()))
    for key in ("confounders", "instrument_breaks"):
        events_named(spec.model.get(key, ()))
    stated = dict(spec.primary)
    stated["event"] = event_id(events, stated["event"], spec)
    _platform(spec)
    _term(spec)
    if spec.seniority:
        ut.Seniority(**spec.seniority)
    _settings(spec)
    _checks(spec)
    return replace(spec, primary=stated)


def event_id(events: EventSet, wanted: str, spec: StudySpec) -> str:
    """Return the id of an event of the study that is named by its id or its label."""
    if wanted in events.ids:
        return wanted
    labelled = [event.id for event in events if event.label == wanted]
    if len(labelled) == 1:
        return labelled[0]
    names = {name: event for event in events for name in (event.id, event.label)}
    near = get_close_matches(wanted, names, n=1, cutoff=0.5)
    known = "; ".join(dict.fromkeys(f"{event.id} ('{event.label}')" for event in events))
    if labelled:
        raise InputError(
            "several events of the study bear this label",
            file=spec.file,
            column="primary.event",
            value=wanted,
            fix=f"use an id: {', '.join(labelled)}",
        )
    raise InputError(
        "the primary contrast is not among the estimates: the study has no such event",
        file=spec.file,
        column="primary.event",
        value=wanted,
        fix=f"{f'did you mean {near[0]!r}? ' if near else ''}use an id or a label: {known}",
    )


def _platform(spec: StudySpec) -> None:
    named = spec.panel.get("platforms")
    if named and spec.primary["platform"] not in ([named] if isinstance(named, str) else named):
        raise InputError(
            "the primary contrast is not among the estimates: the panel leaves its platform out",
            file=spec.file,
            column="primary.platform",
            value=spec.primary["platform"],
            fix=f"one of [panel] platforms: {', '.join(named)}",
        )


def _term(spec: StudySpec) -> None:
    from uploadtrends.models.terms import TERMS

    term = spec.primary["term"]
    fitted = tuple(spec.model.get("terms", ("level", "slope")))
    if term in fitted or _FROM_EFFECTS.fullmatch(term):
        return
    known = ", ".join([*fitted, "effect_12m", "effect_end", "cumulative"])
    raise InputError(
        "the primary contrast is not among the estimates: the model has no such term"
        if term in TERMS
        else "there is no such term",
        file=spec.file,
        column="primary.term",
        value=term,
        fix=f"one of {known}, or name it in [model] terms",
    )


def _settings(spec: StudySpec) -> None:
    """Let the models look at their settings."""
    from uploadtrends.models.settings import Settings

    known = signature(Settings).parameters
    Settings(**{key: plain(v) for key, v in _plain(spec.model) if key in known})


def _checks(spec: StudySpec) -> None:
    """Make every check whose settings do not wait for the data."""
    from uploadtrends.checks.check import check_class

    for name, settings in spec.checks.items():
        made, known = check_class(name), keys.section(f"checks.{name}")
        needed = {key for key, setting in known.items() if setting.required}
        given = {key: plain(value) for key, value in _plain(settings)}
        if made.applies_to == "panel":
            given.pop("platform", None)
        parameters = signature(made).parameters
        if "its" in parameters:
            given["its"] = None
        if needed <= set(given) | {"platform"} and len(_plain(settings)) == len(settings):
            made(**given)


def _plain(settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the settings that name no data."""
    waits = ("confounders", "instrument_breaks")  # events, which are read on their own
    return [
        (key, value)
        for key, value in settings.items()
        if not isinstance(value, Mapping) and key not in waits
    ]
