"""What a report of an interrupted time series must state, filled in from the results.

The items are those that reviews of published studies found missing most often: Jandoc et al. 2015
(J Clin Epidemiol 68:950), Hategeka et al. 2020 (BMJ Glob Health 5:e003567) and Turner et al. 2020
(J Clin Epidemiol 122:1). The wording is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from uploadtrends.figures.series import heading, short_reason
from uploadtrends.series.grid import from_to


def checklist(results: Any) -> pd.DataFrame:
    """Return the reporting checklist: item, answer.

    Parameters
    ----------
    results : StudyResults
    """
    its = results.its
    effects = its.effects
    fits = list(its.fits)
    blocks = {block.id: block for fit in fits for block in fit.blocks}
    merged = [block for block in blocks.values() if block.crowded]
    estimable = effects[effects["estimate"].notna()]
    names = {check.name: check for check in results.checks}
    rows = [
        ("Question", results.spec.question or "not stated"),
        ("Outcome and unit", _outcome(results)),
        ("Series analysed", _of_series(map(_span, fits))),
        (
            "Events and where their dates come from",
            "; ".join(
                f"{e.date} {e.label} ({e.source or 'given by the user'})" for e in its.events
            ),
        ),
        (
            "Events that the data cannot tell apart",
            "; ".join(f"{block.label}: {block.reason}" for block in merged) or "none",
        ),
        (
            "Stated before the analysis",
            _primary(results),
        ),
        ("Points before and after the first event", _of_series(map(_points, fits))),
        (
            "Model",
            "; ".join(dict.fromkeys(f"{fit.method} on the {fit.scale} scale" for fit in fits)),
        ),
        ("Why this model", _of_series((_name(fit), str(fit.rule)) for fit in fits)),
        ("Change modelled at each event", ", ".join(map(str, its.settings.terms))),
        ("Autocorrelation", _autocorrelation(fits)),
        ("Seasonality", _season(fits)),
        (
            "Effects with intervals",
            f"{len(estimable)} estimates with 95% intervals, absolute and relative, at several "
            "horizons; table of effects",
        ),
        (
            "What could not be estimated",
            _refused(effects) or "every effect asked for was estimated",
        ),
        (
            "Multiple tests",
            "a closed test over all rows of all series and events (column p adjusted); Holm's "
            "correction within each kind of effect (column p holm)"
            + ("; the check of multiplicity" if "multiplicity" in names else ""),
        ),
        ("Model checks", _diagnostics(fits)),
        (
            "Sensitivity and falsification",
            "; ".join(
                f"{check.name.replace('_', ' ')}: {check.status}" for check in results.checks
            ),
        ),
        (
            "Smallest change that could have been found",
            "column minimum detectable of the table of effects (80% power)",
        ),
        (
            "Comparison series",
            "given" if its.settings.control is not None else "none: no comparison",
        ),
        ("Software and data", _software()),
    ]
    return pd.DataFrame(rows, columns=["item", "answer"])


def _name(fit: Any) -> str:
    return heading(fit.platform, fit.group)


def _of_series(said: Iterable[tuple[str, str]]) -> str:
    """Return what is said of each series; what holds for several is said once."""
    whose: dict[str, list[str]] = {}
    for name, text in said:
        whose.setdefault(text, []).append(name)
    return "; ".join(f"{', '.join(names)}: {text.rstrip('.')}" for text, names in whose.items())


def _outcome(results: Any) -> str:
    stated = results.panel.groups["unit"].drop_nulls().unique().sort().to_list()
    known = f" (unit: {', '.join(stated)})" if stated else ""
    return f"{str(results.its.settings.unit).replace('_', ' ')} a {results.panel.period}{known}"


def _span(fit: Any) -> tuple[str, str]:
    return _name(fit), f"{from_to(fit.observed.index)}, n = {int(fit.observed.notna().sum())}"


def _points(fit: Any) -> tuple[str, str]:
    if not fit.blocks:
        return _name(fit), "no event inside"
    start = min(pd.Timestamp(block.start) for block in fit.blocks)
    before = int((fit.observed.index < start.to_period("M").to_timestamp()).sum())
    return _name(fit), f"{before} and {len(fit.observed) - before}"


def _primary(results: Any) -> str:
    primary = results.primary
    registered = results.spec.registered
    where = (
        f"registered at {registered['url']} on {registered['date']}"
        if registered
        else ("in the study file, not registered before the data were seen")
    )
    return (
        f"{heading(primary['platform'], primary['group'])}, {primary['label']}, "
        f"{primary['term']}: {where}"
    )


def _autocorrelation(fits: Iterable[Any]) -> str:
    words = []
    for fit in fits:
        known = {k: v for k, v in dict(fit.phi).items() if isinstance(v, float)}
        text = ", ".join(f"{k.replace('_', ' ')} {v:.2f}" for k, v in known.items())
        words += [(_name(fit), text)] if known else []
    return _of_series(words) or "see the model"


def _season(fits: Iterable[Any]) -> str:
    rules = {str(fit.prepared.design.season) for fit in fits}
    named = sorted(rule for rule in rules if rule)
    return "; ".join(named) if named else "as the model's rule says"


def _refused(effects: pd.DataFrame) -> str:
    rows = effects[effects["estimate"].isna()]
    found = rows.drop_duplicates(["platform", "group", "event"])
    return _of_series(
        (heading(row["platform"], row["group"]), f"{row['label']} ({short_reason(row['reason'])})")
        for row in found.to_dict("records")
    )


def _diagnostics(fits: Iterable[Any]) -> str:
    known = ((fit, getattr(getattr(fit, "diagnostics", None), "verdict", None)) for fit in fits)
    return _of_series((_name(fit), said) for fit, said in known if said) or "none available"


def _software() -> str:
    from uploadtrends.result import package_version

    return f"uploadtrends {package_version()}; hashes, versions and seeds in the manifest below"
