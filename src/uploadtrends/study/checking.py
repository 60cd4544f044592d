"""Which object each check of a study looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from uploadtrends.checks.check import check_class
from uploadtrends.errors import InputError
from uploadtrends.study import keys

if TYPE_CHECKING:
    from pathlib import Path

    from uploadtrends.checks import CheckOutcome
    from uploadtrends.panel import Panel
    from uploadtrends.study.cache import StepCache
    from uploadtrends.study.spec import StudySpec
    from uploadtrends.study.values import Values


def run_checks(
    spec: StudySpec,
    steps: StepCache,
    panels: Mapping[str, Panel],
    its: Any,
    values: Values,
    key_file: str | Path | None,
    begin: Callable[[tuple[CheckOutcome, ...]], None],
) -> tuple[CheckOutcome, ...]:
    """Run the study's checks, each kept by what it depends on.

    A check that applies to a panel takes that of the platform named by its setting ``platform``, or
    the main panel; every other one takes the fitted models, which know their panel. Those of panels
    come first: figures of the series show them. `begin` is given the outcomes so far whenever a
    check has to be computed.
    """
    outcomes: dict[str, CheckOutcome] = {}
    for name in sorted(spec.checks, key=lambda name: check_class(name).applies_to != "panel"):
        settings = spec.checks[name]
        options = values.section(f"checks.{name}", settings)
        on_panel = check_class(name).applies_to == "panel"
        platform = options.pop("platform", None) if on_panel else None
        panel = panel_named(f"checks.{name}", panels, platform, spec.file)
        if "events_from" in keys.section(f"checks.{name}") and its.events:
            first = min(event.date for event in its.events)
            options.setdefault("events_from", f"{first}-01"[:7])
        if "seed" in keys.section(f"checks.{name}"):
            options.setdefault("seed", spec.seed)
        if "key_file" in keys.section(f"checks.{name}") and key_file is not None:
            options.setdefault("key_file", str(key_file))
        depends = [steps.keys["panel"], options, platform]
        if not on_panel or "its" in signature(check_class(name)).parameters:
            # A check of a panel alone does not ask which events are under study.
            depends.append(steps.keys["interrupted time series"])

        def compute(name: str = name, options: Any = options, panel: Any = panel) -> CheckOutcome:
            begin(tuple(outcomes.values()))
            return _run(name, options, panel, its)

        outcomes[name] = steps.step(f"check {name}", depends, compute)
    return tuple(outcomes[name] for name in spec.checks)


def _run(name: str, options: dict[str, Any], panel: Panel, its: Any) -> CheckOutcome:
    make = check_class(name)
    if "its" in signature(make).parameters:
        options = options | {"its": its}
    return make(**options)(panel if make.applies_to == "panel" else its)


def panel_named(
    section: str, panels: Mapping[str, Panel], platform: str | None, file: Path | None
) -> Panel:
    """Return the panel that holds a platform; the main one where none is named."""
    if platform is None:
        return panels["main"]
    if platform in panels:
        return panels[platform]
    if any(key[0] == platform for key in panels["main"].keys()):
        return panels["main"]
    raise InputError(
        "the data hold no such platform",
        file=file,
        column=f"{section}.platform",
        value=platform,
        fix=f"loaded: {', '.join(sorted(set(panels) - {'main'}))}",
    )
