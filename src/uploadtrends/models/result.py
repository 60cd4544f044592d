"""The result of an interrupted time series: one table, and the fits behind it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from threading import Timer
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import EventSet, as_events
from uploadtrends.familywise import closed_test, holm
from uploadtrends.models.adequacy import judge
from uploadtrends.models.controls import offered, said
from uploadtrends.models.effects import effect_rows_of, tabulated
from uploadtrends.models.estimators.by_name import estimate, look_ahead
from uploadtrends.models.estimators.estimate import Estimate, alike
from uploadtrends.models.fitting import Fit
from uploadtrends.models.preparation import Prepared, annual_doubt, prepare_all
from uploadtrends.models.sensitivity import shortest_table
from uploadtrends.models.settings import Settings
from uploadtrends.models.terms import TERMS
from uploadtrends.result import Call, Result
from uploadtrends.series.grid import period_name, periods_per_year
from uploadtrends.series.months import by_month
from uploadtrends.series.named import NamedSeries, named_series
from uploadtrends.signatures import unknown
from uploadtrends.threads import one_thread


@dataclass(frozen=True, eq=False)
class InterruptedTimeSeries(Result):
    """What `interrupted_time_series` returns.

    Parameters
    ----------
    effects : pandas.DataFrame
        The single source of truth; one row per series, block and effect. ``term`` is ``level``
        (change at the first full period after the event), ``slope`` (change per period),
        ``pulse``, ``effect_1m`` ... (difference from the counterfactual once that many months
        since the change are complete), ``effect_end`` (in the last period) and ``cumulative``
        (summed over the observed periods from the event on). ``estimate``, ``se``, ``low``,
        ``high`` are on the model's scale, named in ``unit``; ``relative...`` in percent of the
        counterfactual; ``absolute...`` in the unit of the data. ``p`` is two-sided; ``p_joint`` is
        that of all terms of the block together; ``p_adjusted`` holds over all rows of all blocks of
        all series in this call (a closed test, `uploadtrends.familywise.closed_test`); ``p_holm``
        is Holm's correction over the rows of the same term, for comparison;
        ``minimum_detectable`` the smallest true effect that this interval would find with 80%
        power; ``status`` ok, exploratory, refused or not estimable, with its ``reason``.
        ``depends_on`` says what would overturn the row (empty, ``scale``, ``trend``, ``both``);
        ``breakdown`` is the largest bend of the untreated course (second difference per period,
        on the model's scale; times ``periods**2 / 8`` it is that of the whole series) at which the
        interval still leaves out zero, ``curvature_before`` the bend seen before the first event,
        ``p_bend`` the row's p beside a constant bend, ``low_honest``, ``high_honest`` the interval
        that allows for bends as large as that seen before (for slopes and late effects half a
        standard error larger); ``starts`` is the event's first day and
        ``until`` the last one observed;
        ``extrapolated`` whether its size lies outside the range of the data by more than that
        range's width. ``other_estimate``, ``other_low``, ``other_high`` and ``other_p`` are the
        answer on ``other_scale``, in the unit of ``absolute``.
    fits : tuple of Fit
        One a series.
    events : EventSet
    settings : Settings
    call : Call
    data : Series, DataFrame, dict or Panel
        What was given.
    """

    effects: pd.DataFrame
    fits: tuple[Fit, ...]
    events: EventSet
    settings: Settings
    call: Call
    data: Any = field(default=None, repr=False, compare=False)

    title = "Interrupted time series: difference from what was expected"

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the effects table."""
        return self.effects.copy()

    @property
    def answers(self) -> pd.DataFrame:
        """The effects and, below them, those of `monthly`; ``by`` names the period of each row.

        Without an answer by month these are the effects, and there is no column ``by``.
        """
        if self.monthly is None:
            return self.to_frame()
        parts = []
        for result in (self, self.monthly):
            by = {(fit.platform, fit.group): period_name(fit.observed.index) for fit in result.fits}
            keys = zip(result.effects["platform"], result.effects["group"], strict=True)
            parts.append(result.effects.assign(by=[by[key] for key in keys]))
        return pd.concat(parts, ignore_index=True)

    def _shown(self) -> pd.DataFrame:
        return self.answers

    @property
    def tests(self) -> pd.DataFrame:
        """Joint tests of each block's terms, and of all blocks, one row each."""
        return pd.concat([fit.tests for fit in self.fits], ignore_index=True)

    def summary(self) -> str:
        """Say in plain words what was found, series by series, and which control is at hand."""
        first = [] if self.per_artist is None else [fit.sentence for fit in self.per_artist.fits]
        if first:
            first.insert(0, "Groups that fill up from nobody, first per artist at risk:")
            first.append("All groups in totals:")
        said = [*first, *(fit.sentence for fit in self.fits)]
        if self.monthly is not None:
            said.append(
                "Whole months of the same series, where the year cannot be told from the effect:"
            )
            said += [fit.sentence for fit in self.monthly.fits]
        return "\n\n".join([*said, *self._at_hand()])

    @cached_property
    def monthly(self) -> InterruptedTimeSeries | None:
        """The same question to months, for days, weeks or hours that cannot tell it from the year.

        Series whose status is exploratory because fewer than 24 months lie before the event, once
        more as totals of months (means, where values are no counts or some are missing; of four
        weeks where the data are weekly), with the same settings and a status of their own. None
        where no series is such, or where a setting counts periods or names data by date (a control,
        covariates, an offset, ``lag``, ``onset_periods``, a washout in periods).
        """
        by_date = ("control", "covariates", "formula", "offset")
        by_period = ("lag", "onset_periods", "pulse_periods", "ramp_start")
        usual = Settings()
        if any(getattr(self.settings, key) != getattr(usual, key) for key in by_period) or any(
            getattr(self.settings, key) is not None for key in by_date
        ):
            return None
        if isinstance(self.settings.washout, int):
            return None
        series = [
            replace(fit.prepared.item, values=by_month(fit.observed), instrument=None)
            for fit in self.fits
            if fit.status != "refused" and annual_doubt(fit.prepared.design, self.settings)
        ]
        series = [item for item in series if len(item.values)]
        if not series:
            return None
        # A month knows no time of day.
        days = EventSet(
            replace(event, date=event.start.isoformat()) if event.at else event
            for event in self.events
        )
        return run(series, days, self.settings)

    @cached_property
    def per_artist(self) -> InterruptedTimeSeries | None:
        """Groups that fill up from nobody, once more per artist at risk; None where there are none.

        The totals of a group that is still being joined at the event grow by who joins, so that
        their trend is none of its members and the absolute numbers are far too wide.
        """
        if getattr(self.data, "seniority", None) is None or self.settings.unit != "uploads":
            return None
        unit = "uploads_per_at_risk"
        filling = [fit for fit in self.fits if self._fills_up(fit)]
        series = [
            item
            for fit in filling
            for item in named_series(
                self.data, unit=unit, platforms=[fit.platform], groups=[fit.group]
            )
        ]
        return (
            run(series, self.events, replace(self.settings, unit=unit), self.data)
            if series
            else None
        )

    def _fills_up(self, fit: Fit) -> bool:
        """Tell whether a group began with nobody, or nearly, and still grew before the event."""
        if fit.group == "all" or not self.data.has_artists(fit.platform):
            return False
        people = self.data.series(fit.platform, fit.group, unit="at_risk_artists").dropna()
        people = people[people.index <= fit.observed.index[-1]]
        joined = people[people.index < pd.Timestamp(self.events[0].start)]
        year = round(periods_per_year(people.index)) if len(people) else 0
        if len(joined) <= year:
            return len(people) > 0
        return bool(
            joined.iloc[0] <= 0.1 * people.max() and joined.iloc[-1] >= 1.1 * joined.iloc[-1 - year]
        )

    def _at_hand(self) -> list[str]:
        table = self.controls
        return [said(row) for row in table[table["fit"]].to_dict("records")]

    @cached_property
    def controls(self) -> pd.DataFrame:
        """Series of this call that an event does not concern, and whether they are fit as controls.

        One row a series, block and possible control: p of a drift between the two before the event
        (``p_parallel``), of a change of the control at the event (``p_untouched``) and of a step of
        its own at any date (``p_break``), the width of the slope's interval with it over without
        (``width_ratio``), ``fit`` (nothing speaks against it) and the ``reason`` why not. What the
        control itself may have changed by at the event, in the term of which the series says most
        (``own_term``), lies between ``own_change_low`` and ``own_change_high``, on its ``scale``;
        ``own_minimum`` is the smallest change there that its test finds with 80% power, and
        ``own_share`` the largest share of the change studied that it may have felt, too: from .5 on
        nothing but knowledge of the platforms says that it was untouched. Pass one as ``control=``
        and refit.
        """
        return offered(self.fits)

    def shortest(self, up_to: float = 0.8) -> pd.DataFrame:
        """Return the shortest intervals that hold at every AR(1) parameter from 0 to `up_to`.

        One row a series, block and term: ``low`` and ``high`` on the model's scale, ``width_ratio``
        to the interval of `effects`, and ``over_known``, by how much it must be longer on average
        than that of one who knows the autocorrelation (Elliott, Mueller & Watson 2015): no interval
        that holds on the range can do better. It does not hold above `up_to`, nor for noise slower
        than AR(1). A new design takes a few seconds a term.

        Raises
        ------
        InputError
            If `up_to` is not in (0, .95].
        """
        return shortest_table([(fit.prepared, fit.estimate) for fit in self.fits], up_to)

    def fit(self, group: str | None = None, platform: str | None = None) -> Fit:
        """Return the fit of one series.

        Raises
        ------
        InputError
            If not exactly one series has that name.
        """
        found = [
            fit
            for fit in self.fits
            if (group is None or fit.group == group)
            and (platform is None or fit.platform == platform)
        ]
        if len(found) != 1:
            raise InputError(
                f"{len(found)} series fit this name",
                column="group",
                value=group,
                fix="give platform and group of one of: "
                + "; ".join(fit.name for fit in self.fits),
            )
        return found[0]

    def refit(self, data: Any = None, events: Any = None, **changes: Any) -> InterruptedTimeSeries:
        """Run the same model on other data, other events, or with other settings."""
        series = [fit.prepared.item for fit in self.fits]
        names = [item.name for item in fields(Settings)]
        for name in changes:
            if name not in names:
                raise unknown(name, names, "no such setting", "setting")
        settings = replace(self.settings, **changes) if changes else self.settings
        if data is not None:
            series = named_series(
                data,
                unit=settings.unit,
                week=settings.week,
                labels=settings.labels,
                complete_to=settings.complete_to,
            )
        chosen = self.events if events is None else as_events(events)
        return run(series, chosen, settings, self.data if data is None else data)


PATIENCE = 2.0
"""Seconds after which a terminal is told what takes so long."""


@contextmanager
def _said_when_slow(series: list[NamedSeries]) -> Iterator[None]:
    """Say on a terminal what is being fitted, once it has taken a while."""
    rows = sum(len(item.values) for item in series)
    many = f"{len(series):,} series" if len(series) > 1 else "one series"
    text = f"fitting {many} of {rows:,} periods in all ...\n"
    timer = Timer(PATIENCE, sys.stderr.write, (text,))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@one_thread
def run(
    series: list[NamedSeries], events: EventSet, settings: Settings, data: Any = None
) -> InterruptedTimeSeries:
    """Fit every series and collect the table."""
    with _said_when_slow(series):
        return _run(series, events, settings, data)


def _run(
    series: list[NamedSeries], events: EventSet, settings: Settings, data: Any = None
) -> InterruptedTimeSeries:
    said = {"events": events, **vars(settings)}
    # A panel is more than its series: checks go back to its artists.
    seen = (*series, data) if hasattr(data, "records") else series
    call = Call.of(said, *seen, function="interrupted_time_series")
    prepared = prepare_all(series, events, settings)
    found: dict[int, Fit] = {}
    for places in _alike(prepared):
        found |= zip(places, _fitted([prepared[i] for i in places]), strict=True)
    fits = [found[i] for i in range(len(series))]
    rows = [row for fit in fits for row in fit.rows]
    p = np.array([row["p"] for row in rows], dtype=float)
    terms = np.array([row["term"] for row in rows])
    within = np.full(p.shape, np.nan)
    for term in set(terms):
        within[terms == term] = holm(p[terms == term])
    effects = tabulated(rows, p_holm=within, p_adjusted=_closed(rows, p))
    return InterruptedTimeSeries(effects, tuple(fits), events, settings, call, data)


_TOGETHER = 64
_NUMBERS = 2**21
"""Series, and numbers in their covariances, that are looked at together."""


def _alike(prepared: Sequence[Prepared]) -> Iterator[list[int]]:
    """Yield the places of series of one design, few enough to be looked at together."""
    # Errors with sizes of their own make a design of its own.
    for places in alike(id(one.design if one.spread is None else one) for one in prepared):
        size = max(prepared[places[0]].design.positions.size, 1)
        step = max(1, min(_TOGETHER, _NUMBERS // size**2))
        yield from (places[i : i + step] for i in range(0, len(places), step))


def _fitted(prepared: Sequence[Prepared]) -> list[Fit]:
    """Fit and judge series of one design."""
    others = (one.other for one in prepared if one.other and one.other.design is one.design)
    look_ahead([*prepared, *others])
    pairs: list[tuple[Prepared, Estimate | None]] = []
    for one in prepared:
        fitted = None
        if one.choice.status != "refused":
            try:
                fitted = estimate(one)
            except NotEstimableError as error:
                one = replace(one, choice=replace(one.choice, status="refused", reason=str(error)))
        pairs.append((one, fitted))
    fits = []
    for (one, fitted), adequacy in zip(pairs, judge(pairs), strict=True):
        if adequacy.reason:
            reason = "; ".join(filter(None, (one.choice.reason, adequacy.reason)))
            one = replace(one, choice=replace(one.choice, status="exploratory", reason=reason))
        fits.append(Fit(one, fitted, adequacy))
    # While what is known of the design is at hand.
    for fit, rows in zip(
        fits, effect_rows_of([(f.prepared, f.estimate) for f in fits]), strict=True
    ):
        vars(fit)["rows"] = rows
    return fits


def _closed(rows: list[dict[str, Any]], p: Array) -> Array:
    """Return p of every row adjusted for all rows of its block and all blocks of all series."""
    joint = np.array([row["p_joint"] for row in rows], dtype=float)
    keys = [(row["platform"], row["group"], row["event"]) for row in rows]
    known = ~np.isnan(p)
    terms = Counter(
        key
        for key, row, there in zip(keys, rows, known, strict=True)
        if there and row["term"] in TERMS
    )
    blocks = len({key for key, there in zip(keys, known, strict=True) if there})
    return closed_test(p, joint, [terms[key] for key in keys], blocks)
