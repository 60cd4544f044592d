"""Results in plain words, with their numbers; never more than the design can carry."""

from __future__ import annotations

import math

import pandas as pd

from uploadtrends.brief import interval_text, months_text, number, p_text
from uploadtrends.events import Block
from uploadtrends.models.bends import ALPHA, FALLS, outlasted
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.noise import LEAST_POINTS
from uploadtrends.models.preparation import Prepared
from uploadtrends.models.sensitivity import by_method
from uploadtrends.models.terms import TERMS
from uploadtrends.models.units import unit_of
from uploadtrends.series.grid import period_name


def when(block: Block) -> str:
    """Return the date of a block as sentences say it."""
    if block.crowded:
        return f"{block.label}"
    event = block.events[0]
    return event.date if event.label == event.date else f"{event.label} ({event.date})"


def describe(
    prepared: Prepared, estimate: Estimate | None, effects: pd.DataFrame, verdict: str
) -> str:
    """Return what one fit found: every block, then what could not be estimated, then the model.

    `effects` is the fit's own table, `verdict` that of its diagnostics.
    """
    choice, design, name = prepared.choice, prepared.design, prepared.item.name
    lead = "The series" if name == "the series" else name
    if estimate is None:
        periods = f" Periods: {prepared.item.calendar}." if prepared.item.calendar else ""
        return f"{lead}: refused, {choice.reason}.{periods} {prepared.rule}"
    lines = []
    if choice.status == "exploratory":
        lines.append(f"{lead}: exploratory only ({choice.reason}).")
    lines += [f"{lead}: {_block(prepared, effects, block)}" for block in design.blocks]
    lines += [
        f"{lead}: not estimable at {when(block)}: {reason}." for block, reason in design.dropped
    ]
    if prepared.item.calendar:
        lines.append(f"Periods: {prepared.item.calendar}.")
    lines.append(f"Model: {prepared.rule}")
    if design.blocks:
        lines.append(f"Diagnostics: {verdict}")
        lines += _with_noise(prepared)
    lines += [f"Note: {note}." for note in (*prepared.notes, *estimate.notes)]
    return "\n".join(lines)


def _block(prepared: Prepared, effects: pd.DataFrame, block: Block) -> str:
    rows = {str(row["term"]): row for _, row in effects[effects["event"] == block.id].iterrows()}
    period = period_name(prepared.design.index)
    per = prepared.item.values.attrs.get("per", period)
    unit = f"{unit_of(prepared).replace('_', ' ')} a {per}".strip()
    confidence = f"{prepared.settings.confidence:.0%}"
    if prepared.settings.alternative != "two-sided":
        confidence += " one-sided"
    parts = []
    for term in sorted(TERMS.values(), key=lambda one: not one.at_once):
        if term.name in rows:
            parts.append(
                _term(
                    rows[term.name],
                    term.noun,
                    unit,
                    confidence,
                    prepared.choice.scale,
                    period,
                    prepared.settings.alternative,
                )
            )
    horizons = [
        term
        for term in rows
        if term.startswith("effect_") and term != "effect_end" and pd.notna(rows[term]["p"])
    ]
    if horizons and "slope" in rows:
        last = horizons[-1]
        months = int(last.removeprefix("effect_").removesuffix("m"))
        row = rows[last]
        parts.append(
            f"after {months_text(months)} the difference from what was "
            f"to be expected was {_size(row, unit, confidence)}"
        )
    text = f"at {when(block)} " + "; ".join(parts) + "."
    text += _bends(rows, prepared.choice.scale, unit)
    if block.reason:
        text += f" Caution: {block.reason}."
    return text


def _bends(rows: dict[str, pd.Series], scale: str, unit: str) -> str:
    """Say how far the untreated course may bend before what was found falls."""
    found = [row for term, row in rows.items() if term in ("level", "slope") and row["p"] <= ALPHA]
    said = []
    for row in found:
        limit = bend_size(row, row["breakdown"], scale, unit)
        seen = bend_size(row, row["curvature_before"], scale, unit)
        if str(row["depends_on"]) in ("trend", "both"):
            why = FALLS
            if not outlasted(row["breakdown"], row["curvature_before"]):
                why = f"one of {limit} over the whole period would do; the periods before the "
                why += f"event suggest {seen}"
            said.append(
                f"the change of the {row['term']} is not distinguishable from a bend in the "
                f"untreated course ({why})"
            )
        else:
            said.append(
                f"the change of the {row['term']} stands as long as the untreated course bends by "
                f"less than {limit} over the whole period; the periods before the event suggest "
                f"{seen}, and with as much of it the interval is {_honest(row, scale, unit)}"
            )
    return "".join(f" {text[0].upper()}{text[1:]}." for text in said)


