"""Negative controls: does the same model find a change where the event had no way to act?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from uploadtrends.brief import p_text
from uploadtrends.checks.check import Check, Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    contrasts,
    in_percent,
    main_reason,
    overall,
    series_name,
    without_estimate,
)
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.errors import InputError
from uploadtrends.familywise import holm


def _controls_drawn(style: Any, outcome: Any) -> Any:
    """Draw the estimates for series that the event cannot have touched, beside those studied."""
    table = outcome.figure_data["estimates"].dropna(subset=["estimate"]).reset_index(drop=True)
    room = 2.3 if style.wide else 1.5
    figure = style.figure(0.45 + 0.17 * len(table))
    axes = style.place(figure, room, 0.05, style.width - room - 0.15, 0.17 * len(table))
    for role, colour, marker in (
        ("control", style.MUTED, "D"),
        ("studied", style.BLUE, "o"),
    ):
        rows = table[table["role"] == role]
        if len(rows):
            axes.hlines(rows.index, rows["low"], rows["high"], color=colour)
            axes.plot(rows["estimate"], rows.index, marker, color=colour, label=role)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    names = [f"{style.heading(row['platform'], row['group'])}" for row in table.to_dict("records")]
    axes.set_yticks(range(len(table)), names)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("estimate (model's scale)")
    style.legend(figure, [axes])
    figure.data = table
    figure.caption = style.told(
        "Estimates for controls, which the event cannot have touched, and for the series studied. "
        + outcome.text
    )
    figure.alternative = figure.caption
    return figure


@dataclass(frozen=True, repr=False)
class NegativeControl(Check):
    """Estimate the same effects in series that the events cannot have touched.

    Parameters
    ----------
    control : pandas.Series, DataFrame, dict of Series or Panel, optional
        The untouched series, fitted with the result's own settings.
    platform, group : str, optional
        Instead of `control`: the series of the result itself that are untouched.
    term, event : str, optional
        Which estimates; the level changes of every event by default.
    alpha : float
        Level below which a control counts as changed, after Holm's adjustment for their number.

    Notes
    -----
    Per control and event: *failed* if the control changed; *passed* if it did not and a change
    as large as the largest estimate of the other series would have been found with 80% power;
    else *not informative*.

    Raises
    ------
    InputError
        If neither a series nor a name is given.

    See Also
    --------
    placebo_dates : The same series at other dates.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> calm = pd.Series(60 + np.random.default_rng(2).normal(0, 5, 84), index)
    >>> its.check(ut.negative_control(calm)).status != "failed"
    True
    """

    name: ClassVar[str] = "negative_control"
    question: ClassVar[str] = (
        "Does the same model find a change in a series that the event cannot have touched?"
    )
    weight: ClassVar[Weight | None] = Weight(
        "caps",
        "a series that the event cannot have touched changed as well",
        needed_for="consistent with an effect of",
        rank=5,
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(
        _controls_drawn, "Controls and the series studied"
    )

    control: Any = None
    _: KW_ONLY
    platform: str | None = None
    group: str | None = None
    term: str | None = None
    event: str | None = None
    alpha: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.control is None and self.platform is None and self.group is None:
            raise InputError(
                "no negative control was named",
                column="control",
                fix="pass a Series, or platform= or group= of series within the result",
            )
        if self.control is not None and (self.platform is not None or self.group is not None):
            raise InputError("give either control series or names within the result, not both")

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        every = contrasts(result, term=self.term, event=self.event)
        if self.control is not None:
            fitted = result.refit(data=self.control, control=None)
            controls, others = contrasts(fitted, term=self.term, event=self.event), every
        else:
            fitted = result
            named = pd.Series(True, index=every.index)
            for column, value in (("platform", self.platform), ("group", self.group)):
                if value is not None:
                    named &= every[column] == value
            controls, others = every[named], every[~named]
            if controls.empty:
                raise InputError(
                    "the result has no such series",
                    value={"platform": self.platform, "group": self.group},
                )
        usable = controls["status"].isin(USABLE)
        adjusted = holm(controls["p"].where(usable))
        controls, others = _sized(controls, fitted), _sized(others, result)
        rows = [
            _one(effect, float(p), others, self.alpha)
            for (_, effect), p in zip(controls.iterrows(), adjusted, strict=True)
        ]
        table = pd.DataFrame(rows)
        shown = pd.concat([controls.assign(role="control"), others.assign(role="studied")])
        columns = ["role", "platform", "group", "event", "term", "estimate", "low", "high", "p"]
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=_sentence(table),
            figure_data={"estimates": shown[columns].reset_index(drop=True)},
        )


negative_control = NegativeControl


def _one(effect: pd.Series, p: float, others: pd.DataFrame, alpha: float) -> dict[str, Any]:
    row = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
    row |= {key: effect[key] for key in ("estimate", "low", "high", "relative", "p")}
    row |= {"p_holm": p, "minimum_detectable_percent": np.nan, "largest_studied_percent": np.nan}
    if effect["status"] not in USABLE:
        return row | {"status": "not applicable", "reason": without_estimate(effect)}
    smallest = effect["minimum_percent"]
    same = others[(others["event"] == effect["event"]) & others["status"].isin(USABLE)]
    largest = same["percent"].abs().max()
    status: Status = "passed"
    reason = ""
    if p <= alpha:
        status = "failed"
    elif not smallest <= largest:
        status, reason = "not informative", "a change of the size studied could have gone unseen"
    return row | {
        "minimum_detectable_percent": smallest,
        "largest_studied_percent": largest,
        "status": status,
        "reason": reason,
    }


def _sized(effects: pd.DataFrame, result: Any) -> pd.DataFrame:
    """Return the effects with their size and the smallest detectable one in percent.

    On the level scale of the mean of the series, as in the power check: what would have been
    without the event may be too uncertain there to be divided by.
    """
    on = {
        (fit.platform, fit.group): (fit.scale, float(fit.observed.abs().mean()))
        for fit in result.fits
    }

    def percent(column: str) -> list[float]:
        return [
            float(in_percent(row[column], *on[row["platform"], row["group"]]))
            for _, row in effects.iterrows()
        ]

    return effects.assign(
        percent=percent("estimate"), minimum_percent=percent("minimum_detectable")
    )


def _sentence(table: pd.DataFrame) -> str:
    known = table[table["status"] != "not applicable"]
    if known.empty:
        return f"No control could be estimated: {main_reason(table)}."
    failed = known[known["status"] == "failed"]
    if len(failed):
        first = failed.iloc[0]
        name = series_name(first)
        return (
            f"The model finds a change in {len(failed)} of {len(known)} untouched series, so that "
            f"it does not tell the event apart ({name or 'the control'} at "
            f"{first['label'] or first['event']}: {p_text(first['p_holm'])})."
        )
    sure = int((known["status"] == "passed").sum())
    return (
        f"The model finds no change in {len(known)} untouched series; one of the size studied "
        f"would have been found in {sure} of them."
    )
