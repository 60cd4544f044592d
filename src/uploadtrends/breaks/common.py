"""Do several series share a change? One date for all, and who takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.breaks.common_sets import Together, sum_of_takers
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError
from uploadtrends.familywise import holm
from uploadtrends.limits import whole_number
from uploadtrends.result import Call, Result
from uploadtrends.series.grid import FEWEST_PERIODS, frequency, stamp
from uploadtrends.series.named import NamedSeries, named_series


@dataclass(frozen=True, repr=False, eq=False)
class CommonChange(Result):
    """A change that several series share, or the chance that there is none.

    Attributes
    ----------
    p : float
        Chance of as much evidence for a common date if no series changed (cross-correlation
        allowed for).
    date, low, high : pandas.Timestamp
        First period of the new regime, and its interval.
    table : pandas.DataFrame
        What `to_frame` returns.
    path : pandas.Series
        Evidence for a common change by date: the sum of the gains of the series that gain.
    confidence : float
    correlation : float
        Mean correlation of the series' errors.
    exploratory : bool
        Whether lines were allowed for (``trend=True``), where the false alarms are above nominal.
    call : Call
    """

    p: float
    date: pd.Timestamp
    low: pd.Timestamp
    high: pd.Timestamp
    table: pd.DataFrame
    path: pd.Series
    confidence: float
    correlation: float
    exploratory: bool
    call: Call

    title = "A change common to several series"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per series.

        Columns
        -------
        platform, group : str
        takes_part : whether the series gains more from the common date than its noise would
        p, p_holm : chance of its gain there without a change, and Holm-adjusted over the series
        before, after : its mean either side of the common date
        autocorrelation : of its errors, corrected for bias
        status : "ok" or "refused"
        reason : str
        """
        return self.table

    @property
    def found(self) -> bool:
        """Whether there is a common change at the level of the call."""
        return self.p <= 1.0 - self.confidence + 1e-12

    def summary(self) -> str:
        """Say what was found."""
        freq = frequency(self.path.index)
        of = f"{len(self.table)} series"
        caution = " Exploratory: lines were allowed for." if self.exploratory else ""
        if not self.found:
            return f"No change common to the {of} beyond chance ({p_text(self.p)}).{caution}"
        takers = self.table[self.table["takes_part"]]
        names = [
            ", ".join(str(part) for part in pair if part)
            for pair in zip(takers["platform"], takers["group"], strict=True)
        ]
        who = "; ".join(names) if names else "none of them beyond doubt"
        return (
            f"A change common to some of the {of} at {stamp(self.date, freq)} "
            f"({self.confidence:.0%} interval {stamp(self.low, freq)} to "
            f"{stamp(self.high, freq)}, {p_text(self.p)}). Takes part: {who}.{caution}"
        )


def common_change(
    data: Any,
    *,
    trend: bool = False,
    confidence: float = 0.95,
    season: bool | str = "auto",
    unit: str = "uploads",
    groups: str | Sequence[str] | None = None,
    platforms: str | Sequence[str] | None = None,
    seed: int = 0,
) -> CommonChange:
    """Test whether several series changed their level at one common date.

    Evidence at a date is the sum over the series of what a step there gains under AR(1) errors,
    and the same sum over those that gain at least 3; the p-value is twice the smaller one of the
    two, against sets of AR(1) series with the series' own autocorrelations and the correlation of
    their errors. The interval is a bootstrap of the common date with those errors, so that series
    that move together do not count as several witnesses.

    Parameters
    ----------
    data : mapping of Series, pandas.DataFrame or Panel
        At least two series with common dates.
    trend : bool
        Allow for a line in every series. Exploratory: false alarms are above nominal under
        cross-correlation.
    confidence : float
        Coverage of the interval; one minus the false alarms to tolerate.
    season : "auto" or bool
        As for `change_points`.
    unit : str
        What to take from a panel.
    groups, platforms : iterable of str, optional
        Keep only these series.
    seed : int

    Raises
    ------
    InputError
        If fewer than two series can be used, or they have fewer than 12 common periods.

    See Also
    --------
    change_points : Each series by itself.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> index = pd.date_range("2018-01-01", periods=60, freq="MS")
    >>> step = 3 * (np.arange(60) >= 30)
    >>> data = {name: pd.Series(rng.normal(size=60) + step, index) for name in "abc"}
    >>> found = common_change(data)
    >>> f"{found.date:%Y-%m}", int(found.table["takes_part"].sum())
    ('2020-07', 3)
    """
    call = Call.of(locals(), data, function="common_change")
    seed = whole_number("seed", seed)
    if not 0.5 <= confidence < 1.0:
        raise InputError(
            "confidence must lie in [0.5, 1)", column="confidence", value=confidence, fix="use .95"
        )
    chosen = named_series(data, unit=unit, groups=groups, platforms=platforms)
    usable, refused = _usable(chosen)
    whole = Together.of(usable, trend=trend, season=season)
    gains = whole.gains(whole.values)
    level = 1.0 - confidence
    p, single = whole.test(gains, seed)
    takers = sum_of_takers(gains)
    at = int(np.argmax(takers))
    share = holm(single[:, at])
    low, high = whole.interval(at, share <= level, takers, confidence, seed)
    index = whole.index
    rows = [
        {
            "platform": item.platform,
            "group": item.group,
            "takes_part": bool(share[i] <= level and p <= level),
            "p": float(single[i, at]),
            "p_holm": float(share[i]),
            **whole.levels(i, whole.first + at),
            "autocorrelation": float(whole.rho[i]),
            "status": "ok",
            "reason": whole.notes[i],
        }
        for i, item in enumerate(usable)
    ]
    table = pd.DataFrame(rows + refused)
    dates = index[whole.first : whole.first + len(takers)]
    return CommonChange(
        p=p,
        date=dates[at],
        low=dates[low],
        high=dates[high],
        table=table,
        path=pd.Series(takers, dates, name="evidence"),
        confidence=confidence,
        correlation=whole.mean_correlation,
        exploratory=trend,
        call=call,
    )


def _usable(chosen: list[NamedSeries]) -> tuple[list[NamedSeries], list[dict[str, Any]]]:
    usable, refused = [], []
    for item in chosen:
        known = item.values.dropna()
        reason = ""
        if len(known) < FEWEST_PERIODS:
            reason = f"it has {len(known)} observed periods and {FEWEST_PERIODS} are needed"
        elif np.ptp(known.to_numpy()) == 0.0:
            reason = "the series never varies"
        if reason:
            row = {"platform": item.platform, "group": item.group, "takes_part": False}
            refused.append({**row, "status": "refused", "reason": reason})
        else:
            usable.append(item)
    if len(usable) < 2:
        raise InputError(
            "a common change needs at least two series that can be used",
            value=f"{len(usable)} of {len(chosen)}",
            fix="give more series; change_points takes one",
        )
    return usable, refused