def _honest(row: pd.Series, scale: str, unit: str) -> str:
    """Return the interval that allows for a bend as large as before the event."""
    ends = row["low_honest"], row["high_honest"]
    if scale == "level":
        return f"{number(ends[0])} to {number(ends[1])} {unit}"
    return " to ".join(f"{number(100 * math.expm1(end))}%" for end in ends)


def bend_size(row: pd.Series, bend: float, scale: str, unit: str) -> str:
    """Return a second difference as the bend of the whole series, in percent or in the unit."""
    if bend != bend:
        return "an unknown amount"
    whole = bend * row["periods"] ** 2 / 8
    if scale == "level":
        return f"{number(whole)} {unit}"
    return f"{number(100 * math.expm1(min(whole, 20.0)))}%"


def _with_noise(prepared: Prepared) -> list[str]:
    """Return the level change under AR(1) plus white noise, where the series is long enough."""
    choice = prepared.choice
    if choice.method != "reml-ar1" or prepared.design.positions.size < LEAST_POINTS:
        return []
    rows = by_method(prepared, "ar1-plus-noise")
    rows = rows[(rows["term"] == "level") & rows["estimate"].notna()]
    if rows.empty:
        return []
    scale, unit = (100, "%") if choice.scale == "log" else (1, "")
    parts = []
    for _, row in rows.iterrows():
        values = [row[name] for name in ("estimate", "low", "high")]
        if choice.scale == "log":
            values = [math.expm1(value) for value in values]
        middle, low, high = (number(scale * value) + unit for value in values)
        parts.append(f"{middle} ({low} to {high}) at {row['event']}")
    return [
        f"Sensitivity: with white noise on top of the AR(1) errors the level change is "
        f"{'; '.join(parts)}."
    ]


def _size(row: pd.Series, unit: str, confidence: str) -> str:
    size = (
        f"{number(row['absolute'])} {unit} ({confidence} interval "
        f"{interval_text(row['absolute_low'], row['absolute_high'])}"
    )
    if row["relative"] == row["relative"]:
        size += f"; {number(row['relative'])}%"
    return size + ")"


def _term(
    row: pd.Series,
    noun: str,
    unit: str,
    confidence: str,
    scale: str,
    period: str,
    alternative: str,
) -> str:
    shown = row["low"] > 0 or row["high"] < 0
    if noun == "slope":
        if scale == "level":
            size = (
                f"{number(row['estimate'])} {unit} each {period} ({confidence} interval "
                f"{interval_text(row['low'], row['high'])})"
            )
        else:
            size = (
                f"{number(row['relative'])}% each {period} ({confidence} interval "
                f"{interval_text(row['relative_low'], row['relative_high'], '%')})"
            )
    else:
        size = _size(row, unit, confidence)
    if shown:
        return f"the {noun} changed by {size}, {p_text(row['p'])}"
    found = detectable(row, scale, unit, alternative)
    if noun == "slope":
        found += f" each {period}"
    return (
        f"no change of the {noun} was shown: {size}, {p_text(row['p'])}; "
        f"{found} would have been found four times in five"
    )


def detectable(row: pd.Series, scale: str, unit: str, alternative: str = "two-sided") -> str:
    """Say which fall and which rise would be found with 80% power; percents are not symmetric."""
    least = float(row["minimum_detectable"])
    if scale == "level":
        fall = rise = f"{number(least)} {unit}"
    else:
        fall = f"{number(-100 * math.expm1(-least))}%"
        rise = f"{number(100 * math.expm1(min(least, 20.0)))}%"
    if alternative == "less":
        return f"a fall of {fall}"
    if alternative == "greater":
        return f"a rise of {rise}"
    if fall == rise:
        return f"a fall or a rise of {fall}"
    return f"a fall of {fall} or a rise of {rise}"
