"""The design matrix of an interrupted time series: trend, seasons, blocks of events, nuisances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.events import Block, as_events
from uploadtrends.models.onset import (
    Onset,
    horizon_position,
    place_block,
    rows_between,
)
from uploadtrends.models.seasons import seasonal_columns
from uploadtrends.models.terms import TERMS
from uploadtrends.series import grid as timing
from uploadtrends.series.grid import period_name, periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.settings import Settings

MIN_BEFORE = 6
"""Observed periods needed before the first event."""
MIN_AFTER = {True: 4, False: 3}
"""Observed periods needed after the last event, with and without a slope change."""

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Design:
    """A design on the whole grid of N periods, of which n are used."""

    index: pd.DatetimeIndex
    names: tuple[str, ...]
    matrix: Array
    """(N, k), NaN where a covariate is missing."""
    used: Mask
    """(N,)"""
    blocks: tuple[Block, ...]
    """The estimable ones, in order."""
    onsets: Mapping[str, Onset]
    columns: Mapping[str, Mapping[str, int]]
    """Block id -> term -> column."""
    dropped: tuple[tuple[Block, str], ...]
    """Blocks that cannot be estimated, and why."""
    season: str
    notes: tuple[str, ...]

    @cached_property
    def fitted(self) -> Array:
        """(n, k) rows that enter the fit."""
        return self.matrix[self.used]

    @cached_property
    def positions(self) -> Array:
        """(n,) calendar positions of the rows that enter the fit."""
        return np.flatnonzero(self.used).astype(float)

    @cached_property
    def counterfactual(self) -> Array:
        """(N, k) the same without any of the blocks' effects."""
        without = self.matrix.copy()
        for terms in self.columns.values():
            without[:, list(terms.values())] = 0.0
        return without

    def effect_rows(self, block: str, at: Sequence[int] | Array) -> Array:
        """Return (len(at), k): what the block adds to the linear predictor in those periods."""
        rows = np.zeros((len(at), self.matrix.shape[1]))
        columns = list(self.columns[block].values())
        rows[:, columns] = self.matrix[np.asarray(at, dtype=int)][:, columns]
        return rows

    def term_row(self, block: str, term: str) -> Array:
        """Return (1, k): the coefficient of one term of a block."""
        row = np.zeros((1, self.matrix.shape[1]))
        row[0, self.columns[block][term]] = 1.0
        return row

    def horizon(self, block: str, months: int) -> int | None:
        """Return the period in which that many months since the change are complete."""
        key = ("horizon", block, months)
        if key not in self.kept:
            first = self.onsets[block].first_full
            self.kept[key] = horizon_position(self.index, first, months)
        found: int | None = self.kept[key]
        return found

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was worked out from the design alone, for the next series on it."""
        return {}

    def last_day(self, place: int) -> str:
        """Return the last day of a period, ISO."""
        if ("last day", place) not in self.kept:
            end = timing.period_ends(self.index[place : place + 1])[0]
            self.kept["last day", place] = str((end - pd.Timedelta(days=1)).date())
        return str(self.kept["last day", place])

    def after(self, block: str) -> Array:
        """Return the positions from the first full period after the block to the end."""
        return np.arange(self.onsets[block].first_full, len(self.index))


def build_design(
    index: pd.DatetimeIndex,
    observed: Mask,
    blocks: Sequence[Block],
    settings: Settings,
    covariates: Sequence[tuple[str, Array]] = (),
) -> Design:
    """Build the design, leaving out (with the reason) the blocks that the data cannot carry.

    Parameters
    ----------
    index : DatetimeIndex with freq, (N,)
    observed : array of bool (N,)
        Periods with a value.
    blocks : sequence of Block
    settings : Settings
    covariates : sequence of (name, array (N,))
        Control series and covariates; a missing value drops the row.

    Raises
    ------
    InputError
        If a covariate is constant or collinear with the other columns.
    """
    usable = observed.copy()
    notes: list[str] = []
    unit = period_name(index)
    for name, column in covariates:
        missing = np.isnan(column)
        if missing[usable].all():
            raise InputError("the covariate has no value where the series has one", column=name)
        if gone := int(missing[usable].sum()):
            plural = "s" if gone > 1 else ""
            notes.append(f"{gone} {unit}{plural} left out, where {name} has no value")
        usable &= ~missing
    window = _user_washout(index, settings.washout)
    usable &= ~window
    if window.any() or (settings.washout and not isinstance(settings.washout, int)):
        notes.append(f"{int(window.sum())} periods left out as asked (washout)")

    placed: list[tuple[Block, Onset]] = []
    dropped: list[tuple[Block, str]] = []
    for block in sorted(blocks, key=lambda b: (b.start, b.id)):
        found = place_block(block, index, settings.boundary, settings.lag)  # type: ignore[arg-type]
        reason = _outside(block, index, unit) if found is None else None
        if found is not None:
            found = _extend(found, settings.washout, window, len(index))
            reason = _too_little(found, usable, settings, unit)
        if found is None or reason is not None:
            dropped.append((block, reason or ""))
        else:
            placed.append((block, found))
    placed, crowded = _separate(placed, usable, settings, unit, notes)
    dropped += crowded

    while True:
        design = _assemble(index, usable, placed, dropped, settings, covariates, notes)
        culprit = _collinear(design)
        if culprit is None:
            return design
        owner = next(
            (b for b, _ in placed if culprit in {f"{t}[{b.id}]" for t in settings.terms}), None
        )
        if owner is None:
            raise InputError(
                "the column cannot be told apart from the other terms of the model",
                column=culprit,
                fix="leave it out, or use fewer seasonal terms",
            )
        placed = [(b, o) for b, o in placed if b is not owner]
        dropped.append((owner, "its terms cannot be told apart from the other terms of the model"))


def _assemble(
    index: pd.DatetimeIndex,
    usable: Mask,
    placed: Sequence[tuple[Block, Onset]],
    dropped: Sequence[tuple[Block, str]],
    settings: Settings,
    covariates: Sequence[tuple[str, Array]],
    notes: Sequence[str],
) -> Design:
    n = len(index)
    used = usable.copy()
    for _, found in placed:
        used &= ~found.washout
    names, parts = ["intercept"], [np.ones(n)]

    def add(name: str, column: Array) -> int:
        names.append(name)
        parts.append(np.asarray(column, dtype=float))
        return len(names) - 1

    if settings.trend:
        add("trend", np.arange(1, n + 1, dtype=float))
    columns: dict[str, dict[str, int]] = {}
    for block, found in placed:
        terms = block_terms(found, n, settings)
        columns[block.id] = {term: add(f"{term}[{block.id}]", c) for term, c in terms.items()}
    first = min((found.touched for _, found in placed), default=n)
    per_year = periods_per_year(index)
    seasonal, said = seasonal_columns(
        index, settings.season, usable[:first].sum() * 12 / per_year, usable
    )
    for name, column in seasonal:
        add(name, column)
    notes = list(notes)
    for name, column in _nuisances(index, settings, notes):
        if used.any() and np.ptp(column[used]) > 0:
            add(name, column)
        else:
            notes.append(f"{name}: no such change within the data, not in the model")
    for name, column in covariates:
        # Centred, so that the intercept stays the level of the series itself. Where it is missing
        # it stays missing: no fitted value then, rather than that of an average covariate.
        add(name, column - np.nanmean(column[used]) if used.any() else column)
    return Design(
        index=index,
        names=tuple(names),
        matrix=np.column_stack(parts),
        used=used,
        blocks=tuple(block for block, _ in placed),
        onsets={block.id: found for block, found in placed},
        columns=columns,
        dropped=tuple(sorted(dropped, key=lambda pair: (pair[0].start, pair[0].id))),
        season=said,
        notes=tuple(notes),
    )


def block_terms(found: Onset, n: int, settings: Settings) -> dict[str, Array]:
    """Return the columns of one block by term, in the order of `TERMS`."""
    return {
        name: term.column(found, n, settings)
        for name, term in TERMS.items()
        if name in settings.terms
    }


def _nuisances(
    index: pd.DatetimeIndex, settings: Settings, notes: list[str]
) -> list[tuple[str, Array]]:
    """Steps at confounding events and at changes of the collecting instrument."""
    columns = []
    for event in as_events(settings.confounders) if settings.confounders else ():
        columns.append((f"confounder[{event.id}]", timing.step(index, event.at or event.start)))
        notes.append(f"level change at the confounder {event.label} ({event.date}) held constant")
    for when in settings.instrument_breaks:
        stamp = timing.moment(index, as_events(when)[0].start)
        columns.append((f"instrument[{stamp:%Y-%m-%d}]", (index >= stamp).astype(float)))
        notes.append(f"level change of the instrument at {stamp:%Y-%m-%d} held constant")
    return columns


def _user_washout(index: pd.DatetimeIndex, washout: Any) -> Mask:
    out = np.zeros(len(index), dtype=bool)
    if washout is None or isinstance(washout, int):
        return out
    windows = [washout] if isinstance(washout[0], str | dt.date) else list(washout)
    for window in windows:
        try:
            start, end = window
        except (TypeError, ValueError):
            raise InputError(
                "a washout window is not a pair of dates",
                column="washout",
                value=window,
                fix='("2022-07-01", "2022-08-31"), or a number of periods after each event',
            ) from None
        out |= rows_between(index, start, end)
    return out


def _extend(found: Onset, washout: Any, window: Mask, n: int) -> Onset:
    """Move the first full period past the washout that the user asked for."""
    first_full = found.first_full
    left_out = found.washout.copy()
    if isinstance(washout, int) and washout > 0:
        left_out[first_full : first_full + washout] = True
        first_full += washout
    while first_full < n and window[first_full]:
        first_full += 1
    return Onset(found.step, left_out, found.touched, first_full, found.note)


def _outside(block: Block, index: pd.DatetimeIndex, unit: str) -> str:
    if timing.moment(index, block.begins) < index[0]:
        return f"it lies before the first {unit} of the data ({index[0]:%Y-%m-%d})"
    return f"it lies after the last {unit} of the data ({index[-1]:%Y-%m-%d})"


def _too_little(found: Onset, usable: Mask, settings: Settings, unit: str) -> str | None:
    before = int(usable[: found.touched].sum())
    after = int((usable & ~found.washout)[found.first_full :].sum())
    needed = MIN_AFTER["slope" in settings.terms]
    if before < MIN_BEFORE:
        return f"{_count(before, unit)} of data before it, {MIN_BEFORE} needed"
    if after < needed:
        return f"{_count(after, unit)} of data after it, {needed} needed"
    return None


def _separate(
    placed: list[tuple[Block, Onset]],
    usable: Mask,
    settings: Settings,
    unit: str,
    notes: list[str],
) -> tuple[list[tuple[Block, Onset]], list[tuple[Block, str]]]:
    """Leave out a block with too few periods between it and the one before."""
    kept: list[tuple[Block, Onset]] = []
    dropped: list[tuple[Block, str]] = []
    needed = len(settings.terms) + 1
    for block, found in placed:
        if kept:
            between = int(usable[kept[-1][1].first_full : found.touched].sum())
            if between < needed:
                dropped.append(
                    (
                        block,
                        f"{_count(between, unit)} of data between '{kept[-1][0].label}' and it, "
                        f"{needed} needed",
                    )
                )
                notes.append(
                    f"what '{block.label}' changed is counted with '{kept[-1][0].label}', from "
                    "which the data cannot tell it"
                )
                continue
        kept.append((block, found))
    return kept, dropped


def _count(number: int, unit: str) -> str:
    return f"only {number} {unit}{'' if number == 1 else 's'}" if number else f"no {unit}"


def _collinear(design: Design) -> str | None:
    """Return the name of the first column that depends on the ones before it."""
    x = design.fitted
    if x.shape[0] < x.shape[1]:
        return None
    norm = np.linalg.norm(x, axis=0)
    if (norm == 0).any():
        return design.names[int(np.argmin(norm))]
    triangle = np.abs(np.diag(np.linalg.qr(x / norm, mode="r")))
    return design.names[int(np.argmin(triangle))] if triangle.min() < 1e-7 else None
