"""From coefficients to effects: terms, horizons, cumulative; in units and in percent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.events import Block
from uploadtrends.models.bends import ALPHA, LEAST_BEFORE, Untreated, bounds, overturned
from uploadtrends.models.cumulative import cumulative, left_out, summed
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.estimators.estimate import Contrast, alike, contrasts, joint_p
from uploadtrends.models.inspect.one_sided import one_sided, opened
from uploadtrends.models.terms import TERMS
from uploadtrends.models.units import relative_and_absolute, unit_of
from uploadtrends.series.grid import period_name, periods_per_year

if TYPE_CHECKING:
    from uploadtrends.models.design import Design
    from uploadtrends.models.estimators.estimate import Estimate
    from uploadtrends.models.preparation import Prepared
    from uploadtrends.models.settings import Settings

COLUMNS = (
    "platform",
    "group",
    "event",
    "label",
    "term",
    "estimate",
    "se",
    "low",
    "high",
    "relative",
    "relative_low",
    "relative_high",
    "absolute",
    "absolute_low",
    "absolute_high",
    "p",
    "p_joint",
    "p_adjusted",
    "p_holm",
    "df",
    "unit",
    "method",
    "status",
    "reason",
    "depends_on",
    "breakdown",
    "curvature_before",
    "p_bend",
    "low_honest",
    "high_honest",
    "periods",
    "starts",
    "until",
    "extrapolated",
    "other_scale",
    "other_estimate",
    "other_low",
    "other_high",
    "other_p",
    "minimum_detectable",
)
"""Columns of an effects table; see `InterruptedTimeSeries`."""


_TEXT = (
    "platform",
    "group",
    "event",
    "label",
    "term",
    "unit",
    "method",
    "status",
    "reason",
    "depends_on",
    "starts",
    "until",
    "other_scale",
)
_MIXED = ("periods", "extrapolated")
"""Whole numbers or truth values where there are any, else NaN."""


def tabulated(rows: list[dict[str, Any]], **replaced: Array) -> pd.DataFrame:
    """Return rows as a table (columns as `COLUMNS`), some columns replaced.

    A column is not made by itself: pandas takes longer to look at forty short lists than the model
    takes to be fitted.
    """
    n = len(rows)
    numbers = [name for name in COLUMNS if name not in _TEXT and name not in _MIXED]
    block = np.array([[row[name] for row in rows] for name in numbers], dtype=float)
    columns: dict[str, Any] = dict(zip(numbers, block, strict=True)) | replaced
    text = pd.Series([row[name] for name in _TEXT for row in rows]).array
    columns |= {name: text[i * n : (i + 1) * n] for i, name in enumerate(_TEXT)}
    columns |= {name: [row[name] for row in rows] for name in _MIXED}
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


def effect_rows(
    prepared: Prepared, estimate: Estimate | None, *, bends: bool = True, brief: bool = False
) -> list[dict[str, Any]]:
    """Return one row per block and effect of one series, for `tabulated`.

    `bends` fills what depends on the untreated course, which takes two more fits; `brief` leaves
    out percents that would need draws.
    """
    return effect_rows_of([(prepared, estimate)], bends=bends, brief=brief)[0]


def effect_rows_of(
    fits: Sequence[tuple[Prepared, Estimate | None]], *, bends: bool = True, brief: bool = False
) -> list[list[dict[str, Any]]]:
    """Return `effect_rows` of several series; those of one design are looked at together."""
    own = [_Answer.of(prepared, fitted, bends, brief) for prepared, fitted in fits]
    beside = [one and _other_scale(one.prepared) if bends else None for one in own]
    _fill([one for one in (*own, *beside) if one is not None])
    found = []
    for (prepared, _), mine, other in zip(fits, own, beside, strict=True):
        rows: list[dict[str, Any]] = []
        dropped = {block.id: reason for block, reason in prepared.design.dropped}
        for block in prepared.blocks:
            if mine is None:
                rows += _empty(prepared, block, "refused", prepared.choice.reason)
            elif block.id in dropped:
                rows += _empty(prepared, block, "not estimable", dropped[block.id])
            else:
                rows += mine.rows(block, other)
        found.append(opened(rows, prepared.settings.alternative))
    return found


def _other_scale(prepared: Prepared) -> _Answer | None:
    """Return the fit on the other scale, where the data chose between two."""
    if prepared.other is None:
        return None
    try:
        return _Answer.of(prepared.other, estimate(prepared.other), bends=True, brief=True)
    except NotEstimableError:
        return None


def _frame(prepared: Prepared, block: Block, status: str, reason: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row.update(
        platform=prepared.item.platform,
        group=prepared.item.group,
        event=block.id,
        label=block.label,
        method=prepared.choice.method,
        status=status,
        reason=reason,
        depends_on="",
        starts=block.start.isoformat(),
        until=prepared.until,
        extrapolated=False,
        other_scale="",
    )
    return row


def _empty(prepared: Prepared, block: Block, status: str, reason: str) -> list[dict[str, Any]]:
    return _named(prepared, _frame(prepared, block, status, reason), prepared.settings.terms)


def _named(prepared: Prepared, frame: dict[str, Any], terms: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row a term, with its unit."""
    period, unit = period_name(prepared.design.index), unit_of(prepared)
    rate = f"{unit} a {period}".strip() if prepared.choice.scale == "level" else "log ratio"
    units = {"cumulative": unit, "slope": f"{rate}, per {period}"}
    return [frame | {"term": term, "unit": units.get(term, rate)} for term in terms]


