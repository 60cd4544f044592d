"""Further analyses that a study asks for: one section each, its keys the function's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uploadtrends.breaks import change_points
from uploadtrends.errors import InputError
from uploadtrends.study import keys
from uploadtrends.study.checking import panel_named

if TYPE_CHECKING:
    from uploadtrends.events import EventSet
    from uploadtrends.panel import Panel
    from uploadtrends.panel.ready import UnitTable
    from uploadtrends.result import Result
    from uploadtrends.study.cache import StepCache
    from uploadtrends.study.spec import StudySpec
    from uploadtrends.study.values import Values


def run_analyses(
    spec: StudySpec,
    steps: StepCache,
    panels: Mapping[str, Panel],
    events: EventSet,
    values: Values,
) -> dict[str, Result]:
    """Run the study's further analyses, each kept by what it depends on.

    A function gets what it asks for by the name of its argument: ``panel`` (the one that holds the
    setting ``platform``) or ``data``, ``events`` (the study's), ``event`` (of that id; that of the
    primary contrast by default), ``model`` (the artist model). An exposure that names one of the
    study's events is dated by it; one with a ``table`` looks at that instead of the panel.
    """
    found: dict[str, Result] = {}
    for name, settings in spec.analyses.items():
        section = keys.ANALYSES[name]
        known = keys.section(name)
        table = settings.get("table")
        options = values.section(name, {key: settings[key] for key in settings if key != "table"})
        if "seed" in known:
            options.setdefault("seed", spec.seed)
        panel: Panel | UnitTable = panel_named(name, panels, options.get("platform"), spec.file)
        if table is not None:
            panel = values.ready_table(f"{name}.table", table)
        given: dict[str, Any] = {"panel": panel, "data": panel, "history": panel, "events": events}
        given["model"] = found.get("artist_model")
        if "model" in section.without and given["model"] is None:
            raise InputError(
                f"[{name}] looks at an artist model",
                file=spec.file,
                column=name,
                fix="add the section [artist_model]",
            )
        arguments = {key: given[key] for key in section.without if key in given}
        if "event" in known:
            event = options.get("event", spec.primary["event"])
            options["event"] = events.select(ids=[event]) if event in events.ids else event
        if isinstance(named := options.get("treated_from"), str) and named in events.ids:
            options["treated_from"] = events.select(ids=[named])
        from_panel = steps.keys["panel"] if table is None else panel.fingerprint
        depends = [from_panel, options, arguments.get("events")]
        if "model" in section.without:
            depends.append(steps.keys["artist model"])
        target = section.target()

        def compute(
            target: Any = target, arguments: Any = arguments, options: Any = options
        ) -> Result:
            result: Result = target(**arguments, **options)
            return result

        found[name] = steps.step(name.replace("_", " "), depends, compute)
    return found


def danbooru_changes(
    steps: StepCache, panels: Mapping[str, Panel], settings: Mapping[str, Any]
) -> dict[str, Result]:
    """Look for changes in uploads to Danbooru, the paper's other figure, where that is loaded."""
    if "danbooru" not in panels:
        return {}
    settings = {key: value for key, value in settings.items() if key not in ("groups", "platforms")}
    return {
        "change_points_danbooru": steps.step(
            "change points on Danbooru",
            [steps.keys["panel"], settings],
            lambda: change_points(panels["danbooru"], **settings),
        )
    }
