"""One series made ready for an estimator: outcome on the model's scale, design, choice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.events import Block, Event, EventSet, blocks
from uploadtrends.events.crowding import one_date, same_date
from uploadtrends.models.columns.formula import further
from uploadtrends.models.defaults import Choice, choose, scales
from uploadtrends.models.design import Design, build_design
from uploadtrends.models.regressors import control_of, covariates_of, logarithm, offset_of
from uploadtrends.models.scale import (
    CLEAR,
    LONG,
    Noise,
    Side,
    favour,
    relative_spread,
    said,
    told_apart,
)
from uploadtrends.models.seasons import MIN_MONTHS_BEFORE
from uploadtrends.models.settings import Settings
from uploadtrends.models.terms import TERMS
from uploadtrends.series.gaps import edge_cautions, expected, mostly_missing
from uploadtrends.series.grid import (
    FEWEST_PERIODS,
    frequency,
    frequent,
    moment,
    period_ends,
    periods_per_year,
)
from uploadtrends.series.named import NamedSeries, single_instrument
from uploadtrends.series.steps import step_of

ALL = slice(None)


@dataclass(frozen=True)
class Prepared:
    """What an estimator needs, and what turns its answer back into units."""

    item: NamedSeries
    observed: pd.Series
    """The series on its grid of N periods; NaN where missing."""
    blocks: tuple[Block, ...]
    design: Design
    choice: Choice
    settings: Settings
    transformed: Array
    """(N,) the outcome on the model's scale; NaN where missing."""
    offset: Array
    """(N,) known part of the linear predictor: offset, exposure, or the control subtracted."""
    notes: tuple[str, ...]
    other: Prepared | None = None
    """The same on the other scale, where the data chose between two."""
    decided: bool = True
    """Whether the data told the two scales apart."""
    margin: float = np.inf
    """By how much the log likelihoods of the two scales differ."""
    spread: Array | None = None
    """(N,) relative size of the errors, where it goes with the mean; None where it is constant."""

    @property
    def y(self) -> Array:
        """(n,) outcome of the rows that enter the fit, offset removed (log and level)."""
        values = self.transformed[self.design.used]
        if self.choice.scale == "counts":
            return values
        return np.asarray(values - self.offset[self.design.used])

    @cached_property
    def span(self) -> tuple[float, float]:
        """The least and the largest value that enters the fit, in the unit of the data."""
        data = self.transformed[self.design.used]
        data = np.exp(data) if self.choice.scale == "log" else data
        return float(data.min()), float(data.max())

    @property
    def clear(self) -> bool:
        """Whether the data leave no doubt about the scale."""
        return self.margin >= CLEAR

    def weighted(self, rows: Array, kept: Array | slice = ALL) -> Array:
        """Return rows (n, ...) of the fit, or those `kept`, divided by the size of their errors."""
        if self.spread is None:
            return rows
        sizes = self.spread[self.design.used][kept]
        return np.asarray((rows.T / sizes).T)

    @cached_property
    def until(self) -> str:
        """Last day of the last observed period, ISO; empty if nothing was observed."""
        known = np.flatnonzero(~np.isnan(self.observed.to_numpy()))
        return self.design.last_day(int(known[-1])) if known.size else ""

    @property
    def side(self) -> Side:
        """What the choice of scale compares."""
        design = self.design
        return Side(self.choice.scale, self.y, design.fitted, design.positions, self.fitted_offset)

    @property
    def without(self) -> Side:
        """The same for a model in which no event changed anything."""
        own = {c for terms in self.design.columns.values() for c in terms.values()}
        kept = [c for c in range(self.design.matrix.shape[1]) if c not in own]
        return self.side._replace(x=self.design.fitted[:, kept])

    @property
    def fitted_offset(self) -> Array:
        """(n,)"""
        return np.asarray(self.offset[self.design.used])

    @property
    def rule(self) -> str:
        """Why this model: method, scale, seasons, boundary and slope conventions."""
        parts = [self.choice.rule, self.design.season.capitalize() + "."]
        for block in self.design.blocks:
            parts.append(f"{block.label}: {self.design.onsets[block.id].note}.")
        if "slope" in self.settings.terms:
            parts.append(
                f"The slope change is {self.settings.ramp_start} in the first full period after."
            )
        return " ".join(parts)


def prepare(item: NamedSeries, events: EventSet, settings: Settings) -> Prepared:
    """Choose scale and method, place the events, and build the design of one series."""
    return prepare_all([item], events, settings)[0]


