"""Which object each check of a study looks at."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from uploadtrends.checks import CheckOutcome
    from uploadtrends.panel import Panel
    from uploadtrends.study.cache import StepCache
    from uploadtrends.study.spec import StudySpec

ON_PANEL = {"placebo_cohorts", "published_series"}


def run_checks(
    spec: StudySpec,
    steps: StepCache,
    panels: Mapping[str, Panel],
    its: Any,
) -> tuple[CheckOutcome, ...]:
    """Run the study's checks in their order, each kept by what it depends on.

    A check in `ON_PANEL` takes the panel of the platform named by its setting ``platform``, or the
    main panel; every other one takes the fitted models, which know their panel.
    """
    outcomes = []
    for name, settings in spec.checks.items():
        options = dict(settings)
        platform = options.pop("platform", None) if name in ON_PANEL else None
        panel = _panel(spec, name, panels, platform)
        depends = [
            steps.keys["panel"],
            steps.keys["interrupted time series"],
            dict(settings),
            spec.seed,
        ]

        def compute(name: str = name, options: Any = options, panel: Any = panel) -> CheckOutcome:
            return _run(name, options, panel, its, spec.seed)

        outcomes.append(steps.step(f"check {name}", depends, compute))
    return tuple(outcomes)


def _run(name: str, options: dict[str, Any], panel: Panel, its: Any, seed: int) -> CheckOutcome:
    from uploadtrends import checks

    make = getattr(checks, name)
    if "seed" in inspect.signature(make).parameters:
        options.setdefault("seed", seed)
    if name == "published_series":
        outcome: CheckOutcome = make(panel, its, **options)
        return outcome
    target: Any = panel if name in ON_PANEL else its
    try:
        check = make(**options)
    except TypeError as error:
        raise InputError(
            f"the check '{name}' does not take this setting: {error}",
            column=f"checks.{name}",
            fix=f"known: {', '.join(inspect.signature(make).parameters)}",
        ) from None
    outcome = check(target)
    return outcome


def _panel(spec: StudySpec, name: str, panels: Mapping[str, Panel], platform: str | None) -> Panel:
    if platform is None:
        return panels["main"]
    if platform in panels:
        return panels[platform]
    if any(key[0] == platform for key in panels["main"].keys()):
        return panels["main"]
    raise InputError(
        "the data hold no such platform",
        file=spec.file,
        column=f"checks.{name}.platform",
        value=platform,
        fix=f"loaded: {', '.join(sorted(set(panels) - {'main'}))}",
    )
