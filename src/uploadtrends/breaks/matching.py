"""Do changes lie near events more often than dates drawn at random would?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from uploadtrends.breaks.changes import SeriesChanges
from uploadtrends.breaks.redraw import Proximity, redraw_positions, shift_positions
from uploadtrends.brief import p_text
from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError
from uploadtrends.events import Block, as_events, blocks
from uploadtrends.familywise import holm
from uploadtrends.limits import whole_number
from uploadtrends.result import Call, Result
from uploadtrends.series.grid import period_of, periods_per_year, stamp

_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
_COLUMNS = [
    "platform",
    "group",
    "event",
    "label",
    "nearest",
    "gap_days",
    "within",
    "p",
    "p_holm",
    "status",
    "reason",
]


class Segmented(Protocol):
    """Anything with the changes of several series and the call that found them."""

    @property
    def fits(self) -> tuple[SeriesChanges, ...]:
        """One per series."""
        ...

    @property
    def call(self) -> Call:
        """The call that found the changes."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class Match(Result):
    """Whether changes lie near events, by permutation.

    Attributes
    ----------
    table : pandas.DataFrame
        What `to_frame` returns.
    series : pandas.DataFrame
        One row per series with a change: platform, group, n_changes, n_within (expected number of
        changes within the window of an event), chance (share of admissible dates that are), p.
    p : float
        Overall p-value, over all series; NaN without a change or an event inside the data.
    sentence : str
        The finding in words.
    call : Call
    """

    table: pd.DataFrame
    series: pd.DataFrame
    p: float
    sentence: str
    call: Call

    title = "Breaks near events"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per series and event (or block of crowded events).

        Columns
        -------
        platform, group, event, label : str
        nearest : date of the nearest change (first period of the new regime)
        gap_days : days from the event (from the nearer edge of a block) to that change, negative
            if the change came first
        within : probability that some change lies within the window, intervals propagated
        p, p_holm : permutation p-value, and Holm-adjusted over all rows tested
        status : "ok", "no change" or "outside the data"
        reason : why events were merged into a block
        """
        return self.table

    def summary(self) -> str:
        """Say in plain words what was found."""
        return self.sentence


def match(
    result: Segmented,
    events: Any,
    *,
    window: str = "1 month",
    n_permutations: int = 9999,
    seed: int = 0,
    edge: int = 3,
    spacing: int = 3,
) -> Match:
    """Test whether the changes of `result` lie nearer to the events than chance would have it.

    Every change is redrawn: a date uniform over the periods of its series, keeping the shape of
    its uncertainty, at least `edge` periods from either end and `spacing` from other changes. The
    statistic is the expected proximity ``1 / (1 + gap / window)`` to the nearest event, summed over
    changes. Series of one panel move together, so the overall test over several series shifts all
    their changes by the same number of periods (circularly; every shift is used).

    Parameters
    ----------
    result : ChangePoints
    events : anything `uploadtrends.events.as_events` takes
        Events that the data cannot tell apart are matched as a block.
    window : str
        Such as ``"1 month"`` or ``"2 weeks"``: what counts as near, in the statistic and in the
        columns `within` and `chance` (there in whole periods).
    n_permutations : int
        Redraws per series.
    seed : int
    edge, spacing : int
        Constraints on the redrawn dates, in periods.

    Raises
    ------
    InputError
        If there is no event, or the window cannot be read.
    """
    events = as_events(events)
    call = Call.of(locals(), result, function="match")
    if not len(events):
        raise InputError("there is no event to match", fix="give at least one date")
    window_days = _window_days(window)
    n_permutations = whole_number("n_permutations", n_permutations, 1)
    seed = whole_number("seed", seed)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    overall: list[dict[str, Any]] = []
    tested: list[tuple[SeriesChanges, Proximity]] = []
    for fit in result.fits:
        if fit.status == "refused":
            continue
        inside, outside = _blocks(events, fit.index)
        labels = {"platform": fit.platform, "group": fit.group}
        near = Proximity(fit, inside, window_days, max(1, round(window_days / _length(fit))))
        for block in outside:
            rows.append({**labels, **_name(block), "status": "outside the data"})
        if not fit.changes or not inside:
            rows += [{**labels, **_name(b), "within": 0.0, "status": "no change"} for b in inside]
            continue
        drawn = redraw_positions(
            rng, len(fit.changes), len(fit.observed), n_permutations, edge, spacing
        )
        each, total = near.statistics(near.positions[None, :])
        each_null, total_null = near.statistics(drawn)
        tested.append((fit, near))
        for b, block in enumerate(inside):
            date, gap = near.nearest(b)
            rows.append(
                {
                    **labels,
                    **_name(block),
                    "nearest": date,
                    "gap_days": gap,
                    "within": near.within(b),
                    "p": _p(each[0, b], each_null[:, b]),
                    "status": "ok",
                }
            )
        overall.append(
            {
                **labels,
                "n_changes": len(fit.changes),
                "n_within": near.expected_within(),
                "chance": near.chance(edge),
                "p": _p(total[0], total_null),
            }
        )
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["nearest"] = pd.to_datetime(table["nearest"])
    table[["gap_days", "within", "p"]] = table[["gap_days", "within", "p"]].astype(float)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    table["reason"] = table["reason"].fillna("")
    columns = ["platform", "group", "n_changes", "n_within", "chance", "p"]
    series = pd.DataFrame(overall, columns=columns)
    p = (
        _joint_p(tested, edge)
        if len(tested) > 1
        else float(series["p"].iloc[0])
        if tested
        else np.nan
    )
    return Match(table, series, float(p), _sentence(series, table, float(p), window), call)


def _blocks(chosen: Any, index: pd.DatetimeIndex) -> tuple[list[Block], list[Block]]:
    """Merge crowded events, apart from those the data do not reach."""
    reached = [
        event
        for event in chosen
        if any(period_of(index, event.at or day) is not None for day in (event.start, event.end))
    ]
    beyond = [Block((event,)) for event in chosen if event not in reached]
    return list(blocks(reached, index, slope=False)) if reached else [], beyond


def _name(block: Block) -> dict[str, str]:
    return {"event": block.id, "label": block.label, "reason": block.reason}


def _length(fit: SeriesChanges) -> float:
    return 365.25 / periods_per_year(fit.index)


def _window_days(window: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(day|week|month|quarter|year)s?\s*", str(window))
    if found is None or float(found[1]) <= 0:
        raise InputError(
            "the window cannot be read", column="window", value=window, fix='write "1 month"'
        )
    return float(found[1]) * _DAYS[found[2]]


def _p(observed: float, null: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float((1 + np.sum(null >= observed - 1e-9)) / (1 + len(null)))


def _joint_p(tested: list[tuple[SeriesChanges, Proximity]], edge: int) -> float:
    """Shift the changes of all series together, by every possible number of periods."""
    first = min(fit.observed.index[0] for fit, _ in tested)
    last = max(fit.observed.index[-1] for fit, _ in tested)
    span = len(pd.date_range(first, last, freq=tested[0][0].index.freq))
    observed = sum(near.statistics(near.positions[None, :])[1][0] for _, near in tested)
    null = np.zeros(span)
    for _, near in tested:
        null += near.statistics(shift_positions(near.positions, near.n, span, edge))[1]
    return float(np.mean(null >= observed - 1e-9))  # shift 0 is among them


def _sentence(series: pd.DataFrame, table: pd.DataFrame, p: float, window: str) -> str:
    if series.empty:
        return "No change was found that could be matched to an event."
    changes, near = int(series["n_changes"].sum()), float(series["n_within"].sum())
    chance = float(np.average(series["chance"], weights=series["n_changes"]))
    text = (
        f"{changes} {'change' if changes == 1 else 'changes'} in {len(series)} series: "
        f"{round(near, 1):g} within {window} of an event, where dates drawn at random would give "
        f"{chance * changes:.1f} ({p_text(p)} by permutation)."
    )
    tested = table[table["status"] == "ok"]
    best = tested.iloc[int(tested["p"].to_numpy().argmin())]
    where = " ".join(part for part in (written(best["platform"]), best["group"]) if part)
    where = where or "the series"
    return text + (
        f" Nearest, distance weighed by chance: {best['label']} and the change of {where} at "
        f"{stamp(best['nearest'], 'D')} ({p_text(best['p_holm'])} after Holm's adjustment)."
    )