def prepare_all(
    items: Sequence[NamedSeries], events: EventSet, settings: Settings
) -> list[Prepared]:
    """Do so for several series, whose scales are compared together."""
    every = [item.values.dropna().to_numpy(dtype=float) for item in items]
    found: list[Prepared] = []
    pairs: dict[int, tuple[Prepared, Prepared]] = {}
    for i, (item, values) in enumerate(zip(items, every, strict=True)):
        possible = scales(values, settings)
        found.append(prepare_on(item, events, settings, possible[0]))
        if len(possible) > 1 and found[i].choice.status != "refused":
            level = prepare_on(item, events, settings, "level")
            if level.choice.status != "refused":
                pairs[i] = found[i], level
    compared = dict(zip(pairs, favour([(a.side, b.side) for a, b in pairs.values()]), strict=True))
    # Where the data cannot tell, the scale on which less need have happened is reported first.
    doubtful = [i for i in pairs if not abs(compared[i][0]) >= told_apart(every[i].size)]
    without = favour([(a.without, b.without) for a, b in (pairs[i] for i in doubtful)], shaped=LONG)
    leaning = {i: difference for i, (difference, *_) in zip(doubtful, without, strict=True)}
    for i, (first, level) in pairs.items():
        difference, of_logs, of_level = compared[i]
        logs = first.choice.scale
        if settings.method == "auto" and settings.errors == "averaged":
            first, level = _noisy(first, of_logs), _noisy(level, of_level)
        log_first = leaning.get(i, difference) > 0
        chosen, other = (first, level) if log_first else (level, first)
        why = said(difference, logs, i not in leaning)
        scale = chosen.choice.scale
        rule = choose(every[i], settings, items[i].has_artists, scale=scale, why=why).rule
        if chosen.spread is not None:
            power = (of_logs if log_first else of_level).power
            rule += f" The variance goes with the mean to the power {power:g}, as the data say."
        found[i] = replace(
            chosen,
            choice=replace(chosen.choice, rule=rule),
            other=other if np.isfinite(difference) else None,
            decided=i not in leaning,
            margin=abs(difference),
        )
    return found


def _noisy(prepared: Prepared, noise: Noise) -> Prepared:
    """Give the errors the size that goes with the mean, where the data ask for it."""
    if noise.own or prepared.choice.method != "reml-averaged":
        return prepared
    design = prepared.design
    spread = relative_spread(prepared.side, noise, design.matrix, prepared.offset, design.used)
    return replace(prepared, spread=spread)


def prepare_on(item: NamedSeries, events: EventSet, settings: Settings, scale: str) -> Prepared:
    """Place the events and build the design of one series on a given scale."""
    notes = list(item.notes)
    if item.instrument is not None:
        kept, changes, note = single_instrument(item, [event.start for event in events])
        if settings.instrument == "term" and changes:
            breaks = (*settings.instrument_breaks, *changes)
            settings = replace(settings, instrument_breaks=breaks)
        elif note:
            item = replace(item, values=kept)
            notes.append(note)
    series = item.values
    index = pd.DatetimeIndex(series.index)
    own_breaks = tuple(b for b in settings.instrument_breaks if _breaks(b, item.platform, index))
    if len(own_breaks) < len(settings.instrument_breaks):
        settings = replace(settings, instrument_breaks=own_breaks)
    values = series.to_numpy(dtype=float)
    observed = ~np.isnan(values)

    choice = choose(values[observed], settings, item.has_artists, scale=scale)
    if holes := mostly_missing(series):
        choice = replace(choice, status="refused", reason=holes)
    notes += edge_cautions(series)
    control = control_of(item, settings, index)
    offset, known_part = offset_of(series, control, choice.scale, settings)
    notes += known_part
    observed &= ~np.isnan(offset)
    covariates: list[tuple[str, Array]] = []
    if control is not None and settings.control_as == "covariate":
        logs = choice.scale in ("log", "counts")
        covariates.append(("control", logarithm(control, "control") if logs else control))
        notes.append("control series as a covariate")
    covariates += further(settings.formula, covariates_of(settings, index), index)

    mine = [event for event in events if not item.platform or event.concerns(item.platform)]
    found, design = _design(index, observed, tuple(mine), settings, covariates)
    # An event of another platform is no event here; its rows say so.
    foreign = tuple(
        (Block((event,), ""), _elsewhere(event, item.platform))
        for event in events
        if event not in mine
    )
    if foreign:
        design = replace(design, dropped=(*design.dropped, *foreign))
    found = (*found, *(block for block, _ in foreign))
    if choice.status != "refused" and (doubt := annual_doubt(design, settings)):
        reason = "; ".join(part for part in (choice.reason, doubt) if part)
        choice = replace(choice, status="exploratory", reason=reason)
    n, k = design.fitted.shape
    if choice.status != "refused":
        if n < FEWEST_PERIODS:
            choice = replace(
                choice,
                status="refused",
                reason=f"{n} usable periods, at least {FEWEST_PERIODS} needed",
            )
        elif n - k < 4:
            choice = replace(
                choice, status="refused", reason=f"{k} coefficients from {n} usable periods"
            )
    transformed = values.copy()
    if choice.scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            transformed = np.log(values)
    return Prepared(
        item=item,
        observed=series,
        blocks=found,
        design=design,
        choice=choice,
        settings=settings,
        transformed=transformed,
        offset=offset,
        notes=(*notes, *design.notes),
    )