class _Wanted(NamedTuple):
    """What is asked of one block of a design."""

    effects: tuple[tuple[str, Array, int], ...]
    """Term, contrast (1, k) and the period whose counterfactual it is a percent of."""
    beyond: tuple[str, ...]
    """Terms that lie after the end of the data."""

    @classmethod
    def of(cls, design: Design, block: Block, settings: Settings) -> _Wanted:
        """Return the terms, horizons and the last period."""
        first, n = design.onsets[block.id].first_full, len(design.index)
        wanted = [(term, design.term_row(block.id, term), first) for term in settings.terms]
        beyond = []
        shortest = 12 / periods_per_year(design.index)
        for months in settings.horizons:
            if months < 0.95 * shortest:
                continue  # shorter than a period: the row would only repeat another
            place = design.horizon(block.id, months)
            if place is None:
                beyond.append(f"effect_{months}m")
            else:
                rows = design.effect_rows(block.id, [place])
                wanted.append((f"effect_{months}m", rows, place))
        wanted.append(("effect_end", design.effect_rows(block.id, [n - 1]), n - 1))
        return cls(tuple(wanted), tuple(beyond))

    @property
    def terms(self) -> list[str]:
        """Of the rows, the cumulative effect last."""
        return [*(term for term, *_ in self.effects), "cumulative"]


class _Answer:
    """One series on one scale, and what is found of its blocks."""

    def __init__(self, prepared: Prepared, estimate: Estimate, bends: bool, brief: bool) -> None:
        self.prepared, self.estimate = prepared, estimate
        self.level = prepared.choice.scale == "level"
        self.brief = brief and self.level
        self.untreated = Untreated(prepared, estimate) if bends else None
        self.wanted: dict[str, _Wanted] = {}
        self.columns: dict[str, dict[str, Array]] = {}
        """By block; one entry a row in each. ``depends_on``: whether on the trend."""

    @classmethod
    def of(
        cls, prepared: Prepared, estimate: Estimate | None, bends: bool, brief: bool
    ) -> _Answer | None:
        """Return what can be said; None of a series that was refused."""
        if estimate is None or prepared.choice.status == "refused":
            return None
        return cls(prepared, estimate, bends, brief)

    def fill(self, block: Block, wanted: _Wanted, contrast: Contrast) -> dict[str, Array]:
        """Note estimates in units and in percent, as columns."""
        prepared, estimate, n = self.prepared, self.estimate, len(wanted.effects)
        ends = ("", "_low", "_high")
        numbers = [f"{kind}{end}" for kind in ("relative", "absolute") for end in ends]
        found = {name: np.array(part) for name, part in contrast._asdict().items()}
        found |= {name: np.full(n + 1, np.nan) for name in numbers}
        found |= {name: np.zeros(n + 1, dtype=bool) for name in ("extrapolated", "depends_on")}
        if not self.brief:
            sizes = relative_and_absolute(prepared, estimate, wanted.effects, contrast)
            for name, values in sizes.items():
                found[name][:n] = values
        for end in ends:
            value = found[end.lstrip("_") or "estimate"]
            if self.level:
                found[f"absolute{end}"] = value.copy()
            else:
                found[f"relative{end}"] = 100 * np.expm1(value)
        for name, value in cumulative(prepared, estimate, block, contrast, self.brief).items():
            found[name][n:] = value
        found["p"] = one_sided(found["p"], found["estimate"], prepared.settings.alternative)
        self.wanted[block.id], self.columns[block.id] = wanted, found
        return found

    def rows(self, block: Block, other: _Answer | None) -> list[dict[str, Any]]:
        """Return the rows of a block, beside them the answer on the other scale."""
        prepared, choice, design = self.prepared, self.prepared.choice, self.prepared.design
        wanted, columns = self.wanted[block.id], dict(self.columns[block.id])
        reasons = [part for part in (choice.reason, block.reason) if part]
        frame = _frame(prepared, block, choice.status, "; ".join(reasons))
        on_scale = np.zeros(len(wanted.terms), dtype=bool)
        if other is not None and block.id in other.columns:
            frame["other_scale"] = other.prepared.choice.scale
            theirs = other.columns[block.id]
            undone, on_scale = self._disagree(columns, theirs)
            columns["depends_on"] = columns["depends_on"] | undone
            columns |= {
                "other_estimate": theirs["absolute"],
                "other_low": theirs["absolute_low"],
                "other_high": theirs["absolute_high"],
                "other_p": theirs["p"],
            }
        later = _named(prepared, frame | {"status": "not estimable"}, wanted.beyond)
        left = len(design.index) - design.onsets[block.id].first_full
        unit = period_name(design.index) + "s" * (left != 1)
        for row in later:
            row["reason"] = f"the data end {left} {unit} after the change"
        frame["df"] = self.estimate.df
        if self.untreated is not None:
            frame["curvature_before"] = self.untreated.curvature
            frame["periods"] = self.untreated.periods
        rows = _named(prepared, frame, wanted.terms)
        for row, *values in zip(rows, *(part.tolist() for part in columns.values()), strict=True):
            row.update(zip(columns, values, strict=True))
        for row, scale in zip(rows, on_scale.tolist(), strict=True):
            row["depends_on"] = _DEPENDS[row["depends_on"], scale]
        rows[-1]["reason"] = "; ".join(filter(None, (*reasons, left_out(prepared, block))))
        return rows + later

    def _disagree(self, own: dict[str, Array], other: dict[str, Array]) -> tuple[Array, Array]:
        """Return which rows depend on the trend and on the scale, as the other scale has it.

        A scale claims a change where it is significant and no bend of the untreated course undoes
        it. What a bend on either scale undoes depends on the trend, unless the data are clear about
        the scale: a course that bends by a constant share is no constant bend of the data. Beyond
        that they disagree where they claim changes of opposite sign, or where the data cannot tell
        the scales apart and only one claims a change.
        """
        found = [one["p"] <= 1 - self.prepared.settings.confidence for one in (own, other)]
        mine, theirs = (p & ~one["depends_on"] for p, one in zip(found, (own, other), strict=True))
        undone = mine & found[1] & other["depends_on"] & (not self.prepared.clear)
        turned = mine & theirs & (own["estimate"] * other["estimate"] < 0)
        return undone, ~undone & (turned | ((mine != theirs) & (not self.prepared.decided)))