MOST_MISSING = 0.1
"""Share of the days before an event that may be missing without shortening the years seen."""

_DESIGNED = (
    "boundary",
    "confounders",
    "instrument_breaks",
    "lag",
    "merge",
    "onset_periods",
    "pulse_periods",
    "ramp_start",
    "season",
    "terms",
    "trend",
    "washout",
)
"""Settings on which blocks and design depend."""


def _design(
    index: pd.DatetimeIndex,
    observed: Array,
    events: tuple[Event, ...],
    settings: Settings,
    covariates: list[tuple[str, Array]],
) -> tuple[tuple[Block, ...], Design]:
    """Return blocks and design, those of a lately seen grid without making them anew."""
    told = tuple(getattr(settings, name) for name in _DESIGNED)
    columns = tuple(TERMS[name].column for name in settings.terms)
    # Instants of two zones may be equal; their hours and days are not.
    grid = (index[0], str(index.tz), index.freqstr, len(index), observed.tobytes())
    key = (grid, events, told, columns)
    try:
        known = None if covariates else _SEEN.get(key)
        keep = not covariates
    except TypeError:  # a list among the settings
        known, keep = None, False
    if known is None:
        found = _blocks(events, index, settings)
        known = found, build_design(index, observed, found, settings, covariates)
        if keep:
            if len(_SEEN) >= _KEPT:
                _SEEN.pop(next(iter(_SEEN)))
            _SEEN[key] = known
    return known


_SEEN: dict[Any, tuple[tuple[Block, ...], Design]] = {}
_KEPT = 32
"""Designs kept: a study asks for the same few again and again."""


def _breaks(when: Any, platform: str, index: pd.DatetimeIndex) -> bool:
    """Tell whether a change of the instrument falls into a series of this platform.

    A bare date is the user's word; an event is looked at.
    """
    if not isinstance(when, Event):
        return True
    inside = index[0] < moment(index, when.start) <= index[-1]
    return bool(inside) and (not platform or when.concerns(platform))


def _elsewhere(event: Event, platform: str) -> str:
    """Say why an event has no effect to estimate on a platform that it does not concern."""
    return (
        f"it concerns {', '.join(event.platforms)} and not {platform}; to hold this series against "
        'it as a control, give the event with platforms=("all",)'
    )


def _blocks(
    events: Iterable[Event], index: pd.DatetimeIndex, settings: Settings
) -> tuple[Block, ...]:
    """Merge crowded events; one outside the data must not drag its neighbour along."""
    for event in events:
        _placeable(event, index)
    end = period_ends(index)[-1]
    inside = [
        event
        for event in events
        if moment(index, event.at or event.start) >= index[0]
        and moment(index, event.at or event.end) < end
    ]
    alone = [one_date(group) for group in same_date([e for e in events if e not in inside])]
    if settings.merge:
        alone += blocks(inside, index, slope="slope" in settings.terms)
    else:
        alone += [one_date(group) for group in same_date(inside)]
    return tuple(sorted(alone, key=lambda block: (block.start, block.id)))


def annual_doubt(design: Design, settings: Settings) -> str:
    """Say why an annual season cannot be told from the effect in daily or weekly data, if so."""
    index = design.index
    if settings.season != "auto" or not frequent(index) or not design.onsets:
        return ""
    first = min(onset.touched for onset in design.onsets.values())
    months = first * 12 / periods_per_year(index)
    used = pd.Series(np.where(design.used, 0.0, np.nan), index)
    missing = 1 - design.used[:first].sum() / max(int(expected(used)[:first].sum()), 1)
    if missing > MOST_MISSING:
        months *= 1 - missing
    if months >= MIN_MONTHS_BEFORE:
        return ""
    return (
        f"{months:.0f} months before the first event: an annual season cannot be told from the "
        f"effect, {MIN_MONTHS_BEFORE} months are needed"
    )


def _placeable(event: Event, index: pd.DatetimeIndex) -> None:
    """Refuse a time of day that the periods cannot hold."""
    step = step_of(frequency(index))
    if event.at is None or event.at.time() == dt.time(0) or (step.seconds or 86_400) < 86_400:
        return
    raise InputError(
        f"the event has a time of day, and the data are counted by the {step.name}",
        column="events",
        value=event.date,
        fix=f'give its day as the data count days, such as "{event.start}", or hourly data',
    )