_DEPENDS = {
    (False, False): "",
    (False, True): "scale",
    (True, False): "trend",
    (True, True): "both",
}
"""By whether a row depends on the trend, and on the scale."""


def _fill(every: Sequence[_Answer]) -> None:
    """Find what is to be found of every block of every series."""
    for places in alike(id(one.prepared.design) for one in every):
        some = [every[i] for i in places]
        estimates = [one.estimate for one in some]
        design, settings = some[0].prepared.design, some[0].prepared.settings
        for block in design.blocks:
            wanted = _Wanted.of(design, block, settings)
            head = np.concatenate([row for _, row, _ in wanted.effects])
            sums = [summed(one.prepared, one.estimate, block) for one in some]
            lines = [np.concatenate([head, total]) for total, _ in sums]
            found = contrasts(estimates, lines, settings.coverage)
            columns = [
                one.fill(block, wanted, Contrast(*(part[i] for part in found)))
                for i, one in enumerate(some)
            ]
            members = list(design.columns[block.id].values())
            joint = joint_p(estimates, members) if len(members) > 1 else None
            for i, own in enumerate(columns):
                own["p_joint"] = own["p"] if joint is None else np.full(len(own["p"]), joint[i])
            untreated = [one.untreated for one in some if one.untreated is not None]
            if untreated:
                sizes = np.array([size for _, size in sums])
                _judge(columns, untreated, np.stack(lines), found, wanted.terms, sizes)


def _judge(
    columns: Sequence[dict[str, Array]],
    untreated: Sequence[Untreated],
    lines: Array,
    contrast: Contrast,
    terms: Sequence[str],
    sizes: Array,
) -> None:
    """Fill in what a bend of the untreated course does to each row of a block, series by series.

    `lines` (m, c, k) holds the contrast of each row, `contrast` what is known of them; `sizes` (m,)
    turn those of the last one, the cumulative effect, into its unit.
    """
    at_once = {"effect_1m", *(name for name, term in TERMS.items() if term.at_once)}
    level_like = np.array(["slope" not in terms or term in at_once for term in terms])
    found = bounds(untreated, lines, contrast, level_like)
    p = np.stack([own["p"] for own in columns])
    curvature = np.array([[one.curvature] for one in untreated])
    undone = overturned(p, level_like, found.breakdown, curvature, found.p_bend, found.same_sign)
    if untreated[0].before.sum() < LEAST_BEFORE:
        undone |= (p <= ALPHA) & ~level_like
    wider = found.wider.copy()
    wider[:, -1] *= sizes
    for i, own in enumerate(columns):
        own.update(
            breakdown=found.breakdown[i],
            p_bend=found.p_bend[i],
            low_honest=own["low"] - wider[i],
            high_honest=own["high"] + wider[i],
            depends_on=undone[i],
        )
